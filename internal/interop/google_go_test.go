//go:build linux

package interop

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/auth/credentials/externalaccount"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
)

const cloudPlatformScope = "https://www.googleapis.com/auth/cloud-platform"

// The fake STS and IAM Credentials API are good enough for Google's own Go
// library, which reads the external_account file.
func TestGoogleGoLibrary(t *testing.T) {
	w := newGoogleWorld(t)
	srv := httptest.NewServer(w.cloud)
	t.Cleanup(srv.Close)
	for _, c := range w.cases(t) {
		dir := t.TempDir()
		tokenFile, credentialFile := filepath.Join(dir, "token"), filepath.Join(dir, "credentials.json")
		require.NoError(t, os.WriteFile(tokenFile, []byte(c.token), 0o600))
		require.NoError(t, os.WriteFile(credentialFile, []byte(c.credentialFile(t, srv.URL, tokenFile)), 0o600))
		for _, way := range []struct {
			name string
			open func() (*auth.Credentials, error)
		}{
			{"from the file", func() (*auth.Credentials, error) {
				return credentials.NewCredentialsFromFile(credentials.ExternalAccount, credentialFile, &credentials.DetectOptions{Scopes: []string{cloudPlatformScope}})
			}},
			{"from options", func() (*auth.Credentials, error) {
				o := &externalaccount.Options{
					Audience:         c.provider.Name(),
					SubjectTokenType: "urn:ietf:params:oauth:token-type:jwt",
					TokenURL:         srv.URL + "/v1/token",
					CredentialSource: &externalaccount.CredentialSource{File: tokenFile},
					Scopes:           []string{cloudPlatformScope},
				}
				if c.impersonate {
					o.ServiceAccountImpersonationURL = srv.URL + "/v1/projects/-/serviceAccounts/" + googleAccount + ":generateAccessToken"
				}
				return externalaccount.NewCredentials(o)
			}},
		} {
			t.Run(c.name+"/"+way.name, func(t *testing.T) {
				tally.real(t)
				exchanges, impersonations := w.cloud.Requests(fakegoogle.Token), w.cloud.Requests(fakegoogle.GenerateAccessToken)
				creds, err := way.open()
				require.NoError(t, err)
				token, err := creds.Token(t.Context())
				assert.Equal(t, 1, w.cloud.Requests(fakegoogle.Token)-exchanges)
				if c.refused != "" && c.stage != fakegoogle.Storage {
					require.Error(t, err)
					assert.Contains(t, unescaped(err.Error()), c.refused)
					return
				}
				require.NoError(t, err)
				assert.WithinDuration(t, time.Now().Add(time.Hour), token.Expiry, 2*time.Minute)
				if c.impersonate {
					assert.Equal(t, 1, w.cloud.Requests(fakegoogle.GenerateAccessToken)-impersonations)
				}
				resp := readObject(t, srv.Client(), srv.URL, token.Value)
				body, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				if c.refused != "" {
					assert.Equal(t, http.StatusForbidden, resp.StatusCode)
					assert.Contains(t, string(body), c.refused)
					return
				}
				assert.Equal(t, http.StatusOK, resp.StatusCode)
				assert.Equal(t, googleContent, string(body))
			})
		}
	}
}
