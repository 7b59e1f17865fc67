//go:build linux

package interop

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// googleWays are the ways in which a credential file gives Google's clients the
// CI token. Each returns file with that way in it.
var googleWays = []struct {
	name string
	set  func(t *testing.T, box *sandbox, raw string, file googlests.CredentialFile) googlests.CredentialFile
}{
	{"file", func(_ *testing.T, _ *sandbox, _ string, file googlests.CredentialFile) googlests.CredentialFile {
		return file
	}},
	{"url", func(t *testing.T, box *sandbox, _ string, file googlests.CredentialFile) googlests.CredentialFile {
		var err error
		file.Endpoint, err = googlests.NewSubjectEndpoint(file.Config)
		require.NoError(t, err)
		file.EndpointURL = box.Serve(t, file.Endpoint) + "/token"
		return file
	}},
	{"executable", func(t *testing.T, box *sandbox, raw string, file googlests.CredentialFile) googlests.CredentialFile {
		self, err := os.Executable()
		require.NoError(t, err)
		file.Executable = &googlests.Executable{
			Command: self + " google-executable " + box.Write(t, "raw", raw) + " " + file.Config.Audience,
			Timeout: 20 * time.Second,
		}
		return file
	}},
}

// Google's clients take the credential files that this module writes, whichever
// way they get the CI token, and what they get is refused if it was tampered
// with.
func TestGoogleClientsTakeCredentialFiles(t *testing.T) {
	w := newGoogleWorld(t)
	// The lifetime asked for reaches the API, by which it is known that clients
	// read it.
	w.cloud.Misbehave(func(e fakegoogle.Endpoint, rw http.ResponseWriter, r *http.Request) bool {
		if e != fakegoogle.GenerateAccessToken {
			return false
		}
		body, err := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if err == nil && bytes.Contains(body, []byte(`"1800s"`)) {
			return false
		}
		http.Error(rw, "the lifetime is missing: "+string(body), http.StatusTeapot)
		return true
	})
	gitLab, circleCI := "https:"+w.gitLabPool.Name(), fakeissuer.CircleCIOrganizationID
	for _, c := range []struct {
		name            string
		provider        *fakegoogle.Provider
		account         string
		audience, token string
		refused         string // part of the client's error; empty means that it reads the object
	}{
		{"GitLab", w.gitLabPool, "", gitLab, w.gitLab.GitLab(gitLab), ""},
		{"CircleCI through a service account", w.ccPool, googleAccount, circleCI, w.circleCI.CircleCI(circleCI), ""},
		{"tampered", w.gitLabPool, "", gitLab, tampered(t, w.gitLab.GitLab(gitLab, with("namespace_id", "1")), "namespace_id", fakeissuer.GitLabNamespaceID), "The signature of the ID Token is not valid."},
	} {
		for _, way := range googleWays {
			for _, client := range googleClients {
				t.Run(c.name+"/"+way.name+"/"+client.name, func(t *testing.T) {
					box := newSandbox(t)
					base := box.Serve(t, w.cloud)
					file := way.set(t, box, c.token, googlests.CredentialFile{
						Config: googlests.Config{
							Provider: c.provider.Name(), Audience: c.audience, Endpoint: base + "/v1/token", QuotaProject: "billing-1",
							Source: exchange.TokenSourceFunc(func(context.Context, string) (string, error) { return c.token, nil }),
						},
						ServiceAccount:        c.account,
						ImpersonationEndpoint: base,
						IntrospectionEndpoint: base + "/v1/introspect",
					})
					if c.account != "" {
						file.Lifetime = 30 * time.Minute
					}
					res, ok := runGoogleClient(t, box, client, base, file)
					if !ok {
						return
					}
					assert.NotContains(t, res.stdout+res.stderr, c.token)
					if c.refused != "" {
						assert.NotZero(t, res.code)
						assert.Contains(t, unescaped(res.stderr), c.refused)
						assert.Empty(t, res.stdout)
						return
					}
					require.Zero(t, res.code, res.stderr)
					assert.Equal(t, googleContent, res.stdout)
				})
			}
		}
	}
	assert.Zero(t, w.cloud.Requests(fakegoogle.Unknown), "requests that the fake does not know")
}

// What this module says when there is no token reaches the user of every one of
// Google's clients.
func TestGoogleClientsShowWhyThereIsNoToken(t *testing.T) {
	w := newGoogleWorld(t)
	audience := "https:" + w.gitLabPool.Name()
	expired := w.gitLab.GitLab(audience, fakeissuer.Expired)
	for _, way := range googleWays[1:] { // a token file is not written at all then
		for _, client := range googleClients {
			t.Run(way.name+"/"+client.name, func(t *testing.T) {
				box := newSandbox(t)
				base := box.Serve(t, w.cloud)
				file := way.set(t, box, expired, googlests.CredentialFile{
					Config: googlests.Config{
						Provider: w.gitLabPool.Name(), Audience: audience, Endpoint: base + "/v1/token",
						Source: exchange.TokenSourceFunc(func(context.Context, string) (string, error) { return expired, nil }),
					},
					IntrospectionEndpoint: base + "/v1/introspect",
				})
				res, ok := runGoogleClient(t, box, client, base, file)
				if !ok {
					return
				}
				assert.NotZero(t, res.code)
				assert.Contains(t, unescaped(res.stderr), "exchange: google: no CI token: the source's token has expired")
				assert.Contains(t, unescaped(res.stderr), "raise the job's timeout")
				assert.NotContains(t, res.stderr, expired)
			})
		}
	}
	assert.Zero(t, w.cloud.Requests(fakegoogle.Token), "nothing is sent")
}

// runGoogleClient writes file and has client read the object with it. It checks
// that none but file's own variables are needed.
func runGoogleClient(t *testing.T, box *sandbox, client googleClient, base string, file googlests.CredentialFile) (runResult, bool) {
	t.Helper()
	path, err := file.Write(t.Context(), filepath.Join(box.Home, "google"))
	require.NoError(t, err)
	env, command, ok := client.command(t, box, base, path)
	if !ok {
		return runResult{}, false
	}
	return box.Run(t, append(env, file.Environ(path)...), command[0], command[1:]...), true
}
