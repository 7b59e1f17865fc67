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

import (
	"fmt"
	"slices"
)

// MaxDepth is how many objects and arrays may be open at once. The deepest
// claim of a CI platform, GitLab's user_identities, needs three.
const MaxDepth = 16

// Object is a JSON object that passed every structural check.
type Object struct {
	src     string
	members []Member
	seen    []seenName // the scanner's, kept for the next text
	order   *Order     // that the members came in, if it was known before
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
	if err := o.Parse(src, nil); err != nil {
		return nil, err
	}
	return o, nil
}

// Parse is the function Parse into o, whose memory it uses again: what
// [Object.Members] returned before is not to be used any more, while names and
// values taken from it stay good. With an error, o is not to be used.
//
// Expected, which may be nil, is the order in which the members are likely to
// come. It makes reading faster and changes nothing else.
func (o *Object) Parse(src string, expected *Order) error {
	s := scanner{src: src, seen: o.seen[:0]}
	s.skipSpace()
	if s.pos >= len(src) {
		return s.fail("nothing where a JSON object should be")
	}
	if src[s.pos] != '{' {
		return s.fail("not a JSON object")
	}
	if expected != nil {
		s.expected = expected.names
	}
	// Room for a GitLab token's claims, and for no more members than src can
	// hold: a key set may be a list of very many very small objects.
	few := min(40, len(src)/len(`"":0,`)+1)
	o.src, o.order = src, nil
	// Cleared first: what is left of a longer text would keep all of that text.
	clear(o.members)
	clear(o.seen[:cap(o.seen)])
	o.members = slices.Grow(o.members[:0], few)
	s.seen = slices.Grow(s.seen, few)
	err := s.object(1, &o.members)
	o.seen = s.seen
	if err != nil {
		return err
	}
	s.skipSpace()
	if s.pos != len(src) {
		return s.fail("text after the JSON object")
	}
	if s.asExpected {
		o.order = expected
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
	w, ok := WalkArray(value)
	if !ok {
		return nil, false
	}
	out := make([]string, 0, w.Count())
	for element, ok := w.Next(); ok; element, ok = w.Next() {
		out = append(out, element)
	}
	return out, true
}
