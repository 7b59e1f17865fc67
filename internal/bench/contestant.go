package main

import (
	"context"
	"fmt"

	"github.com/cioidc/cioidc/internal/fakeissuer"
	"github.com/cioidc/cioidc/oidc"
)

// A contestant is a verifier, configured as its own documentation tells a
// service to: keys from the issuer, cached; issuer, audience and expiry
// checked; claims decoded into a struct where it offers that.
type contestant struct {
	// Name is short, for tables.
	Name string
	// Modules are the paths of the modules measured, the main one first.
	Modules []string
	// Configured says how, in one line.
	Configured string
	// FetchesKeys is false for one whose caller brings the keys. Such a one has
	// no behaviour to measure.
	FetchesKeys bool
	// New returns the contestant, ready for use as far as it can be before the
	// first token. ctx lasts as long as the verifier is in use.
	New func(ctx context.Context, s setup) (verify, error)
}

// setup is one service's configuration.
type setup struct {
	Platform string                 // fakeissuer.GitLabPlatform or CircleCIPlatform
	Issuer   string                 // URL
	KeysURL  string                 // of the key set
	Keys     func() ([]byte, error) // the key set, for those whose caller brings it
	Audience string
}

// verify accepts or refuses a token, and returns one of the claims it decoded:
// the project's ID, by which the check before the measurement knows that there
// was a decoding.
type verify func(ctx context.Context, raw string) (project string, err error)

// ownName is the row of this verifier with its defaults.
const ownName = "cioidc"

// contestants returns all of them, ours first. Another configuration of ours
// is one more call of ours here: nothing else needs to know of it.
func contestants() []contestant {
	return []contestant{
		ours(ownName, "", nil),
		ours(ownName+", CachedTokens", "; `CachedTokens` 1024", func(c *oidc.Config) { c.CachedTokens = 1024 }),
		goOIDC(), capJWT(), zitadel(), golangJWT(), auth0(), goJOSE(),
	}
}

// forPlatform picks the verifier with the claims struct of the platform. Only
// the one picked is made.
func forPlatform(s setup, gitLab, circleCI func() (verify, error)) (verify, error) {
	switch s.Platform {
	case fakeissuer.GitLabPlatform:
		return gitLab()
	case fakeissuer.CircleCIPlatform:
		return circleCI()
	}
	return nil, fmt.Errorf("bench: no claims struct for platform %q", s.Platform)
}

// job is what the claims structs have in common. T is a struct, P a pointer to
// it.
type job[T any] interface {
	*T
	project() string
}

// gitLabJob are the claims of a GitLab job token beside the registered ones,
// which each contestant has a struct of its own for. All are what they are on
// the wire, so that decoding costs encoding/json as little as it can.
type gitLabJob struct {
	ProjectID         string           `json:"project_id"`
	ProjectPath       string           `json:"project_path"`
	NamespaceID       string           `json:"namespace_id"`
	NamespacePath     string           `json:"namespace_path"`
	UserID            string           `json:"user_id"`
	UserLogin         string           `json:"user_login"`
	UserEmail         string           `json:"user_email"`
	UserAccessLevel   string           `json:"user_access_level"`
	UserIdentities    []gitLabIdentity `json:"user_identities"`
	JobProjectID      string           `json:"job_project_id"`
	JobProjectPath    string           `json:"job_project_path"`
	JobNamespaceID    string           `json:"job_namespace_id"`
	JobNamespacePath  string           `json:"job_namespace_path"`
	PipelineID        string           `json:"pipeline_id"`
	PipelineSource    string           `json:"pipeline_source"`
	JobID             string           `json:"job_id"`
	Ref               string           `json:"ref"`
	RefType           string           `json:"ref_type"`
	RefPath           string           `json:"ref_path"`
	RefProtected      string           `json:"ref_protected"`
	GroupsDirect      []string         `json:"groups_direct"`
	JobSource         string           `json:"job_source"`
	RunnerID          int64            `json:"runner_id"`
	RunnerEnvironment string           `json:"runner_environment"`
	SHA               string           `json:"sha"`
	ProjectVisibility string           `json:"project_visibility"`
	ConfigRefURI      string           `json:"ci_config_ref_uri"`
	ConfigSHA         string           `json:"ci_config_sha"`
}

type gitLabIdentity struct {
	Provider string `json:"provider"`
	UID      string `json:"extern_uid"`
}

func (j *gitLabJob) project() string { return j.ProjectID }

// circleCIJob are the claims of a CircleCI token beside the registered ones.
type circleCIJob struct {
	OrganizationID       string   `json:"oidc.circleci.com/org-id"`
	ProjectID            string   `json:"oidc.circleci.com/project-id"`
	ContextIDs           []string `json:"oidc.circleci.com/context-ids"`
	PipelineDefinitionID string   `json:"oidc.circleci.com/pipeline-definition-id"`
	PipelineID           string   `json:"oidc.circleci.com/pipeline-id"`
	WorkflowID           string   `json:"oidc.circleci.com/workflow-id"`
	JobID                string   `json:"oidc.circleci.com/job-id"`
	SSHRerun             bool     `json:"oidc.circleci.com/ssh-rerun"`
	VCSOrigin            string   `json:"oidc.circleci.com/vcs-origin"`
	VCSRef               string   `json:"oidc.circleci.com/vcs-ref"`
}

func (j *circleCIJob) project() string { return j.ProjectID }
