package awssts_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/internal/fakecloud/fakeaws"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

const (
	account  = "123456789012"
	region   = "eu-west-1"
	audience = "https://aws.example"
	role     = "arn:aws:iam::" + account + ":role/ci/deploy"
)

// world is an AWS account that trusts one GitLab project and one CircleCI
// project, with the issuers of both.
type world struct {
	gitlab, circleci *fakeissuer.Issuer
	aws              *fakeaws.Server
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		gitlab:   newIssuer(t, fakeissuer.Options{URL: "https://gitlab.com"}),
		circleci: newIssuer(t, fakeissuer.Options{URL: fakeissuer.CircleCIURL(fakeissuer.CircleCIOrganizationID)}),
	}
	circleci := strings.TrimPrefix(w.circleci.URL(), "https://")
	var err error
	w.aws, err = fakeaws.New(fakeaws.Config{
		AccountID: account,
		Providers: []fakeaws.Provider{
			{URL: w.gitlab.URL(), ClientIDs: []string{audience}},
			{URL: w.circleci.URL(), ClientIDs: []string{fakeissuer.CircleCIOrganizationID}},
		},
		Roles: []fakeaws.Role{{
			Name: "ci/deploy",
			TrustPolicy: fmt.Sprintf(`{"Version":"2012-10-17","Statement":[
				{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity",
				 "Principal":{"Federated":"arn:aws:iam::%[1]s:oidc-provider/gitlab.com"},
				 "Condition":{"StringEquals":{"gitlab.com:aud":%[2]q,"gitlab.com:project_id":%[3]q},
				              "StringLike":{"gitlab.com:sub":"project_path:acme/webshop:ref_type:branch:ref:*"}}},
				{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity",
				 "Principal":{"Federated":"arn:aws:iam::%[1]s:oidc-provider/%[4]s"},
				 "Condition":{"StringEquals":{"%[4]s:oidc.circleci.com/project-id":%[5]q},
				              "StringLike":{"%[4]s:sub":"org/*/project/%[5]s/user/*"}}}]}`,
				account, audience, fakeissuer.GitLabProjectID, circleci, fakeissuer.CircleCIProjectID),
		}},
		Fetch: fakeissuer.Client(w.gitlab, w.circleci),
	})
	require.NoError(t, err)
	return w
}

func newIssuer(t *testing.T, opts fakeissuer.Options) *fakeissuer.Issuer {
	t.Helper()
	i, err := fakeissuer.New(opts)
	require.NoError(t, err)
	t.Cleanup(i.Close)
	return i
}

// provider returns a provider for the role whose source always gives raw.
func (w *world) provider(t *testing.T, raw string, edit ...func(*awssts.Config)) *awssts.Provider {
	t.Helper()
	cfg := awssts.Config{RoleARN: role, Region: region, Source: static(raw), HTTPClient: w.aws.Client()}
	for _, f := range edit {
		f(&cfg)
	}
	p, err := awssts.New(cfg)
	require.NoError(t, err)
	return p
}

func (w *world) exchanges() int { return w.aws.Requests(fakeaws.AssumeRoleWithWebIdentity) }

func static(raw string) exchange.TokenSource {
	return exchange.TokenSourceFunc(func(context.Context, string) (string, error) { return raw, nil })
}

// refused runs Retrieve, which must fail with an *[exchange.Error] that holds
// no piece of raw in any form it can be printed.
func refused(ctx context.Context, t *testing.T, p *awssts.Provider, raw string) *exchange.Error {
	t.Helper()
	creds, err := p.Retrieve(ctx)
	var e *exchange.Error
	require.ErrorAs(t, err, &e)
	assert.False(t, creds.HasKeys())
	assert.Equal(t, "aws", e.Service)
	assertNoToken(t, e, raw)
	return e
}

func assertNoToken(t *testing.T, err *exchange.Error, raw string) {
	t.Helper()
	forms := []string{
		err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err), err.LogValue().String(),
		fmt.Sprintf("%+v", err.Err), fmt.Sprintf("%#v", err.Err), dump(err),
	}
	for _, form := range forms {
		for i := 0; i+20 <= len(raw); i += 5 {
			if strings.Contains(form, raw[i:i+20]) {
				require.Failf(t, "the error holds a piece of the token", "%s", form)
			}
		}
	}
}

func causes(e *exchange.Error) []string {
	var ids []string
	for _, c := range e.Causes {
		ids = append(ids, c.ID)
	}
	return ids
}
