package policy_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc/oidctest"
	"github.com/cioidc/cioidc/oidc/policy"
)

// What is suggested for a job lets that job in and no hostile variant of it.
func TestSuggest(t *testing.T) {
	const aud = "https://deploy.internal.example"
	gl := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	cc := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIURL(oidctest.CircleCIOrganizationID)})
	for name, c := range map[string]struct {
		raw    string
		circle bool
	}{
		"protected environment": {gl.GitLab(aud, oidctest.ProtectedEnvironment("production", "production")), false},
		"branch":                {gl.GitLab(aud), false},
		"odd characters":        {gl.GitLab(aud, func(c oidctest.Claims) { c["ci_config_ref_uri"] = "gitlab.com/a/b//\"*\": {}.yml@refs/heads/main" }), false},
		"CircleCI":              {cc.CircleCI(aud, oidctest.Contexts("7cf67bf2-7a39-4a9c-9d7c-3b8c6f4b9f44")), true},
	} {
		t.Run(name, func(t *testing.T) {
			var identity claims.Model
			var err error
			if c.circle {
				identity, err = claims.Decode[claims.CircleCI](payload(t, c.raw))
			} else {
				identity, err = claims.Decode[claims.GitLab](payload(t, c.raw))
			}
			require.NoError(t, err)
			text, err := policy.Suggest(identity)
			require.NoError(t, err)
			p, err := policy.Parse(text, nil)
			require.NoError(t, err, string(text))
			assert.True(t, p.Evaluate(t.Context(), identity).Allowed)
			if c, ok := identity.(*claims.GitLab); ok && strings.Contains(c.ConfigRefURI, "*") {
				other := *c
				other.ConfigRefURI = strings.ReplaceAll(c.ConfigRefURI, "*", "x")
				assert.False(t, p.Evaluate(t.Context(), &other).Allowed, "the star is one")
			}
			assert.Empty(t, ids(policy.Probe(p, identity), policy.Admitted, policy.Hostile), string(text))
		})
	}
}

func TestSuggestRefuses(t *testing.T) {
	fork, err := os.ReadFile("testdata/fork-mr.json")
	require.NoError(t, err)
	c, err := claims.Decode[claims.GitLab](fork)
	require.NoError(t, err)
	_, err = policy.Suggest(c)
	require.ErrorContains(t, err, "needs a written reason: rule \"this-job\": fork")

	rerun := circleci()
	rerun.SSHRerun = claims.True
	_, err = policy.Suggest(rerun)
	require.ErrorContains(t, err, "ssh-rerun")

	_, err = policy.Suggest(&claims.CircleCI{})
	var e *policy.ParseError
	require.ErrorAs(t, err, &e)
	_, err = policy.Suggest(nil)
	require.ErrorContains(t, err, "neither GitLab's nor CircleCI's")
}
