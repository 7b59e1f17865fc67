package trustcase

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/oidc/policy"
)

// odd are values with characters that mean something where documents are
// written. Git takes the first five in a ref.
var odd = []string{"it's", `q"r`, "${x}", "%{y}", "é\u212A", `back\slash`, "line\nbreak", "tab\tbell\a", "a?", "null", " "}

// ids and words are what claims of a rule may be compared with, by platform.
var (
	gitLabWords = map[string][]string{
		"project_path": {"acme/app", "Acme/APP", "acme/sub/app"}, "namespace_path": {"acme", "ACME", "acme/sub"}, "job_project_path": {"acme/app", "Upstream/App"},
		"job_namespace_path": {"acme", "upstream"}, "ref": append([]string{"main", "v1"}, odd...), "ref_type": {"branch", "tag"},
		"ref_path": {"refs/heads/main", "refs/tags/v1", "refs/heads/it's"}, "sha": {"abc", "def"}, "environment": append([]string{"production", "review/a"}, odd...),
		"environment_action": {"start", "stop"}, "deployment_tier": {"production", "other"}, "pipeline_source": {"push", "web", "merge_request_event"},
		"job_source": {"push", "pipeline"}, "job_config.url": {"https://gitlab.com/acme/policy", "x"}, "job_config.sha": {"abc"},
		"ci_config_ref_uri": {"gitlab.com/acme/app//.gitlab-ci.yml@refs/heads/main", "gitlab.com/acme/app//it's.yml@refs/heads/main"}, "ci_config_sha": {"abc"},
		"runner_environment": {"gitlab-hosted", "self-hosted"}, "project_visibility": {"private", "public"}, "user_login": append([]string{"somebody"}, odd...),
		"user_email": append([]string{"a@b.example"}, odd...), "user_access_level": {"guest", "maintainer", "null"}, "target_audience": {"x"},
		"subject": {"project_path:acme/app:ref_type:branch:ref:main"}, "groups_direct": {"acme", "acme/sub", "it's"}, "user_identities": {"google:7"},
	}
	gitLabIDs = map[string][]string{
		"job_project_id": {"1", "99"}, "namespace_id": {"1", "3"}, "project_id": {"1", "2"}, "job_namespace_id": {"1", "9"}, "pipeline_id": {"5", "6"}, "job_id": {"6"},
		"runner_id": {"0", "7", "1e3"}, "user_id": {"7", "8", "it's"}, "jti": {"j", "it's"}, "issuer": {GitLab, Managed},
	}
	gitLabFlags = []string{"ref_protected", "environment_protected"}

	circleWords = map[string][]string{
		"vcs-origin": append([]string{"github.com/acme/app", "github.com/acme/other"}, odd...), "vcs-ref": append([]string{"refs/heads/main", "refs/heads/it's"}, odd...),
		"subject": {"org/" + Organization + "/project/" + Project + "/user/" + User},
	}
	circleIDs = map[string][]string{
		"pipeline-definition-id": {User, Project}, "pipeline-id": {User}, "workflow-id": {User, Project}, "job-id": {User}, "context-ids": {User, Project, Organization},
		"jti": {"j"}, "issuer": {"https://oidc.circleci.com/org/" + Organization, "https://oidc.circleci.com", "https://ci.acme.example/oidc"},
	}

	wildGlobs = []string{"*", "**", "***", "m*", "*m*", "acme/*", "ACME/**", "*:*", "refs/*/*", "it'*", "${*", "a?*", "*\\*", "*\n*", "gitlab.com/**@refs/heads/main", "é*", "[a-z]*", "(*"}
	wildRegex = []string{".*", "", "(?i)MAIN", "(?s).*", "m.*|", "^main$", "(?m)^main$", `it's`, `\w+`, `[^/:]*`, `\Qm\Ea.*`, "(?-i:acme)/app", `a|b`, `.+\n.*`}
)

// WildMatcher returns any condition on a claim that has one of the values. Only
// words may be matched by a pattern.
func WildMatcher(r *rand.Rand, words bool, values []string) policy.Matcher {
	m := policy.Matcher{Op: choose(r, policy.Op(""), policy.Equal, policy.Equal, policy.Present, policy.Absent)}
	if words && r.IntN(3) == 0 {
		m.Op = choose(r, policy.Glob, policy.Regex)
	}
	switch m.Op {
	case policy.Present, policy.Absent:
		return m
	case policy.Glob:
		values = wildGlobs
	case policy.Regex:
		values = wildRegex
	}
	for range 1 + r.IntN(3) {
		m.Values = append(m.Values, choose(r, values...))
	}
	m.Not = r.IntN(4) == 0
	return m
}

// WildRule adds a few conditions to a rule, on any of its platform's claims.
func WildRule(r *rand.Rand, rule policy.Rule, deny bool) policy.Rule {
	words, ids, flags := gitLabWords, gitLabIDs, gitLabFlags
	if rule.Platform == policy.CircleCI {
		words, ids, flags = circleWords, circleIDs, []string{"ssh-rerun"}
	}
	if r.IntN(2) == 0 { // fewer, so that they are what decides
		for claim, m := range rule.Claims {
			if (deny || !slices.Contains([]string{"issuer", "project_id", "namespace_id", "org-id", "project-id"}, claim)) && m.Op != "" {
				delete(rule.Claims, claim)
			}
		}
	}
	type claim struct {
		name   string
		words  bool
		values []string
	}
	var all []claim
	for name, values := range words {
		all = append(all, claim{name, true, values})
	}
	for name, values := range ids {
		if deny || name != "issuer" || rule.Platform == policy.CircleCI {
			all = append(all, claim{name, false, values})
		}
	}
	for _, name := range flags {
		all = append(all, claim{name, false, []string{"true", "false"}})
	}
	slices.SortFunc(all, func(a, b claim) int { return strings.Compare(a.name, b.name) }) // a seed means one rule
	for range 1 + r.IntN(3) {
		c := choose(r, all...)
		m := WildMatcher(r, c.words, c.values)
		if c.name == "context-ids" || c.name == "groups_direct" {
			if r.IntN(3) == 0 {
				m = policy.Matcher{Op: policy.AllOf, Values: []string{choose(r, c.values...), choose(r, c.values...)}, Not: r.IntN(3) == 0}
			}
		}
		rule.Claims[c.name] = m
	}
	return rule
}

// WildGitLabToken changes a token of [GitLabToken] as GitLab may: claims of newer
// versions, claims without a value, and names with odd characters.
func WildGitLabToken(r *rand.Rand, c map[string]any) map[string]any {
	if r.IntN(3) == 0 {
		c["ref"] = choose(r, odd[:5]...)
	}
	c["aud"] = choose[any](r, c["aud"], c["aud"], []string{Audience}, []string{Audience, "https://other.example"})
	c["ref_path"] = map[any]string{"branch": "refs/heads/", "tag": "refs/tags/"}[c["ref_type"]] + fmt.Sprint(c["ref"])
	c["user_login"] = choose[any](r, c["user_login"], nil, "", "somebody")
	c["user_email"] = choose[any](r, nil, "", "a@b.example", "${x}", "it's")
	c["user_access_level"] = choose[any](r, nil, "", "guest", "maintainer")
	c["user_id"] = choose[any](r, "7", "8", "")
	c["sub"] = fmt.Sprintf("project_path:%s:ref_type:%s:ref:%s", c["project_path"], c["ref_type"], c["ref"])
	maybe := func(name string, values ...any) {
		if r.IntN(2) == 0 {
			c[name] = choose(r, values...)
		}
	}
	if _, has := c["environment"]; has {
		c["environment"] = choose(r, "production", "review/a", "it's", "${x}")
		maybe("environment_action", "start", "stop", nil)
		maybe("deployment_tier", "production", "other", nil)
	}
	switch c["job_project_id"] {
	case nil:
	case c["project_id"]:
		c["job_project_path"], c["job_namespace_path"], c["job_namespace_id"] = c["project_path"], c["namespace_path"], c["namespace_id"]
	default:
		c["job_project_path"], c["job_namespace_path"], c["job_namespace_id"] = "upstream/app", "upstream", "9"
	}
	maybe("sha", "abc", "def")
	maybe("runner_id", 7, 1000, 8)
	maybe("job_source", "push", "pipeline")
	maybe("job_config", map[string]any{"url": "https://gitlab.com/acme/policy", "sha": "abc"}, map[string]any{"url": "x"}, nil)
	maybe("ci_config_ref_uri", gitLabWords["ci_config_ref_uri"][0], gitLabWords["ci_config_ref_uri"][1], nil)
	maybe("ci_config_sha", "abc", nil)
	maybe("project_visibility", "private", "public")
	maybe("groups_direct", []string{}, []string{"acme"}, []string{"acme/sub", "it's"})
	maybe("user_identities", []any{}, []any{map[string]string{"provider": "google", "extern_uid": "7"}})
	return c
}

// WildCircleCIToken changes a token of [CircleCIToken] as CircleCI may.
func WildCircleCIToken(r *rand.Rand, c map[string]any) map[string]any {
	c["oidc.circleci.com/context-ids"] = choose[any](r, nil, []string{}, []string{User}, []string{Project, User}, []string{Organization})
	if r.IntN(3) == 0 {
		delete(c, "oidc.circleci.com/context-ids")
	}
	for _, name := range []string{"pipeline-definition-id", "pipeline-id", "workflow-id"} {
		if r.IntN(2) == 0 {
			c["oidc.circleci.com/"+name] = choose(r, User, Project)
		}
	}
	if r.IntN(8) == 0 {
		delete(c, "oidc.circleci.com/ssh-rerun")
	}
	if _, has := c["oidc.circleci.com/vcs-ref"]; has && r.IntN(4) == 0 {
		v1 := "org/" + Organization + "/project/" + fmt.Sprint(c["oidc.circleci.com/project-id"]) + "/user/" + User
		ref := "refs/heads/" + choose(r, odd[:5]...)
		c["oidc.circleci.com/vcs-ref"], c["sub"] = ref, v1+"/vcs-origin/"+fmt.Sprint(c["oidc.circleci.com/vcs-origin"])+"/vcs-ref/"+ref
	}
	return c
}
