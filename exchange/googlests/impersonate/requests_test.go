package impersonate_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/exchange/googlests/impersonate"
	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
)

// What the IAM Credentials API answers, word for word, and what it costs.
func TestRequestsForEachRefusal(t *testing.T) {
	for name, tt := range map[string]struct {
		status        int
		code, message string
		requests      int
		cause         string // its ID; empty means that there is none
	}{
		"no role":           {403, "PERMISSION_DENIED", "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).", 1, "google-impersonation"},
		"lifetime":          {400, "INVALID_ARGUMENT", "The access token lifetime cannot exceed 3600 seconds.", 1, "google-lifetime"},
		"wrong credentials": {401, "UNAUTHENTICATED", "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.", 1, ""},
		"API not enabled":   {403, "PERMISSION_DENIED", "IAM Service Account Credentials API has not been used in project 1 before or it is disabled.", 1, ""},
		"quota":             {429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Generate credentials requests'.", 3, ""},
		"unavailable":       {503, "UNAVAILABLE", "The service is currently unavailable.", 3, ""},
		"internal":          {500, "INTERNAL", "Internal error encountered.", 3, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				cfg := w.config(t)
				body, err := json.Marshal(map[string]any{"error": map[string]any{"code": tt.status, "message": tt.message, "status": tt.code}})
				require.NoError(t, err)
				w.cloud.Misbehave(answering(fakegoogle.GenerateAccessToken, tt.status, http.Header{"Content-Type": {"application/json"}}, string(body)))
				failed := w.fail(t, cfg)
				assert.Equal(t, exchange.StageImpersonate, failed.Stage)
				assert.Equal(t, tt.status, failed.StatusCode)
				assert.Equal(t, tt.code, failed.Code)
				assert.Equal(t, tt.message, failed.Description)
				assert.Equal(t, tt.requests, w.cloud.Requests(fakegoogle.GenerateAccessToken))
				assert.Equal(t, 1, w.cloud.Requests(fakegoogle.Token))
				assert.Equal(t, tt.requests == 3, failed.Retryable())
				if tt.cause == "" {
					assert.Empty(t, failed.Causes)
					return
				}
				require.NotEmpty(t, failed.Causes)
				assert.Equal(t, tt.cause, failed.Causes[0].ID)
			})
		})
	}
}

// A job of six hours that makes one call a minute.
func TestSixHoursAsAServiceAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		creds, err := impersonate.Credentials(impersonate.Config{ServiceAccount: deployer, Base: w.base(t, "circleci"), HTTPClient: w.cloud.Client()})
		require.NoError(t, err)
		for minute := range 6 * 60 {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://storage.googleapis.com/storage/v1/b/releases/o/app.txt?alt=media", nil)
			require.NoError(t, err)
			req.Header.Set("Authorization", "Bearer "+token(t, creds).Value)
			resp, err := w.cloud.Client().Do(req)
			require.NoError(t, err)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, "release one", string(body), "minute %d", minute)
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		assert.Equal(t, 7, w.cloud.Requests(fakegoogle.GenerateAccessToken))
		assert.Equal(t, 7, w.cloud.Requests(fakegoogle.Token))
	})
}

// What a job of GitLab has exchanged while its token was valid serves to its
// end; the failure then is the exchange's, with its reason.
func TestErrorOfALongJobIsThatOfTheExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var job string // a job of GitLab has one token
		base, err := googlests.Credentials(googlests.Config{
			Provider: googlests.ProviderName(number, "ci", "gitlab"), HTTPClient: w.cloud.Client(),
			Source: exchange.TokenSourceFunc(func(_ context.Context, audience string) (string, error) {
				if job == "" {
					job = w.gitlab.GitLab(audience)
				}
				return job, nil
			}),
		})
		require.NoError(t, err)
		cfg := w.config(t)
		cfg.Base = base
		creds, err := impersonate.Credentials(cfg)
		require.NoError(t, err)
		token(t, creds)
		w.cloud.Misbehave(answering(fakegoogle.Token, http.StatusBadRequest, nil, `{"error":"invalid_grant","error_description":"ID Token issued at 1 is stale to sign-in."}`))
		for minute := 1; ; minute++ {
			time.Sleep(time.Minute)
			synctest.Wait()
			if _, err = creds.Token(t.Context()); err != nil {
				// The base was still good for one more impersonation.
				assert.Equal(t, 116, minute)
				break
			}
			require.Less(t, minute, 6*60)
		}
		var failed *exchange.Error
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, exchange.StageExchange, failed.Stage)
		require.Len(t, failed.Causes, 1)
		assert.Equal(t, "google-expired", failed.Causes[0].ID)
		assert.Contains(t, failed.Causes[0].Action, "timeout")
	})
}
