package main

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/replay"
	"github.com/cioidc/cioidc/oidc/replay/redisreplay"
)

// usedTokens is where used tokens are remembered: in memory, in Redis or, with
// --replay 0, nowhere.
type usedTokens struct {
	store  oidc.ReplayStore // nil: nowhere
	memory *replay.Store    // nil: elsewhere
	client *redis.Client    // nil: not in Redis
}

func newUsedTokens(o options) (*usedTokens, error) {
	if o.replay == 0 {
		return &usedTokens{}, nil
	}
	if o.redis == "" {
		memory, err := replay.New(replay.Config{MaxTokens: o.replay})
		return &usedTokens{store: memory, memory: memory}, err
	}
	server, err := redisOptions(o.redis)
	if err != nil {
		return nil, err
	}
	client := redis.NewClient(server)
	store, err := redisreplay.New(redisreplay.Config{Client: client})
	if err != nil {
		client.Close()
		return nil, err
	}
	return &usedTokens{store: store, client: client}, nil
}

// redisOptions reads the address of Redis: host:port, or a URL (rediss://... for
// TLS). Who can list processes must not see the password, so that comes from the
// environment.
func redisOptions(address string) (*redis.Options, error) {
	o := &redis.Options{Addr: address}
	if strings.Contains(address, "://") {
		var err error
		if o, err = redis.ParseURL(address); err != nil {
			return nil, errors.New("--redis wants host:port, or a URL such as rediss://redis.internal:6379/0")
		}
		if o.Password != "" {
			return nil, errors.New("--redis: a command line is no place for a password; put it into REDIS_PASSWORD, and the name into REDIS_USERNAME")
		}
	}
	o.ContextTimeoutEnabled = true
	if o.Username == "" {
		o.Username = os.Getenv("REDIS_USERNAME")
	}
	o.Password = os.Getenv("REDIS_PASSWORD")
	return o, nil
}

// silent keeps the client of Redis from writing to the standard error in a form
// of its own: what fails is in the audit log.
type silent struct{}

// Printf implements the client's interface for loggers.
func (silent) Printf(context.Context, string, ...any) {}

func (u *usedTokens) close() {
	if u.client != nil {
		_ = u.client.Close()
	}
}

func (u *usedTokens) remembered() int { return u.memory.Len() }
