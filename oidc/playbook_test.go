package oidc_test

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

// What whoever tries tokens against a service tries first: the moves of the
// usual tools and exercises, made here against a desk whose clock stands still,
// so that its keys are always fresh.

// judge asserts that raw is refused for this reason.
func (d *desk) judge(t *testing.T, name, raw string, want error) {
	t.Helper()
	tok, err := d.v.Verify(t.Context(), raw)
	assert.Nil(t, tok, name)
	if assert.Error(t, err, name) {
		assert.Same(t, want, requireToken(t, err, want).Reason, name)
	}
}

// A public key is no secret, in whatever form it is taken for one.
func TestSecretsThatAreKnown(t *testing.T) {
	d := newDesk(t, oidc.RS256)
	public, ok := d.issuer.PublicKey().(*rsa.PublicKey)
	require.True(t, ok)
	pkix, err := x509.MarshalPKIXPublicKey(public)
	require.NoError(t, err)
	pkcs1 := x509.MarshalPKCS1PublicKey(public)
	pemOf := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	var set struct{ Keys []json.RawMessage }
	require.NoError(t, json.Unmarshal(d.issuer.JWKS(), &set))
	// A symmetric key that somebody published by mistake is not used either.
	d.issuer.Publish(`{"kty":"oct","k":"c2VjcmV0","alg":"HS256","use":"sig","kid":"oct"}`)
	payload := string(marshal(t, d.claims(nil)))
	for _, kid := range []string{d.issuer.KeyID(), "oct", ""} {
		for _, alg := range []string{"HS256", "HS384", "HS512", "hs256"} {
			header := string(marshal(t, map[string]any{"alg": alg, "kid": kid, "typ": "JWT"}))
			for name, secret := range map[string][]byte{
				"blank": {}, "weak": []byte("secret"), "zero byte": {0}, "the key ID": []byte(kid), "the key set": d.issuer.JWKS(), "the key": set.Keys[0],
				"PEM": pemOf("PUBLIC KEY", pkix), "PEM without the last line break": bytes.TrimSpace(pemOf("PUBLIC KEY", pkix)), "DER": pkix,
				"PEM of PKCS #1": pemOf("RSA PUBLIC KEY", pkcs1), "DER of PKCS #1": pkcs1,
				"modulus": public.N.Bytes(), "modulus in base64url": []byte(b64(string(public.N.Bytes()))), "modulus, decimal": []byte(public.N.String()),
			} {
				d.judge(t, alg+", "+name, hs256(t, secret, header, payload), oidc.ErrUnsupported)
			}
		}
	}
	assert.Zero(t, d.issuer.Requests(), "the algorithm is judged before a key is looked for")
}

// A token without a signature is refused however its header is spelled, with
// another's signature too, and so is a signed one that calls itself unsigned.
func TestTokensThatNobodySigned(t *testing.T) {
	d := newDesk(t, oidc.RS256)
	good := strings.Split(d.issuer.Sign(d.claims(nil)), ".")
	payload := b64(string(marshal(t, d.claims(nil))))
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "nONE"} {
		for _, kid := range []string{"", d.issuer.KeyID(), "none"} {
			header := b64(string(marshal(t, map[string]any{"alg": alg, "kid": kid, "typ": "JWT"})))
			d.judge(t, alg, header+"."+payload+".", oidc.ErrUnsupported)
			d.judge(t, alg+", signature of another", header+"."+payload+"."+good[2], oidc.ErrUnsupported)
			d.judge(t, alg+", one character", header+"."+payload+".A", oidc.ErrMalformed)
			d.judge(t, alg+", without the last dot", header+"."+payload, oidc.ErrMalformed)
		}
	}
	for _, alg := range []string{"none ", " none", "no\u0000ne", "null", "undefined", "0"} {
		header := b64(string(marshal(t, map[string]any{"alg": alg})))
		d.judge(t, alg, header+"."+payload+".", oidc.ErrMalformed)
		d.judge(t, alg, header+"."+payload+".AAAA", oidc.ErrUnsupported)
	}
	d.judge(t, "signature removed", good[0]+"."+good[1]+".", oidc.ErrMalformed)
	d.judge(t, "signature and dot removed", good[0]+"."+good[1], oidc.ErrMalformed)
	d.judge(t, "signature of zeros", good[0]+"."+good[1]+"."+strings.Repeat("A", len(good[2])), oidc.ErrSignature)
}

// A key that comes with the token, or from where the token says, is the
// sender's. The signatures here are good ones of the sender's own key.
func TestKeysOfTheSender(t *testing.T) {
	d := newDesk(t, oidc.RS256)
	forger := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://evil.example", X5C: true, Now: func() time.Time { return d.now }})
	var set struct{ Keys []map[string]any }
	require.NoError(t, json.Unmarshal(forger.JWKS(), &set))
	var own map[string]any
	for _, k := range set.Keys {
		if k["kid"] == forger.KeyID() {
			own = k
		}
	}
	require.NotNil(t, own)
	plain := maps.Clone(own)
	delete(plain, "x5c")
	renamed := maps.Clone(own)
	renamed["kid"] = d.issuer.KeyID()
	sign := func(members map[string]any) string {
		return forger.SignWith(func(h oidctest.Header) { maps.Copy(h, members) }, d.claims(nil))
	}
	for name, members := range map[string]map[string]any{
		"jwk":                       {"jwk": own},
		"jwk, the issuer's kid":     {"jwk": renamed, "kid": d.issuer.KeyID()},
		"jwk, null":                 {"jwk": nil, "kid": d.issuer.KeyID()},
		"jku":                       {"jku": forger.KeysURL()},
		"jku, the issuer's kid":     {"jku": forger.KeysURL(), "kid": d.issuer.KeyID()},
		"jku of the issuer's":       {"jku": d.issuer.KeysURL(), "kid": d.issuer.KeyID()},
		"jku, prefix of the issuer": {"jku": d.issuer.URL() + "@evil.example/keys"},
		"x5u":                       {"x5u": forger.KeysURL()},
		"x5c":                       {"x5c": own["x5c"], "kid": d.issuer.KeyID()},
		"x5c and jku":               {"x5c": own["x5c"], "jku": forger.KeysURL()},
	} {
		require.NotNil(t, own["x5c"])
		d.judge(t, name, sign(members), oidc.ErrUnsupported)
	}
	assert.Zero(t, d.issuer.Requests()+forger.Requests())
	for name, members := range map[string]map[string]any{
		"the issuer's kid": {"kid": d.issuer.KeyID()},
		"x5t":              {"kid": d.issuer.KeyID(), "x5t": forger.Thumbprints()[0], "x5t#S256": forger.Thumbprints()[0]},
		"other names":      {"kid": d.issuer.KeyID(), "jwks": map[string]any{"keys": []any{plain}}, "key": plain, "pub": plain},
	} {
		d.judge(t, name, sign(members), oidc.ErrSignature)
	}
	d.judge(t, "its own kid", sign(nil), oidc.ErrUnknownKey)
	assert.Zero(t, forger.Requests())
}

// A key ID is compared and nothing else: it opens no file, runs no query and
// asks no server, whatever it looks like.
func TestKeyIDsThatAreNone(t *testing.T) {
	d := newDesk(t, oidc.RS256)
	require.NoError(t, d.v.Warm(t.Context()))
	asked := d.issuer.Requests()
	id := d.issuer.KeyID()
	for _, kid := range []string{
		"", " ", id + " ", " " + id, id + "\x00", id + "\n", strings.ToUpper(id), strings.ToLower(id), id[:len(id)-1], id + "=", "%" + id, id + "/../" + id,
		"../../dev/null", "/dev/null", "../../../../../../dev/null", "file:///dev/null", "C:\\Windows\\win.ini", "/proc/sys/kernel/randomize_va_space", "../../keys/" + id,
		"|sleep 10", "| sleep 10 #", "; sleep 10", "$(sleep 10)", "`sleep 10`", "key.pem|whoami", "x' OR '1'='1", "x' UNION SELECT 'secret' --", `x" OR ""="`,
		"https://evil.example/keys", "ldap://evil.example/x", "${jndi:ldap://evil.example/x}", "{{7*7}}", "*", "[object Object]", "null", "0", "undefined", "__proto__",
		strings.Repeat("k", 2000),
	} {
		if kid == id {
			continue
		}
		d.judge(t, kid, d.header(set("kid", kid)), oidc.ErrUnknownKey)
	}
	for _, kid := range []any{nil, 0, 1, true, []string{id}, map[string]any{"kid": id}} {
		d.judge(t, fmt.Sprint(kid), d.header(set("kid", kid)), oidc.ErrMalformed)
	}
	d.judge(t, "a megabyte", d.header(set("kid", strings.Repeat("k", 1<<20))), oidc.ErrMalformed)
	d.judge(t, "five kilobytes", d.header(set("kid", strings.Repeat("k", 5<<10))), oidc.ErrMalformed)
	assert.Equal(t, asked, d.issuer.Requests(), "the keys were fetched just now")
}

// A URL in a token is text. Whatever member it stands in, nobody is asked but
// the issuer that is configured, and only for its document and its keys.
func TestURLsInTokensAreNotFollowed(t *testing.T) {
	now := time.Now()
	gitlab := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	r := &recorder{answer: func(req *http.Request) (int, http.Header, string, error) {
		switch req.URL.String() {
		case gitlab.DiscoveryURL():
			return 200, nil, fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, gitlab.URL(), gitlab.KeysURL()), nil
		case gitlab.KeysURL():
			return 200, nil, string(gitlab.JWKS()), nil
		}
		return 200, nil, `{}`, nil
	}}
	v := must(t, oidc.Config{
		Issuers:   []oidc.Issuer{oidc.GitLab(gitlab.URL()), oidc.CircleCI(otherOrg), oidc.CircleCIRoot(otherOrg)},
		Audiences: []string{audience}, HTTPClient: &http.Client{Transport: r}, Now: func() time.Time { return now },
	})
	_, err := v.Verify(t.Context(), gitlab.GitLab(audience))
	require.NoError(t, err)
	const away = "https://counter.evil.example/x"
	var good oidctest.Claims
	gitlab.GitLab(audience, func(c oidctest.Claims) { good = maps.Clone(c) })
	names := append(slices.Sorted(maps.Keys(good)),
		"jku", "x5u", "jwks_uri", "url", "src", "href", "picture", "profile", "website", "logo_uri", "redirect_uri", "userinfo_endpoint", "introspection_endpoint",
		"_claim_sources", "_claim_names", "cnf", "sector_identifier_uri", "request_uri", "client_id", "azp", "act", "wl", "status", "openid_configuration",
		"oidc.circleci.com/vcs-origin", "$ref", "$schema", "@context")
	verify := func(raw string) { v.Verify(t.Context(), raw) }
	for _, name := range names {
		for _, value := range []any{away, []string{away}, map[string]any{"endpoint": away, "uri": away, "jku": away}} {
			verify(gitlab.GitLab(audience, withClaim(name, value)))
		}
	}
	for _, name := range []string{"alg", "jku", "jwk", "kid", "x5u", "x5c", "x5t", "typ", "cty", "crit", "iss", "sub", "aud", "url", "nonce", "ppt", "svt", "trust_chain", "jwks_uri", "src", "iat", "kid_url"} {
		for _, value := range []any{away, []string{away}, map[string]any{"url": away}} {
			verify(gitlab.SignWith(set(name, value), good))
		}
	}
	verify(away)
	assert.Equal(t, []string{gitlab.DiscoveryURL(), gitlab.KeysURL()}, r.requests())
}

// A token says the same whenever it comes and in whatever order its claims
// stand, and nothing in it can be changed.
func TestTokensThatComeAgain(t *testing.T) {
	d := newDesk(t, oidc.RS256)
	c := d.claims(nil)
	good := d.issuer.Sign(c)
	for range 3 {
		tok, err := d.v.Verify(t.Context(), good)
		require.NoError(t, err)
		assert.Equal(t, "s", tok.Claims().RegisteredClaims().Subject)
	}
	for _, order := range [][]string{
		{"iss", "sub", "aud", "iat", "nbf", "exp"}, {"exp", "nbf", "iat", "aud", "sub", "iss"}, {"aud", "exp", "sub", "iat", "iss", "nbf"},
	} {
		members := make([]string, len(order))
		for i, name := range order {
			members[i] = fmt.Sprintf("%q:%s", name, marshal(t, c[name]))
		}
		tok, err := d.v.Verify(t.Context(), d.payload("{"+strings.Join(members, ",")+"}"))
		require.NoError(t, err)
		assert.Equal(t, d.issuer.URL(), tok.Claims().RegisteredClaims().Issuer)
	}

	parts := strings.Split(good, ".")
	for name := range c {
		for _, value := range []any{"changed", 9999999999, nil} {
			other := maps.Clone(c)
			other[name] = value
			want := oidc.ErrSignature
			if name == "iss" {
				want = oidc.ErrIssuer
			}
			d.judge(t, name, parts[0]+"."+b64(string(marshal(t, other)))+"."+parts[2], want)
		}
	}
	more := maps.Clone(c)
	more["admin"] = true
	d.judge(t, "a claim more", parts[0]+"."+b64(string(marshal(t, more)))+"."+parts[2], oidc.ErrSignature)
	d.judge(t, "another header", b64(fmt.Sprintf(`{"alg":"RS256","kid":%q}`, d.issuer.KeyID()))+"."+parts[1]+"."+parts[2], oidc.ErrSignature)
	d.judge(t, "parts swapped", parts[1]+"."+parts[0]+"."+parts[2], oidc.ErrMalformed)
	d.judge(t, "signature of another token", parts[0]+"."+parts[1]+"."+strings.Split(d.with("x", 1), ".")[2], oidc.ErrSignature)
}
