package googlests_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
)

// assertNoSecret looks for pieces of the secrets in every form of err.
func assertNoSecret(t *testing.T, err error, secrets ...string) {
	t.Helper()
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Error("failed", "err", err)
	text := fmt.Sprintf("%v\n%+v\n%#v\n%q\n%s", err, err, err, err, log.String())
	for _, secret := range secrets {
		const piece = 20
		for i := 0; i+piece <= len(secret); i++ {
			require.NotContains(t, text, secret[i:i+piece])
		}
	}
}

func TestTransientFailureIsRepeatedTwice(t *testing.T) {
	for _, status := range []int{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.cloud.Misbehave(answering(status, nil, `{"error":"quota_exceeded","error_description":"Later."}`))
				failed := w.fail(t, w.config())
				assert.Equal(t, status, failed.StatusCode)
				assert.Equal(t, "quota_exceeded", failed.Code)
				assert.True(t, failed.Retryable())
				assert.Equal(t, 3, w.cloud.Requests(fakegoogle.Token))
				assert.Len(t, w.source.asked(), 1, "the same token is sent again")
			})
		})
	}
}

func TestSecondAttemptSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.cloud.Misbehave(func(_ fakegoogle.Endpoint, rw http.ResponseWriter, _ *http.Request) bool {
			if w.cloud.Requests(fakegoogle.Token) > 1 {
				return false
			}
			rw.Header().Set("Retry-After", "3")
			rw.WriteHeader(http.StatusServiceUnavailable)
			return true
		})
		begun := time.Now()
		creds, err := googlests.Credentials(w.config())
		require.NoError(t, err)
		token(t, creds)
		assert.Equal(t, 2, w.cloud.Requests(fakegoogle.Token))
		assert.Equal(t, 3*time.Second, time.Since(begun), "the server's own pause is kept")
	})
}

func TestDroppedConnectionIsRepeated(t *testing.T) {
	for name, tt := range map[string]struct {
		err      error
		requests int
	}{
		"cut":           {io.ErrUnexpectedEOF, 3},
		"closed":        {io.EOF, 3},
		"a wrong proxy": {errors.New("proxy: no such host"), 1},
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
				assert.ErrorIs(t, failed, tt.err)
				assert.Zero(t, failed.StatusCode)
				assert.Equal(t, tt.requests == 3, failed.Retryable())
				assert.Equal(t, tt.requests, requests)
			})
		})
	}
}

func TestAttemptsEndBeforeTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.cloud.Misbehave(answering(http.StatusServiceUnavailable, http.Header{"Retry-After": {"3"}}, ""))
		creds, err := googlests.Credentials(w.config())
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		begun := time.Now()
		_, err = creds.Token(ctx)
		var failed *exchange.Error
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, http.StatusServiceUnavailable, failed.StatusCode, "what the server said, not that time is up")
		assert.Equal(t, 1, w.cloud.Requests(fakegoogle.Token))
		assert.Zero(t, time.Since(begun))
	})
}

func TestHangingEndpointIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		cfg := w.config()
		cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}
		begun := time.Now()
		failed := w.fail(t, cfg)
		assert.ErrorIs(t, failed, context.DeadlineExceeded)
		assert.Equal(t, 10*time.Second, time.Since(begun))
	})
}

func TestHangingSourceIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		cfg := w.config()
		cfg.Source = exchange.TokenSourceFunc(func(ctx context.Context, _ string) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		})
		begun := time.Now()
		failed := w.fail(t, cfg)
		assert.Equal(t, exchange.StageSource, failed.Stage)
		assert.ErrorIs(t, failed, context.DeadlineExceeded)
		assert.Equal(t, 10*time.Second, time.Since(begun))
		assert.Zero(t, w.cloud.Requests(fakegoogle.Token))
	})
}

func TestEndedContextSendsNothing(t *testing.T) {
	w := newWorld(t)
	creds, err := googlests.Credentials(w.config())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = creds.Token(ctx)
	var failed *exchange.Error
	require.ErrorAs(t, err, &failed)
	assert.ErrorIs(t, err, context.Canceled)
	assert.False(t, failed.Retryable())
	assert.Empty(t, w.source.asked())
	assert.Zero(t, w.cloud.Requests(fakegoogle.Token))
}

func TestContextEndsWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.cloud.Misbehave(answering(http.StatusServiceUnavailable, http.Header{"Retry-After": {"4"}}, ""))
		creds, err := googlests.Credentials(w.config())
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		begun := time.Now()
		_, err = creds.Token(ctx)
		var failed *exchange.Error
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, time.Second, time.Since(begun))
		assert.Equal(t, 1, w.cloud.Requests(fakegoogle.Token))
	})
}

func TestSourcesErrorIsKept(t *testing.T) {
	w := newWorld(t)
	none := errors.New("no token for that audience")
	cfg := w.config()
	cfg.Source = exchange.TokenSourceFunc(func(context.Context, string) (string, error) { return "", none })
	failed := w.fail(t, cfg)
	assert.Equal(t, exchange.StageSource, failed.Stage)
	assert.ErrorIs(t, failed, none)
	assert.Zero(t, w.cloud.Requests(fakegoogle.Token))
}

// Google's clients renew credentials in a goroutine, where nobody recovers.
func TestPanicOfTheSourceIsAnError(t *testing.T) {
	for name, tt := range map[string]struct {
		source exchange.TokenSource
		words  string
	}{
		"text":   {exchange.TokenSourceFunc(func(context.Context, string) (string, error) { panic("a secret") }), "the source, of type exchange.TokenSourceFunc, panicked with a value of type string"},
		"nobody": {struct{ exchange.TokenSource }{}, "panicked with a value of type runtime.errorString"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			cfg := w.config()
			cfg.Source = tt.source
			failed := w.fail(t, cfg)
			assert.Equal(t, exchange.StageSource, failed.Stage)
			assert.ErrorContains(t, failed, tt.words)
			assert.NotContains(t, failed.Error(), "secret")
			assert.Zero(t, w.cloud.Requests(fakegoogle.Token))
		})
	}
}

func TestLineBreakIsNamedAndNotSent(t *testing.T) {
	w := newWorld(t)
	w.source.mint = func(aud string) string { return w.gitlab.GitLab(aud) + "\n" }
	failed := w.fail(t, w.config())
	assert.Equal(t, exchange.StageSource, failed.Stage)
	assert.EqualError(t, failed, "exchange: google: no CI token: the source's token ends in a line break: return the token without it (strings.TrimSpace), or read a file with exchange.File")
	assert.Zero(t, w.cloud.Requests(fakegoogle.Token))
}

func TestWhatIsNotATokenIsNotSent(t *testing.T) {
	for name, raw := range map[string]string{
		"nothing":         "",
		"another secret":  "glcbt-64_a-job-token-of-gitlab",
		"two parts":       "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIn0",
		"an encoded list": "eyJhbGciOiJSUzI1NiJ9.W10.AAAA",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.source.mint = func(string) string { return raw }
			failed := w.fail(t, w.config())
			assert.Equal(t, exchange.StageSource, failed.Stage)
			assert.ErrorContains(t, failed, "not a JWT")
			assert.Zero(t, w.cloud.Requests(fakegoogle.Token))
		})
	}
}

// The endpoint, or a transport, may repeat what it was sent.
func TestTokenIsScrubbedFromWhatComesBack(t *testing.T) {
	answers := map[string]func(raw string) (string, http.Header){
		"description": func(raw string) (string, http.Header) {
			return `{"error":"invalid_grant","error_description":"bad token ` + raw + ` in request"}`, nil
		},
		"code": func(raw string) (string, http.Header) { return `{"error":"` + raw + `"}`, nil },
		"a part of it": func(raw string) (string, http.Header) {
			return `{"error":"x","error_description":"` + raw[30:90] + `"}`, nil
		},
		"API message": func(raw string) (string, http.Header) {
			return `{"error":{"message":"` + raw + `","status":"` + raw[:40] + `"}}`, nil
		},
		"page":         func(raw string) (string, http.Header) { return "<p>" + raw, http.Header{"Content-Type": {"text/html"}} },
		"content type": func(raw string) (string, http.Header) { return "x", http.Header{"Content-Type": {"text/" + raw}} },
	}
	for name, body := range answers {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.cloud.Misbehave(func(e fakegoogle.Endpoint, rw http.ResponseWriter, r *http.Request) bool {
				text, header := body(r.FormValue("subject_token"))
				return answering(http.StatusBadRequest, header, text)(e, rw, r)
			})
			w.fail(t, w.config())
		})
	}
	t.Run("transport", func(t *testing.T) {
		w := newWorld(t)
		cfg := w.config()
		cause := errors.New("cause")
		cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			body, _ := io.ReadAll(r.Body)
			return nil, fmt.Errorf("%w: %s", cause, body)
		})}
		assert.ErrorIs(t, w.fail(t, cfg), cause)
	})
}

func TestOversizedAnswerIsRefused(t *testing.T) {
	w := newWorld(t)
	w.cloud.Misbehave(answering(http.StatusOK, nil, `{"access_token":"`+strings.Repeat("a", 1<<20)+`"}`))
	failed := w.fail(t, w.config())
	assert.ErrorContains(t, failed, "body too large")
	assert.Equal(t, 1, w.cloud.Requests(fakegoogle.Token))
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
