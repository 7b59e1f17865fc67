package policy_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
	"github.com/cioidc/cioidc/oidc/policy"
)

// In a verifier: what the policy decides is the answer, the caller's error says
// nothing of the policy's but its name for it, and the record says which claim
// it was.
func TestPolicyInAVerifier(t *testing.T) {
	const audience = "https://deploy.internal.example"
	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	p, err := policy.Parse([]byte(`
apiVersion: trust/v1
name: deployer
audiences: [`+audience+`]
rules:
  - name: main
    gitlab:
      issuer: https://gitlab.com
      project_id: "`+oidctest.GitLabProjectID+`"
      ref: main
      ref_type: branch
      ref_protected: true
`), nil)
	require.NoError(t, err)
	var out bytes.Buffer
	v, err := oidc.NewVerifier(oidc.Config{
		Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{audience}, HTTPClient: oidctest.Client(issuer),
		Authorize: p.Authorize,
		Audit:     oidc.AuditLog{Logger: slog.New(slog.NewJSONHandler(&out, nil))}.Record,
	})
	require.NoError(t, err)
	record := func() (r map[string]any) {
		require.NoError(t, json.Unmarshal(out.Bytes(), &r), "one record: %s", out.String())
		out.Reset()
		return r
	}

	token, err := v.Verify(t.Context(), issuer.GitLab(audience))
	require.NoError(t, err)
	d, ok := token.Decision().(*policy.Decision)
	require.True(t, ok)
	assert.Equal(t, "main", d.Rule)
	r := record()
	assert.Equal(t, "accepted", r["outcome"])
	assert.Equal(t, "main", r["rule"])
	assert.Equal(t, "allowed", r["decision"])
	assert.Equal(t, p.Digest(), r["policy_digest"])

	_, err = v.Verify(t.Context(), issuer.GitLab(audience, oidctest.ProtectedBranch("stable")))
	var denied *oidc.DeniedError
	require.ErrorAs(t, err, &denied)
	assert.Equal(t, "policy: not allowed", denied.Err.Error())
	r = record()
	assert.Equal(t, "denied", r["outcome"])
	assert.Equal(t, "deployer", r["policy"])
	assert.Equal(t, "no rule", r["decision"])
	assert.Equal(t, "ref", r["claim"], "which decided")
	assert.Equal(t, "enforce", r["mode"])
	assert.Equal(t, map[string]any{"nearest_rule": "main", "why": `ref is "stable", the rule wants equal ["main"]`}, r["details"])
}
