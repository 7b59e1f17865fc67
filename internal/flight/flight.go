// Package flight keeps a value for as long as it serves, and makes the next one
// once for everybody who waits for it.
package flight

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrExited is the error of a maker that ended its goroutine, as the FailNow
// method of a test does.
var ErrExited = errors.New("the source ended its goroutine without a result")

// Slot keeps one value. Callers that want it at the same time share one call of
// the function that makes it, its error included. The zero value is ready to
// use; it must not be copied.
type Slot[T any] struct {
	mu  sync.Mutex
	cur *entry[T]
}

type entry[T any] struct {
	done  chan struct{} // closed when the other fields are set
	value T
	err   error
	until time.Time // zero, as after an error: not to be kept
}

// Get returns the value, from fill if none is kept or what is kept has come to
// the time that fill returned with it. A zero time and an error say that it is
// for those who wait for it now and for nobody else. A nil now means [time.Now].
//
// fill runs in a goroutine of its own with ctx's values and without its
// cancellation: it must bound itself, and must not panic. If ctx ends first,
// the error is ctx's.
func (s *Slot[T]) Get(ctx context.Context, now func() time.Time, fill func(context.Context) (T, time.Time, error)) (T, error) {
	var zero T
	if err := ctx.Err(); err != nil {
		return zero, err
	}
	if now == nil {
		now = time.Now
	}
	e := s.entry(context.WithoutCancel(ctx), now(), fill)
	select {
	case <-e.done:
		return e.value, e.err
	case <-ctx.Done():
		return zero, ctx.Err()
	}
}

func (s *Slot[T]) entry(ctx context.Context, now time.Time, fill func(context.Context) (T, time.Time, error)) *entry[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cur == nil || s.cur.stale(now) {
		e := &entry[T]{done: make(chan struct{}), err: ErrExited}
		s.cur = e
		go e.fill(ctx, fill)
	}
	return s.cur
}

func (e *entry[T]) fill(ctx context.Context, fill func(context.Context) (T, time.Time, error)) {
	defer close(e.done)
	value, until, err := fill(ctx)
	if e.err = err; err == nil {
		e.value, e.until = value, until
	}
}

// stale reports whether e is complete and no longer to be handed out.
func (e *entry[T]) stale(now time.Time) bool {
	select {
	case <-e.done:
		return !now.Before(e.until)
	default:
		return false
	}
}
