package awstrust

import (
	"fmt"
	"slices"

	"github.com/cioidc/cioidc/internal/safetext"
)

// Fixed is what a document becomes when a finding is put right.
type Fixed struct {
	// Document is the document after the fix. Its positions are those in its own
	// JSON, as MarshalJSON returns it; what AWS would have dropped is gone.
	Document *Document
	// Certain says that the fix can be made without asking anybody: it changes
	// nothing for a job that was rightly let in, or repairs what can only be meant
	// one way, and the role is not found too broad in a new way after it. A fix
	// that is not certain is a proposal: [Fix] knew one job, and the role may be
	// for others as well.
	Certain bool

	changes []change
}

// NoFixError says that a program cannot make the fix of a finding.
type NoFixError struct {
	// ID is the finding's rule.
	ID string
	// Problem says what is missing, or what to do by hand.
	Problem string
}

// Error returns the rule and the problem.
func (e *NoFixError) Error() string {
	return fmt.Sprintf("awstrust: no fix of %s: %s", e.ID, e.Problem)
}

// Fix returns the document with a finding put right. The finding must be one of
// [Lint] on this document, with the same options; the document itself stays as
// it is.
//
// Some fixes follow from what is written. To narrow a role that is too broad
// takes [LintOptions.Token]: the condition keys in which the finding's witness
// differs are pinned to what the token says, in the finding's statement. The
// result refuses the witness and does not refuse the token if the document did
// not; where that cannot be had, and where only a person can decide, the error
// is a *[NoFixError]. A nil o is ready for use.
func Fix(doc *Document, f Finding, o *LintOptions) (*Fixed, error) {
	if o == nil {
		o = &LintOptions{}
	}
	if doc == nil {
		return nil, &NoFixError{f.ID, "there is no document"}
	}
	if f.Kind == Note {
		return nil, &NoFixError{f.ID, "there is nothing to change in the document"}
	}
	i := doc.statementAt(f.Position)
	if i < 0 {
		return nil, &NoFixError{f.ID, "the finding is not about a statement of this document"}
	}
	if changes, certain := repair(read(doc, i, o), f); len(changes) > 0 {
		fixed, err := doc.changed(i, changes, f)
		if err == nil && fixed.stops(f, o) {
			fixed.Certain = certain && !opens(doc, fixed.Document)
			return fixed, nil
		}
		if o.Token == nil {
			return nil, err
		}
	}
	if o.Token == nil {
		return nil, &NoFixError{f.ID, "it takes the claims of a job that the role is for, in LintOptions.Token, or a person: " + f.Fix}
	}
	return narrow(doc, i, f, o)
}

// statementAt returns the index of the statement that a position is in, or -1.
func (d *Document) statementAt(at Position) int {
	found := -1
	for i, s := range d.Statements {
		if s.Position.Line < at.Line || s.Position.Line == at.Line && s.Position.Column <= at.Column {
			found = i
		}
	}
	return found
}

// stops reports whether the finding's witness is refused.
func (x *Fixed) stops(f Finding, o *LintOptions) bool {
	if f.Kind != TooBroad && f.Kind != Fragile || f.Witness == nil || o.Token == nil {
		return true
	}
	return x.simulate(f.Witness.Claims, o) == Rejected
}

func (x *Fixed) simulate(payload []byte, o *LintOptions) Outcome {
	t, no := readToken(payload)
	if no != nil {
		return Rejected
	}
	return Simulate(x.Document, payload, o.providerOf(x.Document, t.text("iss")), o.Request).Outcome
}

// opens reports whether a document is found too broad where it was not before.
// Without a token nothing has to be proven, so this errs on the side of yes.
func opens(before, after *Document) bool {
	was, _ := Lint(before, nil) // the only error is about a token
	is, _ := Lint(after, nil)
	count := map[string]int{}
	for _, f := range was {
		count[f.ID]++
	}
	return slices.ContainsFunc(is, func(f Finding) bool {
		count[f.ID]--
		return f.Kind == TooBroad && count[f.ID] < 0
	})
}

// change is one thing to change in a statement, where something stands in the
// text. Exactly one of text, operator and remove says what.
type change struct {
	at Position
	// text is what to write for the value, the principal, the action or the key.
	text string
	// operator is what the condition goes to.
	operator *Operator
	// remove takes the condition out.
	remove bool
}

// changed returns the document with changes made in a statement.
func (d *Document) changed(i int, changes []change, f Finding) (*Fixed, error) {
	c := d.clone()
	for _, ch := range changes {
		if !c.Statements[i].apply(ch) {
			return nil, &NoFixError{f.ID, "what it would become is there already: decide which is meant"}
		}
	}
	return c.finish(changes, f)
}

// finish reads the document anew, so that all of it fits what it has become.
func (d *Document) finish(changes []change, f Finding) (*Fixed, error) {
	text, err := d.MarshalJSON()
	if err != nil {
		return nil, &NoFixError{f.ID, "the document cannot be written"}
	}
	again, err := Parse(text)
	if err != nil {
		return nil, &NoFixError{f.ID, "AWS would not take the result: " + safetext.Cut(err.Error())}
	}
	return &Fixed{Document: again, changes: changes}, nil
}

// clone returns a copy of which the statements can be changed.
func (d *Document) clone() *Document {
	c := *d
	c.Statements = slices.Clone(d.Statements)
	for i := range c.Statements {
		s := &c.Statements[i]
		s.Principals, s.NotPrincipals = slices.Clone(s.Principals), slices.Clone(s.NotPrincipals)
		s.Actions, s.NotActions = slices.Clone(s.Actions), slices.Clone(s.NotActions)
		s.Conditions = slices.Clone(s.Conditions)
		for j := range s.Conditions {
			s.Conditions[j].Values = slices.Clone(s.Conditions[j].Values)
		}
	}
	return &c
}
