package oidc_test

import (
	"context"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

// The tests of this file, like those of advisories_test.go, stand for classes of
// mistakes that verifiers are known for, by the number of the class (CWE).

// CWE-918: an issuer's server does not send the verifier to another one, be it
// for the discovery document or for the keys.
func TestRedirectsToElsewhereAreNotFollowed(t *testing.T) {
	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	document := fmt.Sprintf(`{"issuer":"https://gitlab.com","jwks_uri":%q}`, issuer.KeysURL())
	for _, from := range []string{issuer.DiscoveryURL(), issuer.KeysURL()} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			for _, to := range []string{
				"https://evil.example/", "http://gitlab.com/", "https://gitlab.com:8443/", "https://keys.gitlab.com/", "https://gitlab.com.evil.example/",
				"http://127.0.0.1/", "https://127.0.0.1/", "http://localhost/", "http://169.254.169.254/latest/meta-data/", "http://[::1]/",
				"//evil.example/", "https://gitlab.com@evil.example/", "file:///etc/passwd", "gopher://gitlab.com/", "/\\evil.example/",
			} {
				r := &recorder{answer: func(req *http.Request) (int, http.Header, string, error) {
					switch {
					case req.URL.String() == from:
						return status, http.Header{"Location": {to}}, "", nil
					case req.URL.String() == issuer.DiscoveryURL():
						return 200, nil, document, nil
					case req.URL.String() == issuer.KeysURL():
						return 200, nil, string(issuer.JWKS()), nil
					}
					return 404, nil, "", nil
				}}
				v := must(t, oidc.Config{Issuers: []oidc.Issuer{oidc.GitLab(issuer.URL())}, Audiences: []string{audience}, HTTPClient: &http.Client{Transport: r}})
				_, err := v.Verify(t.Context(), issuer.GitLab(audience))
				op := oidc.OpKeys
				if from == issuer.DiscoveryURL() {
					op = oidc.OpDiscovery
				}
				requireUnavailable(t, err, op)
				for _, asked := range r.requests() {
					u, err := url.Parse(asked)
					require.NoError(t, err)
					assert.Equal(t, "https://gitlab.com", u.Scheme+"://"+u.Host, "from %s, by %d to %s", from, status, to)
				}
			}
		}
	}
}

// CWE-295: a server that cannot show whose it is serves no keys. Trust in a
// private authority is for the given client to say.
func TestKeysOverTLS(t *testing.T) {
	var issuer *oidctest.Issuer
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { issuer.ServeHTTP(w, r) }))
	server.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(io.Discard, nil), slog.LevelError)
	server.StartTLS()
	t.Cleanup(server.Close)
	issuer = oidctest.NewIssuer(t, &oidctest.Options{URL: server.URL})
	cfg := oidc.Config{Issuers: []oidc.Issuer{oidc.GitLab(issuer.URL())}, Audiences: []string{audience}}
	raw := issuer.GitLab(audience)
	for name, client := range map[string]*http.Client{"no client": nil, "a plain client": {}, "a client that trusts nobody": {Transport: transportWith(x509.NewCertPool())}} {
		cfg.HTTPClient = client
		_, err := must(t, cfg).Verify(t.Context(), raw)
		u := requireUnavailable(t, err, oidc.OpDiscovery)
		var unknown x509.UnknownAuthorityError
		assert.ErrorAs(t, u.Err, &unknown, name)
		assert.Zero(t, issuer.Requests(), name)
	}
	cfg.HTTPClient = server.Client()
	_, err := must(t, cfg).Verify(t.Context(), raw)
	assert.NoError(t, err)
	// The name counts too: the certificate is for the server's address.
	elsewhere := oidctest.NewIssuer(t, &oidctest.Options{URL: strings.Replace(server.URL, "127.0.0.1", "localhost", 1)})
	cfg.Issuers = []oidc.Issuer{oidc.GitLab(elsewhere.URL())}
	_, err = must(t, cfg).Verify(t.Context(), elsewhere.GitLab(audience))
	var wrong x509.HostnameError
	assert.ErrorAs(t, requireUnavailable(t, err, oidc.OpDiscovery).Err, &wrong)
}

func transportWith(roots *x509.CertPool) http.RoundTripper {
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
}

// CWE-625, CWE-918: an issuer is the configured text and nothing that a URL
// parser, a pattern or a person could take for it.
func TestIssuersThatLookAlike(t *testing.T) {
	r := &recorder{answer: func(*http.Request) (int, http.Header, string, error) { return 404, nil, "", nil }}
	v := must(t, oidc.Config{
		Issuers: []oidc.Issuer{
			oidc.GitLab("https://gitlab.com"), oidc.CircleCI(otherOrg), oidc.CircleCIRoot(otherOrg),
			oidc.CircleCIOrganizations(func(_ context.Context, id string) (bool, error) {
				t.Errorf("asked about %q", id)
				return true, nil
			}),
		},
		Audiences: []string{audience}, HTTPClient: &http.Client{Transport: r},
	})
	forger := oidctest.NewIssuer(t, nil)
	org := "/org/" + otherOrg
	for _, iss := range []string{
		"https://gitlab.com/", "https://gitlab.com.", "https://gitlab.com:443", "https://gitlab.com?", "https://gitlab.com#", "https://gitlab.com/..",
		"https://GitLab.com", "HTTPS://gitlab.com", "http://gitlab.com", "//gitlab.com", "gitlab.com", "https:gitlab.com", "https:///gitlab.com",
		"https://gitlab.com\x00", "https://gitlab.com\n", " https://gitlab.com", "https://gitlab。com", "https://gitlab．com", "https://ɡitlab.com",
		"https://gitlab.com%2f", "https://gitlab.com%00.evil.example", "https://gitlab.com\\.evil.example", "https://gitlab.com@evil.example",
		"https://evil.example/https://gitlab.com", "https://evil.example#https://gitlab.com", "https://evil.gitlab.com", "https://gitlab.com.evil.example",
		"https://xgitlab.com", "https://gitlab\u200b.com", "https://gitlabXcom",
		"https://oidc。circleci.com" + org, "https://oidc．circleci．com" + org, "https://oidc.circleci.com\\" + org, "https://oidc.circleci.com/\\org/" + otherOrg,
		"https://oidc.circleci.com/org\\" + otherOrg, "https://oidc.circleci.com/ORG/" + otherOrg, "https://oidc.circleci.com/org%2f" + otherOrg,
		"https://oidc.circleci.com" + org + "\n", "https://oidc.circleci.com" + org + "\x00", "https://oidc.circleci.com" + org + org,
		"https://oidc.circleci.com" + org + ".", "https://oidc.circleci.com./org/" + otherOrg, "https://oidcXcircleci.com" + org,
		"https://evil.example/oidc.circleci.com" + org, "https://evil.example" + org, "https://oidc.circleci.com:x@evil.example" + org,
		"https://oidc.circleci.com/org/{" + otherOrg + "}", "https://oidc.circleci.com/org/*", "https://oidc.circleci.com/org/..", "https://oidc.circleci.com/",
		"https://oidc.circleci.com/org/" + strings.ReplaceAll(otherOrg, "-", ""), "https://oidc.circleci.com/org/urn:uuid:" + otherOrg,
	} {
		_, err := v.Verify(t.Context(), forger.Sign(oidctest.Claims{"iss": iss, "sub": "s", "aud": audience, "iat": time.Now().Unix(), "exp": time.Now().Unix() + 60}))
		require.Error(t, err, "%q", iss)
		assert.Equal(t, iss, requireToken(t, err, oidc.ErrIssuer).Issuer)
	}
	assert.Empty(t, r.requests(), "a request for an issuer that nobody configured")
}

// CWE-1240: a key whose primes can be found out from it verifies nothing, be it
// fetched, parsed or given.
func TestKeysThatCanBeFactored(t *testing.T) {
	product := big.NewInt(1)
	for p := int64(3); p <= 167; p += 2 {
		if big.NewInt(p).ProbablyPrime(0) {
			product.Mul(product, big.NewInt(p))
		}
	}
	// A power of 65537 modulo each small prime, as the moduli of such keys are.
	n := new(big.Int).Lsh(product, uint(2048-product.BitLen()))
	n.Add(n, big.NewInt(65537))
	require.Equal(t, 2048, n.BitLen())
	require.EqualValues(t, 1, n.Bit(0))
	const reason = "the RSA key was made of primes with a structure by which they can be found"

	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	jwk := fmt.Sprintf(`{"kty":"RSA","n":%q,"e":"AQAB","kid":"weak"}`, b64(string(n.Bytes())))
	_, err := oidc.ParseKeySet([]byte(`{"keys":[` + jwk + `]}`))
	assert.ErrorContains(t, err, reason)

	i := oidc.GitLab(issuer.URL())
	i.Keys = oidc.StaticKeySet{{ID: "weak", Algorithm: oidc.RS256, Public: &rsa.PublicKey{N: n, E: 65537}}}
	_, err = oidc.NewVerifier(oidc.Config{Issuers: []oidc.Issuer{i}, Audiences: []string{audience}})
	assert.ErrorContains(t, err, "key 0 of the static key set: "+reason)

	issuer.Publish(jwk)
	v := must(t, oidc.Config{Issuers: []oidc.Issuer{oidc.GitLab(issuer.URL())}, Audiences: []string{audience}, HTTPClient: oidctest.Client(issuer)})
	_, err = v.Verify(t.Context(), issuer.GitLab(audience))
	assert.NoError(t, err, "the other keys of the set are as good as before")
	_, err = v.Verify(t.Context(), issuer.SignWith(set("kid", "weak"), oidctest.Claims{"iss": issuer.URL()}))
	requireToken(t, err, oidc.ErrUnknownKey)
}

// CWE-345: two issuers may give different keys one ID, at the same time, and a
// verifier that has seen a key of one takes it for no other's.
func TestOneKeyIDAtTwoIssuers(t *testing.T) {
	public := func(seed byte) (*mint, oidc.Issuer, string) {
		m := newMint(t, oidc.EdDSA)
		u := fmt.Sprintf("https://%c.example", seed)
		i := oidc.IssuerOf[claims.Registered](u)
		i.Algorithms, i.Keys = []oidc.Algorithm{oidc.EdDSA}, oidc.StaticKeySet{{ID: "k", Algorithm: oidc.EdDSA, Public: m.key.Public()}}
		return m, i, u
	}
	a, issuerA, urlA := public('a')
	b, issuerB, urlB := public('b')
	now := time.Unix(1790000000, 0)
	v := must(t, oidc.Config{Issuers: []oidc.Issuer{issuerA, issuerB}, Audiences: []string{audience}, Now: func() time.Time { return now }, CachedTokens: 100})
	token := func(m *mint, iss string) string {
		input := b64(m.header()) + "." + b64(string(marshal(t, map[string]any{"iss": iss, "sub": "s", "aud": audience, "iat": now.Unix(), "exp": now.Unix() + 60})))
		return input + "." + m.signature(t, input)
	}
	for range 2 { // The second time, what is remembered is asked.
		for _, good := range []string{token(a, urlA), token(b, urlB)} {
			_, err := v.Verify(t.Context(), good)
			assert.NoError(t, err)
		}
		for _, bad := range []string{token(a, urlB), token(b, urlA)} {
			_, err := v.Verify(t.Context(), bad)
			require.Error(t, err)
			requireToken(t, err, oidc.ErrSignature)
		}
	}
}
