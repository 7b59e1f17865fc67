package impersonate_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/auth"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/exchange/googlests/impersonate"
	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

func TestRefusalIsTypedAndExplained(t *testing.T) {
	tests := map[string]struct {
		edit               func(*impersonate.Config)
		status             int
		code, words, cause string
		certain            bool
		evidence           []exchange.Evidence
		action             string
	}{
		"no binding": {
			edit:   func(c *impersonate.Config) { c.ServiceAccount = stranger },
			status: http.StatusForbidden, code: "PERMISSION_DENIED",
			words: "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).",
			cause: "google-impersonation",
			evidence: []exchange.Evidence{
				{Name: "service account", Configured: stranger},
				{Name: "principal", Token: "principal://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ci/subject/project_path:acme/webshop:ref_type:branch:ref:main"},
			},
			action: `grant roles/iam.workloadIdentityUser on it to "principal://iam.googleapis.com/`,
		},
		"a chain that is broken": {
			edit: func(c *impersonate.Config) {
				c.ServiceAccount, c.Delegates = stranger, []string{deployer}
			},
			status: http.StatusForbidden, code: "PERMISSION_DENIED",
			words:    "Permission 'iam.serviceAccounts.getAccessToken' denied",
			cause:    "google-impersonation",
			evidence: []exchange.Evidence{{Name: "delegates", Configured: deployer}, {Name: "service account", Configured: stranger}},
			action:   "roles/iam.serviceAccountTokenCreator to the one before",
		},
		"a lifetime that only a policy allows": {
			edit:   func(c *impersonate.Config) { c.Lifetime = 2 * time.Hour },
			status: http.StatusBadRequest, code: "INVALID_ARGUMENT",
			words: "The access token lifetime cannot exceed 3600 seconds.",
			cause: "google-lifetime", certain: true,
			evidence: []exchange.Evidence{{Name: "lifetime", Configured: "2h0m0s"}},
			action:   "iam.allowServiceAccountCredentialLifetimeExtension",
		},
		"a base that the API does not know": {
			edit: func(c *impersonate.Config) {
				c.Base = auth.NewCredentials(&auth.CredentialsOptions{TokenProvider: static("ya29.d.never-issued-by-anyone-at-all")})
			},
			status: http.StatusUnauthorized, code: "UNAUTHENTICATED",
			words: "Request had invalid authentication credentials.",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			cfg := w.config(t)
			tt.edit(&cfg)
			failed := w.fail(t, cfg)
			assert.Equal(t, exchange.StageImpersonate, failed.Stage)
			assert.Equal(t, tt.status, failed.StatusCode)
			assert.Equal(t, tt.code, failed.Code)
			assert.Contains(t, failed.Description, tt.words)
			assert.False(t, failed.Retryable())
			assert.Equal(t, 1, w.cloud.Requests(fakegoogle.GenerateAccessToken), "a refusal is not repeated")
			if tt.cause == "" {
				assert.Empty(t, failed.Causes)
				return
			}
			require.Len(t, failed.Causes, 1)
			assert.Equal(t, tt.cause, failed.Causes[0].ID)
			assert.Equal(t, tt.certain, failed.Causes[0].Certain)
			assert.Equal(t, tt.evidence, failed.Causes[0].Evidence)
			assert.Contains(t, failed.Causes[0].Action, tt.action)
		})
	}
}

func TestErrorOfTheBaseKeepsItsStage(t *testing.T) {
	w := newWorld(t)
	cfg := w.config(t)
	w.cloud.Misbehave(answering(fakegoogle.Token, http.StatusBadRequest, nil, `{"error":"invalid_target","error_description":"Gone."}`))
	failed := w.fail(t, cfg)
	assert.Equal(t, exchange.StageExchange, failed.Stage)
	assert.Equal(t, "invalid_target", failed.Code)
	assert.Zero(t, w.cloud.Requests(fakegoogle.GenerateAccessToken))
}

func TestTransientFailureIsRepeatedTwice(t *testing.T) {
	for _, status := range []int{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable, http.StatusGatewayTimeout} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				cfg := w.config(t)
				w.cloud.Misbehave(answering(fakegoogle.GenerateAccessToken, status, nil, `{"error":{"code":1,"message":"Later.","status":"UNAVAILABLE"}}`))
				failed := w.fail(t, cfg)
				assert.Equal(t, "UNAVAILABLE", failed.Code)
				assert.Equal(t, "Later.", failed.Description)
				assert.True(t, failed.Retryable())
				assert.Equal(t, 3, w.cloud.Requests(fakegoogle.GenerateAccessToken))
				assert.Equal(t, 1, w.cloud.Requests(fakegoogle.Token), "the federated token is kept")
			})
		})
	}
}

func TestSecondAttemptSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.cloud.Misbehave(func(e fakegoogle.Endpoint, rw http.ResponseWriter, _ *http.Request) bool {
			if e != fakegoogle.GenerateIDToken || w.cloud.Requests(e) > 1 {
				return false
			}
			rw.Header().Set("Retry-After", "3")
			rw.WriteHeader(http.StatusServiceUnavailable)
			return true
		})
		creds, err := impersonate.IDToken(w.config(t), "https://run.example")
		require.NoError(t, err)
		begun := time.Now()
		token(t, creds)
		assert.Equal(t, 2, w.cloud.Requests(fakegoogle.GenerateIDToken))
		assert.Equal(t, 3*time.Second, time.Since(begun))
	})
}

func TestDroppedConnectionIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for err, want := range map[error]int{io.ErrUnexpectedEOF: 3, errors.New("proxy: no such host"): 1} {
			w := newWorld(t)
			requests := 0
			cfg := w.config(t)
			cfg.HTTPClient = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
				requests++
				return nil, err
			})}
			failed := w.fail(t, cfg)
			assert.Equal(t, exchange.StageImpersonate, failed.Stage)
			assert.ErrorIs(t, failed, err)
			assert.Equal(t, want, requests)
		}
	})
}

func TestHangingEndpointIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		cfg := w.config(t)
		cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}
		begun := time.Now()
		assert.ErrorIs(t, w.fail(t, cfg), context.DeadlineExceeded)
		assert.Equal(t, 10*time.Second, time.Since(begun))
	})
}

func TestEndedContextSendsNothing(t *testing.T) {
	w := newWorld(t)
	creds, err := impersonate.Credentials(w.config(t))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = creds.Token(ctx)
	assert.ErrorIs(t, err, context.Canceled)
	var failed *exchange.Error
	assert.ErrorAs(t, err, &failed)
	assert.Zero(t, w.cloud.Requests(fakegoogle.Token)+w.cloud.Requests(fakegoogle.GenerateAccessToken))
}

func TestContextEndsAtTheImpersonation(t *testing.T) {
	w := newWorld(t)
	cfg := w.config(t)
	token(t, cfg.Base)
	creds, err := impersonate.Credentials(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = creds.Token(ctx)
	var failed *exchange.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, exchange.StageImpersonate, failed.Stage)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, w.cloud.Requests(fakegoogle.GenerateAccessToken))
}

func TestUnusableAnswerIsRefused(t *testing.T) {
	for name, tt := range map[string]struct{ body, words string }{
		"nothing":        {`{}`, "no access token"},
		"no end":         {`{"accessToken":"ya29.c.of-this-very-server"}`, "no time of its end"},
		"no token":       {`{"expireTime":"2026-01-01T00:00:00Z"}`, "no access token"},
		"no JSON":        {`{"accessToken":ya29.c.of-this-very-server}`, "not the JSON object expected"},
		"another type":   {`{"accessToken":"x","expireTime":"ya29.c.of-this-very-server"}`, "not the JSON object expected"},
		"more than 1MiB": {`{"accessToken":"` + strings.Repeat("a", 1<<20) + `"}`, "body too large"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			cfg := w.config(t)
			w.cloud.Misbehave(answering(fakegoogle.GenerateAccessToken, http.StatusOK, nil, tt.body))
			failed := w.fail(t, cfg)
			assert.ErrorContains(t, failed.Err, tt.words)
			assert.NotContains(t, failed.Error(), "ya29")
			assert.Equal(t, 1, w.cloud.Requests(fakegoogle.GenerateAccessToken))
		})
	}
	t.Run("no ID token", func(t *testing.T) {
		w := newWorld(t)
		creds, err := impersonate.IDToken(w.config(t), "https://run.example")
		require.NoError(t, err)
		w.cloud.Misbehave(answering(fakegoogle.GenerateIDToken, http.StatusOK, nil, `{"token":"of-another-kind-altogether"}`))
		_, err = creds.Token(t.Context())
		assert.ErrorContains(t, err, "no usable ID token")
		assert.NotContains(t, err.Error(), "altogether")
	})
}

func TestPageOfAProxyIsNotGooglesError(t *testing.T) {
	for name, tt := range map[string]struct {
		header      http.Header
		body, words string
	}{
		"page":    {http.Header{"Content-Type": {"text/html"}}, "<p>blocked", "impersonation failed (HTTP 403): the answer (text/html) is not one of Google's errors: check the endpoint, and any proxy on the way"},
		"nothing": {nil, "", "impersonation failed (HTTP 403): the answer is empty: check the endpoint, and any proxy on the way"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			cfg := w.config(t)
			w.cloud.Misbehave(answering(fakegoogle.GenerateAccessToken, http.StatusForbidden, tt.header, tt.body))
			failed := w.fail(t, cfg)
			assert.Empty(t, failed.Description)
			assert.EqualError(t, failed, "exchange: google: "+tt.words)
		})
	}
}

// The API, or a transport, may repeat what it was sent.
func TestTokenIsScrubbedFromWhatComesBack(t *testing.T) {
	for name, body := range map[string]func(string) string{
		"message": func(h string) string { return `{"error":{"message":"bad ` + h + `","status":"` + h + `"}}` },
		"page":    func(h string) string { return "<p>" + h },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			cfg := w.config(t)
			w.cloud.Misbehave(func(e fakegoogle.Endpoint, rw http.ResponseWriter, r *http.Request) bool {
				return answering(fakegoogle.GenerateAccessToken, http.StatusForbidden, nil, body(r.Header.Get("Authorization")))(e, rw, r)
			})
			w.fail(t, cfg)
		})
	}
	t.Run("transport", func(t *testing.T) {
		w := newWorld(t)
		cfg := w.config(t)
		cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("headers: %v", r.Header)
		})}
		w.fail(t, cfg)
	})
}

func TestRedirectToAnotherHostIsRefused(t *testing.T) {
	w := newWorld(t)
	cfg := w.config(t)
	w.cloud.Misbehave(answering(fakegoogle.GenerateAccessToken, http.StatusTemporaryRedirect, http.Header{"Location": {"https://evil.example/"}}, ""))
	cfg.HTTPClient.CheckRedirect = func(*http.Request, []*http.Request) error { return nil }
	failed := w.fail(t, cfg)
	assert.ErrorContains(t, failed.Err, "redirect refused")
	assert.Equal(t, 1, w.cloud.Requests(fakegoogle.GenerateAccessToken))
	assert.Zero(t, w.cloud.Requests(fakegoogle.Unknown))
}

// static is a token that nobody issued.
type static string

func (s static) Token(context.Context) (*auth.Token, error) {
	return &auth.Token{Value: string(s), Type: "Bearer"}, nil
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// The rows of the table of causes that are IAM's: with what is known of the
// mapping, all names of the job are there for the binding; without a token of
// this module's exchange, none is made up.
func TestRows(t *testing.T) {
	deny := func(known *googlests.Known) *exchange.Error {
		w := newWorld(t)
		cfg := w.config(t)
		credentials, err := googlests.Credentials(googlests.Config{
			Provider: googlests.ProviderName(number, "ci", "gitlab"), HTTPClient: w.cloud.Client(), Known: known,
			Source: exchange.TokenSourceFunc(func(_ context.Context, audience string) (string, error) {
				raw := w.gitlab.GitLab(audience)
				w.keep(raw)
				return raw, nil
			}),
		})
		require.NoError(t, err)
		cfg.Base, cfg.ServiceAccount = credentials, stranger
		return w.fail(t, cfg)
	}
	const pool = "iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ci/"
	t.Run("G10", func(t *testing.T) {
		e := deny(&googlests.Known{Mapping: map[string]string{
			"google.subject": "assertion.sub", "attribute.project_id": "assertion.project_id", "attribute.made": "assertion.ref + 'x'",
		}})
		require.Equal(t, "google-impersonation", e.Causes[0].ID)
		assert.Equal(t, []exchange.Evidence{
			{Name: "service account", Configured: stranger},
			{Name: "principal", Token: "principal://" + pool + "subject/project_path:acme/webshop:ref_type:branch:ref:main"},
			{Name: "principalSet", Token: "principalSet://" + pool + "attribute.project_id/" + fakeissuer.GitLabProjectID},
		}, e.Causes[0].Evidence)
		assert.NotContains(t, e.Causes[0].Action, "if the provider maps")
		assert.False(t, e.Causes[0].Certain)
	})
	t.Run("G10, without the mapping", func(t *testing.T) {
		e := deny(nil)
		assert.Contains(t, e.Causes[0].Action, "if the provider maps google.subject to assertion.sub,")
	})
}
