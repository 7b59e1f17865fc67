package policy_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc/policy"
)

func matchers(pairs ...string) map[string]policy.Matcher {
	out := map[string]policy.Matcher{}
	for i := 0; i+1 < len(pairs); i += 2 {
		out[pairs[i]] = policy.Matcher{Values: []string{pairs[i+1]}}
	}
	return out
}

func withAllow(platform string, conditions map[string]policy.Matcher, allow ...string) (*policy.Policy, error) {
	r := policy.Rule{Name: "r", Platform: platform, Claims: conditions, Allow: map[string]string{}}
	for _, name := range allow {
		r.Allow[name] = "for this test"
	}
	return policy.New(policy.Spec{Name: "p", Audiences: []string{audience}, Rules: []policy.Rule{r}}, nil)
}

// With its switch off a default refuses the token, with any other switch on as
// well; with its own it lets it in.
func TestAllowLetsTokensIn(t *testing.T) {
	all := []string{policy.AllowSSHRerun, policy.AllowFork, policy.AllowRefWithoutType, policy.AllowOpenEnvironment, policy.AllowRefFromAnyRepository}
	gl := matchers("issuer", "https://gitlab.com", "project_id", "67890")
	cc := matchers("org-id", circleci().OrganizationID, "project-id", circleci().ProjectID)
	editGitLab := func(f func(*claims.GitLab)) claims.Model { c := gitlab(); f(c); return c }
	editCircleCI := func(f func(*claims.CircleCI)) claims.Model { c := circleci(); f(c); return c }
	for name, tc := range map[string]struct {
		allow, claim string
		token        claims.Model
	}{
		"a fork": {policy.AllowFork, "fork", editGitLab(func(c *claims.GitLab) { c.JobProjectID = "2" })},
		"cannot tell": {policy.AllowFork, "fork", editGitLab(func(c *claims.GitLab) {
			c.JobProjectID, c.PipelineSource = "", "merge_request_event"
		})},
		"a fork's pull request": {policy.AllowFork, "fork", editCircleCI(func(c *claims.CircleCI) { c.VCSRef = "refs/heads/pull/7" })},
		"rerun with SSH":        {policy.AllowSSHRerun, "ssh-rerun", editCircleCI(func(c *claims.CircleCI) { c.SSHRerun = claims.True })},
		"does not say":          {policy.AllowSSHRerun, "ssh-rerun", editCircleCI(func(c *claims.CircleCI) { c.SSHRerun = claims.Absent })},
	} {
		platform, conditions := policy.GitLab, gl
		if _, ok := tc.token.(*claims.CircleCI); ok {
			platform, conditions = policy.CircleCI, cc
		}
		for _, allow := range append([]string{""}, all...) {
			var names []string
			if allow != "" {
				names = []string{allow}
			}
			p, err := withAllow(platform, conditions, names...)
			require.NoError(t, err)
			d := p.Evaluate(t.Context(), tc.token)
			require.Equal(t, allow == tc.allow, d.Allowed, "%s, allow %q", name, allow)
			if d.Allowed {
				continue
			}
			var failed []string
			for _, c := range d.Rules()[0].Checks {
				if c.Result != policy.Pass {
					failed = append(failed, c.Claim)
				}
			}
			assert.Equal(t, []string{tc.claim}, failed, name)
		}
	}
}

// With its switch off a rule does not compile without what the default asks
// for; it compiles with that, or with the switch on.
func TestAllowLetsRulesCompile(t *testing.T) {
	gl := matchers("issuer", "https://gitlab.com", "project_id", "67890")
	cc := matchers("org-id", circleci().OrganizationID, "project-id", circleci().ProjectID)
	for _, tc := range []struct {
		allow, platform string
		base, rule      map[string]policy.Matcher
		problem         string
		enough          []map[string]policy.Matcher
		short           []map[string]policy.Matcher
	}{
		{policy.AllowRefWithoutType, policy.GitLab, gl, matchers("ref", "main"), "ref needs ref_type or ref_path",
			[]map[string]policy.Matcher{matchers("ref_type", "branch"), matchers("ref_path", "refs/heads/main")},
			[]map[string]policy.Matcher{{"ref_type": {Op: policy.Present}}, {"ref_type": {Values: []string{"tag"}, Not: true}}}},
		{policy.AllowOpenEnvironment, policy.GitLab, gl, matchers("environment", "production"), "environment needs environment_protected: true",
			[]map[string]policy.Matcher{matchers("environment_protected", "true"), matchers("ref_protected", "true")},
			[]map[string]policy.Matcher{matchers("environment_protected", "false"), {"ref_protected": {Values: []string{"true"}, Not: true}}}},
		{policy.AllowRefFromAnyRepository, policy.CircleCI, cc, matchers("vcs-ref", "refs/heads/main"), "vcs-ref needs an exact vcs-origin",
			[]map[string]policy.Matcher{matchers("vcs-origin", "github.com/acme/payments")},
			[]map[string]policy.Matcher{{"vcs-origin": {Op: policy.Glob, Values: []string{"github.com/**"}}}}},
	} {
		rule := func(more map[string]policy.Matcher) map[string]policy.Matcher {
			out := maps.Clone(tc.base)
			maps.Copy(out, tc.rule)
			maps.Copy(out, more)
			return out
		}
		refused := func(more map[string]policy.Matcher, allow ...string) {
			_, err := withAllow(tc.platform, rule(more), allow...)
			var e *policy.ParseError
			require.ErrorAs(t, err, &e)
			assert.Contains(t, e.Problem, tc.problem)
		}
		refused(nil)
		refused(nil, policy.AllowFork, policy.AllowSSHRerun)
		for _, more := range tc.short {
			refused(more)
		}
		for _, more := range tc.enough {
			_, err := withAllow(tc.platform, rule(more))
			require.NoError(t, err)
		}
		_, err := withAllow(tc.platform, rule(nil), tc.allow)
		require.NoError(t, err)
	}
}
