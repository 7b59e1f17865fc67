package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A request under way comes to its end, and nothing new is taken.
func TestShutdown(t *testing.T) {
	reached, finish := make(chan struct{}), make(chan struct{})
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {
		close(reached)
		<-finish
		io.WriteString(w, "done")
	})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.jobs, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+s.token())
	answered := make(chan string, 1)
	go func() {
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			answered <- err.Error()
			return
		}
		defer answer.Body.Close()
		body, _ := io.ReadAll(answer.Body)
		answered <- string(body)
	}()
	<-reached
	ended := make(chan int, 1)
	go func() { ended <- s.stop() }()
	require.Eventually(t, func() bool {
		conn, err := net.DialTimeout("tcp", strings.TrimPrefix(s.jobs, "http://"), time.Second)
		if err == nil {
			conn.Close()
		}
		return err != nil
	}, waitFor, tick, "it still listens")
	status, body := s.see(t, "/readyz")
	assert.Equal(t, 503, status)
	assert.True(t, strings.HasPrefix(body, "shutting down\n"), body)
	select {
	case <-ended:
		assert.Fail(t, "ended before its last request")
	default:
	}
	close(finish)
	assert.Equal(t, "done", <-answered)
	assert.Zero(t, <-ended)
}

// An address that is taken is an error, and leaves nothing running.
func TestAddressTaken(t *testing.T) {
	s := newSite(t, nil)
	for _, flags := range [][]string{
		{"--listen", strings.TrimPrefix(s.jobs, "http://"), "--admin", "127.0.0.1:0"},
		{"--listen", "127.0.0.1:0", "--admin", strings.TrimPrefix(s.admin, "http://")},
	} {
		log := &buffer{}
		assert.Equal(t, 1, run(t.Context(), append(flags, "--fake"), io.Discard, log))
		r, ok := log.find(t, "gateway failed")
		require.True(t, ok)
		assert.Contains(t, r["error"], "address already in use")
	}
}
