package policy_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/oidc/policy"
)

func TestParseRefuses(t *testing.T) {
	data, err := os.ReadFile("testdata/payments.yaml")
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		old, new  string
		line, col int
		problem   string
	}{
		"no compiler":     {"name: pay", "name: pay", 27, 14, "Options.Conditions"},
		"unknown key":     {"rules:", "ruels:", 4, 1, "did you mean rules?"},
		"unknown claim":   {"ref_protected", "ref_protectd", 13, 7, "did you mean ref_protected?"},
		"number":          {`"67890"`, "67890", 8, 19, "put it in quotes"},
		"quoted bool":     {"ref_protected: true", `ref_protected: "true"`, 13, 22, "without quotes"},
		"duplicate":       {"ref: main", "ref_type: branch", 12, 7, "twice"},
		"anchor":          {"ref: main", "ref: &a main", 12, 12, "anchors"},
		"tag":             {"ref: main", "ref: !!str main", 12, 12, "tags"},
		"merge key":       {"ref: main", "<<: {ref: main}", 12, 7, "merge keys"},
		"version":         {"trust/v1", "trust/v2", 1, 13, "trust/v1"},
		"second document": {"deny:", "---\ndeny:", 29, 1, "one document"},
		"no issuer":       {"      issuer: https://gitlab.com\n", "", 5, 5, "name the issuer"},
		"no ref type":     {"      ref_type: branch\n", "", 11, 7, "ref needs ref_type"},
		"any ref path":    {"ref_type: branch", `ref_path: "**/main"`, 12, 7, "ref needs ref_type"},
		"or any ref path": {"ref_type: branch", `ref_path: {regex: "refs/heads/x|.*"}`, 12, 7, "ref needs ref_type"},
		"either kind":     {"ref_type: branch", "ref_path: [refs/heads/main, main]", 12, 7, "ref needs ref_type"},
		"alias":           {"ref: main", "ref: *a", 1, 1, "unknown anchor"},
		"no YAML":         {"ref: main", "ref: [main", 11, 1, "this is no YAML"},
		"no project":      {"      project-id: cb279ff5-2f0c-4f4b-8f0b-6c1c0b2f7d22\n", "", 18, 5, "org-id and project-id"},
		"no origin":       {"vcs-origin: github.com/acme/payments", "vcs-origin: github.com/acme/*", 24, 7, "exact vcs-origin"},
		"glob in an id":   {`"67890"`, `"6*"`, 8, 7, "takes no *"},
		"bad regex":       {"ref: main", `ref: {regex: "a)|(b"}`, 12, 7, "unexpected )"},
		"two operators":   {"ref: main", "ref: {glob: a, regex: b}", 12, 12, "one operator"},
		"empty reason":    {"    when:\n", "    allow: {fork: \"\"}\n    when:\n", 26, 13, "write the reason"},
		"unknown default": {"    when:\n", "    allow: {fork: why, forks: why}\n    when:\n", 26, 24, "did you mean fork?"},
		"allow in deny":   {"  - name: never-scheduled\n", "  - name: never-scheduled\n    allow: {fork: why}\n", 31, 5, "a deny rule has no defaults"},
		"expiry":          {"ref: main", "exp: main", 12, 7, "exp is the verifier's matter"},
		"not before":      {"ref: main", "nbf: {present: true}", 12, 7, "nbf is the verifier's matter"},
		"issued at":       {"ref: main", "iat: main", 12, 7, "iat is the verifier's matter"},
		"audience":        {"ref: main", "aud: main", 12, 7, "under audiences"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(string(data), tc.old, tc.new, 1)
			var o *policy.Options
			if name != "no compiler" {
				require.NotEqual(t, string(data), text)
				o = &policy.Options{Conditions: fake{}}
			}
			_, err := policy.Parse([]byte(text), o)
			var e *policy.ParseError
			require.ErrorAs(t, err, &e)
			assert.Contains(t, e.Problem, tc.problem)
			assert.Equal(t, []int{tc.line, tc.col}, []int{e.Line, e.Column}, e.Error())
		})
	}
}

func TestDigestKnowsNoOrder(t *testing.T) {
	o := &policy.Options{Conditions: fake{}}
	p := payments(t, o)
	s := p.Spec()
	s.Rules[0], s.Rules[1] = s.Rules[1], s.Rules[0]
	q, err := policy.New(s, o)
	require.NoError(t, err)
	assert.Equal(t, p.Digest(), q.Digest())
	s.Rules[0].Claims["job-id"] = policy.Matcher{Op: policy.Present}
	q, err = policy.New(s, o)
	require.NoError(t, err)
	assert.NotEqual(t, p.Digest(), q.Digest())
}

func FuzzParse(f *testing.F) {
	data, err := os.ReadFile("testdata/payments.yaml")
	require.NoError(f, err)
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := policy.Parse(data, &policy.Options{Conditions: fake{holds: true}})
		if err != nil {
			var e *policy.ParseError
			require.ErrorAs(t, err, &e)
			return
		}
		p.Evaluate(t.Context(), gitlab()).Rules()
		p.Evaluate(t.Context(), circleci()).Rules()
	})
}
