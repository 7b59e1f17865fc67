package oidc_test

import (
	"crypto/rand"
	"crypto/rsa"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

type extended struct {
	claims.GitLab
	More string `json:"more"`
}

type renamed claims.CircleCI

type notAModel struct {
	claims.Registered
	A string `json:"exp"`
}

func TestNewVerifierRefuses(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	with := func(i oidc.Issuer) oidc.Config {
		return oidc.Config{Issuers: []oidc.Issuer{i}, Audiences: []string{audience}}
	}
	edit := func(f func(*oidc.Issuer)) oidc.Config {
		i := oidc.GitLab("https://gitlab.com")
		f(&i)
		return with(i)
	}
	gitlab := oidc.GitLab("https://gitlab.com")
	for want, cfg := range map[string]oidc.Config{
		"no issuers": {Audiences: []string{audience}},
		`no audience for issuer "https://gitlab.com"`:                          {Issuers: []oidc.Issuer{gitlab}},
		"an audience of issuer":                                                {Issuers: []oidc.Issuer{gitlab}, Audiences: []string{""}},
		"configured twice":                                                     {Issuers: []oidc.Issuer{gitlab, gitlab}, Audiences: []string{audience}},
		"plain http is for loopback":                                           with(oidc.GitLab("http://gitlab.acme.example")),
		"no host":                                                              with(oidc.GitLab("gitlab.com")),
		"has a query":                                                          with(oidc.GitLab("https://gitlab.com/?x=1")),
		"it has a fragment":                                                    with(oidc.GitLab("https://gitlab.com/#x")),
		"it holds user information":                                            with(oidc.GitLab("https://me:secret@gitlab.com")),
		"CircleCI wants the organization's UUID":                               with(oidc.CircleCI("acme")),
		"CircleCIRoot wants at least one":                                      with(oidc.CircleCIRoot()),
		"CircleCIRoot wants organizations' UUIDs":                              with(oidc.CircleCIRoot("acme")),
		"CircleCIServer wants at least one":                                    with(oidc.CircleCIServer("https://ci.acme.example")),
		"IssuerOf[claims.GitLab] would leave out":                              with(oidc.IssuerOf[claims.GitLab]("https://gitlab.com")),
		"IssuerOf[claims.CircleCI] would leave out":                            with(oidc.IssuerOf[claims.CircleCI]("https://oidc.circleci.com")),
		"IssuerOf[oidc_test.extended] would leave":                             with(oidc.IssuerOf[extended]("https://gitlab.com")),
		"IssuerOf[oidc_test.renamed] would leave":                              with(oidc.IssuerOf[renamed]("https://oidc.circleci.com")),
		"are declared twice":                                                   with(oidc.IssuerOf[notAModel]("https://x.example")),
		"was not made by a constructor":                                        with(oidc.Issuer{URL: "https://gitlab.com"}),
		`issuer "...@x.example" was not made by`:                               with(oidc.Issuer{URL: "https://me:secret@x.example"}),
		`keys of issuer "https://gitlab.com" were not made by NewRemoteKeySet`: edit(func(i *oidc.Issuer) { i.Keys = (*oidc.RemoteKeySet)(nil) }),
		"were not made by NewRemoteKeySet":                                     edit(func(i *oidc.Issuer) { i.Keys = new(oidc.RemoteKeySet) }),
		"is that of organization 4b2d9f10-0000-4000-8000-000000000000, which CircleCIServer was not given": with(
			oidc.CircleCIServer("https://ci.acme.example/org/4B2D9F10-0000-4000-8000-000000000000", otherOrg)),
		"CircleCIServer wants organizations' UUIDs": with(oidc.CircleCIServer("https://ci.acme.example", otherOrg, "acme")),
		`algorithm "HS256"`:                         edit(func(i *oidc.Issuer) { i.Algorithms = []oidc.Algorithm{"HS256"} }),
		`algorithm "none"`:                          edit(func(i *oidc.Issuer) { i.Algorithms = []oidc.Algorithm{oidc.RS256, "none"} }),
		"the static key set is empty":               edit(func(i *oidc.Issuer) { i.Keys = oidc.StaticKeySet{} }),
		"has no ID":                                 edit(func(i *oidc.Issuer) { i.Keys = oidc.StaticKeySet{{Algorithm: oidc.RS256, Public: &weak.PublicKey}} }),
		"the RSA key has 1024 bits": edit(func(i *oidc.Issuer) {
			i.Keys = oidc.StaticKeySet{{ID: "k", Algorithm: oidc.RS256, Public: &weak.PublicKey}}
		}),
		"a leeway of 6m0s is more than 5m0s": {Issuers: []oidc.Issuer{gitlab}, Audiences: []string{audience}, Leeway: 6 * time.Minute},
		"MaxLifetime is negative":            {Issuers: []oidc.Issuer{gitlab}, Audiences: []string{audience}, MaxLifetime: -1},
		"of 5m0.000000001s is more than":     {Issuers: []oidc.Issuer{gitlab}, Audiences: []string{audience}, Leeway: 5*time.Minute + 1},
		"a duration of RemoteKeySetOptions":  {Issuers: []oidc.Issuer{gitlab}, Audiences: []string{audience}, Keys: &oidc.RemoteKeySetOptions{MaxStale: -1}},
		"MinAge is more than MaxAge":         {Issuers: []oidc.Issuer{gitlab}, Audiences: []string{audience}, Keys: &oidc.RemoteKeySetOptions{MinAge: 2 * time.Hour}},
	} {
		v, err := oidc.NewVerifier(cfg)
		assert.Nil(t, v, want)
		if assert.Error(t, err, want) {
			assert.ErrorContains(t, err, want)
			assert.NotContains(t, err.Error(), "secret")
		}
	}
	_, err = oidc.NewRemoteKeySet("http://keys.example/jwks", nil)
	assert.ErrorContains(t, err, "plain http")
	_, err = oidc.NewRemoteKeySet("https://me:secret@keys.example/jwks", nil)
	assert.ErrorContains(t, err, `oidc: key set URL "...@keys.example/jwks": `)
	assert.NotContains(t, err.Error(), "secret")
	for _, o := range []oidc.RemoteKeySetOptions{{MinAge: -1}, {MaxAge: -1}, {MaxStale: -1}, {MinInterval: -1}, {Timeout: -1}} {
		_, err = oidc.NewRemoteKeySet("https://keys.example/jwks", &o)
		assert.ErrorContains(t, err, "is negative", o)
	}
	_, err = oidc.NewRemoteKeySet("https://keys.example/jwks", &oidc.RemoteKeySetOptions{MinAge: time.Hour, MaxAge: time.Hour})
	assert.NoError(t, err)
}

func TestIssuerURLs(t *testing.T) {
	assert.Equal(t, "https://oidc.circleci.com/org/2f1a9e5c-6a53-4f2b-8b63-0c6d1d8e4f01", oidc.CircleCI("2F1A9E5C-6A53-4F2B-8B63-0C6D1D8E4F01").URL)
	assert.Equal(t, "https://oidc.circleci.com", oidc.CircleCIRoot(otherOrg).URL)
	assert.Equal(t, "https://gitlab.acme.example/", oidc.GitLab("https://gitlab.acme.example/").URL)
}

// The issuer's own audiences replace the common ones.
func TestAudiencesOfIssuer(t *testing.T) {
	gitlab := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	i := oidc.GitLab("https://gitlab.com")
	i.Audiences = []string{"own"}
	cfg := oidc.Config{Issuers: []oidc.Issuer{i}, Audiences: []string{audience}, HTTPClient: oidctest.Client(gitlab)}
	v := must(t, cfg)
	_, err := v.Verify(t.Context(), gitlab.GitLab("own"))
	assert.NoError(t, err)
	_, err = v.Verify(t.Context(), gitlab.GitLab(audience))
	requireToken(t, err, oidc.ErrAudience)

	cfg.RejectExtraAudiences = true
	v = must(t, cfg)
	_, err = v.Verify(t.Context(), gitlab.GitLab("own"))
	assert.NoError(t, err)
	_, err = v.Verify(t.Context(), gitlab.GitLab("own", oidctest.AudienceArray("other")))
	assert.ErrorContains(t, requireToken(t, err, oidc.ErrAudience), `"own", "other"`)
}
