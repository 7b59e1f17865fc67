package awsrender_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange/awstrust"
	"github.com/cioidc/cioidc/exchange/awstrust/awsrender"
	"github.com/cioidc/cioidc/oidc/policy"
)

// A job that nobody started has an empty user_id, which a rule takes for absent
// and Null does not.
func TestEmptyIsAbsent(t *testing.T) {
	for name, m := range map[string]policy.Matcher{"present": {Op: policy.Present}, "not": {Values: []string{"8"}, Not: true}} {
		for _, claim := range []string{"user_id", "runner_environment"} {
			t.Run(name+" "+claim, func(t *testing.T) {
				r, err := awsrender.Render(compile(t, with(prod(), claim, m)), "prod-from-main", target)
				require.NoError(t, err)
				c := map[string]any{
					"iss": gitLab, "aud": aud, "iat": 1, "exp": 4102444800, "sub": "project_path:acme/payments:ref_type:branch:ref:main", "project_id": "67890",
					"namespace_id": "12345", "ref_protected": "true", "pipeline_source": "web", "runner_environment": "gitlab-hosted", "user_id": "7",
				}
				outcome := func() awstrust.Outcome {
					payload, err := json.Marshal(c)
					require.NoError(t, err)
					return awstrust.Simulate(r.Document, payload, awstrust.Provider{URL: r.ProviderURL, ClientIDs: r.ClientIDs}, nil).Outcome
				}
				assert.Equal(t, awstrust.Accepted, outcome())
				c[claim] = ""
				assert.Equal(t, awstrust.Rejected, outcome())
				delete(c, claim)
				assert.Equal(t, awstrust.Rejected, outcome())
			})
		}
	}
}

// A negated operator is true where a variable has no value.
func TestNoVariables(t *testing.T) {
	deny := policy.Rule{Name: "never", Platform: policy.GitLab, Claims: map[string]policy.Matcher{"user_email": equal("${x}@b.example")}}
	for name, p := range map[string]*policy.Policy{
		"equal": compile(t, with(prod(), "user_email", equal("${x}@b.example"))),
		"not":   compile(t, with(prod(), "user_email", policy.Matcher{Values: []string{"${x}@b.example"}, Not: true})),
		"deny":  compile(t, prod(), deny),
	} {
		_, err := awsrender.Render(p, "prod-from-main", target)
		var bad *awsrender.Error
		require.ErrorAs(t, err, &bad, name)
		assert.Equal(t, "user_email", bad.Field, name)
		assert.Contains(t, bad.Problem, "which AWS reads as a variable: take it off", name)
	}
}

func TestErrorsName(t *testing.T) {
	for name, test := range map[string]struct {
		policy     *policy.Policy
		components []string
		field      string
	}{
		"no policy":         {nil, nil, "policy"},
		"a list in sub":     {compile(t, prod()), []string{"project_path", "groups_direct"}, "Target.SubjectComponents"},
		"another's name":    {compile(t, prod()), []string{"subject"}, "Target.SubjectComponents"},
		"a ref's character": {compile(t, with(release(), "vcs-ref", equal("refs/heads/${x}"))), nil, "vcs-ref"},
		"an origin's":       {compile(t, with(release(), "vcs-origin", equal("github.com/acme/a*"))), nil, "vcs-origin"},
	} {
		rule := "prod-from-main"
		if test.components == nil {
			rule = "release"
		}
		_, err := awsrender.Render(test.policy, rule, &awsrender.Target{AccountID: "123456789012", SubjectComponents: test.components})
		var bad *awsrender.Error
		require.ErrorAs(t, err, &bad, name)
		assert.Equal(t, test.field, bad.Field, name)
	}
}

// What a rule says twice the document says once, or it would be too long.
func TestTwiceIsOnce(t *testing.T) {
	once, err := awsrender.Render(compile(t, release()), "release", target)
	require.NoError(t, err)
	twice := with(release(), "vcs-ref", equal("refs/heads/main", "refs/heads/main"))
	r, err := awsrender.Render(compile(t, twice), "release", target)
	require.NoError(t, err)
	assert.Equal(t, once.JSON, r.JSON)
}
