package policy_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc/policy"
)

const audience = "https://deploy.internal.example"

// fake compiles every expression to one outcome.
type fake struct {
	holds bool
	err   error
}

func (f fake) Compile(string, string) (policy.Condition, error)     { return f, nil }
func (f fake) Evaluate(context.Context, claims.Model) (bool, error) { return f.holds, f.err }

func payments(t *testing.T, o *policy.Options) *policy.Policy {
	t.Helper()
	data, err := os.ReadFile("testdata/payments.yaml")
	require.NoError(t, err)
	p, err := policy.Parse(data, o)
	require.NoError(t, err)
	return p
}

func gitlab() *claims.GitLab {
	return &claims.GitLab{
		Registered: claims.Registered{Issuer: "https://gitlab.com", Audience: claims.Audience{audience}},
		ProjectID:  "67890", NamespaceID: "12345", ProjectPath: "Acme/Payments", JobProjectID: "67890",
		RefType: "branch", Ref: "main", RefProtected: claims.True,
		Environment: "production", EnvironmentProtected: claims.True,
		PipelineSource: "push", RunnerEnvironment: "gitlab-hosted", UserLogin: "ann",
	}
}

func circleci() *claims.CircleCI {
	const org = "4ada2c32-8f5c-4ad1-9f0e-0d8a3c0f9a11"
	return &claims.CircleCI{
		Registered:     claims.Registered{Issuer: "https://oidc.circleci.com/org/" + org, Audience: claims.Audience{audience}},
		OrganizationID: org, ProjectID: "cb279ff5-2f0c-4f4b-8f0b-6c1c0b2f7d22",
		PipelineDefinitionID: "0f3bb7a5-51f2-4d84-9c57-0f3d3f7d8e33",
		VCSOrigin:            "github.com/acme/payments", VCSRef: "refs/tags/v1.2",
		ContextIDs: []string{"7cf67bf2-7a39-4a9c-9d7c-3b8c6f4b9f44"}, SSHRerun: claims.False,
	}
}

func TestGitLabDecisions(t *testing.T) {
	p := payments(t, &policy.Options{Conditions: fake{holds: true}})
	d := p.Evaluate(t.Context(), gitlab())
	require.NoError(t, d.Err())
	assert.Equal(t, "prod-from-main", d.Rule)
	assert.True(t, d.Rules()[0].Matched)
	for name, tc := range map[string]struct {
		edit   func(*claims.GitLab)
		claim  string
		result policy.Result
	}{
		"project":     {func(c *claims.GitLab) { c.ProjectID, c.JobProjectID = "1", "1" }, "project_id", policy.Mismatch},
		"path":        {func(c *claims.GitLab) { c.ProjectPath += "-evil" }, "project_path", policy.Mismatch},
		"tag":         {func(c *claims.GitLab) { c.RefType = "tag" }, "ref_type", policy.Mismatch},
		"ref's case":  {func(c *claims.GitLab) { c.Ref = "Main" }, "ref", policy.Mismatch},
		"unprotected": {func(c *claims.GitLab) { c.RefProtected = claims.False }, "ref_protected", policy.Mismatch},
		"absent":      {func(c *claims.GitLab) { c.RefProtected = claims.Absent }, "ref_protected", policy.NotPresent},
		"audience":    {func(c *claims.GitLab) { c.Audience = claims.Audience{audience + "/"} }, "aud", policy.Mismatch},
		"issuer":      {func(c *claims.GitLab) { c.Issuer = "https://gitlab.example" }, "issuer", policy.Mismatch},
		"fork":        {func(c *claims.GitLab) { c.JobProjectID = "2" }, "fork", policy.Mismatch},
	} {
		t.Run(name, func(t *testing.T) {
			c := gitlab()
			tc.edit(c)
			d := p.Evaluate(t.Context(), c)
			var denied *policy.DeniedError
			require.ErrorAs(t, d.Err(), &denied)
			assert.Equal(t, "policy: not allowed", denied.Error())
			assert.Equal(t, policy.NoRule, d.Reason)
			nearest := d.Rules()[0]
			assert.Equal(t, "prod-from-main", nearest.Rule)
			var failed []string
			for _, check := range nearest.Checks {
				if check.Result != policy.Pass {
					failed = append(failed, check.Claim)
					assert.Equal(t, tc.result, check.Result)
					assert.NotEmpty(t, check.Why)
				}
			}
			assert.Equal(t, []string{tc.claim}, failed)
		})
	}
	c := gitlab()
	c.PipelineSource = "schedule"
	d = p.Evaluate(t.Context(), c)
	assert.Equal(t, policy.ExplicitDeny, d.Reason)
	assert.Equal(t, "never-scheduled", d.Rules()[0].Rule)
	assert.False(t, p.Evaluate(t.Context(), (*claims.GitLab)(nil)).Allowed)
}

func TestCircleCIDecisions(t *testing.T) {
	p := payments(t, &policy.Options{Conditions: fake{holds: true}})
	require.NoError(t, p.Evaluate(t.Context(), circleci()).Err())
	root := circleci()
	root.Issuer = "https://oidc.circleci.com"
	require.NoError(t, p.Evaluate(t.Context(), root).Err())
	for claim, edits := range map[string][]func(*claims.CircleCI){
		"issuer": {func(c *claims.CircleCI) { c.Issuer = "https://oidc.circleci.com/org/other" },
			func(c *claims.CircleCI) { c.Issuer = "https://server.example" }},
		"ssh-rerun":   {func(c *claims.CircleCI) { c.SSHRerun = claims.True }, func(c *claims.CircleCI) { c.SSHRerun = claims.Absent }},
		"vcs-ref":     {func(c *claims.CircleCI) { c.VCSRef = "refs/tags/v1/x" }},
		"vcs-origin":  {func(c *claims.CircleCI) { c.VCSOrigin = "github.com/evil/payments" }},
		"context-ids": {func(c *claims.CircleCI) { c.ContextIDs = []string{"x"} }, func(c *claims.CircleCI) { c.ContextIDs = nil }},
	} {
		for _, edit := range edits {
			c := circleci()
			edit(c)
			d := p.Evaluate(t.Context(), c)
			require.False(t, d.Allowed, claim)
			var failed []string
			for _, check := range d.Rules()[0].Checks {
				if check.Result != policy.Pass {
					failed = append(failed, check.Claim)
				}
			}
			assert.Equal(t, []string{claim}, failed)
		}
	}
}

func TestConditions(t *testing.T) {
	boom := errors.New("boom")
	d := payments(t, &policy.Options{Conditions: fake{holds: true, err: boom}}).Evaluate(t.Context(), circleci())
	assert.Equal(t, policy.Indeterminate, d.Reason)
	assert.False(t, d.Allowed)
	assert.Equal(t, policy.NoRule, payments(t, &policy.Options{Conditions: fake{}}).Evaluate(t.Context(), circleci()).Reason)

	// In a deny rule an error denies as well.
	s := payments(t, &policy.Options{Conditions: fake{}}).Spec()
	s.Deny[0].Claims = map[string]policy.Matcher{"project_id": {Op: policy.Present}}
	s.Deny[0].When = []policy.When{{CEL: "x", Message: "m"}}
	p, err := policy.New(s, &policy.Options{Conditions: fake{err: boom}})
	require.NoError(t, err)
	assert.Equal(t, policy.Indeterminate, p.Evaluate(t.Context(), gitlab()).Reason)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = p.Authorize(ctx, gitlab())
	require.ErrorIs(t, err, context.Canceled, "the verifier answers 503 to this one")
}

func TestAuditOnlyAndLog(t *testing.T) {
	p := payments(t, &policy.Options{Conditions: fake{holds: true}, AuditOnly: true})
	c := gitlab()
	c.Ref = "feature"
	v, err := p.Authorize(t.Context(), c)
	require.NoError(t, err)
	d := v.(*policy.Decision)
	assert.False(t, d.Allowed)
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "d", d)
	for _, want := range []string{"d.policy=payments-deploy", "d.policy_digest=" + p.Digest(), `d.decision="no rule"`,
		"d.mode=audit", "d.nearest_rule=prod-from-main", "d.claim=ref "} {
		assert.Contains(t, b.String(), want)
	}
}

func TestPersonsAreMasked(t *testing.T) {
	s := payments(t, &policy.Options{Conditions: fake{}}).Spec()
	s.Rules[0].Claims["user_login"] = policy.Matcher{Values: []string{"bob"}}
	p, err := policy.New(s, &policy.Options{Conditions: fake{}})
	require.NoError(t, err)
	d := p.Evaluate(t.Context(), gitlab())
	require.False(t, d.Allowed)
	for _, check := range d.Rules()[0].Checks {
		assert.NotContains(t, check.Why+check.Actual+strings.Join(check.Expected, ""), "ann")
		assert.NotContains(t, check.Why+strings.Join(check.Expected, ""), "bob")
	}
}
