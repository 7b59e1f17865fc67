package googletrust

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/internal/hostile"
	"github.com/cioidc/cioidc/internal/jsontree"
	"github.com/cioidc/cioidc/internal/safetext"
)

// Fixed is what a document becomes when a finding is put right.
type Fixed struct {
	// Document is the document after the fix. What was changed has no position.
	Document *Document
	// Certain says that the fix can be made without asking anybody. It never is
	// here: to narrow a provider takes one job, and the provider may be for others
	// as well.
	Certain bool
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
	return fmt.Sprintf("googletrust: no fix of %s: %s", e.ID, e.Problem)
}

// Fix returns the document with a finding put right that has a witness: the
// attribute condition demands, beside what it did, that the claims in which the
// witness differs are those of [LintOptions.Token]. The finding must be one of
// [Lint] on this document with the same options; the document itself stays as it
// is.
//
// The result refuses the witness and does not refuse the token if the document did
// not. Where that cannot be had, and for findings without a witness, the error is
// a *[NoFixError].
func Fix(doc *Document, f Finding, o *LintOptions) (*Fixed, error) {
	if o == nil || o.Token == nil || f.Witness == nil || doc == nil || doc.Provider == nil {
		return nil, &NoFixError{f.ID, "it takes a finding with a witness and LintOptions.Token, or a person: " + f.Fix}
	}
	variants, err := hostile.Variants(o.Token)
	if err != nil {
		return nil, &NoFixError{f.ID, "LintOptions.Token: " + safetext.Cut(err.Error())}
	}
	payload, err := hostile.Legitimate(o.Token, variants)
	if err != nil {
		return nil, &NoFixError{f.ID, "LintOptions.Token has no claims set"}
	}
	root, err := jsontree.Parse(payload)
	if err != nil {
		return nil, &NoFixError{f.ID, "LintOptions.Token is no JSON"}
	}
	var pins []string
	if c := doc.Provider.Condition.Text; c != "" {
		pins = append(pins, "("+c+")")
	}
	already := len(pins)
	for _, name := range f.Witness.Changed {
		if pin := pinOf(name, root.Get(name)); pin != "" {
			pins = append(pins, pin)
		}
	}
	if len(pins) == already {
		return nil, &NoFixError{f.ID, "the witness differs only in what differs from run to run"}
	}
	p := *doc.Provider
	p.Condition = Value{Text: strings.Join(pins, " && ")}
	fixed := &Document{Provider: &p, Bindings: doc.Bindings}
	var problem *ParseError
	if err := fixed.Validate(); errors.As(err, &problem) {
		return nil, &NoFixError{f.ID, problem.Problem}
	}
	before, after := Simulate(doc, payload, o.Request).Outcome, NewSimulator(fixed)
	switch {
	case after.Simulate(payload, o.Request).Outcome == Rejected && before != Rejected:
		return nil, &NoFixError{f.ID, "the document would refuse the token itself"}
	case after.Simulate(f.Witness.Claims, o.Request).Outcome != Rejected:
		return nil, &NoFixError{f.ID, "the witness is still let in"}
	}
	return &Fixed{Document: fixed}, nil
}

// ofRuns are claims that say which run it is, or who started it.
func ofRuns() []string {
	return []string{
		"aud", "iss", "sub", "exp", "iat", "nbf", "jti", "sha", "ci_config_sha", "pipeline_id", "job_id", "runner_id",
		"user_id", "user_login", "user_email", "user_access_level", "user_identities", "groups_direct", "job_config",
		circleCIPrefix + "pipeline-id", circleCIPrefix + "workflow-id", circleCIPrefix + "job-id",
	}
}

// pinOf writes that a claim is what it is in the token. "" means that it is better
// left open.
func pinOf(name string, n *jsontree.Node) string {
	if slices.Contains(ofRuns(), name) {
		return ""
	}
	get, has := "assertion["+celText(name)+"]", celText(name)+" in assertion"
	if !strings.ContainsAny(name, "./-") {
		get = "assertion." + name
		has = "has(" + get + ")"
	}
	if n == nil {
		return "!(" + has + ")"
	}
	switch n.Kind {
	case jsontree.String:
		return get + " == " + celText(n.Text)
	case jsontree.Bool:
		return get + " == " + n.Text
	case jsontree.Array:
		var all []string
		for _, e := range n.Elements {
			if e.Kind == jsontree.String {
				all = append(all, celText(e.Text)+" in "+get)
			}
		}
		return strings.Join(all, " && ")
	}
	return ""
}

// celText writes a string of CEL.
func celText(s string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range s {
		switch {
		case r == '\\' || r == '\'':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('\'')
	return b.String()
}
