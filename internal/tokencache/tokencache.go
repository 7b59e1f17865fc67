// Package tokencache keeps a CI token for as long as it is worth sending.
package tokencache

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/tokensource"
)

// margin is how long before its exp a token is no longer handed out: it must
// still be valid when it arrives, by a clock that may run ahead of ours.
const margin = time.Minute

// timeout bounds one call of the source, which outlives the caller that began
// it as long as others wait for the same token.
const timeout = 10 * time.Second

// errExited is the error of a source that ended its goroutine, as the FailNow
// method of a test does.
var errExited = errors.New("the source ended its goroutine without a result")

// Cache keeps one token per audience until a minute before its exp. Callers
// that want the same token at the same time share one call of the source. The
// zero value is ready to use, by one source; it must not be copied.
type Cache struct {
	mu      sync.Mutex
	entries map[string]*entry
}

type entry struct {
	done  chan struct{} // closed when token and err are set
	token string
	err   error
	until time.Time // zero, as after an error: not to be kept
}

// Token returns the token for audience, from src if none is kept. A token that
// is not a JWT, says no exp, or has less than a minute left is handed out but
// not kept; nor is an error. now nil means [time.Now].
//
// The source is called in a goroutine of its own with ctx's values, without
// its cancellation and with 10 seconds. If ctx ends first, the error is ctx's.
// A source that panics gives a *[tokensource.PanicError].
func (c *Cache) Token(ctx context.Context, src tokensource.Source, audience string, now func() time.Time) (string, error) {
	if now == nil {
		now = time.Now
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	c.mu.Lock()
	e := c.entries[audience]
	if e == nil || e.stale(now()) {
		e = &entry{done: make(chan struct{})}
		if c.entries == nil {
			c.entries = make(map[string]*entry)
		}
		c.entries[audience] = e
		go c.fill(context.WithoutCancel(ctx), e, src, audience)
	}
	c.mu.Unlock()

	select {
	case <-e.done:
		return e.token, e.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (c *Cache) fill(ctx context.Context, e *entry, src tokensource.Source, audience string) {
	defer close(e.done)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	e.err = errExited
	e.token, e.err = tokensource.Token(ctx, src, audience)
	if e.err != nil {
		return
	}
	if t, err := peek.Parse(e.token); err == nil && t.ExpiresAt != 0 {
		e.until = t.ExpiresAt.Time().Add(-margin)
	}
}

// stale reports whether e is complete and no longer to be handed out.
func (e *entry) stale(now time.Time) bool {
	select {
	case <-e.done:
		return !now.Before(e.until)
	default:
		return false
	}
}
