package awssts_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// bareRefusal is how Ceph's gateway refuses any token that it does not accept:
// without a code that an SDK finds.
func bareRefusal(status int) roundTripper {
	return func(*http.Request) (*http.Response, error) {
		const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><RequestId>tx0-default</RequestId></Error>`
		return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/xml"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

func TestBareRefusal(t *testing.T) {
	issuer := newIssuer(t, fakeissuer.Options{URL: "http://127.0.0.1:8080", Platform: fakeissuer.GitLabPlatform})
	set := func(name string, value any) func(fakeissuer.Claims) {
		return func(c fakeissuer.Claims) { c[name] = value }
	}
	raw := issuer.GitLab(audience)
	over := func(by time.Duration) string { return issuer.GitLab(audience, set("exp", time.Now().Add(-by).Unix())) }
	providers := []awssts.KnownProvider{{URL: issuer.URL(), ClientIDs: []string{audience}}}
	policy := []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity",
		"Principal":{"Federated":"arn:aws:iam:::oidc-provider/127.0.0.1:8080"},
		"Condition":{"StringLike":{"127.0.0.1:8080:sub":"project_path:acme/webshop:*"}}}}`)
	all := &awssts.Known{Providers: providers, TrustPolicy: policy}
	// AWS has no such key for this issuer, other services may.
	custom := []byte(strings.Replace(string(policy), ":sub", ":project_path", 1))
	candidates := []string{"aws-trust-policy", "aws-role", "aws-new-role", "aws-outside-policy"}
	const subject = "project_path:acme/other:ref_type:branch:ref:main"
	for name, tt := range map[string]struct {
		raw      string
		known    *awssts.Known
		status   int
		causes   []string
		certain  bool
		evidence exchange.Evidence // the first
		words    string            // of the first
	}{
		"audience": {issuer.GitLab("other"), all, 403, []string{"aws-audience"}, true,
			exchange.Evidence{Name: "aud", Token: "other", Configured: audience}, "add the client ID to the provider"},
		"issuer": {issuer.GitLab(audience, set("iss", "https://other.example")), all, 403, []string{"aws-provider"}, true,
			exchange.Evidence{Name: "iss", Token: "https://other.example", Configured: issuer.URL()}, `make one with URL "https://other.example"`},
		"final slash": {issuer.GitLab(audience, set("iss", issuer.URL()+"/")), all, 400, []string{"aws-issuer"}, true,
			exchange.Evidence{Name: "iss", Token: issuer.URL() + "/", Configured: issuer.URL()}, "differs from the token's issuer"},
		"subject": {issuer.GitLab(audience, set("sub", subject)), all, 403, []string{"aws-trust-policy"}, true,
			exchange.Evidence{Name: "127.0.0.1:8080:sub", Token: subject, Configured: "project_path:acme/webshop:*"}, "compare the two"},
		"expired": {over(2 * time.Hour), all, 401, []string{"token-expired"}, true,
			exchange.Evidence{}, "the token expired 2h"},
		"expired a moment ago": {over(2 * time.Minute), all, 403, []string{"token-expired"}, false,
			exchange.Evidence{}, "raise the job's `timeout`"},
		"expired, nothing known":     {over(10 * time.Minute), nil, 403, []string{"token-expired"}, false, exchange.Evidence{}, "the token expired 10m"},
		"expired and wrong audience": {issuer.GitLab("other", set("exp", time.Now().Add(-time.Hour).Unix())), all, 403, []string{"aws-audience"}, true, exchange.Evidence{}, "is not a client ID"},
		"all as it should": {raw, all, 403, []string{"token-signature"}, false,
			exchange.Evidence{Name: "aud", Token: audience, Configured: audience}, "gives the token unchanged"},
		"policy not known": {issuer.GitLab(audience, set("sub", subject)), &awssts.Known{Providers: providers}, 403, append(candidates, "token-signature"), false,
			exchange.Evidence{Name: "sub", Token: subject}, `"127.0.0.1:8080:sub"`},
		"key of another service":      {raw, &awssts.Known{Providers: providers, TrustPolicy: custom}, 403, append(candidates, "token-signature"), false, exchange.Evidence{}, "compare the condition"},
		"providers not known":         {raw, &awssts.Known{TrustPolicy: policy}, 403, []string{"aws-provider", "aws-audience", "aws-issuer"}, false, exchange.Evidence{}, "compare both"},
		"nothing is said to be known": {raw, &awssts.Known{}, 403, candidates, false, exchange.Evidence{}, "does not exist, or its trust policy"},
		"not known":                   {raw, nil, 403, nil, false, exchange.Evidence{}, ""},
		"proxy that wants a login":    {issuer.GitLab("other"), all, 407, nil, false, exchange.Evidence{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := awssts.New(awssts.Config{
				RoleARN: "arn:aws:iam:::role/deploy", Region: region, Source: static(tt.raw), Known: tt.known,
				Endpoint: "http://127.0.0.1:9180", HTTPClient: &http.Client{Transport: bareRefusal(tt.status)},
			})
			require.NoError(t, err)
			e := refused(t.Context(), t, p, tt.raw)
			assert.Equal(t, tt.status, e.StatusCode)
			assert.Empty(t, e.Code)
			assert.ErrorContains(t, e.Err, "not one of STS")
			assert.Equal(t, tt.causes, causes(e))
			if len(e.Causes) == 0 {
				return
			}
			first := e.Causes[0]
			assert.Equal(t, tt.certain, first.Certain)
			if tt.evidence != (exchange.Evidence{}) {
				assert.Equal(t, tt.evidence, first.Evidence[0])
			}
			assert.Contains(t, first.Summary+"; "+first.Action, tt.words)
		})
	}
}

// slow is a body that never ends, and brings nothing.
type slow struct{ ctx context.Context }

func (s slow) Read(p []byte) (int, error) {
	select {
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	case <-time.After(time.Second):
		p[0] = ' '
		return 1, nil
	}
}

func (slow) Close() error { return nil }

// Who waits no longer is told so, and not that the endpoint is another's.
func TestAnswerWithoutEnd(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusForbidden} {
		synctest.Test(t, func(t *testing.T) {
			raw := newIssuer(t, fakeissuer.Options{URL: "https://gitlab.com"}).GitLab(audience)
			p, err := awssts.New(awssts.Config{RoleARN: role, Region: region, Source: static(raw), HTTPClient: &http.Client{
				Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
					return &http.Response{StatusCode: status, Header: http.Header{}, Body: slow{r.Context()}}, nil
				}),
			}})
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			defer cancel()
			begun := time.Now()
			e := refused(ctx, t, p, raw)
			assert.Equal(t, 4*time.Second, time.Since(begun))
			assert.ErrorIs(t, e, context.DeadlineExceeded)
			assert.Equal(t, status, e.StatusCode)
			assert.Empty(t, e.Causes)
		})
	}
}
