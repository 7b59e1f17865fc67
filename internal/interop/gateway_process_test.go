//go:build linux

package interop

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
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

// gatewaySite is what gateways need around them: an issuer, a service and a
// policy, which are the test's.
type gatewaySite struct {
	issuer       *fakeissuer.Issuer
	service      string // its URL
	reached      atomic.Int64
	policy       string // the file
	dir, program string
}

// gatewayProcess is the example gateway in a process of its own.
type gatewayProcess struct {
	*process
	jobs, admin string // URLs
}

// newGatewaySite builds the gateway, and starts what it needs, with a policy that
// lets this branch through.
func newGatewaySite(t *testing.T, branch string) *gatewaySite {
	t.Helper()
	s := &gatewaySite{dir: t.TempDir()}
	s.program, s.policy = filepath.Join(s.dir, "gateway"), filepath.Join(s.dir, "policy.yaml")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	_, err := mustRun(ctx, "../..", os.Environ(), "go", "build", "-o", s.program, "./examples/gateway")
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
	s.service = service.URL
	s.allow(t, branch)
	return s
}

// start starts a gateway with these flags beside those that it needs.
func (s *gatewaySite) start(t *testing.T, name string, flags ...string) *gatewayProcess {
	t.Helper()
	process, err := startProcess(s.dir, name, nil, s.program, append([]string{"--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
		"--upstream", s.service, "--gitlab", s.issuer.URL(), "--audience", gatewayAudience, "--policy", s.policy}, flags...)...)
	require.NoError(t, err)
	t.Cleanup(func() { process.Stop(10 * time.Second) })
	g := &gatewayProcess{process: process}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, process.await(ctx, 20*time.Millisecond, func(context.Context) error {
		for _, line := range g.lines(t) {
			if line.Message == "serving" {
				g.jobs, g.admin = line.Jobs, line.Admin
				return nil
			}
		}
		return errors.New("it does not serve yet")
	}))
	return g
}

// token returns a new token of a job on a protected branch.
func (s *gatewaySite) token(branch string, edit ...func(fakeissuer.Claims)) string {
	return s.issuer.GitLab(gatewayAudience, append(edit, fakeissuer.ProtectedBranch(branch))...)
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
func (g *gatewayProcess) lines(t *testing.T) []gatewayLine {
	t.Helper()
	file, err := os.Open(g.log)
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
func (g *gatewayProcess) heap(t *testing.T) int64 {
	t.Helper()
	answer, err := http.Get(g.admin + "/debug/heap")
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
