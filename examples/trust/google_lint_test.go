package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A finding of a provider carries its witness, as one of a role does.
func TestGoogleWitness(t *testing.T) {
	path := with(t, "provider.tf", " && assertion.ref_protected == 'true'", "")
	status, out, _ := trust(t, "lint", "--strict", "--token-file", "testdata/gitlab.json", path)
	assert.Equal(t, exitDanger, status)
	assert.Contains(t, out, "provider.tf:8:25: GL005 medium, fragile (google_iam_workload_identity_pool_provider.gitlab)\n")
	assert.Contains(t, out, "      ref_protected\n        meant   \"true\"\n        let in  \"false\"\n")
}

// A finding about a member is where the member is, in its own file.
func TestGoogleBindings(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "provider.tf"), []byte(read(t, "provider.tf")), 0o600))
	policy := `{"bindings": [{"role": "roles/iam.workloadIdentityUser",
  "members": ["principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/*"]}]}`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "iam.json"), []byte(policy), 0o600))
	status, out, _ := trust(t, "lint", dir)
	assert.Equal(t, exitDanger, status)
	assert.Contains(t, out, "iam.json:2:15: G002 critical, too broad\n")
}
