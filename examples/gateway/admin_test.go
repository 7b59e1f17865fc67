package main

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/fakeissuer"
	"github.com/cioidc/cioidc/oidc"
)

func TestAdmin(t *testing.T) {
	s := newSite(t, nil, "--debug-heap")
	for _, authorization := range []string{"Bearer " + s.token(), "Bearer " + s.token(), "Bearer " + s.token(fakeissuer.Branch("x")), "Bearer x", ""} {
		s.ask(t, authorization)
	}
	status, body := s.see(t, "/healthz")
	assert.Equal(t, 200, status)
	assert.Equal(t, "ok\n", body)
	status, body = s.see(t, "/readyz")
	assert.Equal(t, 200, status)
	assert.Equal(t, "keys of "+s.issuer.URL()+": fresh\n", body)

	status, body = s.see(t, "/metrics")
	assert.Equal(t, 200, status)
	for _, line := range []string{
		`gateway_responses_total{code="200"} 2`, `gateway_responses_total{code="401"} 2`, `gateway_responses_total{code="403"} 1`,
		`gateway_verifications_total{issuer="` + s.issuer.URL() + `",outcome="accepted"} 2`,
		`gateway_verifications_total{issuer="` + s.issuer.URL() + `",outcome="denied"} 1`,
		`gateway_verifications_total{issuer="",outcome="malformed"} 1`,
		`gateway_verification_seconds_bucket{le="+Inf"} 4`, `gateway_verification_seconds_count 4`,
		`gateway_key_fetches_total{issuer="` + s.issuer.URL() + `",result="ok"} 1`,
		`gateway_keys{issuer="` + s.issuer.URL() + `",state="fresh"} 2`,
		`gateway_used_tokens 2`, `gateway_audit_errors_total 0`,
	} {
		assert.Contains(t, body, line+"\n")
	}

	status, body = s.see(t, "/debug/heap")
	assert.Equal(t, 200, status)
	var heap map[string]uint64
	require.NoError(t, json.Unmarshal([]byte(body), &heap))
	assert.Greater(t, heap["heap_inuse"], uint64(100<<10))
	assert.LessOrEqual(t, heap["heap_alloc"], heap["heap_inuse"])

	// The endpoints are not the jobs', and the service is not at this address.
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/debug/heap"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.jobs+path, nil)
		require.NoError(t, err)
		status, _ = send(t, r)
		assert.Equal(t, 401, status, path)
	}
	status, _ = s.see(t, "/deploy")
	assert.Equal(t, 404, status)
}

func TestNoHeapUnlessAskedFor(t *testing.T) {
	s := newSite(t, nil)
	status, _ := s.see(t, "/debug/heap")
	assert.Equal(t, 404, status)
}

// A gateway without keys starts and says that it is not ready; of two issuers, one
// is enough.
func TestReadiness(t *testing.T) {
	away := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(away.Close)
	s := newSite(t, nil, "--gitlab", away.URL)
	status, body := s.see(t, "/readyz")
	assert.Equal(t, 200, status)
	assert.Contains(t, body, "keys of "+s.issuer.URL()+": fresh\n")
	assert.Contains(t, body, "keys of "+away.URL+": missing, 1 fetches failed: ")

	lost, err := fakeissuer.New(fakeissuer.Options{URL: away.URL})
	require.NoError(t, err)
	t.Cleanup(lost.Close)
	status, _ = s.ask(t, "Bearer "+lost.GitLab(fakeAudience))
	assert.Equal(t, 503, status)
	assert.Equal(t, "unavailable", s.audit.last(t)["outcome"])

	require.Zero(t, s.stop())
	s.start(t, "--upstream", away.URL, "--gitlab", away.URL, "--audience", fakeAudience, "--policy", s.policy)
	status, _ = s.see(t, "/readyz")
	assert.Equal(t, 503, status)
	status, _ = s.see(t, "/healthz")
	assert.Equal(t, 200, status)
	_, ok := s.log.find(t, "keys are missing")
	assert.True(t, ok)
}

// The whole text, in the order that does not change.
func TestMetrics(t *testing.T) {
	m := newMetrics()
	m.ObserveVerification(oidc.Verification{Issuer: "b", Outcome: "accepted", Duration: 100 * time.Microsecond})
	m.ObserveVerification(oidc.Verification{Issuer: "b", Outcome: "accepted", Duration: 101 * time.Microsecond})
	m.ObserveVerification(oidc.Verification{Issuer: "a\"\\\n", Outcome: "expired", Duration: 6 * time.Second})
	m.ObserveFetch(oidc.Fetch{Issuer: "b", Err: errors.New("away")})
	m.observeResponse(200)
	m.observeAuditError()
	var out strings.Builder
	m.write(&out, []oidc.IssuerHealth{{Issuer: "b", State: oidc.KeysFresh, Keys: 2, Age: 90 * time.Second}}, 7)
	assert.Equal(t, `# HELP gateway_responses_total Answers to jobs, by HTTP status.
# TYPE gateway_responses_total counter
gateway_responses_total{code="200"} 1
# HELP gateway_verifications_total Tokens that were looked at, by what came of it.
# TYPE gateway_verifications_total counter
gateway_verifications_total{issuer="a\"\\\n",outcome="expired"} 1
gateway_verifications_total{issuer="b",outcome="accepted"} 2
# HELP gateway_key_fetches_total Fetches of issuers' keys.
# TYPE gateway_key_fetches_total counter
gateway_key_fetches_total{issuer="b",result="failed"} 1
# HELP gateway_audit_errors_total Audit records that could not be written.
# TYPE gateway_audit_errors_total counter
gateway_audit_errors_total 1
# HELP gateway_verification_seconds How long verifications took.
# TYPE gateway_verification_seconds histogram
gateway_verification_seconds_bucket{le="5e-05"} 0
gateway_verification_seconds_bucket{le="0.0001"} 1
gateway_verification_seconds_bucket{le="0.00025"} 2
gateway_verification_seconds_bucket{le="0.0005"} 2
gateway_verification_seconds_bucket{le="0.001"} 2
gateway_verification_seconds_bucket{le="0.0025"} 2
gateway_verification_seconds_bucket{le="0.005"} 2
gateway_verification_seconds_bucket{le="0.01"} 2
gateway_verification_seconds_bucket{le="0.05"} 2
gateway_verification_seconds_bucket{le="0.1"} 2
gateway_verification_seconds_bucket{le="0.5"} 2
gateway_verification_seconds_bucket{le="1"} 2
gateway_verification_seconds_bucket{le="5"} 2
gateway_verification_seconds_bucket{le="+Inf"} 3
gateway_verification_seconds_sum 6.000201
gateway_verification_seconds_count 3
# HELP gateway_keys Usable keys at hand, by issuer.
# TYPE gateway_keys gauge
gateway_keys{issuer="b",state="fresh"} 2
# HELP gateway_keys_age_seconds Since when the keys are known to be the issuer's.
# TYPE gateway_keys_age_seconds gauge
gateway_keys_age_seconds{issuer="b"} 90
# HELP gateway_used_tokens Used tokens that are remembered in this process.
# TYPE gateway_used_tokens gauge
gateway_used_tokens 7
`, out.String())
}

// fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestAuditErrors(t *testing.T) {
	m := newMetrics()
	oidc.AuditLog{Logger: slog.New(newAuditHandler(fullDisk{}, m))}.Record(t.Context(), oidc.Event{})
	assert.Equal(t, uint64(1), m.auditErrors)
}
