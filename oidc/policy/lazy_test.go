package policy_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc/policy"
)

// counting is a compiler whose conditions count how often they are evaluated,
// and fail as those in CEL do once ctx has ended.
type counting struct {
	holds bool
	runs  *int
}

func (c counting) Compile(string, string) (policy.Condition, error) { return c, nil }

func (c counting) Evaluate(ctx context.Context, _ claims.Model) (bool, error) {
	*c.runs++
	return c.holds, ctx.Err()
}

// What decided is what is told: a condition that failed because ctx ended must
// not hold in the trace.
func TestTraceKeepsWhatConditionsSaid(t *testing.T) {
	runs := 0
	p := payments(t, &policy.Options{Conditions: counting{true, &runs}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := p.Evaluate(ctx, circleci())
	require.Equal(t, policy.Indeterminate, d.Reason)
	var results []policy.Result
	for _, c := range d.Rules()[0].Checks {
		if c.Claim == "cel" {
			results = append(results, c.Result)
		}
	}
	assert.Equal(t, []policy.Result{policy.Failed}, results)
	assert.Equal(t, 1, runs)
}

func TestConditionsAreEvaluatedOnce(t *testing.T) {
	runs := 0
	p := payments(t, &policy.Options{Conditions: counting{false, &runs}})
	d := p.Evaluate(t.Context(), circleci())
	require.Equal(t, policy.NoRule, d.Reason)
	first := d.Rules()
	d.LogValue()
	require.Error(t, d.Err())
	assert.Equal(t, 1, runs)
	first[0].Checks[0].Claim = "changed"
	assert.NotEqual(t, first, d.Rules(), "a trace is the caller's own")

	// Where another condition had refused already, only a trace needs it.
	c := circleci()
	c.VCSRef, runs = "refs/heads/main", 0
	d = p.Evaluate(t.Context(), c)
	assert.Equal(t, 0, runs)
	d.Rules()
	assert.Equal(t, 1, runs)
}

func TestDecisionOfNoPolicy(t *testing.T) {
	d := &policy.Decision{Reason: policy.NoRule, Policy: "p"}
	assert.Empty(t, d.Rules())
	assert.Equal(t, slog.KindGroup, d.LogValue().Kind())
}

func TestDenialAllocatesAsAllowDoes(t *testing.T) {
	p, c, ctx := tenRules(t), gitlab(), t.Context()
	allow := testing.AllocsPerRun(100, func() { p.Evaluate(ctx, c) })
	c.Ref = "feature"
	require.False(t, p.Evaluate(ctx, c).Allowed)
	assert.Equal(t, allow, testing.AllocsPerRun(100, func() { p.Evaluate(ctx, c) }))
	assert.LessOrEqual(t, allow, 2.0)
}
