package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cioidc/cioidc/oidc"
)

// metrics counts what happens, as an [oidc.Observer], and writes it in
// Prometheus's text format. A client library would do as well.
type metrics struct {
	mu            sync.Mutex
	verifications map[string]uint64 // by labels
	fetches       map[string]uint64
	responses     map[string]uint64
	buckets       [len(bounds) + 1]uint64 // of durations; the last is for all that is longer
	seconds       float64
	auditErrors   uint64
}

var _ oidc.Observer = (*metrics)(nil)

// bounds are the upper bounds of the buckets, in seconds. A signature check takes
// some 50 microseconds, a fetch of keys some 100 milliseconds. They are never
// changed.
var bounds = [...]float64{0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5}

func newMetrics() *metrics {
	return &metrics{verifications: map[string]uint64{}, fetches: map[string]uint64{}, responses: map[string]uint64{}}
}

// ObserveVerification implements [oidc.Observer].
func (m *metrics) ObserveVerification(v oidc.Verification) {
	seconds := v.Duration.Seconds()
	bucket, _ := slices.BinarySearch(bounds[:], seconds)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.verifications[labels("issuer", v.Issuer, "outcome", v.Outcome)]++
	m.buckets[bucket]++
	m.seconds += seconds
}

// ObserveFetch implements [oidc.Observer].
func (m *metrics) ObserveFetch(f oidc.Fetch) {
	result := "ok"
	if f.Err != nil {
		result = "failed"
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fetches[labels("issuer", f.Issuer, "result", result)]++
}

func (m *metrics) observeResponse(status int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.responses[labels("code", strconv.Itoa(status))]++
}

func (m *metrics) observeAuditError() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.auditErrors++
}

// write writes all that was counted, and the state of the issuers' keys.
func (m *metrics) write(out io.Writer, health []oidc.IssuerHealth, remembered int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	counter(out, "gateway_responses_total", "Answers to jobs, by HTTP status.", m.responses)
	counter(out, "gateway_verifications_total", "Tokens that were looked at, by what came of it.", m.verifications)
	counter(out, "gateway_key_fetches_total", "Fetches of issuers' keys.", m.fetches)
	counter(out, "gateway_audit_errors_total", "Audit records that could not be written.", map[string]uint64{"": m.auditErrors})

	head(out, "gateway_verification_seconds", "How long verifications took.", "histogram")
	var all uint64
	for i, n := range m.buckets {
		all += n
		bound := "+Inf"
		if i < len(bounds) {
			bound = strconv.FormatFloat(bounds[i], 'g', -1, 64)
		}
		fmt.Fprintf(out, "gateway_verification_seconds_bucket%s %d\n", labels("le", bound), all)
	}
	fmt.Fprintf(out, "gateway_verification_seconds_sum %g\ngateway_verification_seconds_count %d\n", m.seconds, all)

	head(out, "gateway_keys", "Usable keys at hand, by issuer.", "gauge")
	for _, h := range health {
		fmt.Fprintf(out, "gateway_keys%s %d\n", labels("issuer", h.Issuer, "state", string(h.State)), h.Keys)
	}
	head(out, "gateway_keys_age_seconds", "Since when the keys are known to be the issuer's.", "gauge")
	for _, h := range health {
		fmt.Fprintf(out, "gateway_keys_age_seconds%s %g\n", labels("issuer", h.Issuer), h.Age.Seconds())
	}
	head(out, "gateway_used_tokens", "Used tokens that are remembered in this process.", "gauge")
	fmt.Fprintf(out, "gateway_used_tokens %d\n", remembered)
}

func counter(out io.Writer, name, help string, values map[string]uint64) {
	head(out, name, help, "counter")
	for _, l := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(out, "%s%s %d\n", name, l, values[l])
	}
}

func head(out io.Writer, name, help, kind string) {
	fmt.Fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// labels returns pairs of names and values as a label set.
func labels(pairs ...string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `%s="%s"`, pairs[i], escape.Replace(pairs[i+1]))
	}
	return "{" + b.String() + "}"
}
