package oidctest

import "github.com/cioidc/cioidc/internal/fakeissuer"

// SubjectV2 gives the subject the form of CIRCLE_OIDC_TOKEN_V2, with the
// repository and ref that triggered the pipeline. Without those claims the
// subject stays as it is.
func SubjectV2(c Claims) { fakeissuer.SubjectV2(c) }

// RootIssuer makes the token one of the issuer all customers share, as asked
// for by `circleci run oidc get --root-issuer`: iss loses /org/ and what
// follows. To have that issuer answer, open one at [CircleCIRootURL] with
// [Options.KeysOf].
func RootIssuer(c Claims) { fakeissuer.RootIssuer(c) }

// Organization makes the token one of another organization, by its UUID: in
// iss (unless that is the root issuer), sub, org-id, and aud if it is the
// default one. The key stays the issuer's own, as CircleCI's organizations
// have the same.
func Organization(id string) func(Claims) {
	return fakeissuer.Organization(id)
}

// CustomWebhook makes the token one of a pipeline that a custom webhook
// started: it names no repository and no ref, and its subject has the first
// form even in CIRCLE_OIDC_TOKEN_V2.
func CustomWebhook(c Claims) { fakeissuer.CustomWebhook(c) }

// ForkPullRequest makes the token one of a pull request from a fork, in a
// project that passes secrets to such builds: organization and project are the
// upstream's, only the repository ([CircleCIForkOrigin]) and the ref
// ([CircleCIForkRef]) tell.
func ForkPullRequest(c Claims) { fakeissuer.ForkPullRequest(c) }

// SSHRerun makes the token one of a job that was rerun with SSH: a person has
// a shell in it.
func SSHRerun(c Claims) { fakeissuer.SSHRerun(c) }

// BeforeNovember2025 leaves out the claims CircleCI has added since: org-id,
// pipeline-id, pipeline-definition-id, workflow-id and job-id.
func BeforeNovember2025(c Claims) { fakeissuer.BeforeNovember2025(c) }

// Contexts sets the IDs of the contexts the job uses. Without any, the array
// is empty.
func Contexts(ids ...string) func(Claims) {
	return fakeissuer.Contexts(ids...)
}

// AuditLogStream makes the token the one with which CircleCI itself delivers
// an organization's audit log: a job's issuer and audience, but no job. Of the
// claims of a job only org-id stays. Ask for it with an empty audience, which
// is the one it has.
func AuditLogStream(c Claims) { fakeissuer.AuditLogStream(c) }

// FiveHours makes the token live for five hours, the default of CircleCI
// server and, by one of CircleCI's pages, of its cloud.
func FiveHours(c Claims) { fakeissuer.FiveHours(c) }
