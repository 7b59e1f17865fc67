package oidc_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

// The instants at which an answer changes, to the nanosecond.
func TestInstants(t *testing.T) {
	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://ci.example"})
	keys, err := oidc.ParseKeySet(issuer.JWKS())
	require.NoError(t, err)
	at := time.Unix(1790000000, 0)
	n := at.Unix()
	const ns = time.Nanosecond
	for name, c := range map[string]struct {
		leeway, lifetime time.Duration
		exp, nbf, iat    int64
		now              time.Duration // from at
		want             error
		claim            string
	}{
		"exp, last":                    {0, 0, n, 0, n - 60, 30*time.Second - ns, nil, ""},
		"exp, over":                    {0, 0, n, 0, n - 60, 30 * time.Second, oidc.ErrExpired, "exp"},
		"exp without leeway, last":     {-1, 0, n, 0, n - 60, -ns, nil, ""},
		"exp without leeway, over":     {-1, 0, n, 0, n - 60, 0, oidc.ErrExpired, "exp"},
		"exp with much leeway, last":   {5 * time.Minute, 0, n, 0, n - 60, 5*time.Minute - ns, nil, ""},
		"exp with much leeway, over":   {5 * time.Minute, 0, n, 0, n - 60, 5 * time.Minute, oidc.ErrExpired, "exp"},
		"nbf, first":                   {0, 0, n + 60, n, n - 60, -30 * time.Second, nil, ""},
		"nbf, early":                   {0, 0, n + 60, n, n - 60, -30*time.Second - ns, oidc.ErrNotYet, "nbf"},
		"nbf without leeway, first":    {-1, 0, n + 60, n, n - 60, 0, nil, ""},
		"nbf without leeway, early":    {-1, 0, n + 60, n, n - 60, -ns, oidc.ErrNotYet, "nbf"},
		"iat, first":                   {0, 0, n + 60, 0, n, -30 * time.Second, nil, ""},
		"iat, early":                   {0, 0, n + 60, 0, n, -30*time.Second - ns, oidc.ErrNotYet, "iat"},
		"iat without leeway, early":    {-time.Hour, 0, n + 60, 0, n, -ns, oidc.ErrNotYet, "iat"},
		"lifetime, longest":            {0, time.Hour, n + 3600, 0, n, 0, nil, ""},
		"lifetime, longer":             {0, time.Hour, n + 3601, 0, n, 0, oidc.ErrTooOld, "exp"},
		"lifetime, longer by ages":     {0, 120 * 366 * 24 * time.Hour, n + 200*366*24*3600, 0, n, 0, oidc.ErrTooOld, "exp"},
		"lifetime of ages":             {0, 0, 253402300799, 0, 1, 0, oidc.ErrTooOld, "exp"},
		"lifetime of ages, allowed":    {0, math.MaxInt64, 253402300799, 0, 1, 0, nil, ""},
		"expired before not yet":       {0, 0, n - 60, n + 60, n + 60, 0, oidc.ErrExpired, "exp"},
		"nbf before iat":               {0, 0, n + 90, n + 60, n + 60, 0, oidc.ErrNotYet, "nbf"},
		"iat before lifetime":          {0, time.Second, n + 90, 0, n + 60, 0, oidc.ErrNotYet, "iat"},
		"iat missing, before lifetime": {0, time.Second, n + 90, 0, 0, 0, oidc.ErrClaim, "iat"},
		"exp missing":                  {0, 0, 0, n + 90, n, 0, oidc.ErrClaim, "exp"},
	} {
		t.Run(name, func(t *testing.T) {
			trusted := oidc.IssuerOf[claims.Registered](issuer.URL())
			trusted.Keys = keys
			v := must(t, oidc.Config{
				Issuers: []oidc.Issuer{trusted}, Audiences: []string{audience}, Leeway: c.leeway, MaxLifetime: c.lifetime,
				Now: func() time.Time { return at.Add(c.now) },
			})
			token := oidctest.Claims{"iss": issuer.URL(), "sub": "s", "aud": audience}
			for claim, value := range map[string]int64{"exp": c.exp, "nbf": c.nbf, "iat": c.iat} {
				if value != 0 {
					token[claim] = value
				}
			}
			_, err := v.Verify(t.Context(), issuer.Sign(token))
			if c.want == nil {
				assert.NoError(t, err)
				return
			}
			e := requireToken(t, err, c.want)
			assert.Equal(t, c.claim, e.Claim)
			assert.Equal(t, issuer.URL(), e.Issuer)
		})
	}
}

// What a refusal for time says.
func TestTimesInErrors(t *testing.T) {
	d := newDesk(t, oidc.RS256)
	n := d.now.Unix()
	one, other := d.with("exp", n+60), d.with("exp", n+61)
	forged := one[:strings.LastIndexByte(one, '.')] + other[strings.LastIndexByte(other, '.'):]
	_, err := d.v.Verify(t.Context(), d.with("iss", ""))
	assert.EqualError(t, err, "oidc: issuer not trusted: the token has no iss that is a string")
	for want, raw := range map[string]string{
		"oidc: token expired: it expired at 2026-09-21T11:58:30Z, 1m30s ago":                                                                d.with("exp", n-90),
		"oidc: token not valid yet: it is valid from 2026-09-21T13:00:00Z, in 1h0m0s; check the clocks":                                     d.with("nbf", n+3600),
		"oidc: token not valid yet: it was issued at 2026-09-21T12:00:45Z, 45s ahead of the clock here":                                     d.with("iat", n+45),
		"oidc: lifetime too long: it is valid for 25h0m0s from its issue; at most 24h0m0s is accepted (Config.MaxLifetime)":                 d.with("exp", n+25*3600),
		`oidc: audience not accepted: the token is for "x", "y"; accepted here is "https://deploy.acme.example"`:                            d.with("aud", []string{"x", "y"}),
		`oidc: audience not accepted: the token is for "1", "2", "3", "4", "5", and 2 more; accepted here is "https://deploy.acme.example"`: d.with("aud", strings.Split("1234567", "")),
		"oidc: unacceptable claim: no sub":                                      d.without("sub"),
		"oidc: unacceptable claim: no aud":                                      d.without("aud"),
		"oidc: unacceptable claim: no exp":                                      d.without("exp"),
		"oidc: unacceptable claim: no iat":                                      d.without("iat"),
		"oidc: unacceptable claim: exp: want a number of seconds, not a string": d.with("exp", "1"),
		"oidc: issuer not trusted: the token has no iss that is a string":       d.with("iss", 1),
		`oidc: issuer not trusted: "https://ci.example/" is not configured; "https://ci.example" is, and they differ only by a trailing slash`: d.with("iss", "https://ci.example/"),
		`oidc: issuer not trusted: "https://CI.example" is not configured; "https://ci.example" is, and they differ only by case`:              d.with("iss", "https://CI.example"),
		`oidc: issuer not trusted: "http://ci.example" is not configured; "https://ci.example" is, and they differ only by the scheme`:         d.with("iss", "http://ci.example"),
		`oidc: issuer not trusted: "ci.example" is not configured; "https://ci.example" is, and they differ only by the scheme`:                d.with("iss", "ci.example"),
		`oidc: issuer not trusted: "https://ci.example.evil.example" is not configured`:                                                        d.with("iss", "https://ci.example.evil.example"),
		`oidc: unsupported token: alg is "none"; of this issuer [RS256] is accepted`:                                                           d.header(set("alg", "none")),
		"oidc: unknown key: the token has no kid":                                                   d.header(set("kid", "")),
		`oidc: malformed token: the payload: member "sub" appears twice at byte 125`:                d.payloadWith(`,"sub":"evil"`),
		`oidc: malformed token: the payload: "EXP" differs only by case from the claim "exp"`:       d.payload(fmt.Sprintf(`{"iss":"https://ci.example","EXP":%d}`, n)),
		"oidc: malformed token: the header's kid is not a string":                                   d.header(set("kid", 1)),
		`oidc: wrong signature: the key with kid "` + d.issuer.KeyID() + `" did not make it`:        forged,
		`oidc: issuer not trusted: "https://` + strings.Repeat("x", 248) + `"... is not configured`: d.with("iss", "https://"+strings.Repeat("x", 1000)),
	} {
		_, err := d.v.Verify(t.Context(), raw)
		assert.EqualError(t, err, want)
	}
}

// keySet is a KeySet as users write them.
type keySet func(ctx context.Context, keyID string) ([]oidc.Key, error)

func (k keySet) Keys(ctx context.Context, keyID string) ([]oidc.Key, error) { return k(ctx, keyID) }

// One token costs at most four signature checks, whatever a key set holds, and
// a key that is not fit for it is not one of them.
func TestKeysOfOneID(t *testing.T) {
	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://ci.example", Algorithm: oidc.EdDSA})
	weak := &rsa.PublicKey{N: rsaModulus(1024), E: 65537}
	key := func(id string, alg oidc.Algorithm, public crypto.PublicKey) oidc.Key {
		return oidc.Key{ID: id, Algorithm: alg, Public: public}
	}
	good := key(issuer.KeyID(), oidc.EdDSA, issuer.PublicKey())
	other := func() oidc.Key {
		public, _, err := ed25519.GenerateKey(nil)
		require.NoError(t, err)
		return key(issuer.KeyID(), oidc.EdDSA, public)
	}
	var (
		keys []oidc.Key
		fail error
	)
	trusted := oidc.IssuerOf[claims.Registered](issuer.URL())
	trusted.Algorithms = []oidc.Algorithm{oidc.RS256, oidc.EdDSA}
	trusted.Keys = keySet(func(_ context.Context, keyID string) ([]oidc.Key, error) {
		assert.Equal(t, issuer.KeyID(), keyID)
		return keys, fail
	})
	v := must(t, oidc.Config{Issuers: []oidc.Issuer{trusted}, Audiences: []string{audience}})
	raw := issuer.Sign(oidctest.Claims{
		"iss": issuer.URL(), "sub": "s", "aud": audience, "iat": time.Now().Unix(), "exp": time.Now().Unix() + 60,
	})
	for name, c := range map[string]struct {
		keys []oidc.Key
		want error
	}{
		"the key":             {[]oidc.Key{good}, nil},
		"fourth":              {[]oidc.Key{other(), other(), other(), good}, nil},
		"fifth":               {[]oidc.Key{other(), other(), other(), other(), good}, oidc.ErrSignature},
		"others":              {[]oidc.Key{other()}, oidc.ErrSignature},
		"none":                {nil, oidc.ErrUnknownKey},
		"of another ID":       {[]oidc.Key{key("x", oidc.EdDSA, issuer.PublicKey())}, oidc.ErrUnknownKey},
		"of other algorithms": {[]oidc.Key{key(good.ID, oidc.RS256, issuer.PublicKey()), key(good.ID, "none", issuer.PublicKey()), key(good.ID, "", issuer.PublicKey())}, oidc.ErrUnknownKey},
		"short":               {[]oidc.Key{key(good.ID, oidc.EdDSA, issuer.PublicKey().(ed25519.PublicKey)[:31])}, oidc.ErrUnknownKey},
		"nil":                 {[]oidc.Key{key(good.ID, oidc.EdDSA, nil)}, oidc.ErrUnknownKey},
		"unfit ones first": {[]oidc.Key{
			key(good.ID, oidc.RS256, weak), key(good.ID, oidc.RS256, nil), key(good.ID, oidc.EdDSA, weak), key("x", oidc.EdDSA, issuer.PublicKey()),
			key(good.ID, oidc.EdDSA, ed25519.PublicKey{}), other(), other(), other(), good,
		}, nil},
	} {
		keys = c.keys
		_, err := v.Verify(t.Context(), raw)
		if c.want == nil {
			assert.NoError(t, err, name)
		} else {
			requireToken(t, err, c.want)
		}
	}

	keys, fail = []oidc.Key{good}, errors.New("no way to the key server")
	_, err := v.Verify(t.Context(), raw)
	assert.ErrorIs(t, err, fail)
	assert.Equal(t, issuer.URL(), requireUnavailable(t, err, oidc.OpKeys).Issuer)
	own := &oidc.UnavailableError{Op: "vault", RetryAfter: time.Minute}
	fail = fmt.Errorf("keys: %w", own)
	_, err = v.Verify(t.Context(), raw)
	assert.Same(t, own, requireUnavailable(t, err, "vault"))
}

func TestCircleCIOrganizationIsCompared(t *testing.T) {
	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIURL(otherOrg)})
	v := must(t, oidc.Config{
		Issuers: []oidc.Issuer{oidc.CircleCI(strings.ToUpper(otherOrg))}, Audiences: []string{audience}, HTTPClient: oidctest.Client(issuer),
	})
	org := func(id any) func(oidctest.Claims) {
		return func(c oidctest.Claims) { c["oidc.circleci.com/org-id"] = id }
	}
	for _, same := range []any{otherOrg, strings.ToUpper(otherOrg), nil, ""} {
		_, err := v.Verify(t.Context(), issuer.CircleCI(audience, org(same)))
		assert.NoError(t, err, same)
	}
	_, err := v.Verify(t.Context(), issuer.CircleCI(audience, org(thirdOrg)))
	e := requireToken(t, err, oidc.ErrClaim)
	assert.Equal(t, "oidc.circleci.com/org-id", e.Claim)
	assert.Equal(t, `oidc.circleci.com/org-id is "`+thirdOrg+`" in a token of the issuer of organization `+otherOrg, e.Detail)
	_, err = v.Verify(t.Context(), issuer.CircleCI(audience, func(c oidctest.Claims) { c["iss"] = strings.ToUpper(c["iss"].(string)) }))
	assert.ErrorContains(t, requireToken(t, err, oidc.ErrIssuer), "they differ only by case")
}

// Config.Now is the time by which keys age, too.
func TestConfigNow(t *testing.T) {
	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	now := time.Now()
	v := must(t, oidc.Config{
		Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{audience}, HTTPClient: oidctest.Client(issuer),
		Now:  func() time.Time { return now },
		Keys: &oidc.RemoteKeySetOptions{Now: func() time.Time { return time.Time{} }},
	})
	raw := issuer.GitLab(audience, oidctest.Lifetime(20*time.Hour))
	_, err := v.Verify(t.Context(), raw)
	require.NoError(t, err)
	issuer.Rotate(false)
	now = now.Add(2 * time.Hour)
	_, err = v.Verify(t.Context(), raw)
	requireToken(t, err, oidc.ErrUnknownKey)
}

type Label string

// tagged is a model with an embedded field that is no struct.
type tagged struct {
	claims.Registered
	Label
}

func TestIssuerOfModelWithEmbeddedFields(t *testing.T) {
	_, err := oidc.NewVerifier(oidc.Config{Issuers: []oidc.Issuer{oidc.IssuerOf[tagged]("https://x.example")}, Audiences: []string{audience}})
	assert.NoError(t, err)
}

// A verifier does not change with the configuration it was made of.
func TestConfigIsCopied(t *testing.T) {
	gitlab := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	own, common, algorithms := []string{"own"}, []string{audience}, []oidc.Algorithm{oidc.RS256}
	a, b := oidc.GitLab("https://gitlab.com"), oidc.GitLab("https://b.example")
	a.Audiences, a.Algorithms = own, algorithms
	other := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://b.example"})
	v := must(t, oidc.Config{Issuers: []oidc.Issuer{a, b}, Audiences: common, HTTPClient: oidctest.Client(gitlab, other)})
	own[0], common[0], algorithms[0] = "x", "x", "x"
	_, err := v.Verify(t.Context(), gitlab.GitLab("own"))
	assert.NoError(t, err)
	_, err = v.Verify(t.Context(), other.GitLab(audience))
	assert.NoError(t, err)
	_, err = v.Verify(t.Context(), gitlab.GitLab("x"))
	requireToken(t, err, oidc.ErrAudience)
}
