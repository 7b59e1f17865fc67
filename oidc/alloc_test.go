//go:build !race

package oidc_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

// How much memory a verification takes is asserted, how long it takes is not:
// that is measured, in internal/bench. The race detector allocates by itself.
func TestAllocations(t *testing.T) {
	gitlab := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	circle := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIURL(oidctest.CircleCIOrganizationID)})
	cfg := oidc.Config{
		Issuers:   []oidc.Issuer{oidc.GitLab("https://gitlab.com"), oidc.CircleCI(oidctest.CircleCIOrganizationID)},
		Audiences: []string{audience}, HTTPClient: oidctest.Client(gitlab, circle),
	}
	plain := must(t, cfg)
	cfg.CachedTokens = 100
	caching := must(t, cfg)
	full := gitlab.GitLab(audience, oidctest.ProtectedEnvironment("production", "production"), oidctest.GroupsDirect("acme", "acme/ops"))
	for name, c := range map[string]struct {
		v    *oidc.Verifier
		raw  string
		most float64
	}{
		"GitLab":             {plain, full, 22},
		"CircleCI":           {plain, circle.CircleCI(audience), 20},
		"GitLab, remembered": {caching, full, 1},
	} {
		_, err := c.v.Verify(t.Context(), c.raw)
		require.NoError(t, err)
		got := testing.AllocsPerRun(200, func() {
			if _, err := c.v.Verify(t.Context(), c.raw); err != nil {
				t.Error(err)
			}
		})
		assert.LessOrEqual(t, got, c.most, name)
	}
	// Tokens whose claims differ: one job has an environment, the next has none.
	other := gitlab.GitLab(audience)
	got := testing.AllocsPerRun(200, func() {
		for _, raw := range []string{full, other} {
			if _, err := plain.Verify(t.Context(), raw); err != nil {
				t.Error(err)
			}
		}
	})
	assert.LessOrEqual(t, got, 60.0, "two tokens in turn")
	// A token that is too large costs nothing that grows with it.
	huge := string(make([]byte, 100<<20))
	assert.LessOrEqual(t, testing.AllocsPerRun(5, func() { plain.Verify(t.Context(), huge) }), 10.0)
}
