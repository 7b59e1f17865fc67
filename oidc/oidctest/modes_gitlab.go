package oidctest

import "github.com/cioidc/cioidc/internal/fakeissuer"

// Subject builds sub of these components, in this order, as a project's
// setting ci_id_token_sub_claim_components does: project_path or project_id
// first, then any of ref_type, ref, ref_protected, environment_protected and
// deployment_tier. One that the token does not have is left out.
func Subject(components ...string) func(Claims) {
	return fakeissuer.Subject(components...)
}

// BeforeGitLab184 leaves out what GitLab 18.4 added, the job_project_ and
// job_namespace_ claims, and what came later.
func BeforeGitLab184(c Claims) { fakeissuer.BeforeGitLab184(c) }

// BeforeGitLab189 leaves out what GitLab 18.9 added: job_source and job_config.
func BeforeGitLab189(c Claims) { fakeissuer.BeforeGitLab189(c) }

// NoConfigRef leaves out ci_config_ref_uri and ci_config_sha, as older
// versions do whenever the configuration is not a file of the same repository.
func NoConfigRef(c Claims) { fakeissuer.NoConfigRef(c) }

// PipelineSource makes the token one of a pipeline started this way, such as
// "schedule" or "web".
func PipelineSource(source string) func(Claims) {
	return fakeissuer.PipelineSource(source)
}

// MergeRequest makes the token one of a merge request pipeline within the
// project: ref is the source branch.
func MergeRequest(c Claims) { fakeissuer.MergeRequest(c) }

// ForkMergeRequest makes the token one of a merge request from a fork whose
// pipeline runs in the fork, the default: every claim names the fork.
func ForkMergeRequest(c Claims) { fakeissuer.ForkMergeRequest(c) }

// ForkMergeRequestInParent makes the token one of a merge request from a fork
// whose pipeline a member of the parent project runs in the parent: the fork's
// configuration with the parent's runners and variables. project_id, sub and
// user_access_level speak of the fork, job_project_id and ci_config_ref_uri
// (but for its ref) of the parent.
func ForkMergeRequestInParent(c Claims) { fakeissuer.ForkMergeRequestInParent(c) }

// NullUserAccessLevel sends user_access_level as null, as for a user without a
// role in the project.
func NullUserAccessLevel(c Claims) { fakeissuer.NullUserAccessLevel(c) }

// NoUser makes the token one of a job without a user: user_id is empty, and
// what describes the user is null.
func NoUser(c Claims) { fakeissuer.NoUser(c) }

// Environment makes the token one of a job that deploys to this environment,
// which is not protected: its name is what the configuration says. tier is
// production, staging, testing, development or other.
func Environment(name, tier string) func(Claims) {
	return fakeissuer.Environment(name, tier)
}

// ProtectedEnvironment is like [Environment], for one that GitLab protects
// (Premium and Ultimate only).
func ProtectedEnvironment(name, tier string) func(Claims) {
	return fakeissuer.ProtectedEnvironment(name, tier)
}

// NoEnvironment leaves out the claims of a deployment, as for a job without
// the keyword environment.
func NoEnvironment(c Claims) { fakeissuer.NoEnvironment(c) }

// CommunityEdition makes the token one of GitLab's Community Edition, which
// knows neither protected environments (environment_protected is "false") nor
// jobs of a security policy.
func CommunityEdition(c Claims) { fakeissuer.CommunityEdition(c) }

// PolicyJob makes the token one of a job that a security policy has added to
// the pipeline; job_config says where from.
func PolicyJob(c Claims) { fakeissuer.PolicyJob(c) }

// GroupsDirect adds the groups the user is a direct member of, which an
// instance sends only if its operator asks it to.
func GroupsDirect(paths ...string) func(Claims) {
	return fakeissuer.GroupsDirect(paths...)
}

// UserIdentity adds an external identity of the user, which GitLab sends only
// for users who have asked it to.
func UserIdentity(provider, uid string) func(Claims) {
	return fakeissuer.UserIdentity(provider, uid)
}

// SelfHostedRunner makes the runner one that gitlab.com does not host, as
// those of every other instance.
func SelfHostedRunner(c Claims) { fakeissuer.SelfHostedRunner(c) }

// HostedRunner makes the runner one that gitlab.com hosts.
func HostedRunner(c Claims) { fakeissuer.HostedRunner(c) }

// LegacyV2 makes the token a CI_JOB_JWT_V2, which GitLab sent to every job
// before version 17.0: fewer claims, and the instance itself as audience.
func LegacyV2(c Claims) { fakeissuer.LegacyV2(c) }

// LegacyV1 makes the token a CI_JOB_JWT, gone since GitLab 17.0: iss is the
// bare host, sub names the job, and there is no aud.
func LegacyV1(c Claims) { fakeissuer.LegacyV1(c) }
