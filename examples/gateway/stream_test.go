package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An answer arrives as it is written, not when it is complete.
func TestStreaming(t *testing.T) {
	next := make(chan struct{})
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: first\n")
		_ = http.NewResponseController(w).Flush()
		<-next
		io.WriteString(w, "data: second\n")
	})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.jobs, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+s.token())
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	lines := bufio.NewReader(answer.Body)
	line, err := lines.ReadString('\n')
	close(next)
	require.NoError(t, err)
	assert.Equal(t, "data: first\n", line)
	line, err = lines.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "data: second\n", line)
}

// A connection can change over to another protocol, for those who may ask.
func TestUpgrade(t *testing.T) {
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer conn.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_ = rw.Flush()
		line, _ := rw.ReadString('\n')
		_, _ = io.WriteString(conn, "echo "+line)
	})
	for authorization, want := range map[string]int{"": 401, "Bearer " + s.token(): 101} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.jobs, "http://"))
		require.NoError(t, err)
		defer conn.Close()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.jobs, nil)
		require.NoError(t, err)
		r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"echo"}, "Authorization": {authorization}}
		require.NoError(t, r.Write(conn))
		answers := bufio.NewReader(conn)
		answer, err := http.ReadResponse(answers, r)
		require.NoError(t, err)
		require.Equal(t, want, answer.StatusCode)
		if want != http.StatusSwitchingProtocols {
			continue
		}
		_, err = io.WriteString(conn, "hello\n")
		require.NoError(t, err)
		line, err := answers.ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, "echo hello\n", line)
		conn.Close()
	}
	assert.Eventually(t, func() bool {
		_, body := s.see(t, "/metrics")
		return strings.Contains(body, `gateway_responses_total{code="101"} 1`)
	}, waitFor, tick)
}
