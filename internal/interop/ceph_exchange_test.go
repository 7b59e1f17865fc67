//go:build linux

package interop

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// cephAudiences are what the providers accept; the roles accept the first only.
var cephAudiences = []string{"https://deploy.example", "https://other.example"}

// cephPlatform is a CI platform as the gateway sees it: an issuer that is
// registered, and a role that names one project, branch and audience.
type cephPlatform struct {
	name    string
	issuer  *fakeissuer.Issuer
	mint    func(audience string, edit ...func(fakeissuer.Claims)) string
	claim   string // the custom claim in the role's conditions
	value   string // what it must be
	roleARN string
	bucket  string
}

// cephPlatforms registers a GitLab instance and a CircleCI organization.
func cephPlatforms(t *testing.T, g *ceph) []*cephPlatform {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	gitLab := startIssuer(t, issuerOptions{gateway: true})
	circleCI := startIssuer(t, issuerOptions{gateway: true, organization: fakeissuer.CircleCIOrganizationID})
	platforms := []*cephPlatform{
		{name: "GitLab", issuer: gitLab, mint: gitLab.GitLab, claim: "project_path", value: fakeissuer.GitLabProjectPath},
		{name: "CircleCI", issuer: circleCI, mint: circleCI.CircleCI, claim: "oidc.circleci.com/project-id", value: fakeissuer.CircleCIProjectID},
	}
	conditionsOf := map[string]conditions{
		"GitLab": {
			"StringLike":   {"sub": "project_path:" + fakeissuer.GitLabProjectPath + ":ref_type:branch:ref:ma*"},
			"StringEquals": {"aud": cephAudiences[0], "project_path": fakeissuer.GitLabProjectPath},
		},
		"CircleCI": {
			"StringLike":   {"sub": "org/" + fakeissuer.CircleCIOrganizationID + "/project/" + fakeissuer.CircleCIProjectID + "/user/*"},
			"StringEquals": {"aud": cephAudiences[0], "oidc.circleci.com/project-id": fakeissuer.CircleCIProjectID},
		},
	}
	for _, p := range platforms {
		require.NoError(t, g.createProvider(ctx, p.issuer.URL(), p.issuer.Thumbprints(), cephAudiences...))
		p.bucket = strings.ToLower(p.name + "-" + newUUID())
		_, err := g.s3Client(staticCredentials(g.Admin)).CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(p.bucket)})
		require.NoError(t, err)
		p.roleARN, err = g.createRole(ctx, p.bucket, p.issuer.URL(), p.bucket, conditionsOf[p.name])
		require.NoError(t, err)
	}
	return platforms
}

// provider exchanges token for credentials of the platform's role.
func (p *cephPlatform) provider(t *testing.T, g *ceph, token string, edit ...func(*awssts.Config)) *awssts.Provider {
	t.Helper()
	cfg := awssts.Config{
		RoleARN:  p.roleARN,
		Region:   "us-east-1",
		Audience: cephAudiences[0],
		Source: exchange.TokenSourceFunc(func(_ context.Context, audience string) (string, error) {
			assert.Equal(t, cephAudiences[0], audience)
			return token, nil
		}),
		Endpoint:   g.Endpoint,
		HTTPClient: g.client,
	}
	for _, f := range edit {
		f(&cfg)
	}
	provider, err := awssts.New(cfg)
	require.NoError(t, err)
	return provider
}

// A job's token becomes credentials that a real S3 accepts, for what the role
// may do and for nothing else.
func TestCephObjectWithExchangedCredentials(t *testing.T) {
	g := gateway(t)
	platforms := cephPlatforms(t, g)
	for i, p := range platforms {
		t.Run(p.name, func(t *testing.T) {
			tally.real(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			asked := p.issuer.Fetches()
			provider := p.provider(t, g, p.mint(cephAudiences[0]))
			credentials, err := provider.Retrieve(ctx)
			require.NoError(t, err)
			assert.True(t, credentials.CanExpire)
			assert.WithinDuration(t, time.Now().Add(time.Hour), credentials.Expires, 5*time.Minute)
			assert.NotEmpty(t, credentials.SessionToken)

			key, content := aws.String("releases/1.4.0"), []byte("built by "+p.name)
			job := s3.NewFromConfig(provider.AWSConfig(), g.s3Options)
			_, err = job.PutObject(ctx, &s3.PutObjectInput{Bucket: &p.bucket, Key: key, Body: bytes.NewReader(content)})
			require.NoError(t, err)
			got, err := job.GetObject(ctx, &s3.GetObjectInput{Bucket: &p.bucket, Key: key})
			require.NoError(t, err)
			defer got.Body.Close()
			back, err := io.ReadAll(got.Body)
			require.NoError(t, err)
			assert.Equal(t, content, back)

			// None of these has a body, which the gateway would not wait for.
			anyone := g.s3Client(nil)
			_, err = anyone.GetObject(ctx, &s3.GetObjectInput{Bucket: &p.bucket, Key: key})
			assertRefused(t, err, "AccessDenied")
			_, err = anyone.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &p.bucket, Key: key})
			assertRefused(t, err, "AccessDenied")
			other := platforms[1-i].bucket
			_, err = job.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &other})
			assertRefused(t, err, "AccessDenied")
			_, err = job.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &other, Key: key})
			assertRefused(t, err, "AccessDenied")
			assert.Equal(t, 2, p.issuer.Fetches()-asked, "one exchange by Retrieve, one for all that the job did")

			forged := credentials
			forged.SecretAccessKey = strings.Repeat("x", len(forged.SecretAccessKey))
			_, err = g.s3Client(staticCredentials(forged)).GetObject(ctx, &s3.GetObjectInput{Bucket: &p.bucket, Key: key})
			assertRefused(t, err, "SignatureDoesNotMatch")
		})
	}
}

// The length and the session policy that are asked for are those of the
// session.
func TestCephNarrowedSession(t *testing.T) {
	g := gateway(t)
	for _, p := range cephPlatforms(t, g) {
		t.Run(p.name, func(t *testing.T) {
			tally.real(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			provider := p.provider(t, g, p.mint(cephAudiences[0]), func(cfg *awssts.Config) {
				cfg.Duration = 15 * time.Minute
				cfg.SessionName = "interop"
				cfg.Policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::` + p.bucket + `/*"]}]}`
			})
			credentials, err := provider.Retrieve(ctx)
			require.NoError(t, err)
			assert.WithinDuration(t, time.Now().Add(15*time.Minute), credentials.Expires, time.Minute)

			key := aws.String("object")
			_, err = g.s3Client(staticCredentials(g.Admin)).PutObject(ctx, &s3.PutObjectInput{Bucket: &p.bucket, Key: key, Body: strings.NewReader("content")})
			require.NoError(t, err)
			job := g.s3Client(staticCredentials(credentials))
			got, err := job.GetObject(ctx, &s3.GetObjectInput{Bucket: &p.bucket, Key: key})
			require.NoError(t, err)
			require.NoError(t, got.Body.Close())
			_, err = job.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &p.bucket, Key: key})
			assertRefused(t, err, "AccessDenied")
		})
	}
}

func assertRefused(t *testing.T, err error, code string) {
	t.Helper()
	var refusal smithy.APIError
	if assert.ErrorAs(t, err, &refusal) {
		assert.Equal(t, code, refusal.ErrorCode())
	}
}

// The gateway refuses a token for a reason of its own, which its log holds: it
// answers all of them alike.
func TestCephRefusals(t *testing.T) {
	g := gateway(t)
	const (
		denied    = "returned deny/pass" // by the role's trust policy
		signature = "evp verify final failed"
	)
	platforms := cephPlatforms(t, g)
	stranger := startIssuer(t, issuerOptions{gateway: true})
	for _, p := range platforms {
		at := func(edit ...func(fakeissuer.Claims)) string { return p.mint(cephAudiences[0], edit...) }
		otherSubject := with("sub", "project_path:"+fakeissuer.GitLabForkProjectPath+":ref_type:branch:ref:main")
		if p.name == "CircleCI" {
			otherSubject = with("sub", "org/"+fakeissuer.CircleCIOrganizationID+"/project/"+newUUID()+"/user/"+fakeissuer.CircleCIUserID)
		}
		for _, tt := range []struct {
			name, token, because string
			fetches              int // of the issuer's keys
		}{
			{"another subject", at(otherSubject), denied, 1},
			{"subject in another case", at(func(c fakeissuer.Claims) { c["sub"] = strings.ToUpper(c["sub"].(string)) }), denied, 1},
			{"another value of the custom claim", at(with(p.claim, "another")), denied, 1},
			{"custom claim left out", at(without(p.claim)), denied, 1},
			{"audience of the provider but not of the role", p.mint(cephAudiences[1]), denied, 1},
			{"audience that the provider does not accept", p.mint("https://deploy.example.org"), "Client id in token doesn't match", 0},
			{"expired", at(fakeissuer.Expired), "token expired", 1},
			{"not yet valid", at(with("nbf", time.Now().Add(time.Hour).Unix())), "token verification failed", 1},
			{"tampered subject", tampered(t, at(otherSubject), "sub", subjectOf(t, at())), signature, 1},
			{"tampered custom claim", tampered(t, at(with(p.claim, "another")), p.claim, p.value), signature, 1},
			{"key of another issuer", stranger.GitLab(cephAudiences[0], with("iss", p.issuer.URL()), with("sub", subjectOf(t, at()))), signature, 1},
			{"issuer that is not registered", stranger.GitLab(cephAudiences[0], with("sub", subjectOf(t, at()))), "Couldn't get oidc provider info", 0},
		} {
			t.Run(p.name+"/"+tt.name, func(t *testing.T) {
				tally.real(t)
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				_, err := p.provider(t, g, at()).Retrieve(ctx)
				require.NoError(t, err, "the role accepts the token that is not changed")

				said, asked := g.logSize(t), p.issuer.Fetches()
				_, err = p.provider(t, g, tt.token).Retrieve(ctx)
				var refusal *exchange.Error
				require.ErrorAs(t, err, &refusal)
				assert.Equal(t, "aws", refusal.Service)
				assert.Equal(t, exchange.StageExchange, refusal.Stage)
				assert.Equal(t, http.StatusForbidden, refusal.StatusCode)
				assert.NotEmpty(t, refusal.RequestID)
				assert.False(t, refusal.Retryable())
				assert.NotContains(t, err.Error(), tt.token)
				assert.NotContains(t, err.Error(), tt.token[strings.LastIndexByte(tt.token, '.')+1:])
				assert.Equal(t, tt.fetches, p.issuer.Fetches()-asked, "fetches of the keys: one attempt makes one at most")
				g.awaitLog(t, said, tt.because)
			})
		}
	}
}

// logSize returns where the gateway's log ends.
func (c *ceph) logSize(t *testing.T) int64 {
	t.Helper()
	info, err := os.Stat(c.path("client.rgw.a.log"))
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	require.NoError(t, err)
	return info.Size()
}

// awaitLog waits until the gateway's log has text after offset: the gateway
// answers first and writes later.
func (c *ceph) awaitLog(t *testing.T, offset int64, text string) {
	t.Helper()
	var tail []byte
	require.Eventually(t, func() bool {
		all, err := os.ReadFile(c.path("client.rgw.a.log"))
		if err != nil {
			return false
		}
		tail = all[min(offset, int64(len(all))):]
		return bytes.Contains(tail, []byte(text))
	}, 5*time.Second, 20*time.Millisecond, "the gateway's log has no %q: %s", text, lazy(func() string { return string(tail) }))
}

// lazy is text that is made when it is printed.
type lazy func() string

func (l lazy) String() string { return l() }
