package awssts_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	smithy "github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/internal/fakecloud/fakeaws"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

const (
	notValidated  = "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements."
	notAuthorized = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
	noKey         = "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
)

// tamper changes the claims of a token and keeps its signature.
func tamper(t *testing.T, raw, from, to string) string {
	t.Helper()
	part := strings.Split(raw, ".")
	payload, err := base64.RawURLEncoding.DecodeString(part[1])
	require.NoError(t, err)
	changed := strings.Replace(string(payload), from, to, 1)
	require.NotEqual(t, string(payload), changed)
	part[1] = base64.RawURLEncoding.EncodeToString([]byte(changed))
	return strings.Join(part, ".")
}

// Every case runs in a bubble of synctest: the pauses between requests cost no
// time, and the times of tokens are exact.
func TestRefusals(t *testing.T) {
	tests := []struct {
		name     string
		token    func(t *testing.T, w *world) string
		config   func(*awssts.Config)
		prepare  func(w *world)
		status   int
		code     string
		text     string
		causes   []string
		evidence []exchange.Evidence // of the first cause
		certain  bool                // the first cause
		requests int
	}{
		{
			name:   "wrong audience",
			token:  func(_ *testing.T, w *world) string { return w.gitlab.GitLab("https://other.example") },
			config: func(c *awssts.Config) { c.Audience = audience },
			status: 400, code: "InvalidIdentityToken", text: notValidated, requests: 1,
			causes: []string{"aws-audience", "aws-provider", "aws-issuer"},
			evidence: []exchange.Evidence{
				{Name: "aud", Token: "https://other.example", Configured: audience},
				{Name: "iss", Token: "https://gitlab.com"},
			},
		},
		{
			name:   "issuer without a provider",
			token:  func(_ *testing.T, w *world) string { return w.circleci.CircleCI("", fakeissuer.RootIssuer) },
			status: 400, code: "InvalidIdentityToken", text: notValidated, requests: 1,
			causes:   []string{"aws-root-issuer", "aws-provider", "aws-audience", "aws-issuer"},
			evidence: []exchange.Evidence{{Name: "iss", Token: "https://oidc.circleci.com"}},
		},
		{
			name:   "subject that the trust policy does not accept",
			token:  func(_ *testing.T, w *world) string { return w.gitlab.GitLab(audience, fakeissuer.Tag("v1")) },
			status: 403, code: "AccessDenied", text: notAuthorized, requests: 1,
			causes: []string{"aws-trust-policy", "aws-role", "aws-new-role", "aws-outside-policy"},
			evidence: []exchange.Evidence{
				{Name: "sub", Token: "project_path:acme/webshop:ref_type:tag:ref:v1"},
				{Name: "aud", Token: audience}, {Name: "iss", Token: "https://gitlab.com"}, {Name: "RoleARN", Configured: role},
				{Name: "principalId", Token: "arn:aws:iam::123456789012:oidc-provider/gitlab.com:" + audience + ":project_path:acme/webshop:ref_type:tag:ref:v1"},
			},
		},
		{
			name: "another project of the organization",
			token: func(_ *testing.T, w *world) string {
				return w.circleci.CircleCI("", func(c fakeissuer.Claims) {
					c["oidc.circleci.com/project-id"] = "11111111-2222-3333-4444-555555555555"
				})
			},
			status: 403, code: "AccessDenied", text: notAuthorized, requests: 1,
			causes: []string{"aws-trust-policy", "aws-role", "aws-new-role", "aws-outside-policy"},
		},
		{
			name:   "token of a CircleCI audit log stream",
			token:  func(_ *testing.T, w *world) string { return w.circleci.CircleCI("", fakeissuer.AuditLogStream) },
			status: 403, code: "AccessDenied", text: notAuthorized, requests: 1,
			causes: []string{"aws-trust-policy", "aws-role", "aws-new-role", "aws-outside-policy"},
		},
		{
			name:   "role that does not exist",
			token:  func(_ *testing.T, w *world) string { return w.gitlab.GitLab(audience) },
			config: func(c *awssts.Config) { c.RoleARN = role + "er" },
			status: 403, code: "AccessDenied", text: notAuthorized, requests: 1,
			causes: []string{"aws-trust-policy", "aws-role", "aws-new-role", "aws-outside-policy"},
		},
		{
			name: "expired",
			token: func(_ *testing.T, w *world) string {
				raw := w.gitlab.GitLab(audience, fakeissuer.Lifetime(time.Minute))
				time.Sleep(6 * time.Minute)
				return raw
			},
			// A bubble begins at midnight UTC on 2000-01-01.
			status: 400, code: "ExpiredTokenException", requests: 1, certain: true,
			text:     "Token expired: current date/time 946684860 must be before the expiration date/time 946684860",
			causes:   []string{"token-expired"},
			evidence: []exchange.Evidence{{Name: "exp", Token: "2000-01-01T00:01:00Z"}, {Name: "now", Configured: "2000-01-01T00:06:00Z"}},
		},
		{
			name:   "from the future",
			token:  func(_ *testing.T, w *world) string { return w.gitlab.GitLab(audience, fakeissuer.NotYet) },
			status: 400, code: "InvalidIdentityToken", requests: 1, certain: true,
			text:   "Token not yet valid: current date/time 946684800 must be after or equal to the not-before date/time 946685400",
			causes: []string{"issuer-clock"},
		},
		{
			name: "tampered",
			token: func(t *testing.T, w *world) string {
				return tamper(t, w.gitlab.GitLab(audience), "refs/heads/main", "refs/heads/evil")
			},
			status: 400, code: "InvalidIdentityToken", text: notValidated, requests: 1,
			causes: []string{"aws-provider", "aws-audience", "aws-issuer"},
		},
		{
			name:   "two audiences",
			config: asked,
			token:  func(_ *testing.T, w *world) string { return w.gitlab.GitLab(audience, fakeissuer.AudienceArray("b")) },
			status: 400, code: "InvalidIdentityToken", requests: 1, certain: true,
			text:     "Token audience contains more than one audience while authorized party is not present",
			causes:   []string{"aws-several-audiences"},
			evidence: []exchange.Evidence{{Name: "aud", Token: audience + ", b"}},
		},
		{
			name:   "algorithm that AWS does not read",
			config: asked,
			token: func(t *testing.T, _ *world) string {
				return "eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0.c2lnbmF0dXJlIG9mIG5vYm9keSBhdCBhbGw"
			},
			status: 400, code: "InvalidIdentityToken", requests: 1, certain: true,
			text:   "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
			causes: []string{"token-malformed"},
		},
		{
			name:   "session longer than the role allows",
			token:  func(_ *testing.T, w *world) string { return w.gitlab.GitLab(audience) },
			config: func(c *awssts.Config) { c.Duration = 2 * time.Hour },
			status: 400, code: "ValidationError", requests: 1, certain: true,
			text:     "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
			causes:   []string{"aws-duration"},
			evidence: []exchange.Evidence{{Name: "Duration", Configured: "2h0m0s"}},
		},
		{
			name:    "issuer's keys cannot be fetched",
			token:   func(_ *testing.T, w *world) string { return w.gitlab.GitLab(audience) },
			prepare: func(w *world) { w.gitlab.Fail(503) },
			status:  400, code: "InvalidIdentityToken", text: noKey, requests: 3,
			causes: []string{"issuer-keys"},
		},
		{
			name: "key withdrawn",
			token: func(_ *testing.T, w *world) string {
				raw := w.gitlab.GitLab(audience)
				w.gitlab.Rotate(false)
				return raw
			},
			status: 400, code: "InvalidIdentityToken", text: noKey, requests: 3,
			causes: []string{"issuer-keys"},
		},
		{
			name:  "STS is down",
			token: func(_ *testing.T, w *world) string { return w.gitlab.GitLab(audience) }, prepare: always(503, "ServiceUnavailable", "come back"),
			status: 503, code: "ServiceUnavailable", text: "come back", requests: 3,
		},
		{
			name:  "throttled",
			token: func(_ *testing.T, w *world) string { return w.gitlab.GitLab(audience) }, prepare: always(400, "Throttling", "Rate exceeded"),
			status: 400, code: "Throttling", text: "Rate exceeded", requests: 3,
		},
		{
			name:  "too many requests",
			token: func(_ *testing.T, w *world) string { return w.gitlab.GitLab(audience) }, prepare: always(429, "TooManyRequests", "slow"),
			status: 429, code: "TooManyRequests", text: "slow", requests: 3,
		},
		{
			name:  "issuer not reached",
			token: func(_ *testing.T, w *world) string { return w.gitlab.GitLab(audience) }, prepare: always(400, "IDPCommunicationError", "x"),
			status: 400, code: "IDPCommunicationError", text: "x", requests: 3, causes: []string{"issuer-keys"},
		},
		{
			name:  "claim rejected",
			token: func(_ *testing.T, w *world) string { return w.gitlab.GitLab(audience) }, prepare: always(403, "IDPRejectedClaim", "x"),
			status: 403, code: "IDPRejectedClaim", text: "x", requests: 1,
		},
		{
			name:  "region not activated",
			token: func(_ *testing.T, w *world) string { return w.gitlab.GitLab(audience) }, prepare: always(403, "RegionDisabledException", "x"),
			status: 403, code: "RegionDisabledException", text: "x", requests: 1, certain: true, causes: []string{"aws-region"},
		},
		{
			name:  "session policy too large",
			token: func(_ *testing.T, w *world) string { return w.gitlab.GitLab(audience) }, prepare: always(400, "PackedPolicyTooLarge", "x"),
			status: 400, code: "PackedPolicyTooLarge", text: "x", requests: 1,
		},
		{
			name: "sub that AWS chokes on",
			token: func(_ *testing.T, w *world) string {
				return w.gitlab.GitLab(audience, func(c fakeissuer.Claims) { c["sub"] = nil })
			},
			status: 500, code: "InternalFailure", text: "Unknown error validating third-party token", requests: 3,
			causes: []string{"aws-odd-claim"}, certain: true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				raw := tt.token(t, w)
				if tt.prepare != nil {
					tt.prepare(w)
				}
				var config []func(*awssts.Config)
				if tt.config != nil {
					config = append(config, tt.config)
				}
				e := refused(context.Background(), t, w.provider(t, raw, config...), raw)
				assert.Equal(t, exchange.StageExchange, e.Stage)
				assert.Equal(t, tt.status, e.StatusCode)
				assert.Equal(t, tt.code, e.Code)
				assert.Equal(t, tt.text, e.Description)
				assert.Len(t, e.RequestID, 36)
				assert.Equal(t, tt.causes, causes(e))
				if tt.evidence != nil {
					assert.Equal(t, tt.evidence, e.Causes[0].Evidence)
				}
				assert.Equal(t, tt.certain, len(e.Causes) > 0 && e.Causes[0].Certain)
				for _, c := range e.Causes {
					assert.NotEmpty(t, c.Summary)
					assert.NotEmpty(t, c.Action)
				}
				assert.Equal(t, tt.requests, w.exchanges())
				assert.Equal(t, tt.requests == 3, e.Retryable())
				var api smithy.APIError
				require.ErrorAs(t, e, &api)
				assert.Equal(t, tt.code, api.ErrorCode())
			})
		})
	}
}

// asked has a service asked that may take what AWS's own certainly refuses.
func asked(c *awssts.Config) { c.Endpoint = "https://sts." + region + ".amazonaws.com" }

func always(status int, code, text string) func(*world) {
	return func(w *world) {
		w.aws.Misbehave(func(_ string, rw http.ResponseWriter, _ *http.Request) bool {
			fakeaws.Refuse(rw, status, code, text)
			return true
		})
	}
}

func TestExplanationOfExpiry(t *testing.T) {
	tests := []struct {
		name            string
		token           func(w *world) string
		clock           time.Duration // of this machine, against AWS's
		summary, action string
	}{
		{"GitLab", func(w *world) string { return w.gitlab.GitLab(audience, fakeissuer.Expired) }, 0, "the token has expired", "GitLab does not renew"},
		{"CircleCI", func(w *world) string { return w.circleci.CircleCI("", fakeissuer.Expired) }, 0, "the token has expired", "lives longer"},
		{"clock behind", func(w *world) string { return w.circleci.CircleCI("", fakeissuer.Expired) }, -time.Hour, "by this machine's clock it has not", "set this machine's clock"},
		{"clock behind, GitLab", func(w *world) string { return w.gitlab.GitLab(audience, fakeissuer.Expired) }, -time.Hour, "by this machine's clock it has not", "set this machine's clock"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			raw := tt.token(w)
			p := w.provider(t, raw, func(c *awssts.Config) { c.Now = func() time.Time { return time.Now().Add(tt.clock) } })
			e := refused(context.Background(), t, p, raw)
			require.Equal(t, []string{"token-expired"}, causes(e))
			assert.Contains(t, e.Causes[0].Summary, tt.summary)
			assert.Contains(t, e.Causes[0].Action, tt.action)
		})
	}
}

func TestErrorKeepsTheTypesOfSTS(t *testing.T) {
	w := newWorld(t)
	raw := w.gitlab.GitLab("other")
	e := refused(context.Background(), t, w.provider(t, raw), raw)
	var invalid *types.InvalidIdentityTokenException
	require.ErrorAs(t, e, &invalid)
	assert.Equal(t, notValidated, invalid.ErrorMessage())
}

// STS repeats a parameter that fails validation, the token included. The request's
// ID is in a header and in the body: which of them is read depends on the SDK.
func TestRepeatedTokenIsRemoved(t *testing.T) {
	w := newWorld(t)
	raw := w.gitlab.GitLab(audience)
	for name, code := range map[string]string{"generic error": "ValidationError", "modelled error": "InvalidIdentityToken", "in the code": raw} {
		t.Run(name, func(t *testing.T) {
			w.aws.Misbehave(func(_ string, rw http.ResponseWriter, _ *http.Request) bool {
				rw.Header().Set("X-Amzn-Requestid", raw)
				rw.WriteHeader(http.StatusBadRequest)
				fmt.Fprintf(rw, `<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>Value '%s' at 'webIdentityToken' failed</Message></Error><RequestId>%s</RequestId></ErrorResponse>`, code, raw, raw)
				return true
			})
			e := refused(context.Background(), t, w.provider(t, raw), raw)
			assert.Equal(t, "Value '[redacted]' at 'webIdentityToken' failed", e.Description)
			assert.Equal(t, "[redacted]", e.RequestID)
			var api smithy.APIError
			require.ErrorAs(t, e, &api)
			assert.Equal(t, e.Description, api.ErrorMessage())
		})
	}
}

func TestContext(t *testing.T) {
	t.Run("canceled before", func(t *testing.T) {
		w := newWorld(t)
		raw := w.gitlab.GitLab(audience)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		e := refused(ctx, t, w.provider(t, raw), raw)
		assert.ErrorIs(t, e, context.Canceled)
		assert.False(t, e.Retryable())
		assert.Equal(t, 0, w.exchanges())
	})
	t.Run("canceled during the request", func(t *testing.T) {
		w := newWorld(t)
		raw := w.gitlab.GitLab(audience)
		ctx, cancel := context.WithCancel(context.Background())
		var n atomic.Int32
		hang := roundTripper(func(r *http.Request) (*http.Response, error) {
			n.Add(1)
			cancel()
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		e := refused(ctx, t, w.provider(t, raw, func(c *awssts.Config) { c.HTTPClient = &http.Client{Transport: hang} }), raw)
		assert.ErrorIs(t, e, context.Canceled)
		assert.Equal(t, int32(1), n.Load())
	})
	t.Run("no pause past the deadline", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			always(503, "ServiceUnavailable", "")(w)
			raw := w.gitlab.GitLab(audience)
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			start := time.Now()
			e := refused(ctx, t, w.provider(t, raw), raw)
			assert.Equal(t, 503, e.StatusCode, "the answer, not the deadline")
			assert.Equal(t, 1, w.exchanges())
			assert.Zero(t, time.Since(start))
		})
	})
	t.Run("each request is bounded, and the whole", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			raw := w.gitlab.GitLab(audience)
			var n atomic.Int32
			hang := roundTripper(func(r *http.Request) (*http.Response, error) {
				n.Add(1)
				<-r.Context().Done()
				return nil, r.Context().Err()
			})
			start := time.Now()
			e := refused(context.Background(), t, w.provider(t, raw, func(c *awssts.Config) { c.HTTPClient = &http.Client{Transport: hang} }), raw)
			assert.ErrorIs(t, e, context.DeadlineExceeded)
			assert.Equal(t, int32(3), n.Load())
			assert.GreaterOrEqual(t, time.Since(start), 30*time.Second)
			assert.Less(t, time.Since(start), 35*time.Second)

			start = time.Now()
			p := w.provider(t, "", func(c *awssts.Config) {
				c.Source = exchange.TokenSourceFunc(func(ctx context.Context, _ string) (string, error) { <-ctx.Done(); return "", ctx.Err() })
			})
			e = refused(context.Background(), t, p, raw)
			assert.Equal(t, exchange.StageSource, e.Stage)
			assert.Equal(t, time.Minute, time.Since(start))
		})
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestNoToken(t *testing.T) {
	w := newWorld(t)
	missing := errors.New("add this:\n  id_tokens:")
	gives := func(raw string, err error) exchange.TokenSource {
		return exchange.TokenSourceFunc(func(context.Context, string) (string, error) { return raw, err })
	}
	tests := []struct {
		name   string
		source exchange.TokenSource
		is     error
		causes []string
		text   string
	}{
		{"source fails", gives("", missing), missing, nil, "exchange: aws: no CI token: add this:\n  id_tokens:"},
		{"empty", gives("", nil), nil, []string{"token-empty"}, "the token is empty"},
		{"white space", gives(" \n", nil), nil, []string{"token-empty"}, "the token is empty"},
		{"job token", gives("glcbt-64_0123456789abcdef", nil), nil, []string{"token-malformed"}, "not a JWT"},
		{"line break", gives(w.gitlab.GitLab(audience)+"\n", nil), nil, nil, "exchange: aws: no CI token: the source's token ends in a line break: return the token without it"},
		{"line break within", gives("glcbt-64_0123456789abcdef.b\n.c", nil), nil, []string{"token-malformed"}, "not a JWT"},
		{"panic", exchange.TokenSourceFunc(func(context.Context, string) (string, error) { panic("glcbt-64_0123456789abcdef") }), nil, nil, "exchange: aws: no CI token: the source, of type exchange.TokenSourceFunc, panicked with a value of type string: call"},
		{"panic on what it embeds", struct{ exchange.TokenSource }{}, nil, nil, "panicked with a value of type runtime.errorString"},
		{"too long", gives("a.b."+strings.Repeat("c", 20000), nil), nil, []string{"token-malformed"}, "20000 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := w.provider(t, "", func(c *awssts.Config) { c.Source = tt.source })
			e := refused(context.Background(), t, p, "glcbt-64_0123456789abcdef")
			assert.Equal(t, exchange.StageSource, e.Stage)
			assert.Zero(t, e.StatusCode)
			assert.Equal(t, tt.causes, causes(e))
			assert.Contains(t, e.Error(), tt.text)
			assert.False(t, e.Retryable())
			if tt.is != nil {
				assert.ErrorIs(t, e, tt.is)
			}
			assert.Equal(t, 0, w.exchanges(), "nothing is sent")
		})
	}
}

// holdFirst lets a request through when release is closed, and tells that it
// is there.
type holdFirst struct {
	next             http.RoundTripper
	holding, release chan struct{}
}

func (h holdFirst) RoundTrip(r *http.Request) (*http.Response, error) {
	close(h.holding)
	<-h.release
	return h.next.RoundTrip(r)
}
