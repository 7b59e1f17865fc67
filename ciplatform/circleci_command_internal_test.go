package ciplatform

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/command"
)

// onPath puts a shell script called circleci on PATH, alone.
func onPath(t *testing.T, script string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "circleci"), []byte("#!/bin/sh\n"+script), 0o700))
	t.Setenv("PATH", dir)
	return dir
}

func TestRunCircleCIReturnsStandardOutputAlone(t *testing.T) {
	dir := onPath(t, `echo noise >&2; printf '%s\n' "$@" > "${0%/*}/args"; echo out`)
	out, err := runCircleCI(t.Context(), "run", "$(id) 'x'")
	require.NoError(t, err)
	assert.Equal(t, "out\n", string(out))
	args, err := os.ReadFile(filepath.Join(dir, "args"))
	require.NoError(t, err)
	assert.Equal(t, "run\n$(id) 'x'\n", string(args))
}

func TestRunCircleCIReportsWhatWentWrong(t *testing.T) {
	t.Run("no command", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		_, err := runCircleCI(t.Context())
		require.ErrorIs(t, err, exec.ErrNotFound)
	})
	t.Run("not executable", func(t *testing.T) {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "circleci"), nil, 0o600))
		_, err := command.Command{Name: filepath.Join(dir, "circleci"), Limit: time.Minute}.Run(t.Context())
		require.ErrorIs(t, err, fs.ErrPermission)
		failed := commandFailed(err)
		assert.ErrorIs(t, failed, ErrCommand)
		assert.ErrorIs(t, failed, fs.ErrPermission)
		assert.Contains(t, failed.text, "permission denied")
	})
	t.Run("exit status", func(t *testing.T) {
		onPath(t, `echo secret; echo why >&2; exit 3`)
		_, err := runCircleCI(t.Context())
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		assert.Equal(t, 3, exit.ExitCode())
		assert.Equal(t, "why\n", string(exit.Stderr))
		failed := commandFailed(err)
		require.ErrorIs(t, failed, ErrCommand)
		assert.EqualError(t, failed, `the circleci command failed (exit status 3): "why"`)
	})
	t.Run("exit status alone", func(t *testing.T) {
		onPath(t, `exit 4`)
		_, err := runCircleCI(t.Context())
		assert.EqualError(t, commandFailed(err), `the circleci command failed (exit status 4)`)
		wrapped := fmt.Errorf("in a \"container\": %w", err)
		assert.EqualError(t, commandFailed(wrapped), `the circleci command failed ("in a \"container\": exit status 4")`)
	})
	t.Run("a long standard error", func(t *testing.T) {
		onPath(t, `i=0; while [ $i -lt 3000 ]; do echo "line $i" >&2; i=$((i+1)); done; exit 1`)
		_, err := runCircleCI(t.Context())
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		assert.Len(t, exit.Stderr, command.MaxStderr)
		assert.True(t, strings.HasSuffix(commandFailed(err).text, `..."`))
		assert.Less(t, len(commandFailed(err).text), 600)
	})
	t.Run("too much output", func(t *testing.T) {
		onPath(t, `i=0; while [ $i -lt 1100 ]; do echo "0123456789012345678901234567890123456789012345678901234567890"; i=$((i+1)); done`)
		out, err := runCircleCI(t.Context())
		require.EqualError(t, err, "it printed more than 65536 bytes")
		assert.Nil(t, out)
	})
	t.Run("no end", func(t *testing.T) {
		sleep, err := exec.LookPath("sleep")
		require.NoError(t, err)
		_, err = command.Command{Name: sleep, Args: []string{"600"}, Limit: 20 * time.Millisecond}.Run(t.Context())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		failed := commandFailed(err)
		assert.ErrorIs(t, failed, ErrCommand)
		assert.ErrorIs(t, failed, context.DeadlineExceeded)
		assert.Contains(t, failed.text, "did not end within 20ms")
	})
	t.Run("the caller's context ends", func(t *testing.T) {
		sleep, err := exec.LookPath("sleep")
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = command.Command{Name: sleep, Args: []string{"600"}, Limit: time.Minute}.Run(ctx)
		require.ErrorIs(t, err, context.Canceled)
		assert.False(t, errors.Is(err, context.DeadlineExceeded))
	})
}
