package awsrender_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange/awstrust"
	"github.com/cioidc/cioidc/exchange/awstrust/awsrender"
	"github.com/cioidc/cioidc/oidc/policy"
)

func compile(t *testing.T, rule policy.Rule, deny ...policy.Rule) *policy.Policy {
	t.Helper()
	p, err := policy.New(policy.Spec{Name: "payments", Audiences: []string{aud}, Rules: []policy.Rule{rule}, Deny: deny}, nil)
	require.NoError(t, err)
	return p
}

func prod() policy.Rule {
	return policy.Rule{Name: "prod-from-main", Platform: policy.GitLab, Claims: map[string]policy.Matcher{
		"issuer": equal(gitLab), "project_id": equal("67890"), "namespace_id": equal("12345"), "project_path": equal("acme/payments"),
		"ref_type": equal("branch"), "ref": equal("main"), "ref_protected": equal("true"), "pipeline_source": equal("web", "push"), "runner_environment": equal("gitlab-hosted"),
	}}
}

func release() policy.Rule {
	return policy.Rule{Name: "release", Platform: policy.CircleCI, Claims: map[string]policy.Matcher{
		"org-id": equal(org), "project-id": equal(project), "vcs-origin": equal("github.com/acme/app"), "vcs-ref": equal("refs/heads/main"),
	}, Allow: map[string]string{policy.AllowSSHRerun: reason}}
}

var target = &awsrender.Target{AccountID: "123456789012"}

func TestGitLab(t *testing.T) {
	r, err := awsrender.Render(compile(t, prod()), "prod-from-main", target)
	require.NoError(t, err)
	assert.JSONEq(t, `{"Version":"2012-10-17","Statement":[{"Sid":"ProdFromMain","Effect":"Allow",
		"Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/gitlab.com"},
		"Action":"sts:AssumeRoleWithWebIdentity",
		"Condition":{"StringEquals":{
			"gitlab.com:aud":"https://aws.example",
			"gitlab.com:sub":"project_path:acme/payments:ref_type:branch:ref:main",
			"gitlab.com:project_id":"67890","gitlab.com:namespace_id":"12345",
			"gitlab.com:ref_protected":"true","gitlab.com:runner_environment":"gitlab-hosted",
			"gitlab.com:pipeline_source":["push","web"]}}}]}`, r.JSON)
	assert.Empty(t, r.Gaps)
	assert.Equal(t, gitLab, r.ProviderURL)
	assert.Equal(t, []string{aud}, r.ClientIDs)
}

func TestCircleCI(t *testing.T) {
	r, err := awsrender.Render(compile(t, release()), "release", target)
	require.NoError(t, err)
	const o = "oidc.circleci.com/org/" + org
	assert.JSONEq(t, `{"Version":"2012-10-17","Statement":[{"Sid":"Release","Effect":"Allow",
		"Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/`+o+`"},
		"Action":"sts:AssumeRoleWithWebIdentity",
		"Condition":{"StringEquals":{"`+o+`:aud":"https://aws.example","`+o+`:oidc.circleci.com/project-id":"`+project+`"},
			"StringLike":{"`+o+`:sub":"org/`+org+`/project/`+project+`/user/????????-????-????-????-????????????/vcs-origin/github.com/acme/app/vcs-ref/refs/heads/main"}}}]}`, r.JSON)
	require.Len(t, r.Gaps, 1)
	assert.Equal(t, awsrender.Narrowing, r.Gaps[0].Effect)
	assert.Contains(t, r.Gaps[0].Why, "CIRCLE_OIDC_TOKEN_V2")
}

// With a star before something fixed, a branch's name is read as repository and
// branch (CC004). What is rendered refuses it.
func TestCraftedBranch(t *testing.T) {
	const o = "oidc.circleci.com/org/" + org
	token := func(ref string) []byte {
		sub := "org/" + org + "/project/" + project + "/user/" + user + "/vcs-origin/github.com/acme/app/vcs-ref/" + ref
		payload, err := json.Marshal(map[string]any{
			"iss": "https://" + o, "aud": aud, "sub": sub, "iat": 1, "exp": 4102444800, "oidc.circleci.com/org-id": org, "oidc.circleci.com/project-id": project,
			"oidc.circleci.com/vcs-origin": "github.com/acme/app", "oidc.circleci.com/vcs-ref": ref,
		})
		require.NoError(t, err)
		return payload
	}
	crafted := token("refs/heads/x/vcs-origin/github.com/acme/app/vcs-ref/refs/heads/main")
	rendered, err := awsrender.Render(compile(t, release()), "release", target)
	require.NoError(t, err)
	starred, err := awstrust.Parse([]byte(strings.Replace(rendered.JSON, "????????-????-????-????-????????????", "*", 1)))
	require.NoError(t, err)
	provider := awstrust.Provider{URL: rendered.ProviderURL, ClientIDs: rendered.ClientIDs}
	for name, doc := range map[string]*awstrust.Document{"starred": starred, "rendered": rendered.Document} {
		want := awstrust.Rejected
		if name == "starred" {
			want = awstrust.Accepted
		}
		assert.Equal(t, want, awstrust.Simulate(doc, crafted, provider, nil).Outcome, name)
		assert.Equal(t, awstrust.Accepted, awstrust.Simulate(doc, token("refs/heads/main"), provider, nil).Outcome, name)
	}
}

// A pattern of the rule stays inside a slash, and so does what is rendered.
func TestPatterns(t *testing.T) {
	rule := prod()
	rule.Claims["ref_type"], rule.Claims["ref"] = equal("tag"), policy.Matcher{Op: policy.Glob, Values: []string{"v*"}}
	r, err := awsrender.Render(compile(t, rule), "prod-from-main", target)
	require.NoError(t, err)
	assert.Contains(t, r.JSON, `"StringLike": {
          "gitlab.com:sub": "project_path:acme/payments:ref_type:tag:ref:v*"
        },
        "StringNotLike": {
          "gitlab.com:sub": "project_path:acme/payments:ref_type:tag:ref:v*/*"
        }`)
	assert.Empty(t, r.Gaps)
}

func TestGaps(t *testing.T) {
	with := func(base func() policy.Rule, edit func(*policy.Rule)) policy.Rule {
		r := base()
		edit(&r)
		return r
	}
	set := func(claim string, m policy.Matcher) func(*policy.Rule) {
		return func(r *policy.Rule) { r.Claims[claim] = m }
	}
	deny := func(claim string, m policy.Matcher) policy.Rule {
		return policy.Rule{Name: "never", Platform: policy.GitLab, Claims: map[string]policy.Matcher{claim: m}}
	}
	for name, test := range map[string]struct {
		rule   policy.Rule
		deny   []policy.Rule
		target awsrender.Target
		field  string
		effect awsrender.Effect // empty: none
		words  string
		json   string // a part of the document
	}{
		"environment":               {rule: with(prod, set("environment", equal("production"))), field: "environment", effect: awsrender.Widening, words: "no condition key of this claim"},
		"environment, as component": {rule: with(prod, set("environment_protected", equal("true"))), target: awsrender.Target{SubjectComponents: []string{"project_path", "ref_type", "ref", "environment_protected"}}, json: "ref:main:environment_protected:true"},
		"regex of a key":            {rule: with(prod, set("runner_environment", policy.Matcher{Op: policy.Regex, Values: []string{"git.*"}})), field: "runner_environment", effect: awsrender.Widening, words: "list the values"},
		"regex of a ref":            {rule: with(prod, set("ref", policy.Matcher{Op: policy.Regex, Values: []string{"main"}})), field: "ref", effect: awsrender.Widening, words: "whole values", json: `"project_path:acme/payments:ref_type:branch:ref:*"`},
		"star in a ref":             {rule: with(prod, set("ref", policy.Matcher{Op: policy.Glob, Values: []string{"a*b"}})), field: "ref", effect: awsrender.Widening, words: "star at the end"},
		"not":                       {rule: with(prod, set("user_access_level", policy.Matcher{Values: []string{"guest"}, Not: true})), json: `"gitlab.com:user_access_level": "?*"`},
		"no path":                   {rule: with(prod, func(r *policy.Rule) { delete(r.Claims, "project_path") }), field: "ref", effect: awsrender.Widening, words: "Target.ProjectPath"},
		"path of the target":        {rule: with(prod, func(r *policy.Rule) { delete(r.Claims, "project_path") }), target: awsrender.Target{ProjectPath: "acme/payments"}, json: `"project_path:acme/payments:ref_type:branch:ref:main"`},
		"any source":                {rule: with(prod, func(r *policy.Rule) { delete(r.Claims, "pipeline_source") }), field: "pipeline_source", effect: awsrender.Narrowing, words: "merge requests", json: `"schedule"`},
		"merge requests":            {rule: with(prod, set("pipeline_source", equal("merge_request_event"))), field: "fork", effect: awsrender.Widening, words: "job_project_id"},
		"forks": {rule: with(prod, func(r *policy.Rule) {
			r.Allow = map[string]string{policy.AllowFork: reason}
			delete(r.Claims, "pipeline_source")
		})},
		"self-managed":           {rule: with(prod, set("issuer", equal(managed))), field: "project_id", effect: awsrender.Widening, words: managed},
		"deny by a key":          {rule: prod(), deny: []policy.Rule{deny("user_login", equal("mallory"))}, json: `"gitlab.com:user_login": "mallory"`},
		"deny that is elsewhere": {rule: prod(), deny: []policy.Rule{deny("pipeline_source", equal("schedule"))}},
		"deny by what AWS lacks": {rule: prod(), deny: []policy.Rule{deny("environment", equal("production"))}, field: "deny never", effect: awsrender.Widening},
		"SSH":                    {rule: with(release, func(r *policy.Rule) { r.Allow = nil }), field: "ssh-rerun", effect: awsrender.Widening, words: "rerun"},
		"contexts":               {rule: with(release, set("context-ids", policy.Matcher{Op: policy.AllOf, Values: []string{user}})), field: "context-ids", effect: awsrender.Widening},
		"any repository":         {rule: with(release, func(r *policy.Rule) { delete(r.Claims, "vcs-origin"); delete(r.Claims, "vcs-ref") }), field: "sub", effect: awsrender.Narrowing, json: `/vcs-origin/*/vcs-ref/refs/heads/pull/*"`},
		"tags":                   {rule: with(release, set("vcs-ref", policy.Matcher{Op: policy.Glob, Values: []string{"refs/tags/v*"}})), json: `refs/tags/v*/*"`},
	} {
		t.Run(name, func(t *testing.T) {
			p := compile(t, test.rule, test.deny...)
			test.target.AccountID = "123456789012"
			r, err := awsrender.Render(p, test.rule.Name, &test.target)
			if test.effect == awsrender.Widening {
				var wider *awsrender.WiderError
				require.ErrorAs(t, err, &wider)
				assert.Equal(t, test.rule.Name, wider.Rule)
				assert.ErrorContains(t, err, test.words)
				test.target.AllowWider = reason
				r, err = awsrender.Render(p, test.rule.Name, &test.target)
			}
			require.NoError(t, err)
			assert.Contains(t, r.JSON, test.json)
			found := false
			for _, g := range r.Gaps {
				found = found || g.Field == test.field && g.Effect == test.effect
			}
			assert.Equal(t, test.effect != "", found, "%v", r.Gaps)
		})
	}
}

func TestErrors(t *testing.T) {
	p := compile(t, prod())
	many := release()
	many.Name = "many"
	for i := range 3 {
		m := many.Claims["vcs-ref"]
		m.Values = append(m.Values, "refs/tags/"+strings.Repeat("x", 100+i))
		many.Claims["vcs-ref"] = m
	}
	two := prod()
	two.Claims["issuer"] = equal(gitLab, managed)
	lost := prod()
	lost.Claims = map[string]policy.Matcher{"issuer": equal(managed), "project_id": equal("1")}
	pull := release()
	pull.Claims["vcs-ref"] = equal("refs/heads/pull/7")
	for name, test := range map[string]struct {
		policy       *policy.Policy
		rule         string
		target       *awsrender.Target
		field, words string
	}{
		"no rule":        {p, "x", target, "rule", `no rule "x"`},
		"no target":      {p, "prod-from-main", nil, "Target.AccountID", "twelve digits"},
		"partition":      {p, "prod-from-main", &awsrender.Target{AccountID: "123456789012", Partition: "x"}, "Target.Partition", "aws-cn"},
		"path":           {p, "prod-from-main", &awsrender.Target{AccountID: "123456789012", ProjectPath: "a/*"}, "Target.ProjectPath", "without stars"},
		"components":     {p, "prod-from-main", &awsrender.Target{AccountID: "123456789012", SubjectComponents: []string{""}}, "Target.SubjectComponents", "names of claims"},
		"too long":       {compile(t, many), "many", target, "rule", "characters, and AWS allows 2048"},
		"two issuers":    {compile(t, two), "prod-from-main", target, "issuer", "one issuer"},
		"nothing pinned": {compile(t, lost), "prod-from-main", &awsrender.Target{AccountID: "123456789012", AllowWider: reason}, "project_path", "Target.ProjectPath"},
		"forks only":     {compile(t, pull), "release", target, "rule", "allows nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := awsrender.Render(test.policy, test.rule, test.target)
			var bad *awsrender.Error
			require.ErrorAs(t, err, &bad)
			assert.Equal(t, test.field, bad.Field)
			assert.Contains(t, bad.Problem, test.words)
		})
	}
}

func TestTerraform(t *testing.T) {
	r, err := awsrender.Render(compile(t, release()), "release", target)
	require.NoError(t, err)
	text := r.Terraform("circleci", "deploy")
	assert.True(t, strings.HasPrefix(text, `resource "aws_iam_openid_connect_provider" "circleci" {
  url            = "https://oidc.circleci.com/org/`+org+`"
  client_id_list = ["https://aws.example"]
}

# gap: sub (narrowing): `), text)
	assert.Contains(t, text, `resource "aws_iam_role" "deploy" {`)
	assert.Contains(t, text, "  assume_role_policy = <<-JSON\n    {\n      \"Version\": \"2012-10-17\",\n")
}

// What is rendered has no finding that it is too broad.
func TestLintIsSilent(t *testing.T) {
	for rule, p := range map[string]*policy.Policy{"prod-from-main": compile(t, prod()), "release": compile(t, release())} {
		r, err := awsrender.Render(p, rule, target)
		require.NoError(t, err)
		findings, err := awstrust.Lint(r.Document, nil)
		require.NoError(t, err)
		for _, f := range findings {
			assert.NotEqual(t, awstrust.TooBroad, f.Kind, "%s: %s", f.ID, f.Problem)
			assert.NotEqual(t, awstrust.Broken, f.Kind, "%s: %s", f.ID, f.Problem)
		}
	}
}
