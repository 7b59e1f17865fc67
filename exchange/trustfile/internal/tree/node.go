// Package tree holds what a file says as values that know where they stand, of
// whatever notation the file is, and writes them as JSON without losing that.
package tree

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/cioidc/cioidc/internal/jsontree"
)

// Pos is a place in a file: line and column from 1, the column in characters.
type Pos struct{ Line, Column int }

// Kind is what a value is.
type Kind uint8

// The kinds. An Unknown value is one that the file does not say.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
	Unknown
)

// Ref is something the file refers to and does not hold.
type Ref struct {
	Name string
	At   Pos
}

// Node is a value.
type Node struct {
	Kind     Kind
	At       Pos
	Text     string // of a string, and a number or boolean as it is written
	Elements []*Node
	Members  []Member

	// Refs are what would have to be known for an Unknown value, or for a string
	// that is known in part: there, ${NAME} stands for it.
	Refs []Ref
	// Assumed are sentences that have to be true for the value to be this one.
	Assumed []string
	// Remarks are about how the value came about.
	Remarks []Ref
	// Marks are where the parts of a string's text stand, if that is known better
	// than by At.
	Marks []Mark

	source []byte // begins with this value, for one that was read from JSON
}

// Member is a member of an object.
type Member struct {
	Name  string
	At    Pos
	Value *Node
	// Refs is like Node's, for the name.
	Refs []Ref
}

// Get returns the last member called name, which is the one that counts, or nil.
func (n *Node) Get(names ...string) *Node {
	for _, name := range names {
		if n == nil {
			return nil
		}
		var found *Node
		for _, m := range n.Members {
			if m.Name == name {
				found = m.Value
			}
		}
		n = found
	}
	return n
}

// Str returns the text of a string that is known, and else "".
func (n *Node) Str() string {
	if n == nil || n.Kind != String || len(n.Refs) > 0 {
		return ""
	}
	return n.Text
}

// StringAt returns a string.
func StringAt(text string, at Pos) *Node { return &Node{Kind: String, Text: text, At: at} }

// UnknownAt returns a value of which only the reference is known.
func UnknownAt(name string, at Pos) *Node {
	return &Node{Kind: Unknown, At: at, Refs: []Ref{{name, at}}}
}

// Error is a text that cannot be read.
type Error struct {
	At      Pos
	Problem string
}

// Error returns the problem and where it is.
func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.At.Line, e.At.Column, e.Problem)
}

// ParseJSON reads a JSON text. Every error is an *[Error].
func ParseJSON(data []byte) (*Node, error) {
	c := &converter{data: data, last: Pos{1, 1}}
	n, err := jsontree.Parse(data)
	if err != nil {
		var syntax *jsontree.SyntaxError
		if errors.As(err, &syntax) {
			return nil, &Error{At: c.at(syntax.Offset), Problem: "not JSON: " + syntax.Problem}
		}
		return nil, &Error{At: Pos{1, 1}, Problem: "not JSON"}
	}
	return c.node(n), nil
}

// converter counts lines along: its nodes come in the order of the text.
type converter struct {
	data   []byte
	offset int
	last   Pos
}

func (c *converter) at(offset int) Pos {
	for offset = min(offset, len(c.data)); c.offset < offset; {
		r, n := utf8.DecodeRune(c.data[c.offset:])
		c.offset += n
		c.last.Column++
		if r == '\n' {
			c.last = Pos{c.last.Line + 1, 1}
		}
	}
	return c.last
}

func (c *converter) node(n *jsontree.Node) *Node {
	out := &Node{At: c.at(n.Offset), Text: n.Text, source: c.data[n.Offset:],
		Kind: [...]Kind{Null, Bool, Number, String, Array, Object}[n.Kind]}
	for _, e := range n.Elements {
		out.Elements = append(out.Elements, c.node(e))
	}
	for _, m := range n.Members {
		out.Members = append(out.Members, Member{Name: m.Name, At: c.at(m.Offset), Value: c.node(m.Value)})
	}
	return out
}

// verbatim returns the JSON text that the node was read from.
func (n *Node) verbatim() (string, bool) {
	if n.source == nil {
		return "", false
	}
	var raw json.RawMessage
	if err := json.NewDecoder(bytes.NewReader(n.source)).Decode(&raw); err != nil {
		return "", false
	}
	return string(raw), true
}

// Changed returns a copy of n that is written anew, not as it was read.
func (n *Node) Changed() *Node {
	out := *n
	out.source = nil
	return &out
}

// Quote returns text as a JSON string, with < and > as they are.
func Quote(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		return `""` // a string always has an encoding
	}
	return strings.TrimSuffix(b.String(), "\n")
}
