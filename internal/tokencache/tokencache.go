// Package tokencache keeps a CI token for as long as it is worth sending.
package tokencache

import (
	"context"
	"sync"
	"time"

	"github.com/cioidc/cioidc/internal/flight"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/tokensource"
)

// margin is how long before its exp a token is no longer handed out: it must
// still be valid when it arrives, by a clock that may run ahead of ours.
const margin = time.Minute

// timeout bounds one call of the source, which outlives the caller that began
// it as long as others wait for the same token.
const timeout = 10 * time.Second

// Cache keeps one token per audience until a minute before its exp. Callers
// that want the same token at the same time share one call of the source. The
// zero value is ready to use, by one source; it must not be copied.
type Cache struct {
	mu    sync.Mutex
	slots map[string]*flight.Slot[string]
}

// Token returns the token for audience, from src if none is kept. A token that
// is not a JWT, says no exp, or has less than a minute left is handed out but
// not kept; nor is an error. now nil means [time.Now].
//
// The source is called in a goroutine of its own with ctx's values, without
// its cancellation and with 10 seconds. If ctx ends first, the error is ctx's.
// A source that panics gives a *[tokensource.PanicError].
func (c *Cache) Token(ctx context.Context, src tokensource.Source, audience string, now func() time.Time) (string, error) {
	return c.slot(audience).Get(ctx, now, func(ctx context.Context) (string, time.Time, error) {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		token, err := tokensource.Token(ctx, src, audience)
		if err != nil {
			return "", time.Time{}, err
		}
		var until time.Time
		if t, err := peek.Parse(token); err == nil && t.ExpiresAt != 0 {
			until = t.ExpiresAt.Time().Add(-margin)
		}
		return token, until, nil
	})
}

func (c *Cache) slot(audience string) *flight.Slot[string] {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.slots[audience]
	if s == nil {
		s = new(flight.Slot[string])
		if c.slots == nil {
			c.slots = make(map[string]*flight.Slot[string])
		}
		c.slots[audience] = s
	}
	return s
}
