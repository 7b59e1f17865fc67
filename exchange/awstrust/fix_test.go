package awstrust

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
)

// jobOf returns the job that the role of a rule's document is for.
func jobOf(t *testing.T, id string, p Provider) claims.Model {
	t.Helper()
	if id == "GL006" {
		m, err := claims.Decode[claims.GitLab](tokenOf(t, p, claimSet{"sub": "project_path:acme/payments:ref_type:tag:ref:v1.0", "ref": "v1.0", "ref_type": "tag"}))
		require.NoError(t, err)
		return m
	}
	return legitimate(t, p)
}

// madeWitness returns a token that proves a finding for which the platform's
// model has none.
func madeWitness(t *testing.T, id string) []byte {
	t.Helper()
	switch id {
	case "AWS014", "AWS025": // of another provider of the account
		return tokenOf(t, Provider{URL: "https://token.actions.githubusercontent.com", ClientIDs: gitLab.ClientIDs}, nil)
	case "AWS026":
		return tokenOf(t, gitLab, claimSet{"sub": "project_path:acme/payments:ref_type:branch:ref:MAIN", "ref": "MAIN"})
	}
	return nil
}

// Every finding that a role is too broad has a token that proves it: the
// simulator accepts it before the fix and refuses it after, and accepts the job
// that the role is for before and after.
func TestFixOfTooBroad(t *testing.T) {
	seen := map[string]int{}
	for id, tt := range ruleCases() {
		doc := lintCase{provider: tt.provider, conditions: tt.fires}.document(t)
		job := jobOf(t, id, tt.provider)
		o := &LintOptions{Token: job}
		if id == "AWS014" || id == "AWS025" { // the ARN has to be known
			known := tt.provider
			known.ClientIDs = []string{"https://deploy.example"}
			hub := Provider{URL: "https://token.actions.githubusercontent.com", ClientIDs: known.ClientIDs, AccountID: known.AccountID}
			o.Providers = []Provider{known, hub}
		}
		found, err := Lint(doc, o)
		require.NoError(t, err)
		for _, f := range found {
			if f.ID != id || f.Kind != TooBroad {
				continue
			}
			seen[id]++
			witness := madeWitness(t, id)
			if f.Witness != nil {
				witness = f.Witness.Claims
			}
			require.NotNil(t, witness, id)
			before := Accepted
			if id == "AWS014" {
				before = Indeterminate // AWS may do as it likes with NotPrincipal
			}
			assert.Equal(t, before, (&Fixed{Document: doc}).simulate(witness, o), "%s: the witness before", id)
			assert.Equal(t, before, (&Fixed{Document: doc}).simulate(job.RegisteredClaims().Payload(), o), "%s: the job before", id)
			fixed, err := Fix(doc, f, o)
			if !assert.NoError(t, err, id) {
				continue
			}
			text, err := fixed.Document.MarshalJSON()
			require.NoError(t, err)
			assert.Equal(t, Rejected, fixed.simulate(witness, o), "%s: the witness after: %s", id, text)
			assert.Equal(t, Accepted, fixed.simulate(job.RegisteredClaims().Payload(), o), "%s: the job after: %s", id, text)

			again, err := Lint(fixed.Document, o)
			require.NoError(t, err)
			for _, g := range again {
				if f.Witness != nil && g.Witness != nil && g.ID != "CC007" && g.ID != "CC013" {
					assert.NotEqual(t, f.Witness.Variant, g.Witness.Variant, "%s is proven again by %s", id, g.ID)
				}
			}
		}
	}
	for _, r := range rules() {
		if r.kind == TooBroad {
			assert.Positive(t, seen[r.id], "no document for %s", r.id)
		}
	}
}

// What holds only as long as something else does has a proposal that keeps the
// witness out, too.
func TestFixOfFragile(t *testing.T) {
	fixes := map[string]bool{}
	for id, tt := range ruleCases() {
		doc := lintCase{provider: tt.provider, conditions: tt.fires}.document(t)
		o := &LintOptions{Token: jobOf(t, id, tt.provider)}
		if id == "AWS003" || id == "GL017" { // the provider is for several services
			known := tt.provider
			known.ClientIDs = []string{"https://deploy.example", "https://deploy.example-other", "https://deploy.example.evil"}
			o.Providers = []Provider{known}
		}
		found, err := Lint(doc, o)
		require.NoError(t, err)
		for _, f := range found {
			if f.ID != id || f.Kind != Fragile || f.Witness == nil {
				continue
			}
			fixed, err := Fix(doc, f, o)
			require.NoError(t, err, id)
			assert.False(t, fixed.Certain, id)
			assert.Equal(t, Accepted, (&Fixed{Document: doc}).simulate(f.Witness.Claims, o), id)
			assert.Equal(t, Rejected, fixed.simulate(f.Witness.Claims, o), id)
			assert.Equal(t, Accepted, fixed.simulate(o.Token.RegisteredClaims().Payload(), o), id)
			fixes[id] = true
		}
	}
	assert.Equal(t, map[string]bool{"GL002": true, "GL005": true, "GL010": true, "GL012": true, "CC010": true}, fixes)
}
