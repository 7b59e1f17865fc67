package celcond_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/oidc/policy/celcond"
)

// Whatever the expression, nothing panics, an error has its type and a place
// within the expression, and what compiles comes to an answer or to an error
// of its type.
func FuzzExpressions(f *testing.F) {
	for _, expr := range []string{
		"claims.workflow_id != ''", "claims.ref == 'main' && claims.ref_protected", "has(claims.environment) ? claims.exp > claims.iat : false",
		"claims.groups_direct.exists(g, g.matches('^a/(b|c)$'))", "claims.context_ids.map(c, c.lowerAscii())[0] == 'x'", "claims.job_config.url == ''",
		"claims.`org-id` == b'x' || 1.5e3 > 2u", "{'a': [1]}['a'][0] % 2 == -1", "claims.sub.split('/', 2)[1].substring(1, 2) == '\\u00fc'",
		"gitlab.claims{ref: 'x'} == claims", "[1, 'a'].exists_one(x, dyn(x) == 1)", "duration('1h') + claims.iat == timestamp('2026-01-01T00:00:00Z')",
	} {
		f.Add(expr)
	}
	compiler := new(celcond.Compiler)
	g, c := gitLab(f), circleCI(f)
	f.Fuzz(func(t *testing.T, expr string) {
		for _, platform := range []string{"gitlab", "circleci"} {
			cond, err := compiler.Compile(platform, expr)
			if err != nil {
				var e *celcond.Error
				require.ErrorAs(t, err, &e)
				require.NotEmpty(t, e.Problem)
				require.Equal(t, e.Line == 0, e.Column == 0)
				continue
			}
			var holds bool
			if platform == "gitlab" {
				holds, err = cond.Evaluate(t.Context(), g)
			} else {
				holds, err = cond.Evaluate(t.Context(), c)
			}
			if err != nil {
				require.False(t, holds)
				var e *celcond.EvaluationError
				require.ErrorAs(t, err, &e)
			}
		}
	})
}
