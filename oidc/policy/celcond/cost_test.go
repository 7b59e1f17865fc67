package celcond_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/oidc/policy/celcond"
)

// An expression that may cost too much does not compile.
func TestCostIsEstimated(t *testing.T) {
	const pairs = "claims.groups_direct.all(g, claims.groups_direct.exists(h, h == g + '-admin'))"
	_, err := new(celcond.Compiler).Compile("gitlab", pairs)
	var e *celcond.Error
	require.ErrorAs(t, err, &e)
	assert.Regexp(t, `^the expression may cost \d+, over ten times the limit of 20000; look through fewer lists, or use shorter patterns$`, e.Problem)
	_, err = (&celcond.Compiler{MaxCost: 10_000_000}).Compile("gitlab", pairs)
	assert.NoError(t, err)
	_, err = (&celcond.Compiler{MaxCost: 1}).Compile("gitlab", "claims.groups_direct.exists(g, g == 'acme/ops')")
	require.ErrorAs(t, err, &e)
	assert.Contains(t, e.Problem, "over ten times the limit of 1;")
}

// One that comes to cost too much fails: here a token has more groups than was
// reckoned with.
func TestCostIsLimited(t *testing.T) {
	g := gitLab(t)
	for expr, limit := range map[string]int{
		"claims.groups_direct.all(g, g.matches('^a.*$'))":                      10_000,
		"claims.groups_direct.exists(g, g == 'none')":                          10_000,
		"claims.groups_direct.map(g, g + g).map(g, g + g).exists(g, g == 'x')": 5_000,
		"claims.ref.split('').all(c, c == 'a')":                                10_000,
	} {
		c := compile(t, "gitlab", expr)
		g.GroupsDirect, g.Ref = []string{"a"}, "a"
		_, err := c.Evaluate(t.Context(), g)
		require.NoError(t, err, expr)
		g.GroupsDirect, g.Ref = strings.Split(strings.Repeat("a,", limit)+"a", ","), strings.Repeat("a", limit)
		got, err := c.Evaluate(t.Context(), g)
		assert.False(t, got)
		assert.ErrorIs(t, err, celcond.ErrCost, expr)
	}
}

// What doubles itself runs into the limit before it runs out of memory.
func TestGrowthIsLimited(t *testing.T) {
	const doubled = "[claims.ref].map(x, x + x + x + x + x + x + x + x).map(x, x + x + x + x + x + x + x + x)"
	c := compile(t, "gitlab", doubled+"[0].size() == 64")
	g := gitLab(t)
	g.Ref = "x"
	got, err := c.Evaluate(t.Context(), g)
	require.NoError(t, err)
	assert.True(t, got)
	g.Ref = strings.Repeat("x", 12_000)
	_, err = c.Evaluate(t.Context(), g)
	assert.ErrorIs(t, err, celcond.ErrCost)
}
