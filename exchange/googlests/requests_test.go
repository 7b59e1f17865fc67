package googlests_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
)

// What Google answers, word for word, and what it costs. The texts are from
// https://cloud.google.com/iam/docs/troubleshooting-workload-identity-federation,
// from the reference of sts/v1 and from users' reports.
func TestRequestsForEachRefusal(t *testing.T) {
	for name, tt := range map[string]struct {
		status      int
		code, words string
		requests    int
		cause       string // its ID; empty means that there is none
	}{
		"audience":            {400, "invalid_grant", "The audience in ID Token [X] does not match the expected audience.", 1, "google-audience"},
		"audience, expected":  {400, "invalid_grant", "The audience in ID Token [X] does not match the expected audience Y.", 1, "google-audience"},
		"issuer":              {400, "invalid_grant", "The issuer in ID Token X does not match the expected ones: Y", 1, "google-issuer"},
		"issuer unreachable":  {400, "invalid_grant", "Error connecting to the given credential's issuer.", 1, "google-issuer-unreachable"},
		"stale":               {400, "invalid_grant", "ID Token issued at 1767225600 is stale to sign-in.", 1, "google-expired"},
		"condition":           {400, "unauthorized_client", "The given credential is rejected by the attribute condition.", 1, "google-condition"},
		"no subject":          {400, "unauthorized_client", "Could not obtain a value for google.subject from the given credential.", 1, "google-subject-missing"},
		"long subject":        {400, "invalid_request", "The size of mapped attribute google.subject exceeds the 127 bytes limit. Either modify your attribute mapping or the incoming assertion to produce a mapped attribute that is less than 127 bytes.", 1, "google-subject-length"},
		"name of no provider": {400, "invalid_request", "Invalid value for \"audience\". This value should be the full resource name of the Identity Provider. See https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token for the list of possible formats.", 1, "google-provider-name"},
		"no such provider":    {400, "invalid_target", "The target service indicated by the \"audience\" parameters is invalid. This might either be because the pool or provider is disabled or deleted or because it doesn't exist.", 1, "google-provider"},
		"quota":               {429, "quota_exceeded", "", 3, ""},
		"unavailable":         {503, "temporarily_unavailable", "The service is currently unavailable.", 3, ""},
		"internal":            {500, "internal_failure", "Internal error encountered.", 3, ""},
		"forbidden":           {403, "access_denied", "Something new.", 1, ""},
		"unauthorized":        {401, "invalid_client", "The OAuth client was not found.", 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				body, err := json.Marshal(map[string]string{"error": tt.code, "error_description": tt.words})
				require.NoError(t, err)
				w.cloud.Misbehave(answering(tt.status, http.Header{"Content-Type": {"application/json"}}, string(body)))
				failed := w.fail(t, w.config())
				assert.Equal(t, exchange.StageExchange, failed.Stage)
				assert.Equal(t, tt.status, failed.StatusCode)
				assert.Equal(t, tt.code, failed.Code)
				assert.Equal(t, tt.words, failed.Description)
				assert.Equal(t, tt.requests, w.cloud.Requests(fakegoogle.Token))
				assert.Equal(t, tt.requests == 3, failed.Retryable())
				var ids []string
				for _, c := range failed.Causes {
					ids = append(ids, c.ID)
					assert.NotEmpty(t, c.Action)
				}
				if tt.cause == "" {
					assert.Empty(t, ids)
				} else {
					assert.Equal(t, []string{tt.cause}, ids)
				}
			})
		})
	}
}

func TestUnreachableEndpoint(t *testing.T) {
	for name, tt := range map[string]struct {
		err      error
		requests int
	}{
		"refused":        {&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, 3},
		"reset":          {&net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, 3},
		"no such host":   {&net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "sts.example", IsNotFound: true}}, 1},
		"no such domain": {&net.DNSError{Err: "no such host", Name: "sts.example", IsNotFound: true}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				requests := 0
				cfg := w.config()
				cfg.HTTPClient = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
					requests++
					return nil, tt.err
				})}
				failed := w.fail(t, cfg)
				assert.Equal(t, exchange.StageExchange, failed.Stage)
				assert.ErrorIs(t, failed, tt.err)
				assert.Equal(t, tt.requests, requests)
			})
		})
	}
}

// Nothing listens there, and the answer to that is quick.
func TestUnreachableEndpointOnTheWire(t *testing.T) {
	w := newWorld(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	cfg := w.config()
	cfg.HTTPClient, cfg.Endpoint = nil, "http://"+listener.Addr().String()+"/v1/token"
	require.NoError(t, listener.Close())
	assert.ErrorIs(t, w.fail(t, cfg), syscall.ECONNREFUSED)
}

func TestSlowEndpointEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		requests := 0
		cfg := w.config()
		cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			requests++
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}
		creds, err := googlests.Credentials(cfg)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begun := time.Now()
		_, err = creds.Token(ctx)
		var failed *exchange.Error
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, exchange.StageExchange, failed.Stage)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 3*time.Second, time.Since(begun))
		assert.Equal(t, 1, requests)
	})
}
