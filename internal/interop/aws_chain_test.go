//go:build linux

package interop

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/fakecloud/fakeaws"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// The SDK's own AssumeRoleProvider goes on from the role of the job to another
// one, with the credentials of awssts.Provider.AWSConfig.
func TestSDKForGoChainsRoles(t *testing.T) {
	tally.real(t)
	const account, audience, second = "123456789012", "https://deploy.example", "arn:aws:iam::210987654321:role/production"
	issuer := newIssuer(t, "https://gitlab.com")
	trust, err := trustPolicy(account, issuer.URL(), conditions{"StringEquals": {"aud": audience}, "StringLike": {"sub": "project_path:*"}})
	require.NoError(t, err)
	server, err := fakeaws.New(fakeaws.Config{
		AccountID: account, Fetch: fakeissuer.Client(issuer),
		Providers: []fakeaws.Provider{{URL: issuer.URL(), ClientIDs: []string{audience}}},
		Roles:     []fakeaws.Role{{Name: "deploy", TrustPolicy: trust}},
	})
	require.NoError(t, err)
	var form url.Values
	var signed http.Header
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		values, _ := url.ParseQuery(string(body))
		if values.Get("Action") != "AssumeRole" {
			r.Body = io.NopCloser(strings.NewReader(string(body)))
			server.ServeHTTP(w, r)
			return
		}
		form, signed = values, r.Header
		fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><AssumedRoleUser><Arn>arn:aws:sts::210987654321:assumed-role/production/me</Arn><AssumedRoleId>AROA:me</AssumedRoleId></AssumedRoleUser>`+
			`<Credentials><AccessKeyId>ASIASECOND</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
			time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}))
	t.Cleanup(endpoint.Close)

	token := issuer.GitLab(audience)
	p := boxProvider(t, endpoint.URL, "arn:aws:iam::"+account+":role/deploy", token)
	cfg := p.AWSConfig()
	client := sts.NewFromConfig(cfg, func(o *sts.Options) { o.BaseEndpoint = aws.String(endpoint.URL) })
	cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(client, second, func(o *stscreds.AssumeRoleOptions) { o.RoleSessionName = "me" }))
	creds, err := cfg.Credentials.Retrieve(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "ASIASECOND", creds.AccessKeyID)
	assert.Equal(t, second, form.Get("RoleArn"))
	job, err := p.AWSConfig().Credentials.Retrieve(t.Context())
	require.NoError(t, err)
	assert.Contains(t, signed.Get("Authorization"), "Credential="+job.AccessKeyID+"/")
	assert.Equal(t, job.SessionToken, signed.Get("X-Amz-Security-Token"))
	assert.Equal(t, 1, server.Requests(fakeaws.AssumeRoleWithWebIdentity))

	// A token that is refused is that error, at the end of the chain too.
	p = boxProvider(t, endpoint.URL, "arn:aws:iam::"+account+":role/deploy", tampered(t, token, "project_id", "1"))
	client = sts.NewFromConfig(p.AWSConfig(), func(o *sts.Options) { o.BaseEndpoint = aws.String(endpoint.URL) })
	_, err = stscreds.NewAssumeRoleProvider(client, second).Retrieve(t.Context())
	require.ErrorContains(t, err, "exchange: aws: token exchange failed (HTTP 400, InvalidIdentityToken")
	assert.Equal(t, 2, server.Requests(fakeaws.AssumeRoleWithWebIdentity), "one request")
}
