package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/policy"
)

// The parts of a service that decides, measured in the same rounds as the
// verifiers.
const (
	policyName     = "policy of ten rules"
	middlewareName = "middleware with that policy"
)

// rules is how many allow rules the policy has; the last one allows.
const rules = 10

// guards returns the parts of a service that decides on tokens of w, GitLab's.
func guards(ctx context.Context, w *workload) ([]entry, error) {
	models := make([]*claims.GitLab, len(w.Good))
	for n, raw := range w.Good {
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
		if err != nil {
			return nil, err
		}
		if models[n], err = claims.Decode[claims.GitLab](payload); err != nil {
			return nil, err
		}
	}
	p, err := policyFor(models[0])
	if err != nil {
		return nil, err
	}
	s := w.Issuer.setup()
	v, err := oidc.NewVerifier(oidc.Config{
		Issuers: []oidc.Issuer{oidc.GitLab(s.Issuer)}, Audiences: []string{s.Audience}, Authorize: p.Authorize,
	})
	if err != nil {
		return nil, err
	}
	h := oidc.Middleware(v, nil)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	requests := make([]*http.Request, len(w.Good))
	for n, raw := range w.Good {
		requests[n] = httptest.NewRequestWithContext(ctx, http.MethodPost, "/deploy", nil)
		requests[n].Header.Set("Authorization", "Bearer "+raw)
	}
	serve := func(n int) error {
		var answer status
		h.ServeHTTP(&answer, requests[n%len(requests)])
		if answer != http.StatusNoContent {
			return fmt.Errorf("bench: the middleware answers %d", answer)
		}
		return nil
	}
	for n := range requests {
		if err := serve(n); err != nil {
			return nil, err
		}
	}
	return []entry{
		{Workload: w, Name: policyName, Guard: true, Turn: func(n int) error {
			return p.Evaluate(ctx, models[n%len(models)]).Err()
		}},
		{Workload: w, Name: middlewareName, Guard: true, Turn: serve},
	}, nil
}

// policyFor returns a policy whose last rule allows c: the others are those of
// other projects.
func policyFor(c *claims.GitLab) (*policy.Policy, error) {
	spec := policy.Spec{Name: "bench", Audiences: c.Audience}
	for n := range rules {
		exact := func(v string) policy.Matcher { return policy.Matcher{Values: []string{v}} }
		project := string(c.ProjectID)
		if n < rules-1 {
			project += fmt.Sprint(n)
		}
		spec.Rules = append(spec.Rules, policy.Rule{Name: fmt.Sprintf("rule-%d", n), Platform: policy.GitLab, Claims: map[string]policy.Matcher{
			"issuer":          exact(c.Issuer),
			"project_id":      exact(project),
			"namespace_id":    exact(string(c.NamespaceID)),
			"ref":             exact(c.Ref),
			"ref_type":        exact(c.RefType),
			"ref_protected":   exact(c.RefProtected.String()),
			"pipeline_source": {Values: []string{"push", "web", c.PipelineSource}},
		}})
	}
	return policy.New(spec, nil)
}

// status is a response of which only the status is kept.
type status int

func (s *status) Header() http.Header         { return http.Header{} }
func (s *status) Write(b []byte) (int, error) { return len(b), nil }
func (s *status) WriteHeader(code int)        { *s = status(code) }

// writeGuards writes what it costs to decide.
func (r *result) writeGuards(b *strings.Builder) {
	b.WriteString("## What decisions cost\n\n" +
		"For the GitLab token under RSA-2048. The policy has " + fmt.Sprint(rules) + " allow rules of seven conditions, none of them in CEL, and the last\n" +
		"one allows; it is given claims that are decoded. The middleware verifies the token, asks the policy and calls a handler\n" +
		"that answers 204, without audit. `Verify` is the row cioidc above, in the same round.\n\n" +
		"| | processors | to the floor | quartiles | to `Verify` | µs | allocations | bytes |\n|---|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, s := range r.Speed {
		if !s.Guard {
			continue
		}
		quartiles, _ := s.Ratio.spread(3)
		fmt.Fprintf(b, "| %s | %d | %.3f | %s | %.2f | %.2f | %.0f | %.0f |\n", s.Name, s.Procs, s.Ratio.median(), quartiles,
			r.toVerify(s).median(), s.Nanos.median()/1e3, s.Allocs.median(), s.Bytes.median())
	}
	b.WriteString("\n")
}

// toVerify returns the time of s as a multiple of that of this verifier in the
// same round.
func (r *result) toVerify(s speed) series {
	for _, own := range r.Speed {
		if own.Name != ownName || own.Workload != s.Workload || own.Procs != s.Procs {
			continue
		}
		out := make(series, len(s.Nanos))
		for n := range out {
			out[n] = s.Nanos[n] / own.Nanos[n]
		}
		return out
	}
	return nil
}
