package googletrust_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange/googletrust"
	"github.com/cioidc/cioidc/internal/trustcase"
	"github.com/cioidc/cioidc/oidc/policy"
)

func equal(values ...string) policy.Matcher { return policy.Matcher{Values: values} }

func compile(t *testing.T, rule policy.Rule, deny ...policy.Rule) *policy.Policy {
	t.Helper()
	p, err := policy.New(policy.Spec{Name: "payments", Audiences: []string{trustcase.Audience}, Rules: []policy.Rule{rule}, Deny: deny}, nil)
	require.NoError(t, err)
	return p
}

func prod() policy.Rule {
	return policy.Rule{Name: "prod", Platform: policy.GitLab, Claims: map[string]policy.Matcher{
		"issuer": equal(trustcase.GitLab), "project_id": equal("67890"), "namespace_id": equal("12345"), "ref_type": equal("branch"), "ref": equal("main"),
		"ref_protected": equal("true"), "environment": equal("production"), "environment_protected": equal("true"),
	}}
}

func release() policy.Rule {
	return policy.Rule{Name: "release", Platform: policy.CircleCI, Claims: map[string]policy.Matcher{
		"org-id": equal(trustcase.Organization), "project-id": equal(trustcase.Project), "vcs-origin": equal("github.com/acme/payments"), "vcs-ref": equal("refs/heads/main"),
		"context-ids": {Op: policy.AllOf, Values: []string{trustcase.User}},
	}}
}

var target = &googletrust.Target{ProjectNumber: "123456789012", Pool: "ci", Provider: "gitlab"}

func conditionOf(t *testing.T, rule policy.Rule, deny ...policy.Rule) string {
	t.Helper()
	r, err := googletrust.Render(compile(t, rule, deny...), rule.Name, target)
	require.NoError(t, err)
	require.Empty(t, r.Gaps)
	return r.Document.Provider.Condition.Text
}

func TestRenderGitLab(t *testing.T) {
	r, err := googletrust.Render(compile(t, prod()), "prod", target)
	require.NoError(t, err)
	p := r.Document.Provider
	assert.Equal(t, "assertion.environment == 'production' && assertion.environment_protected == 'true' && assertion.namespace_id == '12345'"+
		" && assertion.project_id == '67890' && assertion.ref == 'main' && assertion.ref_protected == 'true' && assertion.ref_type == 'branch'"+
		" && (has(assertion.job_project_id) ? assertion.job_project_id == assertion.project_id : assertion.pipeline_source in ['api', 'push', 'schedule', 'trigger', 'web'])",
		p.Condition.Text)
	assert.Equal(t, trustcase.GitLab, p.IssuerURI.Text)
	assert.Equal(t, []string{trustcase.Audience}, p.Audiences())
	assert.Equal(t, "'gitlab::' + assertion.project_id + '::' + assertion.job_id", p.Attribute("google.subject").Expression.Text)
	assert.Equal(t, []googletrust.Value{{Text: "principalSet://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ci/attribute.env_scope/67890::production::true"}},
		r.Document.Bindings[0].Members)
	assert.Equal(t, "roles/iam.workloadIdentityUser", r.Document.Bindings[0].Role)

	payload, err := json.Marshal(map[string]any{
		"iss": trustcase.GitLab, "aud": trustcase.Audience, "sub": "s", "iat": 1, "exp": 3601, "project_id": "67890", "namespace_id": "12345", "ref": "main", "ref_type": "branch",
		"ref_protected": "true", "environment": "production", "environment_protected": "true", "job_id": "9", "pipeline_source": "push",
	})
	require.NoError(t, err)
	assert.Equal(t, googletrust.Accepted, googletrust.Simulate(r.Document, payload, nil).Outcome)
}

func TestRenderCircleCI(t *testing.T) {
	r, err := googletrust.Render(compile(t, release()), "release", &googletrust.Target{ProjectNumber: "1", Pool: "ci", Provider: "circleci", StableSubject: true, Role: "roles/storage.admin"})
	require.NoError(t, err)
	p := r.Document.Provider
	assert.Equal(t, "'"+trustcase.User+"' in assertion['oidc.circleci.com/context-ids'] && assertion['oidc.circleci.com/org-id'] == '"+trustcase.Organization+
		"' && assertion['oidc.circleci.com/project-id'] == '"+trustcase.Project+"' && assertion['oidc.circleci.com/vcs-origin'] == 'github.com/acme/payments'"+
		" && assertion['oidc.circleci.com/vcs-ref'] == 'refs/heads/main'"+
		" && !('oidc.circleci.com/vcs-ref' in assertion && assertion['oidc.circleci.com/vcs-ref'].startsWith('refs/heads/pull/'))"+
		" && assertion['oidc.circleci.com/ssh-rerun'] == false", p.Condition.Text)
	assert.Equal(t, "https://oidc.circleci.com/org/"+trustcase.Organization, p.IssuerURI.Text)
	assert.Equal(t, "assertion['oidc.circleci.com/project-id']", p.Attribute("google.subject").Expression.Text)
	assert.Equal(t, "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/attribute.vcs_scope/"+trustcase.Project+"::github.com/acme/payments::refs/heads/main",
		r.Document.Bindings[0].Members[0].Text)
	assert.Equal(t, "roles/storage.admin", r.Document.Bindings[0].Role)
}

// What each kind of condition becomes.
func TestRenderTerms(t *testing.T) {
	with := func(claim string, m policy.Matcher) policy.Rule {
		r := prod()
		r.Claims[claim] = m
		return r
	}
	for term, rule := range map[string]policy.Rule{
		`assertion.user_login in ['a', 'b\'c\\']`: with("user_login", equal("b'c\\", "a")),
		"(has(assertion.user_login) && assertion.user_login != '' && assertion.user_login != null && !(assertion.user_login == 'a'))":        with("user_login", policy.Matcher{Values: []string{"a"}, Not: true}),
		"(has(assertion.sha) && assertion.sha != '' && assertion.sha != null)":                                                               with("sha", policy.Matcher{Op: policy.Present}),
		"!(has(assertion.sha) && assertion.sha != '' && assertion.sha != null)":                                                              with("sha", policy.Matcher{Op: policy.Absent}),
		`assertion.ref.matches('^(?:(?:release/[^/:]*)|(?:v(?s:.*)))$')`:                                                                     with("ref", policy.Matcher{Op: policy.Glob, Values: []string{"v**", "release/*"}}),
		`assertion.ref.matches('^(?:(?:a|b\\.c))$')`:                                                                                         with("ref", policy.Matcher{Op: policy.Regex, Values: []string{`a|b\.c`}}),
		`assertion.project_path.matches('^(?i:(?:acme/[^/:]*))$')`:                                                                           with("project_path", policy.Matcher{Op: policy.Glob, Values: []string{"acme/*"}}),
		`(assertion.ref != '' && assertion.ref.matches('^(?:(?:.*))$'))`:                                                                     with("ref", policy.Matcher{Op: policy.Regex, Values: []string{".*"}}),
		"assertion.project_path.lowerAscii() == 'acme/app'":                                                                                  with("project_path", equal("Acme/App")),
		"string(assertion.runner_id) == '7'":                                                                                                 with("runner_id", equal("7")),
		"('a' in assertion.groups_direct || 'b' in assertion.groups_direct)":                                                                 with("groups_direct", equal("a", "b")),
		"(has(assertion.job_config) && has(assertion.job_config.url) && assertion.job_config.url != '' && assertion.job_config.url != null)": with("job_config.url", policy.Matcher{Op: policy.Present}),
		"assertion.sub == 's'": with("subject", equal("s")),
		"assertion.jti == 'j'": with("jti", equal("j")),
	} {
		assert.Contains(t, conditionOf(t, rule), term)
	}
	deny := policy.Rule{Name: "never", Platform: policy.GitLab, Claims: map[string]policy.Matcher{"pipeline_source": equal("schedule"), "issuer": equal(trustcase.GitLab)}}
	other := policy.Rule{Name: "other", Platform: policy.CircleCI, Claims: map[string]policy.Matcher{"ssh-rerun": equal("true")}}
	assert.Contains(t, conditionOf(t, prod(), deny, other), " && !(has(assertion.iss) && assertion.iss == 'https://gitlab.com' && has(assertion.pipeline_source) && assertion.pipeline_source == 'schedule')")
	open := prod()
	open.Allow = map[string]string{policy.AllowFork: trustcase.Reason}
	assert.NotContains(t, conditionOf(t, open), "job_project_id")
}

func TestRenderGaps(t *testing.T) {
	pattern := prod()
	pattern.Claims["groups_direct"] = policy.Matcher{Op: policy.Glob, Values: []string{"acme/*"}}
	deny := policy.Rule{Name: "never", Platform: policy.GitLab, Claims: map[string]policy.Matcher{"user_identities": equal("a:b")}}
	for field, p := range map[string]*policy.Policy{"groups_direct": compile(t, pattern), "deny never": compile(t, prod(), deny)} {
		_, err := googletrust.Render(p, "prod", target)
		var wider *googletrust.WiderError
		require.ErrorAs(t, err, &wider, field)
		require.Len(t, wider.Gaps, 1)
		assert.Equal(t, field, wider.Gaps[0].Field)
		reasoned := *target
		reasoned.AllowWider = trustcase.Reason
		r, err := googletrust.Render(p, "prod", &reasoned)
		require.NoError(t, err)
		assert.Equal(t, wider.Gaps, r.Gaps)
		assert.Contains(t, r.Terraform("gitlab", "x"), "# gap: "+field)
	}
}

func TestRenderErrors(t *testing.T) {
	p := compile(t, prod())
	two := prod()
	two.Claims["issuer"] = equal(trustcase.GitLab, trustcase.Managed)
	long := prod()
	for range 100 {
		m := long.Claims["user_login"]
		m.Values = append(m.Values, strings.Repeat("x", 50))
		long.Claims["user_login"] = m
	}
	for name, test := range map[string]struct {
		policy       *policy.Policy
		rule         string
		target       *googletrust.Target
		field, words string
	}{
		"no rule":     {p, "x", target, "rule", `no rule "x"`},
		"no target":   {p, "prod", nil, "Target.ProjectNumber", "not its ID"},
		"project ID":  {p, "prod", &googletrust.Target{ProjectNumber: "acme", Pool: "ci", Provider: "x"}, "Target.ProjectNumber", "not its ID"},
		"pool":        {p, "prod", &googletrust.Target{ProjectNumber: "1", Pool: "a/b", Provider: "x"}, "Target.Pool", "ID"},
		"provider":    {p, "prod", &googletrust.Target{ProjectNumber: "1", Pool: "ci"}, "Target.Provider", "ID"},
		"two issuers": {compile(t, two), "prod", target, "issuer", "one issuer"},
		"too long":    {compile(t, long), "prod", target, "rule", "would not save"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := googletrust.Render(test.policy, test.rule, test.target)
			var bad *googletrust.RenderError
			require.ErrorAs(t, err, &bad)
			assert.Equal(t, test.field, bad.Field)
			assert.Contains(t, bad.Problem, test.words)
		})
	}
}

func TestRenderedTexts(t *testing.T) {
	rule := prod()
	rule.Claims["user_login"] = equal("${x} 'y' \"z\"")
	r, err := googletrust.Render(compile(t, rule), "prod", target)
	require.NoError(t, err)
	text := r.Terraform("gitlab", "google_service_account.deploy.name")
	assert.Contains(t, text, `  attribute_condition                = "assertion.environment == 'production' && `)
	assert.Contains(t, text, `'$\u007bx} \\'y\\' \"z\"'`)
	assert.Contains(t, text, "  service_account_id = google_service_account.deploy.name\n")
	assert.Contains(t, text, `    "google.subject" = "'gitlab::' + assertion.project_id + '::' + assertion.job_id"`)

	// The shell hands the condition over as it is.
	out, err := exec.Command("sh", "-c", "gcloud() { for a; do printf '%s\\n' \"$a\"; done; }\n"+r.Gcloud()).Output()
	require.NoError(t, err)
	assert.Contains(t, string(out), "--attribute-condition="+r.Document.Provider.Condition.Text+"\n")
	assert.Contains(t, string(out), "--allowed-audiences=^;^"+trustcase.Audience+"\n")

	// An audience is one, whatever is in it.
	odd := *r.Document.Provider
	odd.AllowedAudiences = []googletrust.Value{{Text: "https://a.example/;x,y|z"}}
	assert.Contains(t, (&googletrust.Rendered{Document: &googletrust.Document{Provider: &odd}}).Gcloud(), "--allowed-audiences='^#^https://a.example/;x,y|z'")

	// What is rendered can be read again, and means the same.
	data, err := r.Document.Provider.MarshalJSON()
	require.NoError(t, err)
	again, err := googletrust.ParseProvider(data)
	require.NoError(t, err)
	assert.Equal(t, r.Document.Provider.Condition.Text, again.Condition.Text)
}
