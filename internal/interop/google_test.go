//go:build linux

package interop

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// What exists in the fake Google Cloud.
const (
	googleAccount = "deploy@acme.iam.gserviceaccount.com"
	googleBucket  = "acme-releases"
	googleObject  = "notes.txt"
	googleContent = "release notes of 1.4.0\n"
)

// googleWorld is a fake Google Cloud that trusts two fake issuers. The GitLab
// project reads the bucket itself, CircleCI's through a service account.
type googleWorld struct {
	cloud              *fakegoogle.Server
	gitLab, circleCI   *fakeissuer.Issuer
	gitLabPool, ccPool *fakegoogle.Provider
}

func newGoogleWorld(t *testing.T) googleWorld {
	t.Helper()
	w := googleWorld{
		gitLab:   newIssuer(t, "https://gitlab.example.com"),
		circleCI: newIssuer(t, fakeissuer.CircleCIURL(fakeissuer.CircleCIOrganizationID)),
	}
	w.gitLabPool = &fakegoogle.Provider{
		Project: "123456789012", Pool: "ci", ID: "gitlab", IssuerURI: w.gitLab.URL(),
		Attributes: map[string]string{"project_id": "project_id"},
		Require:    map[string]string{"namespace_id": fakeissuer.GitLabNamespaceID},
	}
	w.ccPool = &fakegoogle.Provider{
		Project: "123456789012", Pool: "ci", ID: "circleci", IssuerURI: w.circleCI.URL(),
		Subject:          "oidc.circleci.com/project-id",
		AllowedAudiences: []string{fakeissuer.CircleCIOrganizationID},
	}
	var err error
	w.cloud, err = fakegoogle.New(fakegoogle.Config{
		Fetch:     fakeissuer.Client(w.gitLab, w.circleCI),
		Providers: []fakegoogle.Provider{*w.gitLabPool, *w.ccPool},
		ServiceAccounts: []fakegoogle.ServiceAccount{
			{Email: googleAccount, Users: []string{w.ccPool.Principal(fakeissuer.CircleCIProjectID)}},
		},
		Buckets: []fakegoogle.Bucket{{
			Name:    googleBucket,
			Members: []string{w.gitLabPool.PrincipalSet("project_id", fakeissuer.GitLabProjectID), "serviceAccount:" + googleAccount},
			Objects: map[string][]byte{googleObject: []byte(googleContent)},
		}},
	})
	require.NoError(t, err)
	return w
}

// googleCase is one job that wants to read the object.
type googleCase struct {
	name        string
	provider    *fakegoogle.Provider
	impersonate bool
	token       string
	refused     string // the text of the refusal; empty means that the object is read
	stage       fakegoogle.Endpoint
}

// cases are what every client must see alike.
func (w googleWorld) cases(t *testing.T) []googleCase {
	audience := "https:" + w.gitLabPool.Name()
	const organization = "" // CircleCI's default audience
	return []googleCase{
		{"GitLab", w.gitLabPool, false, w.gitLab.GitLab(audience), "", ""},
		{"CircleCI through a service account", w.ccPool, true, w.circleCI.CircleCI(organization), "", ""},
		{"another audience", w.gitLabPool, false, w.gitLab.GitLab("https://other.example"), "The audience in ID Token [https://other.example] does not match the expected audience", fakegoogle.Token},
		{"another group", w.gitLabPool, false, w.gitLab.GitLab(audience, with("namespace_id", "1")), "The given credential is rejected by the attribute condition.", fakegoogle.Token},
		{"expired", w.gitLabPool, false, w.gitLab.GitLab(audience, fakeissuer.Expired), "is stale to sign-in.", fakegoogle.Token},
		{"tampered", w.gitLabPool, false, tampered(t, w.gitLab.GitLab(audience, with("namespace_id", "1")), "namespace_id", fakeissuer.GitLabNamespaceID), "The signature of the ID Token is not valid.", fakegoogle.Token},
		{"another issuer", w.gitLabPool, false, w.circleCI.CircleCI(audience), "The issuer in ID Token " + w.circleCI.URL() + " does not match the expected ones", fakegoogle.Token},
		{"another CircleCI project", w.ccPool, true, w.circleCI.CircleCI(organization, with("oidc.circleci.com/project-id", newUUID())), "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).", fakegoogle.GenerateAccessToken},
		{"another GitLab project", w.gitLabPool, false, w.gitLab.GitLab(audience, with("project_id", "1")), "does not have storage.objects.", fakegoogle.Storage},
	}
}

// credentialFile returns the external_account file of c, as `gcloud iam
// workload-identity-pools create-cred-config` makes it, for a fake at base.
func (c googleCase) credentialFile(t *testing.T, base, tokenFile string) string {
	t.Helper()
	file := map[string]any{
		"type":               "external_account",
		"audience":           c.provider.Name(),
		"subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
		"token_url":          base + "/v1/token",
		"token_info_url":     base + "/v1/introspect",
		"credential_source":  map[string]any{"file": tokenFile, "format": map[string]any{"type": "text"}},
	}
	if c.impersonate {
		file["service_account_impersonation_url"] = base + "/v1/projects/-/serviceAccounts/" + googleAccount + ":generateAccessToken"
	}
	b, err := json.Marshal(file)
	require.NoError(t, err)
	return string(b)
}

// readObject reads the object with an access token, from a fake at base.
func readObject(t *testing.T, client *http.Client, base, accessToken string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/storage/v1/b/"+googleBucket+"/o/"+url.PathEscape(googleObject)+"?alt=media", nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(accessToken))
	resp, err := client.Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}
