//go:build linux

package servers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// googleAuth is where gcloud keeps Google's Python library; nothing here can
// install it.
const googleAuth = "/usr/lib/google-cloud-sdk/lib/third_party"

// googleAuthProgram prints the token that the library gets for a credential
// file, or what it says of the refusal.
const googleAuthProgram = `
import sys
from google.auth import exceptions, identity_pool
from google.auth.transport import requests
credentials = identity_pool.Credentials.from_file(sys.argv[1], scopes=["deploy"])
try:
    credentials.refresh(requests.Request())
except exceptions.OAuthError as e:
    print("refused:", e.args[0])
    sys.exit(3)
print(credentials.token)
`

// Google's Python library makes the same exchange at the same server, with a
// file that names it. It calls nobody else.
func TestGoogleAuthLibrary(t *testing.T) {
	python, err := exec.LookPath("python3")
	if _, missing := os.Stat(filepath.Join(googleAuth, "google", "auth")); err != nil || missing != nil {
		fmt.Printf("MISSING: gcloud's google-auth: %s did not run\n", t.Name())
		return
	}
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
		{"another audience", issuer.GitLab("https://other.example"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			tokenFile, file := filepath.Join(dir, "token"), filepath.Join(dir, "credentials.json")
			require.NoError(t, os.WriteFile(tokenFile, []byte(tt.token), 0o600))
			b, err := json.Marshal(map[string]any{
				"type": "external_account", "audience": "//sts.example/ci", "token_url": url + "/oauth/token",
				"subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
				"client_id":          exchangeClient, "client_secret": exchangeSecret,
				"credential_source": map[string]any{"file": tokenFile},
			})
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(file, b, 0o600))

			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			var stdout, stderr bytes.Buffer
			cmd := exec.CommandContext(ctx, python, "-c", googleAuthProgram, file)
			cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "PYTHONPATH=" + googleAuth, "PYTHONDONTWRITEBYTECODE=1",
				"HTTP_PROXY=http://127.0.0.1:1", "HTTPS_PROXY=http://127.0.0.1:1", "NO_PROXY=127.0.0.1"}
			cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
			s.asked = nil
			before := requests.Load()
			err = cmd.Run()
			assert.Equal(t, int32(1), requests.Load()-before)
			if !tt.accepted {
				assert.Error(t, err)
				assert.Contains(t, stdout.String(), "refused: Error code invalid_request: subject_token is invalid")
				assert.Nil(t, s.asked)
				return
			}
			require.NoError(t, err, "%s", stderr.String())
			assert.NotEmpty(t, stdout.String())
			require.NotNil(t, s.asked)
			assert.Equal(t, []string{"//sts.example/ci"}, s.asked.GetAudience())
			assert.Equal(t, []string{"deploy"}, []string(s.asked.GetScopes()))
		})
	}
}
