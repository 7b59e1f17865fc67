package fakejob

import (
	"fmt"
	"net/http"

	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/internal/fakecloud/fakeaws"
	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// What exists in the clouds.
const (
	GitLabURL      = "https://gitlab.com"
	OrganizationID = fakeissuer.CircleCIOrganizationID
	CircleCIURL    = "https://oidc.circleci.com/org/" + OrganizationID

	AWSAccount = "123456789012"
	AWSRegion  = "eu-west-1"
	// GitLabAWSAudience is what AWS accepts from GitLab; from CircleCI it
	// accepts tokens as they are.
	GitLabAWSAudience = "sts.amazonaws.com"
	GitLabRole        = "deploy-from-gitlab"
	CircleCIRole      = "deploy-from-circleci"

	ServiceAccount = "deployer@acme.iam.gserviceaccount.com"
	Bucket         = "acme-releases"
	Object         = "current.txt"

	googleProject = "123456789012"
	googlePool    = "ci"
)

// Clouds are two issuers of CI tokens, and an AWS account and a Google Cloud
// that trust one project of each. Nothing is served: see [Serve].
type Clouds struct {
	GitLab, CircleCI *fakeissuer.Issuer
	AWS              *fakeaws.Server
	Google           *fakegoogle.Server
}

// NewClouds returns new clouds.
func NewClouds() (*Clouds, error) {
	c := &Clouds{}
	var err error
	if c.GitLab, err = fakeissuer.New(fakeissuer.Options{URL: GitLabURL}); err != nil {
		return nil, err
	}
	if c.CircleCI, err = fakeissuer.New(fakeissuer.Options{URL: CircleCIURL}); err != nil {
		return nil, err
	}
	if c.AWS, err = newAWS(c.Issuers()); err != nil {
		return nil, err
	}
	if c.Google, err = newGoogle(c.Issuers()); err != nil {
		return nil, err
	}
	return c, nil
}

// Issuers returns a client that reaches the issuers and nothing else.
func (c *Clouds) Issuers() *http.Client { return fakeissuer.Client(c.GitLab, c.CircleCI) }

// RoleARN returns the ARN of a role of the account.
func RoleARN(role string) string { return "arn:aws:iam::" + AWSAccount + ":role/" + role }

// GoogleProvider returns the full name of the pool provider "gitlab" or
// "circleci".
func GoogleProvider(id string) string {
	return googlests.ProviderName(googleProject, googlePool, id)
}

// newAWS returns an account whose two roles trust one project each. AWS knows
// project_id of gitlab.com and project-id of CircleCI as condition keys.
func newAWS(issuers *http.Client) (*fakeaws.Server, error) {
	trust := func(provider, audience, key, value string) string {
		return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
			"Principal":{"Federated":"arn:aws:iam::%s:oidc-provider/%s"},"Action":"sts:AssumeRoleWithWebIdentity",
			"Condition":{"StringEquals":{"%s:aud":"%s","%s:%s":"%s"}}}]}`,
			AWSAccount, provider, provider, audience, provider, key, value)
	}
	return fakeaws.New(fakeaws.Config{
		AccountID: AWSAccount,
		Providers: []fakeaws.Provider{
			{URL: GitLabURL, ClientIDs: []string{GitLabAWSAudience}},
			{URL: CircleCIURL, ClientIDs: []string{OrganizationID}},
		},
		Roles: []fakeaws.Role{
			{Name: GitLabRole, TrustPolicy: trust("gitlab.com", GitLabAWSAudience, "project_id", fakeissuer.GitLabProjectID)},
			{Name: CircleCIRole, TrustPolicy: trust("oidc.circleci.com/org/"+OrganizationID, OrganizationID,
				"oidc.circleci.com/project-id", fakeissuer.CircleCIProjectID)},
		},
		Fetch: issuers,
	})
}

// newGoogle returns a cloud with a pool for both platforms. Its service account
// can be used, and its bucket read and written, by one project of each.
func newGoogle(issuers *http.Client) (*fakegoogle.Server, error) {
	gitlab := fakegoogle.Provider{
		Project: googleProject, Pool: googlePool, ID: "gitlab", IssuerURI: GitLabURL,
		Attributes: map[string]string{"project_id": "project_id"},
		Require:    map[string]string{"project_id": fakeissuer.GitLabProjectID},
	}
	circleci := fakegoogle.Provider{
		Project: googleProject, Pool: googlePool, ID: "circleci", IssuerURI: CircleCIURL,
		Attributes: map[string]string{"project_id": "oidc.circleci.com/project-id"},
		Require:    map[string]string{"oidc.circleci.com/project-id": fakeissuer.CircleCIProjectID},
	}
	members := []string{
		gitlab.PrincipalSet("project_id", fakeissuer.GitLabProjectID),
		circleci.PrincipalSet("project_id", fakeissuer.CircleCIProjectID),
	}
	return fakegoogle.New(fakegoogle.Config{
		Providers:       []fakegoogle.Provider{gitlab, circleci},
		ServiceAccounts: []fakegoogle.ServiceAccount{{Email: ServiceAccount, Users: members}},
		Buckets: []fakegoogle.Bucket{{
			Name: Bucket, Members: append(members, "serviceAccount:"+ServiceAccount),
			Objects: map[string][]byte{Object: []byte("release 42")},
		}},
		Fetch: issuers,
	})
}
