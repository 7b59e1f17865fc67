package oidc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cioidc/cioidc/internal/httpx"
)

// RemoteKeySet is a [KeySet] at a URL, cached. It fetches when keys are asked
// for, never before and never on a timer, and no caller's context ends a fetch
// that others wait for. Safe for concurrent use.
//
// Keys are fresh for as long as the response's max-age says, within limits.
// From four fifths of that time a use starts a fetch and does not wait for it;
// past that time, the use that starts one waits for up to a second. While
// fetches fail, the keys at hand stay in use until MaxStale past that time;
// after that Keys fails with an *[UnavailableError]. Keys that the issuer
// withdrew are gone with the first fetch after that.
//
// A fetch that failed is repeated after 10 seconds, then after twice as long
// each time, up to 5 minutes; while there are no keys to use at all, after 10
// seconds each time.
//
// A key ID that is not in the set is looked for by a fetch, so that a new key
// works at once; but not within MinInterval of the last fetch, and not more
// often than a small budget allows, so that made-up key IDs cannot turn a
// verifier against its issuer.
type RemoteKeySet struct {
	url    string // of the key set; empty: found by discovery at issuer
	issuer string
	opts   RemoteKeySetOptions
	client *http.Client

	current atomic.Pointer[snapshot]

	mu       sync.Mutex
	flight   *flight   // the fetch under way, if any
	last     error     // of the last fetch, nil if it succeeded
	failures int       // in a row
	retryAt  time.Time // no fetch before, after failures
	budget   budget

	// found and foundAt are the key set's URL by discovery, and when it was
	// found. Only the fetch under way touches them.
	found   string
	foundAt time.Time
}

// RemoteKeySetOptions configures a [RemoteKeySet]. A nil pointer means
// defaults.
type RemoteKeySetOptions struct {
	// HTTPClient fetches. It is copied, and its redirect policy replaced: at
	// most three, on the same scheme and host. Nil means a client on
	// [http.DefaultTransport].
	HTTPClient *http.Client
	// MinAge and MaxAge bound how long keys are fresh, whatever the response's
	// max-age says. Zero means 1 minute and 1 hour. Without a max-age, keys are
	// fresh for 15 minutes, within the same bounds.
	MinAge, MaxAge time.Duration
	// MaxStale is for how long keys that are no longer fresh are used while
	// fetches fail. Zero means 24 hours.
	MaxStale time.Duration
	// MinInterval is the age that the keys must have before an unknown key ID
	// leads to a fetch. Zero means 10 seconds.
	MinInterval time.Duration
	// Timeout bounds a fetch, discovery included. Zero means 10 seconds.
	Timeout time.Duration
	// Logger receives key changes, keys that cannot be used, failed fetches, and
	// the use of keys past their time. Nil means none.
	Logger *slog.Logger
	// Observer is told of each fetch. Nil means none.
	Observer Observer
	// Now returns the current time. Nil means [time.Now].
	Now func() time.Time

	shared *http.Client // made of HTTPClient, for the key sets of one verifier
	// sameClock: Now is the clock of the verifier that asks for keys.
	sameClock bool
}

const (
	defaultTimeout   = 10 * time.Second
	ageWithoutMaxAge = 15 * time.Minute
	discoveryAge     = 24 * time.Hour
	firstRetry       = 10 * time.Second
	lastRetry        = 5 * time.Minute
	// revalidateWait is how long a caller waits for the fetch that its own use
	// of keys past their time started. Without it, a key withdrawn while nobody
	// used the set would be accepted once more. Nobody waits for an issuer whose
	// last fetch failed.
	revalidateWait = time.Second
)

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// NewRemoteKeySet returns the key set at url, an https URL, or an http URL of
// the loopback interface. It does no I/O. Nil opts mean defaults; a negative
// duration is an error.
func NewRemoteKeySet(url string, opts *RemoteKeySetOptions) (*RemoteKeySet, error) {
	return newRemoteKeySet(url, "", opts)
}

func newRemoteKeySet(url, issuer string, opts *RemoteKeySetOptions) (*RemoteKeySet, error) {
	r := &RemoteKeySet{url: url, issuer: issuer}
	if opts != nil {
		r.opts = *opts
	}
	o := &r.opts
	if min(o.MinAge, o.MaxAge, o.MaxStale, o.MinInterval, o.Timeout) < 0 {
		return nil, errors.New("oidc: a duration of RemoteKeySetOptions is negative")
	}
	o.MinAge = orDefault(o.MinAge, time.Minute)
	o.MaxAge = orDefault(o.MaxAge, time.Hour)
	o.MaxStale = orDefault(o.MaxStale, 24*time.Hour)
	o.MinInterval = orDefault(o.MinInterval, 10*time.Second)
	o.Timeout = orDefault(o.Timeout, defaultTimeout)
	if o.MinAge > o.MaxAge {
		return nil, errors.New("oidc: MinAge is more than MaxAge")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if issuer == "" {
		if _, err := httpx.CheckURL(url); err != nil {
			return nil, fmt.Errorf("oidc: key set URL %s: %w", quoteURL(url), err)
		}
	}
	if r.client = o.shared; r.client == nil {
		r.client = httpx.Client(o.HTTPClient, o.Timeout)
	}
	return r, nil
}

var _ KeySet = (*RemoteKeySet)(nil)

// Keys returns the keys with the given ID, fetching the set if there is none
// yet or if it may have changed. None and no error means that the set has no
// such key. Errors are *[UnavailableError]. The context bounds the wait of this
// call, not the fetch. The keys must not be changed.
func (r *RemoteKeySet) Keys(ctx context.Context, keyID string) ([]Key, error) {
	s, now := r.current.Load(), r.opts.Now()
	if s == nil || !now.Before(s.staleUntil) {
		if err := r.wait(ctx, r.refresh(s, now)); err != nil {
			return nil, err
		}
		s = r.current.Load()
	} else if !now.Before(s.refreshAt) {
		s = r.revalidate(ctx, s, now)
	}
	if keys := s.keys[keyID]; len(keys) > 0 {
		return keys, nil
	}
	return r.search(ctx, keyID)
}

// at returns the keys with the given ID if that takes no fetch and no clock but
// the verifier's own, whose time is now; otherwise none, which says nothing.
func (r *RemoteKeySet) at(now time.Time, keyID string) []Key {
	if s := r.current.Load(); s != nil && r.opts.sameClock && now.Before(s.refreshAt) {
		return s.keys[keyID]
	}
	return nil
}

// revalidate starts a fetch because of the age of s and returns the keys to
// use.
func (r *RemoteKeySet) revalidate(ctx context.Context, s *snapshot, now time.Time) *snapshot {
	r.mu.Lock()
	failing := r.failures > 0
	f, started := r.join(s, now)
	r.mu.Unlock()
	if failing && !now.Before(s.freshUntil) {
		r.noteStale(s, now)
	}
	if started && !failing && !now.Before(s.freshUntil) {
		timer := time.NewTimer(revalidateWait)
		defer timer.Stop()
		select {
		case <-f.done:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return r.current.Load()
}

// search looks for a key ID that the keys at hand did not have.
func (r *RemoteKeySet) search(ctx context.Context, keyID string) ([]Key, error) {
	f, err := r.look(keyID)
	if err != nil {
		return nil, err
	}
	if f != nil {
		if err := r.wait(ctx, f); err != nil {
			return nil, err
		}
	}
	return r.current.Load().keys[keyID], nil
}

// look returns the fetch that will tell whether there is a key called keyID, or
// nil if the keys at hand tell.
func (r *RemoteKeySet) look(keyID string) (*flight, error) {
	now := r.opts.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	// A fetch may have ended since the caller read the keys.
	s := r.current.Load()
	switch {
	case len(s.keys[keyID]) > 0:
		return nil, nil
	case r.flight != nil:
		return r.flight, nil
	case now.Sub(s.fetchedAt) < r.opts.MinInterval:
		return nil, nil
	}
	if wait := r.retryAt.Sub(now); wait > 0 {
		return nil, r.unavailable(r.last, wait)
	}
	if wait := r.budget.take(now); wait > 0 {
		return nil, r.unavailable(errors.New("too many unknown key IDs to look for this one now"), wait)
	}
	return r.start(now), nil
}

// refresh returns the fetch that will replace s: the one under way, a new one,
// or, if a fetch has replaced s meanwhile or failures forbid one, one that is
// over.
func (r *RemoteKeySet) refresh(s *snapshot, now time.Time) *flight {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f, _ := r.join(s, now); f != nil {
		return f
	}
	over := &flight{done: make(chan struct{})}
	if r.current.Load() == s {
		over.err = r.unavailable(r.last, r.retryAt.Sub(now))
	}
	close(over.done)
	return over
}

// join returns the fetch under way or starts one, unless one has replaced s
// meanwhile or failures forbid it. The mutex is held.
func (r *RemoteKeySet) join(s *snapshot, now time.Time) (f *flight, started bool) {
	switch {
	case r.flight != nil:
		return r.flight, false
	case r.current.Load() != s || now.Before(r.retryAt):
		return nil, false
	}
	return r.start(now), true
}

// wait waits for f, as long as ctx lets it.
func (r *RemoteKeySet) wait(ctx context.Context, f *flight) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return r.unavailable(ctx.Err(), 0)
	}
}

// Refresh fetches the keys now, or waits for the fetch under way. Its error is
// an *[UnavailableError]; the keys at hand then stay in use.
func (r *RemoteKeySet) Refresh(ctx context.Context) error {
	now := r.opts.Now()
	r.mu.Lock()
	f := r.flight
	if f == nil {
		f = r.start(now)
	}
	r.mu.Unlock()
	return r.wait(ctx, f)
}

// unavailable returns cause as an error of this set. A cause that is one
// already is kept, with its new waiting time.
func (r *RemoteKeySet) unavailable(cause error, after time.Duration) error {
	var u *UnavailableError
	if errors.As(cause, &u) {
		again := *u
		again.RetryAfter = max(after, 0)
		return &again
	}
	return &UnavailableError{Op: OpKeys, Issuer: r.issuer, URL: r.url, RetryAfter: max(after, 0), Err: cause}
}
