package redisreplay

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cioidc/cioidc/oidc"
)

const (
	defaultPrefix  = "cioidc:replay:"
	defaultTimeout = time.Second
	defaultMargin  = 5 * time.Minute
)

// Client is what is used of a client of Redis. Every [redis.UniversalClient] is
// one: a client of one server, of a cluster, of servers that Sentinel watches, a
// ring. The caller closes it.
type Client interface {
	SetNX(ctx context.Context, key string, value any, expiration time.Duration) *redis.BoolCmd
	Get(ctx context.Context, key string) *redis.StringCmd
}

var _ Client = redis.UniversalClient(nil)

// Config configures a [Store].
type Config struct {
	// Client is the client of Redis. It must be made with ContextTimeoutEnabled,
	// or it would not stop waiting when Timeout is over. Required.
	Client Client
	// Prefix is what all keys begin with. Services that share a database and must
	// not use up each other's tokens need different ones. Empty means
	// "cioidc:replay:".
	Prefix string
	// Timeout is how long one use may take, the client's own repetitions included,
	// and so how much longer every request can take while Redis is away. Zero means
	// 1 second.
	Timeout time.Duration
	// Margin is how much longer than its token lives an entry is kept: at least as
	// much as the clocks of the processes that share the database may differ. Zero
	// means 5 minutes.
	Margin time.Duration
	// Now returns the current time. Nil means [time.Now].
	Now func() time.Time
}

// Store is an [oidc.ReplayStore] in Redis. It is safe for concurrent use.
type Store struct {
	client  Client
	prefix  string
	timeout time.Duration
	margin  time.Duration
	now     func() time.Time
}

var _ oidc.ReplayStore = (*Store)(nil)

// New returns a Store. It does no I/O. The error says what is wrong with cfg.
func New(cfg Config) (*Store, error) {
	if err := checkClient(cfg.Client); err != nil {
		return nil, err
	}
	switch {
	case cfg.Timeout < 0:
		return nil, fmt.Errorf("redisreplay: Timeout is %v; zero means %v", cfg.Timeout, defaultTimeout)
	case cfg.Margin < 0:
		return nil, fmt.Errorf("redisreplay: Margin is %v; zero means %v", cfg.Margin, defaultMargin)
	}
	s := &Store{client: cfg.Client, prefix: cfg.Prefix, timeout: cfg.Timeout, margin: cfg.Margin, now: cfg.Now}
	if s.prefix == "" {
		s.prefix = defaultPrefix
	}
	if s.timeout == 0 {
		s.timeout = defaultTimeout
	}
	if s.margin == 0 {
		s.margin = defaultMargin
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s, nil
}

// checkClient refuses a client that would not keep a deadline.
func checkClient(client Client) error {
	keeps := true
	switch c := client.(type) {
	case nil:
		return errors.New("redisreplay: no client; set Config.Client to one of redis.NewUniversalClient")
	case *redis.Client:
		keeps = c != nil && c.Options().ContextTimeoutEnabled
	case *redis.ClusterClient:
		keeps = c != nil && c.Options().ContextTimeoutEnabled
	case *redis.Ring:
		keeps = c != nil && c.Options().ContextTimeoutEnabled
	}
	if !keeps {
		return errors.New("redisreplay: the client is nil or does not keep deadlines; set ContextTimeoutEnabled in its options")
	}
	return nil
}

// Use implements [oidc.ReplayStore]: nil for the first use of key until expires,
// [oidc.ErrReplayed] for every other. Any other error means that Redis did not
// answer, or not in time; the key can be used up then. It is that of the client,
// wrapped.
func (s *Store) Use(ctx context.Context, key string, expires time.Time) error {
	if s == nil || s.client == nil {
		return errors.New("redisreplay: the Store was not made by New")
	}
	// A time to live and no point in time (PXAT): then the clock of Redis does not
	// matter, only how fast it goes. An entry that waits on its way lives longer.
	ttl := expires.Sub(s.now())
	if ttl <= 0 {
		return fmt.Errorf("redisreplay: what expired at %s cannot be remembered", expires.UTC().Format(time.RFC3339))
	}
	call, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	name, ours := s.prefix+key, rand.Text()
	first, err := s.client.SetNX(call, name, ours, ttl+s.margin).Result()
	switch {
	case err != nil && call.Err() != nil && ctx.Err() == nil:
		return fmt.Errorf("redisreplay: no answer within %v: %w", s.timeout, err)
	case err != nil:
		return fmt.Errorf("redisreplay: %w", err)
	case first:
		return nil
	}
	// The client repeats a command whose answer was lost, and has then met what it
	// had written itself. If that cannot be told, somebody was here first.
	if value, err := s.client.Get(call, name).Result(); err == nil && value == ours {
		return nil
	}
	return oidc.ErrReplayed
}
