package replay_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
	"github.com/cioidc/cioidc/oidc/replay"
)

const audience = "https://deploy.acme.example"

// verifiers are two that share a store and differ in how long they take a token
// for valid.
func verifiers(t *testing.T, store oidc.ReplayStore) (*oidctest.Issuer, []*oidc.Verifier) {
	t.Helper()
	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIURL(oidctest.CircleCIOrganizationID)})
	var all []*oidc.Verifier
	for _, leeway := range []time.Duration{-1, 5 * time.Minute} {
		v, err := oidc.NewVerifier(oidc.Config{
			Issuers: []oidc.Issuer{oidc.CircleCI(oidctest.CircleCIOrganizationID)}, Audiences: []string{audience},
			HTTPClient: oidctest.Client(issuer), Replay: store, Leeway: leeway, CachedTokens: 10,
		})
		require.NoError(t, err)
		require.NoError(t, v.Warm(t.Context()))
		all = append(all, v)
	}
	return issuer, all
}

func TestTwoVerifiersAThousandTimes(t *testing.T) {
	store, err := replay.New(replay.Config{MaxTokens: 10})
	require.NoError(t, err)
	issuer, both := verifiers(t, store)
	raw := issuer.CircleCI(audience)
	const uses = 1000
	var passed, replayed atomic.Int64
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range uses {
		wg.Go(func() {
			<-start
			switch _, err := both[i%2].Verify(t.Context(), raw); {
			case err == nil:
				passed.Add(1)
			case errors.Is(err, oidc.ErrReplayed):
				replayed.Add(1)
			}
		})
	}
	close(start)
	wg.Wait()
	assert.Equal(t, int64(1), passed.Load())
	assert.Equal(t, int64(uses-1), replayed.Load())
	_, err = both[0].Verify(t.Context(), issuer.CircleCI(audience, oidctest.Branch("other")))
	require.NoError(t, err, "another token")
}

// A token that one verifier no longer takes is still remembered for the other,
// to the last moment at which that takes it, and removed then.
func TestUntilTheLastVerifierRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, err := replay.New(replay.Config{MaxTokens: 1})
		require.NoError(t, err)
		issuer, both := verifiers(t, store)
		raw := issuer.CircleCI(audience)
		tok, err := both[0].Verify(t.Context(), raw)
		require.NoError(t, err)
		last := tok.Claims().RegisteredClaims().ExpiresAt.Time().Add(5 * time.Minute)
		time.Sleep(time.Until(last) - 1)
		_, err = both[0].Verify(t.Context(), raw)
		require.ErrorIs(t, err, oidc.ErrExpired)
		_, err = both[1].Verify(t.Context(), raw)
		require.ErrorIs(t, err, oidc.ErrReplayed)

		// Full until then, and answered as something to try again.
		_, err = both[1].Verify(t.Context(), issuer.CircleCI(audience))
		var unavailable *oidc.UnavailableError
		require.ErrorAs(t, err, &unavailable)
		require.ErrorIs(t, err, replay.ErrFull)
		assert.Equal(t, oidc.OpReplay, unavailable.Op)
		time.Sleep(time.Nanosecond)
		_, err = both[1].Verify(t.Context(), raw)
		require.ErrorIs(t, err, oidc.ErrExpired)
		_, err = both[1].Verify(t.Context(), issuer.CircleCI(audience))
		require.NoError(t, err)
	})
}
