package oidc_test

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

// bench is an issuer with a verifier that trusts it, for tests of how keys are
// fetched and kept. Inside a synctest bubble, its clock is the bubble's.
func bench(t *testing.T) (*oidctest.Issuer, *oidc.Verifier) {
	t.Helper()
	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	return issuer, must(t, oidc.Config{
		Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{audience}, HTTPClient: oidctest.Client(issuer),
	})
}

// requireUnavailable asserts that err is an UnavailableError of this Op.
func requireUnavailable(t *testing.T, err error, op string) *oidc.UnavailableError {
	t.Helper()
	var u *oidc.UnavailableError
	require.ErrorAs(t, err, &u)
	assert.Equal(t, op, u.Op)
	return u
}

func maxAge(value string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Cache-Control", value)
		return false
	}
}

func TestColdStartOfManyCallers(t *testing.T) {
	issuer, v := bench(t)
	raw := issuer.GitLab(audience)
	var wg sync.WaitGroup
	errs := make([]error, 1000)
	for i := range errs {
		wg.Go(func() { _, errs[i] = v.Verify(t.Context(), raw) })
	}
	wg.Wait()
	assert.NoError(t, errors.Join(errs...))
	assert.Equal(t, 2, issuer.Requests(), "discovery and keys")
}

func TestNewVerifierAndUnknownIssuerMakeNoRequest(t *testing.T) {
	issuer, v := bench(t)
	elsewhere := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.example"})
	_, err := v.Verify(t.Context(), elsewhere.GitLab(audience))
	requireToken(t, err, oidc.ErrIssuer)
	_, err = v.Verify(t.Context(), issuer.SignWith(func(h oidctest.Header) { h["jku"] = issuer.KeysURL() }, oidctest.Claims{"iss": issuer.URL()}))
	requireToken(t, err, oidc.ErrUnsupported)
	assert.Zero(t, issuer.Requests()+elsewhere.Requests())
	require.NoError(t, v.Warm(t.Context()))
	assert.Equal(t, 2, issuer.Requests())
}

func TestWrongSignatureFetchesNothing(t *testing.T) {
	issuer, v := bench(t)
	require.NoError(t, v.Warm(t.Context()))
	raw := issuer.GitLab(audience)
	for range 20 {
		_, err := v.Verify(t.Context(), raw[:len(raw)-10]+"AAAAAAAAAA"[:9]+"A")
		requireToken(t, err, oidc.ErrSignature)
	}
	assert.Equal(t, 2, issuer.Requests())
}

func TestCallerThatLeavesDoesNotFailTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, v := bench(t)
		issuer.Misbehave(func(http.ResponseWriter, *http.Request) bool { time.Sleep(3 * time.Second); return false })
		raw := issuer.GitLab(audience)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		first := make(chan error, 1)
		go func() { _, err := v.Verify(ctx, raw); first <- err }()
		synctest.Wait()
		_, err := v.Verify(t.Context(), raw)
		assert.NoError(t, err)
		err = <-first
		requireUnavailable(t, err, oidc.OpKeys)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 2, issuer.Requests())
	})
}

func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, v := bench(t)
		old := issuer.GitLab(audience)
		_, err := v.Verify(t.Context(), old)
		require.NoError(t, err)
		issuer.Rotate(false)
		fresh := issuer.GitLab(audience)

		_, err = v.Verify(t.Context(), fresh)
		requireToken(t, err, oidc.ErrUnknownKey)
		assert.Equal(t, 2, issuer.Requests(), "the keys are younger than ten seconds, so that is the answer")

		time.Sleep(11 * time.Second)
		_, err = v.Verify(t.Context(), fresh)
		assert.NoError(t, err, "a new key works at once")
		assert.Equal(t, 3, issuer.Requests())
		_, err = v.Verify(t.Context(), old)
		requireToken(t, err, oidc.ErrUnknownKey)
	})
}

// A key that was withdrawn while nobody asked is refused when its time is over.
func TestWithdrawnKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, v := bench(t)
		issuer.Misbehave(maxAge("max-age=600"))
		old := issuer.GitLab(audience)
		_, err := v.Verify(t.Context(), old)
		require.NoError(t, err)
		issuer.Rotate(false)
		time.Sleep(11 * time.Minute)
		_, err = v.Verify(t.Context(), old)
		requireToken(t, err, oidc.ErrUnknownKey)
	})
}

func TestRefreshAheadOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, v := bench(t)
		issuer.Misbehave(maxAge("public, max-age=1000"))
		raw := issuer.GitLab(audience)
		verify := func(wait time.Duration, requests int) {
			t.Helper()
			time.Sleep(wait)
			start := time.Now()
			_, err := v.Verify(t.Context(), raw)
			require.NoError(t, err)
			assert.Equal(t, start, time.Now(), "nobody waits")
			synctest.Wait()
			assert.Equal(t, requests, issuer.Requests())
		}
		verify(0, 2)
		verify(799*time.Second, 2)
		verify(2*time.Second, 3)
		verify(799*time.Second, 3)
		verify(2*time.Second, 4)
	})
}

func TestClampedMaxAge(t *testing.T) {
	for header, fresh := range map[string]time.Duration{
		"max-age=5": time.Minute, "no-cache": time.Minute, "no-store, max-age=900": time.Minute,
		"max-age=86400": time.Hour, "private": 15 * time.Minute, "max-age=x": 15 * time.Minute, `max-age="120"`: 2 * time.Minute,
	} {
		synctest.Test(t, func(t *testing.T) {
			issuer, v := bench(t)
			issuer.Misbehave(maxAge(header))
			raw := issuer.GitLab(audience, oidctest.Lifetime(3*time.Hour))
			_, err := v.Verify(t.Context(), raw)
			require.NoError(t, err)
			for _, step := range []struct {
				at       time.Duration
				requests int
			}{{fresh/5*4 - time.Second, 2}, {2 * time.Second, 3}} {
				time.Sleep(step.at)
				_, err = v.Verify(t.Context(), raw)
				require.NoError(t, err)
				synctest.Wait()
				assert.Equal(t, step.requests, issuer.Requests(), header)
			}
		})
	}
}

func TestOutage(t *testing.T) {
	for name, trouble := range map[string]func(*oidctest.Issuer){
		"500": func(i *oidctest.Issuer) { i.Fail(500) },
		"hanging": func(i *oidctest.Issuer) {
			i.Misbehave(func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true })
		},
		"empty set":  func(i *oidctest.Issuer) { i.Misbehave(answer(`{"keys":[]}`)) },
		"null":       func(i *oidctest.Issuer) { i.Misbehave(answer(`{"keys":null}`)) },
		"not JSON":   func(i *oidctest.Issuer) { i.Misbehave(answer(`<html>`)) },
		"only unfit": func(i *oidctest.Issuer) { i.Misbehave(answer(`{"keys":[{"kty":"oct","k":"AAAA","kid":"x"}]}`)) },
		"over 1 MiB": func(i *oidctest.Issuer) { i.Misbehave(answer(string(make([]byte, 1<<20+1)))) },
		"redirect": func(i *oidctest.Issuer) {
			i.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
				http.Redirect(w, r, "https://evil.example/", http.StatusFound)
				return true
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer, v := bench(t)
				token := func() string { return issuer.GitLab(audience) }
				_, err := v.Verify(t.Context(), token())
				require.NoError(t, err)
				trouble(issuer)
				began := time.Now()
				// GitLab's keys are fresh for an hour, and used for a day more.
				for time.Since(began) < 24*time.Hour {
					start := time.Now()
					_, err = v.Verify(t.Context(), token())
					require.NoError(t, err, time.Since(began))
					assert.Equal(t, start, time.Now(), "nobody waits")
					time.Sleep(10 * time.Minute)
				}
				time.Sleep(90 * time.Minute)
				_, err = v.Verify(t.Context(), token())
				var u *oidc.UnavailableError
				require.ErrorAs(t, err, &u)
				assert.Equal(t, "https://gitlab.com", u.Issuer)
				if name == "500" {
					assert.Equal(t, 500, u.StatusCode)
				}
				_, err = v.Verify(t.Context(), token())
				require.ErrorAs(t, err, &u)
				assert.Positive(t, u.RetryAfter, "a failed fetch is not repeated for each call")

				issuer.Fail(0)
				issuer.Misbehave(nil)
				time.Sleep(10 * time.Second)
				_, err = v.Verify(t.Context(), token())
				assert.NoError(t, err, "it recovers without a restart")
			})
		})
	}
}

func answer(body string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/oauth/discovery/keys" {
			return false
		}
		fmt.Fprint(w, body)
		return true
	}
}

func TestFloodOfUnknownKeyIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, v := bench(t)
		require.NoError(t, v.Warm(t.Context()))
		time.Sleep(11 * time.Second)
		unknown := 0
		for i := range 2000 {
			raw := issuer.SignWith(func(h oidctest.Header) { h["kid"] = fmt.Sprint("made-up-", i) }, oidctest.Claims{"iss": issuer.URL()})
			_, err := v.Verify(t.Context(), raw)
			if errors.Is(err, oidc.ErrUnknownKey) {
				unknown++
			} else {
				assert.Positive(t, requireUnavailable(t, err, oidc.OpKeys).RetryAfter)
			}
			time.Sleep(time.Millisecond)
		}
		assert.LessOrEqual(t, issuer.Requests(), 2+3)
		assert.Positive(t, unknown)

		issuer.Rotate(false)
		time.Sleep(10 * time.Second)
		_, err := v.Verify(t.Context(), issuer.GitLab(audience))
		assert.NoError(t, err, "a real rotation right after a flood")
	})
}

func TestBudgetOfUnknownKeyIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, v := bench(t)
		require.NoError(t, v.Warm(t.Context()))
		made := 0
		look := func() error {
			made++
			_, err := v.Verify(t.Context(), issuer.SignWith(func(h oidctest.Header) { h["kid"] = fmt.Sprint(made) }, oidctest.Claims{"iss": issuer.URL()}))
			return err
		}
		for i := range 3 {
			time.Sleep(10 * time.Second)
			requireToken(t, look(), oidc.ErrUnknownKey)
			assert.Equal(t, 3+i, issuer.Requests())
		}
		time.Sleep(9 * time.Second)
		requireToken(t, look(), oidc.ErrUnknownKey)
		assert.Equal(t, 5, issuer.Requests(), "the keys are too young to look again")
		time.Sleep(time.Second) // 40 s after the first look: one and a third more.
		requireToken(t, look(), oidc.ErrUnknownKey)
		assert.Equal(t, 6, issuer.Requests())
		time.Sleep(10 * time.Second)
		u := requireUnavailable(t, look(), oidc.OpKeys)
		assert.Equal(t, 20*time.Second, u.RetryAfter.Round(time.Second), "nothing can be said, so the caller is told when")
		assert.Equal(t, 6, issuer.Requests())
		time.Sleep(20 * time.Second)
		requireToken(t, look(), oidc.ErrUnknownKey)
		assert.Equal(t, 7, issuer.Requests())
	})
}

func TestDiscoveryThatIsRefused(t *testing.T) {
	for want, document := range map[string]string{
		`(they differ only by a trailing slash)`:    `{"issuer":"https://gitlab.com/","jwks_uri":"https://gitlab.com/oauth/discovery/keys"}`,
		`is of issuer "https://evil.example"`:       `{"issuer":"https://evil.example","jwks_uri":"https://gitlab.com/oauth/discovery/keys"}`,
		`is of issuer ""`:                           `{"jwks_uri":"https://gitlab.com/oauth/discovery/keys"}`,
		`plain http is for loopback`:                `{"issuer":"https://gitlab.com","jwks_uri":"http://gitlab.com/oauth/discovery/keys"}`,
		`jwks_uri "": `:                             `{"issuer":"https://gitlab.com"}`,
		`member "issuer" appears twice`:             `{"issuer":"https://gitlab.com","issuer":"https://gitlab.com"}`,
		`the discovery document: not a JSON object`: `[]`,
	} {
		issuer, v := bench(t)
		issuer.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
			fmt.Fprint(w, document)
			return true
		})
		_, err := v.Verify(t.Context(), issuer.GitLab(audience))
		requireUnavailable(t, err, oidc.OpDiscovery)
		assert.ErrorContains(t, err, want)
		assert.Equal(t, 1, issuer.Requests())
	}
}

// Naming another host for the keys is what discovery is for.
func TestKeysOnAnotherHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
		cdn := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://keys.example", KeysOf: issuer})
		where := "https://keys.example/oauth/discovery/keys"
		issuer.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
			fmt.Fprintf(w, `{"issuer":"https://gitlab.com","jwks_uri":%q}`, where)
			return true
		})
		v := must(t, oidc.Config{
			Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{audience}, HTTPClient: oidctest.Client(issuer, cdn),
		})
		_, err := v.Verify(t.Context(), issuer.GitLab(audience))
		require.NoError(t, err)
		assert.Equal(t, 1, issuer.Requests())
		assert.Equal(t, 1, cdn.Requests())

		// When the URL no longer works, discovery is asked for a new one.
		where = "https://gitlab.com/new"
		cdn.Fail(404)
		keys := issuer.JWKS()
		issuer.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/new" {
				w.Write(keys)
				return true
			}
			fmt.Fprintf(w, `{"issuer":"https://gitlab.com","jwks_uri":%q}`, where)
			return true
		})
		time.Sleep(2 * time.Hour)
		_, err = v.Verify(t.Context(), issuer.GitLab(audience))
		require.NoError(t, err)
		assert.Equal(t, 3, issuer.Requests())
	})
}

func TestStaticKeySet(t *testing.T) {
	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	keys, err := oidc.ParseKeySet(issuer.JWKS())
	require.NoError(t, err)
	trusted := oidc.GitLab("https://gitlab.com")
	trusted.Keys = keys
	v := must(t, oidc.Config{Issuers: []oidc.Issuer{trusted}, Audiences: []string{audience}, HTTPClient: oidctest.Client()})
	_, err = v.Verify(t.Context(), issuer.GitLab(audience))
	assert.NoError(t, err)
	assert.Zero(t, issuer.Requests())
	issuer.Rotate(true)
	_, err = v.Verify(t.Context(), issuer.GitLab(audience))
	requireToken(t, err, oidc.ErrUnknownKey)
}

// Keys that must not verify anything are published beside a good one.
func TestUnfitKeys(t *testing.T) {
	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	var good string
	keys, err := oidc.ParseKeySet(issuer.JWKS())
	require.NoError(t, err)
	for _, k := range keys {
		if k.ID == issuer.KeyID() {
			good = fmt.Sprintf(`"kty":"RSA","n":%q,"e":"AQAB"`, modulus(t, k))
		}
	}
	require.NotEmpty(t, good)
	for reason, jwk := range map[string]string{
		"":                                  `{` + good + `,"kid":"k"}`,
		"its use is not sig":                `{` + good + `,"kid":"k","use":"enc","alg":"RS256"}`,
		"its key_ops do not have verify":    `{` + good + `,"kid":"k","key_ops":["encrypt"]}`,
		"its alg is not RS256":              `{` + good + `,"kid":"k","alg":"RS512"}`,
		"it is a private or symmetric key":  `{` + good + `,"kid":"k","d":"AQAB"}`,
		"its kid is not a string":           `{` + good + `,"kid":5}`,
		"it has no kid":                     `{` + good + `}`,
		"its n is missing or not canonical": `{"kty":"RSA","e":"AQAB","kid":"k"}`,
		"the RSA key has 8 bits":            `{"kty":"RSA","n":"wQ","e":"AQAB","kid":"k"}`,
		"exponent":                          `{` + good[:len(good)-6] + `"AQAA","kid":"k"}`,
		`its kty "oct"`:                     `{"kty":"oct","kid":"k"}`,
		`its kty "EC" with crv "P-521"`:     `{"kty":"EC","crv":"P-521","x":"AA","y":"AA","kid":"k"}`,
		"not a point of its curve":          `{"kty":"EC","crv":"P-256","x":"AA","y":"AA","kid":"k"}`,
		"Ed25519":                           `{"kty":"OKP","crv":"Ed25519","x":"AAAA","kid":"k"}`,
		`its kty "AKP"`:                     `{"kty":"AKP","kid":"k"}`,
		"it is not an object":               `5`,
		"the key set is empty":              ``,
	} {
		set, err := oidc.ParseKeySet([]byte(`{"keys":[` + jwk + `]}`))
		if reason == "" {
			require.NoError(t, err, "a key without use and alg")
			assert.Equal(t, oidc.RS256, set[0].Algorithm)
			continue
		}
		assert.Nil(t, set, reason)
		if assert.Error(t, err, reason) {
			assert.ErrorContains(t, err, reason)
		}
	}
	for _, text := range []string{``, `{}`, `{"keys":5}`, `[]`, `{"keys":[]}{}`, `{` + good + `,"kid":"k"}`} {
		_, err := oidc.ParseKeySet([]byte(text))
		assert.ErrorContains(t, err, "not a JSON Web Key Set", text)
	}

	// A set with an unfit key first serves the good one behind it.
	v := must(t, oidc.Config{
		Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{audience}, HTTPClient: oidctest.Client(issuer),
	})
	issuer.Publish(`{"kty":"AKP","kid":"x"}`, `5`, `{"kty":"RSA","n":"","e":"AQAB","kid":"`+issuer.KeyID()+`"}`)
	_, err = v.Verify(t.Context(), issuer.GitLab(audience))
	assert.NoError(t, err)
}

// A key is bound to its issuer, whatever its ID.
func TestKeysAreBoundToTheirIssuer(t *testing.T) {
	a := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://a.example"})
	b := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://b.example"})
	v := must(t, oidc.Config{
		Issuers: []oidc.Issuer{oidc.GitLab(a.URL()), oidc.GitLab(b.URL())}, Audiences: []string{audience}, HTTPClient: oidctest.Client(a, b),
	})
	_, err := v.Verify(t.Context(), a.GitLab(audience))
	require.NoError(t, err)
	asB := a.SignWith(func(h oidctest.Header) { h["kid"] = b.KeyID() }, oidctest.Claims{"iss": b.URL(), "sub": "s"})
	_, err = v.Verify(t.Context(), asB)
	requireToken(t, err, oidc.ErrSignature)
	_, err = v.Verify(t.Context(), a.Sign(oidctest.Claims{"iss": b.URL(), "sub": "s"}))
	requireToken(t, err, oidc.ErrUnknownKey)
}

func modulus(t *testing.T, k oidc.Key) string {
	t.Helper()
	return base64.RawURLEncoding.EncodeToString(rsaKey(t, k).N.Bytes())
}

func rsaKey(t *testing.T, k oidc.Key) *rsa.PublicKey {
	t.Helper()
	key, ok := k.Public.(*rsa.PublicKey)
	require.True(t, ok)
	return key
}
