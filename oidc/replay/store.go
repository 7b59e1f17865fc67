package replay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cioidc/cioidc/oidc"
)

// ErrFull is why [Store.Use] does not accept a token: as many are remembered as
// [Config.MaxTokens] allows, and none of them has expired. Match with
// [errors.Is].
var ErrFull = errors.New("replay: no room to remember another token; raise MaxTokens, or have tokens that expire sooner")

// Config configures a [Store].
type Config struct {
	// MaxTokens is how many tokens are remembered at most, each until 5 minutes
	// after its exp. One takes about 200 bytes. Have room for all that can come in
	// the longest time that a token is valid, which for jobs is often an hour.
	// Required.
	MaxTokens int
	// Now returns the current time. Nil means [time.Now].
	Now func() time.Time
}

// Store is an [oidc.ReplayStore] in memory. It is safe for concurrent use, and
// nothing of it runs between calls.
type Store struct {
	most int
	now  func() time.Time

	mu    sync.Mutex
	used  map[string]struct{}
	queue queue
	// horizon is the latest expiry of a token that was forgotten. Should the clock
	// be set back before it, what was forgotten would be valid once more.
	horizon time.Time
}

var _ oidc.ReplayStore = (*Store)(nil)

// New returns a Store that has no entries. The error says what is wrong with
// cfg.
func New(cfg Config) (*Store, error) {
	if cfg.MaxTokens <= 0 {
		return nil, fmt.Errorf("replay: MaxTokens is %d; set how many tokens may be remembered at a time, at about 200 bytes each", cfg.MaxTokens)
	}
	s := &Store{most: cfg.MaxTokens, now: cfg.Now, used: make(map[string]struct{})}
	if s.now == nil {
		s.now = time.Now
	}
	return s, nil
}

// maxForgotten is how many expired entries one call removes: more than it adds,
// and not so many that one request waits for it.
const maxForgotten = 4

// Use implements [oidc.ReplayStore]. The first call with a key returns nil, and
// every other until expires [oidc.ErrReplayed]. Any other error, which is
// [ErrFull], that of ctx, or that expires is not ahead, means that the key is not
// used up.
func (s *Store) Use(ctx context.Context, key string, expires time.Time) error {
	if s == nil || s.used == nil {
		return errors.New("replay: the Store was not made by New")
	}
	if err := ctx.Err(); err != nil {
		return err // Nobody waits for the answer: the token is good for another try.
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now() // Under the lock, so that the order of times is that of calls.
	if _, ok := s.used[key]; ok {
		return oidc.ErrReplayed
	}
	for range maxForgotten {
		if len(s.queue) == 0 || s.queue[0].expires.After(now) {
			break
		}
		e := s.queue.pop()
		delete(s.used, e.key)
		s.horizon = e.expires
	}
	switch {
	case !expires.After(now):
		return fmt.Errorf("replay: what expires at %s cannot be remembered at %s", expires.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	case !expires.After(s.horizon):
		return fmt.Errorf("replay: the clock was set back to %s, and tokens that expire until %s were forgotten", now.UTC().Format(time.RFC3339), s.horizon.UTC().Format(time.RFC3339))
	case len(s.used) >= s.most:
		return ErrFull
	}
	s.used[key] = struct{}{}
	s.queue.push(entry{key, expires})
	return nil
}

// Len returns how many tokens are remembered, among them those that expired
// since they were last looked for. For metrics: near [Config.MaxTokens], tokens
// are about to be refused.
func (s *Store) Len() int {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.used)
}
