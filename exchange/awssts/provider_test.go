package awssts_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/internal/fakecloud/fakeaws"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// whoami calls GetCallerIdentity as a program would, with the SDK's client.
func whoami(t *testing.T, w *world, cfg aws.Config) *sts.GetCallerIdentityOutput {
	t.Helper()
	cfg.HTTPClient = w.aws.Client()
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(context.Background(), nil)
	require.NoError(t, err)
	return out
}

func TestExchange(t *testing.T) {
	w := newWorld(t)
	tests := []struct {
		name, token, audience, session string
	}{
		{"GitLab", w.gitlab.GitLab(audience), audience, "gitlab-58210-1190377-7730412"},
		{"GitLab, form of sub with an array of one audience", w.gitlab.GitLab(audience, fakeissuer.AudienceArray()), audience, "gitlab-58210-1190377-7730412"},
		{"CircleCI", w.circleci.CircleCI(""), "", "circleci-0d94e7b8-4a8b6e10-c0586f3d-7e91-4ab2-8d54-e6f19b0a7c38"},
		{"CircleCI before it sent job IDs", w.circleci.CircleCI("", fakeissuer.BeforeNovember2025), "", "circleci-0d94e7b8-1c52-4a6f-8e3d-7b60f5a2c491"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := w.exchanges()
			var asked []string
			p := w.provider(t, "", func(c *awssts.Config) {
				c.Audience = tt.audience
				c.Source = exchange.TokenSourceFunc(func(_ context.Context, aud string) (string, error) {
					asked = append(asked, aud)
					return tt.token, nil
				})
			})
			arn := "arn:aws:sts::123456789012:assumed-role/deploy/" + tt.session
			id := whoami(t, w, p.AWSConfig())
			assert.Equal(t, arn, *id.Arn)
			assert.Equal(t, account, *id.Account)
			assert.Equal(t, []string{tt.audience}, asked)
			assert.Equal(t, before+1, w.exchanges())

			creds, err := p.Retrieve(context.Background())
			require.NoError(t, err)
			assert.True(t, creds.CanExpire)
			assert.WithinDuration(t, time.Now().Add(time.Hour), creds.Expires, time.Minute)
			assert.Equal(t, account, creds.AccountID)
			assert.Equal(t, "cioidc/awssts", creds.Source)
			assert.Equal(t, before+2, w.exchanges(), "the provider itself keeps nothing")
			assert.Equal(t, region, p.AWSConfig().Region)
		})
	}
}

// The parameters go out as they are configured, and nothing else does.
func TestRequest(t *testing.T) {
	w := newWorld(t)
	var form map[string][]string
	var header http.Header
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		require.NoError(t, r.ParseForm())
		form, header = r.PostForm, r.Header
		fakeaws.Refuse(rw, http.StatusForbidden, "AccessDenied", "no")
	}))
	defer server.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIASTALE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "stale")
	t.Setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
	token := w.gitlab.GitLab(audience)
	p := w.provider(t, token, func(c *awssts.Config) {
		c.HTTPClient = nil
		c.Endpoint = server.URL
		c.SessionName = "me@example"
		c.Duration = 15 * time.Minute
		c.Policy = `{"Version":"2012-10-17"}`
		c.PolicyARNs = []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"}
	})
	refused(context.Background(), t, p, token)
	assert.Equal(t, map[string][]string{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"},
		"RoleArn": {role}, "RoleSessionName": {"me@example"}, "WebIdentityToken": {token},
		"DurationSeconds": {"900"}, "Policy": {`{"Version":"2012-10-17"}`},
		"PolicyArns.member.1.arn": {"arn:aws:iam::aws:policy/ReadOnlyAccess"},
	}, form)
	assert.Empty(t, header.Get("Authorization"))
	assert.Empty(t, header.Get("X-Amz-Security-Token"))

	p = w.provider(t, token, func(c *awssts.Config) { c.HTTPClient, c.Endpoint = nil, server.URL })
	refused(context.Background(), t, p, token)
	assert.NotContains(t, form, "DurationSeconds")
	assert.NotContains(t, form, "Policy")
}

func TestClientOfTheCaller(t *testing.T) {
	w := newWorld(t)
	client := sts.New(sts.Options{Region: region, HTTPClient: w.aws.Client(), RetryMaxAttempts: 5})
	given := func(c *awssts.Config) { c.Client, c.HTTPClient = client, nil }
	p := w.provider(t, w.gitlab.GitLab(audience), given)
	assert.Contains(t, *whoami(t, w, p.AWSConfig()).Arn, ":assumed-role/deploy/gitlab-")

	before := w.exchanges()
	token := w.gitlab.GitLab("another audience")
	p = w.provider(t, token, given)
	e := refused(context.Background(), t, p, token)
	assert.Equal(t, "InvalidIdentityToken", e.Code)
	assert.Equal(t, before+1, w.exchanges(), "the client's own retries are off")
}

// answers is a Client that gives one answer.
type answers struct {
	out *sts.AssumeRoleWithWebIdentityOutput
	err error
}

func (a answers) AssumeRoleWithWebIdentity(context.Context, *sts.AssumeRoleWithWebIdentityInput, ...func(*sts.Options)) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	return a.out, a.err
}

func TestAnswerWithoutCredentials(t *testing.T) {
	w := newWorld(t)
	token := w.gitlab.GitLab(audience)
	for name, out := range map[string]*sts.AssumeRoleWithWebIdentityOutput{
		"nothing":   nil,
		"empty":     {},
		"no end":    {Credentials: &types.Credentials{AccessKeyId: aws.String("a"), SecretAccessKey: aws.String("b"), SessionToken: aws.String("c")}},
		"no key":    {Credentials: &types.Credentials{SecretAccessKey: aws.String("b"), SessionToken: aws.String("c"), Expiration: aws.Time(time.Now())}},
		"no secret": {Credentials: &types.Credentials{AccessKeyId: aws.String("a"), SessionToken: aws.String("c"), Expiration: aws.Time(time.Now())}},
		"no token":  {Credentials: &types.Credentials{AccessKeyId: aws.String("a"), SecretAccessKey: aws.String("b"), Expiration: aws.Time(time.Now())}},
	} {
		t.Run(name, func(t *testing.T) {
			p := w.provider(t, token, func(c *awssts.Config) { c.Client, c.HTTPClient = answers{out: out}, nil })
			e := refused(context.Background(), t, p, token)
			assert.Equal(t, exchange.StageExchange, e.Stage)
			assert.Contains(t, e.Error(), "no complete credentials")
			assert.False(t, e.Retryable())
		})
	}
}

func TestOneExchangeForAThousandCallers(t *testing.T) {
	w := newWorld(t)
	p := w.provider(t, w.gitlab.GitLab(audience))
	start := make(chan struct{})
	keys := make([]string, 1000)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			<-start
			creds, err := p.AWSConfig().Credentials.Retrieve(context.Background())
			assert.NoError(t, err)
			keys[i] = creds.AccessKeyID
		})
	}
	close(start)
	wg.Wait()
	assert.Equal(t, 1, w.exchanges())
	for _, k := range keys {
		require.Equal(t, keys[0], k)
	}
	assert.True(t, strings.HasPrefix(keys[0], "ASIA"))
}

// One caller that gives up does not take the exchange from the others.
func TestCallersGiveUpAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		token := w.gitlab.GitLab(audience)
		p := w.provider(t, "", func(c *awssts.Config) {
			c.Source = exchange.TokenSourceFunc(func(ctx context.Context, _ string) (string, error) {
				select {
				case <-time.After(5 * time.Second):
					return token, nil
				case <-ctx.Done():
					return "", ctx.Err()
				}
			})
		})
		var wg sync.WaitGroup
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_, err := p.AWSConfig().Credentials.Retrieve(ctx)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		})
		synctest.Wait()
		_, err := p.AWSConfig().Credentials.Retrieve(context.Background())
		require.NoError(t, err)
		wg.Wait()
		assert.Equal(t, 1, w.exchanges())
	})
}

func TestRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.provider(t, "", func(c *awssts.Config) {
			c.Source = exchange.TokenSourceFunc(func(_ context.Context, aud string) (string, error) { return w.gitlab.GitLab(audience), nil })
		})
		creds := p.AWSConfig().Credentials
		retrieve := func() aws.Credentials {
			t.Helper()
			c, err := creds.Retrieve(context.Background())
			require.NoError(t, err)
			return c
		}
		first := retrieve()
		time.Sleep(55*time.Minute - time.Second)
		assert.Equal(t, first.AccessKeyID, retrieve().AccessKeyID)
		assert.Equal(t, 1, w.exchanges())
		time.Sleep(2*time.Minute + 32*time.Second) // 57:31, past the window's later edge
		second, end := retrieve(), time.Now().Add(time.Hour)
		assert.NotEqual(t, first.AccessKeyID, second.AccessKeyID)
		assert.Equal(t, 2, w.exchanges())

		// AWS is down when the second ones should be renewed: they are used to
		// their end, with an attempt (of three requests) every half minute.
		w.aws.Misbehave(func(_ string, rw http.ResponseWriter, _ *http.Request) bool {
			fakeaws.Refuse(rw, http.StatusServiceUnavailable, "ServiceUnavailable", "")
			return true
		})
		time.Sleep(58 * time.Minute)
		assert.Equal(t, second.AccessKeyID, retrieve().AccessKeyID)
		assert.Equal(t, 5, w.exchanges())
		assert.Equal(t, second.AccessKeyID, retrieve().AccessKeyID)
		assert.Equal(t, 5, w.exchanges(), "no attempt at every call")
		time.Sleep(31 * time.Second)
		assert.Equal(t, second.AccessKeyID, retrieve().AccessKeyID)
		assert.Equal(t, 8, w.exchanges())
		time.Sleep(time.Until(end) - 15*time.Second)
		assert.Equal(t, second.AccessKeyID, retrieve().AccessKeyID)
		time.Sleep(16 * time.Second)
		_, err := creds.Retrieve(context.Background())
		var e *exchange.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, http.StatusServiceUnavailable, e.StatusCode)

		w.aws.Misbehave(nil)
		assert.NotEqual(t, second.AccessKeyID, retrieve().AccessKeyID)
	})
}

// A caller invalidates credentials because they do not work; they must not
// come back.
func TestInvalidatedCredentialsAreNotUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.provider(t, w.gitlab.GitLab(audience))
		cache := p.AWSConfig().Credentials.(*aws.CredentialsCache)
		_, err := cache.Retrieve(context.Background())
		require.NoError(t, err)
		w.gitlab.Fail(500)
		cache.Invalidate()
		_, err = cache.Retrieve(context.Background())
		var e *exchange.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, "InvalidIdentityToken", e.Code)
	})
}
