//go:build unix

package privatefile_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/privatefile"
)

func TestReplaceAndRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, text := range []string{"one", "", "another"} {
		require.NoError(t, privatefile.Replace(path, []byte(text)))
		got, err := privatefile.Read(path)
		require.NoError(t, err)
		assert.Equal(t, text, string(got))
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode())
	}
}

func TestReplaceLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "f", "x"), 0o700))
	var link *os.LinkError
	require.ErrorAs(t, privatefile.Replace(filepath.Join(dir, "f"), []byte("secret")), &link)
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, list, 1)
}

func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.WriteFile(at("open"), []byte("x"), 0o600))
	require.NoError(t, os.Chmod(at("open"), 0o640))
	require.NoError(t, os.WriteFile(at("large"), []byte(strings.Repeat("x", 64<<10+1)), 0o600))
	require.NoError(t, os.WriteFile(at("good"), []byte("x"), 0o600))
	require.NoError(t, os.Symlink(at("good"), at("link")))
	require.NoError(t, syscall.Mkfifo(at("pipe"), 0o600))
	require.NoError(t, os.Mkdir(at("folder"), 0o700))
	for name, want := range map[string]string{
		"open": "its mode is 0640: others can reach it", "large": "it is too large", "folder": "it is not a regular file",
		"pipe": "it is not a regular file", "link": "too many levels of symbolic links", "none": "no such file",
	} {
		_, err := privatefile.Read(at(name)) // which does not wait for a pipe's writer
		assert.ErrorContains(t, err, want, name)
	}
	_, err := privatefile.Read(at("none"))
	assert.True(t, errors.Is(err, os.ErrNotExist))
}

func TestFolders(t *testing.T) {
	for _, c := range []struct {
		mode      os.FileMode
		dir, safe string // what the error holds; empty: none
	}{
		{0o700, "", ""},
		{0o755, "others can reach it", ""},
		{0o770, "others can reach it", "others can write to it"},
		{0o777, "others can reach it", "others can write to it"},
		{0o777 | os.ModeSticky, "others can reach it", ""},
	} {
		path := filepath.Join(t.TempDir(), "f")
		require.NoError(t, os.Mkdir(path, 0o700))
		require.NoError(t, os.Chmod(path, c.mode))
		for err, want := range map[error]string{privatefile.Dir(path): c.dir, privatefile.SafeDir(path): c.safe} {
			if want == "" {
				assert.NoError(t, err, c.mode)
			} else {
				assert.ErrorContains(t, err, want, c.mode)
			}
		}
	}
	for _, make := range []func(string) error{privatefile.Dir, privatefile.SafeDir} {
		path := filepath.Join(t.TempDir(), "a", "b")
		require.NoError(t, make(path))
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o700)|os.ModeDir, info.Mode())
		require.NoError(t, os.WriteFile(filepath.Join(path, "file"), nil, 0o600))
		assert.Error(t, make(filepath.Join(path, "file")))
	}
}
