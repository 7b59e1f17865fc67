package oidc_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

// hs256 returns the token of header and claims with an HMAC under this secret.
func hs256(t *testing.T, secret []byte, header, payload string) string {
	t.Helper()
	input := b64(header) + "." + b64(payload)
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(input))
	return input + "." + b64(string(h.Sum(nil)))
}

// provider is a fake issuer and a verifier that trusts it.
type provider struct {
	*oidctest.Issuer
	v *oidc.Verifier
}

func newProvider(t *testing.T, alg oidc.Algorithm) *provider {
	t.Helper()
	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://op.example", Algorithm: alg})
	i := oidc.IssuerOf[claims.Registered](issuer.URL())
	i.Algorithms = []oidc.Algorithm{alg}
	return &provider{issuer, must(t, oidc.Config{
		Issuers: []oidc.Issuer{i}, Audiences: []string{audience}, HTTPClient: oidctest.Client(issuer),
	})}
}

// idToken returns claims of an ID token that is accepted, edited.
func (p *provider) idToken(edit ...func(oidctest.Claims)) oidctest.Claims {
	now := time.Now().Unix()
	c := oidctest.Claims{"iss": p.URL(), "sub": "user-1", "aud": audience, "iat": now, "exp": now + 300, "auth_time": now, "nonce": "n-1"}
	for _, f := range edit {
		f(c)
	}
	return c
}

// publishOnly has the issuer publish one of its keys.
func (p *provider) publishOnly(t *testing.T, keyID string) {
	t.Helper()
	var set struct{ Keys []map[string]any }
	require.NoError(t, json.Unmarshal(p.JWKS(), &set))
	set.Keys = slices.DeleteFunc(set.Keys, func(k map[string]any) bool { return k["kid"] != keyID })
	require.Len(t, set.Keys, 1)
	body := marshal(t, map[string]any{"keys": set.Keys})
	p.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if p.URL()+r.URL.Path != p.KeysURL() {
			return false
		}
		w.Write(body)
		return true
	})
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}

func without(name string) func(oidctest.Claims) {
	return func(c oidctest.Claims) { delete(c, name) }
}

func withClaim(name string, value any) func(oidctest.Claims) {
	return func(c oidctest.Claims) { c[name] = value }
}

// The tests of OpenID's conformance suite for relying parties that the verifier
// of a token can fail, by their names there. Where the suite leaves the choice,
// the stricter one was made: a token names its key, or is refused.
func TestConformance(t *testing.T) {
	broken := func(raw string) string {
		i := strings.LastIndexByte(raw, '.')
		first := byte('A')
		if raw[i+1] == first {
			first = 'B'
		}
		return raw[:i+1] + string([]byte{first}) + raw[i+2:]
	}
	noKid := func(h oidctest.Header) { delete(h, "kid") }
	for name, c := range map[string]struct {
		alg  oidc.Algorithm // empty: RS256
		raw  func(*testing.T, *provider) string
		want error // nil: accepted
	}{
		"client-test": {"", func(_ *testing.T, p *provider) string { return p.Sign(p.idToken()) }, nil},
		"client-test-invalid-iss": {"", func(_ *testing.T, p *provider) string {
			return p.Sign(p.idToken(withClaim("iss", p.URL()+"1")))
		}, oidc.ErrIssuer},
		"client-test-missing-sub": {"", func(_ *testing.T, p *provider) string { return p.Sign(p.idToken(without("sub"))) }, oidc.ErrClaim},
		"client-test-invalid-aud": {"", func(_ *testing.T, p *provider) string {
			return p.Sign(p.idToken(withClaim("aud", audience+"1")))
		}, oidc.ErrAudience},
		"client-test-missing-aud": {"", func(_ *testing.T, p *provider) string { return p.Sign(p.idToken(without("aud"))) }, oidc.ErrClaim},
		"client-test-missing-iat": {"", func(_ *testing.T, p *provider) string { return p.Sign(p.idToken(without("iat"))) }, oidc.ErrClaim},
		"client-test-kid-absent-single-jwks": {"", func(t *testing.T, p *provider) string {
			p.publishOnly(t, p.KeyID())
			_, err := p.v.Verify(t.Context(), p.Sign(p.idToken()))
			require.NoError(t, err)
			return p.SignWith(noKid, p.idToken())
		}, oidc.ErrUnknownKey},
		"client-test-kid-absent-multiple-jwks": {"", func(_ *testing.T, p *provider) string {
			p.Rotate(true)
			return p.SignWith(noKid, p.idToken())
		}, oidc.ErrUnknownKey},
		"client-test-idtoken-sig-rs256": {oidc.RS256, func(_ *testing.T, p *provider) string { return p.Sign(p.idToken()) }, nil},
		"client-test-idtoken-sig-es256": {oidc.ES256, func(_ *testing.T, p *provider) string { return p.Sign(p.idToken()) }, nil},
		"client-test-idtoken-sig-none": {"", func(_ *testing.T, p *provider) string {
			raw := p.SignWith(func(h oidctest.Header) { h["alg"] = "none" }, p.idToken())
			return raw[:strings.LastIndexByte(raw, '.')+1]
		}, oidc.ErrUnsupported},
		"client-test-invalid-sig-rs256": {oidc.RS256, func(_ *testing.T, p *provider) string { return broken(p.Sign(p.idToken())) }, oidc.ErrSignature},
		"client-test-invalid-sig-es256": {oidc.ES256, func(_ *testing.T, p *provider) string { return broken(p.Sign(p.idToken())) }, oidc.ErrSignature},
		"client-test-invalid-sig-eddsa": {oidc.EdDSA, func(_ *testing.T, p *provider) string { return broken(p.Sign(p.idToken())) }, oidc.ErrSignature},
		"client-test-invalid-sig-hs256": {"", func(t *testing.T, p *provider) string {
			return hs256(t, []byte("client secret"), `{"alg":"HS256","kid":"`+p.KeyID()+`"}`, string(marshal(t, p.idToken())))
		}, oidc.ErrUnsupported},
		"client-test-nonce-invalid": {"", func(_ *testing.T, p *provider) string {
			return p.Sign(p.idToken(withClaim("nonce", "another")))
		}, nil}, // A nonce belongs to a login; there is none here, and it does no harm.
		"expired": {"", func(_ *testing.T, p *provider) string {
			return p.Sign(p.idToken(withClaim("exp", time.Now().Unix()-60)))
		}, oidc.ErrExpired}, // The suite has no such test.
	} {
		t.Run(name, func(t *testing.T) {
			alg := c.alg
			if alg == "" {
				alg = oidc.RS256
			}
			p := newProvider(t, alg)
			tok, err := p.v.Verify(t.Context(), c.raw(t, p))
			if c.want == nil {
				require.NoError(t, err)
				assert.Equal(t, "user-1", tok.Claims().RegisteredClaims().Subject)
				return
			}
			assert.Nil(t, tok)
			requireToken(t, err, c.want)
		})
	}
}

func TestConformanceOfDiscovery(t *testing.T) {
	t.Run("client-test-discovery-openid-config", func(t *testing.T) {
		p := newProvider(t, oidc.RS256)
		var asked []string
		p.Misbehave(func(_ http.ResponseWriter, r *http.Request) bool { asked = append(asked, r.URL.Path); return false })
		_, err := p.v.Verify(t.Context(), p.Sign(p.idToken()))
		require.NoError(t, err)
		assert.Equal(t, []string{"/.well-known/openid-configuration", "/oauth/discovery/keys"}, asked)
	})
	t.Run("client-test-discovery-issuer-mismatch", func(t *testing.T) {
		p := newProvider(t, oidc.RS256)
		p.Misbehave(func(w http.ResponseWriter, _ *http.Request) bool {
			fmt.Fprintf(w, `{"issuer":"https://op.example/other","jwks_uri":%q}`, p.KeysURL())
			return true
		})
		_, err := p.v.Verify(t.Context(), p.Sign(p.idToken()))
		assert.ErrorContains(t, requireUnavailable(t, err, oidc.OpDiscovery), `is of issuer "https://op.example/other"`)
		assert.Equal(t, 1, p.Requests())
	})
	t.Run("client-test-discovery-jwks-uri-keys", func(t *testing.T) {
		p := newProvider(t, oidc.RS256)
		// Keys of a kind that is not used, and one without an ID, are beside it.
		p.Publish(`{"kty":"EC","crv":"P-384","x":"AA","y":"AA","kid":"p384","use":"sig"}`, `{"kty":"oct","k":"AAAA","kid":"oct"}`, `{"kty":"RSA"}`)
		_, err := p.v.Verify(t.Context(), p.Sign(p.idToken()))
		assert.NoError(t, err)
	})
}

func TestConformanceOfRotation(t *testing.T) {
	t.Run("client-test-signing-key-rotation", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := newProvider(t, oidc.RS256)
			_, err := p.v.Verify(t.Context(), p.Sign(p.idToken()))
			require.NoError(t, err)
			time.Sleep(time.Minute)
			p.Rotate(true)
			_, err = p.v.Verify(t.Context(), p.Sign(p.idToken()))
			assert.NoError(t, err)
			assert.Equal(t, 2, p.Fetches())
		})
	})
	t.Run("client-test-signing-key-rotation-just-before-signing", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := newProvider(t, oidc.RS256)
			require.NoError(t, p.v.Warm(t.Context()))
			p.Rotate(false)
			raw := p.Sign(p.idToken())
			// Within ten seconds of the last look the set is taken at its word.
			_, err := p.v.Verify(t.Context(), raw)
			requireToken(t, err, oidc.ErrUnknownKey)
			time.Sleep(10 * time.Second)
			_, err = p.v.Verify(t.Context(), raw)
			assert.NoError(t, err)
			assert.Equal(t, 2, p.Fetches())
		})
	})
}

// Of a platform that is not known here, nothing else tells a logout token apart.
func TestConformanceOfLogoutTokensOfOthers(t *testing.T) {
	p := newProvider(t, oidc.RS256)
	raw := p.Sign(p.idToken())
	_, err := p.v.Verify(t.Context(), raw)
	require.NoError(t, err)
	for _, events := range []any{map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}, map[string]any{}, nil} {
		c := p.idToken()
		c["events"] = events
		_, err := p.v.Verify(t.Context(), p.Sign(c))
		assert.Equal(t, "events", requireToken(t, err, oidc.ErrClaim).Claim)
	}
}

// Logout tokens come from the same issuer, for the same audience and under the
// same keys. None passes for a job's token, however it is made.
func TestConformanceOfLogoutTokens(t *testing.T) {
	gitlab := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	circle := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIURL(otherOrg)})
	v := must(t, oidc.Config{
		Issuers:   []oidc.Issuer{oidc.GitLab(gitlab.URL()), oidc.CircleCI(otherOrg)},
		Audiences: []string{audience}, HTTPClient: oidctest.Client(gitlab, circle),
	})
	for issuer, identity := range map[*oidctest.Issuer]string{gitlab: "project_id", circle: "oidc.circleci.com/project-id"} {
		now := time.Now().Unix()
		logout := func(edit ...func(oidctest.Claims)) oidctest.Claims {
			c := oidctest.Claims{
				"iss": issuer.URL(), "sub": "user-1", "aud": audience, "iat": now, "exp": now + 120, "jti": "j-1", "sid": "s-1",
				"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
			}
			for _, f := range edit {
				f(c)
			}
			return c
		}
		typ := func(typ string) func(oidctest.Header) { return func(h oidctest.Header) { h["typ"] = typ } }
		for name, c := range map[string]struct {
			raw   string
			want  error
			claim string
		}{
			"typ logout+jwt":             {issuer.SignWith(typ("logout+jwt"), logout()), oidc.ErrUnsupported, ""},
			"typ application/logout+jwt": {issuer.SignWith(typ("application/logout+jwt"), logout()), oidc.ErrUnsupported, ""},
			"typ secevent+jwt":           {issuer.SignWith(typ("secevent+jwt"), logout()), oidc.ErrUnsupported, ""},
			"as sent":                    {issuer.Sign(logout()), oidc.ErrClaim, identity},
			"without exp":                {issuer.Sign(logout(without("exp"))), oidc.ErrClaim, "exp"},
			"without sub":                {issuer.Sign(logout(without("sub"))), oidc.ErrClaim, "sub"},
			"with-nonce":                 {issuer.Sign(logout(withClaim("nonce", "n"))), oidc.ErrClaim, identity},
			"no-event":                   {issuer.Sign(logout(without("events"))), oidc.ErrClaim, identity},
			"wrong-event":                {issuer.Sign(logout(withClaim("events", map[string]any{"x": 1}))), oidc.ErrClaim, identity},
			"wrong-aud":                  {issuer.Sign(logout(withClaim("aud", "other"))), oidc.ErrAudience, "aud"},
			"wrong-issuer":               {issuer.Sign(logout(withClaim("iss", "https://other.example"))), oidc.ErrIssuer, "iss"},
			"wrong-alg":                  {issuer.SignWith(func(h oidctest.Header) { h["alg"] = "RS512" }, logout()), oidc.ErrUnsupported, ""},
			"alg-none":                   {issuer.SignWith(func(h oidctest.Header) { h["alg"] = "none" }, logout()), oidc.ErrUnsupported, ""},
		} {
			tok, err := v.Verify(t.Context(), c.raw)
			assert.Nil(t, tok, name)
			require.Error(t, err, name)
			assert.Equal(t, c.claim, requireToken(t, err, c.want).Claim, name)
		}
	}
}
