package fakeissuer

import "strings"

// defaultSubject is the components of sub in a project that configures none.
var defaultSubject = []string{"project_path", "ref_type", "ref"}

// subjectComponents is all that a project can put into sub.
var subjectComponents = map[string]bool{
	"project_path": true, "project_id": true, "ref_type": true, "ref": true,
	"ref_protected": true, "environment_protected": true, "deployment_tier": true,
}

// Subject builds sub of these components, in this order, as a project's
// setting ci_id_token_sub_claim_components does: project_path or project_id
// first, then any of ref_type, ref, ref_protected, environment_protected and
// deployment_tier. One that the token does not have is left out.
func Subject(components ...string) func(Claims) {
	return func(c Claims) {
		gitLabMode("Subject", c)
		setGitLabSubject(c, components)
	}
}

func setGitLabSubject(c Claims, components []string) {
	var parts []string
	for _, name := range components {
		if value, ok := c[name].(string); ok {
			parts = append(parts, name, value)
		}
	}
	c["sub"] = strings.Join(parts, ":")
}

// refreshGitLabSubject keeps sub in step with the claims it repeats, in
// whatever form it has. One that a test has made up is left alone. A colon
// separates safely here: neither paths nor refs can have one.
func refreshGitLabSubject(c Claims) {
	sub, _ := c["sub"].(string)
	parts := strings.Split(sub, ":")
	if len(parts)%2 != 0 {
		return
	}
	var components []string
	for n := 0; n < len(parts); n += 2 {
		if !subjectComponents[parts[n]] {
			return
		}
		components = append(components, parts[n])
	}
	setGitLabSubject(c, components)
}

// BeforeGitLab184 leaves out what GitLab 18.4 added, the job_project_ and
// job_namespace_ claims, and what came later.
func BeforeGitLab184(c Claims) {
	gitLabMode("BeforeGitLab184", c)
	for _, name := range []string{"job_project_id", "job_project_path", "job_namespace_id", "job_namespace_path"} {
		delete(c, name)
	}
	BeforeGitLab189(c)
}

// BeforeGitLab189 leaves out what GitLab 18.9 added: job_source and job_config.
func BeforeGitLab189(c Claims) {
	gitLabMode("BeforeGitLab189", c)
	delete(c, "job_source")
	delete(c, "job_config")
}

// NoConfigRef leaves out ci_config_ref_uri and ci_config_sha, as older
// versions do whenever the configuration is not a file of the same repository.
func NoConfigRef(c Claims) {
	gitLabMode("NoConfigRef", c)
	delete(c, "ci_config_ref_uri")
	delete(c, "ci_config_sha")
}

// PipelineSource makes the token one of a pipeline started this way, such as
// "schedule" or "web".
func PipelineSource(source string) func(Claims) {
	return func(c Claims) {
		gitLabMode("PipelineSource", c)
		c["pipeline_source"] = source
		if _, ok := c["job_source"]; ok {
			c["job_source"] = source
		}
	}
}

// MergeRequest makes the token one of a merge request pipeline within the
// project: ref is the source branch.
func MergeRequest(c Claims) {
	gitLabMode("MergeRequest", c)
	PipelineSource("merge_request_event")(c)
	setRef(c, "branch", "feature/checkout", "false")
}

// ForkMergeRequest makes the token one of a merge request from a fork whose
// pipeline runs in the fork, the default: every claim names the fork.
func ForkMergeRequest(c Claims) {
	gitLabMode("ForkMergeRequest", c)
	nameFork(c)
	for to, from := range map[string]string{
		"job_project_id": "project_id", "job_project_path": "project_path",
		"job_namespace_id": "namespace_id", "job_namespace_path": "namespace_path",
	} {
		if _, ok := c[to]; ok {
			c[to] = c[from]
		}
	}
	if uri, ok := c["ci_config_ref_uri"].(string); ok {
		host, _, _ := strings.Cut(uri, "/")
		_, file, _ := strings.Cut(uri, "//")
		c["ci_config_ref_uri"] = host + "/" + GitLabForkProjectPath + "//" + file
	}
	c["user_access_level"] = "owner"
	MergeRequest(c)
}

// ForkMergeRequestInParent makes the token one of a merge request from a fork
// whose pipeline a member of the parent project runs in the parent: the fork's
// configuration with the parent's runners and variables. project_id, sub and
// user_access_level speak of the fork, job_project_id and ci_config_ref_uri
// (but for its ref) of the parent.
func ForkMergeRequestInParent(c Claims) {
	gitLabMode("ForkMergeRequestInParent", c)
	nameFork(c)
	c["user_access_level"] = nil // the parent's member has no role in the fork
	MergeRequest(c)
}

func nameFork(c Claims) {
	c["project_id"], c["project_path"] = GitLabForkProjectID, GitLabForkProjectPath
	c["namespace_id"], c["namespace_path"] = GitLabForkNamespaceID, GitLabForkNamespacePath
	refreshGitLabSubject(c)
}

// NullUserAccessLevel sends user_access_level as null, as for a user without a
// role in the project.
func NullUserAccessLevel(c Claims) {
	gitLabMode("NullUserAccessLevel", c)
	c["user_access_level"] = nil
}

// NoUser makes the token one of a job without a user: user_id is empty, and
// what describes the user is null.
func NoUser(c Claims) {
	gitLabMode("NoUser", c)
	c["user_id"] = ""
	c["user_login"], c["user_email"], c["user_access_level"] = nil, nil, nil
}

// Environment makes the token one of a job that deploys to this environment,
// which is not protected: its name is what the configuration says. tier is
// production, staging, testing, development or other.
func Environment(name, tier string) func(Claims) {
	return func(c Claims) {
		gitLabMode("Environment", c)
		setEnvironment(c, name, tier, "false")
	}
}

// ProtectedEnvironment is like [Environment], for one that GitLab protects
// (Premium and Ultimate only).
func ProtectedEnvironment(name, tier string) func(Claims) {
	return func(c Claims) {
		gitLabMode("ProtectedEnvironment", c)
		setEnvironment(c, name, tier, "true")
	}
}

func setEnvironment(c Claims, name, tier, protected string) {
	c["environment"], c["environment_protected"] = name, protected
	c["deployment_tier"], c["environment_action"] = tier, "start"
	refreshGitLabSubject(c)
}

// NoEnvironment leaves out the claims of a deployment, as for a job without
// the keyword environment.
func NoEnvironment(c Claims) {
	gitLabMode("NoEnvironment", c)
	for _, name := range []string{"environment", "environment_protected", "deployment_tier", "environment_action"} {
		delete(c, name)
	}
	refreshGitLabSubject(c)
}

// CommunityEdition makes the token one of GitLab's Community Edition, which
// knows neither protected environments (environment_protected is "false") nor
// jobs of a security policy.
func CommunityEdition(c Claims) {
	gitLabMode("CommunityEdition", c)
	if _, ok := c["environment"]; ok {
		c["environment_protected"] = "false"
		refreshGitLabSubject(c)
	}
	delete(c, "job_config")
}

// PolicyJob makes the token one of a job that a security policy has added to
// the pipeline; job_config says where from.
func PolicyJob(c Claims) {
	gitLabMode("PolicyJob", c)
	const sha = "a8d27f4b0c93e61582fd47e9b6013c5a9d20e7f4"
	iss, _ := c["iss"].(string)
	c["job_config"] = map[string]string{
		"url": strings.TrimSuffix(iss, "/") + "/acme/policies/-/blob/" + sha + "/.gitlab/security-policies/policy.yml",
		"sha": sha,
	}
}

// GroupsDirect adds the groups the user is a direct member of, which an
// instance sends only if its operator asks it to.
func GroupsDirect(paths ...string) func(Claims) {
	return func(c Claims) {
		gitLabMode("GroupsDirect", c)
		c["groups_direct"] = append([]string{}, paths...)
	}
}

// UserIdentity adds an external identity of the user, which GitLab sends only
// for users who have asked it to.
func UserIdentity(provider, uid string) func(Claims) {
	return func(c Claims) {
		gitLabMode("UserIdentity", c)
		all, _ := c["user_identities"].([]map[string]string)
		c["user_identities"] = append(all[:len(all):len(all)], map[string]string{"provider": provider, "extern_uid": uid})
	}
}

// SelfHostedRunner makes the runner one that gitlab.com does not host, as
// those of every other instance.
func SelfHostedRunner(c Claims) {
	gitLabMode("SelfHostedRunner", c)
	c["runner_environment"] = "self-hosted"
}

// HostedRunner makes the runner one that gitlab.com hosts.
func HostedRunner(c Claims) {
	gitLabMode("HostedRunner", c)
	c["runner_environment"] = "gitlab-hosted"
}

// LegacyV2 makes the token a CI_JOB_JWT_V2, which GitLab sent to every job
// before version 17.0: fewer claims, and the instance itself as audience.
func LegacyV2(c Claims) {
	gitLabMode("LegacyV2", c)
	keep := map[string]bool{
		"namespace_id": true, "namespace_path": true, "project_id": true, "project_path": true,
		"user_id": true, "user_login": true, "user_email": true,
		"pipeline_id": true, "pipeline_source": true, "job_id": true,
		"ref": true, "ref_type": true, "ref_protected": true,
		"environment": true, "environment_protected": true,
		"jti": true, "iss": true, "iat": true, "nbf": true, "exp": true, "sub": true,
	}
	for name := range c {
		if !keep[name] {
			delete(c, name)
		}
	}
	c["aud"] = c["iss"]
}

// LegacyV1 makes the token a CI_JOB_JWT, gone since GitLab 17.0: iss is the
// bare host, sub names the job, and there is no aud.
func LegacyV1(c Claims) {
	gitLabMode("LegacyV1", c)
	LegacyV2(c)
	delete(c, "aud")
	if iss, ok := c["iss"].(string); ok {
		_, rest, _ := strings.Cut(iss, "://")
		c["iss"], _, _ = strings.Cut(rest, "/")
	}
	if job, ok := c["job_id"].(string); ok {
		c["sub"] = "job_" + job
	}
}
