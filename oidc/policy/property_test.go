package policy_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc/policy"
)

var values = []string{"a", "b", "a/b"}

func randomMatcher(r *rand.Rand) policy.Matcher {
	op := []policy.Op{policy.Equal, policy.Glob, policy.Regex, policy.Present, policy.Absent}[r.IntN(5)]
	m := policy.Matcher{Op: op}
	switch op {
	case policy.Equal:
		m.Values = []string{values[r.IntN(3)]}
	case policy.Glob:
		m.Values = []string{[]string{"*", "a*", "**"}[r.IntN(3)]}
	case policy.Regex:
		m.Values = []string{[]string{"a.*", "a|b", "[^/]+"}[r.IntN(3)]}
	default:
		return m
	}
	m.Not = r.IntN(3) == 0
	return m
}

// free are claims which no default is about.
var free = []string{"sha", "pipeline_source", "job_source", "deployment_tier"}

// expressions is a compiler of conditions such as "sha is a", which fail, as
// those in CEL do, where the claim is absent. Package celcond is not used here:
// whoever tests this package would need CEL.
type expressions struct{}

func (expressions) Compile(_, expr string) (policy.Condition, error) { return expression(expr), nil }

type expression string

var errAbsent = errors.New("absent")

func (e expression) Evaluate(_ context.Context, m claims.Model) (bool, error) {
	c := m.(*claims.GitLab)
	var name, op, want string
	if _, err := fmt.Sscan(string(e), &name, &op, &want); err != nil {
		return false, err
	}
	have := map[string]string{"sha": c.SHA, "pipeline_source": c.PipelineSource, "job_source": c.JobSource, "deployment_tier": c.DeploymentTier}[name]
	switch {
	case op == "has":
		return (have != "") == (want == "true"), nil
	case have == "":
		return false, errAbsent
	}
	return (have == want) == (op == "is"), nil
}

var conditions = []string{"sha is a", "sha isnot a", "pipeline_source is b", "job_source isnot b", "deployment_tier is a", "sha has true", "pipeline_source has false"}

func randomCondition(r *rand.Rand) policy.When {
	return policy.When{CEL: conditions[r.IntN(len(conditions))], Message: "m"}
}

func randomRule(r *rand.Rand, name string, deny bool) policy.Rule {
	rule := policy.Rule{Name: name, Platform: policy.GitLab, Claims: map[string]policy.Matcher{}}
	for range r.IntN(3) {
		rule.When = append(rule.When, randomCondition(r))
	}
	for _, claim := range free[:2] {
		if r.IntN(2) == 0 {
			rule.Claims[claim] = randomMatcher(r)
		}
	}
	rule.Claims["job_source"] = randomMatcher(r)
	if !deny {
		rule.Claims["issuer"] = policy.Matcher{Values: []string{"https://gitlab.com"}}
		rule.Claims["project_id"] = policy.Matcher{Values: []string{"67890"}}
	}
	return rule
}

func randomSpec(r *rand.Rand) policy.Spec {
	s := policy.Spec{Name: "p", Audiences: []string{audience}}
	for i := range 1 + r.IntN(3) {
		s.Rules = append(s.Rules, randomRule(r, fmt.Sprint("allow", i), false))
	}
	for i := range r.IntN(3) {
		s.Deny = append(s.Deny, randomRule(r, fmt.Sprint("deny", i), true))
	}
	return s
}

func randomToken(r *rand.Rand) *claims.GitLab {
	pick := func() string {
		if i := r.IntN(4); i < 3 {
			return values[i]
		}
		return ""
	}
	c := gitlab()
	c.SHA, c.PipelineSource, c.JobSource, c.DeploymentTier = pick(), pick(), pick(), pick()
	return c
}

// A condition that cannot be evaluated is neither true nor false. In an allow
// rule it allows nothing; in a deny rule that matches otherwise it denies, as a
// condition that holds does. So it widens nothing wherever it is added, but to
// a deny rule: there it may narrow nothing.
func TestChangesWidenOrNarrowAsTheyMust(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	o := &policy.Options{Conditions: expressions{}}
	allowed, narrowed, widened, unsure := 0, 0, 0, 0
	for range 1500 {
		s := randomSpec(r)
		base, err := policy.New(s, o)
		require.NoError(t, err)
		edit := func(f func(*policy.Spec)) *policy.Policy {
			e := base.Spec()
			f(&e)
			p, err := policy.New(e, o)
			require.NoError(t, err)
			return p
		}
		extra, when := randomMatcher(r), randomCondition(r)
		narrower := []*policy.Policy{
			edit(func(s *policy.Spec) { s.Rules[0].Claims["deployment_tier"] = extra }),
			edit(func(s *policy.Spec) { s.Rules[0].When = append(s.Rules[0].When, when) }),
			edit(func(s *policy.Spec) { s.Deny = append(s.Deny, randomRule(r, "more", true)) }),
		}
		wider := []*policy.Policy{edit(func(s *policy.Spec) { s.Rules = append(s.Rules, randomRule(r, "more", false)) })}
		if len(s.Deny) > 0 {
			wider = append(wider,
				edit(func(s *policy.Spec) { s.Deny[0].Claims["deployment_tier"] = extra }),
				edit(func(s *policy.Spec) { s.Deny[0].When = append(s.Deny[0].When, when) }))
		}
		shuffled := edit(func(s *policy.Spec) {
			r.Shuffle(len(s.Rules), func(i, j int) { s.Rules[i], s.Rules[j] = s.Rules[j], s.Rules[i] })
			r.Shuffle(len(s.Deny), func(i, j int) { s.Deny[i], s.Deny[j] = s.Deny[j], s.Deny[i] })
			for _, rule := range slices.Concat(s.Rules, s.Deny) {
				r.Shuffle(len(rule.When), func(i, j int) { rule.When[i], rule.When[j] = rule.When[j], rule.When[i] })
			}
		})
		for range 10 {
			c := randomToken(r)
			d := base.Evaluate(t.Context(), c)
			same := shuffled.Evaluate(t.Context(), c)
			require.Equal(t, []any{d.Reason, d.Rule, d.Digest}, []any{same.Reason, same.Rule, same.Digest})
			for _, p := range narrower {
				if p.Evaluate(t.Context(), c).Allowed {
					require.True(t, d.Allowed, "%+v widens %+v", p.Spec(), s)
				} else if d.Allowed {
					narrowed++
				}
			}
			if _, err := expression(when.CEL).Evaluate(t.Context(), c); err != nil && len(s.Deny) > 0 {
				require.Equal(t, d.Allowed, wider[2].Evaluate(t.Context(), c).Allowed, "a deny rule's condition that fails is as one that holds")
			}
			for _, p := range wider {
				if !p.Evaluate(t.Context(), c).Allowed {
					require.False(t, d.Allowed, "%+v narrows %+v", p.Spec(), s)
				} else if !d.Allowed {
					widened++
				}
			}
			if d.Allowed {
				allowed++
			}
			if d.Reason == policy.Indeterminate {
				unsure++
			}
		}
	}
	// The properties say nothing of tokens that nothing happens to.
	assert.Greater(t, min(allowed, narrowed, widened, unsure), 100)
}

// Every claim of both platforms, absent, against every operator.
func TestAbsentSatisfiesNothing(t *testing.T) {
	for platform, names := range map[string][]string{policy.GitLab: gitlabNames, policy.CircleCI: circleciNames} {
		var c claims.Model = &claims.GitLab{}
		if platform == policy.CircleCI {
			c = &claims.CircleCI{}
		}
		for _, claim := range names {
			compiled, allow := 0, randomRule(rand.New(rand.NewPCG(1, 1)), "r", false)
			allow.When = nil
			for _, m := range []policy.Matcher{
				{Values: []string{"true"}}, {Values: []string{"0f3bb7a5-51f2-4d84-9c57-0f3d3f7d8e33"}},
				{Op: policy.Glob, Values: []string{"**"}}, {Op: policy.Regex, Values: []string{".*"}},
				{Op: policy.AllOf, Values: []string{"x"}}, {Op: policy.Present}, {Op: policy.Absent},
			} {
				for _, m.Not = range []bool{false, true} {
					p, err := policy.New(policy.Spec{
						Name: "p", Audiences: []string{"x"},
						Rules: []policy.Rule{allow},
						Deny:  []policy.Rule{{Name: "d", Platform: platform, Claims: map[string]policy.Matcher{claim: m}}},
					}, nil)
					if err != nil {
						continue // an operator that the claim does not take
					}
					compiled++
					want := policy.NoRule
					if m.Op == policy.Absent {
						want = policy.ExplicitDeny
					}
					require.Equal(t, want, p.Evaluate(t.Context(), c).Reason, "%s %+v", claim, m)
				}
			}
			require.Greater(t, compiled, 3, claim)
		}
	}
}

func tenRules(t testing.TB) *policy.Policy {
	s := policy.Spec{Name: "p", Audiences: []string{audience}}
	for i := range 10 {
		id := "67890"
		if i < 9 {
			id = fmt.Sprint(i)
		}
		s.Rules = append(s.Rules, policy.Rule{Name: fmt.Sprint("r", i), Platform: policy.GitLab, Claims: map[string]policy.Matcher{
			"issuer": {Values: []string{"https://gitlab.com"}}, "project_id": {Values: []string{id}},
			"namespace_id": {Values: []string{"12345"}}, "ref": {Values: []string{"main"}},
			"ref_type": {Values: []string{"branch"}}, "ref_protected": {Values: []string{"true"}},
			"project_path": {Values: []string{"acme/payments"}},
		}})
	}
	p, err := policy.New(s, nil)
	require.NoError(t, err)
	return p
}

func TestAllowAllocates(t *testing.T) {
	p, c, ctx := tenRules(t), gitlab(), t.Context()
	require.True(t, p.Evaluate(ctx, c).Allowed)
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { p.Evaluate(ctx, c) }), 5.0)
}

func BenchmarkEvaluateTenRules(b *testing.B) {
	p, c, ctx := tenRules(b), gitlab(), b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if !p.Evaluate(ctx, c).Allowed {
			b.Fatal("not allowed")
		}
	}
}
