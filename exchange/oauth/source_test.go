package oauth_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/oauth"
)

// numbered answers each exchange after a second with another token, valid for
// life seconds; life "" says nothing of it.
func numbered(n *atomic.Int32, life string) *http.Client {
	return &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		time.Sleep(time.Second)
		body := `{"access_token":"token-` + strconv.Itoa(int(n.Add(1))) + `"` + life + `}`
		w := httptest.NewRecorder()
		_, _ = io.WriteString(w, body)
		return w.Result(), nil
	})}
}

func TestOneExchangeForAThousandCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		cfg := config(&fixed{}, answering(200, success))
		cfg.HTTPClient = numbered(&n, `,"expires_in":3600`)
		source := cfg.TokenSource()
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				got, err := source.Token()
				assert.NoError(t, err)
				assert.Equal(t, "token-1", got.AccessToken)
				got.AccessToken = "changed by its holder"
			})
		}
		wg.Wait()
		assert.Equal(t, int32(1), n.Load())
	})
}

func TestOneFailureForAThousandCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := answering(400, `{"error":"invalid_grant"}`)
		cfg := config(&fixed{}, e)
		cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return e.RoundTrip(r)
		})}
		source := cfg.TokenSource()
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				_, err := source.Token()
				var failed *exchange.Error
				assert.ErrorAs(t, err, &failed)
			})
		}
		wg.Wait()
		assert.Equal(t, 1, e.count())
		_, err := source.Token()
		require.Error(t, err)
		assert.Equal(t, 2, e.count(), "an error is not kept")
	})
}

func TestRenewal(t *testing.T) {
	for life, want := range map[string]time.Duration{
		`,"expires_in":3600`:                   3600*time.Second - time.Minute,
		`,"expires_in":240`:                    180 * time.Second,
		`,"expires_in":60`:                     45 * time.Second,
		``:                                     5*time.Minute + time.Second - time.Second,
		`,"expires_in":"2000-01-01T00:10:00Z"`: 9 * time.Minute,
	} {
		synctest.Test(t, func(t *testing.T) {
			var n atomic.Int32
			cfg := config(&fixed{}, answering(200, success))
			cfg.HTTPClient = numbered(&n, life)
			source := cfg.TokenSource()
			get := func() string {
				got, err := source.Token()
				require.NoError(t, err)
				return got.AccessToken
			}
			assert.Equal(t, "token-1", get())
			time.Sleep(want - 2*time.Second) // the exchange took one
			assert.Equal(t, "token-1", get(), life)
			time.Sleep(2 * time.Second)
			assert.Equal(t, "token-2", get(), life)
		})
	}
}

// A job of six hours, one call a minute: valid at every call.
func TestSixHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		cfg := config(&fixed{}, answering(200, success))
		cfg.HTTPClient = numbered(&n, `,"expires_in":3600`)
		source := cfg.TokenSource()
		for range 6 * 60 {
			got, err := source.Token()
			require.NoError(t, err)
			assert.True(t, got.Valid())
			time.Sleep(time.Minute)
		}
		assert.Equal(t, int32(7), n.Load())
	})
}

func TestClientSendsTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := answering(200, success)
		cfg := config(&fixed{}, e)
		var got []string
		cfg.HTTPClient = &http.Client{Timeout: time.Minute, Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "sts.example" {
				return e.RoundTrip(r)
			}
			got = append(got, r.URL.String()+" "+r.Header.Get("Authorization"))
			w := httptest.NewRecorder()
			if r.URL.Path == "/away" {
				w.Header().Set("Location", "https://other.example/")
				w.WriteHeader(302)
			}
			return w.Result(), nil
		})}
		client := cfg.Client()
		for range 3 {
			r, err := http.NewRequest("GET", "https://api.example/", nil)
			require.NoError(t, err)
			r.Header.Set("Authorization", "Basic x")
			resp, err := client.Do(r)
			require.NoError(t, err)
			resp.Body.Close()
			assert.Equal(t, "Basic x", r.Header.Get("Authorization"), "the caller's request is as it was")
		}
		assert.Equal(t, []string{"https://api.example/ Bearer " + minted, "https://api.example/ Bearer " + minted, "https://api.example/ Bearer " + minted}, got)
		assert.Equal(t, 1, e.count())
		assert.Equal(t, time.Minute, client.Timeout)

		got = nil
		_, err := client.Get("https://api.example/away")
		assert.ErrorContains(t, err, "redirect refused")
		assert.Len(t, got, 1, "nothing reaches the other host")
	})
}

func TestClientRefusals(t *testing.T) {
	t.Run("plain http", func(t *testing.T) {
		e, s := answering(200, success), &fixed{}
		body := &closing{Reader: strings.NewReader("x")}
		r, err := http.NewRequest("POST", "http://api.example/", body)
		require.NoError(t, err)
		_, err = config(s, e).Client().Do(r)
		var failed *exchange.Error
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, exchange.StageSend, failed.Stage)
		assert.ErrorIs(t, err, exchange.ErrPlainHTTP)
		assert.Zero(t, e.count())
		assert.Empty(t, s.audience)
		assert.True(t, body.closed)
	})
	t.Run("another client's redirect", func(t *testing.T) {
		var hosts []string
		cfg := config(&fixed{}, answering(200, success))
		inner := cfg.HTTPClient.Transport
		cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "sts.example" {
				return inner.RoundTrip(r)
			}
			hosts = append(hosts, r.URL.Host)
			return &http.Response{StatusCode: 307, Header: http.Header{"Location": {"https://elsewhere.example/"}}, Body: http.NoBody, Request: r}, nil
		})}
		_, err := (&http.Client{Transport: cfg.Client().Transport}).Get("https://api.example/")
		var failed *exchange.Error
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, exchange.StageSend, failed.Stage)
		assert.ErrorContains(t, err, "redirects elsewhere")
		assert.Equal(t, []string{"api.example"}, hosts)
	})
	t.Run("no bearer token", func(t *testing.T) {
		e := answering(200, `{"access_token":"`+minted+`","token_type":"N_A"}`)
		_, err := config(&fixed{}, e).Client().Get("https://api.example/")
		var failed *exchange.Error
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, exchange.StageSend, failed.Stage)
		assert.ErrorContains(t, err, "no bearer token")
		assert.NotContains(t, err.Error(), minted)
		assert.Equal(t, 1, e.count())
	})
	t.Run("refused exchange", func(t *testing.T) {
		_, err := config(&fixed{}, answering(400, `{"error":"invalid_grant"}`)).Client().Get("https://api.example/")
		var failed *exchange.Error
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, "invalid_grant", failed.Code)
	})
	t.Run("its context ends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var n atomic.Int32
			cfg := config(&fixed{}, answering(200, success))
			cfg.HTTPClient = numbered(&n, "")
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			r, err := http.NewRequestWithContext(ctx, "GET", "https://api.example/", nil)
			require.NoError(t, err)
			_, err = cfg.Client().Do(r)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Less(t, time.Since(begin), time.Second)
			time.Sleep(2 * time.Second) // the exchange, which others may wait for, ends by itself
		})
	})
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

func TestAssertionForOthers(t *testing.T) {
	s := &fixed{}
	// The shape that azidentity.NewClientAssertionCredential takes.
	var f func(context.Context) (string, error) = oauth.Assertion(s, oauth.EntraAudience)
	got, err := f(t.Context())
	require.NoError(t, err)
	assert.Equal(t, jobToken, got)
	assert.Equal(t, "api://AzureADTokenExchange", s.audience)

	var refused *exchange.ConfigError
	_, err = oauth.Assertion(nil, "a")(t.Context())
	require.ErrorAs(t, err, &refused)
	_, err = oauth.Assertion(s, "")(t.Context())
	require.ErrorAs(t, err, &refused)

	none := errors.New("none")
	for name, src := range map[string]exchange.TokenSourceFunc{
		"error":     func(context.Context, string) (string, error) { return "", none },
		"not a JWT": func(context.Context, string) (string, error) { return "glcbt-64_a-job-token", nil },
		"expired":   func(context.Context, string) (string, error) { return aJWT, nil },
	} {
		_, err := oauth.Assertion(src, "a")(t.Context())
		var failed *exchange.Error
		require.ErrorAs(t, err, &failed, name)
		assert.Equal(t, exchange.StageSource, failed.Stage)
		assert.NotContains(t, err.Error(), "glcbt")
	}
}
