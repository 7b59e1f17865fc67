package okta_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/okta"
)

func TestRequestIsTheDocumentedOne(t *testing.T) {
	for server, tokenURL := range map[string]string{
		"":                     "https://acme.okta.com/oauth2/default/v1/token",
		"aus1a2b3c4d5e6f7g8h9": "https://acme.okta.com/oauth2/aus1a2b3c4d5e6f7g8h9/v1/token",
		okta.OrgServer:         "https://acme.okta.com/oauth2/v1/token",
	} {
		t.Run(server, func(t *testing.T) {
			e, s := &endpoint{}, &localSigner{}
			cfg := config(e, s)
			cfg.AuthorizationServer, cfg.Scopes = server, []string{"deploy", "read"}
			now := time.Unix(1_790_000_000, 0)
			cfg.Now = func() time.Time { return now }
			access, err := okta.New(cfg)
			require.NoError(t, err)
			token, err := access.Token(t.Context())
			require.NoError(t, err)
			assert.Equal(t, "okta-access-token-0001", token.AccessToken)
			assert.WithinDuration(t, time.Now().Add(time.Hour), token.Expiry, time.Minute)

			require.Equal(t, []string{tokenURL}, e.urls)
			form := e.forms[0]
			assertion := form.Get("client_assertion")
			assert.Equal(t, []string{assertion}, s.signed)
			form.Del("client_assertion")
			assert.Equal(t, "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_id="+clientID+
				"&grant_type=client_credentials&scope=deploy+read", form.Encode())

			claims := decoded(t, assertion)
			id, _ := claims["jti"].(string)
			assert.GreaterOrEqual(t, len(id), 26, "128 bits in base32")
			delete(claims, "jti")
			assert.Equal(t, map[string]any{
				"iss": clientID, "sub": clientID, "aud": tokenURL, "exp": float64(now.Add(5 * time.Minute).Unix()),
			}, claims)

			part := strings.Split(assertion, ".")
			signature, err := base64.RawURLEncoding.DecodeString(part[2])
			require.NoError(t, err)
			digest := sha256.Sum256([]byte(part[0] + "." + part[1]))
			assert.NoError(t, rsa.VerifyPKCS1v15(&privateKey().PublicKey, crypto.SHA256, digest[:], signature))
		})
	}
}

func TestDomainsAreTakenAsTheyAreShown(t *testing.T) {
	for domain, host := range map[string]string{
		"acme.okta.com":          "https://acme.okta.com",
		"https://acme.okta.com":  "https://acme.okta.com",
		"https://acme.okta.com/": "https://acme.okta.com",
		"ACME.oktapreview.com":   "https://acme.oktapreview.com",
		"login.acme.example":     "https://login.acme.example",
		"http://127.0.0.1:8080":  "http://127.0.0.1:8080",
	} {
		cfg := config(&endpoint{}, &localSigner{})
		cfg.Domain = domain
		access, err := okta.New(cfg)
		require.NoError(t, err, domain)
		assert.Equal(t, host+"/oauth2/default/v1/token", access.TokenURL)
	}
}

func TestConfigIsRefused(t *testing.T) {
	tests := map[string]struct {
		edit           func(*okta.Config)
		field, problem string
	}{
		"no domain":       {func(c *okta.Config) { c.Domain = "" }, "Domain", `it is required: want one such as "acme.okta.com"`},
		"plain http":      {func(c *okta.Config) { c.Domain = "http://acme.okta.com" }, "Domain", "plain http"},
		"the console":     {func(c *okta.Config) { c.Domain = "acme-admin.okta.com" }, "Domain", "leave out -admin"},
		"an issuer":       {func(c *okta.Config) { c.Domain = "https://acme.okta.com/oauth2/default" }, "Domain", "give the domain alone"},
		"a password":      {func(c *okta.Config) { c.Domain = "user:hunter2hunter2@acme.okta.com" }, "Domain", "it holds user information"},
		"a server's path": {func(c *okta.Config) { c.AuthorizationServer = "/oauth2/default" }, "AuthorizationServer", "give the server's ID alone"},
		"a server's name": {func(c *okta.Config) { c.AuthorizationServer = "My Server" }, "AuthorizationServer", "not the ID of an authorization server"},
		"no client":       {func(c *okta.Config) { c.ClientID = "" }, "ClientID", "it is required"},
		"a spaced client": {func(c *okta.Config) { c.ClientID = "0oa 1" }, "ClientID", "it is not a client ID"},
		"no signer":       {func(c *okta.Config) { c.Signer = nil }, "Signer", "kmssigner or googlesigner"},
		"no scopes":       {func(c *okta.Config) { c.Scopes = nil }, "Scopes", "name at least one scope"},
		"two scopes":      {func(c *okta.Config) { c.Scopes = []string{"a b"} }, "Scopes", "without spaces"},
		"an empty scope":  {func(c *okta.Config) { c.Scopes = []string{"a", ""} }, "Scopes", "without spaces"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e, s := &endpoint{}, &localSigner{}
			cfg := config(e, s)
			tt.edit(&cfg)
			_, err := okta.New(cfg)
			var bad *exchange.ConfigError
			require.ErrorAs(t, err, &bad)
			assert.Equal(t, "okta", bad.Package)
			assert.Equal(t, tt.field, bad.Field)
			assert.Contains(t, bad.Problem, tt.problem)
			assert.NotContains(t, err.Error(), "hunter2")
			assert.Empty(t, s.signed)
			assert.Zero(t, e.requests())
		})
	}
}

func TestWhatASignerGivesIsChecked(t *testing.T) {
	ci := ciToken(t, "https://acme.okta.com/oauth2/default/v1/token")
	other := func(edit func(string) string) signerFunc {
		return func(ctx context.Context, claims []byte) (string, error) {
			return (&localSigner{}).SignJWT(ctx, []byte(edit(string(claims))))
		}
	}
	const password = "correct horse battery staple"
	boom := errors.New("the HSM is on fire")
	tests := map[string]struct {
		signer okta.Signer
		keyID  string
		words  string
		cause  string
		is     error
	}{
		"a CI token":     {signer: signerFunc(func(context.Context, []byte) (string, error) { return ci, nil }), words: "a token of another issuer or subject", cause: "okta-foreign-token"},
		"another client": {signer: other(func(c string) string { return strings.ReplaceAll(c, clientID, "0oaOther") }), words: "a token of another issuer or subject", cause: "okta-foreign-token"},
		"another aud":    {signer: other(func(c string) string { return strings.Replace(c, "/default/", "/other/", 1) }), words: "other claims than those it was given"},
		"a fixed jti":    {signer: other(func(c string) string { return c[:strings.Index(c, `"jti"`)] + `"jti":"1"}` }), words: "other claims than those it was given"},
		"another key":    {signer: &localSigner{}, keyID: "deploy-2025", words: "not the one of Config.KeyID", cause: "okta-key-id"},
		"no JWT":         {signer: signerFunc(func(context.Context, []byte) (string, error) { return password, nil }), words: "something that is not a JWT"},
		"nothing":        {signer: signerFunc(func(context.Context, []byte) (string, error) { return "", nil }), words: "something that is not a JWT: the token is empty"},
		"an error":       {signer: signerFunc(func(context.Context, []byte) (string, error) { return "", boom }), words: "the HSM is on fire", is: boom},
		"a panic":        {signer: signerFunc(func(context.Context, []byte) (string, error) { panic(password) }), words: "panicked with a value of type string"},
		"a nil pointer":  {signer: (*localSigner)(nil), words: "the signer, of type *okta_test.localSigner, panicked"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := &endpoint{}
			cfg := config(e, tt.signer)
			if tt.keyID != "" {
				cfg.KeyID = tt.keyID
			}
			access, err := okta.New(cfg)
			require.NoError(t, err)
			_, err = access.Token(t.Context())
			var failed *exchange.Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, exchange.StageSign, failed.Stage)
			assert.Equal(t, "acme.okta.com", failed.Service)
			assert.ErrorContains(t, failed, "exchange: acme.okta.com: client assertion not signed")
			assert.ErrorContains(t, failed, tt.words)
			assert.Zero(t, e.requests(), "nothing is sent")
			assert.False(t, failed.Retryable())
			if tt.cause == "" {
				assert.Empty(t, failed.Causes)
			} else {
				require.Len(t, failed.Causes, 1)
				assert.Equal(t, tt.cause, failed.Causes[0].ID)
				assert.True(t, failed.Causes[0].Certain)
			}
			if tt.is != nil {
				assert.ErrorIs(t, err, tt.is)
			}
			assertNoSecret(t, err, ci, password)
		})
	}
}

// What a signer says of the cloud that it asks stays what it is.
func TestASignersOwnErrorKeepsItsStage(t *testing.T) {
	own := &exchange.Error{Service: "aws", Stage: exchange.StageExchange, Code: "AccessDenied", StatusCode: http.StatusForbidden}
	access, err := okta.New(config(&endpoint{}, signerFunc(func(context.Context, []byte) (string, error) { return "", own })))
	require.NoError(t, err)
	_, err = access.Token(t.Context())
	assert.Same(t, own, err)
}

func TestRefusalsAreExplained(t *testing.T) {
	tests := []struct {
		status            int
		code, description string
		cause             string
	}{
		{401, "invalid_client", "The client_assertion JWT kid is invalid.", "okta-key-id"},
		{401, "invalid_client", "The client_assertion signature is invalid.", "okta-key"},
		{401, "invalid_client", "The audience claim for client_assertion must be the endpoint invoked for the request.", "okta-audience"},
		{401, "invalid_client", "The client_assertion token is expired.", "okta-clock"},
		{401, "invalid_client", "The client_assertion token has an expiration too far into the future.", "okta-clock"},
		{401, "invalid_client", "The client_assertion token has already been used.", "okta-replay"},
		{400, "invalid_dpop_proof", "The DPoP proof JWT header is missing.", "okta-dpop"},
		{400, "access_denied", "Policy evaluation failed for this request, please check the policy configurations.", "okta-policy"},
		{400, "invalid_scope", "One or more scopes are not configured for the authorization server resource.", "okta-scope"},
		{403, "invalid_request", "Something that nobody has seen.", ""},
	}
	for _, tt := range tests {
		t.Run(tt.code+" "+tt.description, func(t *testing.T) {
			e, s := &endpoint{answer: refusing(tt.status, tt.code, tt.description)}, &localSigner{}
			access, err := okta.New(config(e, s))
			require.NoError(t, err)
			_, err = access.Token(t.Context())
			var failed *exchange.Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, exchange.StageExchange, failed.Stage)
			assert.Equal(t, "acme.okta.com", failed.Service)
			assert.Equal(t, tt.status, failed.StatusCode)
			assert.Equal(t, tt.code, failed.Code)
			assert.Equal(t, tt.description, failed.Description)
			assert.Equal(t, "reqAbC-123", failed.RequestID)
			assert.Equal(t, 1, e.requests(), "a refusal is final")
			if tt.cause == "" {
				assert.Empty(t, failed.Causes)
			} else {
				require.Len(t, failed.Causes, 1)
				assert.Equal(t, tt.cause, failed.Causes[0].ID)
				assert.NotEmpty(t, failed.Causes[0].Action)
			}
			assertNoSecret(t, err, s.signed...)
		})
	}
}

// Okta takes an assertion once: one whose answer was lost has been used.
func TestEachRequestHasAnAssertionOfItsOwn(t *testing.T) {
	for name, answer := range map[string]func(n int) (int, http.Header, string){
		"overloaded": refusing(http.StatusServiceUnavailable, "temporarily_unavailable", ""),
		"throttled":  refusing(http.StatusTooManyRequests, "too_many_requests", ""),
		"cut":        func(int) (int, http.Header, string) { return 0, nil, "" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, s := &endpoint{answer: answer}, &localSigner{}
				access, err := okta.New(config(e, s))
				require.NoError(t, err)
				_, err = access.Token(t.Context())
				var failed *exchange.Error
				require.ErrorAs(t, err, &failed)
				assert.True(t, failed.Retryable())
				assert.Equal(t, 3, e.requests())
				seen := map[any]bool{}
				for _, form := range e.forms {
					seen[decoded(t, form.Get("client_assertion"))["jti"]] = true
				}
				assert.Len(t, seen, 3)
				assertNoSecret(t, err, s.signed...)
			})
		})
	}
}

// An answer that repeats what it was sent gives nothing away.
func TestWhatOktaRepeatsIsScrubbed(t *testing.T) {
	s := &localSigner{}
	e := &endpoint{}
	e.answer = func(int) (int, http.Header, string) {
		return refusing(401, "invalid_client", "bad assertion: "+s.signed[0])(1)
	}
	access, err := okta.New(config(e, s))
	require.NoError(t, err)
	_, err = access.Token(t.Context())
	require.Error(t, err)
	assert.ErrorContains(t, err, "bad assertion: [redacted]")
	assertNoSecret(t, err, s.signed...)
}

func TestTheTokenIsKeptAndTheContextGoverns(t *testing.T) {
	e := &endpoint{}
	access, err := okta.New(config(e, &localSigner{}))
	require.NoError(t, err)
	source := access.TokenSource()
	for range 5 {
		token, err := source.Token()
		require.NoError(t, err)
		assert.Equal(t, "okta-access-token-0001", token.AccessToken)
	}
	assert.Equal(t, 1, e.requests())

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = access.Token(ctx)
	var failed *exchange.Error
	require.ErrorAs(t, err, &failed)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 1, e.requests())
}
