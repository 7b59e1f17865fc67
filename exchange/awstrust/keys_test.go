package awstrust

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestKeys(t *testing.T) {
	names := func(url string) (out []string) {
		for _, k := range Keys(url) {
			out = append(out, k.Name)
		}
		return out
	}
	assert.Equal(t, []string{
		"gitlab.com:sub", "gitlab.com:aud", "gitlab.com:amr", "gitlab.com:email", "gitlab.com:oaud",
		"gitlab.com:namespace_id", "gitlab.com:pipeline_source", "gitlab.com:project_id", "gitlab.com:ref_protected", "gitlab.com:runner_environment",
		"gitlab.com:user_access_level", "gitlab.com:user_email", "gitlab.com:user_id", "gitlab.com:user_login",
	}, names("https://gitlab.com"))
	assert.Equal(t, []string{"git.x/gl:sub", "git.x/gl:aud", "git.x/gl:amr", "git.x/gl:email", "git.x/gl:oaud"}, names("https://git.x/gl"))
	circle := Keys(circleCI.URL)
	assert.Equal(t, Key{
		Name:  "oidc.circleci.com/org/" + organization + ":oidc.circleci.com/project-id",
		Claim: "oidc.circleci.com/project-id", Since: "2026-02-06",
	}, circle[len(circle)-1])
	assert.Len(t, Keys(root.URL), 5)
	assert.Len(t, Keys("https://gitlab.com/"), 5, "another provider, as AWS compares")
	assert.Len(t, Keys("https://token.actions.githubusercontent.com"), 15)
	for _, k := range Keys("https://gitlab.com")[5:] {
		assert.Equal(t, "2026-07-15", k.Since)
	}
}

// Each key of each issuer: what the token has for it decides, and a claim that
// is no key does not.
func TestKeyOfEachIssuer(t *testing.T) {
	for _, tt := range []struct {
		provider Provider
		key      string
		want     string // the value that the key has; empty means that it has none
	}{
		{gitLab, "sub", gitLabSub},
		{gitLab, "aud", "https://deploy.example"},
		{gitLab, "project_id", "67890"},
		{gitLab, "PROJECT_ID", "67890"},
		{gitLab, "namespace_id", "12345"},
		{gitLab, "pipeline_source", "push"},
		{gitLab, "ref_protected", "true"},
		{gitLab, "runner_environment", "gitlab-hosted"},
		{gitLab, "user_access_level", "maintainer"},
		{gitLab, "user_email", "chris@acme.example"},
		{gitLab, "user_id", "7"},
		{gitLab, "user_login", "chris"},
		{gitLab, "email", ""},
		{gitLab, "iss", ""},
		{gitLab, "environment", ""},
		{gitLab, "ref", ""},
		{gitLab, "ref_type", ""},
		{gitLab, "project_path", ""},
		{gitLab, "oidc.circleci.com/project-id", ""},
		{selfManaged, "sub", gitLabSub},
		{selfManaged, "aud", "https://deploy.example"},
		{selfManaged, "project_id", ""},
		{selfManaged, "ref_protected", ""},
		{circleCI, "sub", circleCISub},
		{circleCI, "aud", organization},
		{circleCI, "oidc.circleci.com/project-id", project},
		{circleCI, "oidc.circleci.com/org-id", ""},
		{circleCI, "oidc.circleci.com/vcs-ref", ""},
		{circleCI, "oidc.circleci.com/vcs-origin", ""},
		{circleCI, "oidc.circleci.com/ssh-rerun", ""},
		{circleCI, "project-id", ""},
		{root, "sub", circleCISub},
	} {
		name := tt.provider.prefix() + ":" + tt.key
		payload := tokenOf(t, tt.provider, nil)
		is := func(condition string) Outcome {
			return Simulate(documentOf(t, statementOf(tt.provider, condition)), payload, tt.provider, nil).Outcome
		}
		if tt.want == "" {
			assert.Equal(t, Accepted, is(`{"Null":{"`+name+`":"true"}}`), name)
			assert.Equal(t, Rejected, is(`{"StringLike":{"`+name+`":"*"}}`), name)
			continue
		}
		assert.Equal(t, Accepted, is(`{"StringEquals":{"`+name+`":"`+tt.want+`"}}`), name)
		assert.Equal(t, Rejected, is(`{"StringEquals":{"`+name+`":"`+tt.want+`x"}}`), name)
	}
}

// Keys of which it is not documented whether, or with what, AWS sets them.
func TestKeyNotDocumented(t *testing.T) {
	for _, tt := range []struct {
		provider   Provider
		changes    claimSet
		condition  string
		assumption string
	}{
		{root, nil, `{"StringEquals":{"@:oidc.circleci.com/project-id":"` + project + `"}}`,
			`AWS sets "oidc.circleci.com:oidc.circleci.com/project-id" for CircleCI's root issuer, which it lists for the issuers of organizations only`},
		{gitLab, claimSet{"ref_protected": true}, `{"StringEquals":{"@:ref_protected":"true"}}`,
			`AWS makes a text of the claim "ref_protected", which is a boolean, as it is written`},
		{gitLab, claimSet{"project_id": 67890}, `{"StringEquals":{"@:project_id":"67890"}}`,
			`AWS makes a text of the claim "project_id", which is a number, as it is written`},
		{gitLab, claimSet{"user_id": []string{"7"}}, `{"StringEquals":{"@:user_id":"7"}}`,
			`AWS makes a text of the claim "user_id", which is an array, as it is written`},
		{gitLab, claimSet{"amr": []any{1}}, `{"ForAnyValue:StringEquals":{"@:amr":"1"}}`, `AWS makes a text of a number in the claim "amr"`},
	} {
		got := Simulate(documentOf(t, statementOf(tt.provider, tt.condition)), tokenOf(t, tt.provider, tt.changes), tt.provider, nil)
		assert.Equal(t, Indeterminate, got.Outcome, tt.condition)
		assert.Equal(t, []string{tt.assumption}, got.Assumptions)
	}
	// Null in a claim.
	payload := []byte(`{"iss":"https://gitlab.com","aud":"https://deploy.example","sub":"s","iat":1,"exp":2,"user_id":null}`)
	got := Simulate(documentOf(t, statementOf(gitLab, `{"Null":{"@:user_id":"true"}}`)), payload, gitLab, nil)
	assert.Equal(t, Indeterminate, got.Outcome)
	assert.Equal(t, []string{`AWS sets "gitlab.com:user_id" from a claim that is null`}, got.Assumptions)
	// That it is there is sure, whatever its text.
	got = Simulate(documentOf(t, statementOf(gitLab, `{"Null":{"@:ref_protected":"false"}}`)), tokenOf(t, gitLab, claimSet{"ref_protected": true}), gitLab, nil)
	assert.Equal(t, Accepted, got.Outcome)
}

// A list with one value, sent as a text, is a list all the same.
func TestKeyListOfOne(t *testing.T) {
	for condition, want := range map[string]Outcome{
		`{"ForAnyValue:StringEquals":{"@:amr":"pwd"}}`: Accepted, `{"StringEquals":{"@:amr":"pwd"}}`: Rejected, `{"Null":{"@:amr":"false"}}`: Accepted,
	} {
		got := Simulate(documentOf(t, statementOf(gitLab, condition)), tokenOf(t, gitLab, claimSet{"amr": "pwd"}), gitLab, nil)
		assert.Equal(t, want, got.Outcome, condition)
	}
}

// Keys of another provider are not set.
func TestKeyOfAnotherProvider(t *testing.T) {
	for _, condition := range []string{
		`{"StringLike":{"gitlab.example.com:sub":"*"}}`, `{"StringLike":{"https://gitlab.com:sub":"*"}}`, `{"StringLike":{"gitlab.com/:sub":"*"}}`,
		`{"StringLike":{"sub":"*"}}`, `{"StringLike":{"saml:sub":"*"}}`,
	} {
		got := Simulate(documentOf(t, statementOf(gitLab, condition)), tokenOf(t, gitLab, nil), gitLab, nil)
		assert.Equal(t, Rejected, got.Outcome, condition)
		_, check, ok := got.Deciding()
		assert.True(t, ok)
		assert.False(t, check.Present)
		assert.Contains(t, check.Why, `the provider's keys begin with "gitlab.com:"`)
	}
}
