package policytest_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc/policy"
	"github.com/cioidc/cioidc/oidc/policy/celcond"
)

// without returns what the removal of one condition of a rule of the example
// comes to: "does not compile", the variants that it lets in, or the claims that
// make it redundant.
func without(t *testing.T, rule, claim string, identity claims.Model) string {
	t.Helper()
	options := &policy.Options{Conditions: &celcond.Compiler{}}
	whole := payments(t)
	let := func(p *policy.Policy) (ids []string, covered map[string][]string) {
		covered = map[string][]string{}
		for _, v := range policy.Probe(p, identity) {
			switch v.Outcome {
			case policy.Admitted:
				ids = append(ids, v.ID)
			case policy.Covered:
				covered[v.ID] = v.By
			case policy.IdentityRefused:
				t.Fatal(v)
			}
		}
		return ids, covered
	}
	before, _ := let(whole)
	spec := whole.Spec()
	spec.Tests = nil
	i := slices.IndexFunc(spec.Rules, func(r policy.Rule) bool { return r.Name == rule })
	if claim == "when" {
		spec.Rules[i].When = nil
	} else {
		require.Contains(t, spec.Rules[i].Claims, claim)
		delete(spec.Rules[i].Claims, claim)
	}
	p, err := policy.New(spec, options)
	if err != nil {
		return "does not compile"
	}
	after, covered := let(p)
	var more []string
	for _, id := range after {
		if !slices.Contains(before, id) {
			more = append(more, id)
		}
	}
	if len(more) > 0 {
		return "lets in " + strings.Join(more, ", ")
	}
	if by := covered[claim]; by != nil {
		return "covered by " + strings.Join(by, ", ")
	}
	return "nothing"
}

// Every condition of the example is needed: each one's removal lets something in
// or does not compile.
func TestRuleByMutation(t *testing.T) {
	read := func(name string) []byte {
		data, err := os.ReadFile("../testdata/" + name)
		require.NoError(t, err)
		return data
	}
	gitlab, err := claims.Decode[claims.GitLab](read("main.json"))
	require.NoError(t, err)
	circle, err := claims.Decode[claims.CircleCI](read("release.json"))
	require.NoError(t, err)
	for _, c := range []struct {
		rule     string
		identity claims.Model
		want     map[string]string
	}{
		{"prod-from-main", gitlab, map[string]string{
			"issuer":                "does not compile",
			"project_id":            "lets in same-path-new-id",
			"namespace_id":          "lets in absent/namespace_id", // project_path refuses the moved project
			"project_path":          "lets in absent/project_path, renamed-project, renamed-namespace",
			"ref_type":              "does not compile",
			"ref":                   "lets in other-protected-branch, absent/ref",
			"ref_protected":         "lets in unprotected-ref, absent/ref_protected",
			"environment":           "lets in other-environment, absent/environment",
			"environment_protected": "lets in unprotected-environment, absent/environment_protected",
			"pipeline_source": "lets in merge-request, child-pipeline, trigger-token, started-by-api, multi-project-pipeline, " +
				"absent/pipeline_source",
			"runner_environment": "lets in self-hosted-runner, absent/runner_environment",
		}},
		{"circle-release", circle, map[string]string{
			"org-id":                 "does not compile",
			"project-id":             "does not compile",
			"vcs-origin":             "does not compile",
			"pipeline-definition-id": "lets in other-definition, absent/pipeline-definition-id",
			"vcs-ref": "lets in other-branch, branch-suffix, branch-prefix, namesake-ref, branch-made-to-deceive, " +
				"branch-made-to-deceive-origin, absent/vcs-ref",
			"context-ids": "lets in other-context, no-contexts, absent/context-ids",
			"when":        "lets in absent/workflow-id",
		}},
	} {
		rules := payments(t).Spec().Rules
		i := slices.IndexFunc(rules, func(r policy.Rule) bool { return r.Name == c.rule })
		names := slices.Sorted(maps.Keys(rules[i].Claims))
		if len(rules[i].When) > 0 {
			names = append(names, "when")
		}
		got := map[string]string{}
		for _, claim := range names {
			got[claim] = without(t, c.rule, claim, c.identity)
		}
		assert.Equal(t, c.want, got, c.rule)
	}
}
