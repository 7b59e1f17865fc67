//go:build linux

package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/examples/internal/fakejob"
	"github.com/cioidc/cioidc/internal/fakecloud/fakeaws"
	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

func TestExitStatus(t *testing.T) {
	w := newWorld(t)
	for _, status := range []int{0, 1, 3, 42, 125, 255} {
		got := w.run(t, w.line(as(t, "exit", strconv.Itoa(status))...)...)
		assert.Equal(t, status, got.status, got.stderr)
	}
	for name, signal := range map[string]int{"KILL": 9, "TERM": 15, "SEGV": 11} {
		got := w.run(t, w.line("sh", "-c", "kill -"+name+" $$")...)
		assert.Equal(t, 128+signal, got.status, got.stderr)
	}
	assert.Empty(t, w.folders(t))
}

// What the command gets is its own: arguments, input and output.
func TestCommandIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	got := w.run(t, w.line("sh", "-c", `echo "$0|$1|$#"; echo err >&2`, "a b", "--aws-role")...)
	assert.Equal(t, "a b|--aws-role|1\n", got.stdout)
	assert.Contains(t, got.stderr, "err\n")
	r := w.start(t, w.line("cat"))
	_, err := r.stdin.Write([]byte("in and out\n"))
	require.NoError(t, err)
	require.NoError(t, r.stdin.Close())
	assert.Zero(t, r.wait(t))
	assert.Equal(t, "in and out\n", r.out.all())
}

func TestOwnFailures(t *testing.T) {
	script := filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(script, []byte("#!/no/such/interpreter\n"), 0o700))
	plain := filepath.Join(t.TempDir(), "plain")
	require.NoError(t, os.WriteFile(plain, []byte("no program"), 0o600))
	odd := filepath.Join(t.TempDir(), "odd")
	require.NoError(t, os.WriteFile(odd, []byte("\x00\x01"), 0o700))
	t.Setenv("PATH", filepath.Dir(plain)+":"+os.Getenv("PATH"))

	for name, c := range map[string]struct {
		edit   func(*world)
		args   func(*world) []string
		status int
		told   string
		// exchanges is how many requests AWS got.
		exchanges int
	}{
		"no command":       {nil, func(w *world) []string { return w.awsFlags() }, 125, "no command", 0},
		"unknown flag":     {nil, func(*world) []string { return []string{"--secret", "x", "--", "true"} }, 125, "-secret", 0},
		"nothing asked":    {nil, func(*world) []string { return []string{"--", "true"} }, 125, "--aws-role, --google-provider or both", 0},
		"region alone":     {nil, func(w *world) []string { return append(w.googleFlags(), "--aws-region", "x", "--", "true") }, 125, "no --aws-role", 0},
		"account alone":    {nil, func(w *world) []string { return append(w.awsFlags(), "--google-audience", "x", "--", "true") }, 125, "no --google-provider", 0},
		"fake and a role":  {nil, func(w *world) []string { return append(w.awsFlags(), "--fake", "--", "true") }, 125, "--fake brings clouds of its own", 0},
		"keep an argument": {nil, func(w *world) []string { return append(w.awsFlags(), "--keep-env", "A=b", "--", "true") }, 125, "the name of a variable", 0},

		"not found":        {nil, func(w *world) []string { return w.line("ci-exec-no-such-command") }, 127, "ci-exec-no-such-command is not found", 0},
		"path not found":   {nil, func(w *world) []string { return w.line("/no/such/command") }, 127, "/no/such/command is not found", 0},
		"not executable":   {nil, func(w *world) []string { return w.line(plain) }, 126, "cannot be run: permission denied", 0},
		"not on PATH":      {nil, func(w *world) []string { return w.line("plain") }, 126, "not executable", 0},
		"a folder":         {nil, func(w *world) []string { return w.line("/tmp") }, 126, "/tmp cannot be run", 0},
		"no interpreter":   {nil, func(w *world) []string { return w.line(script) }, 127, "its interpreter is not found", 1},
		"not a program":    {nil, func(w *world) []string { return w.line(odd) }, 126, "cannot be run: exec format error", 1},
		"no CI platform":   {func(w *world) { delete(w.environ, "GITLAB_CI") }, func(w *world) []string { return w.line("true") }, 125, "no CI platform detected: looked for CIRCLECI=true (not set), GITLAB_CI=true (not set)", 0},
		"no token for AWS": {func(w *world) { delete(w.environ, "AWS_ID_TOKEN") }, func(w *world) []string { return w.line("true") }, 125, "id_tokens:", 0},
		"no region": {nil, func(w *world) []string {
			return []string{"--aws-role", fakejob.RoleARN(fakejob.GitLabRole), "--", "true"}
		}, 125, "awssts: Region: required", 0},
		"a role that is no role": {nil, func(*world) []string { return []string{"--aws-role", "deploy", "--", "true"} }, 125, "awssts: RoleARN", 0},
		"AWS refuses": {func(w *world) {
			w.environ["AWS_ID_TOKEN"] = w.clouds.GitLab.GitLab(fakejob.GitLabAWSAudience, func(c fakeissuer.Claims) { c["project_id"] = "666" })
		}, func(w *world) []string { return w.line("true") }, 125, "AccessDenied", 1},
		"Google's STS refuses": {func(w *world) {
			w.environ["GOOGLE_ID_TOKEN"] = w.clouds.GitLab.GitLab("https:"+fakejob.GoogleProvider("gitlab"), func(c fakeissuer.Claims) { c["project_id"] = "666" })
		}, func(w *world) []string { return w.line("true") }, 125, "The given credential is rejected by the attribute condition.", 1},
		"Google refuses the account": {func(w *world) {
			w.clouds.Google.Misbehave(func(e fakegoogle.Endpoint, w http.ResponseWriter, _ *http.Request) bool {
				if e == fakegoogle.GenerateAccessToken {
					http.Error(w, `{"error":{"code":403,"message":"Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).","status":"PERMISSION_DENIED"}}`, http.StatusForbidden)
				}
				return e == fakegoogle.GenerateAccessToken
			})
		}, func(w *world) []string { return w.line("true") }, 125, "google: impersonation failed", 1},
		"no folder": {func(w *world) { w.temp = filepath.Join(w.temp, "missing") }, func(w *world) []string { return w.line("true") }, 125, "no folder for this run", 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			temp := w.temp
			if c.edit != nil {
				c.edit(w)
			}
			got := w.run(t, c.args(w)...)
			assert.Equal(t, c.status, got.status)
			first, _, _ := strings.Cut(got.stderr, "\n")
			assert.True(t, strings.HasPrefix(first, "ci-exec: "), got.stderr)
			assert.Contains(t, got.stderr, c.told)
			assert.Empty(t, got.stdout, "no command ran")
			assert.Equal(t, c.exchanges, w.clouds.AWS.Requests(fakeaws.AssumeRoleWithWebIdentity))
			w.temp = temp
			assert.Empty(t, w.folders(t))
			for name, value := range w.environ {
				if strings.Count(value, ".") == 2 && strings.HasSuffix(name, "TOKEN") {
					assert.NotContains(t, got.stderr, value)
				}
			}
		})
	}
}

func TestHelp(t *testing.T) {
	w := newWorld(t)
	got := w.run(t, "--help")
	assert.Zero(t, got.status)
	assert.Contains(t, got.stderr, "usage: ci-exec [flags] -- command")
	assert.Contains(t, got.stderr, "-aws-role ARN")
}

func TestFake(t *testing.T) {
	w := newWorld(t)
	w.environ = map[string]string{"PATH": os.Getenv("PATH")} // no CI at all
	got := w.run(t, append([]string{"--fake", "--google-service-account", fakejob.ServiceAccount, "--"}, as(t, "use")...)...)
	assert.Zero(t, got.status, got.stdout+got.stderr)
	assert.Contains(t, got.stdout, "ready")
}
