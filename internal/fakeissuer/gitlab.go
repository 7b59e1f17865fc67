package fakeissuer

import (
	"crypto/rand"
	"errors"
	"fmt"
)

// What [Issuer.GitLab] says unless it is edited. Ids are strings in GitLab's
// tokens.
const (
	GitLabProjectID     = "58210"
	GitLabProjectPath   = "acme/webshop"
	GitLabNamespaceID   = "917"
	GitLabNamespacePath = "acme"
	GitLabPipelineID    = "1190377"
	GitLabJobID         = "7730412"
	GitLabUserID        = "2304"
	GitLabUserLogin     = "jdoe"
	GitLabSHA           = "3f9d0c6e51b7a2848c1e0f6d9b35a7720de4c18a"
)

// The fork of the modes [ForkMergeRequest] and [ForkMergeRequestInParent].
const (
	GitLabForkProjectID     = "60977"
	GitLabForkProjectPath   = "contributor/webshop"
	GitLabForkNamespaceID   = "1543"
	GitLabForkNamespacePath = "contributor"
)

// gitLabOrder is the order of claims in job tokens of recent GitLab versions.
var gitLabOrder = []string{
	"project_id", "project_path", "namespace_id", "namespace_path",
	"user_id", "user_login", "user_email", "user_access_level", "user_identities",
	"job_project_id", "job_project_path", "job_namespace_id", "job_namespace_path",
	"pipeline_id", "pipeline_source", "job_id",
	"ref", "ref_type", "ref_path", "ref_protected", "groups_direct",
	"environment", "environment_protected", "deployment_tier", "environment_action",
	"job_source", "job_config",
	"runner_id", "runner_environment", "sha", "project_visibility",
	"ci_config_ref_uri", "ci_config_sha", "target_audience",
	"jti", "iat", "nbf", "exp", "iss", "sub", "aud",
}

// loginOrder is the order of claims in login tokens, and all that GitLab's
// discovery document names.
var loginOrder = []string{
	"iss", "sub", "aud", "exp", "iat",
	"sub_legacy", "name", "nickname", "preferred_username", "email", "email_verified",
	"website", "profile", "picture", "groups", "groups_direct",
	"https://gitlab.org/claims/groups/owner",
	"https://gitlab.org/claims/groups/maintainer",
	"https://gitlab.org/claims/groups/developer",
}

// GitLab returns the ID token of a job for this audience, as GitLab 18.9
// issues it, after each edit has changed its claims in turn. It is a push to
// the protected branch main of project [GitLabProjectPath], without an
// environment, valid for an hour from now; every token has a jti of its own.
//
// An empty audience, a mode of CircleCI's tokens and an issuer of CircleCI are
// mistakes: [ErrNoAudience], *[ModeError] and *[PlatformError] go to
// [Options.Fatal], and no token comes back. Only with another issuer's URL in
// iss does an issuer of CircleCI sign such a token. A nil edit changes nothing.
func (i *Issuer) GitLab(audience string, edit ...func(Claims)) string {
	if audience == "" {
		i.fatal(ErrNoAudience)
		return ""
	}
	c := i.gitLabClaims(audience)
	if !i.edit("GitLab", GitLabPlatform, c, edit) {
		return ""
	}
	return i.sign(i.signingKey(), GitLabPlatform, nil, c, gitLabOrder)
}

func (i *Issuer) gitLabClaims(audience string) Claims {
	now := i.now().Unix()
	runner := "self-hosted"
	if canonicalHost(i.url) == "gitlab.com" {
		runner = "gitlab-hosted" // no other instance's runners count as such
	}
	c := Claims{
		"project_id":         GitLabProjectID,
		"project_path":       GitLabProjectPath,
		"namespace_id":       GitLabNamespaceID,
		"namespace_path":     GitLabNamespacePath,
		"user_id":            GitLabUserID,
		"user_login":         GitLabUserLogin,
		"user_email":         GitLabUserLogin + "@acme.example",
		"user_access_level":  "maintainer",
		"job_project_id":     GitLabProjectID,
		"job_project_path":   GitLabProjectPath,
		"job_namespace_id":   GitLabNamespaceID,
		"job_namespace_path": GitLabNamespacePath,
		"pipeline_id":        GitLabPipelineID,
		"pipeline_source":    "push",
		"job_id":             GitLabJobID,
		"ref":                "main",
		"ref_type":           "branch",
		"ref_path":           "refs/heads/main",
		"ref_protected":      "true",
		"job_source":         "push",
		"runner_id":          12071,
		"runner_environment": runner,
		"sha":                GitLabSHA,
		"project_visibility": "private",
		"ci_config_ref_uri":  i.url.Host + "/" + GitLabProjectPath + "//.gitlab-ci.yml@refs/heads/main",
		"ci_config_sha":      GitLabSHA,
		"jti":                newUUID(),
		"iat":                now,
		"nbf":                now - 5,
		"exp":                now + 3600,
		"iss":                i.raw,
		"aud":                audience,
	}
	setGitLabSubject(c, defaultSubject)
	return c
}

// ErrNoLogins is the mistake of asking an issuer other than GitLab's for a
// login token.
var ErrNoLogins = errors.New("fakeissuer: only a GitLab issuer signs login tokens")

// Login returns the ID token a user gets who logs in to an application, whose
// client ID is the audience, through this GitLab instance: the same issuer and
// key set as a job's token, another key, and no claim of a job.
func (i *Issuer) Login(audience string, edit ...func(Claims)) string {
	login, _, err := i.ring.keys()
	if err == nil && login == nil {
		err = ErrNoLogins
	}
	if err != nil {
		i.fatal(err)
		return ""
	}
	now := i.now().Unix()
	c := Claims{
		"iss":                i.raw,
		"sub":                GitLabUserID,
		"aud":                audience,
		"exp":                now + 120,
		"iat":                now,
		"name":               "J. Doe",
		"nickname":           GitLabUserLogin,
		"preferred_username": GitLabUserLogin,
		"email":              GitLabUserLogin + "@acme.example",
		"email_verified":     true,
		"profile":            i.base + "/" + GitLabUserLogin,
		"groups_direct":      []string{GitLabNamespacePath},
	}
	if !i.edit("Login", GitLabPlatform, c, edit) {
		return ""
	}
	return i.sign(login, GitLabPlatform, nil, c, loginOrder)
}

// newUUID returns a random UUID (RFC 9562, section 5.4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
