package awssts_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/internal/fakecloud/fakeaws"
)

func TestDeadSTS(t *testing.T) {
	w := newWorld(t)
	raw := w.gitlab.GitLab(audience)
	url := func(h http.HandlerFunc) (string, func()) { s := httptest.NewServer(h); return s.URL, s.Close }
	html := func(status int) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Location", "/login")
			rw.WriteHeader(status)
			fmt.Fprintf(rw, "<html><body>Sign in, %s</body></html>", raw)
		}
	}
	tests := []struct {
		name      string
		handler   http.HandlerFunc
		closed    bool
		status    int
		requests  int32
		retryable bool
		is        error
		text      string
	}{
		{name: "nobody listens", closed: true, retryable: true, is: syscall.ECONNREFUSED},
		{name: "connection cut", handler: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, requests: 3, retryable: true, is: io.EOF},
		{name: "gateway's own page", handler: html(502), status: 502, requests: 3, retryable: true, text: "the answer is not one of STS"},
		{name: "redirect that keeps the method", handler: html(307), status: 307, requests: 1, text: "the answer is not one of STS"},
		{name: "redirect to a login page", handler: html(302), status: 302, requests: 1, text: "the answer is not one of STS"},
		{name: "login page", handler: html(200), status: 200, requests: 1, text: "the answer could not be read"},
		{name: "answer of something else", handler: html(404), status: 404, requests: 1, text: "the answer is not one of STS"},
		{name: "page that is not XML", handler: func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(rw, "<html><body>Blocked&nbsp;here, %s<br></body>", raw)
		}, status: 403, requests: 1, text: "the answer is not one of STS"},
		{name: "answer that breaks off", handler: func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(rw, "<AssumeRoleWithWebIdentityResponse>")
		}, status: 200, requests: 3, retryable: true, is: io.ErrUnexpectedEOF, text: "the answer broke off"},
		{name: "answer cut within the credentials", handler: func(rw http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(rw, "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><SecretAccessKey>SECRET-OF-THE-SESSION")
		}, status: 200, requests: 1, text: "the answer could not be read"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var n atomic.Int32
			endpoint, stop := url(func(rw http.ResponseWriter, r *http.Request) { n.Add(1); tt.handler(rw, r) })
			defer stop()
			if tt.closed {
				stop()
			}
			p := w.provider(t, raw, func(c *awssts.Config) { c.HTTPClient, c.Endpoint = nil, endpoint })
			e := refused(context.Background(), t, p, raw)
			assert.Equal(t, exchange.StageExchange, e.Stage)
			assert.Equal(t, tt.status, e.StatusCode)
			assert.Equal(t, tt.requests, n.Load())
			assert.Equal(t, tt.retryable, e.Retryable())
			if tt.is != nil {
				assert.ErrorIs(t, e, tt.is)
			}
			assert.Contains(t, e.Error(), tt.text)
			assert.NotContains(t, dump(e), "SECRET-OF-THE-SESSION")
		})
	}
}

// brokenBody is an answer whose connection is closed while it is read.
type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) {
	return 0, &net.OpError{Op: "read", Net: "tcp", Err: net.ErrClosed}
}
func (brokenBody) Close() error { return nil }

func TestConnectionClosedUnderAnAnswerIsTriedThreeTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		raw := w.gitlab.GitLab(audience)
		n := 0
		e := refused(context.Background(), t, w.provider(t, raw, func(c *awssts.Config) {
			c.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				n++
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: brokenBody{}, Request: r}, nil
			})}
		}), raw)
		assert.Equal(t, 3, n)
		assert.ErrorIs(t, e, net.ErrClosed)
		assert.True(t, e.Retryable())
	})
}

// Which error a cut connection gives depends on who notices first.
func TestConnectionClosedUnderAWriteIsTriedThreeTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		raw := w.gitlab.GitLab(audience)
		n := 0
		e := refused(context.Background(), t, w.provider(t, raw, func(c *awssts.Config) {
			c.HTTPClient = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
				n++
				return nil, &net.OpError{Op: "write", Net: "tcp", Err: net.ErrClosed}
			})}
		}), raw)
		assert.ErrorIs(t, e, net.ErrClosed)
		assert.True(t, e.Retryable())
		assert.Equal(t, 3, n)
	})
}

// dialed counts connections that a transport refuses to make.
type dialed struct{ n atomic.Int32 }

func (d *dialed) RoundTrip(*http.Request) (*http.Response, error) {
	d.n.Add(1)
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
}

func TestUnreachableSTSIsTriedThreeTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		raw := w.gitlab.GitLab(audience)
		d := &dialed{}
		e := refused(context.Background(), t, w.provider(t, raw, func(c *awssts.Config) { c.HTTPClient = &http.Client{Transport: d} }), raw)
		assert.ErrorIs(t, e, syscall.ECONNREFUSED)
		assert.Zero(t, e.StatusCode)
		assert.Contains(t, e.Error(), "sts.eu-west-1.amazonaws.com")
		assert.Equal(t, int32(3), d.n.Load())
	})
}

func TestRetrySucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.aws.Misbehave(func(action string, rw http.ResponseWriter, _ *http.Request) bool {
			if w.aws.Requests(action) < 3 {
				fakeaws.Refuse(rw, 400, "InvalidIdentityToken", noKey)
				return true
			}
			return false
		})
		creds, err := w.provider(t, w.gitlab.GitLab(audience)).Retrieve(context.Background())
		require.NoError(t, err)
		assert.True(t, creds.HasKeys())
		assert.Equal(t, 3, w.exchanges())
	})
}
