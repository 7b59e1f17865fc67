package fakeissuer

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPlatformComesFromTheURL(t *testing.T) {
	const org = "/org/" + CircleCIOrganizationID
	for url, want := range map[string]string{
		"":                                                        GitLabPlatform,
		"https://gitlab.com":                                      GitLabPlatform,
		"https://oidc.circleci.com":                               CircleCIPlatform,
		"https://oidc.circleci.com" + org:                         CircleCIPlatform,
		"https://oidc.circleci.com.test":                          GitLabPlatform,
		"http://127.0.0.1:8080" + org:                             CircleCIPlatform,
		"https://ci.acme.test/x" + org:                            CircleCIPlatform,
		"https://ci.acme.test" + org + "0":                        GitLabPlatform,
		"https://ci.acme.test" + org + "/x":                       GitLabPlatform,
		"https://ci.acme.test/org/" + strings.Repeat("a", 36):     GitLabPlatform,
		"https://ci.acme.test/org/g" + CircleCIOrganizationID[1:]: GitLabPlatform,
		"https://ci.acme.test/org/" + strings.ToUpper(CircleCIOrganizationID): CircleCIPlatform,
	} {
		assert.Equal(t, want, open(t, Options{URL: url}).Platform(), url)
	}
	assert.Equal(t, CircleCIPlatform, open(t, Options{Platform: CircleCIPlatform}).Platform())
	assert.Equal(t, GitLabPlatform, open(t, Options{URL: CircleCIRootURL, Platform: GitLabPlatform}).Platform())
	assert.Equal(t, DefaultURL, open(t, Options{}).URL())
}

func TestOptionsThatMakeNoIssuer(t *testing.T) {
	gitLab := open(t, Options{})
	for name, test := range map[string]struct {
		opts  Options
		field string
	}{
		"no scheme":           {Options{URL: "gitlab.com"}, "URL"},
		"other scheme":        {Options{URL: "ftp://gitlab.com"}, "URL"},
		"no host":             {Options{URL: "https:///x"}, "URL"},
		"no URL":              {Options{URL: "https://a b"}, "URL"},
		"user":                {Options{URL: "https://u@gitlab.com"}, "URL"},
		"query":               {Options{URL: "https://gitlab.com?a"}, "URL"},
		"empty query":         {Options{URL: "https://gitlab.com?"}, "URL"},
		"empty fragment":      {Options{URL: "https://gitlab.com#"}, "URL"},
		"platform":            {Options{Platform: "github"}, "Platform"},
		"algorithm":           {Options{Algorithm: "HS256"}, "Algorithm"},
		"weak login key":      {Options{LoginKeyBits: 1024}, "LoginKeyBits"},
		"huge login key":      {Options{LoginKeyBits: 16384}, "LoginKeyBits"},
		"ES256 login key":     {Options{LoginKeyBits: 2048, Algorithm: ES256}, "LoginKeyBits"},
		"CircleCI login key":  {Options{LoginKeyBits: 2048, URL: CircleCIRootURL}, "LoginKeyBits"},
		"borrowed login key":  {Options{LoginKeyBits: 4096, KeysOf: gitLab}, "LoginKeyBits"},
		"borrowed, platform":  {Options{URL: CircleCIRootURL, KeysOf: gitLab}, "KeysOf"},
		"borrowed, algorithm": {Options{Algorithm: ES256, KeysOf: gitLab}, "Algorithm"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(test.opts)
			var bad *OptionError
			require.ErrorAs(t, err, &bad)
			assert.Equal(t, test.field, bad.Field)
			assert.Contains(t, err.Error(), "fakeissuer: Options."+test.field+": ")
		})
	}
}

func TestDiscoveryDocuments(t *testing.T) {
	gitLab := open(t, Options{URL: "https://gitlab.acme.test/sub"})
	_, body := fetch(t, Client(gitLab), "https://gitlab.acme.test/sub/.well-known/openid-configuration", 200)
	names, doc := members(t, body)
	assert.Equal(t, []string{"issuer", "authorization_endpoint", "token_endpoint", "revocation_endpoint", "introspection_endpoint",
		"userinfo_endpoint", "jwks_uri", "scopes_supported", "response_types_supported", "response_modes_supported", "grant_types_supported",
		"token_endpoint_auth_methods_supported", "subject_types_supported", "id_token_signing_alg_values_supported", "claim_types_supported",
		"claims_supported", "code_challenge_methods_supported"}, names)
	assert.Equal(t, `"https://gitlab.acme.test/sub"`, doc["issuer"])
	assert.Equal(t, `"https://gitlab.acme.test/sub/oauth/discovery/keys"`, doc["jwks_uri"])
	assert.Equal(t, `"https://gitlab.acme.test/sub/oauth/token"`, doc["token_endpoint"])
	assert.Equal(t, `["RS256"]`, doc["id_token_signing_alg_values_supported"])
	assert.Equal(t, `["code"]`, doc["response_types_supported"])
	assert.Equal(t, `["public"]`, doc["subject_types_supported"])
	var claims []string
	require.NoError(t, json.Unmarshal([]byte(doc["claims_supported"]), &claims))
	assert.Contains(t, claims, "sub_legacy")
	for _, c := range []string{"project_id", "project_path", "pipeline_id", "job_id", "ref", "jti", "nbf"} {
		assert.NotContains(t, claims, c, "it describes logins")
	}

	circleCI := open(t, Options{URL: CircleCIURL(CircleCIOrganizationID), Algorithm: ES256})
	_, body = fetch(t, Client(circleCI), CircleCIURL(CircleCIOrganizationID)+"/.well-known/openid-configuration", 200)
	names, doc = members(t, body)
	assert.Equal(t, []string{"claims_supported", "id_token_signing_alg_values_supported", "issuer", "jwks_uri",
		"response_types_supported", "scopes_supported", "subject_types_supported"}, names)
	assert.Equal(t, `"`+circleCI.URL()+`"`, doc["issuer"])
	assert.Equal(t, `"`+circleCI.URL()+`/.well-known/jwks-pub.json"`, doc["jwks_uri"])
	assert.Equal(t, `["ES256"]`, doc["id_token_signing_alg_values_supported"])
	assert.Equal(t, `["id_token"]`, doc["response_types_supported"])
	assert.Equal(t, `["public","pairwise"]`, doc["subject_types_supported"])
}

func TestRootIssuerServesAtTheRoot(t *testing.T) {
	i := open(t, Options{URL: CircleCIRootURL})
	assert.Equal(t, "https://oidc.circleci.com/.well-known/openid-configuration", i.DiscoveryURL())
	assert.Equal(t, "https://oidc.circleci.com/.well-known/jwks-pub.json", i.KeysURL())
	require.NoError(t, verify(servedKeys(t, Client(i), i.URL()), i.CircleCI(aud)))
}

func TestTrailingSlashStaysInTheIssuerOnly(t *testing.T) {
	i := open(t, Options{URL: "https://bucket.test/ci/"})
	assert.Equal(t, "https://bucket.test/ci/.well-known/openid-configuration", i.DiscoveryURL())
	assert.Equal(t, "https://bucket.test/ci/oauth/discovery/keys", i.KeysURL())
	raw := i.GitLab(aud)
	require.NoError(t, verify(servedKeys(t, Client(i), "https://bucket.test/ci/"), raw))
	assert.Equal(t, `"https://bucket.test/ci/"`, take(t, raw).claims["iss"])
	assert.Contains(t, take(t, i.GitLab(aud, PolicyJob)).claims["job_config"], "https://bucket.test/ci/acme/policies")
}

func TestCacheControl(t *testing.T) {
	gitLab, circleCI := open(t, Options{}), open(t, Options{URL: CircleCIRootURL})
	client := Client(gitLab, circleCI)
	h, _ := fetch(t, client, gitLab.KeysURL(), 200)
	assert.Equal(t, "public, must-revalidate, no-transform, max-age=86400", h.Get("Cache-Control"))
	assert.Equal(t, "application/json; charset=utf-8", h.Get("Content-Type"))
	for _, url := range []string{gitLab.DiscoveryURL(), circleCI.DiscoveryURL(), circleCI.KeysURL()} {
		h, _ := fetch(t, client, url, 200)
		assert.Empty(t, h.Values("Cache-Control"), url)
		assert.Equal(t, "application/json; charset=utf-8", h.Get("Content-Type"), url)
	}
	gitLab.Misbehave(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Cache-Control", "max-age=60")
		return false
	})
	h, _ = fetch(t, client, gitLab.KeysURL(), 200)
	assert.Equal(t, "max-age=60", h.Get("Cache-Control"))
}

func TestOtherPathsAndMethods(t *testing.T) {
	i := open(t, Options{URL: "https://issuer.test/sub"})
	for _, path := range []string{"/", "/sub", "/sub/", "/.well-known/openid-configuration", "/oauth/discovery/keys", "/sub/.well-known/jwks-pub.json",
		"/sub//.well-known/openid-configuration", "/subx/oauth/discovery/keys"} {
		fetch(t, Client(i), "https://issuer.test"+path, 404)
	}
	assert.Equal(t, 8, i.Requests())
	assert.Zero(t, i.Fetches())
	res, err := Client(i).Post(i.KeysURL(), "text/plain", strings.NewReader("x"))
	require.NoError(t, err)
	defer res.Body.Close()
	assert.Equal(t, 405, res.StatusCode)
	assert.Equal(t, "GET, HEAD", res.Header.Get("Allow"))
	assert.Equal(t, 1, i.Fetches())
}

func TestFailAndMisbehave(t *testing.T) {
	i := open(t, Options{})
	client := Client(i)
	i.Fail(503)
	fetch(t, client, i.KeysURL(), 503)
	fetch(t, client, i.DiscoveryURL(), 503)
	fetch(t, client, i.URL()+"/none", 503)
	i.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/oauth/discovery/keys" {
			return false
		}
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(429)
		return true
	})
	h, _ := fetch(t, client, i.KeysURL(), 429)
	assert.Equal(t, "7", h.Get("Retry-After"))
	fetch(t, client, i.DiscoveryURL(), 503)
	i.Fail(0)
	fetch(t, client, i.DiscoveryURL(), 200)
	fetch(t, client, i.KeysURL(), 429)
	i.Misbehave(nil)
	fetch(t, client, i.KeysURL(), 200)
	assert.Equal(t, 8, i.Requests())
	assert.Equal(t, 4, i.Fetches())
}

func TestPublish(t *testing.T) {
	i := open(t, Options{URL: CircleCIRootURL})
	own := servedKeys(t, Client(i), i.URL())
	i.Publish(`{"kty":"oct", "k":"AA"}`)
	i.Publish(`{"kty":"RSA","kid":"weak"}`)
	keys := servedKeys(t, Client(i), i.URL())
	require.Len(t, keys, 3)
	assert.Equal(t, own[0], keys[0])
	assert.Equal(t, map[string]any{"kty": "oct", "k": "AA"}, keys[1])
	assert.Equal(t, "weak", keys[2]["kid"])
	i.Publish()
	assert.Equal(t, own, servedKeys(t, Client(i), i.URL()))
}

func TestSignRawIsByteForByte(t *testing.T) {
	i := open(t, Options{Algorithm: ES256})
	header := `{ "kid" : "` + i.KeyID() + `","alg":"ES256"}`
	for _, payload := range []string{`{"a":1,"a":2}`, "", "null", "{\"a\":\"\xff\"}", " {} "} {
		raw := i.SignRaw(header, payload)
		parts := strings.Split(raw, ".")
		require.NoError(t, verify(servedKeys(t, Client(i), i.URL()), raw))
		assert.Equal(t, header, decode64(t, parts[0]))
		assert.Equal(t, payload, decode64(t, parts[1]))
	}
}

func TestSignEncodesInOrder(t *testing.T) {
	gitLab, circleCI := open(t, Options{}), open(t, Options{URL: CircleCIRootURL})
	c := map[string]any{"zz": "<&>", "aud": "a", "aa": nil, "project_id": 7}
	assert.Equal(t, `{"project_id":7,"aud":"a","aa":null,"zz":"<&>"}`, take(t, gitLab.Sign(c)).payload)
	assert.Equal(t, `{"project_id":7,"aud":"a","aa":null,"zz":"<&>"}`, take(t, gitLab.Sign(Claims(c))).payload)
	assert.Equal(t, `{"aa":null,"aud":"a","project_id":7,"zz":"<&>"}`, take(t, circleCI.Sign(c)).payload)
	raw := gitLab.Sign(struct {
		Sub string `json:"sub"`
		Iss string `json:"iss"`
	}{"s", "i"})
	assert.Equal(t, `{"sub":"s","iss":"i"}`, take(t, raw).payload)
	require.NoError(t, verify(servedKeys(t, Client(gitLab), gitLab.URL()), raw))
}

func TestSignWithOtherHeaderMembers(t *testing.T) {
	i := open(t, Options{})
	tok := take(t, i.SignWith(func(h Header) {
		h["crit"] = []string{"x"}
		h["alg"] = "RS512"
		delete(h, "typ")
	}, Claims{}))
	assert.Equal(t, `{"kid":"`+i.KeyID()+`","alg":"RS512","crit":["x"]}`, tok.header)
	assert.Equal(t, `{}`, tok.payload)
}

func TestMistakesAreReported(t *testing.T) {
	var got error
	i := open(t, Options{URL: CircleCIRootURL, Algorithm: EdDSA, Fatal: func(err error) { got = err }})
	mistake := func(f func()) error {
		got = nil
		f()
		return got
	}
	var unsupported *json.UnsupportedTypeError
	assert.ErrorAs(t, mistake(func() { assert.Empty(t, i.Sign(Claims{"a": func() {}})) }), &unsupported)
	assert.ErrorContains(t, got, `fakeissuer: claims: "a": `)
	assert.ErrorAs(t, mistake(func() { assert.Empty(t, i.Sign(make(chan int))) }), &unsupported)
	assert.ErrorAs(t, mistake(func() { assert.Empty(t, i.SignWith(func(h Header) { h["x"] = func() {} }, nil)) }), &unsupported)
	assert.ErrorContains(t, got, `fakeissuer: header: "x": `)
	assert.ErrorIs(t, mistake(func() { assert.Empty(t, i.Login(aud)) }), ErrNoLogins)
	assert.EqualError(t, mistake(func() { i.Fail(42) }), "fakeissuer: Fail(42): not a final HTTP status")
	assert.EqualError(t, mistake(func() { i.Publish("{}", "{") }), "fakeissuer: Publish: key 2 is not JSON")
	require.NoError(t, mistake(func() { fetch(t, Client(i), i.KeysURL(), 200) }), "neither took effect")

	i.Close()
	assert.ErrorIs(t, mistake(func() { assert.Empty(t, i.CircleCI(aud)) }), ErrClosed)
	assert.ErrorIs(t, mistake(func() { assert.Empty(t, i.SignRaw("", "")) }), ErrClosed)
	assert.ErrorIs(t, mistake(func() { assert.Empty(t, i.KeyID()) }), ErrClosed)
	assert.ErrorIs(t, mistake(func() { assert.Nil(t, i.PublicKey()) }), ErrClosed)
	assert.ErrorIs(t, mistake(func() { assert.Nil(t, i.Thumbprints()) }), ErrClosed)
	assert.ErrorIs(t, mistake(func() { i.Rotate(true) }), ErrClosed)
	assert.ErrorIs(t, mistake(func() { assert.Empty(t, i.Login(aud)) }), ErrClosed)
	fetch(t, Client(i), i.KeysURL(), 503)

	bare, err := New(Options{})
	require.NoError(t, err)
	assert.PanicsWithError(t, "fakeissuer: Fail(1): not a final HTTP status", func() { bare.Fail(1) })
}

func TestClosedIssuerNamesTheReason(t *testing.T) {
	i := open(t, Options{})
	i.Close()
	w := httptest.NewRecorder()
	i.ServeHTTP(w, httptest.NewRequest("GET", "/oauth/discovery/keys", nil))
	assert.Equal(t, 503, w.Code)
	assert.Equal(t, ErrClosed.Error()+"\n", w.Body.String())
	assert.Empty(t, w.Header().Get("Cache-Control"))
}

func TestManyGoroutines(t *testing.T) {
	i := open(t, Options{Algorithm: ES256})
	client := Client(i)
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for range 5 {
				switch n % 4 {
				case 0:
					i.Rotate(true)
					i.Publish(`{}`)
				case 1:
					i.Misbehave(func(http.ResponseWriter, *http.Request) bool { return false })
					i.Fail(0)
				}
				assert.NotEmpty(t, i.GitLab(aud, Tag("v1")))
				assert.NotEmpty(t, i.Login(aud))
				res, err := client.Get(i.KeysURL())
				if assert.NoError(t, err) {
					_, err = io.Copy(io.Discard, res.Body)
					assert.NoError(t, err)
					res.Body.Close()
				}
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 40, i.Requests())
	assert.Equal(t, 40, i.Fetches())
	assert.Len(t, servedKeys(t, client, i.URL()), 2+10+10)
}
