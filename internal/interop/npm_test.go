//go:build linux

package interop

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/oauth"
	"github.com/cioidc/cioidc/internal/fakeissuer"
	"github.com/cioidc/cioidc/oidc"
)

const (
	npmPackage  = "@acme/tool"
	npmAudience = "npm:127.0.0.1" // "npm:" and the registry's host
	npmExchange = "/-/npm/v1/oidc/token/exchange/package/@acme%2ftool"
	npmPublish  = "/@acme%2ftool"
	npmRefusal  = "OIDC token exchange error - package not found"
)

// npmRegistry is a registry with trusted publishing for npmPackage. It verifies
// the job's token, and takes a package from the holder of a token that it gave.
type npmRegistry struct {
	verifier *oidc.Verifier
	project  string // the publisher's

	mu        sync.Mutex
	exchanges []npmRequest
	given     string
	published []string // the names of the files
}

// npmRequest is what of a request is to be the same for every client.
type npmRequest struct{ method, uri, authorization, body string }

func (g *npmRegistry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	g.mu.Lock()
	defer g.mu.Unlock()
	answer := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	authorization := r.Header.Get("Authorization")
	switch {
	case r.Method == http.MethodPost && r.RequestURI == npmExchange:
		g.exchanges = append(g.exchanges, npmRequest{r.Method, r.RequestURI, authorization, string(body)})
		token, err := g.verifier.Verify(r.Context(), strings.TrimPrefix(authorization, "Bearer "))
		if err != nil || token.Claims().(claims.Identifier).Identity().Project != g.project {
			answer(http.StatusNotFound, map[string]string{"message": npmRefusal})
			return
		}
		g.given = "npm_" + rand.Text()
		now := time.Now().UTC()
		answer(http.StatusCreated, map[string]string{
			"token_type": "oidc", "token": g.given, "created": now.Format(time.RFC3339), "expires": now.Add(time.Hour).Format(time.RFC3339),
		})
	case r.Method == http.MethodPut && r.RequestURI == npmPublish:
		if g.given == "" || authorization != "Bearer "+g.given {
			answer(http.StatusUnauthorized, map[string]string{"error": "You must be logged in to publish packages."})
			return
		}
		var document struct {
			Attachments map[string]json.RawMessage `json:"_attachments"`
		}
		if err := json.Unmarshal(body, &document); err != nil {
			answer(http.StatusBadRequest, map[string]string{"error": "not a package document"})
			return
		}
		for name := range document.Attachments {
			g.published = append(g.published, name)
		}
		answer(http.StatusCreated, map[string]bool{"success": true})
	default: // npm also asks whether the package exists
		answer(http.StatusNotFound, map[string]string{"error": "Not found"})
	}
}

// The npm client publishes with a job's token, and the request of oauth.NPM is
// the one that it makes.
func TestNPMTrustedPublishing(t *testing.T) {
	npm, ok := optional(t, "npm")
	if !ok {
		return
	}
	gitlab, circleci := newIssuer(t, "https://gitlab.com"), newIssuer(t, fakeissuer.CircleCIURL(fakeissuer.CircleCIOrganizationID))
	verifier, err := oidc.NewVerifier(oidc.Config{
		Issuers:    []oidc.Issuer{oidc.GitLab("https://gitlab.com"), oidc.CircleCI(fakeissuer.CircleCIOrganizationID)},
		Audiences:  []string{npmAudience},
		HTTPClient: fakeissuer.Client(gitlab, circleci),
	})
	require.NoError(t, err)
	wrongGitLab := gitlab.GitLab(npmAudience, with("project_id", "666"))
	wrongCircleCI := circleci.CircleCI(npmAudience, with("oidc.circleci.com/project-id", "a6d3b1c2-0000-4000-8000-000000000000"))
	for _, tt := range []struct {
		name, environment, project, token string
		accepted                          bool
	}{
		{"GitLab", "GITLAB_CI=true", fakeissuer.GitLabProjectID, gitlab.GitLab(npmAudience), true},
		{"GitLab, tampered", "GITLAB_CI=true", fakeissuer.GitLabProjectID, tampered(t, wrongGitLab, "project_id", fakeissuer.GitLabProjectID), false},
		{"GitLab, another project", "GITLAB_CI=true", fakeissuer.GitLabProjectID, wrongGitLab, false},
		{"GitLab, another audience", "GITLAB_CI=true", fakeissuer.GitLabProjectID, gitlab.GitLab("npm:other.example"), false},
		{"CircleCI", "CIRCLECI=true", fakeissuer.CircleCIProjectID, circleci.CircleCI(npmAudience), true},
		{"CircleCI, tampered", "CIRCLECI=true", fakeissuer.CircleCIProjectID, tampered(t, wrongCircleCI, "oidc.circleci.com/project-id", fakeissuer.CircleCIProjectID), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tally.real(t)
			s := newSandbox(t)
			registry := &npmRegistry{verifier: verifier, project: tt.project}
			folder := filepath.Join(s.Home, "package")
			require.NoError(t, os.Mkdir(folder, 0o700))
			s.Write(t, "package/package.json", `{"name":"`+npmPackage+`","version":"1.2.3"}`)
			res := s.Run(t, []string{tt.environment, "NPM_ID_TOKEN=" + tt.token, "npm_config_update_notifier=false", "npm_config_cache=" + filepath.Join(s.Home, "cache")},
				npm, "publish", folder, "--access", "public", "--registry", s.Serve(t, registry)+"/", "--fetch-retries", "0")

			require.Len(t, registry.exchanges, 1, "%s", res.stderr)
			theirs := registry.exchanges[0]
			assert.Equal(t, npmRequest{http.MethodPost, npmExchange, "Bearer " + tt.token, ""}, theirs)
			if tt.accepted {
				assert.Zero(t, res.code, "%s", res.stderr)
				assert.Equal(t, []string{"@acme/tool-1.2.3.tgz"}, registry.published)
			} else {
				assert.NotZero(t, res.code)
				assert.Contains(t, res.stderr, "npm error code ENEEDAUTH")
				assert.Empty(t, registry.published)
			}

			// The same by our own client, at the same registry.
			srv := httptest.NewServer(registry)
			defer srv.Close()
			source := exchange.TokenSourceFunc(func(_ context.Context, audience string) (string, error) {
				assert.Equal(t, npmAudience, audience)
				return tt.token, nil
			})
			got, err := oauth.NPM(srv.URL, npmPackage, source).Token(t.Context())
			require.Len(t, registry.exchanges, 2)
			assert.Equal(t, theirs, registry.exchanges[1], "byte for byte what npm sends")
			if tt.accepted {
				require.NoError(t, err)
				assert.Equal(t, registry.given, got.AccessToken)
				assert.WithinDuration(t, time.Now().Add(time.Hour), got.Expiry, time.Minute)
				return
			}
			var failed *exchange.Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, http.StatusNotFound, failed.StatusCode)
			assert.Equal(t, npmRefusal, failed.Description)
			require.Len(t, failed.Causes, 2)
			assert.Equal(t, "npm-publisher", failed.Causes[0].ID)
			assert.Equal(t, "npm-package", failed.Causes[1].ID)
		})
	}
}
