// Package strictjson reads JSON objects and accepts only what every reader
// would read the same way: one object, no member twice, no two members whose
// names differ only by case, valid UTF-8, bounded depth.
//
// A token that two programs read differently is a token that one of them can
// be tricked with. So this package is the only reader of token headers, claims
// sets and key sets in this module. It checks structure in a single pass and
// keeps each value as the span of text it was sent as; what a value means is
// for the caller to say.
package strictjson

import "fmt"

// MaxDepth is how many objects and arrays may be open at once. The deepest
// claim of a CI platform, GitLab's user_identities, needs three.
const MaxDepth = 16

// Object is a JSON object that passed every structural check.
type Object struct {
	src     string
	members []Member
}

// Member is a name of an [Object] and its value.
type Member struct {
	// Name is the member's name, with escapes resolved.
	Name string
	// Value is the JSON text of the value as it was sent, without the white
	// space around it.
	Value string
}

// SyntaxError says why a text is not an object that this package accepts.
type SyntaxError struct {
	// Offset is the position in bytes at which the problem was seen.
	Offset int
	// Problem says what is wrong. It never quotes a value; it may quote a name.
	Problem string
}

// Error returns the problem and where it is.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s at byte %d", e.Problem, e.Offset)
}

// Parse reads src, which must be one object and nothing else but white space.
// Every error is a *[SyntaxError].
func Parse(src string) (*Object, error) {
	o := new(Object)
	if err := o.Parse(src); err != nil {
		return nil, err
	}
	return o, nil
}

// Parse is the function Parse into o. With an error, o is not to be used.
func (o *Object) Parse(src string) error {
	s := scanner{src: src}
	s.skipSpace()
	if s.pos >= len(src) {
		return s.fail("nothing where a JSON object should be")
	}
	if src[s.pos] != '{' {
		return s.fail("not a JSON object")
	}
	// Room for a GitLab token's claims, and for no more members than src can
	// hold: a key set may be a list of very many very small objects.
	*o = Object{src: src, members: make([]Member, 0, min(40, len(src)/len(`"":0,`)+1))}
	if err := s.object(1, &o.members); err != nil {
		return err
	}
	s.skipSpace()
	if s.pos != len(src) {
		return s.fail("text after the JSON object")
	}
	return nil
}

// Members returns the members in the order they were sent. The slice is the
// object's own and must not be changed.
func (o *Object) Members() []Member { return o.members }

// Source returns the text that was parsed.
func (o *Object) Source() string { return o.src }

// Lookup returns the JSON text of the member called name, and whether there is
// one. Names are compared byte for byte.
func (o *Object) Lookup(name string) (string, bool) {
	for i := range o.members {
		if o.members[i].Name == name {
			return o.members[i].Value, true
		}
	}
	return "", false
}

// Elements returns the JSON text of each element of an array value, in order.
// It reports false if value is not an array. The value must come from an
// [Object], whose checks it relies on.
func Elements(value string) ([]string, bool) {
	if len(value) == 0 || value[0] != '[' {
		return nil, false
	}
	s := scanner{src: value, pos: 1}
	s.skipSpace()
	out := []string{}
	for s.pos < len(value) && value[s.pos] != ']' {
		start := s.pos
		if err := s.value(1); err != nil {
			return nil, false
		}
		out = append(out, value[start:s.pos])
		s.skipSpace()
		if s.pos < len(value) && value[s.pos] == ',' {
			s.pos++
			s.skipSpace()
		}
	}
	return out, true
}
