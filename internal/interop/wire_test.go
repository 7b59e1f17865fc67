//go:build linux

package interop

import (
	"bytes"
	"io"
	"net/http"
	"time"
)

// wholeRequests is a transport that sends a request's header and body in one
// write and lets go of the body before that: how a request fares does not
// depend on how busy the machine is then.
type wholeRequests struct{ base *http.Transport }

// newClient returns a client of wholeRequests, with connections of its own.
func newClient() *http.Client {
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.WriteBufferSize = 64 << 10
	return &http.Client{Transport: wholeRequests{base}, Timeout: 20 * time.Second}
}

// RoundTrip implements [http.RoundTripper].
func (w wholeRequests) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return w.base.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	_ = r.Body.Close()
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	// Of this type, net/http knows that the body is there: it does not send the
	// header ahead of it.
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	r.Header.Del("Expect")
	return w.base.RoundTrip(r)
}

// CloseIdleConnections is called by [http.Client.CloseIdleConnections].
func (w wholeRequests) CloseIdleConnections() { w.base.CloseIdleConnections() }
