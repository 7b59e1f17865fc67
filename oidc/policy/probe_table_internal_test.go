package policy

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
)

// conditions are one rule, by claim.
type conditions[P claims.Model] map[string]func(c P) bool

func (all conditions[P]) evaluate(m claims.Model) verdict {
	out := verdict{rule: "rule"}
	for _, claim := range slices.Sorted(maps.Keys(all)) {
		if !all[claim](m.(P)) {
			out.failed = append(out.failed, claim)
		}
	}
	out.allowed = len(out.failed) == 0
	return out
}

// testTable takes each condition of a rule away in turn and holds what Probe
// then finds, and did not find before, to the table: the first variants, or
// "covered by" the other claims.
func testTable[P claims.Model](t *testing.T, identity P, rule conditions[P], whole []string, table map[string]string) {
	t.Helper()
	require.ElementsMatch(t, slices.Collect(maps.Keys(rule)), slices.Collect(maps.Keys(table)))
	before := map[string]bool{}
	first := probe(identity, rule.evaluate, nil)
	assert.Equal(t, whole, pick(first, Admitted, Hostile), "what the whole rule admits")
	for _, v := range first {
		require.NotEqual(t, IdentityRefused, v.Outcome)
		before[string(v.Outcome)+v.ID] = true
	}
	for claim, want := range table {
		less := maps.Clone(rule)
		delete(less, claim)
		var got []string
		for _, v := range probe(identity, less.evaluate, nil) {
			switch {
			case before[string(v.Outcome)+v.ID]:
			case v.Outcome == Covered && v.ID == claim:
				got = append(got, "covered by "+strings.Join(v.By, ", "))
			case v.Outcome == Admitted:
				got = append(got, v.ID)
			}
		}
		assert.Equal(t, want, strings.Join(got, " "), "without %s", claim)
	}
}

// The rules of a policy for deploying: a branch of a GitLab project to an
// environment, and a release of a CircleCI project.
func TestProbeTable(t *testing.T) {
	g := decodeFile[claims.GitLab](t, "gitlab-branch.json", `"environment_protected": "false"`, `"environment_protected": "true"`)
	testTable(t, g, conditions[*claims.GitLab]{
		"iss":                   func(c *claims.GitLab) bool { return c.Issuer == "https://gitlab.com" },
		"aud":                   func(c *claims.GitLab) bool { return c.Audience.Contains("https://deploy.acme.example") },
		"project_id":            func(c *claims.GitLab) bool { return c.ProjectID == "90210" },
		"namespace_id":          func(c *claims.GitLab) bool { return c.NamespaceID == "4711" },
		"project_path":          func(c *claims.GitLab) bool { return c.ProjectPath == "acme/platform/deployer" },
		"ref_type":              func(c *claims.GitLab) bool { return c.RefType == "branch" },
		"ref":                   func(c *claims.GitLab) bool { return c.Ref == "main" },
		"ref_protected":         func(c *claims.GitLab) bool { return c.RefProtected == claims.True },
		"environment":           func(c *claims.GitLab) bool { return c.Environment == "production" },
		"environment_protected": func(c *claims.GitLab) bool { return c.EnvironmentProtected == claims.True },
		"pipeline_source":       func(c *claims.GitLab) bool { return c.PipelineSource == "push" || c.PipelineSource == "web" },
		"runner_environment":    func(c *claims.GitLab) bool { return c.RunnerEnvironment == "gitlab-hosted" },
	}, []string{"other-configuration", "configuration-of-other-project"}, map[string]string{
		"iss":                   "other-issuer issuer-suffix absent/iss",
		"aud":                   "other-audience audience-suffix absent/aud",
		"project_id":            "same-path-new-id absent/project_id",
		"namespace_id":          "absent/namespace_id covered by project_id, project_path",
		"project_path":          "absent/project_path renamed-project renamed-namespace covered by project_id, namespace_id",
		"ref_type":              "protected-namesake-ref absent/ref_type",
		"ref":                   "other-protected-branch absent/ref",
		"ref_protected":         "unprotected-ref absent/ref_protected",
		"environment":           "other-environment absent/environment",
		"environment_protected": "unprotected-environment absent/environment_protected",
		"pipeline_source":       "runs-elsewhere merge-request child-pipeline scheduled trigger-token started-by-api multi-project-pipeline absent/pipeline_source",
		"runner_environment":    "self-hosted-runner absent/runner_environment",
	})

	c := decodeFile[claims.CircleCI](t, "circleci-v2.json", "refs/heads/main", "refs/tags/v1.2")
	testTable(t, c, conditions[*claims.CircleCI]{
		"iss": func(c *claims.CircleCI) bool {
			return c.Issuer == "https://oidc.circleci.com/org/2f1a9e5c-6a53-4f2b-8b63-0c6d1d8e4f01"
		},
		"aud":                    func(c *claims.CircleCI) bool { return c.Audience.Contains("https://deploy.acme.example") },
		"org-id":                 func(o *claims.CircleCI) bool { return o.OrganizationID == c.OrganizationID },
		"project-id":             func(o *claims.CircleCI) bool { return o.ProjectID == c.ProjectID },
		"pipeline-definition-id": func(o *claims.CircleCI) bool { return o.PipelineDefinitionID == c.PipelineDefinitionID },
		"vcs-origin":             func(c *claims.CircleCI) bool { return c.VCSOrigin == "github.com/acme/deployer" },
		"vcs-ref":                func(c *claims.CircleCI) bool { return strings.HasPrefix(c.VCSRef, "refs/tags/v") },
		"context-ids":            func(o *claims.CircleCI) bool { return slices.Contains(o.ContextIDs, c.ContextIDs[0]) },
		"ssh-rerun":              func(c *claims.CircleCI) bool { return c.SSHRerun == claims.False },
		"workflow-id":            func(c *claims.CircleCI) bool { return c.WorkflowID != "" },
	}, nil, map[string]string{
		"iss":                    "root-issuer other-issuer issuer-suffix absent/iss",
		"aud":                    "other-audience audience-suffix default-audience absent/aud",
		"org-id":                 "absent/org-id covered by iss",
		"project-id":             "absent/project-id covered by pipeline-definition-id",
		"pipeline-definition-id": "other-definition absent/pipeline-definition-id",
		"vcs-origin":             "moved-repository fork-branch absent/vcs-origin renamed-repository",
		"vcs-ref": "other-branch branch-suffix branch-prefix pull-request-ref namesake-ref branch-made-to-deceive branch-made-to-deceive-origin " +
			"absent/vcs-ref",
		"context-ids": "other-context fewer-contexts no-contexts absent/context-ids",
		"ssh-rerun":   "ssh-rerun absent/ssh-rerun",
		"workflow-id": "absent/workflow-id",
	})
}

func decodeFile[T any, P claims.ModelOf[T]](t *testing.T, name string, replace ...string) *T {
	t.Helper()
	data, err := os.ReadFile("../../claims/testdata/" + name)
	require.NoError(t, err)
	c, err := claims.Decode[T, P]([]byte(strings.NewReplacer(replace...).Replace(string(data))))
	require.NoError(t, err)
	return c
}
