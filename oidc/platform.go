package oidc

import (
	"fmt"
	"strings"

	"github.com/cioidc/cioidc/claims"
)

const (
	claimOrgID     = "oidc.circleci.com/org-id"
	claimProjectID = "oidc.circleci.com/project-id"
	claimSSHRerun  = "oidc.circleci.com/ssh-rerun"
	claimVCSRef    = "oidc.circleci.com/vcs-ref"
)

func missing(claim, why string) *TokenError {
	return &TokenError{Reason: ErrClaim, Claim: claim, Detail: "no " + claim + "; " + why}
}

func notListed(c *claims.CircleCI) *TokenError {
	return &TokenError{Reason: ErrIssuer, Claim: claimOrgID,
		Detail: fmt.Sprintf("organization %s is not one of those configured for this issuer", quote(c.OrganizationID))}
}

// checkOrganization checks a token of the issuer of one organization. Tokens of
// before November 2025 name it in their issuer only.
func checkOrganization(c *claims.CircleCI, id string) *TokenError {
	if c.OrganizationID != "" && !strings.EqualFold(c.OrganizationID, id) {
		return &TokenError{Reason: ErrClaim, Claim: claimOrgID,
			Detail: fmt.Sprintf("%s is %s in a token of the issuer of organization %s", claimOrgID, quote(c.OrganizationID), id)}
	}
	return nil
}

// circleCI returns the model of CircleCI's tokens, with a check of the
// organization that is the constructor's own.
func circleCI(organization func(*claims.CircleCI) *TokenError) *model {
	m := modelOf[claims.CircleCI]()
	m.check = func(c claims.Model) *TokenError {
		t := c.(*claims.CircleCI)
		if t.ProjectID == "" {
			if s, err := claims.ParseCircleCISubject(t.Subject); err == nil && s.AuditLog {
				return missing(claimProjectID, "this is the token of an audit log stream, not of a job")
			}
			return missing(claimProjectID, "every job's token has one")
		}
		return organization(t)
	}
	m.guard = guardCircleCI
	return m
}

func guardCircleCI(c claims.Model, cfg *Config) *DeniedError {
	t := c.(*claims.CircleCI)
	if !cfg.AllowSSHRerun && t.SSHRerun != claims.False {
		detail := claimSSHRerun + " is true: a person may be typing in the job; rerun it without SSH, or set AllowSSHRerun"
		if t.SSHRerun == claims.Absent {
			detail = "the token has no " + claimSSHRerun + ", so the job may have been rerun with SSH; set AllowSSHRerun if that is acceptable"
		}
		return &DeniedError{Claims: c, Err: ErrSSHRerun, Detail: detail}
	}
	if !cfg.AllowForks && t.ForkPullRequest() {
		return &DeniedError{Claims: c, Err: ErrFork, Detail: fmt.Sprintf(
			"%s is %s, the form of a pull request from a fork, and its repository is %s; set AllowForks and check vcs-origin if forks may do this",
			claimVCSRef, quote(t.VCSRef), quote(t.VCSOrigin))}
	}
	return nil
}

func checkGitLab(c claims.Model) *TokenError {
	t := c.(*claims.GitLab)
	const why = "job tokens have it; the ID tokens of users who log in, signed by the same issuer, do not"
	switch {
	case t.ProjectID == "":
		return missing("project_id", why)
	case t.PipelineID == "":
		return missing("pipeline_id", why)
	case t.JobID == "":
		return missing("job_id", why)
	}
	return nil
}

func guardGitLab(c claims.Model, cfg *Config) *DeniedError {
	t := c.(*claims.GitLab)
	if cfg.AllowForks {
		return nil
	}
	switch t.Fork() {
	case claims.False:
		return nil
	case claims.True:
		return &DeniedError{Claims: c, Err: ErrFork, Detail: fmt.Sprintf(
			"commit and configuration are of project %s (%s), but the job runs in project %s (%s); set AllowForks if forks may do this",
			quote(string(t.ProjectID)), quote(t.ProjectPath), quote(string(t.JobProjectID)), quote(t.JobProjectPath))}
	}
	return &DeniedError{Claims: c, Err: ErrFork, Detail: fmt.Sprintf(
		"the token has no job_project_id, and with pipeline_source %s it may be a fork's merge request; use GitLab 18.4 or later, or set AllowForks",
		quote(t.PipelineSource))}
}
