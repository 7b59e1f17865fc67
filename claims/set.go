package claims

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cioidc/cioidc/internal/strictjson"
)

// Set is a claims set whose structure was checked and whose values were not
// looked at yet. A [Decoder] turns it into a model without reading it again, so
// that whoever chooses by one claim and then decodes the rest has read one
// text, once. A Set says nothing of who signed it. It must not be copied, and
// [Set.Parse] not called while others use it.
type Set struct{ object strictjson.Object }

// Parse checks the structure of a claims set: one JSON object, at most 16
// levels deep, valid UTF-8, no name twice and no names that differ only by
// case, at any level. Its error is a *[SyntaxError].
func Parse(data []byte) (*Set, error) {
	set := new(Set)
	if err := set.Parse(data, nil); err != nil {
		return nil, err
	}
	return set, nil
}

// Parse is the function [Parse] into s, whose memory it uses again: for whoever
// reads many claims sets, one after the other. What was decoded from s before
// stays as it is. With an error, s is not to be used.
//
// Expected is the order in which the claims are likely to come, such as that of
// [Decoder.Order]. It makes reading faster and changes nothing else; nil means
// that nothing is known.
func (s *Set) Parse(data []byte, expected *Order) error {
	var order *strictjson.Order
	if expected != nil {
		order = expected.names
	}
	err := s.object.Parse(string(data), order)
	if err == nil {
		return nil
	}
	var syntax *strictjson.SyntaxError
	if errors.As(err, &syntax) {
		return &SyntaxError{Offset: syntax.Offset, Problem: syntax.Problem}
	}
	return err
}

// Order is the order in which an issuer sends its claims, as a [Decoder] saw it.
type Order struct {
	names  *strictjson.Order
	fields []*field // that take them; nil for a claim that the model does not declare
}

// Lookup returns the JSON text of the claim called name, and whether it is
// there, be it null.
func (s *Set) Lookup(name string) (json.RawMessage, bool) { return lookup(&s.object, name) }

// String returns the claim called name if it is there and a string.
func (s *Set) String(name string) (string, bool) {
	v, ok := s.object.Lookup(name)
	if !ok {
		return "", false
	}
	return strictjson.Unquote(v)
}

// Payload returns a copy of the text that was parsed.
func (s *Set) Payload() json.RawMessage { return json.RawMessage(s.object.Source()) }

// SyntaxError reports a claims set that is not the one JSON object it must be.
type SyntaxError struct {
	// Offset is where in the claims set, in bytes. Zero means at its start, or
	// that it is not known.
	Offset int
	// Problem says what is wrong. It may quote a claim's name, never a value.
	Problem string
}

// Error returns the problem and, if that is known, where it is.
func (e *SyntaxError) Error() string {
	if e.Offset == 0 {
		return "claims: " + e.Problem
	}
	return fmt.Sprintf("claims: %s at byte %d", e.Problem, e.Offset)
}

// ValueError reports a claim whose value has a type or form that the model
// does not take.
type ValueError struct {
	// Claim is the claim's name as the platform spells it.
	Claim string
	// Problem says what was expected and what came, never the value.
	Problem string
}

// Error returns the claim and the problem.
func (e *ValueError) Error() string {
	return fmt.Sprintf("claims: %s: %s", e.Claim, e.Problem)
}

// kindOf names the JSON type of a value, for error texts.
func kindOf(value string) string {
	if value == "" {
		return "nothing"
	}
	switch value[0] {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}
