package oidc_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

func TestCircleCIOrganizations(t *testing.T) {
	first := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIURL(oidctest.CircleCIOrganizationID)})
	other := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIURL(otherOrg)})
	third := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIURL(thirdOrg), KeysOf: other})
	tenants := map[string]bool{otherOrg: true}
	errStore := errors.New("the list of tenants is away")
	var asked []string
	var failing error
	v := must(t, oidc.Config{
		Issuers: []oidc.Issuer{
			oidc.CircleCI(oidctest.CircleCIOrganizationID),
			oidc.CircleCIOrganizations(func(_ context.Context, id string) (bool, error) {
				asked = append(asked, id)
				return tenants[id], failing
			}),
		},
		Audiences: []string{audience}, HTTPClient: oidctest.Client(first, other, third),
	})
	ctx := t.Context()

	_, err := v.Verify(ctx, first.CircleCI(audience))
	require.NoError(t, err)
	assert.Empty(t, asked, "an organization that is configured by itself is not asked about")

	_, err = v.Verify(ctx, other.CircleCI(audience))
	require.NoError(t, err)
	_, err = v.Verify(ctx, third.CircleCI(audience))
	e := requireToken(t, err, oidc.ErrIssuer)
	assert.Equal(t, third.URL(), e.Issuer)
	assert.Zero(t, third.Requests(), "asked before anything is fetched")
	assert.Equal(t, []string{otherOrg, thirdOrg}, asked)

	// Tenants come and go without a restart.
	tenants[thirdOrg], tenants[otherOrg] = true, false
	_, err = v.Verify(ctx, third.CircleCI(audience))
	require.NoError(t, err)
	_, err = v.Verify(ctx, other.CircleCI(audience))
	requireToken(t, err, oidc.ErrIssuer)

	failing = errStore
	_, err = v.Verify(ctx, third.CircleCI(audience))
	requireUnavailable(t, err, oidc.OpAuthorize)
	assert.ErrorIs(t, err, errStore)
	failing = &oidc.UnavailableError{Op: oidc.OpAuthorize, RetryAfter: time.Minute, Err: errStore}
	_, err = v.Verify(ctx, third.CircleCI(audience))
	assert.Equal(t, time.Minute, requireUnavailable(t, err, oidc.OpAuthorize).RetryAfter)
	failing = nil

	// The checks of CircleCI's tokens hold here too.
	_, err = v.Verify(ctx, third.CircleCI(audience, oidctest.SSHRerun))
	assert.ErrorIs(t, err, oidc.ErrSSHRerun)
	_, err = v.Verify(ctx, third.CircleCI(audience, func(c oidctest.Claims) { c["oidc.circleci.com/org-id"] = otherOrg }))
	assert.Equal(t, "oidc.circleci.com/org-id", requireToken(t, err, oidc.ErrClaim).Claim)
}

// A tenant that left is refused even with a token that is remembered, and one
// whose key set gave way to others is not kept alive by its tokens.
func TestCircleCIOrganizationsAreAskedForRememberedTokens(t *testing.T) {
	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIURL(otherOrg)})
	allowed, asked := true, 0
	var failing error
	v := must(t, oidc.Config{
		Issuers: []oidc.Issuer{oidc.CircleCIOrganizations(func(context.Context, string) (bool, error) {
			asked++
			return allowed, failing
		})},
		Audiences: []string{audience}, HTTPClient: oidctest.Client(issuer), CachedTokens: 10,
	})
	raw := issuer.CircleCI(audience)
	for i := range 3 {
		_, err := v.Verify(t.Context(), raw)
		require.NoError(t, err)
		assert.Equal(t, i+1, asked)
	}
	assert.Equal(t, 2, issuer.Requests())
	allowed = false
	_, err := v.Verify(t.Context(), raw)
	assert.Equal(t, issuer.URL(), requireToken(t, err, oidc.ErrIssuer).Issuer)
	failing = errors.New("the list of tenants is away")
	_, err = v.Verify(t.Context(), raw)
	assert.ErrorIs(t, err, failing)
	requireUnavailable(t, err, oidc.OpAuthorize)
}

func TestCircleCIOrganizationsWithPinnedKeys(t *testing.T) {
	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIURL(otherOrg)})
	third := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIURL(thirdOrg), KeysOf: issuer})
	tenants := oidc.CircleCIOrganizations(func(context.Context, string) (bool, error) { return true, nil })
	keys, err := oidc.ParseKeySet(issuer.JWKS())
	require.NoError(t, err)
	tenants.Keys = keys
	v := must(t, oidc.Config{Issuers: []oidc.Issuer{tenants}, Audiences: []string{audience}, HTTPClient: oidctest.Client(issuer, third)})
	for _, i := range []*oidctest.Issuer{issuer, third} {
		_, err = v.Verify(t.Context(), i.CircleCI(audience))
		assert.NoError(t, err)
	}
	assert.Zero(t, issuer.Requests()+third.Requests())
}

// Only an issuer that is spelled as CircleCI spells it is asked about, so that
// nothing a token says but a UUID becomes part of a URL.
func TestCircleCIOrganizationsTakesOneSpelling(t *testing.T) {
	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIURL(otherOrg)})
	v := must(t, oidc.Config{
		Issuers: []oidc.Issuer{oidc.CircleCIOrganizations(func(_ context.Context, id string) (bool, error) {
			t.Errorf("asked about %q", id)
			return true, nil
		})},
		Audiences: []string{audience}, HTTPClient: oidctest.Client(issuer),
	})
	for _, iss := range []string{
		"https://oidc.circleci.com", "https://oidc.circleci.com/org/", "https://oidc.circleci.com/org/" + otherOrg + "/",
		"https://oidc.circleci.com/org/" + otherOrg + "/../" + thirdOrg, "https://oidc.circleci.com/org/" + otherOrg + "?x=1",
		"https://oidc.circleci.com/org/" + otherOrg + "#x", "https://oidc.circleci.com/org//" + otherOrg, "http://oidc.circleci.com/org/" + otherOrg,
		"https://OIDC.circleci.com/org/" + otherOrg, "https://oidc.circleci.com:443/org/" + otherOrg, "https://x@oidc.circleci.com/org/" + otherOrg,
		"https://oidc.circleci.com.evil.example/org/" + otherOrg, "https://evil.example/?https://oidc.circleci.com/org/" + otherOrg,
		"https://oidc.circleci.com/org/0D3F0F3E-58A4-4A1C-9F06-52E0A6E4C002", "https://oidc.circleci.com/org/%30d3f0f3e-58a4-4a1c-9f06-52e0a6e4c002",
		" https://oidc.circleci.com/org/" + otherOrg,
	} {
		_, err := v.Verify(t.Context(), issuer.CircleCI(audience, func(c oidctest.Claims) { c["iss"] = iss }))
		requireToken(t, err, oidc.ErrIssuer)
	}
	assert.Zero(t, issuer.Requests())
}

func TestCircleCIOrganizationsConfiguration(t *testing.T) {
	yes := func(context.Context, string) (bool, error) { return true, nil }
	for want, issuers := range map[string][]oidc.Issuer{
		"CircleCIOrganizations is configured twice":   {oidc.CircleCIOrganizations(yes), oidc.CircleCIOrganizations(yes)},
		"CircleCIOrganizations wants a function":      {oidc.CircleCIOrganizations(nil)},
		`"https://oidc.circleci.com" is CircleCI's`:   {oidc.GitLab("https://oidc.circleci.com")},
		`is CircleCI's; use oidc.CircleCI or`:         {oidc.GitLab("https://oidc.circleci.com/org/" + otherOrg)},
		"which the path of the discovery document is": {oidc.GitLab("https://gitlab.com/.well-known/openid-configuration")},
		"is not one; give the value of the tokens'":   {oidc.GitLab("https://gitlab.com//")},
	} {
		_, err := oidc.NewVerifier(oidc.Config{Issuers: issuers, Audiences: []string{audience}})
		if assert.Error(t, err, want) {
			assert.ErrorContains(t, err, want)
		}
	}
	// Beside the root issuer, which has the same host.
	must(t, oidc.Config{Issuers: []oidc.Issuer{oidc.CircleCIOrganizations(yes), oidc.CircleCIRoot(otherOrg)}, Audiences: []string{audience}})
}

// Many organizations cost bounded memory: the one not seen for longest is
// forgotten, and fetched anew when it comes back.
func TestCircleCIOrganizationsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 1000
		org := func(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", i) }
		fetches := map[string]int{}
		keys := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIURL(org(0))})
		v := must(t, oidc.Config{
			Issuers:   []oidc.Issuer{oidc.CircleCIOrganizations(func(context.Context, string) (bool, error) { return true, nil })},
			Audiences: []string{audience}, HTTPClient: anyOrganization(keys, fetches),
		})
		verify := func(i int) {
			t.Helper()
			_, err := v.Verify(t.Context(), keys.CircleCI(audience, oidctest.Organization(org(i)), func(c oidctest.Claims) { c["aud"] = audience }))
			require.NoError(t, err)
		}
		for i := range most {
			verify(i)
		}
		verify(0)
		assert.Equal(t, 1, fetches[org(0)])
		assert.Len(t, v.Health(), most)
		verify(most)
		assert.Len(t, v.Health(), most)
		verify(0)
		assert.Equal(t, 1, fetches[org(0)], "used lately, so kept")
		verify(1)
		assert.Equal(t, 2, fetches[org(1)], "the one not seen for longest, so fetched anew")
	})
}
