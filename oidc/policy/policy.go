package policy

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/claims"
)

// Policy is a compiled policy. It is safe for concurrent use.
type Policy struct {
	spec   Spec
	digest string
	mode   string
	rules  []*rule // by name
	deny   []*rule // by name
	files  fs.FS   // of the tests
}

// New compiles a policy. The error is a *[ParseError], without a place where s
// has none.
func New(s Spec, o *Options) (*Policy, error) {
	if o == nil {
		o = &Options{}
	}
	p := &Policy{spec: copySpec(s), mode: ModeEnforce, files: o.Files}
	if o.AuditOnly {
		p.mode = ModeAudit
	}
	switch {
	case s.Name == "":
		return nil, wrong(Position{}, "name is missing: name the policy")
	case len(s.Audiences) == 0 || slices.Contains(s.Audiences, ""):
		return nil, wrong(Position{}, "audiences is missing or has an empty one: say whom tokens must be for")
	case len(s.Rules) == 0:
		return nil, wrong(Position{}, "rules is missing: a policy without rules allows nothing")
	}
	names := map[string]bool{}
	for i, r := range slices.Concat(p.spec.Rules, p.spec.Deny) {
		if r.Name == "" || names[r.Name] {
			return nil, wrong(r.Position, "rule %q: give every rule a name of its own", r.Name)
		}
		names[r.Name] = true
		deny := i >= len(s.Rules)
		c, err := compileRule(r, deny, o.Conditions)
		if err != nil {
			return nil, err
		}
		if deny {
			p.deny = append(p.deny, c)
		} else {
			p.rules = append(p.rules, c)
		}
	}
	if err := checkTests(p.spec); err != nil {
		return nil, err
	}
	byName := func(a, b *rule) int { return strings.Compare(a.name, b.name) }
	slices.SortFunc(p.rules, byName)
	slices.SortFunc(p.deny, byName)
	p.digest = digest(p.spec)
	return p, nil
}

// Spec returns a copy of what the policy was compiled from.
func (p *Policy) Spec() Spec { return copySpec(p.spec) }

// Digest returns the SHA-256 of the policy in hexadecimal. Neither the order of
// rules, claims and values nor the layout of a file changes it.
func (p *Policy) Digest() string { return p.digest }

// Evaluate decides on verified claims, never nil. A model that is neither
// *claims.GitLab nor *claims.CircleCI is not allowed.
func (p *Policy) Evaluate(ctx context.Context, m claims.Model) *Decision {
	d := &Decision{Policy: p.spec.Name, Digest: p.digest, Mode: p.mode, policy: p, model: m}
	d.Reason, d.Rule = p.decide(ctx, m, &d.when)
	d.Allowed = d.Reason == Allowed
	return d
}

func (p *Policy) decide(ctx context.Context, m claims.Model, when *outcomes) (Reason, string) {
	platform := platformOf(m)
	if platform == "" {
		return NoRule, ""
	}
	unsure := ""
	for _, r := range p.deny {
		switch r.eval(ctx, platform, m, when) {
		case Pass:
			return ExplicitDeny, r.name
		case Failed:
			unsure = r.name
		}
	}
	if unsure != "" {
		return Indeterminate, unsure
	}
	if !p.audience(m) {
		return NoRule, ""
	}
	for _, r := range p.rules {
		switch r.eval(ctx, platform, m, when) {
		case Pass:
			return Allowed, r.name
		case Failed:
			unsure = r.name
		}
	}
	if unsure != "" {
		return Indeterminate, unsure
	}
	return NoRule, ""
}

func (p *Policy) audience(m claims.Model) bool {
	for _, a := range m.RegisteredClaims().Audience {
		if slices.Contains(p.spec.Audiences, a) {
			return true
		}
	}
	return false
}

// Authorize evaluates c; it fits oidc.Config.Authorize. The decision is a
// *[Decision] always. The error is nil if the policy allows or is audit-only,
// wraps ctx's error if a condition could not be evaluated because ctx ended, and
// is a *[DeniedError] otherwise.
func (p *Policy) Authorize(ctx context.Context, c claims.Model) (slog.LogValuer, error) {
	d := p.Evaluate(ctx, c)
	switch {
	case d.Allowed || p.mode == ModeAudit:
		return d, nil
	case d.Reason == Indeterminate && ctx.Err() != nil:
		return d, fmt.Errorf("policy: not decided: %w", ctx.Err())
	}
	return d, d.Err()
}

func (p *Policy) trace(m claims.Model, when outcomes) []RuleTrace {
	platform := platformOf(m)
	type ranked struct {
		RuleTrace
		distance int
	}
	var all []ranked
	for _, r := range slices.Concat(p.deny, p.rules) {
		t := ranked{RuleTrace: r.explain(p, platform, m, when)}
		for _, c := range t.Checks {
			if c.Claim == "platform" && c.Result != Pass {
				t.distance += 1000
			} else if c.Result != Pass {
				t.distance++
			}
		}
		t.Matched = t.distance == 0
		if r.deny && !t.Matched { // A deny rule that did not match is not why.
			t.distance += 1000000
		}
		all = append(all, t)
	}
	slices.SortStableFunc(all, func(a, b ranked) int { return a.distance - b.distance })
	out := make([]RuleTrace, len(all))
	for i, t := range all {
		out[i] = t.RuleTrace
	}
	return out
}
