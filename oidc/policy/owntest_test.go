package policy_test

import (
	"os"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/oidc/policy"
)

// What a policy's own test can find wrong, by the words that say so.
func TestOwnTestsFail(t *testing.T) {
	main, err := os.ReadFile("testdata/main.json")
	require.NoError(t, err)
	schedule, err := os.ReadFile("testdata/schedule.json")
	require.NoError(t, err)
	base := payments(t, &policy.Options{Conditions: fake{holds: true}}).Spec()
	files := fstest.MapFS{"huge.json": {Data: make([]byte, 20<<10)}, "token.json": {Data: []byte("ey.x.y")}}
	for name, tc := range map[string]struct {
		test policy.Test
		want string
	}{
		"refused":          {policy.Test{Claims: schedule, Expect: "allow"}, `expected allow, but the decision is "explicit deny": rule "never-scheduled" matched`},
		"allowed":          {policy.Test{Claims: main, Expect: "deny"}, `expected deny, but rule "prod-from-main" allows`},
		"another allows":   {policy.Test{Claims: main, Expect: "allow", Rule: "circle-release"}, `expected rule "circle-release" to allow, but "prod-from-main" does`},
		"another claim":    {policy.Test{Claims: schedule, Expect: "deny", Rule: "never-scheduled", Claim: "ref"}, `expected ref to be why rule "never-scheduled" refuses, but that is issuer and pipeline_source`},
		"another rule":     {policy.Test{Claims: []byte(`{"project_id":"1"}`), Expect: "deny", Rule: "never-scheduled"}, `expected deny rule "never-scheduled" to match, but it does not`},
		"no file":          {policy.Test{Token: "none.json", Expect: "deny"}, "none.json"},
		"file outside":     {policy.Test{Token: "../x.json", Expect: "deny"}, "below Options.Files"},
		"large file":       {policy.Test{Token: "huge.json", Expect: "deny"}, "more than 16384 bytes"},
		"a token":          {policy.Test{Token: "token.json", Expect: "deny"}, "one JSON object, not a token"},
		"claims of no use": {policy.Test{Claims: []byte(`{"project_id":true}`), Expect: "deny"}, "project_id"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.test.Name = name
			spec := base
			spec.Tests = []policy.Test{tc.test}
			p, err := policy.New(spec, &policy.Options{Conditions: fake{holds: true}, Files: files})
			require.NoError(t, err)
			results := p.Test(t.Context())
			require.Len(t, results, 1)
			require.ErrorContains(t, results[0].Err, tc.want)
			assert.ErrorContains(t, results[0].Err, `policy: test "`+name+`": `)
			assert.Equal(t, tc.test.Token == "" && name != "claims of no use", results[0].Decision != nil)
			assert.Equal(t, payments(t, &policy.Options{Conditions: fake{}}).Digest(), p.Digest(), "tests decide nothing")
		})
	}
	spec := base
	spec.Tests = []policy.Test{{Name: "x", Token: "main.json", Expect: "allow"}}
	p, err := policy.New(spec, &policy.Options{Conditions: fake{holds: true}})
	require.NoError(t, err)
	require.ErrorContains(t, p.Test(t.Context())[0].Err, "Options.Files")
}

func TestOwnTestsAreChecked(t *testing.T) {
	base := payments(t, &policy.Options{Conditions: fake{}}).Spec()
	some := []byte("{}")
	for want, tests := range map[string][]policy.Test{
		"a name of its own":        {{Name: "a", Claims: some, Expect: "deny"}, {Name: "a", Claims: some, Expect: "deny"}},
		"either token":             {{Name: "a", Expect: "deny"}},
		"allow or deny":            {{Name: "a", Claims: some, Expect: "refuse"}},
		"and name the rule":        {{Name: "a", Claims: some, Expect: "deny", Claim: "ref"}},
		`the policy has no rule "`: {{Name: "a", Claims: some, Expect: "deny", Rule: "prod-from-mian"}},
	} {
		spec := base
		spec.Tests = tests
		_, err := policy.New(spec, &policy.Options{Conditions: fake{}})
		var e *policy.ParseError
		require.ErrorAs(t, err, &e)
		assert.Contains(t, e.Problem, want)
	}
}
