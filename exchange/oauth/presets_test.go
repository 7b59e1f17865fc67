package oauth_test

import (
	"context"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/oauth"
)

var update = flag.Bool("update", false, "write the golden files")

// jobToken is a token whose bytes are always the same: {"alg":"RS256","kid":"k"},
// {"iss":"https://gitlab.com","sub":"project_path:a/b:ref_type:branch:ref:main","aud":"x"}.
const jobToken = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ" +
	".eyJpc3MiOiJodHRwczovL2dpdGxhYi5jb20iLCJzdWIiOiJwcm9qZWN0X3BhdGg6YS9iOnJlZl90eXBlOmJyYW5jaDpyZWY6bWFpbiIsImF1ZCI6IngifQ" +
	".c2lnbmF0dXJl"

// aJWT is an answer that is a JWT: {"alg":"RS256"}, {"iss":"i","sub":"s","aud":"a","exp":946692000}.
const aJWT = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJpIiwic3ViIjoicyIsImF1ZCI6ImEiLCJleHAiOjk0NjY5MjAwMH0.c2lnbmF0dXJl"

// begin is when the clock of a synctest bubble starts.
var begin = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

type preset struct {
	name     string
	config   func(exchange.TokenSource) oauth.Config
	audience string // that the CI token is asked for

	status int
	answer string
	token  string
	end    time.Time // zero: unknown

	refused     int
	refusal     string
	code        string
	description string // a part of it
	cause       string // its ID; empty: none
}

var presets = []preset{
	{
		name: "vault",
		config: func(s exchange.TokenSource) oauth.Config {
			return oauth.Vault(oauth.VaultOptions{Address: "https://vault.example:8200/", Mount: "jwt", Role: "deploy", Audience: "https://vault.example"}, s)
		},
		audience: "https://vault.example",
		status:   200,
		answer:   `{"auth":{"client_token":"f33f8c72-924e-11f8-cb43-ac59d697597c","accessor":"0e9e354a-520f-df04-6867-ee81cae3d42d","policies":["default","dev","prod"],"lease_duration":2764800,"renewable":true}}`,
		token:    "f33f8c72-924e-11f8-cb43-ac59d697597c",
		end:      begin.Add(2764800 * time.Second),
		refused:  400, refusal: `{"errors":["error validating token: invalid audience (aud) claim: audience claim does not match any expected audience"]}`,
		description: "error validating token: invalid audience (aud) claim: audience claim does not match any expected audience",
		cause:       "vault-audience",
	},
	{
		name: "entra",
		config: func(s exchange.TokenSource) oauth.Config {
			return oauth.Entra("contoso.onmicrosoft.example", "11112222-bbbb-3333-cccc-4444dddd5555", "https://management.azure.com/.default", s)
		},
		audience: "api://AzureADTokenExchange",
		status:   200,
		answer:   `{"token_type":"Bearer","expires_in":3599,"access_token":"eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiIsIng1dCI6Ik1uQ19WWmNBVGZNNXBP"}`,
		token:    "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiIsIng1dCI6Ik1uQ19WWmNBVGZNNXBP",
		end:      begin.Add(3599 * time.Second),
		refused:  401,
		refusal: `{"error":"invalid_client","error_description":"AADSTS700213: No matching federated identity record found for presented assertion subject 'project_path:a/b:ref_type:branch:ref:main'.` +
			`\r\nTrace ID: 0000aaaa-11bb-cccc-dd22-eeeeee333333\r\nCorrelation ID: aaaa0000-bb11-2222-33cc-444444dddddd","error_codes":[700213],"trace_id":"0000aaaa-11bb-cccc-dd22-eeeeee333333"}`,
		code: "AADSTS700213", description: "No matching federated identity record found", cause: "entra-subject",
	},
	{
		name: "keycloak",
		config: func(s exchange.TokenSource) oauth.Config {
			return oauth.Keycloak("https://sso.example/realms/prod", s, "deploy")
		},
		audience: "https://sso.example/realms/prod",
		status:   200,
		answer:   `{"access_token":"eyJhbGciOiJSUzI1NiIsInR5cCIgOiAiSldUIn0","expires_in":300,"refresh_expires_in":0,"token_type":"Bearer","not-before-policy":0,"scope":"deploy"}`,
		token:    "eyJhbGciOiJSUzI1NiIsInR5cCIgOiAiSldUIn0",
		end:      begin.Add(300 * time.Second),
		refused:  401, refusal: `{"error":"invalid_client","error_description":"Invalid client or Invalid client credentials"}`,
		code: "invalid_client", description: "Invalid client or Invalid client credentials", cause: "oauth-client",
	},
	{
		name: "auth0",
		config: func(s exchange.TokenSource) oauth.Config {
			cfg := oauth.Auth0(oauth.Auth0Options{Domain: "acme.eu.auth0.com", ClientID: "client", TokenType: "https://acme.example/ci-token", API: "https://api.example", Audience: "https://acme.eu.auth0.com"}, s)
			cfg.ClientSecret, cfg.ClientAuth = secret, oauth.ClientAuthPost
			return cfg
		},
		audience: "https://acme.eu.auth0.com",
		status:   200,
		answer:   `{"access_token":"eyJz93a...k4laUWw","token_type":"Bearer","expires_in":86400}`,
		token:    "eyJz93a...k4laUWw",
		end:      begin.Add(24 * time.Hour),
		refused:  400, refusal: `{"error":"invalid_request","error_description":"Invalid subject_token"}`,
		code: "invalid_request", description: "Invalid subject_token",
	},
	{
		name: "databricks",
		config: func(s exchange.TokenSource) oauth.Config {
			return oauth.Databricks("https://dbc-a1b2345c-d6e7.cloud.databricks.com", "12a34b56-789c-0d12-e3fa-b456789c0123", "databricks", s)
		},
		audience: "databricks",
		status:   200,
		answer:   `{"access_token":"eyJraWQ...odi0WFNqQw","scope":"all-apis","token_type":"Bearer","expires_in":3600}`,
		token:    "eyJraWQ...odi0WFNqQw",
		end:      begin.Add(time.Hour),
		refused:  400, refusal: `{"error_code":"INVALID_PARAMETER_VALUE","message":"Subject token is not accepted by any federation policy"}`,
		code: "INVALID_PARAMETER_VALUE", description: "Subject token is not accepted by any federation policy",
	},
	{
		name: "jfrog",
		config: func(s exchange.TokenSource) oauth.Config {
			return oauth.JFrog("https://acme.jfrog.io/", "gitlab-acme", "jfrog-gitlab", s)
		},
		audience: "jfrog-gitlab",
		status:   200,
		answer:   `{"scope":"applied-permissions/groups:readers","expires_in":600,"issued_token_type":"urn:ietf:params:oauth:token-type:access_token","access_token":"eyJ2ZXIiOiIy...","token_type":"Bearer","username":"deploy"}`,
		token:    "eyJ2ZXIiOiIy...",
		end:      begin.Add(10 * time.Minute),
		refused:  403, refusal: `{"errors":[{"code":"FORBIDDEN","message":"No matching identity mapping"}]}`,
		code: "FORBIDDEN", description: "No matching identity mapping",
	},
	{
		name: "cloudsmith",
		config: func(s exchange.TokenSource) oauth.Config {
			return oauth.Cloudsmith("acme", "deploy-x1y2", "https://api.cloudsmith.example", s)
		},
		audience: "https://api.cloudsmith.example",
		status:   201,
		answer:   `{"token":"` + aJWT + `"}`,
		token:    aJWT,
		end:      time.Unix(946692000, 0),
		refused:  401, refusal: `{"detail":"OIDC token cannot be authenticated."}`,
		description: "OIDC token cannot be authenticated.",
	},
	{
		name:     "pypi",
		config:   func(s exchange.TokenSource) oauth.Config { return oauth.PyPI("https://index.example", s) },
		audience: "pypi",
		status:   200,
		answer:   `{"success":true,"token":"pypi-AgEIcHlwaS5vcmcCJGFiY2Q","expires":1767225600}`,
		token:    "pypi-AgEIcHlwaS5vcmcCJGFiY2Q",
		end:      time.Unix(1767225600, 0),
		refused:  422,
		refusal:  `{"message":"Token request failed","errors":[{"code":"invalid-publisher","description":"valid token, but no corresponding publisher (Publisher with matching claims was not found)"}]}`,
		code:     "invalid-publisher", description: "valid token, but no corresponding publisher", cause: "pypi-publisher",
	},
	{
		name: "npm",
		config: func(s exchange.TokenSource) oauth.Config {
			return oauth.NPM("https://registry.example/", "@acme/tool", s)
		},
		audience: "npm:registry.example",
		status:   201,
		answer:   `{"token_type":"oidc","token":"npm_0123456789abcdefghijklmnopqrstuvwxyz","created":"2025-07-01T12:00:00.000Z","expires":"2025-07-01T13:00:00.000Z"}`,
		token:    "npm_0123456789abcdefghijklmnopqrstuvwxyz",
		end:      time.Date(2025, 7, 1, 13, 0, 0, 0, time.UTC),
		refused:  404, refusal: `{"message":"OIDC token exchange error - package not found"}`,
		description: "OIDC token exchange error - package not found", cause: "npm-publisher",
	},
}

// fixed gives jobToken, and remembers for which audience.
type fixed struct{ audience string }

func (f *fixed) IDToken(_ context.Context, audience string) (string, error) {
	f.audience = audience
	return jobToken, nil
}

// Each service's documented request, byte for byte, and its documented answers.
func TestPresets(t *testing.T) {
	for _, p := range presets {
		t.Run(p.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source, e := &fixed{}, answering(p.status, p.answer)
				cfg := p.config(source)
				cfg.HTTPClient = e.client()
				require.NoError(t, cfg.Validate())
				got, err := cfg.Token(t.Context())
				require.NoError(t, err)
				assert.Equal(t, p.token, got.AccessToken)
				assert.Equal(t, "Bearer", got.TokenType)
				assert.True(t, p.end.Equal(got.Expiry), "%v, want %v", got.Expiry, p.end)
				assert.Equal(t, p.audience, source.audience)
				require.Equal(t, 1, e.count())
				golden(t, p.name, wire(e.requests[0], e.bodies[0]))

				e.status, e.body = p.refused, p.refusal
				failed := fail(t, cfg, nil)
				assert.Equal(t, exchange.StageExchange, failed.Stage)
				assert.Equal(t, p.refused, failed.StatusCode)
				assert.Equal(t, p.code, failed.Code)
				assert.Contains(t, failed.Description, p.description)
				assert.False(t, failed.Retryable())
				assert.Equal(t, 2, e.count(), "a refusal is one request")
				if p.cause == "" {
					assert.Empty(t, failed.Causes)
				} else {
					require.NotEmpty(t, failed.Causes)
					assert.Equal(t, p.cause, failed.Causes[0].ID)
					assert.NotEmpty(t, failed.Causes[0].Action)
				}
				assert.NotContains(t, failed.Error(), jobToken)
			})
		})
	}
}

// wire writes a request as it is sent, without what every HTTP client adds.
func wire(r *http.Request, body string) string {
	var b strings.Builder
	b.WriteString(r.Method + " " + r.URL.String() + "\n")
	names := make([]string, 0, len(r.Header))
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b.WriteString(name + ": " + strings.Join(r.Header[name], ", ") + "\n")
	}
	return b.String() + "\n" + body + "\n"
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// An argument that was forgotten is named before anything is sent.
func TestPresetsNeedTheirArguments(t *testing.T) {
	s := &fixed{}
	for name, tt := range map[string]struct {
		config oauth.Config
		field  string
	}{
		"vault address":      {oauth.Vault(oauth.VaultOptions{Address: "", Mount: "jwt", Role: "r", Audience: "a"}, s), "TokenURL"},
		"vault mount":        {oauth.Vault(oauth.VaultOptions{Address: "https://v.example", Mount: "", Role: "r", Audience: "a"}, s), "TokenURL"},
		"vault role":         {oauth.Vault(oauth.VaultOptions{Address: "https://v.example", Mount: "jwt", Role: "", Audience: "a"}, s), "VaultOptions.Role"},
		"vault audience":     {oauth.Vault(oauth.VaultOptions{Address: "https://v.example", Mount: "jwt", Role: "r", Audience: ""}, s), "SourceAudience"},
		"vault source":       {oauth.Vault(oauth.VaultOptions{Address: "https://v.example", Mount: "jwt", Role: "r", Audience: "a"}, nil), "Source"},
		"entra tenant":       {oauth.Entra("", "c", "s", s), "TokenURL"},
		"entra client":       {oauth.Entra("t", "", "s", s), "ClientID"},
		"entra scope":        {oauth.Entra("t", "c", "", s), "Scopes"},
		"keycloak realm":     {oauth.Keycloak("", s), "TokenURL"},
		"auth0 domain":       {oauth.Auth0(oauth.Auth0Options{Domain: "", ClientID: "c", TokenType: "https://t", API: "api", Audience: "a"}, s), "TokenURL"},
		"auth0 type":         {oauth.Auth0(oauth.Auth0Options{Domain: "a.example", ClientID: "c", TokenType: "", API: "api", Audience: "a"}, s), "Auth0Options.TokenType"},
		"auth0 client":       {oauth.Auth0(oauth.Auth0Options{Domain: "a.example", TokenType: "https://t", API: "api", Audience: "a"}, s), "Auth0Options.ClientID"},
		"auth0 audience":     {oauth.Auth0(oauth.Auth0Options{Domain: "a.example", ClientID: "c", TokenType: "https://t", API: "api"}, s), "SourceAudience"},
		"auth0 api":          {oauth.Auth0(oauth.Auth0Options{Domain: "a.example", ClientID: "c", TokenType: "https://t", API: "", Audience: "a"}, s), "Audiences"},
		"databricks host":    {oauth.Databricks("dbc.example", "c", "a", s), "TokenURL"},
		"jfrog provider":     {oauth.JFrog("https://j.example", "", "a", s), "Request.Params"},
		"cloudsmith org":     {oauth.Cloudsmith("", "svc", "a", s), "TokenURL"},
		"cloudsmith service": {oauth.Cloudsmith("org", "", "a", s), "Request.Params"},
		"pypi index":         {oauth.PyPI("http://index.example", s), "TokenURL"},
		"npm registry":       {oauth.NPM("registry.example", "tool", s), "TokenURL"},
		"npm password":       {oauth.NPM("https://u:p@registry.example", "tool", s), "TokenURL"},
		"npm name":           {oauth.NPM("https://registry.example", "", s), "NPM"},
	} {
		t.Run(name, func(t *testing.T) {
			var refused *exchange.ConfigError
			require.ErrorAs(t, tt.config.Validate(), &refused)
			assert.Equal(t, "oauth", refused.Package)
			assert.Equal(t, tt.field, refused.Field, refused.Problem)
		})
	}
}
