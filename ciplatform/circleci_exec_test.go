package ciplatform_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/ciplatform"
)

// The whole way, with a command on PATH and no seam but the environment.
func TestCircleCIRunsTheCommandOnPath(t *testing.T) {
	dir := t.TempDir()
	token := circleJWT(service, map[string]any{"minted": true})
	script := "#!/bin/sh\nprintf '%s\\n' \"$@\" > \"${0%/*}/args\"\necho a note >&2\necho " + token + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "circleci"), []byte(script), 0o700))
	t.Setenv("PATH", dir)
	t.Setenv("CIRCLECI", "true")
	t.Setenv("CIRCLE_OIDC_TOKEN", circleJWT(orgID, nil))

	p := &ciplatform.CircleCI{Now: clock, RootIssuer: false}
	got, err := p.IDToken(t.Context(), service)
	require.NoError(t, err)
	assert.Equal(t, token, got)
	args, err := os.ReadFile(filepath.Join(dir, "args"))
	require.NoError(t, err)
	assert.Equal(t, "run\noidc\nget\n--claims\n{\"aud\": \"https://deploy.example.com\"}\n", string(args))
}

func TestCircleCIKeepsTheCommandsOutputOutOfErrors(t *testing.T) {
	dir := t.TempDir()
	token := circleJWT(service, nil)
	script := "#!/bin/sh\necho " + token + "\necho \"bad: " + token + "\" >&2\nexit 2\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "circleci"), []byte(script), 0o700))
	t.Setenv("PATH", dir)

	p := &ciplatform.CircleCI{Now: clock, LookupEnv: in(map[string]string{"CIRCLECI": "true"})}
	got, err := p.IDToken(t.Context(), service)
	assert.Empty(t, got)
	require.ErrorIs(t, err, ciplatform.ErrCommand)
	var exit *exec.ExitError
	assert.False(t, errors.As(err, &exit), "an exit error holds standard error as it is")
	assert.Contains(t, err.Error(), `CIRCLE_OIDC_TOKEN is not set, and the circleci command failed (exit status 2): "bad: [redacted]"`)
	noToken(t, err, token)
}
