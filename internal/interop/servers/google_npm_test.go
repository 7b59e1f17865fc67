//go:build linux

package servers

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// npmAuthProgram prints the token that the library gets for a credential file,
// or what it says of the refusal.
const npmAuthProgram = `
const {GoogleAuth} = require('google-auth-library');
(async () => {
  const auth = new GoogleAuth({keyFile: process.argv[2], scopes: ['deploy']});
  const client = await auth.getClient();
  process.stdout.write((await client.getAccessToken()).token);
})().catch(err => {
  process.stdout.write('refused: ' + err.message);
  process.exitCode = 3;
});
`

// executableCommand is the argument that makes this test's program the one of
// an executable source: it reads the CI token from a file.
const executableCommand = "google-executable"

func runExecutable(file string) int {
	raw, err := os.ReadFile(file)
	if err != nil {
		return 1
	}
	if err := googlests.WriteExecutableResponse(context.Background(), os.Stdout, npmConfig(string(raw), "")); err != nil {
		return 1
	}
	return 0
}

func npmConfig(token, url string) googlests.Config {
	return googlests.Config{
		Provider: googlests.ProviderName("123456789012", "ci", "gitlab"),
		Audience: exchangeAudience, Source: job(token), Endpoint: url,
	}
}

// npmModules is where install.sh puts Google's library for Node.js: the same
// rule as there.
func npmModules(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("CIOIDC_INTEROP_BIN")
	if dir == "" {
		cache, err := os.UserCacheDir()
		require.NoError(t, err)
		dir = filepath.Join(cache, "cioidc", "interop")
	}
	modules := filepath.Join(dir, "npm", "google-auth-library", "node_modules")
	require.DirExists(t, modules, "run internal/interop/install.sh")
	return modules
}

// npmCredentials writes the credential file of this module, and adds the client
// that this server wants and Google does not.
func npmCredentials(t *testing.T, dir string, file googlests.CredentialFile) string {
	t.Helper()
	path, err := file.Write(t.Context(), dir)
	require.NoError(t, err)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var content map[string]any
	require.NoError(t, json.Unmarshal(data, &content))
	content["client_id"], content["client_secret"] = exchangeClient, exchangeSecret
	data, err = json.Marshal(content)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path
}

// Google's library for Node.js reads the credential files of this module and
// makes the exchange at a server that is not Google's. It calls nobody else.
func TestGoogleAuthLibraryOfNode(t *testing.T) {
	modules := npmModules(t)
	node, err := exec.LookPath("node")
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	issuer := startIssuer(t, "")
	s, handler := newExchange(t, issuer, "project_id", fakeissuer.GitLabProjectID)
	url, requests := counted(t, handler)
	wrong := issuer.GitLab(exchangeAudience, with("project_id", "666"))
	for _, tt := range []struct {
		name, token string
		accepted    bool
	}{
		{"accepted", issuer.GitLab(exchangeAudience), true},
		{"tampered", tampered(t, wrong, "project_id", fakeissuer.GitLabProjectID), false},
		{"another project", wrong, false},
	} {
		for _, source := range []string{"file", "executable"} {
			t.Run(tt.name+", "+source, func(t *testing.T) {
				dir := t.TempDir()
				file := googlests.CredentialFile{Config: npmConfig(tt.token, url+"/oauth/token")}
				if source == "executable" {
					raw := filepath.Join(dir, "raw")
					require.NoError(t, os.WriteFile(raw, []byte(tt.token), 0o600))
					file.Executable = &googlests.Executable{Command: self + " " + executableCommand + " " + raw, Timeout: 20 * time.Second}
				}
				path := npmCredentials(t, filepath.Join(dir, "google"), file)
				script := filepath.Join(dir, "token.cjs")
				require.NoError(t, os.WriteFile(script, []byte(npmAuthProgram), 0o600))

				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				defer cancel()
				var stdout, stderr bytes.Buffer
				cmd := exec.CommandContext(ctx, node, script, path)
				cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
				cmd.Env = append(file.Environ(path), "PATH="+os.Getenv("PATH"), "HOME="+dir, "NODE_PATH="+modules, "GOOGLE_CLOUD_PROJECT=acme",
					"HTTP_PROXY=http://127.0.0.1:1", "HTTPS_PROXY=http://127.0.0.1:1", "NO_PROXY=127.0.0.1")
				cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
				s.asked = nil
				before := requests.Load()
				err := cmd.Run()
				assert.Equal(t, int32(1), requests.Load()-before)
				for part := range strings.SplitSeq(tt.token, ".") {
					assert.NotContains(t, stdout.String()+stderr.String(), part)
				}
				if !tt.accepted {
					var exit *exec.ExitError
					require.ErrorAs(t, err, &exit)
					assert.Equal(t, 3, exit.ExitCode())
					assert.Equal(t, "refused: Error code invalid_request: subject_token is invalid", stdout.String())
					assert.Nil(t, s.asked)
					return
				}
				require.NoError(t, err, "%s%s", stdout.String(), stderr.String())
				assert.NotEmpty(t, stdout.String())
				require.NotNil(t, s.asked)
				assert.Equal(t, []string{file.Config.Provider}, s.asked.GetAudience())
				assert.Equal(t, []string{"deploy"}, []string(s.asked.GetScopes()))
			})
		}
	}
}
