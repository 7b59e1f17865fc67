package claims

import "strings"

// GitLab holds the claims of a GitLab CI/CD ID token, as documented on
// https://docs.gitlab.com/ci/secrets/id_token_authentication/. GitLab sends IDs
// and booleans as strings, but runner_id as a number; [ID] and [Bool] take
// both. A version of GitLab in a comment is the first that sends the claim.
type GitLab struct {
	Registered

	// ProjectID and the three below name the project whose commit and
	// configuration run. In a merge request pipeline that is the source
	// project, which may be a fork: see [GitLab.Fork]. Paths can be changed and
	// taken over by others, IDs cannot; both are unique within one issuer only.
	ProjectID     ID     `json:"project_id"`
	ProjectPath   string `json:"project_path"`
	NamespaceID   ID     `json:"namespace_id"`
	NamespacePath string `json:"namespace_path"`

	// JobProjectID and the three below name the project whose runners and
	// variables the job uses: for a fork's merge request that runs in the
	// parent project, the parent. Never authorize on these alone. GitLab 18.4.
	JobProjectID     ID     `json:"job_project_id"`
	JobProjectPath   string `json:"job_project_path"`
	JobNamespaceID   ID     `json:"job_namespace_id"`
	JobNamespacePath string `json:"job_namespace_path"`

	// Ref is the short name of the branch or tag; a tag may be called like a
	// branch, so it says something only beside RefType.
	Ref string `json:"ref"`
	// RefType is "branch" or "tag".
	RefType string `json:"ref_type"`
	// RefPath is the fully qualified ref, such as refs/heads/main. GitLab 16.0.
	RefPath string `json:"ref_path"`
	// RefProtected says whether the ref is protected in its project.
	RefProtected Bool `json:"ref_protected"`
	// SHA is the commit of the pipeline. GitLab 16.0.
	SHA string `json:"sha"`

	// Environment is the environment's name. It is free text of the
	// configuration: any branch may claim "production" unless
	// EnvironmentProtected or RefProtected is true. The four are empty in jobs
	// without an environment.
	Environment          string `json:"environment"`
	EnvironmentProtected Bool   `json:"environment_protected"` // always false on the Community Edition
	EnvironmentAction    string `json:"environment_action"`    // GitLab 16.5
	DeploymentTier       string `json:"deployment_tier"`       // GitLab 15.2

	PipelineID ID `json:"pipeline_id"`
	// PipelineSource is what started the pipeline: push, web, schedule, api,
	// trigger, merge_request_event, parent_pipeline and others; an open set.
	PipelineSource string `json:"pipeline_source"`
	JobID          ID     `json:"job_id"`
	// JobSource is what started the job. GitLab 18.9.
	JobSource string `json:"job_source"`
	// JobConfig is where a job that a security policy injected comes from; nil
	// for all others. GitLab 18.9.
	JobConfig *GitLabJobConfig `json:"job_config"`
	// ConfigRefURI is the path and ref of the top-level pipeline configuration,
	// such as gitlab.com/group/project//.gitlab-ci.yml@refs/heads/main, without
	// a scheme. Weak evidence: for a fork's merge request it can name the
	// parent's path and the fork's branch. GitLab 16.2.
	ConfigRefURI string `json:"ci_config_ref_uri"`
	// ConfigSHA is the commit of that configuration. GitLab 16.2.
	ConfigSHA string `json:"ci_config_sha"`
	RunnerID  ID     `json:"runner_id"` // GitLab 16.0
	// RunnerEnvironment is "gitlab-hosted" or "self-hosted". GitLab 16.0.
	RunnerEnvironment string `json:"runner_environment"`
	// ProjectVisibility is private, internal or public, and tells of the
	// project that runs the job. GitLab 16.3.
	ProjectVisibility string `json:"project_visibility"`

	// UserID is the ID of the user who runs the job, or whose schedule does;
	// empty if there is none.
	UserID ID `json:"user_id"`
	// UserLogin and UserEmail name that user. The user can change both.
	UserLogin string `json:"user_login"`
	UserEmail string `json:"user_email"`
	// UserAccessLevel is the user's role in the project: guest, reporter,
	// developer, maintainer, owner; an open set. GitLab 16.9.
	UserAccessLevel string `json:"user_access_level"`
	// UserIdentities are the user's external identities, sent if the user
	// chose so. GitLab 16.0.
	UserIdentities []GitLabIdentity `json:"user_identities"`
	// GroupsDirect are the paths of the user's groups; behind a feature flag
	// that is off by default since GitLab 17.3.
	GroupsDirect []string `json:"groups_direct"`

	// TargetAudience is sent in tokens for GitLab's own Google Cloud
	// integration only.
	TargetAudience string `json:"target_audience"`
}

// GitLabJobConfig is the origin of a job that a security policy injected.
type GitLabJobConfig struct {
	URL string `json:"url"`
	SHA string `json:"sha"`
}

// GitLabIdentity is an external identity of a GitLab user.
type GitLabIdentity struct {
	Provider string `json:"provider"`
	UID      string `json:"extern_uid"`
}

// Fork reports whether the commit and configuration that run come from another
// project than the one whose runners and variables they use. [True] if
// job_project_id was sent and differs from project_id. [False] if it is equal;
// also if it was not sent, as before GitLab 18.4, and the pipeline was started
// in a way that no merge request has. [Absent] if the token cannot tell, which
// is to be treated like True.
func (c *GitLab) Fork() Bool {
	if c.JobProjectID != "" {
		if c.ProjectID == "" {
			return Absent
		}
		return boolOf(c.JobProjectID != c.ProjectID)
	}
	if _, sent := c.Lookup("job_project_id"); sent {
		return Absent // Sent, but empty: no evidence either way.
	}
	switch c.PipelineSource {
	case "push", "web", "schedule", "api", "trigger":
		return False
	}
	return Absent
}

func boolOf(b bool) Bool {
	if b {
		return True
	}
	return False
}

// Identity implements [Identifier]. Its repository is the host of the issuer,
// with the path if GitLab is installed below one, and the project's path.
func (c *GitLab) Identity() Identity {
	id := Identity{
		Platform: "gitlab", Project: string(c.ProjectID), Ref: c.RefPath,
		Pipeline: string(c.PipelineID), Run: string(c.JobID), Actor: string(c.UserID),
	}
	if c.ProjectPath != "" {
		_, host, found := strings.Cut(c.Issuer, "://")
		if !found {
			host = c.Issuer
		}
		id.Repository = strings.TrimSuffix(host, "/") + "/" + c.ProjectPath
	}
	return id
}
