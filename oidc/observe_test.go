package oidc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// anyOrganization answers for every CircleCI organization with the keys of one,
// and counts the fetches of keys by organization.
func anyOrganization(keys *oidctest.Issuer, fetches map[string]int) *http.Client {
	var mu sync.Mutex
	return &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		id := strings.Split(r.URL.Path, "/")[2]
		issuer := "https://oidc.circleci.com/org/" + id
		body := fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, issuer, issuer+"/keys")
		if strings.HasSuffix(r.URL.Path, "/keys") {
			mu.Lock()
			fetches[id]++
			mu.Unlock()
			body = string(keys.JWKS())
		}
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	})}
}

type meter struct {
	mu            sync.Mutex
	verifications []oidc.Verification
	fetches       []oidc.Fetch
}

func (m *meter) ObserveVerification(v oidc.Verification) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.verifications = append(m.verifications, v)
}

func (m *meter) ObserveFetch(f oidc.Fetch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fetches = append(m.fetches, f)
}

func TestObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
		issuer.Misbehave(func(http.ResponseWriter, *http.Request) bool { time.Sleep(time.Second); return false })
		issuer.Publish(`{"kty":"oct"}`)
		m := new(meter)
		v := must(t, oidc.Config{
			Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{audience}, HTTPClient: oidctest.Client(issuer),
			Observer: m, CachedTokens: 5,
			Authorize: func(_ context.Context, c claims.Model) (slog.LogValuer, error) {
				switch c.(*claims.GitLab).Ref {
				case "slow":
					return nil, context.DeadlineExceeded
				case "main":
					return nil, nil
				}
				return nil, errors.New("no")
			},
		})
		good := issuer.GitLab(audience)
		for _, raw := range []string{
			good, good, "x", issuer.SignWith(func(h oidctest.Header) { h["alg"] = "HS256" }, oidctest.Claims{"iss": issuer.URL()}),
			issuer.Sign(oidctest.Claims{"iss": "https://evil.example"}), good[:len(good)-2] + "AA", issuer.GitLab(audience, oidctest.Expired),
			issuer.GitLab(audience, oidctest.NotYet), issuer.GitLab(audience, oidctest.Lifetime(25*time.Hour)), issuer.GitLab("other"),
			issuer.Login(audience), issuer.GitLab(audience, oidctest.ForkMergeRequestInParent), issuer.GitLab(audience, oidctest.Branch("x")),
			issuer.GitLab(audience, oidctest.Branch("slow")),
		} {
			v.Verify(t.Context(), raw)
		}
		oidc.Verify[claims.CircleCI](t.Context(), v, good)
		var outcomes []string
		for _, o := range m.verifications {
			outcomes = append(outcomes, o.Outcome)
		}
		assert.Equal(t, []string{"accepted", "accepted", "malformed", "unsupported", "issuer", "signature", "expired", "not_yet", "too_old", "audience",
			"claim", "fork", "denied", "unavailable", "model"}, outcomes)
		assert.Equal(t, oidc.Verification{Issuer: "https://gitlab.com", Outcome: "accepted", Duration: 2 * time.Second}, m.verifications[0])
		assert.Equal(t, oidc.Verification{Issuer: "https://gitlab.com", Outcome: "accepted", Cached: true}, m.verifications[1])
		assert.Empty(t, m.verifications[4].Issuer, "a stranger's issuer is no label")
		synctest.Wait()
		assert.Equal(t, []oidc.Fetch{{Issuer: "https://gitlab.com", Keys: 2, Skipped: 1, Duration: 2 * time.Second}}, m.fetches)

		issuer.Fail(500)
		require.Error(t, v.Warm(t.Context()))
		synctest.Wait()
		require.Len(t, m.fetches, 2)
		requireUnavailable(t, m.fetches[1].Err, oidc.OpKeys)
	})
}

func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
		pinned := oidc.GitLab("https://pinned.example")
		var err error
		pinned.Keys, err = oidc.ParseKeySet(issuer.JWKS())
		require.NoError(t, err)
		v := must(t, oidc.Config{
			Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com"), pinned}, Audiences: []string{audience}, HTTPClient: oidctest.Client(issuer),
		})
		look := func() oidc.IssuerHealth {
			h := v.Health()
			require.Len(t, h, 2)
			assert.Equal(t, oidc.IssuerHealth{Issuer: "https://pinned.example", State: oidc.KeysFixed}, h[1])
			assert.Equal(t, "https://gitlab.com", h[0].Issuer)
			return h[0]
		}
		verify := func() { v.Verify(t.Context(), issuer.GitLab(audience)); synctest.Wait() }

		h := look()
		assert.Equal(t, oidc.KeysUnused, h.State)
		assert.True(t, h.Ready())
		issuer.Fail(500)
		verify()
		h = look()
		assert.Equal(t, oidc.KeysMissing, h.State)
		assert.False(t, h.Ready())
		assert.Equal(t, 1, h.Failures)
		requireUnavailable(t, h.LastError, oidc.OpDiscovery)

		issuer.Fail(0)
		time.Sleep(10 * time.Second)
		verify()
		time.Sleep(time.Minute)
		h = look()
		assert.Equal(t, oidc.IssuerHealth{Issuer: "https://gitlab.com", State: oidc.KeysFresh, Keys: 2, Age: time.Minute}, h)

		issuer.Fail(500)
		time.Sleep(time.Hour)
		verify()
		h = look()
		assert.Equal(t, oidc.KeysStale, h.State)
		assert.True(t, h.Ready())
		requireUnavailable(t, h.LastError, oidc.OpKeys)
		time.Sleep(25 * time.Hour)
		assert.Equal(t, oidc.KeysMissing, look().State)
	})
	assert.Empty(t, (*oidc.Verifier)(nil).Health())
}

func TestLogOfRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
		var out bytes.Buffer
		v := must(t, oidc.Config{
			Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{audience}, HTTPClient: oidctest.Client(issuer),
			Logger: slog.New(slog.NewJSONHandler(&out, nil)),
		})
		require.NoError(t, v.Warm(t.Context()))
		out.Reset()
		raw := issuer.GitLab(audience, oidctest.ForkMergeRequestInParent)
		v.Verify(t.Context(), raw)
		var line struct {
			Level, Msg string
			Event      map[string]any
		}
		require.NoError(t, json.Unmarshal(out.Bytes(), &line))
		assert.Equal(t, "oidc: token not accepted", line.Msg)
		assert.Equal(t, "denied", line.Event["outcome"])
		assert.Equal(t, "https://gitlab.com", line.Event["issuer"])
		assert.Len(t, line.Event["token_hash"], 64)
		assert.Equal(t, oidctest.GitLabForkProjectID, line.Event["identity"].(map[string]any)["project"])
		assert.Contains(t, line.Event["error"], "job of a fork")
		assert.NotContains(t, out.String(), raw)
		assert.NotContains(t, out.String(), oidctest.GitLabUserLogin)

		out.Reset()
		v.Verify(t.Context(), issuer.GitLab(audience))
		assert.Empty(t, out.String(), "what is accepted is the audit's")

		issuer.Fail(500)
		time.Sleep(2 * time.Hour)
		for range 3 {
			v.Verify(t.Context(), issuer.GitLab(audience))
			synctest.Wait()
			time.Sleep(time.Minute)
		}
		assert.Equal(t, 1, strings.Count(out.String(), "oidc: keys used past their time"))
		assert.Positive(t, strings.Count(out.String(), "oidc: fetching keys failed"))
	})
}

func TestZeroVerifier(t *testing.T) {
	for _, v := range []*oidc.Verifier{nil, new(oidc.Verifier)} {
		_, err := v.Verify(t.Context(), "x")
		assert.ErrorContains(t, err, "not made by NewVerifier")
		assert.ErrorContains(t, v.Warm(t.Context()), "not made by NewVerifier")
	}
}

// Ten thousand issuers, a tenth of them used, cost what the documentation says
// and no goroutine.
func TestManyIssuers(t *testing.T) {
	const configured, used = 10000, 1000
	org := func(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", i) }
	keys := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIURL(org(0))})
	client := anyOrganization(keys, map[string]int{})
	raws := make([]string, used)
	for i := range raws {
		raws[i] = keys.CircleCI(audience, oidctest.Organization(org(i)), func(c oidctest.Claims) { c["aud"] = audience })
	}
	goroutines := runtime.NumGoroutine()
	before := heap()
	issuers := make([]oidc.Issuer, configured)
	for i := range issuers {
		issuers[i] = oidc.CircleCI(org(i))
	}
	v := must(t, oidc.Config{Issuers: issuers, Audiences: []string{audience}, HTTPClient: client})
	issuers = nil
	idle := (heap() - before) / configured
	for _, raw := range raws {
		_, err := v.Verify(t.Context(), raw)
		require.NoError(t, err)
	}
	after := (heap() - before - idle*configured) / used
	t.Logf("bytes per issuer: %d configured, %d more when used", idle, after)
	assert.Less(t, idle, uint64(1<<10))
	assert.Less(t, after, uint64(2<<10))
	for range 100 { // The last fetch may be ending.
		if runtime.NumGoroutine() <= goroutines {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	assert.LessOrEqual(t, runtime.NumGoroutine(), goroutines)
	runtime.KeepAlive(v)
	runtime.KeepAlive(raws)
}
