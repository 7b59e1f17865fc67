package googletrust

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const described = `{
  "attributeCondition": "assertion.project_id == '67890'",
  "attributeMapping": {
    "attribute.ref": "assertion.ref",
    "google.subject": "assertion.sub"
  },
  "displayName": "GitLab",
  "name": "projects/123456789012/locations/global/workloadIdentityPools/ci/providers/gitlab",
  "oidc": {
    "allowedAudiences": ["https://deploy.example"],
    "issuerUri": "https://gitlab.com"
  },
  "state": "ACTIVE"
}`

func TestParseProvider(t *testing.T) {
	p, err := ParseProvider([]byte(described))
	require.NoError(t, err)
	assert.Equal(t, &Provider{
		ProjectNumber: "123456789012", Pool: "ci", ID: "gitlab", State: "ACTIVE",
		IssuerURI:        Value{"https://gitlab.com", Position{Line: 11, Column: 18}},
		AllowedAudiences: []Value{{"https://deploy.example", Position{Line: 10, Column: 26}}},
		Mapping: []Attribute{
			{"attribute.ref", Value{"assertion.ref", Position{Line: 4, Column: 22}}, Position{Line: 4, Column: 5}},
			{"google.subject", Value{"assertion.sub", Position{Line: 5, Column: 23}}, Position{Line: 5, Column: 5}},
		},
		Condition: Value{"assertion.project_id == '67890'", Position{Line: 2, Column: 25}},
		Position:  Position{Line: 1, Column: 1},
	}, p)
	assert.Equal(t, "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ci/providers/gitlab", p.Name())
	assert.Equal(t, []string{"https://deploy.example"}, p.Audiences())
	p.AllowedAudiences = nil
	assert.Equal(t, []string{p.Name(), "https:" + p.Name()}, p.Audiences())
	p.Pool = ""
	assert.Empty(t, p.Name())
	assert.Nil(t, p.Audiences())
}

func TestParseProviderStates(t *testing.T) {
	p, err := ParseProvider([]byte(strings.Replace(described, `"state": "ACTIVE"`, `"state":"DELETED","disabled":true`, 1)))
	require.NoError(t, err)
	assert.Equal(t, "DELETED", p.State)
	assert.True(t, p.Disabled)
	assert.False(t, p.InlineKeys)
	p, err = ParseProvider([]byte(strings.Replace(described, `"oidc": {`, `"oidc": {"jwksJson":"{\"keys\":[]}",`, 1)))
	require.NoError(t, err)
	assert.True(t, p.InlineKeys)
}

func TestParseProviderErrors(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	var many []string
	for i := range MaxAttributes + 1 {
		many = append(many, fmt.Sprintf(`"attribute.a%d":"'x'"`, i))
	}
	eleven := `["a","b","c","d","e","f","g","h","i","j","k"]`
	for _, tt := range []struct{ old, new, want string }{
		{`"state": "ACTIVE"`, `"state": "ACTIVE",`, "line 14, column 1: not JSON: invalid character '}' looking for beginning of object key string; ask gcloud for --format=json"},
		{`"displayName"`, `"display_name"`, `line 7, column 3: a provider has no member "display_name"; did you mean "displayName"?`},
		{`"displayName"`, `"colour"`, `line 7, column 3: a provider has no member "colour"`},
		{`"displayName"`, `"state"`, `line 13, column 3: "state" comes twice: leave one out`},
		{`"displayName": "GitLab"`, `"aws": {}`, "line 7, column 10: a provider for aws, which takes no tokens of CI jobs: give one with oidc"},
		{`"state": "ACTIVE"`, `"state": "active"`, `line 13, column 12: state is ACTIVE or DELETED, not "active"`},
		{`"state": "ACTIVE"`, `"disabled": "true"`, `line 13, column 15: disabled must be true or false, not a string`},
		{`projects/123456789012/`, `projects/acme/`, `line 8, column 11: "acme" is no project number, which principals have in place of the project's ID`},
		{`/providers/gitlab`, ``, `line 8, column 11: name is "projects/123456789012/locations/global/workloadIdentityPools/ci", want projects/NUMBER/`},
		{`/providers/gitlab`, `/providers/`, `want projects/NUMBER/`},
		{`"oidc"`, `"description"`, `line 1, column 1: no oidc: the provider says nothing of an issuer`},
		{`"issuerUri"`, `"issuerURL"`, `line 11, column 5: oidc has no member "issuerURL"; did you mean "issuerUri"?`},
		{`"https://gitlab.com"`, `""`, `line 9, column 11: no issuerUri: write the issuer, byte for byte`},
		{`"https://gitlab.com"`, `"http://gitlab.com"`, `line 11, column 18: issuerUri is "http://gitlab.com", and must begin with https://`},
		{`["https://deploy.example"]`, `"x"`, `line 10, column 25: allowedAudiences must be an array of strings, not a string`},
		{`["https://deploy.example"]`, `[1]`, `line 10, column 26: allowedAudiences must be an array of strings, and has a number`},
		{`["https://deploy.example"]`, eleven, `line 10, column 66: 11 allowed audiences; Google takes 10`},
		{`["https://deploy.example"]`, `["` + long(257) + `"]`, `an allowed audience of 257 characters; Google takes 1 to 256`},
		{`"assertion.ref"`, `true`, `line 4, column 22: the mapping of "attribute.ref" must be a string, not a boolean`},
		{`"assertion.ref"`, `" "`, `line 4, column 22: the mapping of attribute.ref is empty`},
		{`"assertion.ref"`, `"` + long(2049) + `"`, `line 4, column 22: the mapping of attribute.ref has 2049 characters; Google takes 2048`},
		{`"attribute.ref"`, `"attribute.Ref"`, `line 4, column 5: "attribute.Ref" is no name that Google takes for an attribute`},
		{`"attribute.ref"`, `"attribute.` + long(101) + `"`, `is no name that Google takes for an attribute: after attribute. come 1 to 100 of a-z, 0-9 and _`},
		{`"attribute.ref"`, `"google.display_name"`, `line 4, column 5: "google.display_name" cannot be mapped`},
		{`"attribute.ref"`, `"google.subject"`, `line 5, column 5: "google.subject" is mapped twice: leave one out`},
		{`"attribute.ref": "assertion.ref"`, strings.Join(many, ","), "more than 50 custom attributes, which is what Google takes"},
		{`"google.subject"`, `"attribute.sub"`, `line 1, column 1: google.subject is not mapped`},
		{`assertion.project_id == '67890'`, long(4097), `line 2, column 25: the condition has 4097 characters; Google takes 4096`},
		{`"assertion.project_id == '67890'"`, `[]`, `line 2, column 25: attributeCondition must be a string, not an array`},
	} {
		require.Contains(t, described, tt.old)
		_, err := ParseProvider([]byte(strings.Replace(described, tt.old, tt.new, 1)))
		var parse *ParseError
		require.ErrorAs(t, err, &parse, "%s", tt.new)
		assert.Contains(t, err.Error(), tt.want)
	}
	_, err := ParseProvider([]byte(`{"name":""}`))
	require.ErrorContains(t, err, "line 1, column 1: no oidc")
	_, err = ParseProvider([]byte(`[]`))
	require.ErrorContains(t, err, "a provider is one JSON object, not an array")
	_, err = ParseProvider(make([]byte, MaxBytes+1))
	require.ErrorContains(t, err, "which is more than the 524288 that are read")
}

const policyText = `{
  "bindings": [
    {"role": "roles/iam.workloadIdentityUser", "members": ["principalSet://x/*", "user:chris@acme.example"]},
    {"role": "roles/viewer", "members": [], "condition": {"title": "night", "expression": "request.time.getHours() < 6"}}
  ],
  "etag": "BwXh", "version": 3
}`

func TestParseBindings(t *testing.T) {
	b, err := ParseBindings([]byte(policyText))
	require.NoError(t, err)
	assert.Equal(t, []Binding{
		{Role: "roles/iam.workloadIdentityUser", Position: Position{Line: 3, Column: 5}, Members: []Value{
			{"principalSet://x/*", Position{Line: 3, Column: 60}}, {"user:chris@acme.example", Position{Line: 3, Column: 82}}}},
		{Role: "roles/viewer", Position: Position{Line: 4, Column: 5}, Condition: Value{"request.time.getHours() < 6", Position{Line: 4, Column: 91}}},
	}, b)
	b, err = ParseBindings([]byte(`["principalSet://x/*"]`))
	require.NoError(t, err)
	assert.Equal(t, []Binding{{Members: []Value{{"principalSet://x/*", Position{Line: 1, Column: 2}}}, Position: Position{Line: 1, Column: 1}}}, b)
	for _, none := range []string{`{"etag":"ACAB"}`, `{"bindings":[]}`, `{"bindings":null}`} {
		b, err = ParseBindings([]byte(none))
		require.NoError(t, err)
		assert.NotNil(t, b)
		assert.Empty(t, b)
	}
}

func TestParseBindingsErrors(t *testing.T) {
	for text, want := range map[string]string{
		`{"bindings":{}}`:                                     "line 1, column 13: bindings must be an array, not an object",
		`{"bindings":[1]}`:                                    "line 1, column 14: a binding is one JSON object, not a number",
		`{"bindings":[{"members":[]}]}`:                       "line 1, column 14: a binding without role gives nobody anything",
		`{"bindings":[{"role":1}]}`:                           "line 1, column 22: role must be a string, not a number",
		`{"bindings":[{"rolle":"x"}]}`:                        `line 1, column 15: a binding has no member "rolle"; did you mean "role"?`,
		`{"bindings":[{"role":"r","members":{}}]}`:            "members must be an array of strings, not an object",
		`{"bindings":[{"role":"r","condition":{"when":""}}]}`: `a condition has no member "when"`,
		`{"members":[]}`:                                      `an IAM policy has no member "members"`,
		`[1]`:                                                 "line 1, column 2: a list of members must be an array of strings, and has a number",
		`"x"`:                                                 "an IAM policy is one JSON object, not a string",
	} {
		_, err := ParseBindings([]byte(text))
		var parse *ParseError
		require.ErrorAs(t, err, &parse, text)
		assert.Contains(t, err.Error(), want)
	}
}

// What is written is read back the same, but for where it stands.
func TestMarshal(t *testing.T) {
	p, err := ParseProvider([]byte(described))
	require.NoError(t, err)
	p.Condition.Text += " && assertion.ref < 'x'"
	text, err := json.Marshal(p)
	require.NoError(t, err)
	again, err := ParseProvider(text)
	require.NoError(t, err)
	second, err := again.MarshalJSON()
	require.NoError(t, err)
	assert.JSONEq(t, string(text), string(second))
	assert.Contains(t, string(second), "&& assertion.ref < 'x'")

	b, err := ParseBindings([]byte(policyText))
	require.NoError(t, err)
	text, err = MarshalBindings(b)
	require.NoError(t, err)
	read, err := ParseBindings(text)
	require.NoError(t, err)
	require.Len(t, read, 2)
	assert.Equal(t, "user:chris@acme.example", read[0].Members[1].Text)
	assert.Equal(t, b[1].Condition.Text, read[1].Condition.Text)
}
