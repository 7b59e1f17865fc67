package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSimulate(t *testing.T) {
	status, out, errs := trust(t, "simulate", "--token-file", "testdata/gitlab.json", "testdata/tight.json")
	assert.Equal(t, exitClean, status, errs)
	assert.True(t, strings.HasPrefix(out, "accepted\n"), out)
	assert.Contains(t, out, "assumed: the provider has the token's audience")

	status, out, _ = trust(t, "simulate", "--token-file", "testdata/gitlab.json", "--client-id", "https://other.example", "testdata/tight.json")
	assert.Equal(t, exitDanger, status)
	assert.True(t, strings.HasPrefix(out, "rejected\n"), out)
	assert.Contains(t, out, "AWS answers InvalidIdentityToken: ")

	status, out, _ = trust(t, "simulate", "--token-file", "testdata/circleci.json", "testdata/tight.json")
	assert.Equal(t, exitDanger, status)
	assert.Contains(t, out, "it was decided at testdata/tight.json:5:32\n")
}

// Places are those of the file that was read, also where that is no JSON.
func TestSimulateTerraform(t *testing.T) {
	path := "testdata/mixed/deploy.tf"
	status, out, errs := trust(t, "simulate", "--token-file", "testdata/circleci.json", "--name", "aws_iam_role.deploy", path)
	assert.Equal(t, exitClean, status, errs)
	assert.Contains(t, out, "trust policy: passed: statement 1 at 16:3 allows")
	assert.Contains(t, out, "\n    29:18: true: \"oidc.circleci.com/org/4ada")
	assert.NotContains(t, out, "assumed: the provider", "the file has the provider")
	assert.Contains(t, out, "assumed: var.organization has its default")

	status, out, _ = trust(t, "simulate", "--token-file", "testdata/circleci.json", "--name", "aws_iam_role.review", path)
	assert.Equal(t, exitDanger, status)
	assert.Equal(t, path+":40:24: var.given_by_the_module is not in the file\nindeterminate\n", out)
}

func TestCheck(t *testing.T) {
	status, out, errs := trust(t, "check", "testdata/policy.yaml")
	assert.Equal(t, exitClean, status, errs)
	assert.Equal(t, "ok    main may deploy\nok    a job of CircleCI may not\n", out)

	status, out, _ = trust(t, "check", "--token-file", "testdata/circleci.json", "testdata/policy.yaml")
	assert.Equal(t, exitDanger, status)
	assert.Contains(t, out, "identity refused: ")

	dir := t.TempDir()
	policy := strings.Replace(read(t, "policy.yaml"), "expect: deny", "expect: allow", 1)
	for _, name := range []string{"gitlab.json", "circleci.json"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(read(t, name)), 0o600))
	}
	path := filepath.Join(dir, "policy.yaml")
	require.NoError(t, os.WriteFile(path, []byte(policy), 0o600))
	status, out, _ = trust(t, "check", path)
	assert.Equal(t, exitDanger, status)
	assert.Contains(t, out, `policy.yaml:17: policy: test "a job of CircleCI may not": expected allow`)

	before, _, _ := strings.Cut(policy, "tests:")
	require.NoError(t, os.WriteFile(path, []byte(before), 0o600))
	status, out, _ = trust(t, "check", path)
	assert.Equal(t, exitDanger, status)
	assert.Contains(t, out, "the policy has no tests")
}

// The doctor and explain spell what a token is called in the clouds alike: the
// real doctor is run on the same claims, of an issuer that nobody has to ask.
func TestExplainAsTheDoctor(t *testing.T) {
	dir := t.TempDir()
	doctor := filepath.Join(dir, "doctor")
	build, err := exec.Command("go", "build", "-o", doctor, "../doctor").CombinedOutput()
	require.NoError(t, err, string(build))
	provider := "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/providers/gitlab"
	for _, name := range []string{"gitlab.json", "circleci.json"} {
		var set map[string]any
		require.NoError(t, json.Unmarshal([]byte(read(t, name)), &set))
		set["iss"] = "https://127.0.0.1:1" + strings.TrimPrefix(set["iss"].(string), "https:/")
		token := filepath.Join(dir, "token")
		require.NoError(t, os.WriteFile(token, []byte(unsigned(t, set)), 0o600))

		out, err := exec.Command(doctor, "--json", "--token-file", token).Output()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, "its issuer cannot be reached")
		var report struct {
			Checks []struct {
				Name     string
				Evidence []struct{ Name, Value string }
			}
		}
		require.NoError(t, json.Unmarshal(out, &report), string(out))
		_, explained, errs := trust(t, "explain", "--token-file", token)
		seen := map[string]int{}
		for _, c := range report.Checks {
			if c.Name != "aws-setup" && c.Name != "google-setup" {
				continue
			}
			for _, e := range c.Evidence {
				seen[e.Name]++
				assert.Contains(t, explained, "  "+e.Name+": "+e.Value+"\n", errs)
			}
		}
		for _, want := range []string{"principal", "principalId", "one subject", "one project", "condition"} {
			assert.Positive(t, seen[want], "%s: %v", want, seen)
		}

		_, explained, _ = trust(t, "explain", "--token-file", token, "--google-provider", provider, "--aws-account", "123456789012")
		assert.Contains(t, explained, "principalId: arn:aws:iam::123456789012:oidc-provider/127.0.0.1:1/")
		assert.Contains(t, explained, "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/attribute.project_id/")
	}
}

// A link to a file stays one, and the file keeps its mode.
func TestFixThroughALink(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "role.json"), filepath.Join(dir, "link.json")
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(read(t, "tight.json"), "oidc-provider/gitlab.com", "oidc-provider/https://gitlab.com", 1)), 0o640))
	require.NoError(t, os.Symlink("role.json", link))
	status, _, errs := trust(t, "fix", "--write", link)
	assert.Equal(t, exitClean, status, errs)
	target, err := os.Readlink(link)
	require.NoError(t, err)
	assert.Equal(t, "role.json", target)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode())
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, read(t, "tight.json"), string(data))
}
