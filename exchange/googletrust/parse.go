package googletrust

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/internal/jsontree"
	"github.com/cioidc/cioidc/internal/nearname"
	"github.com/cioidc/cioidc/internal/safetext"
	"github.com/cioidc/cioidc/internal/trustmodel"
)

// MaxBytes is the longest text that [ParseProvider] and [ParseBindings] read.
const MaxBytes = 512 << 10

// ParseError reports a text that is not what it should be, or that Google would
// not save.
type ParseError struct {
	// Line and Column say where, both from 1; the column counts characters.
	Line, Column int
	// Problem says what is wrong and what to write instead.
	Problem string
}

// Error returns the place and the problem, in one line.
func (e *ParseError) Error() string {
	return fmt.Sprintf("googletrust: line %d, column %d: %s", e.Line, e.Column, e.Problem)
}

// parser reads one text.
type parser struct {
	places trustmodel.Places
}

// read parses the text as JSON.
func read(data []byte) (*parser, *jsontree.Node, error) {
	p := &parser{places: trustmodel.Places{Text: data}}
	if len(data) > MaxBytes {
		return nil, nil, p.failAt(0, "%d bytes, which is more than the %d that are read", len(data), MaxBytes)
	}
	root, err := jsontree.Parse(data)
	if err != nil {
		var syntax *jsontree.SyntaxError
		if errors.As(err, &syntax) {
			return nil, nil, p.failAt(syntax.Offset, "not JSON: %s; ask gcloud for --format=json", syntax.Problem)
		}
		return nil, nil, p.failAt(0, "not JSON")
	}
	return p, root, nil
}

// at returns the position of a byte.
func (p *parser) at(offset int) Position { return p.places.At(offset) }

func (p *parser) failAt(offset int, format string, args ...any) error {
	at := p.at(offset)
	return &ParseError{Line: at.Line, Column: at.Column, Problem: fmt.Sprintf(format, args...)}
}

// members checks that n is an object of which each member is one of names and
// comes once.
func (p *parser) members(n *jsontree.Node, of string, names ...string) error {
	if n.Kind != jsontree.Object {
		return p.failAt(n.Offset, "%s is one JSON object, not %v", of, n.Kind)
	}
	seen := map[string]bool{}
	for _, m := range n.Members {
		switch {
		case !slices.Contains(names, m.Name):
			return p.failAt(m.Offset, "%s has no member %s%s", of, safetext.Quote(m.Name), nearest(m.Name, names))
		case seen[m.Name]:
			return p.failAt(m.Offset, "%s comes twice: leave one out", safetext.Quote(m.Name))
		}
		seen[m.Name] = true
	}
	return nil
}

// nearest suggests the one of names that may have been meant, or nothing.
func nearest(name string, names []string) string {
	best, distance := "", 3
	for _, n := range names {
		if d := nearname.Distance(strings.ToLower(strings.ReplaceAll(name, "_", "")), strings.ToLower(n)); d < distance {
			best, distance = n, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// text reads a string. A nil node and null are the empty one.
func (p *parser) text(n *jsontree.Node, what string) (Value, error) {
	switch {
	case n == nil || n.Kind == jsontree.Null:
		return Value{}, nil
	case n.Kind != jsontree.String:
		return Value{}, p.failAt(n.Offset, "%s must be a string, not %v", what, n.Kind)
	}
	return Value{Text: n.Text, Position: p.at(n.Offset)}, nil
}

// texts reads an array of strings. A nil node and null are an empty one.
func (p *parser) texts(n *jsontree.Node, what string) (list []Value, err error) {
	if n == nil || n.Kind == jsontree.Null {
		return nil, nil
	}
	if n.Kind != jsontree.Array {
		return nil, p.failAt(n.Offset, "%s must be an array of strings, not %v", what, n.Kind)
	}
	for _, e := range n.Elements {
		if e.Kind != jsontree.String {
			return nil, p.failAt(e.Offset, "%s must be an array of strings, and has %v", what, e.Kind)
		}
		list = append(list, Value{Text: e.Text, Position: p.at(e.Offset)})
	}
	return list, nil
}
