package policy_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc/oidctest"
	"github.com/cioidc/cioidc/oidc/policy"
)

// probed is a policy for the fake issuer's job, without some of its conditions,
// and what Probe finds with that job's token.
func probed(t *testing.T, deny map[string]policy.Matcher, without ...string) []policy.Variant {
	t.Helper()
	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	raw := issuer.GitLab("https://deploy.internal.example", oidctest.ProtectedEnvironment("production", "production"))
	identity, err := claims.Decode[claims.GitLab](payload(t, raw))
	require.NoError(t, err)
	exact := func(v string) policy.Matcher { return policy.Matcher{Values: []string{v}} }
	rule := policy.Rule{Name: "deploy", Platform: policy.GitLab, Claims: map[string]policy.Matcher{
		"issuer":                exact(identity.Issuer),
		"project_id":            exact(string(identity.ProjectID)),
		"namespace_id":          exact(string(identity.NamespaceID)),
		"ref":                   exact(identity.Ref),
		"ref_type":              exact(identity.RefType),
		"ref_protected":         exact("true"),
		"environment":           exact("production"),
		"environment_protected": exact("true"),
		"pipeline_source":       exact(identity.PipelineSource),
	}}
	for _, claim := range without {
		require.Contains(t, rule.Claims, claim)
		delete(rule.Claims, claim)
	}
	spec := policy.Spec{Name: "probed", Audiences: []string{"https://deploy.internal.example"}, Rules: []policy.Rule{rule}}
	if deny != nil {
		spec.Deny = []policy.Rule{{Name: "never", Platform: policy.GitLab, Claims: deny}}
	}
	p, err := policy.New(spec, nil)
	require.NoError(t, err)
	return policy.Probe(p, identity)
}

// payload returns the claims set of a token.
func payload(t *testing.T, raw string) []byte {
	t.Helper()
	parts := strings.Split(raw, ".")
	require.Len(t, parts, 3)
	out, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	return out
}

func ids(found []policy.Variant, o policy.Outcome, k policy.Kind) []string {
	var out []string
	for _, v := range found {
		if v.Outcome == o && v.Kind == k {
			out = append(out, v.ID)
		}
	}
	return out
}

// What a removed condition lets in, and what makes one redundant, for compiled
// policies.
func TestProbe(t *testing.T) {
	whole := ids(probed(t, nil), policy.Admitted, policy.Hostile)
	assert.ElementsMatch(t, []string{"self-hosted-runner", "other-configuration", "configuration-of-other-project"}, whole,
		"what the policy has no condition on, and nothing else")
	for claim, want := range map[string]string{
		"ref":             "other-protected-branch",
		"environment":     "other-environment",
		"ref_protected":   "unprotected-ref",
		"pipeline_source": "merge-request",
	} {
		found := probed(t, nil, claim)
		let := ids(found, policy.Admitted, policy.Hostile)
		assert.Contains(t, let, want, "without %s", claim)
		assert.NotContains(t, whole, want, "with %s", claim)
		for _, v := range found {
			if v.ID == want {
				assert.Equal(t, "deploy", v.Rule)
				assert.NotEmpty(t, v.Story)
			}
		}
	}
	assert.Contains(t, ids(probed(t, nil, "namespace_id"), policy.Admitted, policy.Hostile), "moved-project")
	by := map[string][]string{}
	for _, v := range probed(t, nil) {
		if v.Outcome == policy.Covered {
			by[v.ID] = v.By
		}
	}
	assert.Equal(t, []string{"ref", "ref_type"}, by["ref_path"], "what makes a condition on ref_path redundant")
	assert.Equal(t, []string{"project_id", "fork"}, by["job_project_id"])
	assert.NotContains(t, by, "project_id", "it has a condition")
}

func TestProbeOfDenyRules(t *testing.T) {
	found := probed(t, map[string]policy.Matcher{"runner_environment": {Values: []string{"self-hosted"}}})
	escaped := ids(found, policy.DenyEscaped, policy.Missing)
	assert.Equal(t, []string{"absent/runner_environment"}, escaped)

	// One that refuses the job itself.
	found = probed(t, map[string]policy.Matcher{"ref": {Values: []string{"main"}}})
	require.Len(t, found, 1)
	assert.Equal(t, policy.IdentityRefused, found[0].Outcome)
	assert.Equal(t, []string{"ref"}, found[0].By)
}

// The identity of another issuer: the claim is named as tokens name it.
func TestProbeOfAnotherIdentity(t *testing.T) {
	p, err := policy.New(policy.Spec{Name: "x", Audiences: []string{"a"}, Rules: []policy.Rule{{Name: "r", Platform: policy.GitLab, Claims: map[string]policy.Matcher{
		"issuer": {Values: []string{"https://gitlab.com"}}, "project_id": {Values: []string{"1"}},
	}}}}, nil)
	require.NoError(t, err)
	found := policy.Probe(p, &claims.GitLab{Registered: claims.Registered{Issuer: "https://other.example", Audience: claims.Audience{"a"}}, ProjectID: "1"})
	require.Len(t, found, 1)
	assert.Equal(t, policy.IdentityRefused, found[0].Outcome)
	assert.Contains(t, found[0].By, "iss")
}
