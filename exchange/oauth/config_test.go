package oauth_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/oauth"
)

func someAssertion(context.Context) (string, error) { return jobToken, nil }

func TestWhatCannotWorkIsRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		edit         func(*oauth.Config)
		field, words string
	}{
		"no URL":                  {func(c *oauth.Config) { c.TokenURL = "" }, "TokenURL", "want https://HOST"},
		"plain http":              {func(c *oauth.Config) { c.TokenURL = "http://sts.example/token" }, "TokenURL", "plain http is for loopback addresses only"},
		"password in URL":         {func(c *oauth.Config) { c.TokenURL = "https://u:hunter22@sts.example" }, "TokenURL", "user information"},
		"empty part of a path":    {func(c *oauth.Config) { c.TokenURL = "https://sts.example/a//token" }, "TokenURL", "a part of its path is empty"},
		"unknown grant":           {func(c *oauth.Config) { c.Grant = 9 }, "Grant", "9 is none"},
		"negative grant":          {func(c *oauth.Config) { c.Grant = -1 }, "Grant", "-1 is none"},
		"no source":               {func(c *oauth.Config) { c.Source = nil }, "Source", "required"},
		"nil pointer":             {func(c *oauth.Config) { c.Source = (*fixed)(nil) }, "Source", "nil pointer"},
		"no audience":             {func(c *oauth.Config) { c.SourceAudience = "" }, "SourceAudience", "the audience that the endpoint accepts"},
		"two tokens":              {func(c *oauth.Config) { c.Grant, c.ClientAssertion = oauth.ClientCredentials, someAssertion }, "Source", "leave one of them out"},
		"client credentials bare": {func(c *oauth.Config) { c.Grant, c.Source = oauth.ClientCredentials, nil }, "Source", "required"},
		"unknown auth":            {func(c *oauth.Config) { c.ClientAuth = 9 }, "ClientAuth", "none of this package's values"},
		"client without grant": {func(c *oauth.Config) {
			c.Grant, c.Request.TokenField, c.ClientID = oauth.NoGrant, "t", "id"
		}, "ClientAuth", "no client without a grant"},
		"secret with assertion grant": {func(c *oauth.Config) { c.Grant, c.ClientAuth = oauth.ClientCredentials, oauth.ClientAuthPost }, "ClientAuth", "leave it zero"},
		"basic without a secret":      {func(c *oauth.Config) { c.ClientAuth, c.ClientID = oauth.ClientAuthBasic, "id" }, "ClientSecret", "both"},
		"post without an ID":          {func(c *oauth.Config) { c.ClientAuth, c.ClientSecret = oauth.ClientAuthPost, secret }, "ClientSecret", "both"},
		"secret that nothing sends":   {func(c *oauth.Config) { c.ClientSecret = secret }, "ClientSecret", "nothing sends it"},
		"assertion missing":           {func(c *oauth.Config) { c.ClientAuth = oauth.ClientAuthAssertion }, "ClientAssertion", "needs it"},
		"assertion that nobody sends": {func(c *oauth.Config) { c.ClientAssertion = someAssertion }, "ClientAssertion", "nothing sends it"},
		"unknown body":                {func(c *oauth.Config) { c.Request.Body = 9 }, "Request.Body", "9 is none"},
		"field and header":            {func(c *oauth.Config) { c.Request.Bearer, c.Request.TokenField = true, "t" }, "Request.TokenField", "leave one"},
		"two Authorizations": {func(c *oauth.Config) {
			c.Request.Bearer, c.ClientAuth, c.ClientID, c.ClientSecret = true, oauth.ClientAuthBasic, "id", secret
		}, "Request.Bearer", "use ClientAuthPost"},
		"bearer assertion":       {func(c *oauth.Config) { c.Grant, c.Request.Bearer = oauth.ClientCredentials, true }, "Request.Bearer", "client_assertion"},
		"renamed assertion":      {func(c *oauth.Config) { c.Grant, c.Request.TokenField = oauth.ClientCredentials, "t" }, "Request.TokenField", "client_assertion"},
		"empty body, no header":  {func(c *oauth.Config) { c.Request.Body = oauth.Empty }, "Request.Bearer", "no place for the token"},
		"no place for the token": {func(c *oauth.Config) { c.Grant = oauth.NoGrant }, "Request.TokenField", "where the token goes"},
		"empty body with a grant": {func(c *oauth.Config) {
			c.Request.Body, c.Request.Bearer = oauth.Empty, true
		}, "Request.Body", "no place for parameters"},
		"param without a value":  {func(c *oauth.Config) { c.Request.Params = url.Values{"a": nil} }, "Request.Params", "at least one value"},
		"param that is empty":    {func(c *oauth.Config) { c.Request.Params = url.Values{"role": {""}} }, "Request.Params", `"role" is empty`},
		"param without a name":   {func(c *oauth.Config) { c.Request.Params = url.Values{"": {"a"}} }, "Request.Params", "must have a name"},
		"token as param":         {func(c *oauth.Config) { c.Request.Params = url.Values{"subject_token": {"a"}} }, "Request.Params", "filled from elsewhere"},
		"secret as param":        {func(c *oauth.Config) { c.Request.Params = url.Values{"client_secret": {"a"}} }, "Request.Params", "filled from elsewhere"},
		"scope with a space":     {func(c *oauth.Config) { c.Scopes = []string{"a b"} }, "Scopes", "without spaces"},
		"empty scope":            {func(c *oauth.Config) { c.Scopes = []string{""} }, "Scopes", "one scope"},
		"empty audience":         {func(c *oauth.Config) { c.Audiences = []string{""} }, "Audiences", "an element is empty"},
		"relative resource":      {func(c *oauth.Config) { c.Resources = []string{"api"} }, "Resources", "absolute URI"},
		"resource with fragment": {func(c *oauth.Config) { c.Resources = []string{"https://a/#b"} }, "Resources", "without a fragment"},
		"scopes without grant": {func(c *oauth.Config) {
			c.Grant, c.Request.TokenField, c.Scopes = oauth.NoGrant, "t", []string{"a"}
		}, "Scopes", "use Request.Params"},
		"token path":    {func(c *oauth.Config) { c.Response.TokenPath = ".a" }, "Response.TokenPath", "joined by dots"},
		"expires path":  {func(c *oauth.Config) { c.Response.ExpiresPath = "a." }, "Response.ExpiresPath", "joined by dots"},
		"error path":    {func(c *oauth.Config) { c.Response.ErrorPath = "a..b" }, "Response.ErrorPath", "joined by dots"},
		"message path":  {func(c *oauth.Config) { c.Response.MessagePath = "." }, "Response.MessagePath", "joined by dots"},
		"negative time": {func(c *oauth.Config) { c.Timeout = -time.Second }, "Timeout", "negative"},
	} {
		t.Run(name, func(t *testing.T) {
			s, e := &fixed{}, answering(200, success)
			cfg := config(s, e)
			require.NoError(t, cfg.Validate())
			tt.edit(&cfg)
			var refused *exchange.ConfigError
			require.ErrorAs(t, cfg.Validate(), &refused)
			assert.Equal(t, "oauth", refused.Package)
			assert.Equal(t, tt.field, refused.Field)
			assert.Contains(t, refused.Problem, tt.words)
			assert.NotContains(t, refused.Error(), "hunter22")
			for _, err := range []error{
				second(cfg.Token(t.Context())),
				second(cfg.TokenSource().Token()),
				second(cfg.Client().Get("https://api.example")),
			} {
				require.ErrorAs(t, err, &refused)
				assert.Equal(t, tt.field, refused.Field)
			}
			assert.Zero(t, e.count())
			assert.Empty(t, s.audience)
		})
	}
}

func second[T any](_ T, err error) error { return err }

// How the client proves who it is, and where the token goes.
func TestForms(t *testing.T) {
	const grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3A"
	const subject = "&subject_token=" + jobToken + "&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt"
	const assertionType = "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
	for name, tt := range map[string]struct {
		edit                func(*oauth.Config)
		authorization, body string
	}{
		"public client": {func(c *oauth.Config) { c.ClientID = "id" }, "", "client_id=id&" + grant + "token-exchange" + subject},
		// RFC 6749 section 2.3.1 encodes both as in a form first.
		"basic": {func(c *oauth.Config) {
			c.ClientID, c.ClientSecret, c.ClientAuth = "my id", "p:w/ä", oauth.ClientAuthBasic
		}, "Basic bXkraWQ6cCUzQXclMkYlQzMlQTQ=", grant + "token-exchange" + subject},
		"post": {func(c *oauth.Config) {
			c.ClientID, c.ClientSecret, c.ClientAuth = "id", "p&w", oauth.ClientAuthPost
		}, "", "client_id=id&client_secret=p%26w&" + grant + "token-exchange" + subject},
		"assertion beside the token": {func(c *oauth.Config) {
			c.ClientID, c.ClientAuth = "id", oauth.ClientAuthAssertion
			c.ClientAssertion = func(context.Context) (string, error) { return "a.b.c", nil }
		}, "", "client_assertion=a.b.c&" + assertionType + "&client_id=id&" + grant + "token-exchange" + subject},
		"JWT bearer":         {func(c *oauth.Config) { c.Grant = oauth.JWTBearer }, "", "assertion=" + jobToken + "&" + grant + "jwt-bearer"},
		"client credentials": {func(c *oauth.Config) { c.Grant, c.ClientID = oauth.ClientCredentials, "id" }, "", "client_assertion=" + jobToken + "&" + assertionType + "&client_id=id&grant_type=client_credentials"},
		"header": {func(c *oauth.Config) {
			c.Grant, c.Request = oauth.NoGrant, oauth.Request{Bearer: true, Params: url.Values{"b": {"2"}, "a": {"1", "3"}}}
		}, "Bearer " + jobToken, "a=1&a=3&b=2"},
		"JSON": {func(c *oauth.Config) {
			c.Grant, c.Request = oauth.NoGrant, oauth.Request{Body: oauth.JSON, TokenField: "t", Params: url.Values{"b": {"<&>"}, "a": {"1", "3"}}}
		}, "", `{"a":["1","3"],"b":"<&>","t":"` + jobToken + `"}`},
		"JSON with a grant": {func(c *oauth.Config) {
			c.Grant, c.Request.Body, c.Scopes = oauth.JWTBearer, oauth.JSON, []string{"a", "b"}
		}, "", `{"assertion":"` + jobToken + `","grant_type":"urn:ietf:params:oauth:grant-type:jwt-bearer","scope":"a b"}`},
		"another subject type": {func(c *oauth.Config) {
			c.Request.Params = url.Values{"subject_token_type": {"x"}, "requested_token_type": {"y"}}
		}, "", grant + "token-exchange&requested_token_type=y&subject_token=" + jobToken + "&subject_token_type=x"},
		"another field": {func(c *oauth.Config) { c.Grant, c.Request.TokenField = oauth.JWTBearer, "jwt" }, "", grant + "jwt-bearer&jwt=" + jobToken},
	} {
		t.Run(name, func(t *testing.T) {
			e := answering(200, success)
			cfg := config(&fixed{}, e)
			tt.edit(&cfg)
			_, err := cfg.Token(t.Context())
			require.NoError(t, err)
			require.Equal(t, 1, e.count())
			assert.Equal(t, tt.authorization, e.requests[0].Header.Get("Authorization"))
			assert.Equal(t, tt.body, e.bodies[0])
		})
	}
}

// Each attempt sends the same body again.
func TestRepeatedRequestIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := answering(503, "")
		_, err := config(&fixed{}, e).Token(t.Context())
		require.Error(t, err)
		require.Len(t, e.bodies, 3)
		assert.NotEmpty(t, e.bodies[0])
		assert.Equal(t, e.bodies[0], e.bodies[1])
		assert.Equal(t, e.bodies[0], e.bodies[2])
	})
}

func TestPrintedWithoutSecrets(t *testing.T) {
	cfg := config(&fixed{}, answering(200, success))
	cfg.TokenURL = "https://user:hunter22@sts.example/token?key=hunter22"
	cfg.ClientID, cfg.ClientSecret, cfg.ClientAuth = "id", "hunter22", oauth.ClientAuthPost
	cfg.Request.Params = url.Values{"api_key": {"hunter22"}}
	cfg.HTTPClient = &http.Client{Transport: &http.Transport{ProxyConnectHeader: http.Header{"Proxy-Authorization": {"hunter22"}}}}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "config", cfg, "pointer", &cfg)
	inside := struct{ C oauth.Config }{cfg}
	for _, text := range []string{
		cfg.String(), log.String(), fmt.Sprintf("%d %x", cfg, &cfg), fmt.Sprintf("%v %+v %#v", cfg.TokenSource(), cfg.TokenSource(), cfg.TokenSource()),
		fmt.Sprint(cfg), fmt.Sprintf("%v %+v %#v %s %q", cfg, cfg, cfg, cfg, cfg), fmt.Sprintf("%v %+v %#v", &cfg, &cfg, &cfg), fmt.Sprintf("%+v %#v", inside, inside),
	} {
		assert.NotContains(t, text, "hunter22")
		assert.Contains(t, text, "sts.example")
		assert.Contains(t, text, "api_key")
	}
	assert.Contains(t, cfg.String(), "ClientSecret: [redacted]")
	cfg.TokenURL = "https://hunter22:%zz@x"
	assert.NotContains(t, cfg.String(), "hunter22")
}
