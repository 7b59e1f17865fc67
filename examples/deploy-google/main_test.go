package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/api/googleapi"

	"github.com/cioidc/cioidc/ciplatform"
	"github.com/cioidc/cioidc/examples/internal/fakejob"
	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
)

func TestDeploy(t *testing.T) {
	object, err := deploy(t.Context(), googlests.Config{}, fakejob.Bucket, true)
	require.NoError(t, err)
	assert.Equal(t, fakejob.Bucket, object.Bucket)
	assert.Equal(t, fakejob.Object, object.Name)
	assert.EqualValues(t, len("release 43"), object.Size)
}

func TestDeployFails(t *testing.T) {
	_, err := deploy(t.Context(), googlests.Config{}, "another-bucket", true)
	var refused *googleapi.Error
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, 403, refused.Code)

	t.Setenv("GITLAB_CI", "")
	t.Setenv("CIRCLECI", "")
	_, err = deploy(t.Context(), googlests.Config{}, fakejob.Bucket, false)
	assert.ErrorIs(t, err, ciplatform.ErrNotDetected)

	t.Setenv("GITLAB_CI", "true")
	_, err = deploy(t.Context(), googlests.Config{Provider: fakejob.GoogleProvider("gitlab")}, fakejob.Bucket, false)
	var failed *exchange.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, exchange.StageSource, failed.Stage, "a job without a token sends nothing")
}
