//go:build linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// After kill -9 there is a folder for this user alone, with no credential in
// it. The next run removes it, and leaves alone what lives or is not ours.
func TestFolderAfterKill(t *testing.T) {
	w := newWorld(t)
	// An input that does not end when ci-exec does: the command would wait on.
	in, keep, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { in.Close(); keep.Close() })
	killed := w.start(t, w.line(as(t, "use")...), func(c *exec.Cmd) { c.Stdin = in })
	pid, err := strconv.Atoi(killed.await(t, "ready "))
	require.NoError(t, err)
	left := w.folders(t)
	require.Len(t, left, 1)
	killed.signal(t, syscall.SIGKILL)
	killed.wait(t)
	assert.Eventually(t, func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }, 5*time.Second, 5*time.Millisecond, "the command dies as well")

	require.Equal(t, left, w.folders(t))
	info, err := os.Stat(filepath.Join(w.temp, left[0]))
	require.NoError(t, err)
	assert.Equal(t, os.ModeDir|0o700, info.Mode())
	files := w.files(t)
	assert.Len(t, files, 2)
	assertNoSecret(t, w, files)
	for path := range files {
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode(), path)
	}

	for _, name := range []string{"ci-exec-1x", "ci-exec-", "xci-exec-1", "ci-exec-22"} {
		require.NoError(t, os.Mkdir(filepath.Join(w.temp, name), 0o700))
	}
	require.NoError(t, os.Chmod(filepath.Join(w.temp, "ci-exec-22"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(w.temp, "ci-exec-23"), nil, 0o700))
	elsewhere := t.TempDir()
	require.NoError(t, os.Chmod(elsewhere, 0o700))
	require.NoError(t, os.Symlink(elsewhere, filepath.Join(w.temp, "ci-exec-24")))
	foreign := []string{"ci-exec-", "ci-exec-1x", "ci-exec-22", "ci-exec-23", "ci-exec-24", "xci-exec-1"}
	if os.Geteuid() == 0 { // only root can give a folder away
		require.NoError(t, os.Mkdir(filepath.Join(w.temp, "ci-exec-25"), 0o700))
		require.NoError(t, os.Chown(filepath.Join(w.temp, "ci-exec-25"), 65534, 65534))
		foreign = append(foreign, "ci-exec-25")
	}

	living := w.start(t, w.line(as(t, "use")...))
	living.await(t, "ready ")
	now := w.folders(t)
	assert.NotContains(t, now, left[0], "the next run removes it")
	assert.Len(t, now, len(foreign)+1)
	got := w.run(t, w.line("true")...)
	require.Zero(t, got.status, got.stderr)
	assert.Equal(t, now, w.folders(t), "a run that lives keeps its folder")
	require.NoError(t, living.stdin.Close())
	assert.Zero(t, living.wait(t))
	assert.ElementsMatch(t, foreign, w.folders(t))
	assert.DirExists(t, elsewhere)
}

// A folder that another run removed before it was locked is noticed.
func TestFolderIsItsOwn(t *testing.T) {
	dir := t.TempDir()
	f, err := makeFolder(dir)
	require.NoError(t, err)
	assert.True(t, sameFile(f.lock, f.path))
	_, err = lockFolder(f.path)
	assert.ErrorIs(t, err, syscall.EWOULDBLOCK)
	sweep(dir)
	assert.DirExists(t, f.path)

	require.NoError(t, os.Rename(f.path, f.path+"0"))
	assert.False(t, sameFile(f.lock, f.path))
	require.NoError(t, os.Mkdir(f.path, 0o700))
	assert.False(t, sameFile(f.lock, f.path))
	sweep(dir)
	assert.NoDirExists(t, f.path)
	assert.DirExists(t, f.path+"0", "it is locked under whatever name")
	f.path += "0"
	require.NoError(t, f.Remove())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, entries)
}
