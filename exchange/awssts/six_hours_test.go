package awssts_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// A job of six hours that calls AWS every minute: each call is signed with
// credentials that are good, and as few exchanges are made as sessions of an
// hour allow.
func TestSixHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.provider(t, "", func(c *awssts.Config) { c.Source = &minter{w: w} })
		start := time.Now()
		for range 6*60 + 1 {
			assert.Equal(t, account, *whoami(t, w, p.AWSConfig()).Account)
			time.Sleep(time.Minute)
		}
		assert.Equal(t, 6*time.Hour+time.Minute, time.Since(start), "no call took any time")
		assert.Equal(t, 7, w.exchanges())
	})
}

// The same for a child process that asks the endpoint, as botocore does: at
// first, and then for each call while less than 15 minutes remain.
func TestSixHoursOfAChild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.provider(t, "", func(c *awssts.Config) { c.Source = &minter{w: w} })
		e, token := newEndpoint(t, p)
		var cfg aws.Config
		var end time.Time
		asked := 0
		for range 6*60 + 1 {
			if time.Until(end) < 15*time.Minute {
				asked++
				got := answer(t, ask(e, token), 200)
				var err error
				end, err = time.Parse(time.RFC3339, got["Expiration"].(string))
				require.NoError(t, err)
				creds := aws.Credentials{AccessKeyID: got["AccessKeyId"].(string), SecretAccessKey: got["SecretAccessKey"].(string), SessionToken: got["Token"].(string)}
				cfg = aws.Config{Region: region, Credentials: gives(creds, nil)}
			}
			require.Greater(t, time.Until(end), 2*time.Minute, "also when they have just been given")
			whoami(t, w, cfg)
			time.Sleep(time.Minute)
		}
		assert.Equal(t, 7, w.exchanges())
		assert.Greater(t, asked, 7)
	})
}

// A GitLab job cannot renew its token. Credentials last until STS refuses it
// and the last ones end; then the first call fails, at once, and says what to
// change.
func TestGitLabTokenOfTwoHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		raw := w.gitlab.GitLab(audience, fakeissuer.Lifetime(2*time.Hour))
		p := w.provider(t, raw)
		client := func() *sts.Client {
			cfg := p.AWSConfig()
			cfg.HTTPClient = w.aws.Client()
			return sts.NewFromConfig(cfg)
		}
		start := time.Now()
		var err error
		calls, before := 0, 0
		for ; calls < 6*60; calls++ {
			before = w.exchanges()
			if _, err = client().GetCallerIdentity(context.Background(), nil); err != nil {
				break
			}
			time.Sleep(time.Minute)
		}
		// AWS takes the token until five minutes after its end: the third
		// exchange is at 110 to 116 minutes, and its hour is the last.
		assert.Equal(t, time.Duration(calls)*time.Minute, time.Since(start), "the failure takes no time")
		assert.GreaterOrEqual(t, time.Since(start), 170*time.Minute)
		assert.LessOrEqual(t, time.Since(start), 177*time.Minute)
		assert.Equal(t, before+1, w.exchanges(), "one request")

		var e *exchange.Error
		require.ErrorAs(t, err, &e)
		assertNoToken(t, e, raw)
		assert.Equal(t, "ExpiredTokenException", e.Code)
		require.Equal(t, []string{"token-expired"}, causes(e))
		assert.True(t, e.Causes[0].Certain)
		assert.Contains(t, e.Causes[0].Action, "raise the job's `timeout`")
		assert.Contains(t, err.Error(), "raise the job's `timeout`", "the SDK's error shows it")
		assert.False(t, e.Retryable())

		// The third exchange was the last that succeeded; the others, one every
		// half minute at most, were refused while the credentials were good.
		assert.GreaterOrEqual(t, before, 3)
		assert.LessOrEqual(t, before, 3+5)
	})
}

// minter is a source like CircleCI's: a token lasts an hour, and a new one is
// made when less than five minutes of the last remain.
type minter struct {
	w     *world
	mu    sync.Mutex
	last  string
	until time.Time
	mints int
	err   error
}

func (m *minter) IDToken(context.Context, string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return "", m.err
	}
	if time.Until(m.until) < 5*time.Minute {
		m.last, m.until = m.w.circleci.CircleCI(""), time.Now().Add(time.Hour)
		m.mints++
	}
	return m.last, nil
}

// fail makes the source fail with err, until it is nil, and returns when its
// last token expires.
func (m *minter) fail(err error) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
	return m.until
}
