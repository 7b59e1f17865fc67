// Package trustmodel has the terms in which packages awstrust and googletrust
// both say what they found, so that a value of one is a value of the other.
package trustmodel

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// Outcome is what a simulation came to.
type Outcome uint8

// The outcomes. The zero one is that it cannot be told.
const (
	Indeterminate Outcome = iota
	Accepted
	Rejected
)

// String returns "indeterminate", "accepted" or "rejected".
func (o Outcome) String() string {
	return [...]string{"indeterminate", "accepted", "rejected"}[min(o, Rejected)]
}

// Truth is whether something holds.
type Truth uint8

// The three answers. The zero one is that it cannot be told.
const (
	Unknown Truth = iota
	False
	True
)

// String returns "unknown", "false" or "true".
func (t Truth) String() string { return [...]string{"unknown", "false", "true"}[min(t, True)] }

// TruthOf returns True or False.
func TruthOf(b bool) Truth {
	if b {
		return True
	}
	return False
}

// And is False if one is, else Unknown if one is.
func And(t, u Truth) Truth {
	switch {
	case t == False || u == False:
		return False
	case t == Unknown || u == Unknown:
		return Unknown
	}
	return True
}

// Or is True if one is, else Unknown if one is.
func Or(t, u Truth) Truth { return Not(And(Not(t), Not(u))) }

// Not turns True and False around.
func Not(t Truth) Truth {
	switch t {
	case True:
		return False
	case False:
		return True
	}
	return Unknown
}

// FindingKind is what a finding means for what the document guards.
type FindingKind string

// The kinds.
const (
	TooBroad FindingKind = "too broad"
	Broken   FindingKind = "broken"
	Fragile  FindingKind = "fragile"
	Note     FindingKind = "note"
)

// Severity is how much a finding matters if the role may write.
type Severity uint8

// From what can wait to what anybody can use.
const (
	Info Severity = iota
	Low
	Medium
	High
	Critical
)

// String returns the severity's name in lower case.
func (s Severity) String() string {
	return [...]string{"info", "low", "medium", "high", "critical"}[min(s, Critical)]
}

// Witness is a token that a document lets in, as a rule though it should not.
type Witness struct {
	// Variant names how it differs from the legitimate token, such as
	// "other-branch".
	Variant string
	// Story says in one sentence how such a token comes about.
	Story string
	// Changed are the names of the claims that differ, sorted.
	Changed []string
	// Claims is the whole claims set.
	Claims json.RawMessage
}

// Position is where something stands in a text. The zero Position is that of what
// is not written there.
type Position struct {
	Line   int // from 1
	Column int // from 1, in characters
}

// String returns line and column as "3:14", or "-" for the zero Position.
func (p Position) String() string {
	if p == (Position{}) {
		return "-"
	}
	return fmt.Sprintf("%d:%d", p.Line, p.Column)
}

// Places finds positions in Text. It counts on from the last one that it was asked
// for, as a reader asks for them in order.
type Places struct {
	Text []byte

	offset int
	last   Position
}

// At returns the position of a byte; of one beyond the text, that of its end.
func (p *Places) At(offset int) Position {
	offset = min(offset, len(p.Text))
	if offset < p.offset || p.last.Line == 0 {
		p.offset, p.last = 0, Position{Line: 1, Column: 1}
	}
	for p.offset < offset {
		r, n := utf8.DecodeRune(p.Text[p.offset:])
		p.offset += n
		p.last.Column++
		if r == '\n' {
			p.last = Position{Line: p.last.Line + 1, Column: 1}
		}
	}
	return p.last
}
