package oauth_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/oauth"
)

func TestNoCITokenGoesToOkta(t *testing.T) {
	for _, host := range []string{
		"acme.okta.com", "ACME.OKTA.COM", "acme.okta.com.", "acme.okta.com:443",
		"acme.oktapreview.com", "acme.okta-emea.com", "acme.okta-gov.com", "acme.okta.mil",
	} {
		for _, grant := range []oauth.Grant{oauth.TokenExchange, oauth.JWTBearer, oauth.ClientCredentials} {
			s, e := newSource(t), answering(http.StatusOK, success)
			cfg := config(s, e)
			cfg.TokenURL, cfg.Grant = "https://"+host+"/oauth2/default/v1/token", grant
			err := cfg.Validate()
			var bad *exchange.ConfigError
			require.ErrorAs(t, err, &bad, host)
			assert.Equal(t, "oauth", bad.Package)
			assert.Equal(t, "Source", bad.Field)
			assert.Contains(t, bad.Problem, "Okta's token endpoint takes no CI token")
			assert.Contains(t, bad.Problem, "use package okta")
			_, err = cfg.Token(t.Context())
			require.ErrorAs(t, err, &bad)
			assert.Zero(t, e.count())
			assert.Empty(t, s.tokens, "none is even asked for")
		}
	}
	for _, host := range []string{"okta.com.example", "notokta.com", "login.acme.example"} {
		cfg := config(newSource(t), answering(http.StatusOK, success))
		cfg.TokenURL = "https://" + host + "/oauth2/default/v1/token"
		assert.NoError(t, cfg.Validate(), host)
	}
}

func TestNoCITokenGoesToOktaAsAnAssertion(t *testing.T) {
	s, e := newSource(t), answering(http.StatusOK, success)
	cfg := oauth.Config{
		TokenURL: "https://acme.okta.com/oauth2/default/v1/token", Grant: oauth.ClientCredentials, ClientID: "0oa1",
		ClientAssertion: oauth.Assertion(s, audience), HTTPClient: e.client(),
	}
	failed := fail(t, cfg, s)
	assert.Equal(t, exchange.StageSign, failed.Stage)
	require.Len(t, failed.Causes, 1)
	assert.Equal(t, "okta-ci-token", failed.Causes[0].ID)
	assert.True(t, failed.Causes[0].Certain)
	assert.Equal(t, exchange.Evidence{Name: "iss", Token: "https://gitlab.com", Configured: "0oa1"}, failed.Causes[0].Evidence[0])
	assert.Zero(t, e.count())

	// The assertion of a client goes there.
	cfg.ClientAssertion = func(context.Context) (string, error) { return assertion("0oa1", 1), nil }
	_, err := cfg.Token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, e.count())
}

// A custom domain cannot be told before it answers; then Okta's own header
// tells it.
func TestOktaBehindACustomDomainIsRecognized(t *testing.T) {
	s, e := newSource(t), answering(http.StatusBadRequest, `{"error":"invalid_request","error_description":"The subject token is invalid."}`)
	e.header = http.Header{"X-Okta-Request-Id": {"reqAbC-123"}}
	cfg := config(s, e)
	cfg.TokenURL = "https://login.acme.example/oauth2/default/v1/token"
	failed := fail(t, cfg, s)
	assert.Equal(t, "reqAbC-123", failed.RequestID)
	require.Len(t, failed.Causes, 1)
	assert.Equal(t, "okta-ci-token", failed.Causes[0].ID)
	assert.Equal(t, 1, e.count())
}

// An endpoint may take an assertion once, and that of a request whose answer
// was lost too.
func TestARepeatedRequestHasANewAssertion(t *testing.T) {
	for name, grant := range map[string]oauth.Grant{"as the grant": oauth.ClientCredentials, "beside the token": oauth.TokenExchange} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, e := newSource(t), answering(http.StatusServiceUnavailable, `{}`)
				cfg := config(s, e)
				cfg.Grant, cfg.ClientAuth = grant, oauth.ClientAuthAssertion
				if grant == oauth.ClientCredentials {
					cfg.Source, cfg.SourceAudience = nil, ""
				}
				made := 0
				cfg.ClientAssertion = func(context.Context) (string, error) {
					made++
					return assertion("client", made), nil
				}
				_, err := cfg.Token(t.Context())
				var failed *exchange.Error
				require.ErrorAs(t, err, &failed)
				assert.Equal(t, http.StatusServiceUnavailable, failed.StatusCode)
				require.Equal(t, 3, e.count())
				assert.Equal(t, 3, made)
				for n, body := range e.bodies {
					form, err := url.ParseQuery(body)
					require.NoError(t, err)
					assert.Equal(t, assertion("client", n+1), form.Get("client_assertion"))
				}
			})
		})
	}
}

// assertion has the form of one; nobody here checks its signature.
func assertion(client string, id int) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256","kid":"k"}`)) + "." +
		encode([]byte(`{"iss":"`+client+`","sub":"`+client+`","aud":"`+tokenURL+`","exp":1790000000,"jti":"`+strconv.Itoa(id)+`"}`)) + "." +
		encode([]byte("signature"))
}
