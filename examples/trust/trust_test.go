package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// trust runs the command with these arguments.
func trust(t *testing.T, args ...string) (status int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	status = run(t.Context(), args, &o, &e)
	return status, o.String(), e.String()
}

// A folder of Terraform and JSON, with files about something else in it.
func TestLintFolder(t *testing.T) {
	status, out, errs := trust(t, "lint", "--token-file", "testdata/circleci.json", "testdata/mixed")
	assert.Equal(t, exitDanger, status, out)
	assert.Empty(t, errs)
	for _, want := range []string{
		"testdata/mixed/deploy.tf:30:19: CC004 high, too broad (aws_iam_role.deploy)\n",
		"makes a branch whose name ends in what follows the",
		"to do: put the mask ????????-????-????-????-???????????? for the user",
		"it lets this token in, branch-made-to-deceive-origin: ",
		"      oidc.circleci.com/vcs-ref\n        meant   \"refs/heads/main\"\n        let in  \"refs/heads/x/vcs-origin/",
		"testdata/mixed/role.json:3:17: AWS002 critical, too broad\n",
		"testdata/mixed/deploy.tf:40:24: UNRESOLVED info, indeterminate (aws_iam_role.review)\n",
		"var.given_by_the_module is not in the files",
		"by --var given_by_the_module=...",
		"4 documents, 2 too broad, 1 indeterminate\n",
	} {
		assert.Contains(t, out, want)
	}
	assert.NotContains(t, out, "vendored", "hidden folders are what others wrote")
	assert.Equal(t, 1, strings.Count(out, "assumed: var.organization has its default"), "said once")
}

func TestLintJSON(t *testing.T) {
	status, out, _ := trust(t, "lint", "--json", "--token-file", "testdata/circleci.json", "testdata/mixed")
	require.Equal(t, exitDanger, status)
	var r report
	d := json.NewDecoder(strings.NewReader(out))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&r))
	assert.Equal(t, 4, r.Documents)
	require.Len(t, r.Findings, 3)
	f := r.Findings[0]
	assert.Equal(t, "CC004", f.Rule)
	assert.Equal(t, "var.organization has its default", f.Assumptions[2])
	require.NotNil(t, f.Witness)
	assert.Equal(t, "oidc.circleci.com/vcs-ref", f.Witness.Changed[0].Claim)
	assert.Contains(t, string(f.Witness.Claims), `"refs/heads/x/vcs-origin/github.com/acme/payments/vcs-ref/refs/heads/main"`)
}

// What is tight is clean, also with a token to prove it by.
func TestLintClean(t *testing.T) {
	for _, args := range [][]string{
		{"lint", "testdata/tight.json"},
		{"lint", "--strict", "--token-file", "testdata/gitlab.json", "testdata/tight.json"},
	} {
		status, out, errs := trust(t, args...)
		assert.Equal(t, exitClean, status, errs)
		assert.Equal(t, "1 document, nothing found\n", out)
	}
}

// What no document can change is said to those who ask.
func TestLintNotes(t *testing.T) {
	status, out, _ := trust(t, "lint", "--notes", "testdata/tight.json")
	assert.Equal(t, exitClean, status)
	assert.Contains(t, out, "GL015 info, note\n")
	assert.Contains(t, out, "1 document, ")
}

// What is fragile or cannot be told fails only if it is to.
func TestLintStrict(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"fragile.json": strings.Replace(read(t, "tight.json"), `        "gitlab.com:ref_protected": "true",`+"\n", "", 1),
		"unknown.tf":   `resource "aws_iam_role" "r" { assume_role_policy = file("x.json") }`,
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		status, out, _ := trust(t, "lint", path)
		assert.Equal(t, exitClean, status, out)
		status, out, _ = trust(t, "lint", "--strict", path)
		assert.Equal(t, exitDanger, status, out)
	}
}

func TestVariables(t *testing.T) {
	path := filepath.Join(t.TempDir(), "main.tf")
	require.NoError(t, os.WriteFile(path, []byte(`resource "aws_iam_role" "r" { assume_role_policy = var.policy }`), 0o600))
	status, out, _ := trust(t, "lint", "--var", "policy="+read(t, "tight.json"), path)
	assert.Equal(t, exitClean, status)
	assert.Equal(t, "1 document, nothing found\n", out)
}

// A trust policy that AWS does not take is a finding, in its place.
func TestLintRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "role.json")
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(read(t, "tight.json"), "StringEquals", "StringIs", 1)), 0o600))
	status, out, _ := trust(t, "lint", path)
	assert.Equal(t, exitDanger, status)
	assert.Contains(t, out, "role.json:8:7: AWS029 high, broken\n")
	assert.Contains(t, out, "AWS does not take such a trust policy")
}

// A file of Terraform is read with its neighbours, and reported alone.
func TestOneFileOfAModule(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "[a]*")
	require.NoError(t, os.Mkdir(dir, 0o700))
	for name, text := range map[string]string{
		"a.tf": `resource "aws_iam_role" "a" { assume_role_policy = local.policy }`,
		"b.tf": "locals {\n policy = \"{}\"\n}\n" + `resource "aws_iam_role" "b" { assume_role_policy = "{}" }`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	status, out, _ := trust(t, "lint", filepath.Join(dir, "a.tf"))
	assert.Equal(t, exitDanger, status)
	assert.Contains(t, out, "a.tf:1:52: AWS029")
	assert.Contains(t, out, "1 document, 1 broken\n")
}

// Providers count for the roles that name them, and for no others.
func TestProviders(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"role.json":     read(t, "tight.json"),
		"circleci.json": `{"Url": "oidc.circleci.com/org/o", "ClientIDList": ["x"]}`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	status, out, _ := trust(t, "lint", dir)
	assert.Equal(t, exitClean, status)
	assert.Equal(t, "2 documents, nothing found\n", out)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "gitlab.json"), []byte(`{"Url": "gitlab.com", "ClientIDList": ["x"]}`), 0o600))
	status, out, _ = trust(t, "lint", dir)
	assert.Equal(t, exitDanger, status)
	assert.Contains(t, out, "AWS024 high, broken\n    the provider has no client ID \"https://deploy.example\"")
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return string(data)
}

func TestUsage(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.json")
	require.NoError(t, os.WriteFile(broken, []byte(`{"AssumeRolePolicyDocument": `), 0o600))
	notToken := filepath.Join(dir, "token")
	require.NoError(t, os.WriteFile(notToken, []byte("eyJsecret"), 0o600))
	for want, args := range map[string][]string{
		"say what to do first":                   {},
		"say what to do first: one of check, ex": {"print"},
		"flag provided but not defined: -tokn":   {"lint", "--tokn", "x"},
		"flag provided but not defined: -json":   {"simulate", "--json"},
		"lint takes files and folders":           {"lint"},
		"one of them":                            {"lint", "--json", "--sarif", "x"},
		"simulate needs --token-file":            {"simulate", "x"},
		"explain takes no files":                 {"explain", "--token-file", "x", "y"},
		"check takes one file":                   {"check"},
		"flags come before files":                {"lint", "x", "--json"},
		"say what to render":                     {"render", "azure", "x"},
		"render takes one file":                  {"render", "aws", "--aws-account", "123456789012"},
		"for a role of AWS":                      {"render", "aws", "testdata/policy.yaml"},
		"render needs --google-provider":         {"render", "gcloud", "testdata/policy.yaml"},
		"no rule \"x\"":                          {"render", "aws", "--rule", "x", "--aws-account", "123456789012", "testdata/policy.yaml"},
		"want name=value":                        {"lint", "--var", "x", "y"},
		"no trust document in these files":       {"lint", "testdata/mixed/package.json"},
		"no such file":                           {"explain", "--token-file", filepath.Join(dir, "none")},
		"neither a GitLab nor a CircleCI job":    {"explain", "--token-file", "testdata/mixed/package.json"},
		"provider's full name":                   {"explain", "--token-file", "testdata/gitlab.json", "--google-provider", "x"},
		"token: ":                                {"explain", "--token-file", notToken},
		"several documents: choose one by":       {"simulate", "--token-file", "testdata/gitlab.json", "testdata/mixed"},
		"no such document":                       {"simulate", "--token-file", "testdata/gitlab.json", "--name", "x", "testdata/mixed"},
		"no provider of a pool in this file":     {"simulate", "--token-file", "testdata/gitlab.json", "testdata/gitlab.json"},
	} {
		status, out, errs := trust(t, args...)
		assert.Equal(t, exitUsage, status, want)
		assert.Contains(t, errs, want)
		assert.NotContains(t, out+errs, "secret")
	}
	// A file that cannot be read is reported with the rest.
	for _, path := range []string{broken, dir} {
		status, out, _ := trust(t, "lint", path, "testdata/tight.json")
		assert.Equal(t, exitUsage, status)
		assert.Contains(t, out, "broken.json:1:")
		assert.Contains(t, out, "1 document, nothing found")
	}
}

func TestHelp(t *testing.T) {
	status, out, errs := trust(t, "lint", "--help")
	assert.Equal(t, exitClean, status)
	assert.Empty(t, errs)
	assert.Contains(t, out, "usage: trust ")
	assert.Contains(t, out, "-sarif")
	assert.NotContains(t, out, "-client-id", "that is simulate's")
}
