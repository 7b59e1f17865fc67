package httpx_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/httpx"
)

func TestRetryMakesThreeAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waits []time.Duration
		last := time.Now()
		n := 0
		err := httpx.Retry(t.Context(), func(context.Context) httpx.Outcome {
			n++
			waits = append(waits, time.Since(last))
			last = time.Now()
			return httpx.Outcome{Err: fmt.Errorf("attempt %d", n), Retry: true}
		})
		assert.EqualError(t, err, "attempt 3")
		require.Len(t, waits, 3)
		assert.Zero(t, waits[0])
		assert.True(t, waits[1] >= 125*time.Millisecond && waits[1] <= 250*time.Millisecond, "%v", waits)
		assert.True(t, waits[2] >= 250*time.Millisecond && waits[2] <= 500*time.Millisecond, "%v", waits)
	})
}

func TestRetryEndsWithSuccessOrRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("refused")
		for _, out := range []httpx.Outcome{{}, {Retry: true}, {Err: refused}} {
			n := 0
			err := httpx.Retry(t.Context(), func(context.Context) httpx.Outcome { n++; return out })
			assert.Equal(t, out.Err, err)
			assert.Equal(t, 1, n)
		}
	})
}

func TestRetryKeepsTheServersPauseUpToFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for after, want := range map[time.Duration]time.Duration{2 * time.Second: 4 * time.Second, time.Hour: 10 * time.Second} {
			begun := time.Now()
			_ = httpx.Retry(t.Context(), func(context.Context) httpx.Outcome {
				return httpx.Outcome{Err: io.EOF, Retry: true, After: after}
			})
			assert.Equal(t, want, time.Since(begun))
		}
	})
}

func TestRetryDoesNotWaitPastTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun, n := time.Now(), 0
		err := httpx.Retry(ctx, func(context.Context) httpx.Outcome {
			n++
			return httpx.Outcome{Err: io.EOF, Retry: true, After: time.Second}
		})
		assert.Equal(t, io.EOF, err)
		assert.Equal(t, 1, n)
		assert.Zero(t, time.Since(begun))
	})
}

func TestRetryStatus(t *testing.T) {
	for _, status := range []int{429, 500, 502, 503, 504, 599} {
		assert.True(t, httpx.RetryStatus(status), status)
	}
	for _, status := range []int{0, 200, 302, 400, 401, 403, 404, 408, 499, 600} {
		assert.False(t, httpx.RetryStatus(status), status)
	}
}

func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-1": 0, "x": 0, "99999999": 0, "Fri, 31 Dec 1999 23:59:59 GMT": 0,
	} {
		assert.Equal(t, want, httpx.RetryAfter(http.Header{"Retry-After": {value}}), value)
	}
}

func TestDropped(t *testing.T) {
	for _, err := range []error{
		io.EOF, io.ErrUnexpectedEOF, syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE, os.ErrDeadlineExceeded,
		&url.Error{Op: "Post", URL: "https://x", Err: &net.OpError{Op: "write", Err: net.ErrClosed}},
		&url.Error{Op: "Post", URL: "https://x", Err: &net.OpError{Op: "read", Err: syscall.ECONNRESET}},
	} {
		assert.True(t, httpx.Dropped(err), "%v", err)
	}
	for _, err := range []error{
		nil, context.Canceled, &url.Error{Op: "Post", URL: "https://x", Err: context.Canceled},
		&net.DNSError{Err: "no such host", IsNotFound: true}, httpx.ErrRedirect, httpx.ErrTooLarge, x509.UnknownAuthorityError{}, errors.New("other"),
	} {
		assert.False(t, httpx.Dropped(err), "%v", err)
	}
}

func TestRefusedConnectionIsDropped(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, _, _, err := httpx.Get(t.Context(), httpx.Client(nil, time.Minute), server.URL, 0)
	assert.True(t, httpx.Dropped(err), "%v", err)
}
