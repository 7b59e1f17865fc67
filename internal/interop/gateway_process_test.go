//go:build linux

package interop

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/fakeissuer"
)

const gatewayAudience = "https://gateway.acme.example"

// gatewaySite is the example gateway in a process of its own, with an issuer and
// a service that are the test's.
type gatewaySite struct {
	issuer      *fakeissuer.Issuer
	process     *process
	policy      string // the file
	jobs, admin string // URLs
	reached     atomic.Int64
}

// startGateway builds and starts the gateway with a policy that lets this branch
// through.
func startGateway(t *testing.T, branch string) *gatewaySite {
	t.Helper()
	s := &gatewaySite{}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	binary := filepath.Join(dir, "gateway")
	_, err := mustRun(ctx, "../..", os.Environ(), "go", "build", "-o", binary, "./examples/gateway")
	require.NoError(t, err)

	issuer := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.issuer.ServeHTTP(w, r) }))
	s.issuer, err = fakeissuer.New(fakeissuer.Options{URL: "http://" + issuer.Listener.Addr().String()})
	require.NoError(t, err)
	issuer.Start()
	t.Cleanup(issuer.Close)
	t.Cleanup(s.issuer.Close)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.reached.Add(1)
		fmt.Fprint(w, r.Header.Get("X-CI-Ref"))
	}))
	t.Cleanup(service.Close)

	s.policy = filepath.Join(dir, "policy.yaml")
	s.allow(t, branch)
	s.process, err = startProcess(dir, "gateway", nil, binary, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--debug-heap",
		"--upstream", service.URL, "--gitlab", s.issuer.URL(), "--audience", gatewayAudience, "--policy", s.policy, "--replay", "1000000")
	require.NoError(t, err)
	t.Cleanup(func() { s.process.Stop(10 * time.Second) })
	require.NoError(t, s.process.await(ctx, 20*time.Millisecond, func(context.Context) error {
		for _, line := range s.lines(t) {
			if line.Message == "serving" {
				s.jobs, s.admin = line.Jobs, line.Admin
				return nil
			}
		}
		return fmt.Errorf("it does not serve yet")
	}))
	return s
}

// allow has the policy let this protected branch through and no other, by a file
// that takes the place of the one that is there at once.
func (s *gatewaySite) allow(t *testing.T, branch string) {
	t.Helper()
	next := s.policy + ".next"
	require.NoError(t, os.WriteFile(next, fmt.Appendf(nil, `apiVersion: trust/v1
name: load
audiences: ["%s"]
rules:
  - name: the branch
    gitlab:
      issuer: %s
      project_id: "%s"
      ref_type: branch
      ref: %s
      ref_protected: true
`, gatewayAudience, s.issuer.URL(), fakeissuer.GitLabProjectID, branch), 0o600))
	require.NoError(t, os.Rename(next, s.policy))
}

// gatewayLine is what is read of a line of the gateway's logs.
type gatewayLine struct {
	Message string `json:"msg"`
	Outcome string `json:"outcome"`
	Reason  string `json:"reason"`
	Policy  string `json:"policy_digest"`
	Request struct {
		Path string `json:"path"`
	} `json:"request"`
	Jobs  string `json:"jobs"`
	Admin string `json:"admin"`
}

// lines returns the gateway's logs so far: what it wrote to its standard output
// and its standard error.
func (s *gatewaySite) lines(t *testing.T) []gatewayLine {
	t.Helper()
	file, err := os.Open(s.process.log)
	require.NoError(t, err)
	defer file.Close()
	var all []gatewayLine
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var line gatewayLine
		require.NoError(t, json.Unmarshal(lines.Bytes(), &line), lines.Text())
		all = append(all, line)
	}
	return all
}

// heap returns the bytes of the gateway's heap that are in use once it has
// collected its garbage.
func (s *gatewaySite) heap(t *testing.T) int64 {
	t.Helper()
	answer, err := http.Get(s.admin + "/debug/heap")
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusOK, answer.StatusCode)
	var heap struct {
		InUse int64 `json:"heap_inuse"`
	}
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&heap))
	require.Positive(t, heap.InUse)
	return heap.InUse
}
