package googlests_test

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/auth"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/ciplatform"
	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// circleJob is a CircleCI job with a token in its environment and the circleci
// command, each of whose tokens lives for an hour.
func (w *world) circleJob(audience string) exchange.TokenSource {
	env := map[string]string{"CIRCLECI": "true", "CIRCLE_OIDC_TOKEN": w.circleci.CircleCI(audience)}
	return &ciplatform.CircleCI{
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		Run: func(context.Context, ...string) ([]byte, error) {
			return []byte(w.circleci.CircleCI(audience) + "\n"), nil
		},
	}
}

// livesFor makes a token end after d.
func livesFor(d time.Duration) func(fakeissuer.Claims) {
	return func(c fakeissuer.Claims) { c["exp"] = time.Now().Add(d).Unix() }
}

// use reads the object with the credentials, as a deploy step would.
func (w *world) use(t *testing.T, creds *auth.Credentials) error {
	t.Helper()
	tok, err := creds.Token(t.Context())
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://storage.googleapis.com/storage/v1/b/releases/o/app.txt?alt=media", nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+tok.Value)
	resp, err := w.cloud.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, string(body))
	require.Equal(t, "release one", string(body))
	return nil
}

// A job of six hours that makes one call a minute.
const sixHours = 6 * 60

func TestSixHoursOnCircleCI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		cfg := googlests.Config{Provider: circleCIProvider, Source: w.circleJob("https:" + circleCIProvider), HTTPClient: w.cloud.Client()}
		creds, err := googlests.Credentials(cfg)
		require.NoError(t, err)
		for minute := range sixHours {
			require.NoError(t, w.use(t, creds), "minute %d", minute)
			wait(time.Minute)
		}
		assert.Equal(t, 7, w.cloud.Requests(fakegoogle.Token))
		assert.Equal(t, sixHours, w.cloud.Requests(fakegoogle.Storage))
	})
}

func TestSixHoursOnGitLab(t *testing.T) {
	for name, tt := range map[string]struct {
		source   func(raw string) exchange.TokenSource
		last     int // the minute of the first failure
		requests int
		check    func(t *testing.T, failed *exchange.Error)
	}{
		// Google's answer is the last word here.
		"with a token that stays": {
			source: func(raw string) exchange.TokenSource {
				return exchange.TokenSourceFunc(func(context.Context, string) (string, error) { return raw, nil })
			},
			// Exchanged at 0, 56 and 112 minutes; the last one serves for an hour.
			// In between one renewal is refused, and then the call's own.
			last: 172, requests: 5,
			check: func(t *testing.T, failed *exchange.Error) {
				assert.Equal(t, exchange.StageExchange, failed.Stage)
				assert.Equal(t, "invalid_grant", failed.Code)
				require.Len(t, failed.Causes, 1)
				assert.Equal(t, "google-expired", failed.Causes[0].ID)
				assert.Contains(t, failed.Causes[0].Action, "raise the job's timeout")
			},
		},
		// The platform knows that there is nothing to send.
		"with the platform": {
			source: func(raw string) exchange.TokenSource {
				return &ciplatform.GitLab{Environ: func() []string {
					return []string{"GITLAB_CI=true", "GOOGLE_ID_TOKEN=" + raw}
				}}
			},
			last: 172, requests: 3,
			check: func(t *testing.T, failed *exchange.Error) {
				assert.Equal(t, exchange.StageSource, failed.Stage)
				assert.ErrorIs(t, failed, ciplatform.ErrExpired)
				assert.ErrorContains(t, failed, "timeout:")
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				cfg := w.config()
				cfg.Source = tt.source(w.gitlab.GitLab("https:"+gitLabProvider, livesFor(2*time.Hour)))
				creds, err := googlests.Credentials(cfg)
				require.NoError(t, err)
				for minute := range sixHours {
					begun := time.Now()
					err = w.use(t, creds)
					if err != nil {
						assert.Equal(t, tt.last, minute)
						assert.Zero(t, time.Since(begun), "at once")
						break
					}
					wait(time.Minute)
				}
				var failed *exchange.Error
				require.ErrorAs(t, err, &failed)
				tt.check(t, failed)
				assert.False(t, failed.Retryable())
				assert.Equal(t, tt.requests, w.cloud.Requests(fakegoogle.Token))
			})
		})
	}
}

func TestAThousandCallersOfAColdProvider(t *testing.T) {
	const callers = 1000
	w := newWorld(t)
	// There is no answer before all of them have come.
	var begun, done sync.WaitGroup
	begun.Add(callers)
	cfg := w.config()
	cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		begun.Wait()
		return w.cloud.Client().Transport.RoundTrip(r)
	})}
	creds, err := googlests.Credentials(cfg)
	require.NoError(t, err)
	values := make([]string, callers)
	for i := range values {
		done.Go(func() {
			begun.Done()
			tok, err := creds.Token(t.Context())
			if assert.NoError(t, err) {
				values[i] = tok.Value
			}
		})
	}
	done.Wait()
	assert.NotEmpty(t, values[0])
	for _, v := range values {
		require.Equal(t, values[0], v)
	}
	assert.Equal(t, 1, w.cloud.Requests(fakegoogle.Token))
	assert.Len(t, w.source.asked(), 1)
}
