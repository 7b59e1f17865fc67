package redisreplay_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/replay/redisreplay"
)

// The real Redis is in internal/interop. This one answers as a test says.
type fakeRedis struct {
	mu     sync.Mutex
	values map[string]string
	ttls   map[string]time.Duration
	gets   int

	setErr, getErr error
	repeats        bool // whether each SET comes twice, as after a lost answer
}

func newFake() *fakeRedis {
	return &fakeRedis{values: map[string]string{}, ttls: map[string]time.Duration{}}
}

func (f *fakeRedis) SetNX(_ context.Context, key string, value any, ttl time.Duration) *redis.BoolCmd {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.setErr != nil {
		return redis.NewBoolResult(false, f.setErr)
	}
	_, there := f.values[key]
	if !there {
		f.values[key], f.ttls[key] = value.(string), ttl
	}
	return redis.NewBoolResult(!there && !f.repeats, nil)
}

func (f *fakeRedis) Get(_ context.Context, key string) *redis.StringCmd {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gets++
	if f.getErr != nil {
		return redis.NewStringResult("", f.getErr)
	}
	return redis.NewStringResult(f.values[key], nil)
}

var noon = time.Date(2026, 9, 21, 12, 0, 0, 0, time.UTC)

func newStore(t *testing.T, cfg redisreplay.Config) *redisreplay.Store {
	t.Helper()
	if cfg.Now == nil {
		cfg.Now = func() time.Time { return noon }
	}
	s, err := redisreplay.New(cfg)
	require.NoError(t, err)
	return s
}

func TestUse(t *testing.T) {
	f := newFake()
	s := newStore(t, redisreplay.Config{Client: f})
	require.NoError(t, s.Use(t.Context(), "a", noon.Add(time.Hour)))
	assert.Zero(t, f.gets, "one command for a token that passes")
	assert.Equal(t, map[string]time.Duration{"cioidc:replay:a": time.Hour + 5*time.Minute}, f.ttls)
	require.ErrorIs(t, s.Use(t.Context(), "a", noon.Add(time.Hour)), oidc.ErrReplayed)
	require.NoError(t, s.Use(t.Context(), "b", noon.Add(time.Hour)))
	assert.NotEqual(t, f.values["cioidc:replay:a"], f.values["cioidc:replay:b"])

	other := newStore(t, redisreplay.Config{Client: f, Prefix: "other/", Margin: time.Minute})
	require.NoError(t, other.Use(t.Context(), "a", noon.Add(time.Hour)), "a prefix of its own")
	assert.Equal(t, time.Hour+time.Minute, f.ttls["other/a"])
}

// After a lost answer the client repeats the command by itself. That is one use
// and not two; a use by somebody else stays one.
func TestRepeatedCommand(t *testing.T) {
	f := newFake()
	f.repeats = true
	s := newStore(t, redisreplay.Config{Client: f})
	require.NoError(t, s.Use(t.Context(), "a", noon.Add(time.Hour)))
	require.ErrorIs(t, s.Use(t.Context(), "a", noon.Add(time.Hour)), oidc.ErrReplayed)

	// What cannot be told is not accepted.
	for _, err := range []error{redis.Nil, errors.New("NOPERM"), context.DeadlineExceeded} {
		f.getErr = err
		require.ErrorIs(t, s.Use(t.Context(), "b", noon.Add(time.Hour)), oidc.ErrReplayed)
	}
}

func TestFailure(t *testing.T) {
	f := newFake()
	f.setErr = errors.New("connection refused")
	s := newStore(t, redisreplay.Config{Client: f})
	err := s.Use(t.Context(), "a", noon.Add(time.Hour))
	require.ErrorIs(t, err, f.setErr)
	require.EqualError(t, err, "redisreplay: connection refused")
	f.setErr = nil
	for _, expires := range []time.Time{noon, noon.Add(-time.Second)} {
		require.ErrorContains(t, s.Use(t.Context(), "a", expires), "cannot be remembered")
	}
	assert.Empty(t, f.values)
}

// A pipeline takes commands and runs none: nothing passes by it.
func TestPipelineIsNoClient(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", ContextTimeoutEnabled: true})
	defer client.Close()
	s := newStore(t, redisreplay.Config{Client: client.Pipeline()})
	require.Error(t, s.Use(t.Context(), "a", noon.Add(time.Hour)))
}

func TestConfig(t *testing.T) {
	deaf := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	keen := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", ContextTimeoutEnabled: true})
	deafCluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}})
	deafRing := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	universal := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: []string{"127.0.0.1:1", "127.0.0.1:2"}, ContextTimeoutEnabled: true})
	for _, c := range []interface{ Close() error }{deaf, keen, deafCluster, deafRing, universal} {
		defer c.Close()
	}
	for name, c := range map[string]struct {
		cfg  redisreplay.Config
		want string // empty: good
	}{
		"no client":          {redisreplay.Config{}, "set Config.Client"},
		"nil client":         {redisreplay.Config{Client: (*redis.Client)(nil)}, "set ContextTimeoutEnabled"},
		"nil cluster":        {redisreplay.Config{Client: (*redis.ClusterClient)(nil)}, "set ContextTimeoutEnabled"},
		"nil ring":           {redisreplay.Config{Client: (*redis.Ring)(nil)}, "set ContextTimeoutEnabled"},
		"no deadlines":       {redisreplay.Config{Client: deaf}, "set ContextTimeoutEnabled"},
		"no deadlines there": {redisreplay.Config{Client: deafCluster}, "set ContextTimeoutEnabled"},
		"nor there":          {redisreplay.Config{Client: deafRing}, "set ContextTimeoutEnabled"},
		"negative timeout":   {redisreplay.Config{Client: keen, Timeout: -1}, "Timeout is -1ns; zero means 1s"},
		"negative margin":    {redisreplay.Config{Client: keen, Margin: -1}, "Margin is -1ns; zero means 5m0s"},
		"deadlines":          {redisreplay.Config{Client: keen}, ""},
		"cluster":            {redisreplay.Config{Client: universal}, ""},
	} {
		s, err := redisreplay.New(c.cfg)
		if c.want == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, c.want, name)
		assert.Nil(t, s, name)
	}
	for _, s := range []*redisreplay.Store{nil, new(redisreplay.Store)} {
		require.ErrorContains(t, s.Use(t.Context(), "a", noon), "not made by New")
	}
}

// A server that takes connections and never answers costs the time limit and no
// more, however often the client would try.
func TestNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var servers []net.Conn
		client := redis.NewClient(&redis.Options{
			ContextTimeoutEnabled: true, PoolSize: 1, MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
			Dialer: func(context.Context, string, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				servers = append(servers, theirs)
				return ours, nil
			},
		})
		s := newStore(t, redisreplay.Config{Client: client, Timeout: 700 * time.Millisecond, Now: time.Now})
		start := time.Now()
		err := s.Use(t.Context(), "a", start.Add(time.Hour))
		require.ErrorContains(t, err, "redisreplay: ")
		assert.Equal(t, 700*time.Millisecond, time.Since(start))
		require.NoError(t, client.Close())
		for _, c := range servers {
			c.Close()
		}
		assert.NotEmpty(t, servers)
	})
}
