//go:build linux

package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// toxiproxy is a proxy between a client and a server that breaks connections in
// the ways that networks do.
type toxiproxy struct {
	*process
	api string
}

// startToxiproxy starts the proxy's server until t ends.
func startToxiproxy(t *testing.T) *toxiproxy {
	t.Helper()
	program := required(t, "toxiproxy-server")
	ports, err := freePorts(1)
	require.NoError(t, err)
	p := &toxiproxy{api: fmt.Sprintf("http://127.0.0.1:%d", ports[0])}
	dir := t.TempDir()
	p.process, err = startProcess(dir, "toxiproxy", []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir},
		program, "-host", "127.0.0.1", "-port", strconv.Itoa(ports[0]))
	require.NoError(t, err)
	t.Cleanup(func() { p.Stop(5 * time.Second) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, p.await(ctx, 20*time.Millisecond, func(ctx context.Context) error {
		return p.call(ctx, http.MethodGet, "/version", nil, nil)
	}))
	return p
}

// call calls the proxy's own API.
func (p *toxiproxy) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, p.api+path, body)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("toxiproxy: %s %s: HTTP %d: %s", method, path, resp.StatusCode, answer)
	}
	if out != nil {
		return json.Unmarshal(answer, out)
	}
	return nil
}

// link is a proxied connection to one server.
type link struct {
	proxy *toxiproxy
	name  string
	addr  string // where to connect
}

// link makes a proxy to the server at addr.
func (p *toxiproxy) link(t *testing.T, name, addr string) *link {
	t.Helper()
	var made struct{ Listen string }
	require.NoError(t, p.call(t.Context(), http.MethodPost, "/proxies",
		map[string]any{"name": name, "listen": "127.0.0.1:0", "upstream": addr, "enabled": true}, &made))
	return &link{proxy: p, name: name, addr: made.Listen}
}

// toxic is one way to break a connection; see toxiproxy's README. Down alone
// means that nobody listens.
type toxic struct {
	Type       string         `json:"type"`
	Stream     string         `json:"stream"`
	Attributes map[string]int `json:"attributes"`
	Down       bool           `json:"-"`
}

func (l *link) breakIt(ctx context.Context, x toxic) error {
	if x.Down {
		return l.proxy.call(ctx, http.MethodPost, "/proxies/"+l.name, map[string]any{"enabled": false}, nil)
	}
	return l.proxy.call(ctx, http.MethodPost, "/proxies/"+l.name+"/toxics", x, nil)
}

// mend undoes every breakIt. Connections that were made before stay as they
// are.
func (l *link) mend(ctx context.Context) error {
	return l.proxy.call(ctx, http.MethodPost, "/reset", nil, nil)
}
