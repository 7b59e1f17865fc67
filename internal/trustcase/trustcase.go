// Package trustcase makes random rules of policies, and random tokens as the
// platforms make them, for the tests of the renderers of trust documents: what a
// cloud accepts of a rendered document the rule must allow.
package trustcase

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/internal/trustgap"
	"github.com/cioidc/cioidc/oidc/policy"
)

// What rules and tokens are about.
const (
	Audience     = "https://aws.example"
	GitLab       = "https://gitlab.com"
	Managed      = "https://git.acme.example"
	Organization = "4ada2c32-0d0f-4f2e-9a56-1c2b3d4e5f60"
	Project      = "cb279ff5-2f0c-4f4b-8f0b-6c1c0b2f7d22"
	User         = "15d9a7e2-48b3-4c06-9f7a-80c2e5b6d314"
	Reason       = "it is a test"
)

// choose returns one of the values.
func choose[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

var (
	gitLabRefs = []string{"main", "stable", "v1", "v1/x", "vx", "release/1", "a/ref:x"}
	circleRefs = []string{"refs/heads/main", "refs/heads/x", "refs/tags/v1", "refs/tags/v1/x", "refs/heads/pull/7", "refs/heads/pull/7/x", "refs/heads/release/1",
		"refs/heads/x/vcs-origin/github.com/acme/app/vcs-ref/refs/heads/main"}
	patterns = []string{"*", "v*", "**", "v**", "release/*", "m*n", "refs/heads/*", "refs/tags/v*", "refs/heads/**", "refs/heads/pull/*", "refs/**"}
)

func matcher(r *rand.Rand, of ...string) policy.Matcher {
	m := policy.Matcher{Op: choose(r, policy.Equal, policy.Equal, policy.Equal, policy.Equal, policy.Glob, policy.Regex, policy.Present, policy.Absent)}
	switch m.Op {
	case policy.Equal:
		m.Values = []string{choose(r, of...)}
		if r.IntN(3) == 0 {
			m.Values = append(m.Values, choose(r, of...))
		}
		m.Not = r.IntN(4) == 0
	case policy.Glob:
		m.Values = []string{choose(r, patterns...)}
		if r.IntN(4) == 0 {
			m.Values = append(m.Values, choose(r, patterns...))
		}
		m.Not = r.IntN(6) == 0
	case policy.Regex:
		m.Values = []string{choose(r, "v.*", "main|stable", ".*")}
	}
	return m
}

func equal(values ...string) policy.Matcher { return policy.Matcher{Values: values} }

// GitLabRule returns a rule that a policy may compile or not.
func GitLabRule(r *rand.Rand, deny bool) policy.Rule {
	rule := policy.Rule{Name: "r", Platform: policy.GitLab, Claims: map[string]policy.Matcher{}, Allow: map[string]string{}}
	maybe := func(claim string, of ...string) {
		if r.IntN(3) == 0 {
			rule.Claims[claim] = matcher(r, of...)
		}
	}
	if !deny {
		rule.Claims["issuer"] = equal(choose(r, GitLab, GitLab, Managed))
		rule.Claims[choose(r, "project_id", "project_id", "namespace_id")] = equal("1")
		if r.IntN(2) == 0 {
			rule.Claims["project_path"] = equal("acme/app")
		}
	}
	maybe("namespace_path", "acme", "other")
	maybe("ref", gitLabRefs...)
	maybe("ref_type", "branch", "tag")
	maybe("pipeline_source", "push", "web", "schedule", "merge_request_event", "parent_pipeline")
	maybe("runner_environment", "gitlab-hosted", "self-hosted")
	maybe("environment", "production", "staging")
	maybe("user_login", "somebody", "else")
	maybe("user_id", "7", "8")
	if r.IntN(2) == 0 {
		rule.Claims["ref_protected"] = equal(choose(r, "true", "false"))
	}
	if !deny {
		for _, name := range []string{policy.AllowFork, policy.AllowRefWithoutType, policy.AllowOpenEnvironment} {
			if r.IntN(2) == 0 {
				rule.Allow[name] = Reason
			}
		}
	}
	return rule
}

// CircleCIRule is GitLabRule for CircleCI.
func CircleCIRule(r *rand.Rand, deny bool) policy.Rule {
	rule := policy.Rule{Name: "r", Platform: policy.CircleCI, Claims: map[string]policy.Matcher{}, Allow: map[string]string{}}
	maybe := func(claim string, of ...string) {
		if r.IntN(2) == 0 {
			rule.Claims[claim] = matcher(r, of...)
		}
	}
	if !deny {
		rule.Claims["org-id"], rule.Claims["project-id"] = equal(Organization), equal(Project)
	}
	maybe("vcs-origin", "github.com/acme/app", "github.com/acme/other")
	maybe("vcs-ref", circleRefs...)
	if r.IntN(4) == 0 {
		rule.Claims["context-ids"] = policy.Matcher{Op: policy.AllOf, Values: []string{User}}
	}
	if !deny {
		for _, name := range []string{policy.AllowFork, policy.AllowSSHRerun, policy.AllowRefFromAnyRepository} {
			if r.IntN(2) == 0 {
				rule.Allow[name] = Reason
			}
		}
	}
	return rule
}

// GitLabToken is a token as GitLab makes them.
func GitLabToken(r *rand.Rand, issuer string) map[string]any {
	path := choose(r, "acme/app", "acme/app", "acme/app-evil", "acme/sub/app", "other/app")
	c := map[string]any{
		"iss": issuer, "aud": choose(r, Audience, Audience, Audience, "https://other.example"), "iat": 1, "exp": 3601, "jti": "j",
		"project_id": choose(r, "1", "1", "2"), "project_path": path, "namespace_id": choose(r, "1", "1", "3"), "namespace_path": path[:strings.LastIndex(path, "/")],
		"ref": choose(r, gitLabRefs[:6]...), "ref_type": choose(r, "branch", "tag"), "ref_protected": choose(r, "true", "false"),
		"pipeline_source":    choose(r, "push", "web", "schedule", "api", "merge_request_event", "parent_pipeline", "pipeline"),
		"runner_environment": choose(r, "gitlab-hosted", "self-hosted"), "user_login": choose(r, "somebody", "else", "third"), "user_id": choose(r, "7", "8"),
		"pipeline_id": "5", "job_id": "6",
	}
	if r.IntN(2) == 0 {
		c["environment"], c["environment_protected"] = choose(r, "production", "staging"), choose(r, "true", "false")
	}
	if r.IntN(2) == 0 {
		c["job_project_id"] = c["project_id"]
		if c["pipeline_source"] == "merge_request_event" && r.IntN(2) == 0 {
			c["job_project_id"] = "99"
		}
	}
	c["sub"] = fmt.Sprintf("project_path:%s:ref_type:%s:ref:%s", path, c["ref_type"], c["ref"])
	return c
}

// CircleCIToken is a token as CircleCI makes them, in either form of sub.
func CircleCIToken(r *rand.Rand) map[string]any {
	p := choose(r, Project, Project, User)
	c := map[string]any{
		"iss": "https://oidc.circleci.com/org/" + Organization, "aud": choose(r, Audience, Audience, Audience, Organization), "iat": 1, "exp": 3601,
		"oidc.circleci.com/org-id": Organization, "oidc.circleci.com/project-id": p, "oidc.circleci.com/ssh-rerun": r.IntN(3) == 0, "oidc.circleci.com/job-id": User,
	}
	sub := "org/" + Organization + "/project/" + p + "/user/" + User
	if r.IntN(6) > 0 {
		origin, ref := choose(r, "github.com/acme/app", "github.com/acme/app", "github.com/acme/other"), choose(r, circleRefs...)
		c["oidc.circleci.com/vcs-origin"], c["oidc.circleci.com/vcs-ref"] = origin, ref
		if r.IntN(4) > 0 {
			sub += "/vcs-origin/" + origin + "/vcs-ref/" + ref
		}
	}
	if r.IntN(3) == 0 {
		c["oidc.circleci.com/context-ids"] = []string{User}
	}
	c["sub"] = sub
	return c
}

// Explained reports whether every reason why the policy refuses has its gap.
func Explained(d *policy.Decision, gaps []trustgap.Gap) bool {
	has := func(field string) bool {
		return slices.ContainsFunc(gaps, func(g trustgap.Gap) bool { return g.Field == field })
	}
	for _, rule := range d.Rules() {
		if rule.Deny {
			if rule.Matched && !has("deny "+rule.Rule) {
				return false
			}
			continue
		}
		for _, c := range rule.Checks {
			if c.Result != policy.Pass && !has(c.Claim) {
				return false
			}
		}
	}
	return true
}
