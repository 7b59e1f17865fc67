// Package fakejob is a CI job without a CI platform, for the examples: what a
// job has, and the clouds that it deploys to, all in this process and on
// loopback. No account and no network is needed.
package fakejob

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/cioidc/cioidc/ciplatform"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// Job is a running job and the addresses of its clouds.
type Job struct {
	// Platform is the job's platform: CircleCI, whose jobs can have new tokens
	// at any time.
	Platform ciplatform.Platform
	// RoleARN is the AWS role that trusts the job, GoogleProvider the pool
	// provider that does.
	RoleARN, GoogleProvider string
	// AWSURL is the base URL of AWS's STS, GoogleURL that of all of Google.
	AWSURL, GoogleURL string
	// Clouds are what is served there.
	Clouds *Clouds

	stop func()
}

// Start starts a job of CircleCI. The caller stops it.
func Start() (*Job, error) {
	clouds, err := NewClouds()
	if err != nil {
		return nil, err
	}
	urls, stop, err := Serve(clouds.AWS, clouds.Google)
	if err != nil {
		return nil, err
	}
	environ := CircleCIEnviron(clouds.CircleCI)
	return &Job{
		Platform: &ciplatform.CircleCI{
			LookupEnv: func(name string) (string, bool) { value, ok := environ[name]; return value, ok },
			Run: func(_ context.Context, args ...string) ([]byte, error) {
				return CircleCICommand(clouds.CircleCI, args)
			},
		},
		RoleARN: RoleARN(CircleCIRole), GoogleProvider: GoogleProvider("circleci"),
		AWSURL: urls[0], GoogleURL: urls[1],
		Clouds: clouds,
		stop:   stop,
	}, nil
}

// Stop ends what [Start] has started.
func (j *Job) Stop() { j.stop() }

// CircleCIEnviron returns what a job of CircleCI has in its environment.
func CircleCIEnviron(issuer *fakeissuer.Issuer) map[string]string {
	return map[string]string{
		"CI": "true", "CIRCLECI": "true", "CIRCLE_ORGANIZATION_ID": OrganizationID,
		"CIRCLE_OIDC_TOKEN": issuer.CircleCI(""), "CIRCLE_OIDC_TOKEN_V2": issuer.CircleCI("", fakeissuer.SubjectV2),
	}
}

// CircleCICommand is the circleci command in a job of CircleCI:
//
//	circleci run oidc get --claims '{"aud": "..."}'
func CircleCICommand(issuer *fakeissuer.Issuer, args []string) ([]byte, error) {
	var asked struct {
		Audience string `json:"aud"`
	}
	if len(args) < 5 || args[3] != "--claims" || json.Unmarshal([]byte(args[4]), &asked) != nil {
		return nil, errors.New("usage: circleci run oidc get --claims CLAIMS")
	}
	return []byte(issuer.CircleCI(asked.Audience) + "\n"), nil
}

// GitLabEnviron returns what a job of GitLab has in its environment. Tokens are
// the entries of id_tokens in .gitlab-ci.yml: the audiences by variable.
func GitLabEnviron(issuer *fakeissuer.Issuer, tokens map[string]string) map[string]string {
	environ := map[string]string{
		"CI": "true", "GITLAB_CI": "true", "CI_SERVER_URL": GitLabURL, "CI_JOB_ID": fakeissuer.GitLabJobID,
	}
	for variable, audience := range tokens {
		environ[variable] = issuer.GitLab(audience)
	}
	return environ
}

// Serve serves each of handlers at an address of its own on loopback, and
// returns their URLs and what ends that.
func Serve(handlers ...http.Handler) (urls []string, stop func(), err error) {
	var servers []*http.Server
	stop = func() {
		for _, s := range servers {
			s.Close()
		}
	}
	for _, handler := range handlers {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			stop()
			return nil, nil, err
		}
		s := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
		servers = append(servers, s)
		urls = append(urls, "http://"+listener.Addr().String())
		go func() {
			if err := s.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				listener.Close()
			}
		}()
	}
	return urls, stop, nil
}
