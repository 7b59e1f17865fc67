//go:build linux

package interop

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Two gateways that share a Redis let each token through once, whichever of them
// it comes to.
func TestGatewaysShareRedis(t *testing.T) {
	redis := startRedis(t)
	t.Setenv("REDIS_PASSWORD", redis.password) // inherited by the gateways
	s := newGatewaySite(t, "main")
	gateways := []*gatewayProcess{
		s.start(t, "first", "--redis", redis.addr),
		s.start(t, "second", "--redis", redis.addr),
	}
	const tokens, uses = 10, 8
	for range tokens {
		token := s.token("main")
		var accepted, refused atomic.Int64
		var group sync.WaitGroup
		for n := range uses {
			group.Go(func() {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, gateways[n%2].jobs, nil)
				if !assert.NoError(t, err) {
					return
				}
				r.Header.Set("Authorization", "Bearer "+token)
				answer, err := http.DefaultClient.Do(r)
				if !assert.NoError(t, err) {
					return
				}
				answer.Body.Close()
				switch answer.StatusCode {
				case http.StatusOK:
					accepted.Add(1)
				case http.StatusUnauthorized:
					refused.Add(1)
				}
			})
		}
		group.Wait()
		require.EqualValues(t, 1, accepted.Load())
		require.EqualValues(t, uses-1, refused.Load())
	}
	assert.EqualValues(t, tokens, s.reached.Load())
}
