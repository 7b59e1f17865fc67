package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// with writes a file of testdata with something else in it.
func with(t *testing.T, name, old, now string) string {
	t.Helper()
	text := read(t, name)
	require.Contains(t, text, old)
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(text, old, now, 1)), 0o600))
	return path
}

func TestGoogleSimulate(t *testing.T) {
	status, out, errs := trust(t, "simulate", "--token-file", "testdata/gitlab.json", "testdata/provider.tf")
	assert.Equal(t, exitClean, status, errs)
	assert.True(t, strings.HasPrefix(out, "accepted\n"), out)
	assert.Contains(t, out, "/subject/gitlab::67890::302\n")
	assert.Contains(t, out, "/attribute.project_id/67890\n")
	assert.Contains(t, out, "no role bindings are in the file")

	status, out, _ = trust(t, "simulate", "--token-file", with(t, "gitlab.json", `"ref": "main"`, `"ref": "x"`), "testdata/provider.tf")
	assert.Equal(t, exitDanger, status)
	assert.True(t, strings.HasPrefix(out, "rejected\n"), out)
	assert.Contains(t, out, "8:25: false: ", "the place of the condition in the file")
}

// A provider that refuses the one job that it is for is found broken.
func TestGoogleLint(t *testing.T) {
	status, out, _ := trust(t, "lint", "--token-file", "testdata/gitlab.json", "testdata/provider.tf")
	assert.Equal(t, exitClean, status, out)

	path := with(t, "provider.tf", "assertion.ref == 'main'", "assertion.ref == 'trunk'")
	status, out, _ = trust(t, "lint", "--token-file", "testdata/gitlab.json", path)
	assert.Equal(t, exitDanger, status)
	assert.Contains(t, out, "TRUST001 ")
	assert.Contains(t, out, "broken (google_iam_workload_identity_pool_provider.gitlab)\n")

	status, out, _ = trust(t, "lint", "--token-file", "testdata/circleci.json", path)
	assert.Equal(t, exitClean, status, "the provider is for another issuer: %s", out)

	path = with(t, "provider.tf", `"attribute.project_id" =`, `"project_id" =`)
	status, out, _ = trust(t, "lint", path)
	assert.Equal(t, exitDanger, status)
	assert.Contains(t, out, "provider.tf:6:5: REFUSED high, broken")
	assert.Contains(t, out, "Google does not take such a provider")
}
