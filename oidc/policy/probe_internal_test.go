package policy

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
)

type probedRule = conditions[*claims.GitLab]

func (all conditions[P]) without(names ...string) conditions[P] {
	out := maps.Clone(all)
	for _, c := range names {
		delete(out, c)
	}
	return out
}

func probeRule(t *testing.T) (probedRule, *claims.GitLab) {
	t.Helper()
	c := decodeFile[claims.GitLab](t, "gitlab-branch.json")
	return probedRule{
		"iss":                func(c *claims.GitLab) bool { return c.Issuer == "https://gitlab.com" },
		"aud":                func(c *claims.GitLab) bool { return c.Audience.Contains("https://deploy.acme.example") },
		"project_id":         func(c *claims.GitLab) bool { return c.ProjectID == "90210" },
		"namespace_id":       func(c *claims.GitLab) bool { return c.NamespaceID == "4711" },
		"project_path":       func(c *claims.GitLab) bool { return c.ProjectPath == "acme/platform/deployer" },
		"ref":                func(c *claims.GitLab) bool { return c.Ref == "main" },
		"ref_type":           func(c *claims.GitLab) bool { return c.RefType == "branch" },
		"ref_protected":      func(c *claims.GitLab) bool { return c.RefProtected == claims.True },
		"environment":        func(c *claims.GitLab) bool { return c.Environment == "production" },
		"pipeline_source":    func(c *claims.GitLab) bool { return c.PipelineSource == "push" },
		"runner_environment": func(c *claims.GitLab) bool { return c.RunnerEnvironment == "gitlab-hosted" },
		"ci_config_ref_uri": func(c *claims.GitLab) bool {
			return c.ConfigRefURI == "gitlab.com/"+c.ProjectPath+"//.gitlab-ci.yml@refs/heads/main"
		},
	}, c
}

func pick(found []Variant, o Outcome, k Kind) []string {
	var ids []string
	for _, v := range found {
		if v.Outcome == o && v.Kind == k {
			ids = append(ids, v.ID)
		}
	}
	return ids
}

func TestProbeFindsHoles(t *testing.T) {
	r, identity := probeRule(t)
	found := probe(identity, r.evaluate, nil)
	assert.Empty(t, pick(found, Admitted, Hostile))
	assert.Subset(t, pick(found, Admitted, Debatable), []string{"other-user", "other-runner", "long-lived"})
	assert.Contains(t, pick(found, Admitted, Routine), "next-run")
	assert.Contains(t, pick(found, Admitted, Missing), "absent/user_login")
	assert.NotContains(t, pick(found, Admitted, Missing), "absent/ref")

	for claim, want := range map[string][]string{
		"project_id":         {"same-path-new-id"},
		"ref":                {"other-protected-branch"},
		"ref_type":           {"protected-namesake-ref"},
		"ref_protected":      {"unprotected-ref"},
		"environment":        {"other-environment", "environment-suffix"},
		"pipeline_source":    {"runs-elsewhere", "merge-request", "child-pipeline"},
		"runner_environment": {"self-hosted-runner"},
		"aud":                {"other-audience", "audience-suffix"},
		"iss":                {"other-issuer", "issuer-suffix"},
		"ci_config_ref_uri":  {"other-configuration", "configuration-of-other-project"},
	} {
		r := r
		if claim == "ref" || claim == "ref_type" { // The configuration names the ref, too.
			r = r.without("ci_config_ref_uri")
		}
		got := pick(probe(identity, r.without(claim).evaluate, nil), Admitted, Hostile)
		for _, id := range pick(probe(identity, r.evaluate, nil), Admitted, Hostile) {
			got = slices.DeleteFunc(got, func(g string) bool { return g == id })
		}
		assert.Equal(t, want, got, "without %s", claim)
	}
}

// A condition that nothing is missed without is covered by others, which are
// named.
func TestProbeNamesWhatCovers(t *testing.T) {
	r, identity := probeRule(t)
	covered := func(r probedRule) map[string][]string {
		out := map[string][]string{}
		for _, v := range probe(identity, r.evaluate, nil) {
			if v.Outcome == Covered {
				assert.Empty(t, v.Kind)
				assert.Nil(t, v.Claims)
				assert.Equal(t, []string{v.ID}, v.Changed)
				out[v.ID] = v.By
			}
		}
		return out
	}
	assert.NotContains(t, covered(r), "namespace_id")
	assert.Equal(t, []string{"project_id", "project_path"}, covered(r.without("namespace_id"))["namespace_id"])
	assert.Equal(t, []string{"ref", "ref_type"}, covered(r.without("ci_config_ref_uri"))["ref_path"])
	assert.NotContains(t, covered(r), "user_login", "nothing refuses another user")
	assert.NotContains(t, covered(r), "runner_id", "another runner is let in")
	assert.NotContains(t, covered(r), "sub")
}

func TestProbeAsksForTheIdentity(t *testing.T) {
	r, identity := probeRule(t)
	identity.Ref, identity.Environment = "dev", ""
	found := probe(identity, r.evaluate, nil)
	require.Len(t, found, 1)
	assert.Equal(t, "identity", found[0].ID)
	assert.Equal(t, IdentityRefused, found[0].Outcome)
	assert.Equal(t, []string{"environment", "ref"}, found[0].By)
	assert.Equal(t, "identity refused: identity: The policy refuses the identity itself, by environment and ref.", found[0].String())

	type own struct{ claims.Registered }
	found = probe(&own{}, func(claims.Model) verdict { return verdict{allowed: true} }, nil)
	require.Len(t, found, 1)
	assert.Equal(t, IdentityRefused, found[0].Outcome)
	assert.Contains(t, found[0].Story, "No variants can be made of the identity")
}

func TestProbeFindsWhatEscapesDenyRules(t *testing.T) {
	r, identity := probeRule(t)
	deny := []denyRule{{"never-mallory", []string{"user_login", "iss"}}, {"never-scheduled", []string{"pipeline_source"}}}
	found := probe(identity, r.evaluate, deny)
	require.Equal(t, []string{"absent/user_login"}, pick(found, DenyEscaped, Missing))
	assert.Equal(t, "never-mallory", found[0].Rule)
	assert.Equal(t, "The deny rule never-mallory needs user_login, and the policy lets a token in that has none. Add a deny rule with user_login: absent, or an allow condition on it.", found[0].Story)
	found = probe(identity, r.without("pipeline_source").evaluate, deny)
	assert.Equal(t, []string{"absent/pipeline_source", "absent/user_login"}, pick(found, DenyEscaped, Missing))
	r["user_login"] = func(c *claims.GitLab) bool { return c.UserLogin != "" }
	assert.Empty(t, pick(probe(identity, r.evaluate, deny), DenyEscaped, Missing))
}

func TestFewest(t *testing.T) {
	refusals := func(failed ...[]string) []verdict {
		var out []verdict
		for _, f := range failed {
			out = append(out, verdict{failed: f})
		}
		return out
	}
	assert.Equal(t, []string{"b"}, fewest(refusals([]string{"a", "b"}, []string{"b", "c"}), "x"))
	assert.Equal(t, []string{"a", "b"}, fewest(refusals([]string{"a"}, []string{"a", "c"}, []string{"b"}), "x"))
	assert.Nil(t, fewest(refusals([]string{"a"}, []string{"x"}), "x"), "not by itself")
	assert.Nil(t, fewest(refusals([]string{"a"}, nil), "x"), "not without a cause")
	assert.Nil(t, fewest(nil, "x"))
}
