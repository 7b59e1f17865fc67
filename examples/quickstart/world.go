package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/internal/fakecloud/fakeaws"
	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

const (
	gitlabURL      = "https://gitlab.com"
	organizationID = fakeissuer.CircleCIOrganizationID
	circleciURL    = "https://oidc.circleci.com/org/" + organizationID

	awsAccount = "123456789012"
	awsRegion  = "eu-west-1"

	googleProject  = "123456789012"
	googlePool     = "ci"
	serviceAccount = "deployer@acme.iam.gserviceaccount.com"
	bucket         = "acme-releases"
	object         = "current.txt"

	// serviceAudience is what tokens for the service must be for.
	serviceAudience = "https://deploy.acme.example"
)

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
	w := &world{refusals: make(chan string, 16)}
	var err error
	if w.gitlab, err = fakeissuer.New(fakeissuer.Options{URL: gitlabURL}); err != nil {
		return nil, err
	}
	if w.circleci, err = fakeissuer.New(fakeissuer.Options{URL: circleciURL}); err != nil {
		return nil, err
	}
	issuers := fakeissuer.Client(w.gitlab, w.circleci)
	if w.aws, err = newAWS(issuers); err != nil {
		return nil, err
	}
	if w.google, err = newGoogle(issuers); err != nil {
		return nil, err
	}
	if w.service, err = newService(issuers, w.refusals); err != nil {
		return nil, err
	}
	w.jobs = []*job{gitlabJob(w.gitlab), circleciJob(w.circleci)}
	return w, nil
}

// newAWS returns an account whose two roles trust one project each. AWS knows
// project_id of gitlab.com and project-id of CircleCI as condition keys.
func newAWS(issuers *http.Client) (*fakeaws.Server, error) {
	trust := func(provider, audience, key, value string) string {
		return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
			"Principal":{"Federated":"arn:aws:iam::%s:oidc-provider/%s"},"Action":"sts:AssumeRoleWithWebIdentity",
			"Condition":{"StringEquals":{"%s:aud":"%s","%s:%s":"%s"}}}]}`,
			awsAccount, provider, provider, audience, provider, key, value)
	}
	return fakeaws.New(fakeaws.Config{
		AccountID: awsAccount,
		Providers: []fakeaws.Provider{
			{URL: gitlabURL, ClientIDs: []string{"sts.amazonaws.com"}},
			{URL: circleciURL, ClientIDs: []string{organizationID}},
		},
		Roles: []fakeaws.Role{
			{Name: "deploy-from-gitlab", TrustPolicy: trust("gitlab.com", "sts.amazonaws.com", "project_id", fakeissuer.GitLabProjectID)},
			{Name: "deploy-from-circleci", TrustPolicy: trust("oidc.circleci.com/org/"+organizationID, organizationID,
				"oidc.circleci.com/project-id", fakeissuer.CircleCIProjectID)},
		},
		Fetch: issuers,
	})
}

// newGoogle returns a cloud with a pool for both platforms. Its service account
// can be used, and its bucket read, by one project of each.
func newGoogle(issuers *http.Client) (*fakegoogle.Server, error) {
	gitlab := fakegoogle.Provider{
		Project: googleProject, Pool: googlePool, ID: "gitlab", IssuerURI: gitlabURL,
		Attributes: map[string]string{"project_id": "project_id"},
		Require:    map[string]string{"project_id": fakeissuer.GitLabProjectID},
	}
	circleci := fakegoogle.Provider{
		Project: googleProject, Pool: googlePool, ID: "circleci", IssuerURI: circleciURL,
		Attributes: map[string]string{"project_id": "oidc.circleci.com/project-id"},
		Require:    map[string]string{"oidc.circleci.com/project-id": fakeissuer.CircleCIProjectID},
	}
	members := []string{
		gitlab.PrincipalSet("project_id", fakeissuer.GitLabProjectID),
		circleci.PrincipalSet("project_id", fakeissuer.CircleCIProjectID),
	}
	return fakegoogle.New(fakegoogle.Config{
		Providers:       []fakegoogle.Provider{gitlab, circleci},
		ServiceAccounts: []fakegoogle.ServiceAccount{{Email: serviceAccount, Users: members}},
		Buckets: []fakegoogle.Bucket{{
			Name: bucket, Members: append(members, "serviceAccount:"+serviceAccount),
			Objects: map[string][]byte{object: []byte("release 42")},
		}},
		Fetch: issuers,
	})
}

// start serves the clouds and the service on loopback, and returns what ends
// that.
func (w *world) start() (stop func(), err error) {
	var servers []*http.Server
	stop = func() {
		for _, s := range servers {
			s.Close()
		}
	}
	for url, handler := range map[*string]http.Handler{&w.awsURL: w.aws, &w.googleURL: w.google, &w.serviceURL: w.service} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			stop()
			return nil, err
		}
		s := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
		servers = append(servers, s)
		*url = "http://" + listener.Addr().String()
		go func() {
			if err := s.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				listener.Close()
			}
		}()
	}
	return stop, nil
}

func googleProvider(id string) string { return googlests.ProviderName(googleProject, googlePool, id) }
