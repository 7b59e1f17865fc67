package oidctest

import (
	"time"

	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// AudienceArray sends the audience as an array: the token's own first, then
// these. Without any, it is an array of one.
func AudienceArray(more ...string) func(Claims) {
	return fakeissuer.AudienceArray(more...)
}

// Branch makes the token one of a push to this branch; on GitLab, to one that
// is not protected.
func Branch(name string) func(Claims) {
	return fakeissuer.Branch(name)
}

// ProtectedBranch is like [Branch], for one that GitLab protects. CircleCI's
// tokens do not tell the difference.
func ProtectedBranch(name string) func(Claims) {
	return fakeissuer.ProtectedBranch(name)
}

// Tag makes the token one of a push of this tag; on GitLab, of one that is not
// protected.
func Tag(name string) func(Claims) {
	return fakeissuer.Tag(name)
}

// Project makes the token one of this project, in every claim that names it.
// Empty path means that the path stays as it is. The ID is required, and
// claims that the token does not have stay out.
//
// On GitLab the path is the project's full path, such as "acme/deployer". It
// sets project_id and project_path, namespace_path and namespace_id (an ID
// made up for the namespace, the same for each of its projects), the job_
// claims of the same names, ci_config_ref_uri and sub.
//
// On CircleCI the ID is a UUID and the path is the repository as vcs-origin
// has it, such as "github.com/acme/deployer". It sets project-id, vcs-origin
// and sub.
//
// The order of Project and other modes does not matter: what names the fork of
// [ForkMergeRequest], [ForkMergeRequestInParent] or [ForkPullRequest] goes on
// naming it, and the rest names this project.
func Project(id, path string) func(Claims) {
	return fakeissuer.Project(id, path)
}

// Lifetime makes the token expire this long after it was issued, in whole
// seconds.
func Lifetime(d time.Duration) func(Claims) {
	return fakeissuer.Lifetime(d)
}

// Expired makes the token one that expired ten minutes ago; its lifetime stays
// the same.
func Expired(c Claims) { fakeissuer.Expired(c) }

// NotYet makes the token one that is issued ten minutes from now. On GitLab
// nbf says so, on CircleCI only iat does.
func NotYet(c Claims) { fakeissuer.NotYet(c) }
