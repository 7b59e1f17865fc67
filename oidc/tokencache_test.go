package oidc_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
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

// cachedBench is bench with a cache, and with the events of its verifier.
func cachedBench(t *testing.T, entries int, edit ...func(*oidc.Config)) (*oidctest.Issuer, *oidc.Verifier, *[]oidc.Event) {
	t.Helper()
	var events []oidc.Event
	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	cfg := oidc.Config{
		Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{audience}, HTTPClient: oidctest.Client(issuer),
		CachedTokens: entries, Audit: func(_ context.Context, e oidc.Event) { events = append(events, e) },
	}
	for _, f := range edit {
		f(&cfg)
	}
	return issuer, must(t, cfg), &events
}

func TestCachedTokenIsRemembered(t *testing.T) {
	issuer, v, events := cachedBench(t, 10)
	raw := issuer.GitLab(audience)
	first, err := v.Verify(t.Context(), raw)
	require.NoError(t, err)
	second, err := v.Verify(t.Context(), raw)
	require.NoError(t, err)
	assert.False(t, (*events)[0].Cached)
	assert.True(t, (*events)[1].Cached)
	assert.Equal(t, first.Claims(), second.Claims())
	assert.Equal(t, string(first.Payload()), string(second.Payload()))
	assert.Equal(t, first.KeyID(), second.KeyID())
	assert.Equal(t, first.Algorithm(), second.Algorithm())
	assert.Equal(t, (*events)[0].TokenHash, (*events)[1].TokenHash)
	assert.Equal(t, (*events)[0].Identity, (*events)[1].Identity)

	// Each caller's claims are its own.
	second.Claims().(*claims.GitLab).ProjectID = "changed"
	first.Claims().(*claims.GitLab).Ref = "changed"
	third, err := v.Verify(t.Context(), raw)
	require.NoError(t, err)
	assert.Equal(t, claims.ID(oidctest.GitLabProjectID), third.Claims().(*claims.GitLab).ProjectID)
	assert.Equal(t, "main", third.Claims().(*claims.GitLab).Ref)

	// Another spelling, or the same token with another signature, is not it.
	for _, other := range []string{lastBits(raw), raw[:len(raw)-2] + "AA", " " + raw} {
		_, err := v.Verify(t.Context(), other)
		var e *oidc.TokenError
		assert.ErrorAs(t, err, &e)
	}
}

// What is refused is not remembered, and what is denied is asked again.
func TestCachedTokenIsDecidedAgain(t *testing.T) {
	asked := 0
	errNo := errors.New("no")
	var verdict error
	issuer, v, events := cachedBench(t, 10, func(c *oidc.Config) {
		c.Authorize = func(context.Context, claims.Model) (slog.LogValuer, error) { asked++; return nil, verdict }
	})
	raw := issuer.GitLab(audience)
	for i, want := range []error{nil, errNo, nil, errNo} {
		verdict = want
		_, err := v.Verify(t.Context(), raw)
		assert.ErrorIs(t, err, want)
		assert.Equal(t, i+1, asked)
		assert.Equal(t, i > 0, (*events)[i].Cached)
	}
	expired := issuer.GitLab(audience, oidctest.Expired)
	for range 2 {
		_, err := v.Verify(t.Context(), expired)
		requireToken(t, err, oidc.ErrExpired)
	}
	assert.False(t, (*events)[5].Cached)
	fork := issuer.GitLab(audience, oidctest.ForkMergeRequestInParent)
	for range 2 {
		_, err := v.Verify(t.Context(), fork)
		assert.ErrorIs(t, err, oidc.ErrFork)
	}
	assert.True(t, (*events)[7].Cached)
}

func TestCachedTokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, v, _ := cachedBench(t, 10)
		raw := issuer.GitLab(audience)
		for range 2 {
			_, err := v.Verify(t.Context(), raw)
			require.NoError(t, err)
		}
		time.Sleep(time.Hour + 29*time.Second)
		_, err := v.Verify(t.Context(), raw)
		require.NoError(t, err)
		time.Sleep(time.Second)
		_, err = v.Verify(t.Context(), raw)
		requireToken(t, err, oidc.ErrExpired)
	})
}

func TestCachedTokenOfWithdrawnKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, v, events := cachedBench(t, 10)
		issuer.Misbehave(maxAge("max-age=600"))
		raw := issuer.GitLab(audience)
		for range 2 {
			_, err := v.Verify(t.Context(), raw)
			require.NoError(t, err)
		}
		// The same key, fetched anew, is the same key.
		time.Sleep(11 * time.Minute)
		for range 2 {
			_, err := v.Verify(t.Context(), raw)
			require.NoError(t, err)
		}
		assert.Equal(t, 3, issuer.Requests())
		assert.True(t, (*events)[2].Cached)
		assert.True(t, (*events)[3].Cached)

		issuer.Rotate(false)
		time.Sleep(11 * time.Minute)
		_, err := v.Verify(t.Context(), raw)
		requireToken(t, err, oidc.ErrUnknownKey)
	})
}

func TestCachedTokenWhileKeysAreMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, v, _ := cachedBench(t, 10, func(c *oidc.Config) { c.MaxLifetime = 100 * time.Hour })
		raw := issuer.GitLab(audience, oidctest.Lifetime(80*time.Hour))
		_, err := v.Verify(t.Context(), raw)
		require.NoError(t, err)
		issuer.Fail(500)
		time.Sleep(24 * time.Hour)
		_, err = v.Verify(t.Context(), raw)
		require.NoError(t, err)
		time.Sleep(2 * time.Hour)
		_, err = v.Verify(t.Context(), raw)
		var u *oidc.UnavailableError
		require.ErrorAs(t, err, &u)
	})
}

// The cache holds as many tokens as it was told to, the ones used last.
func TestCacheIsBounded(t *testing.T) {
	for _, size := range []int{1, 3, 512} {
		issuer, v, events := cachedBench(t, size)
		raws := make([]string, 2*size)
		for i := range raws {
			raws[i] = issuer.GitLab(audience)
			_, err := v.Verify(t.Context(), raws[i])
			require.NoError(t, err)
		}
		hits := func(raws []string) (n int) {
			for i := range raws { // The newest first, so that asking does not displace what is asked next.
				*events = nil
				_, err := v.Verify(t.Context(), raws[len(raws)-1-i])
				require.NoError(t, err)
				if (*events)[0].Cached {
					n++
				}
			}
			return n
		}
		if size <= 3 {
			assert.Equal(t, size, hits(raws[size:]), "the last ones are there")
			assert.Zero(t, hits(raws[:1]), "the first one is not")
			continue
		}
		// Of several shards, some are full before others.
		assert.Greater(t, hits(raws[size:]), size*3/4)
	}
}

func TestCacheUnderLoad(t *testing.T) {
	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	v := must(t, oidc.Config{
		Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{audience}, HTTPClient: oidctest.Client(issuer), CachedTokens: 8,
	})
	raws := make([]string, 24)
	for i := range raws {
		raws[i] = issuer.GitLab(audience, func(c oidctest.Claims) { c["user_id"] = fmt.Sprint(i) })
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				n := (i*7 + g) % len(raws)
				c, err := oidc.Verify[claims.GitLab](t.Context(), v, raws[n])
				if assert.NoError(t, err) {
					assert.Equal(t, claims.ID(fmt.Sprint(n)), c.UserID)
				}
			}
		})
	}
	wg.Wait()
}

// The memory of an entry is what the documentation says, within reason.
func TestCacheMemory(t *testing.T) {
	const n = 512
	gitlab := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	circle := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIURL(oidctest.CircleCIOrganizationID)})
	for name, c := range map[string]struct {
		mint func(i int) string
		most uint64
	}{
		"GitLab":   {func(i int) string { return gitlab.GitLab(audience) }, 4 << 10},
		"CircleCI": {func(i int) string { return circle.CircleCI(audience, oidctest.Contexts(fmt.Sprint(i))) }, 3 << 10},
	} {
		v := must(t, oidc.Config{
			Issuers:   []oidc.Issuer{oidc.GitLab("https://gitlab.com"), oidc.CircleCI(oidctest.CircleCIOrganizationID)},
			Audiences: []string{audience}, HTTPClient: oidctest.Client(gitlab, circle), CachedTokens: 16 * n,
		})
		_, err := v.Verify(t.Context(), c.mint(-1))
		require.NoError(t, err)
		raws := make([]string, n)
		for i := range raws {
			raws[i] = c.mint(i)
		}
		before := heap()
		for _, raw := range raws {
			_, err := v.Verify(t.Context(), raw)
			require.NoError(t, err)
		}
		after := heap()
		each := (after - before) / n
		assert.Less(t, each, c.most, name)
		assert.Greater(t, each, c.most/4, name)
		runtime.KeepAlive(v)
		runtime.KeepAlive(raws)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
