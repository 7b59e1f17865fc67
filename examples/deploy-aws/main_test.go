package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/ciplatform"
	"github.com/cioidc/cioidc/examples/internal/fakejob"
	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
)

func TestDeploy(t *testing.T) {
	var out strings.Builder
	require.NoError(t, deploy(t.Context(), &out, awssts.Config{}, true))
	assert.Regexp(t, `^deploying as arn:aws:sts::`+fakejob.AWSAccount+`:assumed-role/`+fakejob.CircleCIRole+`/circleci-\S+\n$`, out.String())
}

func TestDeployFails(t *testing.T) {
	t.Setenv("GITLAB_CI", "")
	t.Setenv("CIRCLECI", "")
	var out strings.Builder
	assert.ErrorIs(t, deploy(t.Context(), &out, awssts.Config{}, false), ciplatform.ErrNotDetected)

	t.Setenv("GITLAB_CI", "true")
	cfg := awssts.Config{RoleARN: fakejob.RoleARN("deploy"), Region: fakejob.AWSRegion}
	var failed *exchange.Error
	require.ErrorAs(t, deploy(t.Context(), &out, cfg, false), &failed)
	assert.Equal(t, exchange.StageSource, failed.Stage, "a job without a token sends nothing")
	assert.Empty(t, out.String())
}
