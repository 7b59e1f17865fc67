package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cioidc/cioidc/ciplatform"
	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/examples/internal/fakejob"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// job is a CI job: the environment that its runner set, and the command that
// CircleCI's runner brings.
type job struct {
	title    string
	platform string // as it must be detected
	env      map[string]string
	command  func(args []string) ([]byte, error)

	awsRole        string
	awsAudience    string // empty: the platform's default token
	googleProvider string
	// describe names the claims that mattered.
	describe func(claims.Model) string
	// foreign is a token that is valid in all but its project.
	foreign func() string
	// elsewhere is a token of the job itself for another audience.
	elsewhere func() string

	detected ciplatform.Platform // once detected
	token    string              // for the service, once obtained
}

func gitlabJob(issuer *fakeissuer.Issuer) *job {
	provider := fakejob.GoogleProvider("gitlab")
	return &job{
		title:    "GitLab CI, project " + fakeissuer.GitLabProjectPath + ", a push to main",
		platform: "gitlab",
		// What .gitlab-ci.yml asks for under id_tokens, one entry an audience.
		env: fakejob.GitLabEnviron(issuer, map[string]string{
			"AWS_ID_TOKEN":    fakejob.GitLabAWSAudience,
			"GOOGLE_ID_TOKEN": "https:" + provider,
			"DEPLOY_ID_TOKEN": serviceAudience,
		}),
		awsRole: fakejob.GitLabRole, awsAudience: fakejob.GitLabAWSAudience, googleProvider: provider,
		describe: func(c claims.Model) string {
			g := c.(*claims.GitLab)
			return fmt.Sprintf("project_id=%s ref_path=%s ref_protected=%s pipeline_source=%s", g.ProjectID, g.RefPath, g.RefProtected, g.PipelineSource)
		},
		foreign: func() string {
			return issuer.GitLab(serviceAudience, func(c fakeissuer.Claims) { c["project_id"], c["job_project_id"] = "666", "666" })
		},
		elsewhere: func() string { return issuer.GitLab("https://elsewhere.example") },
	}
}

func circleciJob(issuer *fakeissuer.Issuer) *job {
	return &job{
		title:    "CircleCI, " + fakeissuer.CircleCIVCSOrigin + ", a push to main",
		platform: "circleci",
		env:      fakejob.CircleCIEnviron(issuer),
		command:  func(args []string) ([]byte, error) { return fakejob.CircleCICommand(issuer, args) },
		awsRole:  fakejob.CircleCIRole, googleProvider: fakejob.GoogleProvider("circleci"),
		describe: func(c claims.Model) string {
			t := c.(*claims.CircleCI)
			return fmt.Sprintf("project-id=%s vcs-ref=%s ssh-rerun=%s", t.ProjectID, t.VCSRef, t.SSHRerun)
		},
		foreign: func() string {
			return issuer.CircleCI(serviceAudience, func(c fakeissuer.Claims) {
				c["oidc.circleci.com/project-id"] = "00000000-0000-4000-8000-000000000666"
			})
		},
		elsewhere: func() string { return issuer.CircleCI("https://elsewhere.example") },
	}
}

// steps returns what the job does, in order.
func (j *job) steps(w *world) []step {
	return []step{
		{"detected", j.detect},
		{"token", j.obtain},
		{"verified claims", func(ctx context.Context) (string, error) { return j.verify(ctx, w) }},
		{"AWS identity", func(ctx context.Context) (string, error) { return j.useAWS(ctx, w) }},
		{"Google identity", func(ctx context.Context) (string, error) { return j.useGoogle(ctx, w) }},
		{"Google service account", func(ctx context.Context) (string, error) { return j.useServiceAccount(ctx, w) }},
		{"service answer", func(ctx context.Context) (string, error) { return j.callService(ctx, w) }},
		{"refused: tampered", func(ctx context.Context) (string, error) {
			return w.refuses(ctx, tampered(j.token), 401, "wrong signature")
		}},
		{"refused: other audience", func(ctx context.Context) (string, error) {
			return w.refuses(ctx, j.elsewhere(), 401, "audience not accepted")
		}},
		{"refused: other project", func(ctx context.Context) (string, error) {
			return w.refuses(ctx, j.foreign(), 403, errNotTheDeployer.Error())
		}},
	}
}

// detect finds the platform by the environment, as in a real job, where the
// candidates need not be named.
func (j *job) detect(context.Context) (string, error) {
	lookup := func(name string) (string, bool) { v, ok := j.env[name]; return v, ok }
	environ := func() []string {
		all := make([]string, 0, len(j.env))
		for name, value := range j.env {
			all = append(all, name+"="+value)
		}
		return all
	}
	run := func(_ context.Context, args ...string) ([]byte, error) {
		if j.command == nil {
			return nil, errors.New("there is no circleci command here")
		}
		return j.command(args)
	}
	var err error
	j.detected, err = ciplatform.Detect(&ciplatform.CircleCI{LookupEnv: lookup, Run: run}, &ciplatform.GitLab{Environ: environ})
	if err != nil {
		return "", err
	}
	if j.detected.Name() != j.platform {
		return "", fmt.Errorf("detected %s, not %s", j.detected.Name(), j.platform)
	}
	return j.detected.Name(), nil
}

// obtain gets the token for the service.
func (j *job) obtain(ctx context.Context) (string, error) {
	var err error
	if j.token, err = j.detected.IDToken(ctx, serviceAudience); err != nil {
		return "", err
	}
	return fmt.Sprintf("for %s, %d bytes, which are not shown", serviceAudience, len(j.token)), nil
}

// verify does in the job what the service will do, to show the claims.
func (j *job) verify(ctx context.Context, w *world) (string, error) {
	verifier, err := newVerifier(fakeissuer.Client(w.gitlab, w.circleci))
	if err != nil {
		return "", err
	}
	t, err := verifier.Verify(ctx, j.token)
	if err != nil {
		return "", err
	}
	left := time.Until(t.Claims().RegisteredClaims().ExpiresAt.Time()).Round(time.Minute)
	return fmt.Sprintf("%s, valid for %v", j.describe(t.Claims()), left), nil
}
