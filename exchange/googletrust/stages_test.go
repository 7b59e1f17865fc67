package googletrust

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each stage refuses what it is for, with Google's words where they are known.
func TestStages(t *testing.T) {
	now := time.Unix(1790000100, 0)
	edit := func(f func(*Provider)) *Provider {
		p := providerOf("")
		f(p)
		return p
	}
	plain := edit(func(*Provider) {})
	long := "org/" + organization + "/project/" + project + "/user/" + project + "/vcs-origin/x/vcs-ref/y"
	for _, tt := range []struct {
		name          string
		provider      *Provider
		claims        claimSet
		now           time.Time
		outcome       Outcome
		last          StageName
		code, message string
		text          string // the last stage's, or the assumption
	}{
		{"all good", plain, nil, now, Accepted, StageMembers, "", "", "no role bindings are given"},
		{"no provider", nil, nil, now, Rejected, StageProvider, "invalid_target", noTarget, "there is no provider"},
		{"disabled", edit(func(p *Provider) { p.Disabled = true }), nil, now, Rejected, StageProvider, "invalid_target", noTarget, "the provider is disabled"},
		{"deleted", edit(func(p *Provider) { p.State = "DELETED" }), nil, now, Rejected, StageProvider, "invalid_target", noTarget, "the provider is deleted"},
		{"not to be saved", edit(func(p *Provider) { p.Mapping = nil }), nil, now, Rejected, StageProvider, "invalid_target", noTarget, "google.subject is not mapped"},
		{"no iss", plain, claimSet{"iss": nil}, now, Rejected, StageToken, "invalid_grant", "", "there is no iss"},
		{"iss no string", plain, claimSet{"iss": 1}, now, Rejected, StageToken, "invalid_grant", "", "iss is a number"},
		{"slash", plain, claimSet{"iss": "https://gitlab.com/"}, now, Rejected, StageIssuer, "invalid_grant", "The issuer in ID Token https://gitlab.com/ does not match the expected ones: https://gitlab.com", `iss is "https://gitlab.com/"`},
		{"expired", plain, nil, time.Unix(1790004000, 0), Rejected, StageTime, "invalid_grant", "ID Token issued at 1790000000 is stale to sign-in.", "the token has expired"},
		{"just expired", plain, nil, time.Unix(1790003601, 0), Indeterminate, StageMembers, "", "", "Google's clock and its tolerance make up for that"},
		{"early", plain, claimSet{"iat": 1790001000}, now, Rejected, StageTime, "invalid_grant", "", "iat is in the future"},
		{"two days", plain, claimSet{"exp": 1790172800}, time.Time{}, Rejected, StageTime, "invalid_grant", "", "the token lives for more than 24 hours"},
		{"exp is text", plain, claimSet{"exp": "soon"}, now, Rejected, StageTime, "invalid_grant", "", "exp is no number of seconds"},
		{"audience", plain, claimSet{"aud": "https://gitlab.com"}, now, Rejected, StageAudience, "invalid_grant", "The audience in ID Token [https://gitlab.com] does not match the expected audience.", `the provider takes "https://deploy.example"`},
		{"two audiences, one ours", plain, claimSet{"aud": []string{"https://deploy.example", "x"}}, now, Indeterminate, StageMembers, "", "", "Google takes a token that has another audience beside the provider's"},
		{"list of ours", plain, claimSet{"aud": []string{"https://deploy.example"}}, now, Accepted, StageMembers, "", "", ""},
		{"no audiences", plain, claimSet{"aud": []string{}}, now, Rejected, StageAudience, "invalid_grant", "", "aud is an empty list"},
		{"own name", edit(func(p *Provider) { p.AllowedAudiences = nil }), claimSet{"aud": "https:" + plain.Name()}, now, Accepted, StageMembers, "", "", ""},
		{"not the own name", edit(func(p *Provider) { p.AllowedAudiences = nil }), nil, now, Rejected, StageAudience, "invalid_grant", "The audience in ID Token [https://deploy.example] does not match the expected audience.", `takes "//iam.googleapis.com/`},
		{"own name not known", edit(func(p *Provider) { p.AllowedAudiences, p.Pool = nil, "" }), nil, now, Indeterminate, StageMembers, "", "", "the provider's own name is the token's audience"},
		{"no subject", providerOf("", "google.subject", "assertion.org_id"), nil, now, Rejected, StageMapping, "unauthorized_client", noSubject, "google.subject has no value: no such key: org_id"},
		{"empty subject", providerOf("", "google.subject", "''"), nil, now, Rejected, StageMapping, "unauthorized_client", noSubject, "google.subject is empty"},
		{"long subject", plain, claimSet{"sub": long}, now, Rejected, StageMapping, "invalid_request", longSubject, "google.subject has 150 bytes, and may have 127"},
		{"127 bytes", plain, claimSet{"sub": long[:127]}, now, Accepted, StageMembers, "", "", ""},
		{"128 bytes", plain, claimSet{"sub": long[:128]}, now, Rejected, StageMapping, "invalid_request", longSubject, "google.subject has 128 bytes"},
		{"number", providerOf("", "google.subject", "'x'", "attribute.runner", "assertion.runner_id"), nil, now, Rejected, StageMapping, "unauthorized_client", "The mapped attribute 'attribute.runner' must be of type STRING.", "attribute.runner is of the type int"},
		{"list", providerOf("", "google.subject", "'x'", "attribute.groups", "assertion.groups_direct"), nil, now, Rejected, StageMapping, "unauthorized_client", "The mapped attribute 'attribute.groups' must be of type STRING.", "of the type list"},
		{"string()", providerOf("", "google.subject", "'x'", "attribute.runner", "string(assertion.runner_id)"), nil, now, Accepted, StageMembers, "", "", ""},
		{"groups no list", providerOf("", "google.subject", "'x'", "google.groups", "assertion.ref"), nil, now, Rejected, StageMapping, "unauthorized_client", "", "google.groups is string, and must be a list of strings"},
		{"attribute of an absent claim", providerOf("", "google.subject", "'x'", "attribute.env", "assertion.environment"), claimSet{"environment": nil}, now, Indeterminate, StageMembers, "", "", "Google takes a token for which attribute.env has no value, and leaves it unset"},
		{"guarded", providerOf("", "google.subject", "'x'", "attribute.env", "has(assertion.environment) ? assertion.environment : 'none'"), claimSet{"environment": nil}, now, Accepted, StageMembers, "", "", ""},
		{"too much", providerOf("", "google.subject", "'x'", "attribute.a", "assertion.ref"), claimSet{"ref": strings.Repeat("x", 8192)}, now, Rejected, StageMapping, "invalid_request", "", "the mapped values have 8193 bytes, and may have 8192"},
		{"condition", providerOf("assertion.ref == 'next'"), nil, now, Rejected, StageCondition, "unauthorized_client", noCondition, "the condition is false"},
		{"condition on an attribute", providerOf("attribute.ref == 'main'", "google.subject", "'x'", "attribute.ref", "assertion.ref"), nil, now, Accepted, StageMembers, "", "", ""},
		{"condition on an attribute of unknown value", providerOf("attribute.ref == 'main'", "google.subject", "'x'", "attribute.ref", "assertion.ref.extract('{a}{b}')"), nil, now, Indeterminate, StageMembers, "", "", "Google gives a meaning to the template of extract"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := Simulate(&Document{Provider: tt.provider}, gitLabToken(t, tt.claims), &Request{Time: tt.now})
			require.Equal(t, tt.outcome, r.Outcome, "%v", r)
			last := r.Stages[len(r.Stages)-1]
			assert.Equal(t, tt.last, last.Name)
			assert.Equal(t, tt.code, r.Code)
			assert.Equal(t, tt.message, r.Message)
			if tt.outcome == Indeterminate {
				assert.Contains(t, r.Assumptions, tt.text)
			} else {
				assert.Empty(t, r.Assumptions)
				assert.Contains(t, last.Text, tt.text)
			}
			assert.Contains(t, r.String(), last.Text)
		})
	}
	assert.Equal(t, Rejected, Simulate(nil, nil, nil).Outcome)
}

// Members are compared byte for byte, and each says why it is not for the token.
func TestMembers(t *testing.T) {
	p := providerOf("", "google.subject", "assertion.sub", "attribute.ref", "assertion.ref", "google.groups", "assertion.groups_direct")
	for _, tt := range []struct {
		member  string
		outcome Outcome
		why     string
	}{
		{"principal://POOL/subject/project_path:acme/payments:ref_type:branch:ref:main", Accepted, ""},
		{"principalSet://POOL/attribute.ref/main", Accepted, ""},
		{"principalSet://POOL/group/acme", Accepted, ""},
		{"principalSet://POOL/*", Accepted, ""},
		{"principalSet://POOL/attribute.ref/Main", Rejected, `attribute.ref is "main", and the member wants "Main"`},
		{"principalSet://POOL/attribute.ref/main/attribute.x/y", Rejected, `the member wants "main/attribute.x/y"`},
		{"principalSet://POOL/attribute.tag/main", Rejected, "attribute.tag is not mapped, so that no token has it"},
		{"principal://POOL/attribute.ref/main", Rejected, "after principal:// and the pool comes /subject/"},
		{"principalSet://POOL/subject/x", Rejected, "a subject alone is a principal://"},
		{"principalSet://POOL/ref/main", Rejected, "comes /group/, /attribute.NAME/ or /*"},
		{"principalSet://POOL", Rejected, "it names the pool and no one in it"},
		{"principalSet://POOL/attribute.ref/", Rejected, "it has no value at the end"},
		{"principalSet://iam.googleapis.com/projects/acme/locations/global/workloadIdentityPools/ci/*", Rejected, `"acme" is no project number`},
		{"principalSet://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/other/*", Rejected, "is of another pool"},
		{"principalSet://x", Rejected, "it is no principal of a pool"},
	} {
		r := Simulate(&Document{Provider: p, Bindings: bound("user:chris@acme.example", tt.member)}, gitLabToken(t, nil), nil)
		assert.Equal(t, tt.outcome, r.Outcome, "%s\n%v", tt.member, r)
		if tt.outcome == Accepted {
			assert.Equal(t, []Grant{{0, 1}}, r.Granted)
			continue
		}
		assert.Equal(t, "PERMISSION_DENIED", r.Code)
		c, ok := r.Deciding()
		require.True(t, ok, tt.member)
		assert.Contains(t, c.Why, tt.why)
		assert.Equal(t, PartBindings, c.Part)
	}
	r := Simulate(&Document{Provider: p, Bindings: []Binding{}}, gitLabToken(t, nil), nil)
	assert.Equal(t, Rejected, r.Outcome)
	assert.Equal(t, []string{
		"principal://" + poolPath + "/subject/project_path:acme/payments:ref_type:branch:ref:main",
		"principalSet://" + poolPath + "/attribute.ref/main",
		"principalSet://" + poolPath + "/group/acme",
		"principalSet://" + poolPath + "/*",
	}, r.Principals)

	night := bound("principalSet://POOL/*")
	night[0].Condition.Text = "request.time.getHours() < 6"
	r = Simulate(&Document{Provider: p, Bindings: night}, gitLabToken(t, nil), nil)
	assert.Equal(t, Indeterminate, r.Outcome)
	assert.Equal(t, []string{"the binding's condition holds: request.time.getHours() < 6"}, r.Assumptions)

	p.ProjectNumber, p.Pool = "", "" // then any pool may be the provider's
	r = Simulate(&Document{Provider: p, Bindings: bound("principalSet://POOL/attribute.ref/main")}, gitLabToken(t, nil), nil)
	assert.Equal(t, Accepted, r.Outcome)
}

// Of a condition the part that is false is named, with what it read.
func TestPartsOfTheCondition(t *testing.T) {
	p := providerOf("assertion.project_id == '67890' && (assertion.ref == 'main' && assertion.ref_protected == 'false')")
	r := Simulate(&Document{Provider: p}, gitLabToken(t, nil), nil)
	require.Equal(t, Rejected, r.Outcome)
	checks := r.Stages[len(r.Stages)-1].Checks
	require.Len(t, checks, 3)
	assert.Equal(t, []Truth{True, True, False}, []Truth{checks[0].Holds, checks[1].Holds, checks[2].Holds})
	c, _ := r.Deciding()
	assert.Equal(t, `assertion.ref_protected == "false"`, c.Expected)
	assert.Equal(t, `assertion.ref_protected is "true"`, c.Actual)
	assert.Equal(t, Position{Line: 2, Column: 3}, c.Position)
}
