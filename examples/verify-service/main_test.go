package main

import (
	_ "embed"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/examples/internal/fakejob"
	"github.com/cioidc/cioidc/internal/fakeissuer"
	"github.com/cioidc/cioidc/oidc"
)

//go:embed main.go
var source string

const audience = "https://deploy.acme.example"

// What --fake does.
func TestFake(t *testing.T) {
	var out strings.Builder
	client, project, call := fakejob.Caller(&out, audience)
	service, err := newService(oidc.Config{
		Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{audience}, HTTPClient: client,
	}, claims.ID(project))
	require.NoError(t, err)
	require.NoError(t, call(service))
	assert.Regexp(t, `^a job on main got: 200 deploying for gitlab project=`+project+` .*\na job on another branch got: 403 Forbidden\n$`, out.String())
}

func TestService(t *testing.T) {
	gitlab, err := fakeissuer.New(fakeissuer.Options{URL: "https://gitlab.com"})
	require.NoError(t, err)
	t.Cleanup(gitlab.Close)
	cfg := oidc.Config{
		Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{audience}, HTTPClient: fakeissuer.Client(gitlab),
	}
	for name, c := range map[string]struct {
		project claims.ID
		token   string
		status  int
	}{
		"main":                 {fakeissuer.GitLabProjectID, gitlab.GitLab(audience), http.StatusOK},
		"no token":             {fakeissuer.GitLabProjectID, "", http.StatusUnauthorized},
		"expired":              {fakeissuer.GitLabProjectID, gitlab.GitLab(audience, fakeissuer.Expired), http.StatusUnauthorized},
		"other audience":       {fakeissuer.GitLabProjectID, gitlab.GitLab("https://other.example"), http.StatusUnauthorized},
		"unprotected main":     {fakeissuer.GitLabProjectID, gitlab.GitLab(audience, fakeissuer.Branch("main")), http.StatusForbidden},
		"tag main":             {fakeissuer.GitLabProjectID, gitlab.GitLab(audience, fakeissuer.Tag("main")), http.StatusForbidden},
		"protected other":      {fakeissuer.GitLabProjectID, gitlab.GitLab(audience, fakeissuer.ProtectedBranch("other")), http.StatusForbidden},
		"other project":        {"1", gitlab.GitLab(audience), http.StatusForbidden},
		"no project is anyone": {"", gitlab.GitLab(audience), http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			service, err := newService(cfg, c.project)
			require.NoError(t, err)
			r := httptest.NewRequest(http.MethodPost, "/", nil)
			if c.token != "" {
				r.Header.Set("Authorization", "Bearer "+c.token)
			}
			w := httptest.NewRecorder()
			service.ServeHTTP(w, r)
			assert.Equal(t, c.status, w.Code)
			assert.NotContains(t, w.Body.String(), "only the project")
		})
	}
}

func TestNoIssuer(t *testing.T) {
	_, err := newService(oidc.Config{}, "1")
	assert.ErrorContains(t, err, "no issuers")
}

// The example stays as short as it is said to be.
func TestLength(t *testing.T) {
	assert.Less(t, strings.Count(source, "\n"), 60)
}
