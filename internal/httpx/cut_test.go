package httpx

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An answer that is cut after any of its bytes is a dropped connection, also
// where what came looks like a malformed header. Within the status line it looks
// like an answer of something that does not speak HTTP, and may be that.
func TestEveryCutIsADroppedConnection(t *testing.T) {
	const answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Request-Id: 1\r\nContent-Length: 20\r\n\r\n{\"access_token\":\"x\"}"
	request := func(t *testing.T, reply string) ([]byte, error) {
		client := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				defer theirs.Close()
				req := make([]byte, 4096)
				if _, err := theirs.Read(req); err == nil {
					_, _ = io.WriteString(theirs, reply)
				}
			}()
			return ours, nil
		}}}
		body, _, _, err := Get(t.Context(), client, "http://a.example/", 0)
		return body, err
	}
	body, err := request(t, answer)
	require.NoError(t, err)
	assert.Equal(t, `{"access_token":"x"}`, string(body))
	status := strings.Index(answer, "\r\n")
	for n := range len(answer) {
		if n > 0 && n < status {
			continue
		}
		_, err := request(t, answer[:n])
		require.Error(t, err, "%d bytes", n)
		assert.True(t, Dropped(err), "after %q: %v", answer[:n], err)
	}
}
