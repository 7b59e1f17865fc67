package awssts_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithy "github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/internal/fakecloud/fakeaws"
)

// An SDK client retries its own operation, and getting its credentials is a
// part of that: it must not multiply the three requests of an exchange.
func TestClientsOfTheSDKDoNotRepeatTheExchange(t *testing.T) {
	refuse := func(status int, code string) func(string, http.ResponseWriter, *http.Request) bool {
		return func(action string, rw http.ResponseWriter, _ *http.Request) bool {
			if action != fakeaws.AssumeRoleWithWebIdentity {
				return false
			}
			fakeaws.Refuse(rw, status, code, "slow down")
			return true
		}
	}
	for _, tt := range []struct {
		name     string
		status   int
		code     string
		requests int
	}{
		{"throttled", 400, "Throttling", 3},
		{"throttled, another code", 400, "ThrottlingException", 3},
		{"too many requests", 429, "TooManyRequestsException", 3},
		{"down", 503, "ServiceUnavailable", 3},
		{"issuer not reached", 400, "IDPCommunicationError", 3},
		{"timeout by code", 400, "RequestTimeout", 1},
		{"refused", 403, "AccessDenied", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.aws.Misbehave(refuse(tt.status, tt.code))
				raw := w.gitlab.GitLab(audience)
				e := callFails(t, w.provider(t, raw), w.aws.Client())
				assertNoToken(t, e, raw)
				assert.Equal(t, tt.code, e.Code)
				assert.Equal(t, tt.requests, w.exchanges())
				var api smithy.APIError
				require.ErrorAs(t, e, &api)
				assert.Equal(t, tt.code, api.ErrorCode())
			})
		})
	}
}

func TestClientsOfTheSDKDoNotRepeatAnUnreachableSTS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		d := &dialed{}
		p := w.provider(t, w.gitlab.GitLab(audience), func(c *awssts.Config) { c.HTTPClient = &http.Client{Transport: d} })
		e := callFails(t, p, w.aws.Client())
		assert.Equal(t, exchange.StageExchange, e.Stage)
		assert.Equal(t, int32(3), d.n.Load())
		assert.True(t, e.Retryable(), "for the caller it still is")
	})
}

func TestClientsOfTheSDKDoNotRepeatTheSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		asked := 0
		p := w.provider(t, "", func(c *awssts.Config) {
			c.Source = exchange.TokenSourceFunc(func(context.Context, string) (string, error) {
				asked++
				return "", context.DeadlineExceeded
			})
		})
		e := callFails(t, p, w.aws.Client())
		assert.Equal(t, exchange.StageSource, e.Stage)
		assert.ErrorIs(t, e, context.DeadlineExceeded)
		assert.Equal(t, 1, asked)
	})
}

// A Provider in a cache of the caller's own behaves the same.
func TestErrorIsFinalForEveryRetryer(t *testing.T) {
	w := newWorld(t)
	always(400, "Throttling", "Rate exceeded")(w)
	raw := w.gitlab.GitLab(audience)
	_, err := aws.NewCredentialsCache(w.provider(t, raw)).Retrieve(context.Background())
	var e *exchange.Error
	require.ErrorAs(t, err, &e)
	for name, r := range map[string]aws.Retryer{
		"standard":            retry.NewStandard(),
		"adaptive":            retry.NewAdaptiveMode(),
		"codes of the caller": retry.AddWithErrorCodes(retry.NewStandard(), "Throttling"),
	} {
		assert.False(t, r.IsErrorRetryable(err), name)
	}
	assert.Equal(t, aws.UnknownTernary, retry.RetryableErrorCode{Codes: map[string]struct{}{"Throttling": {}}}.IsErrorRetryable(err))
	assert.Equal(t, `exchange: aws: token exchange failed (HTTP 400, Throttling, request `+e.RequestID+`): "Rate exceeded"`, e.Error())
}

// callFails calls an operation with the credentials of p, which must fail.
func callFails(t *testing.T, p *awssts.Provider, client *http.Client) *exchange.Error {
	t.Helper()
	cfg := p.AWSConfig()
	cfg.HTTPClient = client
	_, err := sts.NewFromConfig(cfg).GetCallerIdentity(context.Background(), nil)
	var e *exchange.Error
	require.ErrorAs(t, err, &e)
	assert.NotContains(t, err.Error(), "exceeded maximum number of attempts")
	return e
}
