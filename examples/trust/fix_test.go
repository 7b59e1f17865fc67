package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A star behind StringEquals can only be meant for StringLike.
func TestFix(t *testing.T) {
	star := with(t, "tight.json", `"gitlab.com:sub": "project_path:acme/payments:ref_type:branch:ref:main"`,
		`"gitlab.com:sub": "project_path:acme/payments:ref_type:branch:ref:release/*"`)
	before, err := os.ReadFile(star)
	require.NoError(t, err)
	status, out, errs := trust(t, "fix", star)
	assert.Equal(t, exitClean, status, errs)
	assert.Contains(t, errs, "tight.json: AWS005: ")
	assert.Contains(t, out, `"StringLike": {`)
	same, err := os.ReadFile(star)
	require.NoError(t, err)
	assert.Equal(t, string(before), string(same), "without --write, nothing is written")

	require.NoError(t, os.Chmod(star, 0o640))
	status, printed, errs := trust(t, "fix", "--write", star)
	assert.Equal(t, exitClean, status, errs)
	assert.Empty(t, printed)
	after, err := os.ReadFile(star)
	require.NoError(t, err)
	assert.Equal(t, out, string(after))
	info, err := os.Stat(star)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode().Perm())
	names, err := os.ReadDir(filepath.Dir(star))
	require.NoError(t, err)
	assert.Len(t, names, 1)

	status, again, errs := trust(t, "fix", star)
	assert.Equal(t, exitClean, status)
	assert.Equal(t, out, again, "there is nothing more to fix")
	assert.Empty(t, errs)
}

// Documents within others are fixed where they stand, and the rest stays.
func TestFixWithin(t *testing.T) {
	role := strings.TrimSpace(strings.Replace(read(t, "tight.json"), "ref:main", "ref:release/*", 1))
	file := "{\n  \"Roles\": [\n    {\"RoleName\": \"é\", \"AssumeRolePolicyDocument\": " + role + "},\n    {\"RoleName\": \"b\", \"AssumeRolePolicyDocument\": " + role + "}\n  ],\n  \"Marker\": [1,2]\n}\n"
	path := filepath.Join(t.TempDir(), "roles.json")
	require.NoError(t, os.WriteFile(path, []byte(file), 0o600))
	status, out, errs := trust(t, "fix", path)
	assert.Equal(t, exitClean, status, errs)
	assert.Equal(t, 2, strings.Count(errs, "fixed: "))
	assert.Equal(t, 2, strings.Count(out, `"StringLike"`))
	assert.True(t, strings.HasPrefix(out, "{\n  \"Roles\": [\n    {\"RoleName\": \"é\", \"AssumeRolePolicyDocument\": {"))
	assert.True(t, strings.HasSuffix(out, "}\n  ],\n  \"Marker\": [1,2]\n}\n"), out)
	require.NoError(t, os.WriteFile(path, []byte(out), 0o600))
	status, out, errs = trust(t, "lint", path)
	assert.Equal(t, exitClean, status, out+errs)
}

// What only a person can decide is left, and said.
func TestFixLeaves(t *testing.T) {
	status, out, errs := trust(t, "fix", "testdata/mixed/role.json")
	assert.Equal(t, exitDanger, status)
	assert.Equal(t, read(t, "mixed/role.json"), out)
	assert.Contains(t, errs, "left: testdata/mixed/role.json: AWS002: no condition says which project the job is of; to do: add a StringEquals")

	// Nor is a proposal written that narrows the role to one job.
	status, out, _ = trust(t, "fix", "--token-file", "testdata/gitlab.json", "testdata/mixed/role.json")
	assert.Equal(t, exitDanger, status)
	assert.Equal(t, read(t, "mixed/role.json"), out)

	status, _, errs = trust(t, "fix", "testdata/mixed/deploy.tf")
	assert.Equal(t, exitUsage, status)
	assert.Contains(t, errs, "fix writes JSON only")
	status, _, errs = trust(t, "fix", "testdata/gitlab.json")
	assert.Equal(t, exitUsage, status)
	assert.Contains(t, errs, "no trust policy of a role")
}

// A document that is text in the file, or YAML, is not written into.
func TestFixOfSomethingElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "role.yaml")
	text := strings.Replace(read(t, "tight.json"), "ref:main", "ref:release/*", 1)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) // JSON is YAML
	status, out, errs := trust(t, "fix", path)
	assert.Equal(t, exitUsage, status)
	assert.Empty(t, out)
	assert.Contains(t, errs, "made of something else")
}
