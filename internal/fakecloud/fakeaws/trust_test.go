package fakeaws

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange/awstrust"
)

const testProvider = "arn:aws:iam::123456789012:oidc-provider/gitlab.com"

// policyWith returns a policy of one statement, of which edits replace parts.
func policyWith(replace ...string) string {
	return strings.NewReplacer(replace...).Replace(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` +
		testProvider + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"gitlab.com:sub":"project_path:g/p"}}}]}`)
}

func TestTrustPolicy(t *testing.T) {
	const equals = `{"StringEquals":{"gitlab.com:sub":"project_path:g/p"}}`
	allow := strings.TrimSuffix(strings.TrimPrefix(policyWith(), `{"Version":"2012-10-17","Statement":[`), `]}`)
	tests := []struct {
		name   string
		policy string
		sub    string
		want   bool
	}{
		{"equal", policyWith(), "project_path:g/p", true},
		{"unequal", policyWith(), "project_path:g/pp", false},
		{"equal but for case", policyWith(), "project_path:G/p", false},
		{"key in other letters", policyWith("gitlab.com:sub", "GitLab.com:SUB"), "project_path:g/p", true},
		{"one of several values", policyWith(`"project_path:g/p"`, `["x","project_path:g/p"]`), "project_path:g/p", true},
		{"none of several values", policyWith(`"project_path:g/p"`, `["x","y"]`), "project_path:g/p", false},
		{"key that is not there", policyWith("gitlab.com:sub", "gitlab.com:environment"), "project_path:g/p", false},
		{"key of another issuer", policyWith("gitlab.com:sub", "gitlab.example.com:sub"), "project_path:g/p", false},
		{"star taken literally", policyWith("g/p", "*"), "project_path:g/p", false},
		{"star itself", policyWith("g/p", "*"), "project_path:*", true},
		{"like", policyWith("StringEquals", "StringLike", "g/p", "g/*"), "project_path:g/p", true},
		{"unlike", policyWith("StringEquals", "StringLike", "g/p", "h/*"), "project_path:g/p", false},
		{"like a missing key", policyWith("StringEquals", "StringLike", "gitlab.com:sub", "gitlab.com:email", "project_path:g/p", "*"), "project_path:g/p", false},
		{"both operators", policyWith(equals, `{"StringEquals":{"gitlab.com:aud":"a"},"StringLike":{"gitlab.com:sub":"*g/p"}}`), "project_path:g/p", true},
		{"one of both operators", policyWith(equals, `{"StringEquals":{"gitlab.com:aud":"b"},"StringLike":{"gitlab.com:sub":"*g/p"}}`), "project_path:g/p", false},
		{"one of two keys", policyWith(equals, `{"StringEquals":{"gitlab.com:aud":"b","gitlab.com:sub":"project_path:g/p"}}`), "project_path:g/p", false},
		{"no condition", policyWith(`,"Condition":`+equals, ""), "anyone", true},
		{"another provider", policyWith(testProvider, testProvider+"/x"), "project_path:g/p", false},
		{"one of two providers", policyWith(`"`+testProvider+`"`, `["x","`+testProvider+`"]`), "project_path:g/p", true},
		{"another action", policyWith("sts:AssumeRoleWithWebIdentity", "sts:AssumeRole"), "project_path:g/p", false},
		{"action among others", policyWith(`"sts:AssumeRoleWithWebIdentity"`, `["sts:TagSession","sts:assumerolewithwebidentity"]`), "project_path:g/p", true},
		{"all actions", policyWith("sts:AssumeRoleWithWebIdentity", "sts:*"), "project_path:g/p", true},
		{"deny", policyWith(`"Allow"`, `"Deny"`), "project_path:g/p", false},
		{"deny wins", `{"Version":"2012-10-17","Statement":[` + allow + `,` + strings.Replace(allow, "Allow", "Deny", 1) + `]}`, "project_path:g/p", false},
		{"deny of something else", `{"Version":"2012-10-17","Statement":[` + allow + `,` + strings.NewReplacer("Allow", "Deny", "g/p", "x").Replace(allow) + `]}`, "project_path:g/p", true},
		{"second statement", `{"Version":"2012-10-17","Statement":[` + strings.Replace(allow, "g/p", "x", 1) + `,` + allow + `]}`, "project_path:g/p", true},
		{"statement without an array", `{"Version":"2008-10-17","Id":"i","Statement":` + allow + `}`, "project_path:g/p", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := parseTrustPolicy(tt.policy)
			require.NoError(t, err)
			keys := map[string]string{"gitlab.com:sub": tt.sub, "gitlab.com:aud": "a"}
			assert.Equal(t, tt.want, p.allows(testProvider, "sts:AssumeRoleWithWebIdentity", keys))
			assert.Equal(t, tt.want, simulated(t, tt.policy, tt.sub) == awstrust.Accepted, "the simulator")
		})
	}
}

// simulated returns what the simulator says, which has an evaluator of its own.
func simulated(t *testing.T, policy, sub string) awstrust.Outcome {
	t.Helper()
	doc, err := awstrust.Parse([]byte(policy))
	require.NoError(t, err)
	payload, err := json.Marshal(map[string]any{"iss": "https://gitlab.com", "aud": "a", "sub": sub, "iat": 1, "exp": 2})
	require.NoError(t, err)
	outcome := awstrust.Simulate(doc, payload, awstrust.Provider{URL: "https://gitlab.com", ClientIDs: []string{"a"}, AccountID: "123456789012"}, nil).Outcome
	require.NotEqual(t, awstrust.Indeterminate, outcome)
	return outcome
}

func TestTrustPolicyRefuses(t *testing.T) {
	tests := []struct{ name, policy, text string }{
		{"nothing", "", "missing"},
		{"not JSON", "{", "trust policy"},
		{"no version", policyWith(`"Version":"2012-10-17",`, ""), "Version"},
		{"other version", policyWith("2012", "2013"), "Version"},
		{"no statement", `{"Version":"2012-10-17"}`, "statement 1: missing"},
		{"empty statement", `{"Version":"2012-10-17","Statement":[]}`, "no Statement"},
		{"name in other letters", policyWith("Statement", "statement"), `"statement" is none of`},
		{"name twice", policyWith(`"Effect":"Allow",`, `"Effect":"Deny","Effect":"Allow",`), "Effect"},
		{"unknown name", policyWith("Condition", "Conditions"), `"Conditions" is none of`},
		{"effect", policyWith("Allow", "allow"), "Effect"},
		{"principal that is all", policyWith(`{"Federated":"`+testProvider+`"}`, `"*"`), "Principal"},
		{"principal of another kind", policyWith("Federated", "AWS"), `"AWS" is none of Federated`},
		{"no principal", policyWith(`"Principal":{"Federated":"`+testProvider+`"},`, ""), "Principal: missing"},
		{"no action", policyWith(`"Action":"sts:AssumeRoleWithWebIdentity",`, ""), "Action: missing"},
		{"operator that is not evaluated", policyWith("StringEquals", "StringNotEquals"), `"StringNotEquals" is none of StringEquals, StringLike`},
		{"set operator", policyWith("StringEquals", "ForAllValues:StringEquals"), "ForAllValues"},
		{"if exists", policyWith("StringEquals", "StringEqualsIfExists"), "IfExists"},
		{"policy variable", policyWith("g/p", "${aws:username}"), "policy variables"},
		{"value that is a number", policyWith(`"project_path:g/p"`, "7"), "neither a string nor an array"},
		{"value that is null", policyWith(`"project_path:g/p"`, "null"), "neither a string nor an array"},
		{"no values", policyWith(`"project_path:g/p"`, "[]"), "neither a string nor an array"},
		{"null among values", policyWith(`"project_path:g/p"`, `["a",null]`), "null among"},
		{"key twice", policyWith(`"gitlab.com:sub":`, `"gitlab.com:sub":"a","gitlab.com:SUB":`), "gitlab.com:"},
		{"trailing text", policyWith() + "x", "trust policy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseTrustPolicy(tt.policy)
			require.Error(t, err)
			assert.Contains(t, err.Error(), tt.text)
		})
	}
}

func TestWildcard(t *testing.T) {
	tests := []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"?", "", false}, {"?", "é", true}, {"a*b*c", "aXbYbZc", true},
		{"a*b*c", "aXbYbZ", false}, {"*a", "baa", true}, {"a*", "ba", false}, {"a**", "a", true}, {"*.*", "a", false},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, wildcard(tt.pattern, tt.s), "%q %q", tt.pattern, tt.s)
	}
}

// FuzzWildcard holds wildcard to a regular expression of the same meaning.
func FuzzWildcard(f *testing.F) {
	f.Add("project_path:*:ref:?", "project_path:g/p:ref:1")
	f.Add("**a?*", "aaab")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		pattern, s = strings.ToValidUTF8(pattern, "x"), strings.ToValidUTF8(s, "x")
		expr := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
		if want := regexp.MustCompile(`(?s)^` + expr + `$`).MatchString(s); wildcard(pattern, s) != want {
			t.Fatalf("wildcard(%q, %q) = %v", pattern, s, !want)
		}
	})
}
