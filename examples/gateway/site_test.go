package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// site is a running gateway with an issuer and a service of the test.
type site struct {
	issuer      *fakeissuer.Issuer
	policy      string // the file
	jobs, admin string // URLs
	audit, log  *buffer

	mu       sync.Mutex
	requests []*http.Request // that reached the service

	stop func() (status int)
}

// How long to wait for what happens in another goroutine, and how often to look.
const (
	waitFor = 30 * time.Second
	tick    = 5 * time.Millisecond
)

// buffer is written by the gateway and read by the test.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// records returns the lines, each of which must be a JSON object.
func (b *buffer) records(t *testing.T) []map[string]any {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []map[string]any
	for lines := bufio.NewScanner(bytes.NewReader(b.b.Bytes())); lines.Scan(); {
		var r map[string]any
		require.NoError(t, json.Unmarshal(lines.Bytes(), &r), lines.Text())
		all = append(all, r)
	}
	return all
}

// find returns the first record with this message, and whether there is one.
func (b *buffer) find(t *testing.T, message string) (map[string]any, bool) {
	t.Helper()
	for _, r := range b.records(t) {
		if r["msg"] == message {
			return r, true
		}
	}
	return nil, false
}

// last returns the last record.
func (b *buffer) last(t *testing.T) map[string]any {
	t.Helper()
	all := b.records(t)
	require.NotEmpty(t, all)
	return all[len(all)-1]
}

// newSite starts an issuer, a service that answers with service, or 200 if that
// is nil, and a gateway with these flags beside those that it needs.
func newSite(t *testing.T, service http.HandlerFunc, flags ...string) *site {
	t.Helper()
	s := &site{policy: filepath.Join(t.TempDir(), "policy.yaml")}
	var err error
	issuer := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.issuer.ServeHTTP(w, r) }))
	s.issuer, err = fakeissuer.New(fakeissuer.Options{URL: "http://" + issuer.Listener.Addr().String()})
	require.NoError(t, err)
	issuer.Start()
	t.Cleanup(issuer.Close)
	t.Cleanup(s.issuer.Close)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r)
		s.mu.Unlock()
		if service != nil {
			service(w, r)
		}
	}))
	t.Cleanup(upstream.Close)
	require.NoError(t, os.WriteFile(s.policy, fmt.Appendf(nil, fakePolicy, s.issuer.URL()), 0o600))
	s.start(t, append([]string{
		"--upstream", upstream.URL + "/base", "--gitlab", s.issuer.URL(), "--audience", fakeAudience, "--policy", s.policy,
	}, flags...)...)
	return s
}

// start starts the gateway with these flags.
func (s *site) start(t *testing.T, flags ...string) {
	t.Helper()
	s.audit, s.log = &buffer{}, &buffer{}
	ctx, cancel := context.WithCancel(context.Background())
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, append([]string{"--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"}, flags...), s.audit, s.log)
	}()
	s.stop = sync.OnceValue(func() int { cancel(); return <-status })
	t.Cleanup(func() { assert.Zero(t, s.stop(), "exit status") })
	require.Eventually(t, func() bool {
		r, ok := s.log.find(t, "serving")
		if ok {
			s.jobs, s.admin = r["jobs"].(string), r["admin"].(string)
		}
		return ok
	}, waitFor, tick)
}

// token returns the token of a job on main.
func (s *site) token(edit ...func(fakeissuer.Claims)) string {
	return s.issuer.GitLab(fakeAudience, edit...)
}

// ask sends a request with this value of the Authorization header, if it is not
// empty, and returns the status and the body of the answer.
func (s *site) ask(t *testing.T, authorization string, edit ...func(*http.Request)) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.jobs+"/deploy?to=prod&secret=1", nil)
	require.NoError(t, err)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	for _, f := range edit {
		f(r)
	}
	return send(t, r)
}

func send(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(body)
}

// see returns the status and the body at an admin path.
func (s *site) see(t *testing.T, path string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.admin+path, nil)
	require.NoError(t, err)
	return send(t, r)
}

// reached returns the requests that reached the service since the last call.
func (s *site) reached() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.requests
	s.requests = nil
	return all
}

// nowhere asserts that no log has any part of these tokens.
func (s *site) nowhere(t *testing.T, tokens ...string) {
	t.Helper()
	for _, b := range []*buffer{s.audit, s.log} {
		b.mu.Lock()
		text := b.b.String()
		b.mu.Unlock()
		for _, token := range tokens {
			for part := range strings.SplitSeq(token, ".") {
				assert.NotContains(t, text, part)
			}
		}
	}
}
