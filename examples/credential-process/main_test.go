package main

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/ciplatform"
	"github.com/cioidc/cioidc/examples/internal/fakejob"
	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/internal/fakecloud/fakeaws"
)

type printed struct {
	Version                                               int
	AccessKeyID, SecretAccessKey, SessionToken, AccountID string
	Expiration                                            time.Time
}

func parse(t *testing.T, out *bytes.Buffer) (p printed) {
	t.Helper()
	d := json.NewDecoder(out)
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&p))
	assert.Equal(t, 1, p.Version)
	assert.Regexp(t, "^ASIA", p.AccessKeyID)
	assert.NotEmpty(t, p.SecretAccessKey)
	assert.NotEmpty(t, p.SessionToken)
	assert.Equal(t, fakejob.AWSAccount, p.AccountID)
	assert.WithinDuration(t, time.Now().Add(time.Hour), p.Expiration, time.Minute)
	return p
}

func TestFake(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, awssts.Config{}, true, true))
	parse(t, &out)
	left, err := os.ReadDir(cache)
	require.NoError(t, err)
	assert.Empty(t, left)
}

// Two runs are one exchange, or two without the cache.
func TestCache(t *testing.T) {
	clouds, err := fakejob.NewClouds()
	require.NoError(t, err)
	urls, stop, err := fakejob.Serve(clouds.AWS)
	require.NoError(t, err)
	t.Cleanup(stop)
	for name, value := range fakejob.GitLabEnviron(clouds.GitLab, map[string]string{"AWS_ID_TOKEN": fakejob.GitLabAWSAudience}) {
		t.Setenv(name, value)
	}
	t.Setenv("CIRCLECI", "")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	cfg := awssts.Config{RoleARN: fakejob.RoleARN(fakejob.GitLabRole), Region: fakejob.AWSRegion, Endpoint: urls[0]}
	var keys []string
	for _, cache := range []bool{true, true, false} {
		var out bytes.Buffer
		require.NoError(t, run(t.Context(), &out, cfg, cache, false))
		keys = append(keys, parse(t, &out).AccessKeyID)
	}
	assert.Equal(t, keys[0], keys[1])
	assert.NotEqual(t, keys[0], keys[2])
	assert.Equal(t, 2, clouds.AWS.Requests(fakeaws.AssumeRoleWithWebIdentity))
}

func TestFails(t *testing.T) {
	t.Setenv("GITLAB_CI", "")
	t.Setenv("CIRCLECI", "")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	var out bytes.Buffer
	assert.ErrorIs(t, run(t.Context(), &out, awssts.Config{}, true, false), ciplatform.ErrNotDetected)
	t.Setenv("GITLAB_CI", "true")
	var invalid *exchange.ConfigError
	require.ErrorAs(t, run(t.Context(), &out, awssts.Config{RoleARN: fakejob.RoleARN("deploy")}, true, false), &invalid)
	assert.Equal(t, "Region", invalid.Field)
	assert.Empty(t, out.String())
}
