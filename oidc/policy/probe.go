package policy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/hostile"
)

// Outcome says what [Probe] found.
type Outcome string

const (
	// IdentityRefused: the policy refuses the identity itself. There is nothing
	// else to be found then.
	IdentityRefused Outcome = "identity refused"
	// Admitted: the policy lets the variant in.
	Admitted Outcome = "admitted"
	// DenyEscaped: the policy lets a variant in that lacks a claim, and has a
	// deny rule on that claim, which cannot hold without it.
	DenyEscaped Outcome = "deny rule escaped"
	// Covered: the policy has no condition on a claim, and needs none for the
	// variants: the conditions on the claims in By refuse all that change it.
	Covered Outcome = "covered"
)

// Kind says what is to be thought of a variant that is let in.
type Kind string

const (
	// Hostile: somebody else, or something else than the job that was meant:
	// another project, a fork, an unprotected ref.
	Hostile Kind = "hostile"
	// Debatable: the same project and ref, but another person, runner, trigger
	// or lifetime. Many policies let it in, on purpose.
	Debatable Kind = "debatable"
	// Missing: claims were left out, as other versions of the platform and other
	// kinds of job do. The policy does not look at them.
	Missing Kind = "missing"
	// Routine: the same job in another run. A policy had better let it in.
	Routine Kind = "routine"
)

// Variant is one thing that [Probe] found.
type Variant struct {
	// ID names the variant, such as "other-branch", or "absent/ref" for one that
	// only leaves a claim out. It is "identity" for the identity itself, and the
	// claim for one that is [Covered].
	ID string
	// Outcome says what was found.
	Outcome Outcome
	// Kind says what is to be thought of it. It is empty unless the policy lets
	// the variant in.
	Kind Kind
	// Story says in plain words how such a token comes about or, for an outcome
	// other than [Admitted], what was found.
	Story string
	// Changed are the claims that differ from the identity's, named as in
	// policies.
	Changed []string
	// Rule is the allow rule that lets the variant in or, if a deny rule is
	// escaped, that one.
	Rule string
	// By are the claims whose conditions refuse, if the outcome is [Covered] or
	// [IdentityRefused].
	By []string
	// Claims is the variant itself: a *[claims.GitLab] or a *[claims.CircleCI].
	// It is nil if the outcome is [Covered].
	Claims claims.Model
}

// String returns the outcome, the ID and the story in one line.
func (v Variant) String() string {
	what := string(v.Outcome)
	if v.Kind != "" {
		what = string(v.Kind) + " " + what
	}
	return fmt.Sprintf("%s: %s: %s", what, v.ID, v.Story)
}

// Probe returns what p lets in that a reviewer would want to know of: variants
// of identity, a legitimate one as a verified token has it, in which other
// projects, refs, forks, people, issuers and audiences come, and claims are
// missing. First come deny rules that a token escapes by lacking a claim, then
// the variants that are let in, the worst first, and last the claims that no
// condition is on because others cover them.
//
// A policy that refuses identity itself has one finding, [IdentityRefused]. So
// has an identity that is neither a *[claims.GitLab] nor a *[claims.CircleCI].
// An audit-only policy is probed as if it were not.
func Probe(p *Policy, identity claims.Model) []Variant {
	ctx := context.Background()
	var denies []denyRule
	for _, r := range p.deny {
		denies = append(denies, denyRule{name: r.name, claims: r.names()})
	}
	return probe(identity, func(m claims.Model) verdict {
		d := p.Evaluate(ctx, m)
		v := verdict{allowed: d.Allowed, rule: d.Rule}
		if d.Allowed {
			return v
		}
		if i := slices.IndexFunc(p.deny, func(r *rule) bool { return r.name == d.Rule }); i >= 0 {
			v.failed = p.deny[i].names()
			return v
		}
		// The nearest is an allow rule: there is one, and no deny rule matched.
		for _, c := range d.Rules()[0].Checks {
			if c.Result != Pass {
				v.failed = append(v.failed, registeredName(c.Claim))
			}
		}
		return v
	}, denies)
}

// names returns the claims that r has conditions on, as tokens spell them.
func (r *rule) names() []string {
	out := make([]string, len(r.checks))
	for i, c := range r.checks {
		out[i] = registeredName(c.claim)
	}
	return out
}

// registeredName returns the name in a token of what a rule calls by its long
// name.
func registeredName(claim string) string {
	switch claim {
	case "issuer":
		return "iss"
	case "subject":
		return "sub"
	}
	return claim
}

// verdict is as much of a decision as probing needs.
type verdict struct {
	allowed bool
	rule    string   // that allowed
	failed  []string // the claims whose conditions refused
}

// denyRule is a deny rule and the claims that it has conditions on.
type denyRule struct {
	name   string
	claims []string
}

// probe finds what [Probe] reports.
func probe(identity claims.Model, evaluate func(claims.Model) verdict, denies []denyRule) []Variant {
	if first := evaluate(identity); !first.allowed {
		return []Variant{{
			ID: "identity", Outcome: IdentityRefused, By: first.failed, Claims: identity,
			Story: "The policy refuses the identity itself, by " + join(first.failed) + ".",
		}}
	}
	all, err := hostile.Variants(identity)
	if err != nil {
		return []Variant{{ID: "identity", Outcome: IdentityRefused, Claims: identity, Story: "No variants can be made of the identity: " + err.Error() + "."}}
	}
	var escaped, admitted []Variant
	refused := map[string][]verdict{} // of the variants that change a claim
	looked := map[string]bool{}       // at a claim
	let := map[string]bool{}          // in a variant that changes a claim and is not routine
	for _, h := range all {
		v := Variant{ID: h.ID, Outcome: Admitted, Kind: Kind(h.Kind), Story: h.Story, Changed: shortNames(h.Changed), Claims: h.Claims}
		got := evaluate(h.Claims)
		if got.allowed {
			v.Rule = got.rule
			admitted = append(admitted, v)
			escaped = append(escaped, escapes(v, denies)...)
		}
		for i, name := range h.Changed {
			claim := v.Changed[i]
			_, sent := h.Claims.RegisteredClaims().Lookup(name)
			switch {
			case v.ID == "absent/"+claim:
				looked[claim] = looked[claim] || !got.allowed
			case !sent || h.Kind == hostile.Missing || h.Kind == hostile.Routine:
			case got.allowed:
				let[claim] = true
			default:
				refused[claim] = append(refused[claim], got)
			}
		}
	}
	order := []Kind{Hostile, Debatable, Missing, Routine}
	slices.SortStableFunc(admitted, func(a, b Variant) int { return slices.Index(order, a.Kind) - slices.Index(order, b.Kind) })
	found := append(escaped, admitted...)
	for _, claim := range sortedKeys(refused) {
		if claim == "sub" {
			continue // It repeats other claims, and says nothing of its own but, on CircleCI, the user.
		}
		if by := fewest(refused[claim], claim); !looked[claim] && !let[claim] && len(by) > 0 {
			found = append(found, Variant{
				ID: claim, Outcome: Covered, Changed: []string{claim}, By: by,
				Story: "No condition is on " + claim + ", and whatever changes it is refused by " + join(by) + ".",
			})
		}
	}
	return found
}

// escapes returns a finding for each deny rule that needs a claim which v does
// not have.
func escapes(v Variant, denies []denyRule) []Variant {
	claim, ok := strings.CutPrefix(v.ID, "absent/")
	if !ok {
		return nil
	}
	var out []Variant
	for _, d := range denies {
		if slices.Contains(d.claims, claim) {
			e := v
			e.Outcome, e.Rule = DenyEscaped, d.name
			e.Story = fmt.Sprintf("The deny rule %s needs %s, and the policy lets a token in that has none. Add a deny rule with %s: absent, or an allow condition on it.", d.name, claim, claim)
			out = append(out, e)
		}
	}
	return out
}

// fewest returns claims, as few as can be found with little effort, of which at
// least one is a cause of each refusal. None if a refusal has no cause that
// is a claim other than this one.
func fewest(refusals []verdict, claim string) []string {
	var out []string
	for rest := refusals; len(rest) > 0; {
		count := map[string]int{}
		for _, r := range rest {
			for _, c := range r.failed {
				if c != claim {
					count[c]++
				}
			}
		}
		best := ""
		for _, c := range sortedKeys(count) {
			if count[c] > count[best] {
				best = c
			}
		}
		if best == "" {
			return nil
		}
		out = append(out, best)
		rest = slices.DeleteFunc(slices.Clone(rest), func(r verdict) bool { return slices.Contains(r.failed, best) })
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// shortNames returns claims' names as policies spell them, in the same order.
func shortNames(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = strings.TrimPrefix(name, "oidc.circleci.com/")
	}
	return out
}

// join lists claims in a sentence.
func join(names []string) string {
	switch len(names) {
	case 0:
		return "no rule"
	case 1:
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
