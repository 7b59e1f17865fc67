//go:build linux

package interop

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange/awssts"
)

// goWaysOut are the SDK for Go's own providers at the other end of each way.
func goWaysOut(t *testing.T, g *ceph, roleARN, token string) map[string]aws.CredentialsProvider {
	t.Helper()
	p := boxProvider(t, g.Endpoint, roleARN, token)

	e, err := awssts.NewEndpoint(p)
	require.NoError(t, err)
	srv := httptest.NewServer(e)
	t.Cleanup(srv.Close)
	env := map[string]string{}
	for _, v := range e.Environ(srv.URL) {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
	}

	dir := t.TempDir()
	f, err := awssts.NewTokenFile(p, filepath.Join(dir, "token"))
	require.NoError(t, err)
	_, err = f.Write(t.Context())
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	cfg, err := json.Marshal(processConfig{RoleARN: roleARN, Endpoint: g.Endpoint, TokenFile: filepath.Join(dir, "token"), CacheDir: filepath.Join(dir, "cache")})
	require.NoError(t, err)

	client := sts.New(sts.Options{Region: "us-east-1", BaseEndpoint: aws.String(g.Endpoint), HTTPClient: g.client})
	return map[string]aws.CredentialsProvider{
		"endpoint": endpointcreds.New(env["AWS_CONTAINER_CREDENTIALS_FULL_URI"], func(o *endpointcreds.Options) {
			o.AuthorizationToken = env["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
		}),
		"credential_process": processcreds.NewProvider("env " + credentialProcessVariable + "='" + string(cfg) + "' " + self),
		"token file":         stscreds.NewWebIdentityRoleProvider(client, roleARN, stscreds.IdentityTokenFile(filepath.Join(dir, "token"))),
	}
}

func TestSDKForGoByEveryWayOut(t *testing.T) {
	g := gateway(t)
	p := cephPlatforms(t, g)[1]
	good := p.mint(cephAudiences[0])
	changed := tampered(t, p.mint(cephAudiences[0], with(p.claim, "another")), p.claim, p.value)
	for name, way := range goWaysOut(t, g, p.roleARN, good) {
		t.Run(name, func(t *testing.T) {
			tally.real(t)
			key := "go-" + strings.ReplaceAll(name, " ", "-")
			client := g.s3Client(aws.NewCredentialsCache(way))
			_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &p.bucket, Key: &key, Body: strings.NewReader(putContent)})
			require.NoError(t, err)
			assert.Equal(t, putContent, p.object(t, g, key))
			creds, err := way.Retrieve(t.Context())
			require.NoError(t, err)
			assert.True(t, creds.CanExpire)
			assert.WithinDuration(t, time.Now().Add(time.Hour), creds.Expires, 2*time.Minute)
		})
	}
	for name, way := range goWaysOut(t, g, p.roleARN, changed) {
		t.Run(name+"/tampered", func(t *testing.T) {
			tally.real(t)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			_, err := g.s3Client(way).ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &p.bucket})
			require.Error(t, err)
			switch name {
			case "endpoint":
				assert.Contains(t, err.Error(), "exchange: aws: token exchange failed")
			case "credential_process":
				var failed *processcreds.ProviderError
				assert.ErrorAs(t, err, &failed)
			default:
				assert.Contains(t, err.Error(), "AssumeRoleWithWebIdentity")
			}
		})
	}
}

// An upload that begins after the credentials of the first one have ended.
func TestSDKForGoRefreshesFromTheEndpoint(t *testing.T) {
	const length = 4 * time.Second
	g := gateway(t)
	p := cephPlatforms(t, g)[1]
	short := &shortLived{next: boxProvider(t, g.Endpoint, p.roleARN, p.mint(cephAudiences[0])), length: length}
	e, err := awssts.NewEndpoint(short)
	require.NoError(t, err)
	srv := httptest.NewServer(e)
	t.Cleanup(srv.Close)
	guarded := httptest.NewServer(short.guard(reverseProxy(t, g.Endpoint)))
	t.Cleanup(guarded.Close)
	_, token, _ := strings.Cut(e.Environ(srv.URL)[1], "=")
	source := aws.NewCredentialsCache(endpointcreds.New(srv.URL, func(o *endpointcreds.Options) { o.AuthorizationToken = token }))
	client := s3.New(s3.Options{Region: "us-east-1", Credentials: source}, g.s3Options, func(o *s3.Options) { o.BaseEndpoint = &guarded.URL })
	first, err := source.Retrieve(t.Context())
	require.NoError(t, err)
	for _, key := range []string{"go-refresh", "go-refresh-2"} {
		_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &p.bucket, Key: &key, Body: strings.NewReader(putContent)})
		require.NoError(t, err)
		assert.Equal(t, putContent, p.object(t, g, key))
		time.Sleep(length + time.Second)
	}
	old := s3.New(s3.Options{Region: "us-east-1", Credentials: staticCredentials(first)}, g.s3Options, func(o *s3.Options) { o.BaseEndpoint = &guarded.URL })
	_, err = old.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &p.bucket})
	assertRefused(t, err, "ExpiredToken")
	assert.Len(t, short.ends, 2)
}
