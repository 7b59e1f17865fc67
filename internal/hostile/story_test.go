package hostile_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/fakeissuer"
	"github.com/cioidc/cioidc/internal/hostile"
)

// conditions are a policy: all must hold.
type conditions[P claims.Model] map[string]func(c P) bool

func (all conditions[P]) admit(c P) bool {
	for _, holds := range all {
		if !holds(c) {
			return false
		}
	}
	return true
}

// hole is a policy but for one condition, which is another; nil is none.
type hole[P claims.Model] struct {
	condition string
	loose     func(c P) bool
	want      []string // the hostile variants that come through
}

// testHoles holds each hole to the variants that come through it, and a policy
// without one to none.
func testHoles[P claims.Model](t *testing.T, identity P, tight conditions[P], holes map[string]hole[P]) {
	t.Helper()
	assert.Empty(t, admitted(t, identity, tight), "the policy without a hole")
	all, err := hostile.Variants(identity)
	require.NoError(t, err)
	for _, v := range all {
		switch v.ID { // What does not change who it is.
		case "next-run", "retried-job", "rerun-workflow", "subject-by-id", "subject-first-form", "renamed-user":
			assert.Equal(t, hostile.Routine, v.Kind, v.ID)
			assert.True(t, tight.admit(v.Claims.(P)), v.ID)
		}
	}
	for name, h := range holes {
		t.Run(name, func(t *testing.T) {
			policy := maps.Clone(tight)
			require.Contains(t, policy, h.condition)
			delete(policy, h.condition)
			if h.loose != nil {
				policy[h.condition] = h.loose
			}
			assert.Equal(t, h.want, admitted(t, identity, policy))
		})
	}
}

// admitted returns the IDs of the hostile variants that a policy lets in.
func admitted[P claims.Model](t *testing.T, identity P, policy conditions[P]) []string {
	t.Helper()
	require.True(t, policy.admit(identity))
	all, err := hostile.Variants(identity)
	require.NoError(t, err)
	var ids []string
	for _, v := range all {
		in := policy.admit(v.Claims.(P))
		if v.Kind == hostile.Hostile && in {
			ids = append(ids, v.ID)
		}
	}
	return ids
}

func TestGitLabHoles(t *testing.T) {
	identity := decoded[claims.GitLab](t, payload(t, "https://gitlab.com", fakeissuer.ProtectedEnvironment("production", "production"), fakeissuer.HostedRunner))
	type c = *claims.GitLab
	testHoles(t, identity, conditions[c]{
		"issuer":      func(c c) bool { return c.Issuer == "https://gitlab.com" },
		"audience":    func(c c) bool { return c.Audience.Contains("https://deploy.acme.example") },
		"project":     func(c c) bool { return c.ProjectID == fakeissuer.GitLabProjectID },
		"namespace":   func(c c) bool { return c.NamespaceID == fakeissuer.GitLabNamespaceID },
		"fork":        func(c c) bool { return c.Fork() == claims.False },
		"type":        func(c c) bool { return c.RefType == "branch" },
		"ref":         func(c c) bool { return c.Ref == "main" },
		"protected":   func(c c) bool { return c.RefProtected == claims.True },
		"environment": func(c c) bool { return c.Environment == "production" && c.EnvironmentProtected == claims.True },
		"source":      func(c c) bool { return c.PipelineSource == "push" },
		"runner":      func(c c) bool { return c.RunnerEnvironment == "gitlab-hosted" },
		"configuration": func(c c) bool {
			return c.ConfigRefURI == "gitlab.com/"+c.ProjectPath+"//.gitlab-ci.yml@"+c.RefPath
		},
	}, map[string]hole[c]{
		"any issuer":       {"issuer", nil, []string{"other-issuer", "issuer-suffix"}},
		"issuer by prefix": {"issuer", func(c c) bool { return strings.HasPrefix(c.Issuer, "https://gitlab.com") }, []string{"issuer-suffix"}},
		"any audience":     {"audience", nil, []string{"other-audience", "audience-suffix"}},
		"audience by prefix": {"audience", func(c c) bool {
			return len(c.Audience) == 1 && strings.HasPrefix(c.Audience[0], "https://deploy.acme.example")
		},
			[]string{"audience-suffix"}},
		"any project of the group": {"project", nil, []string{"other-project", "sibling-suffix", "same-path-new-id"}},
		"project by path":          {"project", func(c c) bool { return c.ProjectPath == "acme/webshop" }, []string{"same-path-new-id"}},
		"project by prefix":        {"project", func(c c) bool { return strings.HasPrefix(c.ProjectPath, "acme/webshop") }, []string{"sibling-suffix", "same-path-new-id"}},
		"any namespace":            {"namespace", nil, []string{"moved-project"}},
		"fork's pipeline":          {"fork", nil, nil}, // the ID and the source refuse it, too
		"tag like the branch":      {"type", nil, []string{"protected-namesake-ref"}},
		"any protected ref":        {"ref", nil, []string{"other-protected-branch"}},
		"ref by prefix":            {"ref", func(c c) bool { return strings.HasPrefix(c.Ref, "main") }, nil}, // it is not protected
		"unprotected":              {"protected", nil, []string{"unprotected-ref"}},
		"any environment":          {"environment", nil, []string{"other-environment", "environment-suffix", "unprotected-environment"}},
		"unprotected environment":  {"environment", func(c c) bool { return c.Environment == "production" }, []string{"unprotected-environment"}},
		"environment by prefix":    {"environment", func(c c) bool { return strings.HasPrefix(c.Environment, "production") }, []string{"environment-suffix", "unprotected-environment"}},
		"any source":               {"source", nil, []string{"merge-request", "child-pipeline"}},
		"any runner":               {"runner", nil, []string{"self-hosted-runner"}},
		"any configuration":        {"configuration", nil, []string{"other-configuration", "configuration-of-other-project"}},
		"configuration by its end": {"configuration", func(c c) bool { return strings.HasSuffix(c.ConfigRefURI, "//.gitlab-ci.yml@refs/heads/main") }, []string{"configuration-of-other-project"}},
	})
}

// What a policy by paths and short names lets in of other people's.
func TestGitLabDeceptions(t *testing.T) {
	identity := decoded[claims.GitLab](t, file(t, "gitlab-branch.json"))
	for name, policy := range map[string]struct {
		admits func(c *claims.GitLab) bool
		lets   []string
	}{
		"subject by prefix": {func(c *claims.GitLab) bool {
			return strings.HasPrefix(c.Subject, "project_path:acme/platform/deployer")
		}, []string{"sibling-suffix", "other-branch", "unprotected-ref", "same-path-new-id"}},
		"subject by ref":     {func(c *claims.GitLab) bool { return strings.HasSuffix(c.Subject, ":ref:main") }, []string{"other-project", "mirror", "fork-merge-request", "namesake-ref"}},
		"whole subject":      {func(c *claims.GitLab) bool { return c.Subject == identity.Subject }, []string{"unprotected-ref", "same-path-new-id", "merge-request", "self-hosted-runner"}},
		"group by prefix":    {func(c *claims.GitLab) bool { return strings.HasPrefix(c.ProjectPath, "acme") }, []string{"namespace-suffix", "subgroup", "other-project"}},
		"ref, no type":       {func(c *claims.GitLab) bool { return c.Ref == "main" && c.RefProtected == claims.True }, []string{"protected-namesake-ref", "fork-protected", "mirror"}},
		"ref by suffix":      {func(c *claims.GitLab) bool { return strings.HasSuffix(c.Ref, "main") }, []string{"branch-prefix", "branch-named-like-ref-path"}},
		"ref by prefix":      {func(c *claims.GitLab) bool { return strings.HasPrefix(c.RefPath, "refs/heads/main") }, []string{"branch-suffix"}},
		"configuration":      {func(c *claims.GitLab) bool { return strings.HasSuffix(c.ConfigRefURI, "@refs/heads/main") }, []string{"branch-made-to-deceive"}},
		"project of the job": {func(c *claims.GitLab) bool { return c.JobProjectID == "90210" }, []string{"fork-merge-request-in-parent"}},
		"project only":       {func(c *claims.GitLab) bool { return c.ProjectID == "90210" }, []string{"runs-elsewhere", "moved-project", "environment-from-branch", "merge-request-of-branch"}},
		"issuer, audience": {func(c *claims.GitLab) bool {
			return c.Issuer == "https://gitlab.com" && c.Audience.Contains("https://deploy.acme.example")
		}, []string{"login-token", "other-namespace"}},
	} {
		ids := admitted(t, identity, conditions[*claims.GitLab]{name: policy.admits})
		assert.Subset(t, ids, policy.lets, name)
	}
}

func TestCircleCIHoles(t *testing.T) {
	const issuer = "https://oidc.circleci.com/org/2f1a9e5c-6a53-4f2b-8b63-0c6d1d8e4f01"
	identity := decoded[claims.CircleCI](t, file(t, "circleci-v2.json"))
	type c = *claims.CircleCI
	testHoles(t, identity, conditions[c]{
		"issuer":     func(c c) bool { return c.Issuer == issuer },
		"audience":   func(c c) bool { return c.Audience.Contains("https://deploy.acme.example") },
		"project":    func(c c) bool { return c.ProjectID == identity.ProjectID },
		"definition": func(c c) bool { return c.PipelineDefinitionID == identity.PipelineDefinitionID },
		"origin":     func(c c) bool { return c.VCSOrigin == "github.com/acme/deployer" },
		"ref":        func(c c) bool { return c.VCSRef == "refs/heads/main" },
		"contexts": func(c c) bool {
			return slices.Contains(c.ContextIDs, identity.ContextIDs[0]) && slices.Contains(c.ContextIDs, identity.ContextIDs[1])
		},
		"SSH": func(c c) bool { return c.SSHRerun == claims.False },
	}, map[string]hole[c]{
		"any issuer":       {"issuer", nil, []string{"root-issuer", "other-issuer", "issuer-suffix"}},
		"issuer by prefix": {"issuer", func(c c) bool { return strings.HasPrefix(c.Issuer, "https://oidc.circleci.com") }, []string{"root-issuer", "issuer-suffix"}},
		"any audience":     {"audience", nil, []string{"other-audience", "audience-suffix", "default-audience"}},
		"any project":      {"project", nil, nil}, // the definition is the project's
		"any definition":   {"definition", nil, []string{"other-definition"}},
		"any origin":       {"origin", nil, []string{"moved-repository", "fork-branch"}},
		"any ref": {"ref", nil, []string{"other-branch", "branch-suffix", "branch-prefix", "pull-request-ref", "namesake-ref",
			"branch-made-to-deceive", "branch-made-to-deceive-origin"}},
		"ref by suffix":            {"ref", func(c c) bool { return strings.HasSuffix(c.VCSRef, "refs/heads/main") }, []string{"branch-made-to-deceive", "branch-made-to-deceive-origin"}},
		"ref by prefix":            {"ref", func(c c) bool { return strings.HasPrefix(c.VCSRef, "refs/heads/main") }, []string{"branch-suffix"}},
		"any context":              {"contexts", nil, []string{"other-context", "fewer-contexts"}},
		"the last of the contexts": {"contexts", func(c c) bool { return slices.Contains(c.ContextIDs, identity.ContextIDs[1]) }, []string{"fewer-contexts"}},
		"SSH":                      {"SSH", nil, []string{"ssh-rerun"}},
	})
}

// A subject of the second form, matched with * in it, takes the crafted ones.
func TestCircleCIDeceptions(t *testing.T) {
	identity := decoded[claims.CircleCI](t, file(t, "circleci-v2.json"))
	end := "/vcs-origin/github.com/acme/deployer/vcs-ref/refs/heads/main"
	require.True(t, strings.HasSuffix(identity.Subject, end))
	project := "org/" + identity.OrganizationID + "/project/" + identity.ProjectID + "/user/"
	inProject := admitted(t, identity, conditions[*claims.CircleCI]{"user *": func(c *claims.CircleCI) bool {
		return strings.HasPrefix(c.Subject, project) && strings.HasSuffix(c.Subject, end)
	}})
	assert.Contains(t, inProject, "branch-made-to-deceive-origin")
	assert.NotContains(t, inProject, "other-branch")
	assert.NotContains(t, inProject, "other-project-made-to-deceive")
	inOrganization := admitted(t, identity, conditions[*claims.CircleCI]{"project *": func(c *claims.CircleCI) bool {
		return strings.HasPrefix(c.Subject, "org/"+identity.OrganizationID+"/project/") && strings.HasSuffix(c.Subject, end)
	}})
	assert.Contains(t, inOrganization, "other-project-made-to-deceive")
	byRef := admitted(t, identity, conditions[*claims.CircleCI]{"origin *": func(c *claims.CircleCI) bool {
		return strings.HasPrefix(c.Subject, project) && strings.HasSuffix(c.Subject, "/vcs-ref/refs/heads/main")
	}})
	assert.Subset(t, byRef, []string{"branch-made-to-deceive", "moved-repository", "fork-branch"})

	all, err := hostile.Variants(identity)
	require.NoError(t, err)
	_, err = claims.ParseCircleCISubject(find(t, all, "branch-made-to-deceive").Claims.RegisteredClaims().Subject)
	assert.ErrorIs(t, err, claims.ErrAmbiguousSubject)
}
