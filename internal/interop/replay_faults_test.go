//go:build linux

package interop

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/oidc"
)

// What networks do between a service and Redis.
func TestReplayNetworkFaults(t *testing.T) {
	proxy, server, iss := startToxiproxy(t), startRedis(t), newIssuer(t, "https://gitlab.com")

	t.Run("answer lost", func(t *testing.T) {
		tally.real(t)
		l := proxy.link(t, "lost", server.addr)
		var dials atomic.Int64
		client := server.client(t, func(o *redis.Options) {
			o.Addr, o.PoolSize = l.addr, 1
			o.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
				if dials.Add(1) == 2 {
					if err := l.mend(context.Background()); err != nil {
						return nil, err
					}
				}
				return new(net.Dialer).DialContext(ctx, network, addr)
			}
		})
		service := newReplayService(t, iss, client, patience)
		require.NoError(t, client.Ping(t.Context()).Err())
		sets := server.commands(t, server.client(t), "set")
		// Redis gets the command; its answer does not come, and the connection breaks.
		require.NoError(t, l.breakIt(t.Context(), toxic{Type: "timeout", Stream: "downstream", Attributes: map[string]int{"timeout": 100}}))
		raw := iss.GitLab(replayAudience)
		assert.Equal(t, 200, service.request(raw), "the client's second SET met its first: %s", service.log)
		assert.Equal(t, sets+2, server.commands(t, server.client(t), "set"))
		assert.Equal(t, int64(2), dials.Load())
		assert.Equal(t, 401, service.request(raw))
	})
	for name, fault := range map[string]toxic{
		"black hole for the answer":  {Type: "timeout", Stream: "downstream", Attributes: map[string]int{"timeout": 0}},
		"black hole for the command": {Type: "timeout", Stream: "upstream", Attributes: map[string]int{"timeout": 0}},
		"slow":                       {Type: "latency", Stream: "downstream", Attributes: map[string]int{"latency": 60_000}},
		"nobody listens":             {Down: true},
	} {
		t.Run(name, func(t *testing.T) {
			tally.real(t)
			l := proxy.link(t, strings.ReplaceAll(name, " ", "-"), server.addr)
			// The client itself would wait longer than the test.
			client := server.client(t, func(o *redis.Options) { o.Addr, o.ReadTimeout = l.addr, 2*patience })
			const limit = 300 * time.Millisecond
			closed, open := newReplayService(t, iss, client, limit), newReplayService(t, iss, client, limit, failOpen)
			require.NoError(t, client.Ping(t.Context()).Err())
			require.NoError(t, l.breakIt(t.Context(), fault))
			// Without the time limit, this would end the test and not the wait.
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			raw := iss.GitLab(replayAudience)
			_, err := closed.Verify(ctx, raw)
			var unavailable *oidc.UnavailableError
			require.ErrorAs(t, err, &unavailable)
			assert.Equal(t, oidc.OpReplay, unavailable.Op)
			require.NoError(t, ctx.Err(), "the store's own limit, not the caller's")
			assertClean(t, err, raw, server.password)
			_, err = open.Verify(ctx, iss.GitLab(replayAudience))
			require.NoError(t, err)
			assert.Contains(t, open.log.String(), "oidc: replay not checked")

			// A caller that does not wait gets no token accepted for that.
			hurried, hurry := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer hurry()
			if !fault.Down {
				_, err = open.Verify(hurried, iss.GitLab(replayAudience))
				require.ErrorAs(t, err, &unavailable)
				require.True(t, errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "i/o timeout"), "%v", err)
			}

			require.NoError(t, l.mend(t.Context()))
			require.Eventually(t, func() bool { return closed.request(iss.GitLab(replayAudience)) == 200 }, time.Minute, 20*time.Millisecond, "recovers")
		})
	}
}
