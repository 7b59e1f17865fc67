package oidc_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

// ambush is a clock that does something once, while the code under test looks
// at the time: between its reading the keys and its taking the mutex.
type ambush struct {
	mu   sync.Mutex
	skip int
	do   func()
}

func (a *ambush) lay(skip int, do func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.skip, a.do = skip, do
}

func (a *ambush) now() time.Time {
	a.mu.Lock()
	do := a.do
	if do != nil && a.skip > 0 {
		a.skip--
		do = nil
	} else {
		a.do = nil
	}
	a.mu.Unlock()
	if do != nil {
		do()
	}
	return time.Now()
}

// A caller that read the keys just before a fetch replaced them uses the new
// ones and fetches nothing more.
func TestFetchThatEndsMeanwhile(t *testing.T) {
	type scene struct {
		issuer *oidctest.Issuer
		set    *oidc.RemoteKeySet
		clock  *ambush
	}
	play := func(t *testing.T, act func(*testing.T, scene)) {
		synctest.Test(t, func(t *testing.T) {
			s := scene{issuer: oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"}), clock: new(ambush)}
			var err error
			s.set, err = oidc.NewRemoteKeySet(s.issuer.KeysURL(), &oidc.RemoteKeySetOptions{HTTPClient: oidctest.Client(s.issuer), Now: s.clock.now})
			require.NoError(t, err)
			act(t, s)
		})
	}
	fetchMeanwhile := func(t *testing.T, s scene, looks, requests int) {
		t.Helper()
		s.clock.lay(looks, func() { require.NoError(t, s.set.Refresh(t.Context())) })
		keys, err := s.set.Keys(t.Context(), s.issuer.KeyID())
		require.NoError(t, err)
		require.Len(t, keys, 1)
		synctest.Wait()
		assert.Equal(t, requests, s.issuer.Requests())
	}
	t.Run("the first", func(t *testing.T) {
		play(t, func(t *testing.T, s scene) { fetchMeanwhile(t, s, 0, 1) })
	})
	for name, age := range map[string]time.Duration{"due": 50 * time.Minute, "past its time": 2 * time.Hour, "past use": 30 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, s scene) {
				require.NoError(t, s.set.Refresh(t.Context()))
				s.issuer.Rotate(false)
				time.Sleep(age)
				fetchMeanwhile(t, s, 0, 2)
			})
		})
	}
	t.Run("a new key", func(t *testing.T) {
		play(t, func(t *testing.T, s scene) {
			require.NoError(t, s.set.Refresh(t.Context()))
			s.issuer.Rotate(false)
			time.Sleep(20 * time.Second)
			fetchMeanwhile(t, s, 1, 2)
			// Nor was the budget for unknown keys touched: all three are left.
			for i := range 3 {
				time.Sleep(10 * time.Second)
				keys, err := s.set.Keys(t.Context(), fmt.Sprint("made-up-", i))
				require.NoError(t, err)
				assert.Empty(t, keys)
				assert.Equal(t, 3+i, s.issuer.Requests())
			}
		})
	})
}

// A transport that ends the goroutine it is called in, as require does in a
// test's handler, fails the fetch and leaves nobody waiting.
func TestTransportThatEndsItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{answer: func(*http.Request) (int, http.Header, string, error) { runtime.Goexit(); return 0, nil, "", nil }}
		set, err := oidc.NewRemoteKeySet("https://keys.example/", &oidc.RemoteKeySetOptions{HTTPClient: &http.Client{Transport: r}})
		require.NoError(t, err)
		_, err = set.Keys(t.Context(), "k")
		u := requireUnavailable(t, err, oidc.OpKeys)
		assert.EqualError(t, err, `oidc: keys unavailable from "https://keys.example/": the fetch ended early`)
		assert.Equal(t, 10*time.Second, u.RetryAfter)
		r.answer = func(*http.Request) (int, http.Header, string, error) { return 404, nil, "", nil }
		time.Sleep(10 * time.Second)
		_, err = set.Keys(t.Context(), "k")
		assert.EqualError(t, err, `oidc: keys unavailable from "https://keys.example/": HTTP status 404: want 200 OK`)
		assert.Equal(t, 404, requireUnavailable(t, err, oidc.OpKeys).StatusCode)
	})
}

// Fetches that fail are repeated after ten seconds while callers have nothing
// to use; with keys at hand, at doubling intervals up to five minutes.
func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, v := bench(t)
		issuer.Fail(503)
		raw := issuer.GitLab(audience, oidctest.Lifetime(20*time.Hour))
		try := func(wait, after time.Duration, requests int) {
			t.Helper()
			time.Sleep(wait)
			_, err := v.Verify(t.Context(), raw)
			u := requireUnavailable(t, err, oidc.OpDiscovery)
			assert.Equal(t, after, u.RetryAfter)
			assert.Equal(t, 503, u.StatusCode)
			assert.Equal(t, requests, issuer.Requests())
		}
		for i := range 6 {
			try(4*time.Second, 10*time.Second, 1+i)
			try(4*time.Second, 6*time.Second, 1+i)
			time.Sleep(2 * time.Second)
		}

		issuer.Fail(0)
		time.Sleep(10 * time.Second)
		_, err := v.Verify(t.Context(), raw)
		require.NoError(t, err)
		issuer.Fail(500)
		time.Sleep(time.Hour)
		asked := issuer.Requests()
		var gaps []time.Duration
		for last := time.Now(); len(gaps) < 8; time.Sleep(time.Second) {
			_, err := v.Verify(t.Context(), raw)
			require.NoError(t, err)
			synctest.Wait()
			if n := issuer.Requests(); n != asked {
				gaps, asked, last = append(gaps, time.Since(last)), n, time.Now()
			}
		}
		assert.Equal(t, []time.Duration{
			0, 10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 160 * time.Second, 300 * time.Second, 300 * time.Second,
		}, gaps)

		// An unknown key ID does not get around that.
		_, err = v.Verify(t.Context(), issuer.SignWith(func(h oidctest.Header) { h["kid"] = "made-up" }, oidctest.Claims{"iss": issuer.URL()}))
		u := requireUnavailable(t, err, oidc.OpKeys)
		assert.Equal(t, 500, u.StatusCode)
		assert.Equal(t, 299*time.Second, u.RetryAfter)
		assert.Equal(t, asked, issuer.Requests())
		time.Sleep(299 * time.Second)
		_, err = v.Verify(t.Context(), issuer.SignWith(func(h oidctest.Header) { h["kid"] = "made-up" }, oidctest.Claims{"iss": issuer.URL()}))
		assert.Equal(t, 5*time.Minute, requireUnavailable(t, err, oidc.OpKeys).RetryAfter)
		assert.Equal(t, asked+2, issuer.Requests(), "asked at the very time, and discovery after it")

		// After one that succeeds, it begins anew.
		issuer.Fail(0)
		time.Sleep(5 * time.Minute)
		_, err = v.Verify(t.Context(), raw)
		require.NoError(t, err)
		synctest.Wait()
		asked = issuer.Requests()
		issuer.Fail(500)
		time.Sleep(time.Hour)
		for range 11 {
			_, err = v.Verify(t.Context(), raw)
			require.NoError(t, err)
			synctest.Wait()
			time.Sleep(time.Second)
		}
		assert.Equal(t, asked+4, issuer.Requests(), "keys and discovery, twice within eleven seconds")
	})
}

// The caller whose use starts a fetch of keys past their time waits a second
// for it and no longer, and not past its own context.
func TestWaitForKeysPastTheirTime(t *testing.T) {
	for name, c := range map[string]struct {
		takes, timeout, waits time.Duration
		fresh                 bool
	}{
		"fast":           {300 * time.Millisecond, time.Minute, 300 * time.Millisecond, true},
		"slow":           {3 * time.Second, time.Minute, time.Second, false},
		"impatient call": {3 * time.Second, 200 * time.Millisecond, 200 * time.Millisecond, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer, v := bench(t)
				old := issuer.GitLab(audience, oidctest.Lifetime(3*time.Hour))
				_, err := v.Verify(t.Context(), old)
				require.NoError(t, err)
				issuer.Rotate(false)
				issuer.Misbehave(func(http.ResponseWriter, *http.Request) bool { time.Sleep(c.takes); return false })
				time.Sleep(time.Hour)
				ctx, cancel := context.WithTimeout(t.Context(), c.timeout)
				defer cancel()
				start := time.Now()
				_, err = v.Verify(ctx, old)
				assert.Equal(t, c.waits, time.Since(start))
				if c.fresh {
					requireToken(t, err, oidc.ErrUnknownKey)
					return
				}
				assert.NoError(t, err)
				// Those who find a fetch under way do not wait for it.
				start = time.Now()
				_, err = v.Verify(t.Context(), old)
				assert.NoError(t, err)
				assert.Zero(t, time.Since(start))
				time.Sleep(c.takes)
				_, err = v.Verify(t.Context(), old)
				requireToken(t, err, oidc.ErrUnknownKey)
			})
		})
	}
}

// The age at which keys go out of use, to the second.
func TestStaleKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
		set, err := oidc.NewRemoteKeySet(issuer.KeysURL(), &oidc.RemoteKeySetOptions{
			HTTPClient: oidctest.Client(issuer), MinAge: time.Hour, MaxAge: time.Hour, MaxStale: 2 * time.Hour, MinInterval: 5 * time.Minute, Timeout: time.Second,
		})
		require.NoError(t, err)
		kid := issuer.KeyID()
		require.NoError(t, set.Refresh(t.Context()))
		issuer.Misbehave(func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true })

		time.Sleep(5*time.Minute - time.Second)
		keys, err := set.Keys(t.Context(), "unknown")
		require.NoError(t, err)
		assert.Empty(t, keys, "too young to look again")
		time.Sleep(time.Second)
		start := time.Now()
		_, err = set.Keys(t.Context(), "unknown")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(start), "Timeout")

		time.Sleep(3*time.Hour - time.Second - 5*time.Minute - time.Second)
		keys, err = set.Keys(t.Context(), kid)
		require.NoError(t, err)
		assert.Len(t, keys, 1)
		time.Sleep(time.Second)
		_, err = set.Keys(t.Context(), kid)
		requireUnavailable(t, err, oidc.OpKeys)
		assert.Equal(t, 3, issuer.Requests())
	})
}

// After a failed fetch, an unknown key ID is looked for from the very time at
// which a fetch may be repeated.
func TestUnknownKeyIDAfterFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
		set, err := oidc.NewRemoteKeySet(issuer.KeysURL(), &oidc.RemoteKeySetOptions{HTTPClient: oidctest.Client(issuer)})
		require.NoError(t, err)
		require.NoError(t, set.Refresh(t.Context()))
		time.Sleep(20 * time.Second)
		issuer.Fail(500)
		require.Error(t, set.Refresh(t.Context()))
		issuer.Fail(0)
		issuer.Rotate(false)
		time.Sleep(10*time.Second - 1)
		_, err = set.Keys(t.Context(), issuer.KeyID())
		u := requireUnavailable(t, err, oidc.OpKeys)
		assert.Equal(t, time.Duration(1), u.RetryAfter)
		assert.Equal(t, 500, u.StatusCode)
		assert.Equal(t, 2, issuer.Requests())
		time.Sleep(time.Nanosecond)
		keys, err := set.Keys(t.Context(), issuer.KeyID())
		require.NoError(t, err)
		assert.Len(t, keys, 1)
		assert.Equal(t, 3, issuer.Requests())
	})
}

// ledger collects what is logged. If use is set, it uses the keys meanwhile.
type ledger struct {
	lines []string
	use   func()
}

func (l *ledger) Enabled(context.Context, slog.Level) bool { return true }
func (l *ledger) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *ledger) WithGroup(string) slog.Handler            { return l }
func (l *ledger) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "oidc: token not accepted" {
		return nil // Of use, which would go on for ever.
	}
	line := r.Level.String() + " " + r.Message
	r.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	l.lines = append(l.lines, line)
	if l.use != nil {
		l.use()
	}
	return nil
}

// The log tells of keys that come and go and of fetches that fail, and nobody
// who uses the keys waits for it.
func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
		log := new(ledger)
		v := must(t, oidc.Config{
			Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{audience}, HTTPClient: oidctest.Client(issuer),
			Logger: slog.New(log),
		})
		raw := issuer.GitLab(audience, oidctest.Lifetime(20*time.Hour))
		log.use = func() { v.Verify(t.Context(), raw) }
		first := issuer.KeyID()
		require.NoError(t, v.Warm(t.Context()))
		require.Len(t, log.lines, 1)
		assert.True(t, strings.HasPrefix(log.lines[0], "INFO oidc: keys changed issuer=https://gitlab.com added=["), log.lines[0])
		assert.Contains(t, log.lines[0], first)
		assert.True(t, strings.HasSuffix(log.lines[0], "] removed=[]"), log.lines[0])

		require.NoError(t, v.Warm(t.Context()))
		assert.Len(t, log.lines, 1, "nothing changed")
		issuer.Rotate(false)
		require.NoError(t, v.Warm(t.Context()))
		require.Len(t, log.lines, 2)
		assert.Equal(t, "INFO oidc: keys changed issuer=https://gitlab.com added=["+issuer.KeyID()+"] removed=["+first+"]", log.lines[1])

		issuer.Fail(500)
		require.Error(t, v.Warm(t.Context()))
		require.Len(t, log.lines, 3)
		assert.Equal(t, `WARN oidc: fetching keys failed issuer=https://gitlab.com error=oidc: keys unavailable for issuer "https://gitlab.com":`+
			` HTTP status 500: want 200 OK failures=1 retry_after=10s`, log.lines[2])

		issuer.Fail(0)
		var more []string
		for id := 'h'; id >= 'a'; id-- {
			more = append(more, fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"%c"}`, id))
		}
		issuer.Publish(more...)
		require.NoError(t, v.Warm(t.Context()))
		issuer.Publish()
		require.NoError(t, v.Warm(t.Context()))
		require.Len(t, log.lines, 5)
		assert.Equal(t, "INFO oidc: keys changed issuer=https://gitlab.com added=[a b c d e f g h] removed=[]", log.lines[3])
		assert.Equal(t, "INFO oidc: keys changed issuer=https://gitlab.com added=[] removed=[a b c d e f g h]", log.lines[4])
	})
}

// Warm asks a few issuers at a time, once each, and tells which of them failed.
func TestWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var issuers []oidc.Issuer
		under, most := 0, 0
		var mu sync.Mutex
		r := &recorder{answer: func(req *http.Request) (int, http.Header, string, error) {
			mu.Lock()
			under++
			most = max(most, under)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			under--
			mu.Unlock()
			return 500, nil, "", nil
		}}
		for i := range 20 {
			issuers = append(issuers, oidc.GitLab(fmt.Sprintf("https://gitlab%d.example", i)))
		}
		public, _, err := ed25519.GenerateKey(nil)
		require.NoError(t, err)
		issuers[19].Keys = oidc.StaticKeySet{{ID: "k", Algorithm: oidc.EdDSA, Public: public}}
		v := must(t, oidc.Config{Issuers: issuers, Audiences: []string{audience}, HTTPClient: &http.Client{Transport: r}})
		err = v.Warm(t.Context())
		joined, ok := err.(interface{ Unwrap() []error })
		require.True(t, ok)
		assert.Len(t, joined.Unwrap(), 19)
		for i, err := range joined.Unwrap() {
			assert.Equal(t, fmt.Sprintf("https://gitlab%d.example", i), requireUnavailable(t, err, oidc.OpDiscovery).Issuer)
		}
		assert.Equal(t, 8, most)
		assert.Len(t, r.requests(), 19)

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err = v.Warm(ctx)
		assert.ErrorIs(t, err, context.Canceled)
		time.Sleep(time.Minute)
	})
}

// roundTrips answers discovery at one URL and keys at another.
func roundTrips(issuer *oidctest.Issuer, document string) *recorder {
	return &recorder{answer: func(req *http.Request) (int, http.Header, string, error) {
		if strings.HasSuffix(req.URL.Path, "/.well-known/openid-configuration") {
			return 200, nil, document, nil
		}
		return 200, nil, string(issuer.JWKS()), nil
	}}
}

func TestDiscoveryURL(t *testing.T) {
	for url, want := range map[string]string{
		"https://ci.example":         "https://ci.example/.well-known/openid-configuration",
		"https://ci.example/":        "https://ci.example/.well-known/openid-configuration",
		"https://ci.example/gitlab":  "https://ci.example/gitlab/.well-known/openid-configuration",
		"https://ci.example/gitlab/": "https://ci.example/gitlab/.well-known/openid-configuration",
		"http://127.0.0.1:1/x":       "http://127.0.0.1:1/x/.well-known/openid-configuration",
	} {
		issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: strings.TrimSuffix(url, "/")})
		keys := strings.SplitAfter(url, ":")[0] + "//127.0.0.1/keys"
		r := roundTrips(issuer, fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, url, keys))
		v := must(t, oidc.Config{Issuers: []oidc.Issuer{oidc.GitLab(url)}, Audiences: []string{audience}, HTTPClient: &http.Client{Transport: r}})
		_, err := v.Verify(t.Context(), issuer.GitLab(audience, func(c oidctest.Claims) { c["iss"] = url }))
		assert.NoError(t, err)
		assert.Equal(t, []string{want, keys}, r.requests())
	}
}

// A document of an https issuer cannot send the verifier to plain http, not even
// to loopback, and an error does not repeat what is too long.
func TestKeysURLThatIsRefused(t *testing.T) {
	long := "https://keys.example/" + strings.Repeat("x", 2048-len("https://keys.example/"))
	for keys, want := range map[string]string{
		"http://127.0.0.1/keys":   `jwks_uri "http://127.0.0.1/keys" is not https, as the issuer is`,
		"http://keys.example/":    "plain http is for loopback",
		"file:///etc/passwd":      "no host",
		"https://me@keys.example": "user information",
		long + "x":                "jwks_uri has 2049 bytes, more than the 2048 that are accepted",
		long:                      "",
	} {
		issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
		r := roundTrips(issuer, fmt.Sprintf(`{"issuer":"https://gitlab.com","jwks_uri":%q}`, keys))
		v := must(t, oidc.Config{Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{audience}, HTTPClient: &http.Client{Transport: r}})
		_, err := v.Verify(t.Context(), issuer.GitLab(audience))
		if want == "" {
			assert.NoError(t, err)
			continue
		}
		requireUnavailable(t, err, oidc.OpDiscovery)
		assert.ErrorContains(t, err, want)
		assert.Len(t, r.requests(), 1)
	}
}

// Discovery is asked again after a day, and when the URL it gave fails.
func TestDiscoveryAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, v := bench(t)
		documents := 0
		issuer.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/openid-configuration") {
				documents++
			}
			return false
		})
		warm := func(wait time.Duration, want int) {
			t.Helper()
			time.Sleep(wait)
			require.NoError(t, v.Warm(t.Context()))
			assert.Equal(t, want, documents)
		}
		warm(0, 1)
		warm(24*time.Hour-time.Second, 1)
		warm(time.Second, 2)
		warm(time.Second, 2)

		// A failure of the keys alone: the document is read again and says the
		// same, so the keys' URL is not asked twice.
		issuer.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/openid-configuration") {
				return false
			}
			w.WriteHeader(404)
			return true
		})
		before := issuer.Requests()
		err := v.Warm(t.Context())
		assert.Equal(t, 404, requireUnavailable(t, err, oidc.OpKeys).StatusCode)
		assert.Equal(t, before+2, issuer.Requests())
		issuer.Fail(500)
		err = v.Warm(t.Context())
		requireUnavailable(t, err, oidc.OpKeys)
	})
}

var errDown = errors.New("connection refused\nfake line")

// What a transport says goes into one line, without the URL twice, and can be
// matched.
func TestTransportErrors(t *testing.T) {
	r := &recorder{answer: func(*http.Request) (int, http.Header, string, error) { return 0, nil, "", errDown }}
	cfg := oidc.Config{Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{audience}, HTTPClient: &http.Client{Transport: r}}
	err := must(t, cfg).Warm(t.Context())
	requireUnavailable(t, err, oidc.OpDiscovery)
	assert.ErrorIs(t, err, errDown)
	assert.EqualError(t, err, "oidc: discovery unavailable for issuer \"https://gitlab.com\": connection refused\ufffdfake line")

	r.answer = func(*http.Request) (int, http.Header, string, error) {
		return 302, http.Header{"Location": {"https://evil.example/" + strings.Repeat("x", 5000)}}, "", nil
	}
	err = must(t, cfg).Warm(t.Context())
	assert.EqualError(t, err, `oidc: discovery unavailable for issuer "https://gitlab.com": httpx: redirect refused: from https://gitlab.com to https://evil.example`)
	r.answer = func(*http.Request) (int, http.Header, string, error) {
		return 302, http.Header{"Location": {"https://" + strings.Repeat("x", 5000)}}, "", nil
	}
	err = must(t, cfg).Warm(t.Context())
	assert.Less(t, len(err.Error()), 1200)
	assert.Len(t, r.requests(), 3)
}
