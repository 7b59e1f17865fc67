package fakegoogle_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
	"github.com/cioidc/cioidc/internal/fakecloud/relyingparty"
)

const scope = `{"scope":["` + platform + `"]}`

func TestImpersonationNeedsABinding(t *testing.T) {
	w := newWorld(t)
	bearer := w.federated(t)

	a := w.account(t, bearer, relay, "generateAccessToken", scope)
	require.Equal(t, http.StatusOK, a.status, a.body)
	assert.True(t, strings.HasPrefix(a.body["accessToken"].(string), "ya29.c."))
	_, err := time.Parse(time.RFC3339, a.body["expireTime"].(string))
	assert.NoError(t, err)

	for _, email := range []string{deployer, "nobody@shop-prod.iam.gserviceaccount.com"} {
		a = w.account(t, bearer, email, "generateAccessToken", scope)
		message, status := a.apiError(t)
		assert.Equal(t, http.StatusForbidden, a.status)
		assert.Equal(t, "PERMISSION_DENIED", status)
		assert.Equal(t, "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).", message)
	}
	assert.Equal(t, 3, w.cloud.Requests(fakegoogle.GenerateAccessToken))
}

func TestImpersonationNeedsAnIssuedToken(t *testing.T) {
	w := newWorld(t)
	a := w.account(t, "", relay, "generateAccessToken", scope)
	message, status := a.apiError(t)
	assert.Equal(t, "UNAUTHENTICATED", status)
	assert.Contains(t, message, "Request is missing required authentication credential.")

	for _, bearer := range []string{w.federated(t) + "x", w.gitlab.GitLab("https:" + w.forGitLab.Name())} {
		a = w.account(t, bearer, relay, "generateAccessToken", scope)
		message, status = a.apiError(t)
		assert.Equal(t, http.StatusUnauthorized, a.status)
		assert.Equal(t, "UNAUTHENTICATED", status)
		assert.Contains(t, message, "Request had invalid authentication credentials. Expected OAuth 2 access token")
	}

	a = w.account(t, w.federated(t, readOnly), relay, "generateAccessToken", scope)
	message, _ = a.apiError(t)
	assert.Equal(t, http.StatusForbidden, a.status)
	assert.Equal(t, "Request had insufficient authentication scopes.", message)
}

func TestDelegatesMustFormAChain(t *testing.T) {
	w := newWorld(t)
	bearer := w.federated(t)
	through := `{"scope":["` + platform + `"],"delegates":["projects/-/serviceAccounts/` + relay + `"]}`
	a := w.account(t, bearer, deployer, "generateAccessToken", through)
	assert.Equal(t, http.StatusOK, a.status, a.body)

	// Backwards there is no such chain.
	a = w.account(t, bearer, relay, "generateAccessToken", strings.Replace(through, relay, deployer, 1))
	assert.Equal(t, http.StatusForbidden, a.status)
}

func TestLifetimeIsLimited(t *testing.T) {
	w := newWorld(t)
	body := func(lifetime string) string { return `{"scope":["` + platform + `"],"lifetime":"` + lifetime + `"}` }
	assert.Equal(t, http.StatusOK, w.account(t, w.federated(t), relay, "generateAccessToken", body("3600s")).status)
	for lifetime, words := range map[string]string{
		"3601s": "The access token lifetime cannot exceed 3600 seconds.",
		"1h":    "Invalid value at 'lifetime'.",
		"0s":    "Invalid value at 'lifetime'.",
	} {
		message, status := w.account(t, w.federated(t), relay, "generateAccessToken", body(lifetime)).apiError(t)
		assert.Equal(t, "INVALID_ARGUMENT", status)
		assert.Equal(t, words, message)
	}
	extended := newWorld(t, func(c *fakegoogle.Config) { c.ServiceAccounts[0].ExtendedLifetime = true })
	assert.Equal(t, http.StatusOK, extended.account(t, extended.federated(t), relay, "generateAccessToken", body("43200s")).status)
}

func TestSigningNeedsMoreThanImpersonation(t *testing.T) {
	w := newWorld(t)
	for method, permission := range map[string]string{"signJwt": "signJwt", "signBlob": "signBlob"} {
		message, _ := w.account(t, w.federated(t), relay, method, `{"payload":"e30="}`).apiError(t)
		assert.Contains(t, message, "Permission 'iam.serviceAccounts."+permission+"' denied")
	}
}

func TestIDTokensAndSignaturesVerify(t *testing.T) {
	w := newWorld(t, func(c *fakegoogle.Config) {
		c.ServiceAccounts[0].TokenCreators = c.ServiceAccounts[0].Users
	})
	bearer := w.federated(t)

	a := w.account(t, bearer, relay, "generateIdToken", `{"audience":"https://run.example","includeEmail":true}`)
	require.Equal(t, http.StatusOK, a.status, a.body)
	claims := w.verify(t, a.body["token"].(string), "https://accounts.google.com", "/oauth2/v3/certs")
	assert.Equal(t, "https://run.example", claims["aud"])
	assert.Equal(t, relay, claims["email"])

	exp := time.Now().Add(time.Hour).Unix()
	payload, err := json.Marshal(map[string]any{"iss": relay, "sub": relay, "exp": exp})
	require.NoError(t, err)
	body, err := json.Marshal(map[string]string{"payload": string(payload)})
	require.NoError(t, err)
	a = w.account(t, bearer, relay, "signJwt", string(body))
	require.Equal(t, http.StatusOK, a.status, a.body)
	w.verify(t, a.body["signedJwt"].(string), relay, "/service_accounts/v1/jwk/"+relay)

	a = w.account(t, bearer, relay, "signBlob", `{"payload":"`+base64.StdEncoding.EncodeToString([]byte("blob"))+`"}`)
	require.Equal(t, http.StatusOK, a.status, a.body)
	signature, err := base64.StdEncoding.DecodeString(a.body["signedBlob"].(string))
	require.NoError(t, err)
	assert.Len(t, signature, 256)
}

// verify checks raw with the key set at path, through a discovery document
// that stands in for iss.
func (w *world) verify(t *testing.T, raw, iss, path string) map[string]any {
	t.Helper()
	unverified, err := relyingparty.Unverified(raw)
	require.NoError(t, err)
	require.Equal(t, iss, unverified["iss"])
	party := &relyingparty.Party{HTTPClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration") {
			doc, err := json.Marshal(map[string]string{"issuer": iss, "jwks_uri": w.url + path})
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(doc))), Request: r}, err
		}
		return http.DefaultTransport.RoundTrip(r)
	})}}
	claims, err := party.Verify(t.Context(), raw)
	require.NoError(t, err)
	return claims
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
