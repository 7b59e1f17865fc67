package tokencache

import (
	"context"
	"encoding/base64"
	"errors"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/flight"
	"github.com/cioidc/cioidc/internal/tokensource"
)

type source func(ctx context.Context, audience string) (string, error)

func (f source) IDToken(ctx context.Context, audience string) (string, error) {
	return f(ctx, audience)
}

func mint(exp int64) string {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	return part(`{"alg":"RS256","kid":"k"}`) + "." + part(`{"iss":"i","sub":"s","aud":"a","exp":`+strconv.FormatInt(exp, 10)+`}`) + "." + part("signature")
}

func TestOneCallForAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		token := mint(time.Now().Add(time.Hour).Unix())
		src := source(func(context.Context, string) (string, error) {
			calls.Add(1)
			time.Sleep(time.Second)
			return token, nil
		})
		var c Cache
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				got, err := c.Token(context.Background(), src, "a", nil)
				assert.NoError(t, err)
				assert.Equal(t, token, got)
			})
		}
		wg.Wait()
		assert.Equal(t, int32(1), calls.Load())
	})
}

func TestAudiencesAreApart(t *testing.T) {
	var c Cache
	src := source(func(_ context.Context, audience string) (string, error) { return "token for " + audience, nil })
	for _, a := range []string{"a", "b", "a"} {
		got, err := c.Token(context.Background(), src, a, nil)
		require.NoError(t, err)
		assert.Equal(t, "token for "+a, got)
	}
}

func TestWhatIsNotKept(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	failed := errors.New("failed")
	tests := []struct {
		name  string
		token string
		err   error
		calls int32 // of two Token calls
	}{
		{"an hour left", mint(now.Unix() + 3600), nil, 1},
		{"a minute and a second left", mint(now.Unix() + 61), nil, 1},
		{"a minute left", mint(now.Unix() + 60), nil, 2},
		{"expired", mint(now.Unix() - 1), nil, 2},
		{"no exp", mint(0), nil, 2},
		{"not a JWT", "opaque", nil, 2},
		{"error", "", failed, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var c Cache
			var calls atomic.Int32
			src := source(func(context.Context, string) (string, error) { calls.Add(1); return tt.token, tt.err })
			for range 2 {
				got, err := c.Token(context.Background(), src, "a", func() time.Time { return now })
				assert.Equal(t, tt.token, got)
				assert.ErrorIs(t, err, tt.err)
			}
			assert.Equal(t, tt.calls, calls.Load())
		})
	}
}

// The source runs in a goroutine of the cache, where nobody else recovers.
func TestPanicOfTheSourceIsAnError(t *testing.T) {
	var c Cache
	var calls int
	src := source(func(context.Context, string) (string, error) {
		if calls++; calls == 1 {
			panic("a secret")
		}
		return "token", nil
	})
	got, err := c.Token(context.Background(), src, "a", nil)
	var panicked *tokensource.PanicError
	require.ErrorAs(t, err, &panicked)
	assert.Equal(t, "string", panicked.Value)
	assert.Empty(t, got)
	got, err = c.Token(context.Background(), src, "a", nil)
	require.NoError(t, err, "the panic is not kept")
	assert.Equal(t, "token", got)
}

func TestSourceThatEndsItsGoroutineIsAnError(t *testing.T) {
	var c Cache
	_, err := c.Token(context.Background(), source(func(context.Context, string) (string, error) {
		runtime.Goexit()
		return "", nil
	}), "a", nil)
	assert.ErrorIs(t, err, flight.ErrExited)
}

func TestCancellationIsTheCallersOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		src := source(func(ctx context.Context, _ string) (string, error) {
			assert.Equal(t, "v", ctx.Value(key{}))
			select {
			case <-time.After(5 * time.Second):
				return "token", nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		})
		var c Cache
		impatient, cancel := context.WithTimeout(context.WithValue(context.Background(), key{}, "v"), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := c.Token(impatient, src, "a", nil)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		})
		synctest.Wait()
		got, err := c.Token(context.Background(), src, "a", nil)
		require.NoError(t, err)
		assert.Equal(t, "token", got)
		wg.Wait()

		cancel()
		_, err = c.Token(impatient, src, "never asked", nil)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestSourceIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		src := source(func(ctx context.Context, _ string) (string, error) { <-ctx.Done(); return "", ctx.Err() })
		var c Cache
		_, err := c.Token(context.Background(), src, "a", nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, timeout, time.Since(start))
	})
}
