package policy

import (
	"strings"

	"github.com/cioidc/cioidc/claims"
)

type kind uint8

const (
	text    kind = iota
	folded       // text whose case does not matter: GitLab's paths
	ident        // an identifier, which is never matched by pattern
	boolean      // "true" or "false"
	list
)

// field reads one claim. One of the two functions is set; "" and an empty list
// mean absent.
type field struct {
	kind   kind
	person bool // names a person: its value is in no decision
	one    func(claims.Model) string
	many   func(claims.Model) []string
}

func gl(k kind, f func(*claims.GitLab) string) field {
	return field{kind: k, one: func(m claims.Model) string {
		if c, ok := m.(*claims.GitLab); ok && c != nil {
			return f(c)
		}
		return ""
	}}
}

func cc(k kind, f func(*claims.CircleCI) string) field {
	return field{kind: k, one: func(m claims.Model) string {
		if c, ok := m.(*claims.CircleCI); ok && c != nil {
			return f(c)
		}
		return ""
	}}
}

func flag(b claims.Bool) string {
	if b == claims.Absent {
		return ""
	}
	return b.String()
}

func personal(f field) field { f.person = true; return f }

// fieldsOf returns what a rule for the platform can name.
func fieldsOf(platform string) map[string]field {
	registered := func(f func(*claims.Registered) string) field {
		return field{kind: ident, one: func(m claims.Model) string { return f(m.RegisteredClaims()) }}
	}
	var fields map[string]field
	switch platform {
	case GitLab:
		fields = gitlabFields()
	case CircleCI:
		fields = circleciFields()
	default:
		return nil
	}
	fields["issuer"] = registered(func(r *claims.Registered) string { return r.Issuer })
	subject := registered(func(r *claims.Registered) string { return r.Subject })
	subject.kind = text
	fields["subject"] = subject
	fields["jti"] = registered(func(r *claims.Registered) string { return r.JWTID })
	return fields
}

func circleciFields() map[string]field {
	return map[string]field{
		"org-id":     cc(ident, func(c *claims.CircleCI) string { return c.OrganizationID }),
		"project-id": cc(ident, func(c *claims.CircleCI) string { return c.ProjectID }),
		"context-ids": {kind: list, many: func(m claims.Model) []string {
			if c, ok := m.(*claims.CircleCI); ok && c != nil {
				return c.ContextIDs
			}
			return nil
		}},
		"pipeline-definition-id": cc(ident, func(c *claims.CircleCI) string { return c.PipelineDefinitionID }),
		"pipeline-id":            cc(ident, func(c *claims.CircleCI) string { return c.PipelineID }),
		"workflow-id":            cc(ident, func(c *claims.CircleCI) string { return c.WorkflowID }),
		"job-id":                 cc(ident, func(c *claims.CircleCI) string { return c.JobID }),
		"ssh-rerun":              cc(boolean, func(c *claims.CircleCI) string { return flag(c.SSHRerun) }),
		"vcs-origin":             cc(text, func(c *claims.CircleCI) string { return c.VCSOrigin }),
		"vcs-ref":                cc(text, func(c *claims.CircleCI) string { return c.VCSRef }),
	}
}

func gitlabFields() map[string]field {
	return map[string]field{
		"project_id":            gl(ident, func(c *claims.GitLab) string { return string(c.ProjectID) }),
		"project_path":          gl(folded, func(c *claims.GitLab) string { return c.ProjectPath }),
		"namespace_id":          gl(ident, func(c *claims.GitLab) string { return string(c.NamespaceID) }),
		"namespace_path":        gl(folded, func(c *claims.GitLab) string { return c.NamespacePath }),
		"job_project_id":        gl(ident, func(c *claims.GitLab) string { return string(c.JobProjectID) }),
		"job_project_path":      gl(folded, func(c *claims.GitLab) string { return c.JobProjectPath }),
		"job_namespace_id":      gl(ident, func(c *claims.GitLab) string { return string(c.JobNamespaceID) }),
		"job_namespace_path":    gl(folded, func(c *claims.GitLab) string { return c.JobNamespacePath }),
		"ref":                   gl(text, func(c *claims.GitLab) string { return c.Ref }),
		"ref_type":              gl(text, func(c *claims.GitLab) string { return c.RefType }),
		"ref_path":              gl(text, func(c *claims.GitLab) string { return c.RefPath }),
		"ref_protected":         gl(boolean, func(c *claims.GitLab) string { return flag(c.RefProtected) }),
		"sha":                   gl(text, func(c *claims.GitLab) string { return c.SHA }),
		"environment":           gl(text, func(c *claims.GitLab) string { return c.Environment }),
		"environment_protected": gl(boolean, func(c *claims.GitLab) string { return flag(c.EnvironmentProtected) }),
		"environment_action":    gl(text, func(c *claims.GitLab) string { return c.EnvironmentAction }),
		"deployment_tier":       gl(text, func(c *claims.GitLab) string { return c.DeploymentTier }),
		"pipeline_id":           gl(ident, func(c *claims.GitLab) string { return string(c.PipelineID) }),
		"pipeline_source":       gl(text, func(c *claims.GitLab) string { return c.PipelineSource }),
		"job_id":                gl(ident, func(c *claims.GitLab) string { return string(c.JobID) }),
		"job_source":            gl(text, func(c *claims.GitLab) string { return c.JobSource }),
		"job_config.url": gl(text, func(c *claims.GitLab) string {
			if c.JobConfig == nil {
				return ""
			}
			return c.JobConfig.URL
		}),
		"job_config.sha": gl(text, func(c *claims.GitLab) string {
			if c.JobConfig == nil {
				return ""
			}
			return c.JobConfig.SHA
		}),
		"ci_config_ref_uri":  gl(text, func(c *claims.GitLab) string { return c.ConfigRefURI }),
		"ci_config_sha":      gl(text, func(c *claims.GitLab) string { return c.ConfigSHA }),
		"runner_id":          gl(ident, func(c *claims.GitLab) string { return string(c.RunnerID) }),
		"runner_environment": gl(text, func(c *claims.GitLab) string { return c.RunnerEnvironment }),
		"project_visibility": gl(text, func(c *claims.GitLab) string { return c.ProjectVisibility }),
		"user_id":            gl(ident, func(c *claims.GitLab) string { return string(c.UserID) }),
		"user_login":         personal(gl(text, func(c *claims.GitLab) string { return c.UserLogin })),
		"user_email":         personal(gl(text, func(c *claims.GitLab) string { return c.UserEmail })),
		"user_access_level":  gl(text, func(c *claims.GitLab) string { return c.UserAccessLevel }),
		// provider:extern_uid
		"user_identities": {kind: list, person: true, many: func(m claims.Model) []string {
			c, ok := m.(*claims.GitLab)
			if !ok || c == nil || len(c.UserIdentities) == 0 {
				return nil
			}
			ids := make([]string, len(c.UserIdentities))
			for i, id := range c.UserIdentities {
				ids[i] = id.Provider + ":" + id.UID
			}
			return ids
		}},
		"groups_direct": {kind: list, many: func(m claims.Model) []string {
			if c, ok := m.(*claims.GitLab); ok && c != nil {
				return c.GroupsDirect
			}
			return nil
		}},
		"target_audience": gl(text, func(c *claims.GitLab) string { return c.TargetAudience }),
	}
}

func platformOf(m claims.Model) string {
	switch c := m.(type) {
	case *claims.GitLab:
		if c != nil {
			return GitLab
		}
	case *claims.CircleCI:
		if c != nil {
			return CircleCI
		}
	}
	return ""
}

// lower lowers ASCII letters only: GitLab's paths have no others, and Unicode
// folding would take the Kelvin sign for a k.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// equalFold compares b with a, which is lower already, without allocating.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(b) {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if a[i] != c {
			return false
		}
	}
	return true
}
