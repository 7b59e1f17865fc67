package main

import (
	"net/http"

	"github.com/cioidc/cioidc/examples/internal/fakejob"
	"github.com/cioidc/cioidc/internal/fakecloud/fakeaws"
	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// serviceAudience is what tokens for the service must be for.
const serviceAudience = "https://deploy.acme.example"

// world is everything that is not the job.
type world struct {
	gitlab, circleci *fakeissuer.Issuer
	aws              *fakeaws.Server
	google           *fakegoogle.Server
	service          http.Handler
	refusals         chan string // why the service refused, newest first

	// awsTransport carries the job's requests to AWS. Nil means the default.
	awsTransport http.RoundTripper

	jobs []*job

	awsURL, googleURL, serviceURL string // once started
}

// newWorld makes a world that has not started: no listener, no request.
func newWorld() (*world, error) {
	clouds, err := fakejob.NewClouds()
	if err != nil {
		return nil, err
	}
	w := &world{
		gitlab: clouds.GitLab, circleci: clouds.CircleCI, aws: clouds.AWS, google: clouds.Google,
		refusals: make(chan string, 16),
	}
	if w.service, err = newService(clouds.Issuers(), w.refusals); err != nil {
		return nil, err
	}
	w.jobs = []*job{gitlabJob(w.gitlab), circleciJob(w.circleci)}
	return w, nil
}

// start serves the clouds and the service on loopback, and returns what ends
// that.
func (w *world) start() (stop func(), err error) {
	urls, stop, err := fakejob.Serve(w.aws, w.google, w.service)
	if err != nil {
		return nil, err
	}
	w.awsURL, w.googleURL, w.serviceURL = urls[0], urls[1], urls[2]
	return stop, nil
}
