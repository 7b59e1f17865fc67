package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/oauth"
	"github.com/cioidc/cioidc/internal/fakeissuer"
	"github.com/cioidc/cioidc/internal/peek"
)

func TestRequestsPerRefusal(t *testing.T) {
	for name, tt := range map[string]struct {
		endpoint  *endpoint
		requests  int
		retryable bool
	}{
		"invalid_grant":      {answering(400, `{"error":"invalid_grant"}`), 1, false},
		"401":                {answering(401, `{"error":"invalid_client"}`), 1, false},
		"403":                {answering(403, `{"errors":["permission denied"]}`), 1, false},
		"404":                {answering(404, ``), 1, false},
		"408":                {answering(408, ``), 1, false},
		"unusable success":   {answering(200, `{}`), 1, false},
		"redirect":           {answering(302, ``), 1, false},
		"429":                {answering(429, `{"error":"slow_down"}`), 3, true},
		"500":                {answering(500, ``), 3, true},
		"503":                {answering(503, `{"errors":["Vault is sealed"]}`), 3, true},
		"refused connection": {&endpoint{err: syscall.ECONNREFUSED}, 3, true},
		"reset":              {&endpoint{err: syscall.ECONNRESET}, 3, true},
		"cut":                {&endpoint{err: io.ErrUnexpectedEOF}, 3, true},
		"other failure":      {&endpoint{err: errors.New("tls: certificate is not trusted")}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSource(t)
				failed := fail(t, config(s, tt.endpoint), s)
				assert.Equal(t, exchange.StageExchange, failed.Stage)
				assert.Equal(t, "sts.example", failed.Service)
				assert.Equal(t, tt.requests, tt.endpoint.count())
				assert.Equal(t, tt.retryable, failed.Retryable())
				assert.Len(t, s.tokens, 1, "the token is got once for each exchange")
			})
		})
	}
}

func TestShapesOfErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		body, code, description string
	}{
		"RFC 6749":            {`{"error":"invalid_grant","error_description":"no"}`, "invalid_grant", "no"},
		"Vault":               {`{"errors":["error validating token: x","y"]}`, "", "error validating token: x"},
		"npm":                 {`{"message":"not found"}`, "", "not found"},
		"PyPI":                {`{"message":"Token request failed","errors":[{"code":"invalid-token","description":"malformed"}]}`, "invalid-token", "malformed"},
		"JFrog":               {`{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}`, "UNAUTHORIZED", "no"},
		"Databricks":          {`{"error_code":"PERMISSION_DENIED","message":"no"}`, "PERMISSION_DENIED", "no"},
		"Cloudsmith":          {`{"detail":"no"}`, "", "no"},
		"nested":              {`{"error":{"code":400,"message":"no","status":"INVALID"}}`, "400", "no"},
		"AADSTS":              {`{"error":"invalid_request","error_description":"AADSTS900023: Specified tenant is neither a valid DNS name"}`, "AADSTS900023", "AADSTS900023: Specified tenant is neither a valid DNS name"},
		"AADSTS, its trace":   {`{"error":"invalid_client","error_description":"AADSTS700213: No matching record.\r\nTrace ID: t\r\nTimestamp: z","trace_id":"t"}`, "AADSTS700213", "AADSTS700213: No matching record."},
		"definition":          {`{"error":"invalid_grant","error_description":"` + definition + `"}`, "invalid_grant", definition},
		"definition and hint": {`{"error":"invalid_grant","error_description":"` + definition + ` The JWT expired."}`, "invalid_grant", "The JWT expired."},
		"AADSTS within":       {`{"error":"invalid_request","error_description":"see AADSTS900023"}`, "invalid_request", "see AADSTS900023"},
		"empty errors":        {`{"errors":[],"message":"m"}`, "", "m"},
		"lines and controls":  {`{"error":"a\nb","error_description":"c\r\n\u001b[31md"}`, "a b", "c   [31md"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSource(t)
			failed := fail(t, config(s, answering(400, tt.body)), s)
			assert.Equal(t, tt.code, failed.Code)
			assert.Equal(t, tt.description, failed.Description)
			assert.NoError(t, failed.Err)
		})
	}
	t.Run("its own paths", func(t *testing.T) {
		s := newSource(t)
		cfg := config(s, answering(400, `{"error":"x","problem":{"kind":"k","words":["w0","w1"]}}`))
		cfg.Response.ErrorPath, cfg.Response.MessagePath = "problem.kind", "problem.words.1"
		failed := fail(t, cfg, s)
		assert.Equal(t, "k", failed.Code)
		assert.Equal(t, "w1", failed.Description)
	})
	for name, tt := range map[string]struct{ body, kind, words string }{
		"empty":       {"", "", "the answer is empty"},
		"a page":      {"<html>login</html>", "text/html; charset=utf-8", "the answer (text/html) is not an error of a known shape"},
		"a list":      {`["x"]`, "application/json", "the answer (application/json) is not an error of a known shape"},
		"two objects": {`{"error":"a"}{"error":"b"}`, "", "the answer (of no known type) is not an error"},
		"other names": {`{"a":1}`, "application/json", "is not an error of a known shape: check TokenURL"},
		"deep nulls":  {`{"error":null,"errors":null,"message":null}`, "application/json", "is not an error of a known shape"},
	} {
		t.Run(name, func(t *testing.T) {
			s, e := newSource(t), answering(400, tt.body)
			e.header = http.Header{"Content-Type": {tt.kind}}
			failed := fail(t, config(s, e), s)
			assert.Empty(t, failed.Code)
			assert.ErrorContains(t, failed.Err, tt.words)
		})
	}
}

// definition is RFC 6749's, of invalid_grant.
const definition = "The provided authorization grant (e.g., authorization code, resource owner credentials) or refresh token is invalid, expired, revoked, " +
	"does not match the redirection URI used in the authorization request, or was issued to another client."

func TestRequestIDIsKept(t *testing.T) {
	s, e := newSource(t), answering(400, `{"error":"invalid_grant"}`)
	e.header = http.Header{"X-Request-Id": {"r-1"}}
	assert.Equal(t, "r-1", fail(t, config(s, e), s).RequestID)
	e.body = `{"error":"invalid_grant","trace_id":"t-1"}`
	assert.Equal(t, "t-1", fail(t, config(s, e), s).RequestID)
}

func TestRedirectIsNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		s, e := newSource(t), answering(status, "")
		e.header = http.Header{"Location": {"https://sts.example/elsewhere"}}
		cfg := config(s, e)
		cfg.HTTPClient.CheckRedirect = func(*http.Request, []*http.Request) error { return nil }
		failed := fail(t, cfg, s)
		assert.ErrorContains(t, failed, "the token endpoint redirects elsewhere: set TokenURL")
		assert.Equal(t, status, failed.StatusCode)
		assert.Equal(t, 1, e.count())
	}
}

// The endpoint, or a transport, may repeat what it was sent.
func TestSecretsAreScrubbedFromWhatComesBack(t *testing.T) {
	const assertion = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJjbGllbnQtd2l0aC1hLWxvbmctbmFtZSJ9.c2lnbmF0dXJlLW9mLXRoaXM"
	bodies := map[string]func(sent string) string{
		"description": func(sent string) string {
			return `{"error":"invalid_grant","error_description":"bad request ` + sent + ` there"}`
		},
		"code":  func(sent string) string { return `{"error":"` + sent + `"}` },
		"trace": func(sent string) string { return `{"error":"x","trace_id":"` + sent + `"}` },
		"list":  func(sent string) string { return `{"errors":["` + sent + `"]}` },
		"page":  func(sent string) string { return "<p>" + sent },
		"200":   func(sent string) string { return `{"access_token":1,"x":"` + sent + `"}` },
	}
	for name, body := range bodies {
		for what, pick := range map[string]func(*source) string{
			"token":  (*source).last,
			"part":   func(s *source) string { return s.last()[40:90] },
			"secret": func(*source) string { return secret },
			"form":   func(*source) string { return url.QueryEscape(secret) },
			"assert": func(*source) string { return assertion },
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				s := newSource(t)
				e := answering(400, "")
				if name == "200" {
					e.status = 200
				}
				cfg := config(s, e)
				cfg.ClientID = "client"
				if what == "assert" {
					cfg.ClientAuth, cfg.ClientAssertion = oauth.ClientAuthAssertion, func(context.Context) (string, error) { return assertion, nil }
				} else {
					cfg.ClientAuth, cfg.ClientSecret = oauth.ClientAuthPost, secret
				}
				cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
					e.mu.Lock()
					e.body = body(pick(s))
					e.header = http.Header{"Content-Type": {"text/" + pick(s)}, "X-Request-Id": {pick(s)}}
					e.mu.Unlock()
					return e.RoundTrip(r)
				})}
				failed := fail(t, cfg, s)
				text := fmt.Sprintf("%+v %v", failed, failed.LogValue())
				assert.NotContains(t, text, assertion[40:60])
				assert.NotContains(t, text, url.QueryEscape(secret))
			})
		}
	}
	t.Run("transport", func(t *testing.T) {
		s := newSource(t)
		cause := errors.New("cause")
		cfg := config(s, answering(200, success))
		cfg.ClientAuth, cfg.ClientID, cfg.ClientSecret = oauth.ClientAuthBasic, "client", secret
		var basic string
		cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			body, _ := io.ReadAll(r.Body)
			basic = r.Header.Get("Authorization")
			return nil, fmt.Errorf("%w: %s %s", cause, body, basic)
		})}
		failed := fail(t, cfg, s)
		assert.ErrorIs(t, failed, cause)
		assert.NotContains(t, failed.Error(), strings.TrimPrefix(basic, "Basic "))
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestOversizedAnswerIsRefused(t *testing.T) {
	s, e := newSource(t), answering(200, `{"access_token":"`+strings.Repeat("a", 1<<20)+`"}`)
	assert.ErrorContains(t, fail(t, config(s, e), s), "body too large")
	assert.Equal(t, 1, e.count())
}

func TestWhatIsNotATokenIsNotSent(t *testing.T) {
	for name, tt := range map[string]struct{ raw, words string }{
		"nothing":        {"", "not a JWT"},
		"another secret": {"glcbt-64_a-job-token-of-gitlab", "not a JWT"},
		"truncated":      {"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIn0", "not a JWT"},
		"unexpanded":     {"$CIRCLE_OIDC_TOKEN", "not a JWT"},
		"line break":     {jobToken + "\n", "ends in a line break"},
	} {
		t.Run(name, func(t *testing.T) {
			s, e := &source{mint: func(string) string { return tt.raw }}, answering(200, success)
			failed := fail(t, config(s, e), nil)
			assert.Equal(t, exchange.StageSource, failed.Stage)
			assert.ErrorContains(t, failed, tt.words)
			if tt.raw != "" {
				assert.NotContains(t, failed.Error(), strings.TrimSpace(tt.raw))
			}
			assert.Zero(t, e.count())
		})
	}
}

func TestLongExpiredTokenIsNotSent(t *testing.T) {
	for _, tt := range []struct {
		ago      time.Duration
		requests int
	}{{5 * time.Minute, 1}, {11 * time.Minute, 0}} {
		exp := time.Now().Add(-tt.ago)
		s, e := newSource(t, func(c fakeissuer.Claims) { c["exp"] = exp.Unix() }), answering(400, `{"error":"invalid_grant"}`)
		failed := fail(t, config(s, e), s)
		assert.Equal(t, tt.requests, e.count())
		if tt.requests == 0 {
			assert.Equal(t, exchange.StageSource, failed.Stage)
			at := exp.UTC().Format(time.RFC3339)
			assert.ErrorContains(t, failed, "exchange: sts.example: no CI token: the source's token expired at "+at+", and was not sent: cause: the token expired 11m")
			require.Len(t, failed.Causes, 1)
			assert.Equal(t, "token-expired", failed.Causes[0].ID)
			assert.True(t, failed.Causes[0].Certain)
			assert.Equal(t, []exchange.Evidence{{Name: "exp", Token: at}}, failed.Causes[0].Evidence)
			assert.Contains(t, failed.Causes[0].Action, "earlier in the job")
		}
	}
}

func TestFailuresOfTheSource(t *testing.T) {
	none := errors.New("no token for that audience")
	for name, tt := range map[string]struct {
		source exchange.TokenSource
		is     error
		words  string
	}{
		"its error": {exchange.TokenSourceFunc(func(context.Context, string) (string, error) { return "", none }), none, "no token for that audience"},
		"a panic":   {exchange.TokenSourceFunc(func(context.Context, string) (string, error) { panic("a secret") }), nil, "panicked with a value of type string"},
	} {
		t.Run(name, func(t *testing.T) {
			e := answering(200, success)
			failed := fail(t, config(tt.source, e), nil)
			assert.Equal(t, exchange.StageSource, failed.Stage)
			if tt.is != nil {
				assert.ErrorIs(t, failed, tt.is)
			}
			assert.ErrorContains(t, failed, tt.words)
			assert.NotContains(t, failed.Error(), "secret")
			assert.Zero(t, e.count())
		})
	}
	for name, f := range map[string]func(context.Context) (string, error){
		"its error": func(context.Context) (string, error) { return "", none },
		"a panic":   func(context.Context) (string, error) { panic("a secret") },
		"no JWT":    func(context.Context) (string, error) { return "a-secret-that-is-no-JWT", nil },
		"a header":  func(context.Context) (string, error) { return "a.b.c\r\nd", nil },
	} {
		t.Run("client assertion/"+name, func(t *testing.T) {
			e := answering(200, success)
			cfg := oauth.Config{TokenURL: tokenURL, Grant: oauth.ClientCredentials, ClientAssertion: f, HTTPClient: e.client()}
			failed := fail(t, cfg, nil)
			assert.Equal(t, exchange.StageSign, failed.Stage)
			assert.NotContains(t, failed.Error(), "secret")
			assert.Zero(t, e.count())
		})
	}
}

func TestTimeIsBounded(t *testing.T) {
	hang := exchange.TokenSourceFunc(func(ctx context.Context, _ string) (string, error) { <-ctx.Done(); return "", ctx.Err() })
	blackHole := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})}
	for name, tt := range map[string]struct {
		timeout, want time.Duration
		edit          func(*oauth.Config)
	}{
		"source":            {0, 10 * time.Second, func(c *oauth.Config) { c.Source = hang }},
		"source, its own":   {3 * time.Second, 3 * time.Second, func(c *oauth.Config) { c.Source = hang }},
		"endpoint":          {0, 10 * time.Second, func(c *oauth.Config) { c.HTTPClient = blackHole }},
		"endpoint, its own": {time.Second, time.Second, func(c *oauth.Config) { c.HTTPClient = blackHole }},
		"the client's, less": {0, 3 * (2 * time.Second), func(c *oauth.Config) {
			c.HTTPClient = &http.Client{Transport: blackHole.Transport, Timeout: 2 * time.Second}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := config(&fixed{}, answering(200, success))
				cfg.Timeout = tt.timeout
				tt.edit(&cfg)
				begun := time.Now()
				failed := fail(t, cfg, nil)
				assert.ErrorIs(t, failed, context.DeadlineExceeded)
				assert.True(t, failed.Stage == exchange.StageSource || failed.Retryable())
				if took := time.Since(begun); name == "the client's, less" {
					assert.Less(t, took, 8*time.Second)
					assert.Greater(t, took, 6*time.Second)
				} else {
					assert.Equal(t, tt.want, took)
				}
			})
		})
	}
}

func TestEndedContextSendsNothing(t *testing.T) {
	s, e := newSource(t), answering(200, success)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := config(s, e).Token(ctx)
	var failed *exchange.Error
	require.ErrorAs(t, err, &failed)
	assert.ErrorIs(t, err, context.Canceled)
	assert.False(t, failed.Retryable())
	assert.Empty(t, s.tokens)
	assert.Zero(t, e.count())
}

// seconds are the causes that cannot be told from another one.
var seconds = map[string]string{
	"entra-credential": "entra-new-credential", "entra-application": "entra-tenant", "npm-publisher": "npm-package",
}

// What each cause needs to be told, and what it tells.
func TestCauses(t *testing.T) {
	for name, tt := range map[string]struct {
		status   int
		body     string
		id       string
		evidence string // name of one that the token fills; empty: none
	}{
		"Entra issuer":      {401, aadsts("AADSTS700211"), "entra-issuer", "iss"},
		"Entra audience":    {401, aadsts("AADSTS700212"), "entra-audience", "aud"},
		"Entra subject":     {401, aadsts("AADSTS700213"), "entra-subject", "sub"},
		"Entra, older":      {400, aadsts("AADSTS70021"), "entra-credential", "iss"},
		"Entra application": {400, aadsts("AADSTS700016"), "entra-application", ""},
		"Vault audience":    {400, vault("error validating token: invalid audience (aud) claim: audience claim does not match any expected audience"), "vault-audience", "aud"},
		"Vault issuer":      {400, vault("error validating token: invalid issuer (iss) claim"), "vault-issuer", "iss"},
		"Vault expiry":      {400, vault("error validating token: invalid expiration time (exp) claim: token is expired"), "vault-expired", "exp"},
		"Vault claim":       {400, vault(`error validating claims: claim \"ref_protected\" does not match any associated bound claim values`), "vault-claim", "ref_protected"},
		"Vault, a person":   {400, vault(`error validating claims: claim \"user_login\" does not match any associated bound claim values`), "vault-claim", ""},
		"Vault, no claim":   {400, vault(`error validating claims: claim \"a\" is missing`), "vault-claim-missing", ""},
		"Vault signature":   {400, vault("error validating token: error verifying token signature: failed to verify id token signature"), "vault-signature", "iss"},
		"Vault, no keys":    {400, vault("error validating token: error verifying token signature: fetching keys oidc: get keys failed: 503 Service Unavailable"), "vault-keys", "iss"},
		"Vault role":        {400, vault(`role \"deploy\" could not be found`), "vault-role", ""},
		"Vault mount":       {403, vault("permission denied"), "", ""},
		"PyPI publisher":    {422, `{"errors":[{"code":"invalid-publisher","description":"d"}]}`, "pypi-publisher", "sub"},
		"npm publisher":     {404, `{"message":"OIDC token exchange error - package not found"}`, "npm-publisher", "sub"},
		"client":            {401, `{"error":"invalid_client"}`, "oauth-client", "sub"},
		"grant":             {400, `{"error":"unsupported_grant_type"}`, "oauth-grant", ""},
		"scope":             {400, `{"error":"invalid_scope"}`, "oauth-scope", ""},
		"target":            {400, `{"error":"invalid_target"}`, "oauth-target", ""},
		"unknown":           {400, `{"error":"invalid_grant","error_description":"no"}`, "", ""},
		"another 404":       {404, `{"message":"not here"}`, "", ""},
		// What Okta says too, said by somebody else.
		"another's DPoP":   {400, `{"error":"invalid_dpop_proof","error_description":"no"}`, "", ""},
		"another's policy": {400, `{"error":"access_denied","error_description":"Policy evaluation failed"}`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSource(t)
			failed := fail(t, config(s, answering(tt.status, tt.body)), s)
			if tt.id == "" {
				assert.Empty(t, failed.Causes)
				return
			}
			if other := seconds[tt.id]; other != "" {
				require.Len(t, failed.Causes, 2)
				assert.Equal(t, other, failed.Causes[1].ID)
				assert.ErrorContains(t, failed, "cannot tell which of 2 causes")
			} else {
				require.Len(t, failed.Causes, 1)
			}
			c := failed.Causes[0]
			assert.Equal(t, tt.id, c.ID)
			assert.NotEmpty(t, c.Summary)
			assert.NotEmpty(t, c.Action)
			if name == "Vault, a person" {
				assert.Empty(t, c.Evidence, "neither shown nor said to be absent")
			}
			if tt.evidence == "" {
				return
			}
			said, err := peek.Parse(s.last())
			require.NoError(t, err)
			want := map[string]string{
				"iss": said.Issuer, "sub": said.Subject, "aud": audience, "ref_protected": "true",
				"exp": said.ExpiresAt.Time().UTC().Format(time.RFC3339),
			}[tt.evidence]
			var got []string
			for _, e := range c.Evidence {
				if e.Name == tt.evidence {
					got = append(got, e.Token)
				}
			}
			assert.Equal(t, []string{want}, got)
		})
	}
}

// Where no CI token was sent, none has expired.
func TestNoTokenIsSaidToHaveExpired(t *testing.T) {
	e := answering(400, `{"error":"invalid_request","error_description":"client assertion token is expired"}`)
	cfg := config(nil, e)
	cfg.Source, cfg.SourceAudience, cfg.Grant, cfg.ClientID = nil, "", oauth.ClientCredentials, "id"
	cfg.ClientAssertion = someAssertion
	_, err := cfg.Token(t.Context())
	var failed *exchange.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, 400, failed.StatusCode)
	assert.Empty(t, failed.Causes)
}

func aadsts(code string) string {
	return `{"error":"invalid_client","error_description":"` + code + `: text. Trace ID: t"}`
}

func vault(text string) string { return `{"errors":["` + text + `"]}` }
