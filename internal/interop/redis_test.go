//go:build linux

package interop

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// redisServer is a Redis on loopback, with its data in a directory of the test.
type redisServer struct {
	*process
	program, dir, addr string
	password           string
}

// startRedis starts a Redis that keeps on disk whatever it has confirmed, until t
// ends.
func startRedis(t *testing.T) *redisServer {
	t.Helper()
	r := &redisServer{program: required(t, "redis-server"), dir: t.TempDir(), password: "the-password-of-this-redis"}
	ports, err := freePorts(1)
	require.NoError(t, err)
	r.addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0]))
	// In a file, since a command line is for everyone to read.
	config := fmt.Sprintf("bind 127.0.0.1\nport %d\ndir %s\nrequirepass %s\nsave \"\"\nappendonly yes\nappendfsync always\nmaxmemory-policy noeviction\n",
		ports[0], r.dir, r.password)
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, "redis.conf"), []byte(config), 0o600))
	t.Cleanup(func() { r.kill() })
	r.start(t)
	return r
}

// start starts the server, with what it had on disk.
func (r *redisServer) start(t *testing.T) {
	t.Helper()
	var err error
	r.process, err = startProcess(r.dir, "redis", []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir}, r.program, "redis.conf")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client := redis.NewClient(r.options())
	defer client.Close()
	require.NoError(t, r.await(ctx, 20*time.Millisecond, func(ctx context.Context) error { return client.Ping(ctx).Err() }))
}

// kill ends the server without letting it write or say anything more.
func (r *redisServer) kill() {
	if r.process != nil {
		r.Stop(0)
	}
}

// options are those of a client. Each has connections of its own, like another
// process.
func (r *redisServer) options() *redis.Options {
	return &redis.Options{
		Addr: r.addr, Password: r.password, ContextTimeoutEnabled: true,
		PoolTimeout:   patience, // A thousand wait for a connection.
		DialerRetries: 2, DialerRetryTimeout: 10 * time.Millisecond,
	}
}

// client returns a client that is closed when t ends.
func (r *redisServer) client(t *testing.T, edit ...func(*redis.Options)) *redis.Client {
	t.Helper()
	o := r.options()
	for _, f := range edit {
		f(o)
	}
	c := redis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// commands returns how often the server ran a command.
func (r *redisServer) commands(t *testing.T, client *redis.Client, command string) int {
	t.Helper()
	info, err := client.Info(t.Context(), "commandstats").Result()
	require.NoError(t, err)
	_, rest, found := strings.Cut(info, "cmdstat_"+command+":calls=")
	if !found {
		return 0
	}
	number, _, _ := strings.Cut(rest, ",")
	n, err := strconv.Atoi(number)
	require.NoError(t, err)
	return n
}
