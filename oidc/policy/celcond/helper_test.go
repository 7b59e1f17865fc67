package celcond_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc/policy"
	"github.com/cioidc/cioidc/oidc/policy/celcond"
)

// gitLab returns the claims of a job with an environment.
func gitLab(t testing.TB) *claims.GitLab { return decode[claims.GitLab](t, "gitlab-branch.json") }

// circleCI returns the claims of a job with two contexts.
func circleCI(t testing.TB) *claims.CircleCI { return decode[claims.CircleCI](t, "circleci-v2.json") }

func decode[T any, P claims.ModelOf[T]](t testing.TB, name string) *T {
	t.Helper()
	data, err := os.ReadFile("../../../claims/testdata/" + name)
	require.NoError(t, err)
	c, err := claims.Decode[T, P](data)
	require.NoError(t, err)
	return c
}

func compile(t testing.TB, platform, expr string) policy.Condition {
	t.Helper()
	c, err := new(celcond.Compiler).Compile(platform, expr)
	require.NoError(t, err, expr)
	return c
}
