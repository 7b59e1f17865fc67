// Package trustgap is what the renderers of trust documents have in common: what
// a rule says and a document cannot.
package trustgap

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/oidc/policy"
)

// Effect is what a [Gap] does.
type Effect string

const (
	// Widening: the document lets in jobs that the rule does not allow.
	Widening Effect = "widening"
	// Narrowing: the document keeps jobs out that the rule allows.
	Narrowing Effect = "narrowing"
)

// Gap is something that the rule says and the document cannot.
type Gap struct {
	// Field is the claim, or "when", "deny" with the rule's name, or "fork" and
	// "ssh-rerun" for the safe defaults.
	Field string
	// Effect is what comes of it.
	Effect Effect
	// Why says why the cloud cannot say it.
	Why string
	// Mitigations are what to do about it. Empty means that there is nothing.
	Mitigations []string
}

// String returns the gap in one line.
func (g Gap) String() string {
	text := fmt.Sprintf("%s (%s): %s", g.Field, g.Effect, g.Why)
	if len(g.Mitigations) > 0 {
		text += "; " + strings.Join(g.Mitigations, ", or ")
	}
	return text
}

// WiderError reports gaps that let in more than the rule does.
type WiderError struct {
	// Rule is the rule's name.
	Rule string
	// Gaps are the widening ones.
	Gaps []Gap
}

// Error returns the gaps and what to do, one to a line.
func (e *WiderError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "a document for rule %q would let in more than it does; give a reason in Target.AllowWider, or close the gaps:", e.Rule)
	for _, g := range e.Gaps {
		b.WriteString("\n- " + g.String())
	}
	return b.String()
}

// Settle sorts gaps, the widening ones first, and returns a *[WiderError] for
// these unless there is a reason.
func Settle(rule string, gaps []Gap, reason string) error {
	slices.SortStableFunc(gaps, func(a, b Gap) int { return strings.Compare(string(b.Effect), string(a.Effect)) })
	wider := slices.DeleteFunc(slices.Clone(gaps), func(g Gap) bool { return g.Effect != Widening })
	if reason != "" || len(wider) == 0 {
		return nil
	}
	return &WiderError{Rule: rule, Gaps: wider}
}

// Error reports a rule or a target that no document can be made of.
type Error struct {
	// Field is the claim of the rule or the field of the target.
	Field string
	// Problem says what is wrong and what to do.
	Problem string
}

// Error returns field and problem in one line.
func (e *Error) Error() string { return e.Field + ": " + e.Problem }

// Wrong makes an [Error].
func Wrong(field, format string, args ...any) error {
	return &Error{Field: field, Problem: fmt.Sprintf(format, args...)}
}

// RuleOf returns what p says and its rule of this name that allows. The error is an
// *[Error].
func RuleOf(p *policy.Policy, rule string) (policy.Spec, policy.Rule, error) {
	if p == nil {
		return policy.Spec{}, policy.Rule{}, Wrong("policy", "there is none: give one that policy.Parse or policy.New returned")
	}
	spec := p.Spec()
	i := slices.IndexFunc(spec.Rules, func(r policy.Rule) bool { return r.Name == rule })
	if i < 0 {
		return policy.Spec{}, policy.Rule{}, Wrong("rule", "the policy has no rule %q that allows", rule)
	}
	return spec, spec.Rules[i], nil
}
