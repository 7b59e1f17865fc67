package flight_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/flight"
)

func TestOneCallForAllWhoWait(t *testing.T) {
	failed := errors.New("failed")
	for _, want := range []error{nil, failed} {
		synctest.Test(t, func(t *testing.T) {
			var s flight.Slot[int]
			calls := 0
			fill := func(context.Context) (int, time.Time, error) {
				time.Sleep(time.Second)
				calls++
				return calls, time.Now().Add(time.Hour), want
			}
			var wg sync.WaitGroup
			for range 1000 {
				wg.Go(func() {
					got, err := s.Get(context.Background(), nil, fill)
					assert.Equal(t, want, err)
					if want == nil {
						assert.Equal(t, 1, got)
					} else {
						assert.Zero(t, got, "no value beside an error")
					}
				})
			}
			wg.Wait()
			assert.Equal(t, 1, calls)
		})
	}
}

func TestKeptUntilItsTime(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	clock := func() time.Time { return now }
	var s flight.Slot[int]
	calls := 0
	get := func(until time.Time, err error) int {
		got, gotErr := s.Get(context.Background(), clock, func(context.Context) (int, time.Time, error) {
			calls++
			return calls, until, err
		})
		require.Equal(t, err, gotErr)
		return got
	}
	assert.Equal(t, 1, get(now.Add(time.Minute), nil))
	now = now.Add(time.Minute - 1)
	assert.Equal(t, 1, get(time.Time{}, nil))
	now = now.Add(1)
	assert.Equal(t, 2, get(time.Time{}, nil))
	assert.Equal(t, 3, get(time.Time{}, nil), "a zero time keeps nothing")
	get(now.Add(time.Hour), errors.New("failed"))
	assert.Equal(t, 5, get(now.Add(time.Hour), nil), "an error is not kept")
	assert.Equal(t, 5, get(time.Time{}, nil))
}

func TestCancellationIsTheCallersOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		var s flight.Slot[string]
		fill := func(ctx context.Context) (string, time.Time, error) {
			time.Sleep(5 * time.Second)
			assert.NoError(t, ctx.Err())
			return ctx.Value(key{}).(string), time.Time{}, nil
		}
		ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), key{}, "v"), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := s.Get(ctx, nil, fill)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		})
		synctest.Wait()
		got, err := s.Get(context.Background(), nil, nil)
		require.NoError(t, err)
		assert.Equal(t, "v", got)
		wg.Wait()
		_, err = s.Get(ctx, nil, nil)
		assert.ErrorIs(t, err, context.DeadlineExceeded, "nothing is begun for a context that has ended")
	})
}

func TestFillThatEndsItsGoroutineIsAnError(t *testing.T) {
	var s flight.Slot[int]
	_, err := s.Get(context.Background(), nil, func(context.Context) (int, time.Time, error) { runtime.Goexit(); return 1, time.Time{}, nil })
	assert.ErrorIs(t, err, flight.ErrExited)
}
