package awstrust

import (
	"errors"
	"fmt"

	"github.com/cioidc/cioidc/internal/jsontree"
	"github.com/cioidc/cioidc/internal/safetext"
	"github.com/cioidc/cioidc/internal/trustmodel"
)

// MaxBytes is the longest text that [Parse] reads. A trust policy of AWS is
// shorter by far, however it is laid out.
const MaxBytes = 64 << 10

// Limits of AWS on the characters of a trust policy.
const (
	defaultQuota = 2048
	maxQuota     = 4096
)

// ParseError reports a text that is not a trust policy which AWS would take.
type ParseError struct {
	// Line and Column say where, both from 1; the column counts characters.
	Line, Column int
	// Problem says what is wrong and what to write instead.
	Problem string
	// AWS is what IAM answers to such a document, without the code. Empty means
	// that its words are not known.
	AWS string
}

// Error returns the place, the problem and AWS's words, in one line.
func (e *ParseError) Error() string {
	s := fmt.Sprintf("awstrust: line %d, column %d: %s", e.Line, e.Column, e.Problem)
	if e.AWS != "" {
		s += fmt.Sprintf(" (AWS: %q)", e.AWS)
	}
	return s
}

// Parse reads a trust policy. It takes what AWS takes, and nothing that it does
// not understand: an element, an operator or a type that is unknown is an error
// and not something to skip. What AWS drops silently is not lost, but is in
// [Document.Repeated] and marked [Condition.Superseded].
//
// It does not judge: a document may be read and still be too broad or refuse
// everybody. Every error is a *[ParseError].
func Parse(data []byte) (*Document, error) {
	if len(data) > MaxBytes {
		return nil, &ParseError{Line: 1, Column: 1, Problem: fmt.Sprintf("%d bytes, which is more than the %d that are read", len(data), MaxBytes)}
	}
	p := &parser{places: trustmodel.Places{Text: data}}
	root, err := jsontree.Parse(data)
	if err != nil {
		var syntax *jsontree.SyntaxError
		if errors.As(err, &syntax) {
			return nil, p.failAt(syntax.Offset, "not JSON: %s", syntax.Problem)
		}
		return nil, p.failAt(0, "not JSON")
	}
	return p.document(root)
}

type parser struct {
	places   trustmodel.Places
	repeated []Repeated
}

// at returns the position of a byte.
func (p *parser) at(offset int) Position { return p.places.At(offset) }

func (p *parser) failAt(offset int, format string, args ...any) error {
	return p.refusedBy("", offset, format, args...)
}

// refusedBy is failAt with the words of AWS.
func (p *parser) refusedBy(aws string, offset int, format string, args ...any) error {
	at := p.at(offset)
	return &ParseError{Line: at.Line, Column: at.Column, Problem: fmt.Sprintf(format, args...), AWS: aws}
}

func (p *parser) document(root *jsontree.Node) (*Document, error) {
	if root.Kind != jsontree.Object {
		return nil, p.failAt(root.Offset, "a trust policy is one JSON object, not %v", root.Kind)
	}
	d := &Document{Characters: characters(p.places.Text)}
	if d.Characters > maxQuota {
		return nil, p.failAt(0, "%d characters without white space; AWS never allows a trust policy more than %d: split the role", d.Characters, maxQuota)
	}
	if err := p.members(root, "a trust policy", "Version", "Id", "Statement"); err != nil {
		return nil, err
	}
	var err error
	if v := root.Get("Version"); v != nil {
		if d.Version, err = p.text(v, "Version"); err != nil {
			return nil, err
		}
		if d.Version != "2012-10-17" && d.Version != "2008-10-17" {
			return nil, p.failAt(v.Offset, `Version must be "2012-10-17" or "2008-10-17", not %s`, safetext.Quote(d.Version))
		}
	}
	if v := root.Get("Id"); v != nil {
		if d.ID, err = p.text(v, "Id"); err != nil {
			return nil, err
		}
	}
	statements := root.Get("Statement")
	if statements == nil {
		return nil, p.failAt(root.Offset, "no Statement")
	}
	list := []*jsontree.Node{statements}
	if statements.Kind == jsontree.Array {
		list = statements.Elements
	}
	if len(list) == 0 {
		return nil, p.failAt(statements.Offset, "an empty Statement: there must be at least one")
	}
	sids := map[string]bool{}
	for _, n := range list {
		st, err := p.statement(n)
		if err != nil {
			return nil, err
		}
		if st.Sid != "" && sids[st.Sid] {
			return nil, p.failAt(n.Get("Sid").Offset, "two statements have the Sid %s, which must be unique", safetext.Quote(st.Sid))
		}
		sids[st.Sid] = true
		d.Statements = append(d.Statements, st)
	}
	d.Repeated = p.repeated
	return d, nil
}

// members notes the members of an object that came before, and refuses those
// that are none of names.
func (p *parser) members(n *jsontree.Node, of string, names ...string) error {
	known := map[string]bool{}
	for _, name := range names {
		known[name] = true
	}
	for _, m := range n.Members {
		if !known[m.Name] {
			return p.unknown(m, of, names)
		}
	}
	p.repeatedIn(n)
	return nil
}

// repeatedIn notes the members of n that came before.
func (p *parser) repeatedIn(n *jsontree.Node) {
	first := map[string]int{}
	for _, m := range n.Members {
		if at, ok := first[m.Name]; ok {
			p.repeated = append(p.repeated, Repeated{Name: m.Name, First: p.at(at), Again: p.at(m.Offset)})
			continue
		}
		first[m.Name] = m.Offset
	}
}

// text reads a string.
func (p *parser) text(n *jsontree.Node, what string) (string, error) {
	if n.Kind != jsontree.String {
		return "", p.failAt(n.Offset, "%s must be a string, not %v", what, n.Kind)
	}
	return n.Text, nil
}

// characters counts what AWS does: everything but the white space between the
// parts of the document.
func characters(data []byte) (count int) {
	inString, escaped := false, false
	for _, r := range string(data) {
		if !inString && (r == ' ' || r == '\t' || r == '\n' || r == '\r') {
			continue
		}
		count++
		switch {
		case escaped:
			escaped = false
		case inString && r == '\\':
			escaped = true
		case r == '"':
			inString = !inString
		}
	}
	return count
}
