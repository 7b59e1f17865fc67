package awssts_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// Each text that STS has been seen to refuse with, those that it used before
// 2026 included: three requests where the same token may be taken a little
// later, one for every other.
func TestRequestsPerRefusal(t *testing.T) {
	const jwt = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
	for _, tt := range []struct {
		status   int
		code     string
		text     string
		requests int
		cause    string // the first one; empty means none
	}{
		{400, "InvalidIdentityToken", notValidated, 1, "aws-provider"},
		{400, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://gitlab.com", 1, "aws-provider"},
		{400, "InvalidIdentityToken", "Incorrect token audience", 1, "aws-provider"},
		{400, "InvalidIdentityToken", "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint", 1, "aws-thumbprint"},
		{400, "InvalidIdentityToken", noKey, 3, "issuer-keys"},
		{400, "InvalidIdentityToken", "Missing a required claim: aud", 1, "aws-claim"},
		{400, "InvalidIdentityToken", "Claim is not allowed to be empty: aud", 1, "aws-claim"},
		{400, "InvalidIdentityToken", "Token audience contains more than one audience while authorized party is not present", 1, "aws-several-audiences"},
		{400, "InvalidIdentityToken", "Token issued in the future: 1789084800", 1, "issuer-clock"},
		{400, "InvalidIdentityToken", "Token not yet valid: current date/time 1 must be after or equal to the not-before date/time 2", 1, "issuer-clock"},
		{400, "InvalidIdentityToken", "Invalid timestamp in token claims.", 1, "aws-claim"},
		{400, "InvalidIdentityToken", jwt, 1, "token-malformed"},
		{400, "InvalidIdentityToken", "principal_tags passed in claim is not in correct format.", 1, "aws-session-tags"},
		{400, "InvalidIdentityToken", "The target role ARN is not present in the roles claim of the identity token", 1, "aws-roles-claim"},
		{400, "InvalidIdentityToken", "The roles claim contains no valid role ARNs", 1, "aws-roles-claim"},
		{400, "ExpiredTokenException", "Token expired: current date/time 1789084800 must be before the expiration date/time 1789084700", 1, "token-expired"},
		{400, "ExpiredTokenException", "Token is expired", 1, "token-expired"},
		{403, "AccessDenied", notAuthorized, 1, "aws-trust-policy"},
		{403, "IDPRejectedClaim", "The identity provider (IdP) reported that authentication failed.", 1, ""},
		{400, "IDPCommunicationError", "The identity provider could not be reached.", 3, "issuer-keys"},
		{400, "ValidationError", "1 validation error detected: Value 'a b' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*", 1, "aws-session-name"},
		{400, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.", 1, "aws-duration"},
		{400, "ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.", 1, "aws-duration"},
		{400, "ValidationError", "Request ARN is invalid", 1, ""},
		{400, "MalformedPolicyDocument", "Syntax errors in policy.", 1, ""},
		{400, "PackedPolicyTooLarge", "Packed size of session tags consumes 101% of allotted space.", 1, ""},
		{403, "RegionDisabledException", "STS is not activated in this region for account:" + account, 1, "aws-region"},
		{500, "InternalFailure", "Unknown error validating third-party token", 3, "aws-odd-claim"},
		{503, "ServiceUnavailable", "Service Unavailable", 3, ""},
		{400, "Throttling", "Rate exceeded", 3, ""},
		{400, "ThrottlingException", "Rate exceeded", 3, ""},
		{400, "RequestLimitExceeded", "Request limit exceeded.", 3, ""},
		{429, "TooManyRequestsException", "Too Many Requests", 3, ""},
	} {
		t.Run(tt.code+"/"+tt.text, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				always(tt.status, tt.code, tt.text)(w)
				raw := w.gitlab.GitLab(audience)
				e := refused(context.Background(), t, w.provider(t, raw), raw)
				assert.Equal(t, tt.requests, w.exchanges())
				assert.Equal(t, tt.requests == 3, e.Retryable())
				assert.Equal(t, tt.status, e.StatusCode)
				assert.Equal(t, tt.code, e.Code)
				assert.Equal(t, tt.text, e.Description)
				if tt.cause == "" {
					assert.Empty(t, e.Causes)
					return
				}
				require.NotEmpty(t, e.Causes)
				assert.Equal(t, tt.cause, e.Causes[0].ID)
			})
		})
	}
}

// Connections that fail, by how they do.
func TestRequestsPerDroppedConnection(t *testing.T) {
	for _, tt := range []struct {
		err      error
		requests int32
	}{
		{syscall.ECONNREFUSED, 3},
		{syscall.ECONNRESET, 3},
		{syscall.EPIPE, 3},
		{io.EOF, 3},
		{io.ErrUnexpectedEOF, 3},
		{net.ErrClosed, 3},
		{errors.New("x509: certificate signed by unknown authority"), 1},
		{&net.DNSError{Err: "no such host", Name: "sts.example", IsNotFound: true}, 1},
	} {
		t.Run(tt.err.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				raw := w.gitlab.GitLab(audience)
				var n atomic.Int32
				e := refused(context.Background(), t, w.provider(t, raw, func(c *awssts.Config) {
					c.HTTPClient = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
						n.Add(1)
						return nil, &net.OpError{Op: "dial", Net: "tcp", Err: tt.err}
					})}
				}), raw)
				assert.Equal(t, tt.requests, n.Load())
				assert.Equal(t, tt.requests == 3, e.Retryable())
				assert.ErrorIs(t, e, tt.err)
				assert.Zero(t, e.StatusCode)
			})
		})
	}
}

// What users get wrong: a typed error after one request at most, none if the
// mistake can be seen here, and within the time that the caller has.
func TestMistakesOfUsers(t *testing.T) {
	const patience = 3 * time.Second
	hang := roundTripper(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	for _, tt := range []struct {
		name     string
		token    func(w *world) string
		config   func(*awssts.Config)
		stage    string
		code     string
		is       error
		requests int32
		takes    time.Duration
	}{
		{name: "empty token", token: func(*world) string { return "" }, stage: exchange.StageSource},
		{name: "token that is no JWT", token: func(*world) string { return "glpat-0123456789abcdefghij" }, stage: exchange.StageSource},
		{name: "name of a variable", token: func(*world) string { return "$CIRCLE_OIDC_TOKEN" }, stage: exchange.StageSource},
		{name: "truncated token", token: func(w *world) string { raw := w.gitlab.GitLab(audience); return raw[:strings.LastIndexByte(raw, '.')] }, stage: exchange.StageSource},
		{name: "truncated signature", token: func(w *world) string { raw := w.gitlab.GitLab(audience); return raw[:len(raw)-40] }, stage: exchange.StageExchange, code: "InvalidIdentityToken", requests: 1},
		{name: "token of the other platform", token: func(w *world) string { return w.circleci.CircleCI(audience) }, stage: exchange.StageExchange, code: "InvalidIdentityToken", requests: 1},
		{name: "expired token", token: func(w *world) string { return w.gitlab.GitLab(audience, fakeissuer.Expired) }, stage: exchange.StageExchange, code: "ExpiredTokenException", requests: 1},
		{name: "wrong audience", token: func(w *world) string { return w.gitlab.GitLab("sts.amazonaws.com") }, stage: exchange.StageExchange, code: "InvalidIdentityToken", requests: 1},
		{name: "role that does not exist", token: func(w *world) string { return w.gitlab.GitLab(audience) }, config: func(c *awssts.Config) { c.RoleARN += "er" }, stage: exchange.StageExchange, code: "AccessDenied", requests: 1},
		{name: "role of another account", token: func(w *world) string { return w.gitlab.GitLab(audience) }, config: func(c *awssts.Config) { c.RoleARN = "arn:aws:iam::210987654321:role/ci/deploy" }, stage: exchange.StageExchange, code: "AccessDenied", requests: 1},
		{name: "region that does not exist", token: func(w *world) string { return w.gitlab.GitLab(audience) }, config: func(c *awssts.Config) {
			c.Region = "eu-wets-1"
			c.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: r.URL.Hostname(), IsNotFound: true}}
			})}
		}, stage: exchange.StageExchange, requests: 1},
		{name: "endpoint that does not answer", token: func(w *world) string { return w.gitlab.GitLab(audience) }, config: func(c *awssts.Config) { c.HTTPClient = &http.Client{Transport: hang} }, stage: exchange.StageExchange, is: context.DeadlineExceeded, requests: 1, takes: patience},
		{name: "source that does not answer", token: func(*world) string { return "" }, config: func(c *awssts.Config) {
			c.Source = exchange.TokenSourceFunc(func(ctx context.Context, _ string) (string, error) { <-ctx.Done(); return "", ctx.Err() })
		}, stage: exchange.StageSource, is: context.DeadlineExceeded, takes: patience},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				raw := tt.token(w)
				var n atomic.Int32
				p := w.provider(t, raw, func(c *awssts.Config) {
					if tt.config != nil {
						tt.config(c)
					}
					next := c.HTTPClient.Transport
					c.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
						n.Add(1)
						return next.RoundTrip(r)
					})}
				})
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				e := refused(ctx, t, p, raw)
				assert.Equal(t, tt.stage, e.Stage)
				assert.Equal(t, tt.code, e.Code)
				assert.Equal(t, tt.requests, n.Load())
				assert.Equal(t, tt.takes, time.Since(start))
				if tt.is != nil {
					assert.ErrorIs(t, e, tt.is)
				} else {
					assert.NotEmpty(t, e.Causes)
				}
			})
		})
	}
}
