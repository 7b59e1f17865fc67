package googlests_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// fail exchanges once and returns the error, which must not hold the token.
func (w *world) fail(t *testing.T, cfg googlests.Config) *exchange.Error {
	t.Helper()
	creds, err := googlests.Credentials(cfg)
	require.NoError(t, err)
	_, err = creds.Token(t.Context())
	var failed *exchange.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "google", failed.Service)
	assertNoSecret(t, err, w.source.tokens...)
	return failed
}

func TestRefusalIsTypedAndExplained(t *testing.T) {
	long := strings.Repeat("b", 70)
	tests := map[string]struct {
		mint     func(*world, string) string // nil: a good GitLab token
		edit     func(*googlests.Config)
		cloud    func(*fakegoogle.Config)
		code     string
		words    string
		cause    string
		certain  bool
		evidence []exchange.Evidence
		action   string
		line     string
	}{
		"token for another audience": {
			mint: func(w *world, _ string) string { return w.gitlab.GitLab("sts.amazonaws.com") },
			code: "invalid_grant", words: "The audience in ID Token [sts.amazonaws.com] does not match the expected audience.",
			cause: "google-audience", certain: true,
			evidence: []exchange.Evidence{{Name: "aud", Token: "sts.amazonaws.com", Configured: "https:" + gitLabProvider}},
			action:   `give the job a token for the audience "https:` + gitLabProvider + `"`,
		},
		"default audience at a provider with its own": {
			cloud: func(c *fakegoogle.Config) { c.Providers[0].AllowedAudiences = []string{"https://deploy.example"} },
			code:  "invalid_grant", words: "does not match the expected audience https://deploy.example.",
			cause: "google-audience", certain: true,
			evidence: []exchange.Evidence{{Name: "aud", Token: "https:" + gitLabProvider, Configured: "https:" + gitLabProvider}},
			action:   "set Config.Audience to one of the provider's allowed audiences",
		},
		"own audience at a provider without": {
			edit: func(c *googlests.Config) { c.Audience = "https://deploy.example" },
			code: "invalid_grant", words: "The audience in ID Token [https://deploy.example]",
			cause: "google-audience", certain: true,
			evidence: []exchange.Evidence{{Name: "aud", Token: "https://deploy.example", Configured: "https://deploy.example"}},
			action:   "leave Config.Audience empty",
		},
		"another issuer": {
			mint: func(w *world, aud string) string { return w.circleci.CircleCI(aud) },
			code: "invalid_grant", words: "does not match the expected ones: https://gitlab.com",
			cause: "google-issuer", certain: true,
			evidence: []exchange.Evidence{{Name: "iss", Token: fakeissuer.CircleCIURL(fakeissuer.CircleCIOrganizationID), Configured: "https://gitlab.com"}},
			action:   "exactly, path and trailing slash included",
		},
		"an issuer that cannot be reached": {
			mint: func(w *world, aud string) string {
				w.gitlab.Fail(http.StatusServiceUnavailable)
				return w.gitlab.GitLab(aud)
			},
			code: "invalid_grant", words: "Error connecting to the given credential's issuer.",
			cause:  "google-issuer-unreachable",
			action: `make "https://gitlab.com/.well-known/openid-configuration" reachable`,
		},
		"an expired token": {
			mint: func(w *world, aud string) string { return w.gitlab.GitLab(aud, fakeissuer.Expired) },
			code: "invalid_grant", words: "is stale to sign-in.",
			cause: "google-expired", certain: true,
			action: "exchange it earlier",
		},
		"a namespace that the condition does not name": {
			mint: func(w *world, aud string) string {
				return w.gitlab.GitLab(aud, func(c fakeissuer.Claims) { c["namespace_id"] = "1" })
			},
			code: "unauthorized_client", words: "The given credential is rejected by the attribute condition.",
			cause: "google-condition", certain: true,
			evidence: []exchange.Evidence{
				{Name: "iss", Token: "https://gitlab.com"},
				{Name: "sub", Token: gitLabSubject},
				{Name: "namespace_id", Token: "1"},
				{Name: "project_id", Token: fakeissuer.GitLabProjectID},
				{Name: "ref", Token: "main"},
				{Name: "ref_type", Token: "branch"},
				{Name: "ref_protected", Token: "true"},
			},
			line: `cause: the token is valid, but the provider's attribute condition is false for iss "https://gitlab.com", sub "` + gitLabSubject +
				`", namespace_id "1", project_id "` + fakeissuer.GitLabProjectID + `", ref "main", ref_type "branch", ref_protected "true"; ` +
				`compare the condition with these claims; GitLab's booleans are strings, so it is assertion.ref_protected == 'true'`,
			action: "GitLab's booleans are strings",
		},
		"an organization that the condition does not name": {
			mint:  func(w *world, aud string) string { return w.circleci.CircleCI(aud) },
			edit:  func(c *googlests.Config) { c.Provider = circleCIProvider },
			cloud: func(c *fakegoogle.Config) { c.Providers[1].Require = map[string]string{"sub": "x"} },
			code:  "unauthorized_client", words: "The given credential is rejected by the attribute condition.",
			cause: "google-condition", certain: true,
			line: `false for iss "` + fakeissuer.CircleCIURL(fakeissuer.CircleCIOrganizationID) + `", sub "` + circleSubject +
				`", oidc.circleci.com/org-id "` + fakeissuer.CircleCIOrganizationID + `", oidc.circleci.com/project-id "` + fakeissuer.CircleCIProjectID +
				`", oidc.circleci.com/vcs-origin "` + fakeissuer.CircleCIVCSOrigin + `", oidc.circleci.com/vcs-ref "refs/heads/main", oidc.circleci.com/ssh-rerun "false"; compare`,
			action: "compare the condition with these claims",
		},
		"a subject that is not there": {
			cloud: func(c *fakegoogle.Config) { c.Providers[0].Subject = "project" },
			code:  "unauthorized_client", words: "Could not obtain a value for google.subject",
			cause: "google-subject-missing", certain: true,
			action: "map google.subject to a claim that is always there",
		},
		"a long branch name": {
			mint: func(w *world, aud string) string {
				return w.gitlab.GitLab(aud, fakeissuer.Branch("feature/"+long))
			},
			code: "invalid_request", words: "The size of mapped attribute google.subject exceeds the 127 bytes limit.",
			cause: "google-subject-length", certain: false,
			action: "assertion.project_id + '::' + assertion.job_id",
			cloud:  func(c *fakegoogle.Config) { c.Providers[0].Subject = "ci_config_ref_uri" },
		},
		"the second form of CircleCI's subject": {
			mint: func(w *world, aud string) string { return w.circleci.CircleCI(aud, fakeissuer.SubjectV2) },
			edit: func(c *googlests.Config) { c.Provider = circleCIProvider },
			code: "invalid_request", words: "exceeds the 127 bytes limit.",
			cause: "google-subject-length", certain: true,
			evidence: []exchange.Evidence{
				{Name: "sub", Token: circleSubject + "/vcs-origin/" + fakeissuer.CircleCIVCSOrigin + "/vcs-ref/refs/heads/main"},
				{Name: "bytes of sub", Token: "186", Configured: "at most 127"},
			},
			action: "send CIRCLE_OIDC_TOKEN, whose sub has 127 bytes",
		},
		"a provider that is not there": {
			edit: func(c *googlests.Config) { c.Provider = googlests.ProviderName(projectNumber, "ci", "gone") },
			code: "invalid_target", words: `The target service indicated by the "audience" parameters is invalid.`,
			cause:    "google-provider",
			evidence: []exchange.Evidence{{Name: "provider", Configured: googlests.ProviderName(projectNumber, "ci", "gone")}},
			action:   "a deleted ID stays taken for 30 days",
		},
		"a tampered token": {
			mint: func(w *world, aud string) string {
				raw := w.gitlab.GitLab(aud)
				flipped := "A"
				if strings.HasSuffix(raw, "A") {
					flipped = "Q"
				}
				return raw[:len(raw)-1] + flipped
			},
			code: "invalid_grant", words: "The signature of the ID Token is not valid.",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *fakegoogle.Config) {
				if tt.cloud != nil {
					tt.cloud(c)
				}
			})
			if tt.mint != nil {
				w.source.mint = func(aud string) string { return tt.mint(w, aud) }
			}
			cfg := w.config()
			if tt.edit != nil {
				tt.edit(&cfg)
			}
			failed := w.fail(t, cfg)
			assert.Equal(t, exchange.StageExchange, failed.Stage)
			assert.Equal(t, http.StatusBadRequest, failed.StatusCode)
			assert.Equal(t, tt.code, failed.Code)
			assert.Contains(t, failed.Description, tt.words)
			assert.False(t, failed.Retryable())
			assert.Equal(t, 1, w.cloud.Requests(fakegoogle.Token), "a refusal is not repeated")
			if tt.cause == "" {
				assert.Empty(t, failed.Causes)
				return
			}
			require.Len(t, failed.Causes, 1)
			cause := failed.Causes[0]
			assert.Equal(t, tt.cause, cause.ID)
			assert.Equal(t, tt.certain, cause.Certain)
			assert.Contains(t, cause.Action, tt.action)
			assert.NotEmpty(t, cause.Summary)
			if tt.evidence != nil {
				assert.Equal(t, tt.evidence, cause.Evidence)
			}
			assert.Contains(t, failed.Error(), tt.line)
			assert.NotContains(t, failed.Error(), "\n")
			assert.NotContains(t, cause.Evidence, exchange.Evidence{Name: "user_email", Token: fakeissuer.GitLabUserLogin + "@acme.example"})
		})
	}
}

func TestUnknownRefusalHasNoCause(t *testing.T) {
	for name, tt := range map[string]struct {
		status      int
		header      http.Header
		body        string
		code, words string
		line        string
	}{
		"an OAuth error":   {http.StatusBadRequest, nil, `{"error":"invalid_grant","error_description":"Something new."}`, "invalid_grant", "Something new.", `(HTTP 400, invalid_grant): "Something new."`},
		"an API error":     {http.StatusForbidden, nil, `{"error":{"code":403,"message":"Security Token Service API is disabled.","status":"PERMISSION_DENIED"}}`, "PERMISSION_DENIED", "Security Token Service API is disabled.", `(HTTP 403, PERMISSION_DENIED): "Security`},
		"a proxy's page":   {http.StatusForbidden, http.Header{"Content-Type": {"text/html"}}, "<html>blocked</html>", "", "", "failed (HTTP 403): the answer (text/html) is not one of Google's errors: check the endpoint, and any proxy on the way"},
		"two JSON objects": {http.StatusBadRequest, http.Header{"Content-Type": {"application/json"}}, `{"error":"a"}{"error":"b"}`, "", "", "the answer (application/json) is not one of Google's errors: check"},
		"nothing":          {http.StatusNotFound, nil, "", "", "", "failed (HTTP 404): the answer is empty: check the endpoint, and any proxy on the way"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.cloud.Misbehave(answering(tt.status, tt.header, tt.body))
			failed := w.fail(t, w.config())
			assert.Equal(t, tt.status, failed.StatusCode)
			assert.Equal(t, tt.code, failed.Code)
			assert.Equal(t, tt.words, failed.Description)
			assert.Contains(t, failed.Error(), tt.line)
			assert.Empty(t, failed.Causes)
			assert.Equal(t, 1, w.cloud.Requests(fakegoogle.Token))
		})
	}
}

func TestUnusableAnswerIsRefused(t *testing.T) {
	for name, tt := range map[string]struct{ body, words string }{
		"no JSON":              {"ok", "not a JSON object"},
		"trailing data":        {`{"access_token":"ya29.d.x","token_type":"Bearer","expires_in":3600} x`, "data after the JSON object"},
		"no token":             {`{"token_type":"Bearer","expires_in":3600}`, "no access_token"},
		"another type":         {`{"access_token":"ya29.d.x","token_type":"DPoP","expires_in":3600}`, "token_type other than Bearer"},
		"no end":               {`{"access_token":"ya29.d.x","token_type":"Bearer"}`, "no usable expires_in"},
		"an end in the past":   {`{"access_token":"ya29.d.x","token_type":"Bearer","expires_in":-1}`, "no usable expires_in"},
		"an end far away":      {`{"access_token":"ya29.d.x","token_type":"Bearer","expires_in":9223372036854775807}`, "no usable expires_in"},
		"a token of no string": {`{"access_token":["ya29.d.secret-of-google"],"token_type":"Bearer","expires_in":3600}`, "not the JSON object expected"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.cloud.Misbehave(answering(http.StatusOK, nil, tt.body))
			failed := w.fail(t, w.config())
			assert.Equal(t, http.StatusOK, failed.StatusCode)
			assert.ErrorContains(t, failed.Err, tt.words)
			assert.NotContains(t, failed.Error(), "ya29")
			assert.False(t, failed.Retryable())
			assert.Equal(t, 1, w.cloud.Requests(fakegoogle.Token))
		})
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		for _, to := range []string{"https://sts.googleapis.com/v1/token2", "https://evil.example/v1/token"} {
			w := newWorld(t)
			w.cloud.Misbehave(answering(status, http.Header{"Location": {to}}, ""))
			cfg := w.config()
			cfg.HTTPClient.CheckRedirect = func(*http.Request, []*http.Request) error { return nil }
			failed := w.fail(t, cfg)
			assert.Equal(t, status, failed.StatusCode)
			assert.ErrorContains(t, failed.Err, "redirects elsewhere")
			assert.Contains(t, failed.Error(), "redirects elsewhere: set Config.Endpoint")
			assert.Equal(t, 1, w.cloud.Requests(fakegoogle.Token))
			assert.Zero(t, w.cloud.Requests(fakegoogle.Unknown))
		}
	}
}

// Claims are as long as the token allows; the line is not.
func TestLineIsBounded(t *testing.T) {
	w := newWorld(t)
	w.cloud.Misbehave(answering(http.StatusBadRequest, nil, `{"error":"unauthorized_client","error_description":"The given credential is rejected by the attribute condition."}`))
	long := strings.Repeat("é\x1b\n", 250)
	w.source.mint = func(aud string) string {
		return w.gitlab.GitLab(aud, func(c fakeissuer.Claims) { c["sub"], c["ref"], c["environment"] = long, long, long })
	}
	failed := w.fail(t, w.config())
	require.Equal(t, "google-condition", failed.Causes[0].ID)
	assert.Contains(t, failed.Causes[0].Evidence, exchange.Evidence{Name: "ref", Token: long})
	assert.Less(t, len(failed.Error()), 2000)
	assert.NotContains(t, failed.Error(), "\n")
	assert.NotContains(t, failed.Error(), "\x1b")
}
