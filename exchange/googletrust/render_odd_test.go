package googletrust_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange/googletrust"
	"github.com/cioidc/cioidc/internal/trustcase"
	"github.com/cioidc/cioidc/oidc/policy"
)

func outcomeOf(t *testing.T, r *googletrust.Rendered, c map[string]any) googletrust.Outcome {
	t.Helper()
	payload, err := json.Marshal(c)
	require.NoError(t, err)
	return googletrust.Simulate(r.Document, payload, nil).Outcome
}

// A claim that is null is absent, and what is absent no rule denies. Without the
// test for null the expression fails, and nobody gets in.
func TestDenyOfNull(t *testing.T) {
	circle := release()
	delete(circle.Claims, "context-ids")
	deny := policy.Rule{Name: "never", Platform: policy.CircleCI, Claims: map[string]policy.Matcher{"context-ids": equal(trustcase.User)}}
	r, err := googletrust.Render(compile(t, circle, deny), "release", target)
	require.NoError(t, err)
	c := map[string]any{
		"iss": "https://oidc.circleci.com/org/" + trustcase.Organization, "aud": trustcase.Audience, "sub": "s", "iat": 1, "exp": 3601,
		"oidc.circleci.com/org-id": trustcase.Organization, "oidc.circleci.com/project-id": trustcase.Project, "oidc.circleci.com/vcs-origin": "github.com/acme/payments",
		"oidc.circleci.com/vcs-ref": "refs/heads/main", "oidc.circleci.com/ssh-rerun": false, "oidc.circleci.com/job-id": trustcase.User, "oidc.circleci.com/context-ids": nil,
	}
	assert.Equal(t, googletrust.Accepted, outcomeOf(t, r, c))
	c["oidc.circleci.com/context-ids"] = []string{trustcase.Project, trustcase.User}
	assert.Equal(t, googletrust.Rejected, outcomeOf(t, r, c))

	deny = policy.Rule{Name: "never", Platform: policy.GitLab, Claims: map[string]policy.Matcher{"user_email": {Op: policy.Glob, Values: []string{"*@evil.example"}}}}
	r, err = googletrust.Render(compile(t, prod(), deny), "prod", target)
	require.NoError(t, err)
	c = map[string]any{
		"iss": trustcase.GitLab, "aud": trustcase.Audience, "sub": "s", "iat": 1, "exp": 3601, "project_id": "67890", "namespace_id": "12345", "ref": "main", "ref_type": "branch",
		"ref_protected": "true", "environment": "production", "environment_protected": "true", "job_id": "9", "pipeline_source": "push", "user_email": nil,
	}
	assert.Equal(t, googletrust.Accepted, outcomeOf(t, r, c))
	c["user_email"] = "a@evil.example"
	assert.Equal(t, googletrust.Rejected, outcomeOf(t, r, c))
}

// Terraform's own parser gives back what was meant, byte for byte: of Go's escapes
// it has some only, and a template begins with either of two signs.
func TestTerraformOfOddValues(t *testing.T) {
	odd := []string{"${x}", "$${x}", "$$${x}", "%{ if true }", "%%{y}", `a"b\c`, "tab\tbell\a\x7f\u0080é\U0001F600\n", "$", "it's"}
	rule := prod()
	rule.Claims["user_login"] = equal(odd...)
	p, err := policy.New(policy.Spec{Name: "p", Audiences: odd, Rules: []policy.Rule{rule}}, nil)
	require.NoError(t, err)
	r, err := googletrust.Render(p, "prod", target)
	require.NoError(t, err)
	file, diagnostics := hclsyntax.ParseConfig([]byte(r.Terraform("gitlab", "google_service_account.deploy.name")), "x.tf", hcl.InitialPos)
	require.False(t, diagnostics.HasErrors(), "%v", diagnostics)
	body := file.Body.(*hclsyntax.Body).Blocks[0].Body
	condition, diagnostics := body.Attributes["attribute_condition"].Expr.Value(nil)
	require.False(t, diagnostics.HasErrors(), "%v", diagnostics)
	assert.Equal(t, r.Document.Provider.Condition.Text, condition.AsString())
	list, diagnostics := body.Blocks[0].Body.Attributes["allowed_audiences"].Expr.Value(nil)
	require.False(t, diagnostics.HasErrors(), "%v", diagnostics)
	var audiences []string
	for _, e := range list.AsValueSlice() {
		audiences = append(audiences, e.AsString())
	}
	assert.Equal(t, r.Document.Provider.Audiences(), audiences)
}

// However many signs an audience has, gcloud's list is divided by another.
func TestGcloudOfManySigns(t *testing.T) {
	var all strings.Builder
	for c := '!'; c <= '~'; c++ {
		all.WriteRune(c)
	}
	audiences := []string{all.String(), "b"}
	p, err := policy.New(policy.Spec{Name: "p", Audiences: audiences, Rules: []policy.Rule{prod()}}, nil)
	require.NoError(t, err)
	r, err := googletrust.Render(p, "prod", target)
	require.NoError(t, err)
	out, err := exec.Command("sh", "-c", "gcloud() { for a; do printf '%s\\n' \"$a\"; done; }\n"+r.Gcloud()).Output()
	require.NoError(t, err)
	_, list, found := strings.Cut(string(out), "--allowed-audiences=^")
	require.True(t, found)
	list, _, _ = strings.Cut(list, "\n")
	between, list, found := strings.Cut(list, "^")
	require.True(t, found)
	assert.Equal(t, audiences, strings.Split(list, between))
}

// A rule that names the project by its path alone has a member all the same: the
// whole pool is whoever gets into it by another provider as well.
func TestNobodyIsTheWholePool(t *testing.T) {
	for claim, want := range map[string]string{"project_path": "attribute.project_path/acme/app", "namespace_path": "attribute.namespace_path/acme/app"} {
		r, err := googletrust.Render(compile(t, policy.Rule{Name: "path", Platform: policy.GitLab, Claims: map[string]policy.Matcher{
			"issuer": equal(trustcase.GitLab), claim: equal("Acme/App", "acme/app"),
		}}), "path", target)
		require.NoError(t, err)
		members := r.Document.Bindings[0].Members
		require.Len(t, members, 1, "one path, spelled twice")
		assert.True(t, strings.HasSuffix(members[0].Text, want), members[0].Text)
		assert.Equal(t, googletrust.Accepted, outcomeOf(t, r, map[string]any{
			"iss": trustcase.GitLab, "aud": trustcase.Audience, "sub": "s", "iat": 1, "exp": 3601, "project_id": "1", "namespace_id": "2", "job_id": "9", "pipeline_source": "push",
			"ref": "main", "ref_type": "branch", "ref_protected": "true",
			"project_path": "ACME/app", "namespace_path": "ACME/app",
		}))
		findings, err := googletrust.Lint(r.Document, nil)
		require.NoError(t, err)
		for _, f := range findings {
			assert.NotEqual(t, "G002", f.ID)
		}
	}
}

// CircleCI's boolean is compared with nothing else.
func TestRerunIsABoolean(t *testing.T) {
	rule := release()
	rule.Claims["ssh-rerun"] = policy.Matcher{Op: policy.Present}
	assert.Contains(t, conditionOf(t, rule), "('oidc.circleci.com/ssh-rerun' in assertion && assertion['oidc.circleci.com/ssh-rerun'] != null)")
}

func TestRenderErrorsSayWhatToDo(t *testing.T) {
	_, err := googletrust.Render(nil, "prod", target)
	var bad *googletrust.RenderError
	require.ErrorAs(t, err, &bad)
	assert.Equal(t, "policy", bad.Field)

	long := prod()
	long.Claims["user_login"] = equal(strings.Repeat("x", googletrust.MaxCondition))
	_, err = googletrust.Render(compile(t, long), "prod", target)
	require.ErrorAs(t, err, &bad)
	assert.Contains(t, bad.Problem, "list fewer values, or split the rule")
}
