package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var rendering = []string{"--aws-account", "123456789012", "--project-path", "acme/payments", "testdata/policy.yaml"}

// What render writes lets the job in, and lint finds no danger in it, whether as
// JSON or as Terraform.
func TestRenderLintSimulate(t *testing.T) {
	for cloud, name := range map[string]string{"aws": "role.json", "terraform": "main.tf"} {
		status, out, errs := trust(t, append([]string{"render", cloud}, rendering...)...)
		require.Equal(t, exitClean, status, errs)
		assert.Contains(t, errs, "gap: pipeline_source (narrowing): ")
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, []byte(out), 0o600))

		status, out, errs = trust(t, "simulate", "--token-file", "testdata/gitlab.json", path)
		assert.Equal(t, exitClean, status, out+errs)
		status, out, errs = trust(t, "lint", "--token-file", "testdata/gitlab.json", path)
		assert.Equal(t, exitClean, status, out+errs)
	}
}

// A document that would let in more than the rule is not written without a reason.
func TestRenderWider(t *testing.T) {
	args := []string{"render", "aws", "--aws-account", "123456789012", "testdata/policy.yaml"}
	status, out, errs := trust(t, args...)
	assert.Equal(t, exitDanger, status)
	assert.Empty(t, out)
	assert.Contains(t, errs, "ref (widening)")
	assert.Contains(t, errs, "--project-path")

	args = append([]string{"render", "aws", "--allow-wider", "all branches are protected"}, args[2:]...)
	status, out, errs = trust(t, args...)
	assert.Equal(t, exitClean, status)
	assert.Contains(t, out, `"gitlab.com:project_id": "67890"`)
	assert.Contains(t, errs, "gap: ref (widening)")
}

func TestResourceNames(t *testing.T) {
	for rule, want := range map[string]string{"main": "main", "Prod from main": "Prod-from-main", "1st": "rule-1st", "é-x": "rule-x", "": "rule-"} {
		assert.Equal(t, want, resource(rule))
	}
}

// The names of explain are those of the document that render writes.
func TestRenderAsExplain(t *testing.T) {
	_, explained, _ := trust(t, "explain", "--aws-account", "123456789012", "--token-file", "testdata/gitlab.json")
	_, rendered, _ := trust(t, append([]string{"render", "aws"}, rendering...)...)
	arn := "arn:aws:iam::123456789012:oidc-provider/gitlab.com"
	assert.Contains(t, explained, "principal: "+arn+"\n")
	assert.Contains(t, explained, "principalId: "+arn+":https://deploy.example:project_path:acme/payments:ref_type:branch:ref:main\n")
	assert.Contains(t, rendered, `"Federated": "`+arn+`"`)
	for key, value := range map[string]string{
		"gitlab.com:aud": "https://deploy.example", "gitlab.com:project_id": "67890",
		"gitlab.com:sub": "project_path:acme/payments:ref_type:branch:ref:main",
	} {
		assert.Contains(t, explained, "condition: "+key+" = "+value+"\n")
		assert.Contains(t, rendered, `"`+key+`": "`+value+`"`)
	}
}

const provider = "//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/ci/providers/gitlab"

// As for AWS, and the members' names are those of explain.
func TestRenderGoogle(t *testing.T) {
	const member = "principalSet://iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/ci/attribute.ref_scope/67890::branch::main::true"
	for cloud, name := range map[string]string{"google": "provider.json", "terraform": "main.tf"} {
		// Google, unlike AWS, sees the configuration and the runner.
		status, out, errs := trust(t, "render", cloud, "--google-provider", provider, "testdata/pinned.yaml")
		require.Equal(t, exitClean, status, errs)
		assert.Contains(t, out, `"`+member+`"`)
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, []byte(out), 0o600))

		status, out, errs = trust(t, "simulate", "--token-file", "testdata/gitlab.json", path)
		assert.Equal(t, exitClean, status, out+errs)
		assert.Contains(t, out, "members: passed")
		_, explained, _ := trust(t, "explain", "--token-file", "testdata/gitlab.json", "--google-provider", provider)
		_, project, ok := strings.Cut(explained, "one project: ")
		require.True(t, ok)
		project, _, _ = strings.Cut(project, "\n")
		assert.Contains(t, out, "in the pool it is "+project+"\n")

		status, out, errs = trust(t, "lint", "--token-file", "testdata/gitlab.json", path)
		assert.Equal(t, exitClean, status, out+errs)
	}
	_, out, _ := trust(t, "render", "gcloud", "--google-provider", provider, "testdata/policy.yaml")
	assert.Contains(t, out, "gcloud iam workload-identity-pools providers create-oidc 'gitlab'")
}

// A subject that stays the same is a principal, spelled as explain has one.
func TestRenderStableSubject(t *testing.T) {
	status, out, errs := trust(t, "render", "google", "--stable-subject", "--google-provider", provider, "testdata/policy.yaml")
	require.Equal(t, exitClean, status, errs)
	_, explained, _ := trust(t, "explain", "--token-file", "testdata/gitlab.json", "--google-provider", provider)
	const before = "principal://iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/ci/subject/"
	assert.Contains(t, explained, "one subject: "+before)
	path := filepath.Join(t.TempDir(), "provider.json")
	require.NoError(t, os.WriteFile(path, []byte(out), 0o600))
	_, out, _ = trust(t, "simulate", "--token-file", "testdata/gitlab.json", path)
	assert.Contains(t, out, "in the pool it is "+before+"67890::branch::main\n")
}

func TestRenderBoth(t *testing.T) {
	status, out, errs := trust(t, append([]string{"render", "terraform", "--google-provider", provider}, rendering...)...)
	require.Equal(t, exitClean, status, errs)
	assert.Contains(t, out, `resource "aws_iam_role" "main"`)
	assert.Contains(t, out, `resource "google_iam_workload_identity_pool_provider" "main"`)

	status, out, errs = trust(t, append([]string{"render", "aws", "--google-provider", provider}, rendering...)...)
	require.Equal(t, exitClean, status, errs)
	assert.True(t, json.Valid([]byte(out)), "aws is what was asked for: %s", out)
}
