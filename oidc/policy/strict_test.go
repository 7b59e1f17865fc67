package policy_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/oidc/policy"
)

// strict is a policy of which each line below is replaced by something that is
// refused.
const strict = `apiVersion: trust/v1
name: p
audiences: [x]
rules:
  - name: r
    gitlab:
      issuer: https://gitlab.com
      project_id: "1"
      ref_protected: true
      pipeline_source: [push, web]
    when: [{cel: e, message: m}]
    allow: {fork: why}
deny:
  - name: d
    gitlab: {job_source: x}
tests:
  - name: t
    claims: {iss: a}
    expect: deny
    because: {rule: r, claim: issuer}
`

func TestFilesAreStrict(t *testing.T) {
	o := &policy.Options{Conditions: fake{}}
	_, err := policy.Parse([]byte(strict), o)
	require.NoError(t, err)
	for _, tc := range []struct {
		old, new  string
		line, col int
		problem   string
	}{
		// Aliases, anchors, tags and merge keys, wherever a value may stand.
		{"name: p\n", "name: &n p\n", 2, 7, "anchors"},
		{"name: p\n", "&n name: p\n", 2, 1, "anchors"},
		{"audiences: [x]", "audiences: &a [x]", 3, 12, "anchors"},
		{"audiences: [x]", "audiences: [&a x, *a]", 3, 13, "anchors"},
		{"  - name: r\n", "  - &r\n    name: r\n", 5, 5, "anchors"},
		{"rules:\n", "rules: &r\n", 4, 8, "anchors"},
		{"[push, web]", "[&p push, *p]", 10, 25, "anchors"},
		{"issuer: https://gitlab.com", "issuer: {any_of: [&i a]}", 7, 25, "anchors"},
		{"issuer: https://gitlab.com", "issuer: &i {any_of: [a]}", 7, 15, "anchors"},
		{"cel: e", "cel: &e e", 11, 18, "anchors"},
		{"fork: why", "fork: &w why", 12, 19, "anchors"},
		{"{iss: a}", "{iss: &i a}", 18, 19, "anchors"},
		{`"1"`, `!!str "1"`, 8, 19, "remove !!str"},
		{"ref_protected: true", "ref_protected: !!bool true", 9, 22, "remove !!bool"},
		{"gitlab: {job", "gitlab: !x {job", 15, 13, "remove !x"},
		{"  - name: d\n", "  - <<: {name: d}\n", 14, 5, "merge keys"},
		{"{job_source: x}", "{<<: {job_source: x}}", 15, 14, "merge keys"},
		{"fork: why", "<<: {fork: why}", 12, 13, "merge keys"},
		// One document, of one mapping.
		{"deny:\n", "---\ndeny:\n", 13, 1, "one document"},
		{"apiVersion: trust/v1\n", "apiVersion: trust/v1\n---\n", 2, 1, "one document"},
		{strict, "", 1, 1, "the file is empty"},
		{strict, "# nothing\n", 1, 1, "the file is empty"},
		{strict, "[]\n", 1, 1, "must be a mapping"},
		{strict, "text\n", 1, 1, "must be a mapping"},
		{strict, "null\n", 1, 1, "must be a mapping"},
		{"name: p\n", "\tname: p\n", 2, 1, "no YAML"},
		// What YAML takes for something else than text.
		{`"1"`, "1", 8, 19, "put it in quotes"},
		{`"1"`, "0x1", 8, 19, "put it in quotes"},
		{`"1"`, "1e3", 8, 19, "put it in quotes"},
		{`"1"`, "[1]", 8, 20, "put it in quotes"},
		{`"1"`, "~", 8, 19, "put it in quotes"},
		{`"1"`, "", 8, 18, "put it in quotes"},
		{`"1"`, "2001-01-01", 8, 19, "put it in quotes"},
		{"[push, web]", "[push, true]", 10, 31, "put it in quotes"},
		{"ref_protected: true", "ref_protected: True", 9, 22, "without quotes"},
		{"ref_protected: true", "ref_protected: yes", 9, 22, "without quotes"},
		{"ref_protected: true", "ref_protected: 1", 9, 22, "without quotes"},
		{"ref_protected: true", `ref_protected: [true, "true"]`, 9, 29, "without quotes"},
		{"name: p\n", "name: 1\n", 2, 7, "name must be text"},
		{"name: p\n", "name: [p]\n", 2, 7, "name must be text"},
		{"[x]", "x", 3, 12, "audiences must be a list"},
		{"[x]", "[1]", 3, 13, "an audience must be text"},
		{"[x]", "[[x]]", 3, 13, "an audience must be text"},
		{"deny:\n", "deny: x\nname2:\n", 13, 7, "deny must be a list"},
		{"  - name: d\n    gitlab: {job_source: x}\n", "  - d\n", 14, 5, "a rule must be a mapping"},
		{"{job_source: x}", "[job_source]", 15, 13, "gitlab must be a mapping"},
		{"[{cel: e, message: m}]", "{cel: e, message: m}", 11, 11, "when must be a list"},
		{"[{cel: e, message: m}]", "[e]", 11, 12, "a condition must be a mapping"},
		{"cel: e", "cel: 1", 11, 18, "cel must be text"},
		{"{fork: why}", "[fork]", 12, 12, "allow must be a mapping"},
		{"fork: why", "fork: true", 12, 19, "the reason must be text"},
		{"{iss: a}", "[a]", 18, 13, "claims must be a mapping"},
		{"{iss: a}", "{iss: 1.5}", 18, 19, "as in JSON"},
		{"expect: deny", "expect: 1", 19, 13, "expect must be text"},
		{"{rule: r, claim: issuer}", "r", 20, 14, "because must be a mapping"},
		// Keys that are unknown, of no text, or there twice.
		{"name: p\n", "Name: p\n", 2, 1, `no key "Name"; did you mean name?`},
		{"apiVersion:", "apiversion:", 1, 1, "did you mean apiVersion?"},
		{"    gitlab:\n", "    github:\n", 6, 5, "did you mean gitlab?"},
		{"project_id:", "project-id:", 8, 7, "did you mean project_id?"},
		{"issuer:", "[issuer]:", 7, 7, "a key must be a name"},
		{"message:", "mesage:", 11, 21, "did you mean message?"},
		{"fork:", "forks:", 12, 13, "did you mean fork?"},
		{"expect:", "expects:", 19, 5, "did you mean expect?"},
		{"{rule: r,", "{rules: r,", 20, 15, "did you mean rule?"},
		{"name: p\n", "name: p\nname: p\n", 3, 1, "twice"},
		{"      project_id: ", "      issuer: a\n      project_id: ", 8, 7, "twice"},
		{"fork: why", "fork: why, fork: why", 12, 24, "twice"},
		{"{iss: a}", "{iss: a, iss: a}", 18, 22, "twice"},
		{"    gitlab: {job", "    circleci: {job-id: x}\n    gitlab: {job", 16, 5, "one platform"},
	} {
		require.Equal(t, 1, strings.Count(strict, tc.old), tc.old)
		_, err := policy.Parse([]byte(strings.Replace(strict, tc.old, tc.new, 1)), o)
		var e *policy.ParseError
		if !assert.ErrorAs(t, err, &e, tc.new) {
			continue
		}
		assert.Contains(t, e.Problem, tc.problem, tc.new)
		assert.Equal(t, []int{tc.line, tc.col}, []int{e.Line, e.Column}, "%s: %v", tc.new, e)
	}
}
