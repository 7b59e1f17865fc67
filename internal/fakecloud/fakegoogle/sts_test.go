package fakegoogle_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

func TestTokenIsIssuedForBothDefaultAudiences(t *testing.T) {
	w := newWorld(t)
	for _, aud := range []string{w.forGitLab.Name(), "https:" + w.forGitLab.Name()} {
		a := w.exchange(t, w.form(w.forGitLab, w.gitlab.GitLab(aud)))
		require.Equal(t, http.StatusOK, a.status, a.body)
		assert.Equal(t, "Bearer", a.body["token_type"])
		assert.Equal(t, "urn:ietf:params:oauth:token-type:access_token", a.body["issued_token_type"])
		assert.EqualValues(t, 3600, a.body["expires_in"])
		assert.True(t, strings.HasPrefix(a.body["access_token"].(string), "ya29.d."))
	}
	assert.Equal(t, 2, w.cloud.Requests(fakegoogle.Token))
}

func TestConfiguredAudiencesReplaceTheDefaultOnes(t *testing.T) {
	w := newWorld(t)
	a := w.exchange(t, w.form(w.forCircleCI, w.circleci.CircleCI("")))
	require.Equal(t, http.StatusOK, a.status, a.body)
	a = w.exchange(t, w.form(w.forCircleCI, w.circleci.CircleCI("https:"+w.forCircleCI.Name())))
	assert.Equal(t, map[string]any{
		"error":             "invalid_grant",
		"error_description": "The audience in ID Token [https:" + w.forCircleCI.Name() + "] does not match the expected audience " + fakeissuer.CircleCIOrganizationID + ".",
	}, a.body)
}

func TestTokenIsRefused(t *testing.T) {
	const (
		badAudience = `Invalid value for "audience". This value should be the full resource name of the Identity Provider. See https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token for the list of possible formats.`
		badTarget   = `The target service indicated by the "audience" parameters is invalid. This might either be because the pool or provider is disabled or deleted or because it doesn't exist.`
		tooLong     = "The size of mapped attribute google.subject exceeds the 127 bytes limit. Either modify your attribute mapping or the incoming assertion to produce a mapped attribute that is less than 127 bytes."
	)
	set := func(name, value string) func(url.Values) { return func(f url.Values) { f.Set(name, value) } }
	tests := map[string]struct {
		token       []func(fakeissuer.Claims)
		form        func(url.Values)
		config      func(*fakegoogle.Config)
		code, words string
	}{
		"another grant type":     {form: set("grant_type", "client_credentials"), code: "unsupported_grant_type", words: `Invalid value for "grant_type".`},
		"another requested type": {form: set("requested_token_type", "urn:ietf:params:oauth:token-type:id_token"), code: "invalid_request", words: `Invalid value for "requested_token_type".`},
		"another subject type":   {form: set("subject_token_type", "urn:ietf:params:oauth:token-type:saml2"), code: "invalid_request", words: `Invalid value for "subject_token_type".`},
		"no scope":               {form: func(f url.Values) { f.Del("scope") }, code: "invalid_scope", words: `Invalid value for "scope".`},
		"audience with a scheme": {form: func(f url.Values) { f.Set("audience", "https:"+f.Get("audience")) }, code: "invalid_request", words: badAudience},
		"a pool":                 {form: func(f url.Values) { f.Set("audience", strings.TrimSuffix(f.Get("audience"), "/providers/gitlab")) }, code: "invalid_request", words: badAudience},
		"a project ID": {form: func(f url.Values) {
			f.Set("audience", strings.Replace(f.Get("audience"), "123456789012", "shop-prod", 1))
		}, code: "invalid_target", words: badTarget},
		"an unknown provider":         {form: func(f url.Values) { f.Set("audience", f.Get("audience")+"x") }, code: "invalid_target", words: badTarget},
		"a disabled provider":         {config: func(c *fakegoogle.Config) { c.Providers[0].Disabled = true }, code: "invalid_target", words: badTarget},
		"no JWT":                      {form: set("subject_token", "hello"), code: "invalid_grant", words: "Unable to parse the provided JWT."},
		"another issuer":              {token: []func(fakeissuer.Claims){claim("iss", "https://gitlab.example.com")}, code: "invalid_grant", words: "The issuer in ID Token https://gitlab.example.com does not match the expected ones: https://gitlab.com"},
		"a slash after the issuer":    {token: []func(fakeissuer.Claims){claim("iss", "https://gitlab.com/")}, code: "invalid_grant", words: "The issuer in ID Token https://gitlab.com/ does not match the expected ones: https://gitlab.com"},
		"another audience":            {token: []func(fakeissuer.Claims){claim("aud", "sts.amazonaws.com")}, code: "invalid_grant", words: "The audience in ID Token [sts.amazonaws.com] does not match the expected audience."},
		"issued ahead":                {token: []func(fakeissuer.Claims){fakeissuer.NotYet}, code: "invalid_grant", words: "is not valid yet."},
		"no iat":                      {token: []func(fakeissuer.Claims){without("iat")}, code: "invalid_grant", words: "The ID Token has no valid iat claim."},
		"no exp":                      {token: []func(fakeissuer.Claims){without("exp")}, code: "invalid_grant", words: "The ID Token has no valid exp claim."},
		"valid for 24 h and a second": {token: []func(fakeissuer.Claims){fakeissuer.Lifetime(24*time.Hour + time.Second)}, code: "invalid_grant", words: "The ID Token is valid for more than 24 hours."},
		"no subject":                  {token: []func(fakeissuer.Claims){without("sub")}, code: "unauthorized_client", words: "Could not obtain a value for google.subject from the given credential."},
		"an empty subject":            {token: []func(fakeissuer.Claims){claim("sub", "")}, code: "unauthorized_client", words: "Could not obtain a value for google.subject from the given credential."},
		"a number for subject":        {config: func(c *fakegoogle.Config) { c.Providers[0].Subject = "runner_id" }, code: "unauthorized_client", words: "The mapped attribute 'google.subject' must be of type STRING."},
		"a subject of 128 bytes":      {token: []func(fakeissuer.Claims){claim("sub", strings.Repeat("s", 128))}, code: "invalid_request", words: tooLong},
		"a number for attribute":      {config: func(c *fakegoogle.Config) { c.Providers[0].Attributes["runner"] = "runner_id" }, code: "unauthorized_client", words: "The mapped attribute 'attribute.runner' must be of type STRING."},
		"a required claim differs":    {token: []func(fakeissuer.Claims){claim("namespace_id", "1")}, code: "unauthorized_client", words: "The given credential is rejected by the attribute condition."},
		"a required claim is absent":  {token: []func(fakeissuer.Claims){without("namespace_id")}, code: "unauthorized_client", words: "The given credential is rejected by the attribute condition."},
		"the condition is false": {
			config: func(c *fakegoogle.Config) {
				c.Providers[0].Condition = func(claims map[string]any) bool { return claims["ref_protected"] == true }
			},
			code: "unauthorized_client", words: "The given credential is rejected by the attribute condition.",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var edits []func(*fakegoogle.Config)
			if tt.config != nil {
				edits = append(edits, tt.config)
			}
			w := newWorld(t, edits...)
			form := w.form(w.forGitLab, w.gitlab.GitLab("https:"+w.forGitLab.Name(), tt.token...))
			if tt.form != nil {
				tt.form(form)
			}
			a := w.exchange(t, form)
			assert.Equal(t, http.StatusBadRequest, a.status)
			assert.Equal(t, tt.code, a.body["error"], a.body)
			assert.Contains(t, a.body["error_description"], tt.words)
			assert.NotContains(t, a.body, "access_token")
		})
	}
}

func TestSubjectOf127BytesIsAccepted(t *testing.T) {
	w := newWorld(t, func(c *fakegoogle.Config) { c.Providers[1].AllowedAudiences = nil })
	sub := "org/" + fakeissuer.CircleCIOrganizationID + "/project/" + fakeissuer.CircleCIProjectID + "/user/" + fakeissuer.CircleCIUserID
	require.Len(t, sub, 127)
	aud := w.forCircleCI.Name()
	a := w.exchange(t, w.form(w.forCircleCI, w.circleci.CircleCI(aud)))
	assert.Equal(t, http.StatusOK, a.status, a.body)
	a = w.exchange(t, w.form(w.forCircleCI, w.circleci.CircleCI(aud, fakeissuer.SubjectV2)))
	assert.Equal(t, "invalid_request", a.body["error"])
}

func TestExpiredTokenIsStale(t *testing.T) {
	w := newWorld(t)
	a := w.exchange(t, w.form(w.forGitLab, w.gitlab.GitLab("https:"+w.forGitLab.Name(), fakeissuer.Expired)))
	assert.Equal(t, "invalid_grant", a.body["error"])
	assert.Regexp(t, `^ID Token issued at \d+ is stale to sign-in\.$`, a.body["error_description"])
}

func TestTamperedTokenIsRefused(t *testing.T) {
	w := newWorld(t)
	good := w.gitlab.GitLab("https:" + w.forGitLab.Name())
	other := w.gitlab.GitLab("https:"+w.forGitLab.Name(), claim("namespace_id", "1"))
	a, b := strings.Split(good, "."), strings.Split(other, ".")
	got := w.exchange(t, w.form(w.forGitLab, b[0]+"."+a[1]+"."+b[2]))
	assert.Equal(t, "invalid_grant", got.body["error"])
	assert.Equal(t, "The signature of the ID Token is not valid.", got.body["error_description"])
}

func TestTokenWithoutKeyIDIsRefused(t *testing.T) {
	w := newWorld(t)
	good := w.gitlab.GitLab("https:" + w.forGitLab.Name())
	payload := strings.Split(good, ".")[1]
	a := w.exchange(t, w.form(w.forGitLab, "eyJhbGciOiJSUzI1NiJ9."+payload+".AAAA"))
	assert.Equal(t, "Unable to parse the provided JWT.", a.body["error_description"])
}

func TestUnreachableIssuerIsNamedAsSuch(t *testing.T) {
	w := newWorld(t)
	raw := w.gitlab.GitLab("https:" + w.forGitLab.Name())
	w.gitlab.Fail(http.StatusServiceUnavailable)
	a := w.exchange(t, w.form(w.forGitLab, raw))
	assert.Equal(t, "invalid_grant", a.body["error"])
	assert.Equal(t, "Error connecting to the given credential's issuer.", a.body["error_description"])
}

func TestUnexpectedIssuerIsNeverConnectedTo(t *testing.T) {
	w := newWorld(t)
	w.exchange(t, w.form(w.forGitLab, w.circleci.CircleCI("https:"+w.forGitLab.Name())))
	assert.Zero(t, w.circleci.Requests())
}

func TestTokenInTheURLDoesNotCount(t *testing.T) {
	w := newWorld(t)
	form := w.form(w.forGitLab, w.gitlab.GitLab("https:"+w.forGitLab.Name()))
	a := w.send(t, http.MethodPost, "/v1/token?"+form.Encode(), "", "application/x-www-form-urlencoded", "")
	assert.Equal(t, http.StatusBadRequest, a.status)
	a = w.send(t, http.MethodPost, "/v1/token", "", "text/plain", form.Encode())
	assert.Equal(t, "The request body is not a form.", a.body["error_description"])
}

func TestIntrospect(t *testing.T) {
	w := newWorld(t)
	token := w.federated(t)
	a := w.send(t, http.MethodPost, "/v1/introspect", "", "application/x-www-form-urlencoded", url.Values{"token": {token}}.Encode())
	assert.Equal(t, true, a.body["active"])
	assert.Equal(t, w.forGitLab.Principal(gitLabSubject), a.body["username"])
	a = w.send(t, http.MethodPost, "/v1/introspect", "", "application/x-www-form-urlencoded", url.Values{"token": {token + "x"}}.Encode())
	assert.Equal(t, map[string]any{"active": false}, a.body)
	assert.Equal(t, 2, w.cloud.Requests(fakegoogle.Introspect))
}

func TestConfigThatGoogleWouldNotAcceptIsRefused(t *testing.T) {
	good := fakegoogle.Provider{Project: "1", Pool: "ci", ID: "gitlab", IssuerURI: "https://gitlab.com"}
	edited := func(f func(*fakegoogle.Provider)) fakegoogle.Config {
		p := good
		f(&p)
		return fakegoogle.Config{Providers: []fakegoogle.Provider{p}}
	}
	tests := map[string]struct {
		cfg   fakegoogle.Config
		words string
	}{
		"project ID":     {edited(func(p *fakegoogle.Provider) { p.Project = "shop" }), "not a resource name"},
		"no issuer":      {edited(func(p *fakegoogle.Provider) { p.IssuerURI = "" }), "no issuer"},
		"11 audiences":   {edited(func(p *fakegoogle.Provider) { p.AllowedAudiences = make([]string, 11) }), "more than 10"},
		"long audience":  {edited(func(p *fakegoogle.Provider) { p.AllowedAudiences = []string{strings.Repeat("a", 257)} }), "257 bytes"},
		"attribute name": {edited(func(p *fakegoogle.Provider) { p.Attributes = map[string]string{"project-id": "x"} }), "Invalid mapped attribute key"},
		"two providers":  {fakegoogle.Config{Providers: []fakegoogle.Provider{good, good}}, "two providers"},
		"two accounts":   {fakegoogle.Config{ServiceAccounts: []fakegoogle.ServiceAccount{{Email: relay}, {Email: relay}}}, "doubled"},
		"unnamed bucket": {fakegoogle.Config{Buckets: []fakegoogle.Bucket{{}}}, "unnamed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := fakegoogle.New(tt.cfg)
			assert.ErrorContains(t, err, tt.words)
		})
	}
}

func claim(name string, value any) func(fakeissuer.Claims) {
	return func(c fakeissuer.Claims) { c[name] = value }
}

func without(name string) func(fakeissuer.Claims) {
	return func(c fakeissuer.Claims) { delete(c, name) }
}
