package httpx

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"syscall"
	"time"
)

// Attempts is how many requests [Retry] makes at most.
const Attempts = 3

const (
	firstBackoff = 250 * time.Millisecond
	maxBackoff   = 5 * time.Second
)

// Outcome is what one attempt of [Retry] came to.
type Outcome struct {
	// Err is the attempt's error; nil ends the attempts.
	Err error
	// Retry says that another attempt may succeed.
	Retry bool
	// After is the wait that the server asked for. Zero means the backoff's.
	After time.Duration
}

// Retry calls attempt up to three times, as long as its outcome asks for
// another, and returns the error of the last one. Between attempts it waits
// with exponential backoff and jitter, or as long as the server asked, up to
// five seconds.
//
// It never waits past ctx: when the next attempt could not start before the
// deadline, the last error is returned at once.
func Retry(ctx context.Context, attempt func(context.Context) Outcome) error {
	backoff := firstBackoff
	for n := 1; ; n++ {
		out := attempt(ctx)
		if out.Err == nil || !out.Retry || n == Attempts || ctx.Err() != nil {
			return out.Err
		}
		// Half fixed, half random: parallel jobs that failed together must
		// not come back together.
		wait := backoff/2 + rand.N(backoff/2+1)
		backoff *= 2
		if out.After > 0 {
			wait = out.After
		}
		if wait > maxBackoff {
			wait = maxBackoff
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
			return out.Err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return out.Err
		case <-timer.C:
		}
	}
}

// RetryStatus reports whether a status promises that the same request may
// succeed later: 429 and every 5xx.
func RetryStatus(status int) bool {
	return status == http.StatusTooManyRequests || status >= 500 && status <= 599
}

// RetryAfter returns the wait that a Retry-After header in seconds asks for,
// and zero for its absence or its date form (RFC 9110, section 10.2.3).
func RetryAfter(header http.Header) time.Duration {
	seconds, err := strconv.Atoi(header.Get("Retry-After"))
	if err != nil || seconds < 0 || seconds > 24*60*60 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// Dropped reports whether err means that the connection could not be made, was
// cut, or timed out, so that the same request may succeed on another one. A
// canceled context, a name that does not resolve, a refused redirect, a failed
// TLS handshake and an oversized body are not that.
func Dropped(err error) bool {
	var nerr net.Error
	var header textproto.ProtocolError
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return false
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		// The read loop of net/http closes a connection that the server has cut;
		// a write that comes later finds it closed.
		errors.Is(err, net.ErrClosed):
		return true
	case errors.As(err, &header):
		// To net/http an answer that was cut within a line of its header has a
		// malformed one.
		return true
	case errors.As(err, &nerr):
		return nerr.Timeout()
	}
	return false
}
