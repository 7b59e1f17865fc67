package awsrender_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange/awstrust"
	"github.com/cioidc/cioidc/exchange/awstrust/awsrender"
	"github.com/cioidc/cioidc/oidc/policy"
)

// widening renders a rule and returns the fields that are wider.
func widening(t *testing.T, p *policy.Policy, to awsrender.Target) []string {
	t.Helper()
	to.AccountID, to.AllowWider = "123456789012", reason
	r, err := awsrender.Render(p, p.Spec().Rules[0].Name, &to)
	require.NoError(t, err)
	var fields []string
	for _, g := range r.Gaps {
		if g.Effect == awsrender.Widening {
			fields = append(fields, g.Field)
		}
	}
	return fields
}

// AWS does not see ssh-rerun. To let reruns in does not take a condition on it
// away.
func TestConditionOnSSHRerun(t *testing.T) {
	rule := release()
	assert.Empty(t, widening(t, compile(t, rule), awsrender.Target{}))
	for _, m := range []policy.Matcher{equal("false"), equal("true"), {Op: policy.Present}} {
		rule.Claims["ssh-rerun"] = m
		assert.Equal(t, []string{"ssh-rerun"}, widening(t, compile(t, rule), awsrender.Target{}))
	}
	rule.Claims["ssh-rerun"] = equal("false")
	never := policy.Rule{Name: "never", Platform: policy.CircleCI, Claims: map[string]policy.Matcher{"ssh-rerun": equal("true")}}
	assert.Equal(t, []string{"ssh-rerun", "deny never"}, widening(t, compile(t, rule, never), awsrender.Target{}))
}

// The sub of a repository below acme/app/vcs-ref is that of a branch of acme/app.
func TestOriginWithRef(t *testing.T) {
	_, err := awsrender.Render(compile(t, with(release(), "vcs-origin", equal("github.com/acme/app/vcs-ref/refs/heads/x"))), "release", target)
	var bad *awsrender.Error
	require.ErrorAs(t, err, &bad)
	assert.Equal(t, "vcs-origin", bad.Field)
	assert.Contains(t, bad.Problem, "/vcs-ref/ in it")
}

// A rule compares paths without the letters' case, and with no folding of others.
func TestFoldedPaths(t *testing.T) {
	never := func(claim, value string) policy.Rule {
		return policy.Rule{Name: "never", Platform: policy.GitLab, Claims: map[string]policy.Matcher{claim: equal(value)}}
	}
	rule := prod()
	rule.Claims = map[string]policy.Matcher{"issuer": equal(gitLab), "project_id": equal("67890"), "job_project_path": equal("acme/payments"), "pipeline_source": equal("push")}
	of := awsrender.Target{SubjectComponents: []string{"project_id", "job_project_path"}}
	assert.Empty(t, widening(t, compile(t, rule), of))
	assert.Equal(t, []string{"deny never"}, widening(t, compile(t, rule, never("job_project_path", "Acme/Payments")), of))

	rule = prod()
	rule.Claims["project_path"], rule.Claims["namespace_path"] = equal("kelvin/app"), equal("Kelvin")
	assert.Empty(t, widening(t, compile(t, rule), awsrender.Target{}))
	rule.Claims["namespace_path"] = equal("\u212Aelvin") // matches no token
	assert.Equal(t, []string{"namespace_path"}, widening(t, compile(t, rule), awsrender.Target{}))
	rule.Claims["namespace_path"] = equal("kelvin")
	assert.ElementsMatch(t, []string{"namespace_path", "project_path"}, widening(t, compile(t, with(rule, "ref", policy.Matcher{Op: policy.Present})),
		awsrender.Target{SubjectComponents: []string{"project_id", "ref_type", "ref", "project_path"}}), "what sub does not pin says nothing of the namespace")
}

// with returns a copy of a rule with one condition more.
func with(rule policy.Rule, claim string, m policy.Matcher) policy.Rule {
	rule.Claims = maps.Clone(rule.Claims)
	rule.Claims[claim] = m
	return rule
}

// A star of a rule stops at a colon, which only some claims cannot have.
func TestStarBeforeColon(t *testing.T) {
	to := awsrender.Target{SubjectComponents: []string{"project_id", "ci_config_ref_uri"}}
	rule := with(prod(), "ci_config_ref_uri", policy.Matcher{Op: policy.Glob, Values: []string{"git.acme.example*"}})
	for _, claim := range []string{"project_path", "ref", "ref_type"} {
		delete(rule.Claims, claim)
	}
	assert.Equal(t, []string{"ci_config_ref_uri"}, widening(t, compile(t, rule), to))
	rule.Claims["ci_config_ref_uri"] = policy.Matcher{Op: policy.Glob, Values: []string{"git.acme.example/**"}}
	assert.Empty(t, widening(t, compile(t, rule), to))
}

// GitLab sends null where there is no role, and a rule takes that for absent.
// Whatever AWS makes of it, the document does not let it in.
func TestNull(t *testing.T) {
	for name, m := range map[string]policy.Matcher{"present": {Op: policy.Present}, "not": {Values: []string{"guest"}, Not: true}} {
		t.Run(name, func(t *testing.T) {
			r, err := awsrender.Render(compile(t, with(prod(), "user_access_level", m)), "prod-from-main", target)
			require.NoError(t, err)
			assert.Empty(t, r.Gaps)
			c := map[string]any{
				"iss": gitLab, "aud": aud, "iat": 1, "exp": 4102444800, "sub": "project_path:acme/payments:ref_type:branch:ref:main",
				"project_id": "67890", "namespace_id": "12345", "ref_protected": "true", "pipeline_source": "web", "runner_environment": "gitlab-hosted",
			}
			outcome := func() awstrust.Outcome {
				payload, err := json.Marshal(c)
				require.NoError(t, err)
				return awstrust.Simulate(r.Document, payload, awstrust.Provider{URL: r.ProviderURL, ClientIDs: r.ClientIDs}, nil).Outcome
			}
			assert.Equal(t, awstrust.Rejected, outcome(), "no key")
			for _, null := range []string{"", "null"} {
				c["user_access_level"] = null
				assert.Equal(t, awstrust.Rejected, outcome(), "%q", null)
			}
			c["user_access_level"] = "maintainer"
			assert.Equal(t, awstrust.Accepted, outcome())
		})
	}
}

// Terraform reads a template wherever one begins, also in a heredoc. Its own
// parser has to give back the document and the audiences, byte for byte.
func TestTerraformHasNoTemplates(t *testing.T) {
	audiences := []string{aud, "%{ if true }x%{ endif }", "%%{y}", `a"b\c`, "tab\tbell\a\x7f\u0080é\U0001F600", "$", "%", "{"}
	p, err := policy.New(policy.Spec{Name: "p", Audiences: audiences, Rules: []policy.Rule{prod()}}, nil)
	require.NoError(t, err)
	r, err := awsrender.Render(p, "prod-from-main", target)
	require.NoError(t, err)
	r.ClientIDs = append(r.ClientIDs, "${path.module}", "$${z}")

	file, diagnostics := hclsyntax.ParseConfig([]byte(r.Terraform("gitlab", "deploy")), "x.tf", hcl.InitialPos)
	require.False(t, diagnostics.HasErrors(), "%v", diagnostics)
	value := func(block int, name string) (out []string) {
		v, diagnostics := file.Body.(*hclsyntax.Body).Blocks[block].Body.Attributes[name].Expr.Value(nil)
		require.False(t, diagnostics.HasErrors(), "%v", diagnostics)
		if v.Type().IsPrimitiveType() {
			return []string{v.AsString()}
		}
		for _, e := range v.AsValueSlice() {
			out = append(out, e.AsString())
		}
		return out
	}
	assert.Equal(t, r.ClientIDs, value(0, "client_id_list"))
	assert.JSONEq(t, r.JSON, strings.Join(value(1, "assume_role_policy"), ""))
}
