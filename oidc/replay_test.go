package oidc_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

// storeFunc is a store that is a function.
type storeFunc func(ctx context.Context, key string, expires time.Time) error

func (f storeFunc) Use(ctx context.Context, key string, expires time.Time) error {
	return f(ctx, key, expires)
}

// askedStore is a store that remembers what it was asked.
type askedStore struct {
	keys    []string
	expires []time.Time
	fail    error
}

func (s *askedStore) Use(_ context.Context, key string, expires time.Time) error {
	s.keys, s.expires = append(s.keys, key), append(s.expires, expires)
	if s.fail != nil {
		return s.fail
	}
	for _, k := range s.keys[:len(s.keys)-1] {
		if k == key {
			return fmt.Errorf("a store's own words: %w", oidc.ErrReplayed)
		}
	}
	return nil
}

func requireReplayed(t *testing.T, err error) {
	t.Helper()
	var denied *oidc.DeniedError
	require.ErrorAs(t, err, &denied)
	require.ErrorIs(t, err, oidc.ErrReplayed)
	require.NotNil(t, denied.Claims)
	require.EqualError(t, err, "oidc: denied: token used before: with Config.Replay, each request needs a token of its own")
}

// replayBench is a verifier with a store, and what it reports.
func replayBench(t *testing.T, store oidc.ReplayStore, edit ...func(*oidc.Config)) (*oidctest.Issuer, *oidc.Verifier, *[]oidc.Event, *meter) {
	t.Helper()
	m := new(meter)
	issuer, v, events := cachedBench(t, 0, append([]func(*oidc.Config){func(c *oidc.Config) { c.Replay, c.Observer = store, m }}, edit...)...)
	return issuer, v, events, m
}

func TestReplay(t *testing.T) {
	s := new(askedStore)
	issuer, v, events, m := replayBench(t, s)
	raw := issuer.GitLab(audience)
	tok, err := v.Verify(t.Context(), raw)
	require.NoError(t, err)
	sum := sha256.Sum256([]byte("https://gitlab.com\x00" + raw))
	assert.Equal(t, []string{hex.EncodeToString(sum[:])}, s.keys)
	assert.Equal(t, tok.Claims().RegisteredClaims().ExpiresAt.Time().Add(5*time.Minute), s.expires[0])

	tok, err = v.Verify(t.Context(), raw)
	assert.Nil(t, tok)
	requireReplayed(t, err)
	_, err = v.Verify(t.Context(), issuer.GitLab(audience))
	require.NoError(t, err, "another token of the same job")

	require.Len(t, *events, 3)
	assert.Equal(t, oidctest.GitLabProjectID, (*events)[1].Identity.Project)
	assert.Equal(t, "denied", (*events)[1].LogValue().Group()[0].Value.String())
	require.ErrorIs(t, (*events)[1].Err, oidc.ErrReplayed)
	var outcomes []string
	for _, o := range m.verifications {
		outcomes = append(outcomes, o.Outcome)
		assert.False(t, o.ReplayFailed)
	}
	assert.Equal(t, []string{"accepted", "replayed", "accepted"}, outcomes)
}

// A token that is refused for any other reason is not used up, and one that is
// remembered is asked about like any other.
func TestReplayIsLast(t *testing.T) {
	s := new(askedStore)
	allow := false
	issuer, v, events, _ := replayBench(t, s, func(c *oidc.Config) {
		c.CachedTokens = 10
		c.Authorize = func(context.Context, claims.Model) (slog.LogValuer, error) {
			if !allow {
				return nil, errors.New("not yet")
			}
			return nil, nil
		}
	})
	raw := issuer.GitLab(audience)
	for _, refused := range []string{
		raw, "x", issuer.GitLab("other"), issuer.GitLab(audience, oidctest.Expired), issuer.GitLab(audience, oidctest.ForkMergeRequestInParent),
	} {
		_, err := v.Verify(t.Context(), refused)
		require.Error(t, err)
		require.NotErrorIs(t, err, oidc.ErrReplayed)
	}
	allow = true
	_, err := oidc.Verify[claims.CircleCI](t.Context(), v, raw)
	requireToken(t, err, oidc.ErrModel)
	require.Empty(t, s.keys, "none of these was accepted")

	_, err = oidc.Verify[claims.GitLab](t.Context(), v, raw)
	require.NoError(t, err)
	_, err = oidc.Verify[claims.GitLab](t.Context(), v, raw)
	requireReplayed(t, err)
	assert.Len(t, s.keys, 2, "once for each call")
	assert.True(t, (*events)[len(*events)-1].Cached)
}

// A token that expires while Authorize thinks is not told to the store, which
// could not remember it.
func TestReplayOfATokenThatExpiredMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(askedStore)
		issuer, v, _, _ := replayBench(t, s, func(c *oidc.Config) {
			c.Authorize = func(context.Context, claims.Model) (slog.LogValuer, error) {
				time.Sleep(2 * time.Hour)
				return nil, nil
			}
		})
		_, err := v.Verify(t.Context(), issuer.GitLab(audience))
		requireToken(t, err, oidc.ErrExpired)
		assert.Empty(t, s.keys)
	})
}

func TestReplayStoreFails(t *testing.T) {
	away := errors.New("connection refused")
	s := &askedStore{fail: away}
	issuer, v, _, m := replayBench(t, s)
	_, err := v.Verify(t.Context(), issuer.GitLab(audience))
	require.ErrorIs(t, requireUnavailable(t, err, oidc.OpReplay), away)
	assert.EqualError(t, err, `oidc: replay unavailable for issuer "https://gitlab.com": connection refused`)
	assert.Equal(t, "unavailable", m.verifications[0].Outcome)

	// A failure that talks of a token's validity is still a failure.
	s.fail = &oidc.TokenError{Reason: oidc.ErrExpired}
	_, err = v.Verify(t.Context(), issuer.GitLab(audience))
	requireUnavailable(t, err, oidc.OpReplay)

	var out bytes.Buffer
	s.fail = away
	issuer, v, events, m := replayBench(t, s, func(c *oidc.Config) {
		c.ReplayFailOpen, c.Logger = true, slog.New(slog.NewJSONHandler(&out, nil))
	})
	require.NoError(t, v.Warm(t.Context()))
	out.Reset()
	raw := issuer.GitLab(audience)
	tok, err := v.Verify(t.Context(), raw)
	require.NoError(t, err)
	assert.NotNil(t, tok)
	require.ErrorIs(t, (*events)[0].ReplayErr, away)
	require.NoError(t, (*events)[0].Err)
	assert.True(t, m.verifications[0].ReplayFailed)
	assert.Equal(t, "accepted", m.verifications[0].Outcome)
	var line struct {
		Level, Msg string
		Event      map[string]any
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	assert.Equal(t, []string{"WARN", "oidc: replay not checked"}, []string{line.Level, line.Msg})
	assert.Equal(t, "connection refused", line.Event["replay_error"])
	assert.Equal(t, (*events)[0].TokenHash, line.Event["token_hash"])
	assert.NotContains(t, out.String(), raw[:40])

	// A token that is known to be used does not pass for that.
	s.fail = nil
	_, err = v.Verify(t.Context(), raw)
	requireReplayed(t, err)
}

// Whoever holds a used token can hang up, or set a deadline that no store
// keeps. Neither makes it pass.
func TestReplayFailOpenIsNotTheCallersChoice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls int
		store := storeFunc(func(ctx context.Context, _ string, _ time.Time) error {
			calls++
			if deadline, ok := ctx.Deadline(); ok {
				time.Sleep(time.Until(deadline)) // as a connection with that deadline
				return errors.New("i/o timeout")
			}
			<-ctx.Done()
			return ctx.Err()
		})
		issuer, v, _, _ := replayBench(t, store, func(c *oidc.Config) { c.ReplayFailOpen = true })
		require.NoError(t, v.Warm(t.Context()))
		raw := issuer.GitLab(audience)

		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := v.Verify(ctx, raw)
		require.ErrorIs(t, requireUnavailable(t, err, oidc.OpReplay), context.Canceled)

		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = v.Verify(notYetDone{ctx}, raw)
		require.ErrorContains(t, requireUnavailable(t, err, oidc.OpReplay), "i/o timeout")
		assert.Equal(t, 2, calls)
	})
}

// notYetDone is a context in the moment between its deadline and its end.
type notYetDone struct{ context.Context }

func (notYetDone) Err() error            { return nil }
func (notYetDone) Done() <-chan struct{} { return nil }

// A store that panics ends the request, by net/http's recovery, before the
// handler sees it. The verifier is none the worse.
func TestReplayStorePanics(t *testing.T) {
	broken := true
	issuer, v, _, _ := replayBench(t, storeFunc(func(context.Context, string, time.Time) error {
		if broken {
			panic("store")
		}
		return nil
	}), func(c *oidc.Config) { c.ReplayFailOpen = true })
	reached := 0
	handler := oidc.Middleware(v, nil)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	serve := func() {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+issuer.GitLab(audience))
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	assert.PanicsWithValue(t, "store", serve)
	assert.Zero(t, reached)
	broken = false
	serve()
	assert.Equal(t, 1, reached)
}

func TestReplayConfig(t *testing.T) {
	_, err := oidc.NewVerifier(oidc.Config{Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{audience}, ReplayFailOpen: true})
	require.ErrorContains(t, err, "ReplayFailOpen is set, but there is no Replay")
}
