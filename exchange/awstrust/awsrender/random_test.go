package awsrender_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/cioidc/cioidc/internal/trustcase"
	"github.com/cioidc/cioidc/oidc/policy"
)

const odd = "urn:*?%{x}" // an audience that looks like a pattern and is none

var (
	circleIssuers = []string{"https://oidc.circleci.com/org/" + org, "https://oidc.circleci.com", "https://ci.acme.example/oidc"}

	// subjects are what a project may have its sub made of.
	subjects = [][]string{
		nil, nil, nil, {"project_path"}, {"project_id", "ref_type", "ref"}, {"project_path", "ref"}, {"project_id", "project_path", "ref_type"},
		{"project_path", "environment", "ref"}, {"job_project_path", "ref_path"}, {"project_id", "user_access_level", "pipeline_source"},
		{"project_id", "job_project_id", "job_project_path"}, {"project_path", "ref", "environment"}, {"project_id", "ref", "namespace_path", "project_path"},
	}

	globs = []string{"*", "**", "***", "a*", "pipe*", "rel*", "*:*", "main", "acme/*", "acme/**", "git*", "https:*",
		"refs*", "refs/**", "refs/heads/pull/7", "refs/heads/p*", "refs/heads/p**", "refs/heads/pull/**"}
)

func choose[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// condition returns any condition on a claim.
func condition(r *rand.Rand, of ...string) policy.Matcher {
	m := policy.Matcher{Op: choose(r, policy.Op(""), policy.Equal, policy.Equal, policy.Glob, policy.Regex, policy.Present, policy.Absent)}
	switch m.Op {
	case "", policy.Equal:
		m.Values = []string{choose(r, of...), choose(r, of...)}[:1+r.IntN(2)]
		m.Not = r.IntN(4) == 0
	case policy.Glob:
		m.Values = []string{choose(r, globs...), choose(r, globs...)}[:1+r.IntN(2)]
		m.Not = r.IntN(6) == 0
	case policy.Regex:
		m.Values = []string{choose(r, "m.*", ".*")}
	}
	return m
}

// wilderRule changes a rule of trustcase: fewer conditions, and others.
func wilderRule(r *rand.Rand, rule policy.Rule, deny bool) policy.Rule {
	often := choose(r, 4, 10, 20) // how seldom there is one
	maybe := func(claim string, of ...string) {
		if r.IntN(often) == 0 {
			rule.Claims[claim] = condition(r, of...)
		}
	}
	if often > 4 {
		for _, claim := range []string{"ref", "ref_type", "pipeline_source", "environment", "user_login", "user_id", "runner_environment", "namespace_path", "vcs-origin", "vcs-ref", "context-ids"} {
			if r.IntN(3) > 0 {
				delete(rule.Claims, claim)
			}
		}
	}
	if rule.Platform == policy.CircleCI {
		maybe("issuer", circleIssuers...)
		maybe("ssh-rerun", "true", "false")
		maybe("vcs-ref", "refs/heads/main", "refs/heads/pull/7")
		maybe("job-id", user)
		if deny {
			maybe("org-id", org, user)
			maybe("project-id", project, user)
		} else if r.IntN(4) == 0 {
			rule.Claims["project-id"] = equal(project, user)
		}
		return rule
	}
	if deny {
		maybe("issuer", gitLab, managed)
		maybe("project_id", "1", "2")
	}
	if r.IntN(3) == 0 {
		maybe("namespace_path", "acme", "ACME", "\u212Aacme", "other")
		maybe("project_path", "acme/app", "Acme/APP", "other/app", "acme/a*")
	}
	maybe("job_project_path", "acme/app", "Acme/app", "other/app")
	maybe("job_project_id", "1", "99")
	maybe("user_access_level", "guest", "maintainer")
	maybe("user_email", "a@b.example", "${x}@b.example")
	maybe("user_id", "7", "8")
	maybe("ref", "main", "v1", "release/1")
	maybe("ref_path", "refs/heads/main", "refs/tags/v1")
	maybe("subject", "project_path:acme/app:ref_type:branch:ref:main")
	return rule
}

// wilderGitLab changes a token of trustcase: null claims, the newer ones, and
// another sub.
func wilderGitLab(r *rand.Rand, issuer string, components []string) map[string]any {
	c := trustcase.GitLabToken(r, issuer)
	if r.IntN(2) == 0 {
		c = trustcase.WildGitLabToken(r, c)
	}
	c["iss"], c["aud"] = issuer, choose[any](r, aud, aud, aud, odd, []string{aud}, []string{aud, "https://other.example"})
	c["user_access_level"] = choose[any](r, nil, "", "guest", "maintainer", "maintainer")
	c["user_email"] = choose[any](r, nil, "", "a@b.example", "a@b.example")
	c["ref_path"] = map[any]string{"branch": "refs/heads/", "tag": "refs/tags/"}[c["ref_type"]] + fmt.Sprint(c["ref"])
	switch c["job_project_id"] {
	case nil:
	case c["project_id"]:
		c["job_project_path"] = c["project_path"]
	default:
		c["job_project_path"] = "upstream/app"
	}
	if len(components) == 0 {
		components = []string{"project_path", "ref_type", "ref"}
	}
	var pairs []string
	for _, name := range components {
		if c[name] != nil { // GitLab leaves out what is null.
			pairs = append(pairs, fmt.Sprint(name, ":", c[name]))
		}
	}
	c["sub"] = strings.Join(pairs, ":")
	return c
}

// wilderCircleCI changes a token of trustcase: another issuer and audience.
func wilderCircleCI(r *rand.Rand, issuer string) map[string]any {
	c := trustcase.CircleCIToken(r)
	if r.IntN(2) == 0 {
		c = trustcase.WildCircleCIToken(r, c)
	}
	c["iss"] = issuer
	if r.IntN(6) == 0 {
		c["aud"] = odd
	}
	if r.IntN(8) == 0 {
		delete(c, "oidc.circleci.com/ssh-rerun")
	}
	return c
}
