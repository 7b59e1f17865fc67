package fakegoogle_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

const (
	deployer = "deployer@shop-prod.iam.gserviceaccount.com"
	relay    = "relay@shop-prod.iam.gserviceaccount.com"
	readOnly = "https://www.googleapis.com/auth/devstorage.read_only"
	platform = "https://www.googleapis.com/auth/cloud-platform"

	gitLabSubject = "project_path:" + fakeissuer.GitLabProjectPath + ":ref_type:branch:ref:main"
)

// world is a cloud with one provider per platform.
type world struct {
	gitlab, circleci *fakeissuer.Issuer
	forGitLab        fakegoogle.Provider
	forCircleCI      fakegoogle.Provider
	cloud            *fakegoogle.Server
	url              string
}

// newWorld lets edit change the configuration before the cloud starts.
func newWorld(t *testing.T, edit ...func(*fakegoogle.Config)) *world {
	t.Helper()
	w := &world{
		gitlab:   issuer(t, fakeissuer.Options{URL: "https://gitlab.com"}),
		circleci: issuer(t, fakeissuer.Options{URL: fakeissuer.CircleCIURL(fakeissuer.CircleCIOrganizationID)}),
	}
	w.forGitLab = fakegoogle.Provider{
		Project: "123456789012", Pool: "ci", ID: "gitlab", IssuerURI: w.gitlab.URL(),
		Attributes: map[string]string{"project_id": "project_id"},
		Require:    map[string]string{"namespace_id": fakeissuer.GitLabNamespaceID},
	}
	w.forCircleCI = fakegoogle.Provider{
		Project: "123456789012", Pool: "ci", ID: "circleci", IssuerURI: w.circleci.URL(),
		AllowedAudiences: []string{fakeissuer.CircleCIOrganizationID},
	}
	cfg := fakegoogle.Config{
		Providers: []fakegoogle.Provider{w.forGitLab, w.forCircleCI},
		ServiceAccounts: []fakegoogle.ServiceAccount{
			{Email: relay, Users: []string{w.forGitLab.PrincipalSet("project_id", fakeissuer.GitLabProjectID)}},
			{Email: deployer, TokenCreators: []string{"serviceAccount:" + relay}},
		},
		Buckets: []fakegoogle.Bucket{{
			Name:    "releases",
			Members: []string{w.forGitLab.Principal(gitLabSubject), "serviceAccount:" + deployer},
			Objects: map[string][]byte{"v1/app.txt": []byte("release one"), "v2/app.txt": []byte("release two")},
		}},
		Fetch: fakeissuer.Client(w.gitlab, w.circleci),
	}
	for _, f := range edit {
		f(&cfg)
	}
	var err error
	w.cloud, err = fakegoogle.New(cfg)
	require.NoError(t, err)
	server := httptest.NewServer(w.cloud)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

func issuer(t *testing.T, opts fakeissuer.Options) *fakeissuer.Issuer {
	t.Helper()
	i, err := fakeissuer.New(opts)
	require.NoError(t, err)
	t.Cleanup(i.Close)
	return i
}

// form is a token request that succeeds once it has a subject_token.
func (w *world) form(p fakegoogle.Provider, raw string) url.Values {
	return url.Values{
		"grant_type":           {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"audience":             {p.Name()},
		"scope":                {platform},
		"requested_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
		"subject_token_type":   {"urn:ietf:params:oauth:token-type:jwt"},
		"subject_token":        {raw},
	}
}

type answer struct {
	status int
	body   map[string]any
}

func (w *world) send(t *testing.T, method, path, bearer, kind, body string) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, w.url+path, strings.NewReader(body))
	require.NoError(t, err)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	a := answer{status: resp.StatusCode}
	require.NoError(t, json.Unmarshal(data, &a.body), string(data))
	return a
}

func (w *world) exchange(t *testing.T, form url.Values) answer {
	t.Helper()
	return w.send(t, http.MethodPost, "/v1/token", "", "application/x-www-form-urlencoded", form.Encode())
}

// federated returns an access token of the GitLab job.
func (w *world) federated(t *testing.T, scopes ...string) string {
	t.Helper()
	form := w.form(w.forGitLab, w.gitlab.GitLab("https:"+w.forGitLab.Name()))
	if len(scopes) > 0 {
		form.Set("scope", strings.Join(scopes, " "))
	}
	a := w.exchange(t, form)
	require.Equal(t, http.StatusOK, a.status, a.body)
	return a.body["access_token"].(string)
}

func (w *world) account(t *testing.T, bearer, email, method, body string) answer {
	t.Helper()
	return w.send(t, http.MethodPost, "/v1/projects/-/serviceAccounts/"+email+":"+method, bearer, "application/json", body)
}

// apiError returns message and status of an error in the form of Google's APIs.
func (a answer) apiError(t *testing.T) (message, status string) {
	t.Helper()
	e, ok := a.body["error"].(map[string]any)
	require.True(t, ok, a.body)
	require.EqualValues(t, a.status, e["code"])
	message, _ = e["message"].(string)
	status, _ = e["status"].(string)
	return message, status
}
