package celcond

import (
	"cel.dev/cel-go/common/types"

	"github.com/cioidc/cioidc/claims"
)

// platform is what expressions for one platform are about.
type platform struct {
	root  string            // the object type of the variable claims
	types map[string]fields // the object types, each under the platform and the claim that holds it
	// accepts reports whether c holds the platform's claims.
	accepts func(c claims.Model) bool
}

// platformFor returns the platform called name.
func platformFor(name string) (*platform, bool) {
	switch name {
	case "gitlab":
		return &platform{root: "gitlab.claims", types: gitLab(), accepts: isModel[claims.GitLab]}, true
	case "circleci":
		return &platform{root: "circleci.claims", types: circleCI(), accepts: isModel[claims.CircleCI]}, true
	}
	return nil, false
}

func isModel[T any, P claims.ModelOf[T]](c claims.Model) bool {
	m, ok := c.(P)
	return ok && m != nil
}

func gitLab() map[string]fields {
	type c = claims.GitLab
	const config, identity = "gitlab.job_config", "gitlab.user_identities"
	jobConfig, userIdentity := types.NewObjectType(config), types.NewObjectType(identity)
	return map[string]fields{
		"gitlab.claims": registered[c](fields{
			"project_id":            text(func(c *c) claims.ID { return c.ProjectID }),
			"project_path":          text(func(c *c) string { return c.ProjectPath }),
			"namespace_id":          text(func(c *c) claims.ID { return c.NamespaceID }),
			"namespace_path":        text(func(c *c) string { return c.NamespacePath }),
			"job_project_id":        text(func(c *c) claims.ID { return c.JobProjectID }),
			"job_project_path":      text(func(c *c) string { return c.JobProjectPath }),
			"job_namespace_id":      text(func(c *c) claims.ID { return c.JobNamespaceID }),
			"job_namespace_path":    text(func(c *c) string { return c.JobNamespacePath }),
			"ref":                   text(func(c *c) string { return c.Ref }),
			"ref_type":              text(func(c *c) string { return c.RefType }),
			"ref_path":              text(func(c *c) string { return c.RefPath }),
			"ref_protected":         truth(func(c *c) claims.Bool { return c.RefProtected }),
			"sha":                   text(func(c *c) string { return c.SHA }),
			"environment":           text(func(c *c) string { return c.Environment }),
			"environment_protected": truth(func(c *c) claims.Bool { return c.EnvironmentProtected }),
			"environment_action":    text(func(c *c) string { return c.EnvironmentAction }),
			"deployment_tier":       text(func(c *c) string { return c.DeploymentTier }),
			"pipeline_id":           text(func(c *c) claims.ID { return c.PipelineID }),
			"pipeline_source":       text(func(c *c) string { return c.PipelineSource }),
			"job_id":                text(func(c *c) claims.ID { return c.JobID }),
			"job_source":            text(func(c *c) string { return c.JobSource }),
			"job_config": member(jobConfig, func(c *c) (any, bool) {
				return object{jobConfig, c.JobConfig}, c.JobConfig != nil && *c.JobConfig != claims.GitLabJobConfig{}
			}),
			"ci_config_ref_uri":  text(func(c *c) string { return c.ConfigRefURI }),
			"ci_config_sha":      text(func(c *c) string { return c.ConfigSHA }),
			"runner_id":          text(func(c *c) claims.ID { return c.RunnerID }),
			"runner_environment": text(func(c *c) string { return c.RunnerEnvironment }),
			"project_visibility": text(func(c *c) string { return c.ProjectVisibility }),
			"user_id":            text(func(c *c) claims.ID { return c.UserID }),
			"user_login":         text(func(c *c) string { return c.UserLogin }),
			"user_email":         text(func(c *c) string { return c.UserEmail }),
			"user_access_level":  text(func(c *c) string { return c.UserAccessLevel }),
			"user_identities": member(types.NewListType(userIdentity), func(c *c) (any, bool) {
				list := make([]any, 0, len(c.UserIdentities))
				for i := range c.UserIdentities {
					list = append(list, object{userIdentity, &c.UserIdentities[i]})
				}
				return list, len(list) > 0
			}),
			"groups_direct":   texts(func(c *c) []string { return c.GroupsDirect }),
			"target_audience": text(func(c *c) string { return c.TargetAudience }),
		}),
		config: {
			"url": text(func(c *claims.GitLabJobConfig) string { return c.URL }),
			"sha": text(func(c *claims.GitLabJobConfig) string { return c.SHA }),
		},
		identity: {
			"provider":   text(func(i *claims.GitLabIdentity) string { return i.Provider }),
			"extern_uid": text(func(i *claims.GitLabIdentity) string { return i.UID }),
		},
	}
}

func circleCI() map[string]fields {
	type c = claims.CircleCI
	return map[string]fields{
		"circleci.claims": registered[c](fields{
			"org_id":                 text(func(c *c) string { return c.OrganizationID }),
			"project_id":             text(func(c *c) string { return c.ProjectID }),
			"context_ids":            texts(func(c *c) []string { return c.ContextIDs }),
			"pipeline_definition_id": text(func(c *c) string { return c.PipelineDefinitionID }),
			"pipeline_id":            text(func(c *c) string { return c.PipelineID }),
			"workflow_id":            text(func(c *c) string { return c.WorkflowID }),
			"job_id":                 text(func(c *c) string { return c.JobID }),
			"ssh_rerun":              truth(func(c *c) claims.Bool { return c.SSHRerun }),
			"vcs_origin":             text(func(c *c) string { return c.VCSOrigin }),
			"vcs_ref":                text(func(c *c) string { return c.VCSRef }),
		}),
	}
}
