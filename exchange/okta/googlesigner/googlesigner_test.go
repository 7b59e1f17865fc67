package googlesigner_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/exchange/googlests/impersonate"
	"github.com/cioidc/cioidc/exchange/okta"
	"github.com/cioidc/cioidc/exchange/okta/googlesigner"
	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
	"github.com/cioidc/cioidc/internal/fakeissuer"
	"github.com/cioidc/cioidc/internal/jose"
)

const (
	account = "okta-deploy@shop-prod.iam.gserviceaccount.com"
	number  = "123456789012"
)

var _ okta.Signer = (*googlesigner.Signer)(nil)

// newWorld is a Google Cloud in which a GitLab project may sign as the account,
// if trusted.
func newWorld(t *testing.T, trusted bool) (*fakegoogle.Server, impersonate.Config, *string) {
	t.Helper()
	iss, err := fakeissuer.New(fakeissuer.Options{URL: "https://gitlab.com"})
	require.NoError(t, err)
	t.Cleanup(iss.Close)
	provider := fakegoogle.Provider{
		Project: number, Pool: "ci", ID: "gitlab", IssuerURI: iss.URL(),
		Attributes: map[string]string{"project_id": "project_id"},
	}
	sa := fakegoogle.ServiceAccount{Email: account}
	if trusted {
		sa.TokenCreators = []string{provider.PrincipalSet("project_id", fakeissuer.GitLabProjectID)}
	}
	cloud, err := fakegoogle.New(fakegoogle.Config{
		Providers: []fakegoogle.Provider{provider}, ServiceAccounts: []fakegoogle.ServiceAccount{sa}, Fetch: fakeissuer.Client(iss),
	})
	require.NoError(t, err)
	raw := new(string)
	base, err := googlests.Credentials(googlests.Config{
		Provider: googlests.ProviderName(number, "ci", "gitlab"), HTTPClient: cloud.Client(),
		Source: exchange.TokenSourceFunc(func(_ context.Context, audience string) (string, error) {
			*raw = iss.GitLab(audience)
			return *raw, nil
		}),
	})
	require.NoError(t, err)
	return cloud, impersonate.Config{ServiceAccount: account, Base: base, HTTPClient: cloud.Client()}, raw
}

// The key set is the one that Google publishes at JWKSURL.
func TestSignaturesVerifyWithTheKeysAtJWKSURL(t *testing.T) {
	cloud, cfg, _ := newWorld(t, true)
	s, err := googlesigner.New(cfg)
	require.NoError(t, err)
	assert.Equal(t, "https://www.googleapis.com/service_accounts/v1/jwk/"+account, s.JWKSURL())
	assert.Zero(t, cloud.Requests(fakegoogle.Token)+cloud.Requests(fakegoogle.SignJWT), "New sends nothing")

	claims := fmt.Sprintf(`{"iss":"0oa1","sub":"0oa1","exp":%d}`, time.Now().Add(5*time.Minute).Unix())
	signed, err := s.SignJWT(t.Context(), []byte(claims))
	require.NoError(t, err)
	resp, err := cloud.Client().Get(s.JWKSURL())
	require.NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	payload, err := jose.VerifyCompact(signed, raw)
	require.NoError(t, err)
	assert.JSONEq(t, claims, string(payload))
	assert.Equal(t, 1, cloud.Requests(fakegoogle.SignJWT))
}

func TestRefusalIsThatOfImpersonate(t *testing.T) {
	cloud, cfg, raw := newWorld(t, false)
	s, err := googlesigner.New(cfg)
	require.NoError(t, err)
	_, err = s.SignJWT(t.Context(), []byte(`{"iss":"0oa1"}`))
	var failed *exchange.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, exchange.StageImpersonate, failed.Stage)
	assert.Equal(t, http.StatusForbidden, failed.StatusCode)
	assert.Equal(t, "PERMISSION_DENIED", failed.Code)
	require.NotEmpty(t, failed.Causes)
	assert.Contains(t, failed.Causes[0].Action, "roles/iam.serviceAccountTokenCreator")
	assert.Equal(t, 1, cloud.Requests(fakegoogle.SignJWT))
	text := fmt.Sprintf("%v %+v %#v", err, err, err)
	require.NotEmpty(t, *raw)
	for i := 0; i+20 <= len(*raw); i++ {
		require.NotContains(t, text, (*raw)[i:i+20])
	}

	_, err = s.SignJWT(t.Context(), []byte(`[]`))
	var bad *exchange.ConfigError
	require.ErrorAs(t, err, &bad)
	assert.Equal(t, "claims", bad.Field)
	assert.Equal(t, 1, cloud.Requests(fakegoogle.SignJWT))
}

func TestConfigIsRefused(t *testing.T) {
	_, cfg, _ := newWorld(t, true)
	cfg.ServiceAccount = "serviceAccount:" + account
	_, err := googlesigner.New(cfg)
	var bad *exchange.ConfigError
	require.ErrorAs(t, err, &bad)
	assert.Equal(t, "ServiceAccount", bad.Field)
}

// The whole way from the CI token to what Okta is sent, and nothing of Google's
// in between goes there.
func TestOktaIsSentTheAssertionAlone(t *testing.T) {
	cloud, cfg, raw := newWorld(t, true)
	s, err := googlesigner.New(cfg)
	require.NoError(t, err)
	var sent string
	access, err := okta.New(okta.Config{
		Domain: "acme.okta.com", ClientID: "0oa1b2c3d4e5f6g7h8i9", Signer: s, Scopes: []string{"deploy"},
		HTTPClient: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			header, _ := json.Marshal(r.Header)
			sent = string(body) + string(header)
			return &http.Response{StatusCode: 200, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(`{"access_token":"at","token_type":"Bearer","expires_in":3600}`))}, err
		})},
	})
	require.NoError(t, err)
	_, err = access.Token(t.Context())
	require.NoError(t, err)
	federated, err := cfg.Base.Token(t.Context())
	require.NoError(t, err)
	assert.Contains(t, sent, "client_assertion=eyJ")
	assert.NotContains(t, sent, *raw)
	assert.NotContains(t, sent, federated.Value)
	assert.Equal(t, 1, cloud.Requests(fakegoogle.Token))
	assert.Equal(t, 1, cloud.Requests(fakegoogle.SignJWT))
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
