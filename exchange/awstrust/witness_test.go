package awstrust

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/hostile"
)

const branchSuffix = "/vcs-origin/github.com/acme/payments/vcs-ref/refs/heads/main"

// legitimate returns the claims of the job that the roles of these tests are
// for.
func legitimate(t *testing.T, p Provider) claims.Model {
	t.Helper()
	if strings.Contains(p.URL, "circleci") {
		m, err := claims.Decode[claims.CircleCI](tokenOf(t, p, claimSet{"aud": "https://deploy.example", "sub": circleCISub + branchSuffix}))
		require.NoError(t, err)
		return m
	}
	changes := claimSet{}
	if p.URL == selfManaged.URL {
		changes["sub"] = "project_id:67890:ref_type:branch:ref:main:ref_protected:true"
	}
	m, err := claims.Decode[claims.GitLab](tokenOf(t, p, changes))
	require.NoError(t, err)
	return m
}

func lintWith(t *testing.T, p Provider, document string) []Finding {
	t.Helper()
	found, err := Lint(lintCase{provider: p, conditions: document}.document(t), &LintOptions{Token: legitimate(t, p)})
	require.NoError(t, err)
	return found
}

// What is found to be too broad carries the token that proves it, which the
// document accepts and the document that was put right refuses.
func TestWitness(t *testing.T) {
	tight := map[string]string{gitLab.URL: tightGitLab, circleCI.URL: tightCircleCI, selfManaged.URL: tightInstance}
	like := func(sub string) string {
		return `{"StringEquals":{"@:aud":"https://deploy.example"},"StringLike":{"@:sub":"` + sub + `"}}`
	}
	for _, tt := range []struct {
		id, variant string
		provider    Provider
		conditions  string
	}{
		{"AWS001", "other-namespace", gitLab, `{}`},
		{"AWS001", "other-project", circleCI, `{}`},
		{"AWS001", "other-namespace", selfManaged, `{}`},
		{"AWS002", "other-namespace", gitLab, `{"StringEquals":{"@:aud":"https://deploy.example"}}`},
		{"AWS004", "other-project", gitLab, like("project_path:acme/*")},
		{"AWS006", "subgroup", gitLab, like("project_path:acme/*payments:ref_type:branch:ref:main")},
		{"AWS007", "other-branch", gitLab, like("project_path:acme/payments:*")},
		{"AWS008", "sibling-suffix", gitLab, like("project_path:acme/payments*")},
		{"AWS008", "sibling-suffix", gitLab, like("project_path:acme*")},
		{"AWS008", "branch-suffix", gitLab, like(sub + "*")},
		{"AWS009", "other-namespace", gitLab, `{"ForAllValues:StringEquals":{"@:iss":"https://gitlab.com"}}`},
		{"AWS011", "other-namespace", gitLab, `{"StringEqualsIfExists":{"@:ref":"main"}}`},
		{"AWS012", "other-namespace", gitLab, `{"StringNotEquals":{"@:ref":"dev"}}`},
		{"AWS014", "", gitLab, `{"Effect":"Allow","NotPrincipal":{"AWS":"1"},"Action":"sts:AssumeRoleWithWebIdentity"}`}, // AWS may do as it likes
		{"AWS022", "other-namespace", gitLab, `{"StringEquals":{"@:sub":"` + sub + `"},"StringEquals":{"@:aud":"https://deploy.example"}}`},
		{"AWS031", "other-project", gitLab, `{"StringEquals":{"@:user_login":"chris"}}`},
		{"GL001", "namesake-ref", gitLab, like("project_path:acme/payments:*:ref:main")},
		{"GL002", "same-path-new-id", gitLab, like(sub)},
		{"GL005", "unprotected-ref", gitLab, like(sub)},
		{"GL003", "other-project", gitLab, `{"StringEquals":{"@:aud":"https://deploy.example","@:namespace_id":"12345"}}`},
		{"GL010", "merge-request", gitLab, like(sub)},
		{"GL012", "self-hosted-runner", gitLab, like(sub)},
		{"CC001", "other-project", circleCI, like("org/" + organization + "/*")},
		{"CC004", "branch-made-to-deceive-origin", circleCI, like(circleSub + "*" + branchSuffix)},
		{"CC005", "other-branch", circleCI, like(circleSub + "*")},
		{"CC007", "ssh-rerun", circleCI, tightCircleCI},
		{"CC012", "other-branch", circleCI, like(circleCISub + "/vcs-origin/github.com/acme/payments/vcs-ref/refs/*")},
	} {
		t.Run(tt.id+"/"+tt.variant, func(t *testing.T) {
			found := lintWith(t, tt.provider, tt.conditions)
			i := slices.IndexFunc(found, func(f Finding) bool { return f.ID == tt.id })
			require.GreaterOrEqual(t, i, 0, "%v", idsOf(found))
			w := found[i].Witness
			if tt.variant == "" {
				assert.Nil(t, w)
				return
			}
			require.NotNil(t, w)
			assert.Equal(t, tt.variant, w.Variant)
			assert.NotEmpty(t, w.Story)
			assert.NotEmpty(t, w.Changed)
			provider := tt.provider
			provider.ClientIDs = []string{"https://deploy.example"}
			doc := lintCase{provider: provider, conditions: tt.conditions}.document(t)
			assert.Equal(t, Accepted, Simulate(doc, w.Claims, provider, nil).Outcome)
			if tt.id != "CC007" {
				right := lintCase{provider: provider, conditions: tight[provider.URL]}.document(t)
				assert.Equal(t, Rejected, Simulate(right, w.Claims, provider, nil).Outcome)
			}
		})
	}
}

// With a token, what cannot be proven is no finding: the rest of the document
// keeps the variants out.
func TestNoWitness(t *testing.T) {
	and := func(more string) string { return tightGitLab[:len(tightGitLab)-1] + "," + more + "}" }
	for name, tt := range map[string]struct {
		provider   Provider
		conditions string
		without    string // what is found without a token
	}{
		"tight":                   {gitLab, tightGitLab, ""},
		"tight on an instance":    {selfManaged, tightInstance, "GL009"},
		"tight on CircleCI":       {circleCI, tightCircleCI, "CC007"},
		"ForAllValues beside it":  {gitLab, and(`"ForAllValues:StringEquals":{"@:namespace_id":"12345"}`), "AWS009"},
		"IfExists beside it":      {gitLab, and(`"StringEqualsIfExists":{"@:namespace_id":"12345"}`), "AWS011"},
		"NotEquals beside it":     {gitLab, and(`"StringNotEquals":{"@:pipeline_source":"schedule"}`), "AWS012"},
		"what is dropped is less": {gitLab, strings.Replace(tightGitLab, `{"StringEquals"`, `{"StringEquals":{"@:aud":"x"},"StringEquals"`, 1), "AWS022"},
	} {
		found, err := Lint(lintCase{provider: tt.provider, conditions: tt.conditions}.document(t), nil)
		require.NoError(t, err)
		assert.Equal(t, tt.without, strings.Join(idsOf(found), " "), name)
		with := lintWith(t, tt.provider, tt.conditions)
		for _, f := range with {
			assert.Equal(t, Note, f.Kind, "%s: %+v", name, f)
		}
	}
}

// A document that refuses the token it is for is broken, and the condition that
// does it is named.
func TestLintRefusesToken(t *testing.T) {
	found := lintWith(t, gitLab, strings.Replace(tightGitLab, "ref:main", "ref:refs/heads/main", 1))
	assert.Equal(t, []string{"GL014", "TRUST001"}, idsOf(found))
	i := slices.IndexFunc(found, func(f Finding) bool { return f.ID == "TRUST001" })
	assert.Equal(t, Broken, found[i].Kind)
	assert.Equal(t, High, found[i].Severity)
	assert.Equal(t, Position{Line: 1, Column: 247}, found[i].Position)
	assert.Contains(t, found[i].Problem, `"gitlab.com:sub" is "project_path:acme/payments:ref_type:branch:ref:main"`)

	// The token is the other one of the job's two.
	found = lintWith(t, circleCI, `{"StringEquals":{"@:aud":"https://deploy.example","@:oidc.circleci.com/project-id":"`+project+`"},"StringLike":{"@:sub":"`+circleSub+`????????-????-????-????-????????????"}}`)
	i = slices.IndexFunc(found, func(f Finding) bool { return f.ID == "CC003" })
	require.GreaterOrEqual(t, i, 0, "%v", idsOf(found))
	assert.Equal(t, "subject-first-form", found[i].Witness.Variant)
	assert.NotContains(t, idsOf(found), "TRUST001")

	other := selfManaged
	other.URL = "https://git.example"
	document := lintCase{provider: other, conditions: tightInstance}.document(t)
	found, err := Lint(document, &LintOptions{Token: legitimate(t, gitLab)})
	require.NoError(t, err)
	assert.Equal(t, []string{"GL009", "TRUST001"}, idsOf(found))
	assert.Contains(t, found[0].Problem, `iss is "https://gitlab.com", and the provider is for "https://git.example"`)
}

// A hostile token that is let in, and no rule has a name for how.
func TestLintOtherWitness(t *testing.T) {
	found := lintWith(t, gitLab, strings.Replace(tightGitLab, `"@:sub":"`+sub+`"`, `"@:sub":["`+sub+`","project_path:acme/payments:ref_type:tag:ref:main"]`, 1))
	require.Equal(t, []string{"TRUST002"}, idsOf(found))
	assert.Equal(t, "protected-namesake-ref", found[0].Witness.Variant)
	assert.Contains(t, found[0].Fix, "ref_type")
}

// What the account has is known: client IDs count.
func TestLintProviders(t *testing.T) {
	document := documentOf(t, statementOf(gitLab, tightGitLab))
	known := gitLab
	found, err := Lint(document, &LintOptions{Providers: []Provider{selfManaged, known}})
	require.NoError(t, err)
	assert.Empty(t, idsOf(found))
	known.ClientIDs = []string{"https://other.example"}
	found, err = Lint(document, &LintOptions{Providers: []Provider{known}})
	require.NoError(t, err)
	require.Equal(t, []string{"AWS024"}, idsOf(found))
	assert.Contains(t, found[0].Problem, `"https://deploy.example"`)

	// With one client ID there is nothing to confuse.
	noAudience := documentOf(t, statementOf(gitLab, strings.Replace(tightGitLab, `"@:aud":"https://deploy.example",`, "", 1)))
	severity := func(clientIDs ...string) Severity {
		known.ClientIDs = clientIDs
		found, err := Lint(noAudience, &LintOptions{Providers: []Provider{known}})
		require.NoError(t, err)
		require.Equal(t, []string{"AWS003"}, idsOf(found))
		return found[0].Severity
	}
	assert.Equal(t, Low, severity("a"))
	assert.Equal(t, Medium, severity("a", "b"))
	assert.Equal(t, "medium", Medium.String())

	known.ClientIDs = []string{"https://deploy.example", "https://deploy.example-other", "https://deploy.example.evil"}
	found, err = Lint(noAudience, &LintOptions{Providers: []Provider{known}, Token: legitimate(t, gitLab)})
	require.NoError(t, err)
	require.NotEmpty(t, found)
	assert.Equal(t, "AWS003", found[0].ID)
}

// The provider is the one of the token's issuer, wherever it is named.
func TestLintProviderOfToken(t *testing.T) {
	both := documentOf(t, statementOf(selfManaged, tightInstance), statementOf(gitLab, tightGitLab))
	other := selfManaged
	for name, o := range map[string]*LintOptions{
		"from the document": {Token: legitimate(t, gitLab)},
		"given":             {Token: legitimate(t, gitLab), Providers: []Provider{other, gitLab}},
		"the first":         {Token: legitimate(t, selfManaged), Providers: []Provider{other, gitLab}},
	} {
		found, err := Lint(both, o)
		require.NoError(t, err)
		assert.Equal(t, []string{"GL009"}, idsOf(found), name)
	}
	found, err := Lint(both, &LintOptions{Token: legitimate(t, gitLab), Providers: []Provider{other}})
	require.NoError(t, err)
	assert.Contains(t, idsOf(found), "TRUST001")

	// What no variant could prove is found all the same.
	two := strings.Replace(statementOf(gitLab, tightGitLab), `"`+gitLab.ARN()+`"`, `["`+gitLab.ARN()+`","arn:aws:iam::123456789012:oidc-provider/git.example"]`, 1)
	found, err = Lint(documentOf(t, two), &LintOptions{Token: legitimate(t, gitLab)})
	require.NoError(t, err)
	assert.Equal(t, []string{"AWS025"}, idsOf(found))
}

func TestLintUnknownToken(t *testing.T) {
	_, err := Lint(documentOf(t, statementOf(gitLab, `{}`)), &LintOptions{Token: &claims.Registered{}})
	assert.ErrorIs(t, err, hostile.ErrModel)
	_, err = Lint(documentOf(t, statementOf(gitLab, `{}`)), &LintOptions{Token: (*claims.GitLab)(nil)})
	assert.ErrorIs(t, err, hostile.ErrModel)

	// One that was made field by field is as good.
	made := *legitimate(t, gitLab).(*claims.GitLab)
	found, err := Lint(documentOf(t, statementOf(gitLab, tightGitLab)), &LintOptions{Token: &claims.GitLab{
		Registered:  claims.Registered{Issuer: made.Issuer, Subject: made.Subject, Audience: made.Audience, ExpiresAt: made.ExpiresAt, IssuedAt: made.IssuedAt},
		ProjectID:   made.ProjectID,
		ProjectPath: made.ProjectPath, NamespaceID: made.NamespaceID, Ref: made.Ref, RefType: made.RefType, RefProtected: made.RefProtected,
		RunnerEnvironment: made.RunnerEnvironment, PipelineSource: made.PipelineSource, JobID: "1", PipelineID: "1",
	}})
	require.NoError(t, err)
	assert.Empty(t, idsOf(found))
}
