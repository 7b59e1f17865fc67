// Package jsontree reads a JSON text into a tree that knows where each value
// stands and keeps every member of an object, those that appear twice too.
//
// It is for documents that people write and other programs judge: whoever
// explains one must say where, and must see what a map would have dropped. The
// reader of tokens and key sets is strictjson, which refuses such texts.
package jsontree

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// MaxDepth is how many objects and arrays may be open at once.
const MaxDepth = 64

// Kind is what a value is.
type Kind uint8

// The kinds of JSON values.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// String returns the kind with its article, for error texts.
func (k Kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// Node is a value and where it stands.
type Node struct {
	Kind   Kind
	Offset int // in bytes, of the value's first
	// Text is the value of a string, and "true", "false" or a number as it was
	// written; empty otherwise.
	Text     string
	Elements []*Node  // of an array
	Members  []Member // of an object, in the order they were written
}

// Member is a member of an object.
type Member struct {
	Name   string
	Offset int // in bytes, of the name
	Value  *Node
}

// Get returns the value of the last member called name, byte for byte, or nil.
// The last is the one that most readers keep.
func (n *Node) Get(name string) *Node {
	for i := len(n.Members) - 1; i >= 0; i-- {
		if n.Members[i].Name == name {
			return n.Members[i].Value
		}
	}
	return nil
}

// SyntaxError says why and where a text is not JSON.
type SyntaxError struct {
	Offset  int // in bytes
	Problem string
}

// Error returns the problem and where it is.
func (e *SyntaxError) Error() string { return fmt.Sprintf("%s at byte %d", e.Problem, e.Offset) }

// Parse reads data, which must be one JSON value in valid UTF-8. Every error is
// a *[SyntaxError].
func Parse(data []byte) (*Node, error) {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return nil, &SyntaxError{Offset: i, Problem: "invalid UTF-8"}
		}
		i += n
	}
	// The whole text first: the decoder below reports an error of syntax without
	// its place.
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		var syntax *json.SyntaxError
		if !errors.As(err, &syntax) {
			return nil, &SyntaxError{Problem: "not JSON"}
		}
		// Its offset is behind the byte that was wrong.
		return nil, &SyntaxError{Offset: max(0, int(syntax.Offset)-1), Problem: syntax.Error()}
	}
	r := reader{data: data, decoder: json.NewDecoder(bytes.NewReader(data))}
	r.decoder.UseNumber()
	return r.value(0)
}

type reader struct {
	data    []byte
	decoder *json.Decoder
}

// next returns the next token and where it begins.
func (r *reader) next() (json.Token, int, error) {
	at := int(r.decoder.InputOffset())
	for at < len(r.data) && bytes.IndexByte([]byte(" \t\r\n,:"), r.data[at]) >= 0 {
		at++
	}
	t, err := r.decoder.Token()
	if err != nil {
		problem := "not JSON"
		if errors.Is(err, io.EOF) {
			problem = "nothing where a JSON value should be"
		}
		return nil, at, &SyntaxError{Offset: at, Problem: problem}
	}
	return t, at, nil
}

func (r *reader) value(depth int) (*Node, error) {
	t, at, err := r.next()
	if err != nil {
		return nil, err
	}
	n := &Node{Offset: at}
	switch t := t.(type) {
	case nil:
	case bool:
		n.Kind, n.Text = Bool, fmt.Sprint(t)
	case json.Number:
		n.Kind, n.Text = Number, t.String()
	case string:
		n.Kind, n.Text = String, t
	case json.Delim:
		if depth++; depth > MaxDepth {
			return nil, &SyntaxError{Offset: at, Problem: fmt.Sprintf("nested deeper than %d levels", MaxDepth)}
		}
		n.Kind = Array
		if t == '{' {
			n.Kind = Object
		}
		for r.decoder.More() {
			if err := r.into(n, depth); err != nil {
				return nil, err
			}
		}
		if _, _, err := r.next(); err != nil { // what closes it
			return nil, err
		}
	}
	return n, nil
}

// into reads the next element or member of n.
func (r *reader) into(n *Node, depth int) error {
	if n.Kind == Array {
		e, err := r.value(depth)
		n.Elements = append(n.Elements, e)
		return err
	}
	t, at, err := r.next()
	if err != nil {
		return err
	}
	name, ok := t.(string)
	if !ok {
		return &SyntaxError{Offset: at, Problem: "no name where an object member should start"}
	}
	v, err := r.value(depth)
	n.Members = append(n.Members, Member{Name: name, Offset: at, Value: v})
	return err
}
