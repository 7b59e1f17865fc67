// Package policytest runs what a policy says of itself as Go tests.
package policytest

import (
	"slices"
	"testing"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc/policy"
)

// Run runs the policy's own tests, each as a subtest of t. A policy without any
// fails.
func Run(t *testing.T, p *policy.Policy) {
	t.Helper()
	results := p.Test(t.Context())
	if len(results) == 0 {
		t.Error("policytest: the policy has no tests of its own: write some under tests")
	}
	for _, r := range results {
		t.Run(r.Test.Name, func(t *testing.T) {
			if r.Err != nil {
				t.Error(r.Err)
			}
		})
	}
}

// NoneLetIn fails for each hostile variant of identity that the policy lets in,
// and for each deny rule that a token escapes by lacking a claim (see
// [policy.Probe]), but for the variants whose IDs are in except. It fails too if
// the policy refuses identity itself, and for an ID in except that is not found:
// a hole that was closed needs no exception.
func NoneLetIn(t testing.TB, p *policy.Policy, identity claims.Model, except ...string) {
	t.Helper()
	var found []string
	for _, v := range policy.Probe(p, identity) {
		bad := v.Outcome == policy.IdentityRefused || v.Outcome == policy.DenyEscaped || v.Outcome == policy.Admitted && v.Kind == policy.Hostile
		if !bad {
			continue
		}
		found = append(found, v.ID)
		if !slices.Contains(except, v.ID) {
			t.Errorf("policytest: %v", v)
		}
	}
	for _, id := range except {
		if !slices.Contains(found, id) {
			t.Errorf("policytest: the policy does not let %q in: remove the exception", id)
		}
	}
}
