package replay_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/replay"
)

// key returns a key of the length that the verifier's have.
func key(n int) string { return fmt.Sprintf("%064x", n) }

// clock is a time that a test sets.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func newStore(t *testing.T, most int) (*replay.Store, *clock) {
	t.Helper()
	c := &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	s, err := replay.New(replay.Config{MaxTokens: most, Now: c.now})
	require.NoError(t, err)
	return s, c
}

func TestOnce(t *testing.T) {
	s, c := newStore(t, 10)
	expires := c.t.Add(time.Hour)
	require.NoError(t, s.Use(t.Context(), key(1), expires))
	require.NoError(t, s.Use(t.Context(), key(2), expires), "another key is another token")
	for range 3 {
		require.ErrorIs(t, s.Use(t.Context(), key(1), expires), oidc.ErrReplayed)
	}
	c.t = expires.Add(-1)
	require.ErrorIs(t, s.Use(t.Context(), key(1), expires), oidc.ErrReplayed)
	assert.Equal(t, 2, s.Len())
}

// Of many at the same time, one passes. Under the race detector this is also a
// test of the lock.
func TestOnceOfManyAtTheSameTime(t *testing.T) {
	s, c := newStore(t, 100)
	expires := c.t.Add(time.Hour)
	const uses = 1000
	var passed, replayed atomic.Int64
	var wg sync.WaitGroup
	start := make(chan struct{})
	for range uses {
		wg.Go(func() {
			<-start
			switch err := s.Use(t.Context(), key(1), expires); {
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
}

// When there is no room, a token that could be the first of many is refused, and
// none that was used before is forgotten for it.
func TestFull(t *testing.T) {
	s, c := newStore(t, 3)
	for i := range 3 {
		require.NoError(t, s.Use(t.Context(), key(i), c.t.Add(time.Duration(i+1)*time.Minute)))
	}
	err := s.Use(t.Context(), key(9), c.t.Add(time.Hour))
	require.ErrorIs(t, err, replay.ErrFull)
	assert.ErrorContains(t, err, "raise MaxTokens")
	for i := range 3 {
		require.ErrorIs(t, s.Use(t.Context(), key(i), c.t.Add(time.Duration(i+1)*time.Minute)), oidc.ErrReplayed, "full or not")
	}
	assert.Equal(t, 3, s.Len())

	c.t = c.t.Add(time.Minute)
	require.NoError(t, s.Use(t.Context(), key(9), c.t.Add(time.Hour)), "one has expired")
	require.ErrorIs(t, s.Use(t.Context(), key(10), c.t.Add(time.Hour)), replay.ErrFull)
	assert.Equal(t, 3, s.Len())
}

// The store stays at what it needs: each use removes more expired entries than
// it adds.
func TestExpiredEntriesGo(t *testing.T) {
	s, c := newStore(t, 1000)
	for i := range 1000 {
		require.NoError(t, s.Use(t.Context(), key(i), c.t.Add(time.Minute)))
	}
	c.t = c.t.Add(time.Hour)
	for i := range 400 {
		require.NoError(t, s.Use(t.Context(), key(1000+i), c.t.Add(time.Minute)))
	}
	assert.Equal(t, 400, s.Len())
}

// What can no longer be remembered as long as it has to be cannot be told apart
// from what was forgotten.
func TestClockSetBack(t *testing.T) {
	s, c := newStore(t, 10)
	start := c.t
	require.NoError(t, s.Use(t.Context(), key(1), start.Add(time.Hour)))
	c.t = start.Add(2 * time.Hour) // by mistake
	require.NoError(t, s.Use(t.Context(), key(2), c.t.Add(time.Hour)))
	c.t = start.Add(time.Minute)
	err := s.Use(t.Context(), key(1), start.Add(time.Hour))
	require.ErrorContains(t, err, "the clock was set back to 2026-03-01T12:01:00Z, and tokens that expire until 2026-03-01T13:00:00Z were forgotten")
	require.NotErrorIs(t, err, oidc.ErrReplayed)
	require.NoError(t, s.Use(t.Context(), key(3), start.Add(time.Hour+time.Second)), "later than anything forgotten")

	c.t = start.Add(5 * time.Hour)
	require.ErrorContains(t, s.Use(t.Context(), key(4), c.t), "cannot be remembered")
	require.NoError(t, s.Use(t.Context(), key(4), c.t.Add(1)))
}

func TestNobodyWaits(t *testing.T) {
	s, c := newStore(t, 10)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Use(ctx, key(1), c.t.Add(time.Hour)), context.Canceled)
	require.NoError(t, s.Use(t.Context(), key(1), c.t.Add(time.Hour)), "it was not used up")
}

func TestConfig(t *testing.T) {
	for _, most := range []int{0, -1} {
		s, err := replay.New(replay.Config{MaxTokens: most})
		require.ErrorContains(t, err, fmt.Sprintf("MaxTokens is %d; set", most))
		assert.Nil(t, s)
	}
	for _, s := range []*replay.Store{nil, new(replay.Store)} {
		require.ErrorContains(t, s.Use(t.Context(), key(1), time.Now().Add(time.Hour)), "not made by New")
		assert.Zero(t, s.Len())
	}
}

// Whatever the order of uses and however the clock goes, back and forth
// included, no token passes twice, a new one passes when there is room, and what
// has not expired is remembered. The model keeps everything for ever.
func TestPropertyNothingPassesTwice(t *testing.T) {
	const tokens, most = 60, 12
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 7))
		s, c := newStore(t, most)
		start := c.t
		expires := make([]time.Time, tokens)
		for i := range expires {
			expires[i] = start.Add(time.Duration(r.IntN(600)) * time.Second)
		}
		passed := map[int]bool{}
		back := seed%2 == 1 // whether the clock can be set back
		for step := range 400 {
			advance := time.Duration(r.IntN(6)) * time.Second
			if back && r.IntN(20) == 0 {
				advance = time.Duration(r.IntN(400)-200) * time.Second
			}
			c.t = c.t.Add(advance)
			i := r.IntN(tokens)
			err := s.Use(t.Context(), key(i), expires[i])
			live := 0 // used and not expired
			for j := range passed {
				if expires[j].After(c.t) {
					live++
				}
			}
			what := fmt.Sprintf("seed %d, step %d, token %d: %v", seed, step, i, err)
			require.LessOrEqual(t, s.Len(), most, what)
			switch {
			case passed[i]:
				require.Error(t, err, what)
				if !back && expires[i].After(c.t) {
					require.ErrorIs(t, err, oidc.ErrReplayed, what)
				}
			case err == nil:
				require.True(t, expires[i].After(c.t), what)
				passed[i] = true
			default:
				require.NotErrorIs(t, err, oidc.ErrReplayed, what)
				if !back && expires[i].After(c.t) {
					require.ErrorIs(t, err, replay.ErrFull, what)
					require.Equal(t, most, live, what)
				}
			}
		}
		require.NotEmpty(t, passed)
	}
}

// Without a clock of the test's own, and without a goroutine: a synctest bubble
// that has one left does not end.
func TestWallClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := replay.New(replay.Config{MaxTokens: 1})
		require.NoError(t, err)
		expires := time.Now().Add(time.Hour)
		require.NoError(t, s.Use(t.Context(), key(1), expires))
		time.Sleep(time.Hour - 1)
		require.ErrorIs(t, s.Use(t.Context(), key(1), expires), oidc.ErrReplayed)
		require.ErrorIs(t, s.Use(t.Context(), key(2), expires), replay.ErrFull)
		time.Sleep(time.Nanosecond)
		require.NoError(t, s.Use(t.Context(), key(2), expires.Add(time.Hour)))
	})
}

// The memory that the documentation promises.
func TestMemory(t *testing.T) {
	const tokens = 100_000
	s, c := newStore(t, tokens)
	before := heap()
	for i := range tokens {
		require.NoError(t, s.Use(t.Context(), key(i), c.t.Add(time.Hour)))
	}
	each := (heap() - before) / tokens
	t.Logf("%d bytes for each token", each)
	assert.Less(t, each, uint64(200))
	runtime.KeepAlive(s)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// One lock for all: what it costs is to be seen against the signature check that
// went before, some 30 microseconds.
func BenchmarkUse(b *testing.B) {
	s, err := replay.New(replay.Config{MaxTokens: 1 << 30})
	require.NoError(b, err)
	expires := time.Now().Add(time.Hour)
	var n atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := s.Use(context.Background(), key(int(n.Add(1))), expires); err != nil {
				b.Error(err)
			}
		}
	})
}
