package command_test

import (
	"context"
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

func shell(script string, env ...string) command.Command {
	return command.Command{Name: "sh", Args: []string{"-c", script}, Env: env, Limit: time.Minute}
}

func TestEnvIsAddedForTheProgramAlone(t *testing.T) {
	t.Setenv("COMMAND_TEST_OURS", "ours")
	t.Setenv("COMMAND_TEST_BOTH", "ours")
	out, err := shell(`echo $COMMAND_TEST_OURS $COMMAND_TEST_BOTH $COMMAND_TEST_THEIRS`, "COMMAND_TEST_BOTH=theirs", "COMMAND_TEST_THEIRS=theirs").Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "ours theirs theirs\n", string(out))
	assert.Equal(t, "ours", os.Getenv("COMMAND_TEST_BOTH"))
	_, set := os.LookupEnv("COMMAND_TEST_THEIRS")
	assert.False(t, set)
}

func TestOutputIsBounded(t *testing.T) {
	out, err := shell(`head -c 65537 /dev/zero`).Run(t.Context())
	assert.EqualError(t, err, "it printed more than 65536 bytes")
	assert.Nil(t, out)
	out, err = shell(`head -c 65536 /dev/zero`).Run(t.Context())
	require.NoError(t, err)
	assert.Len(t, out, 65536)

	_, err = shell(`head -c 70000 /dev/zero >&2; exit 3`).Run(t.Context())
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, 3, exit.ExitCode())
	assert.Len(t, exit.Stderr, command.MaxStderr)
}

func TestTimeIsBounded(t *testing.T) {
	c := shell(`exec sleep 600`)
	c.Limit = 20 * time.Millisecond
	_, err := c.Run(t.Context())
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, "it did not end within 20ms")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = shell(`exec sleep 600`).Run(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

// A process that the program leaves behind, with its output open, does not hold
// up the caller.
func TestWhatIsLeftBehindIsNotWaitedFor(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	_, err := shell(`sleep 600 & echo $! > "$PID_FILE"; echo out`, "PID_FILE="+pidFile).Run(t.Context())
	raw, readErr := os.ReadFile(pidFile)
	require.NoError(t, readErr)
	t.Cleanup(func() { _ = exec.Command("kill", strings.TrimSpace(string(raw))).Run() })
	assert.ErrorIs(t, err, exec.ErrWaitDelay)
}

func TestAProgramThatIsNotThere(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := shell(``).Run(t.Context())
	assert.ErrorIs(t, err, exec.ErrNotFound)
}
