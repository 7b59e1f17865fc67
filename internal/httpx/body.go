package httpx

import (
	"fmt"
	"io"
	"net/http"
)

// LimitBodies returns a transport that fails the reading of a response body
// beyond limit bytes with [ErrTooLarge]: for clients of others that read to the
// end. A nil base means [http.DefaultTransport].
func LimitBodies(base http.RoundTripper, limit int64) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &limitedTransport{base: base, limit: limit}
}

type limitedTransport struct {
	base  http.RoundTripper
	limit int64
}

func (t *limitedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = &limitedBody{ReadCloser: resp.Body, left: t.limit, limit: t.limit}
	return resp, nil
}

type limitedBody struct {
	io.ReadCloser
	left, limit int64
}

// Read reads one byte more than is allowed, to tell an end from an excess.
func (b *limitedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if int64(n) > b.left {
		return int(b.left), fmt.Errorf("%w: more than %d bytes", ErrTooLarge, b.limit)
	}
	b.left -= int64(n)
	return n, err
}
