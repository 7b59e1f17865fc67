package claims

import "strings"

// CircleCI holds the claims of a CircleCI token, as documented on
// https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/.
// The two kinds of token, CIRCLE_OIDC_TOKEN and CIRCLE_OIDC_TOKEN_V2, differ in
// their subject only. CircleCI sends neither nbf nor jti.
type CircleCI struct {
	Registered

	// OrganizationID is the UUID of the organization; for a forked pull request
	// still that of the upstream project's. Sent since November 2025.
	OrganizationID string `json:"oidc.circleci.com/org-id"`
	// ProjectID is the UUID of the project; for a forked pull request the
	// upstream project's. Job tokens always have it.
	ProjectID string `json:"oidc.circleci.com/project-id"`
	// ContextIDs are the UUIDs of the contexts that the job uses. Empty and nil
	// both mean none.
	ContextIDs []string `json:"oidc.circleci.com/context-ids"`
	// PipelineDefinitionID is the UUID of the pipeline definition, which names
	// the configuration that runs. Sent since November 2025.
	PipelineDefinitionID string `json:"oidc.circleci.com/pipeline-definition-id"`
	// PipelineID is the UUID of the pipeline. Sent since November 2025.
	PipelineID string `json:"oidc.circleci.com/pipeline-id"`
	// WorkflowID is the UUID of the workflow. Sent since December 2025.
	WorkflowID string `json:"oidc.circleci.com/workflow-id"`
	// JobID is the UUID of the job. Sent since December 2025.
	JobID string `json:"oidc.circleci.com/job-id"`
	// SSHRerun says whether the job was started by "Rerun job with SSH", that
	// is, whether a person may be typing in it.
	SSHRerun Bool `json:"oidc.circleci.com/ssh-rerun"`
	// VCSOrigin is the repository that triggered the pipeline, as host and path
	// without a scheme; for a forked pull request the fork. Empty for pipelines
	// that a custom webhook triggered.
	VCSOrigin string `json:"oidc.circleci.com/vcs-origin"`
	// VCSRef is the ref that triggered the pipeline, such as refs/heads/main.
	// Empty for pipelines that a custom webhook triggered.
	VCSRef string `json:"oidc.circleci.com/vcs-ref"`
}

// UserID returns the user part of the subject, the UUID of the CircleCI user
// that caused the job to run, or "" if the subject is not a job's.
func (c *CircleCI) UserID() string {
	s, _ := ParseCircleCISubject(c.Subject) // Of an ambiguous one, the user is still right.
	return s.UserID
}

// ForkPullRequest reports whether the token's ref has the form that CircleCI
// gives pull requests from forks, refs/heads/pull/N. It is third-party
// evidence: a branch of the project itself may be called so, and the sure test
// is to compare VCSOrigin with the repository that is expected.
func (c *CircleCI) ForkPullRequest() bool {
	return strings.HasPrefix(c.VCSRef, "refs/heads/pull/")
}

// Identity implements [Identifier].
func (c *CircleCI) Identity() Identity {
	return Identity{
		Platform: "circleci", Project: c.ProjectID, Repository: c.VCSOrigin, Ref: c.VCSRef,
		Pipeline: c.PipelineID, Run: c.JobID, Actor: c.UserID(),
	}
}
