package fakeissuer

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Client returns an HTTP client that reaches these issuers, each at its URL,
// and nothing else: there is no network under it. A request to any other host
// fails with a *[HostError]; one to a path that no issuer has is answered 404
// by the first issuer of that host, which counts it.
func Client(issuers ...*Issuer) *http.Client {
	return &http.Client{Transport: &transport{issuers: issuers}}
}

// HostError reports a request to a host where no issuer of the client is.
type HostError struct {
	Host  string   // the host asked for, with its scheme
	Known []string // the URLs of the client's issuers
}

func (e *HostError) Error() string {
	return fmt.Sprintf("fakeissuer: no fake issuer at %s; this client reaches: %s", e.Host, strings.Join(e.Known, ", "))
}

type transport struct{ issuers []*Issuer }

var _ http.RoundTripper = (*transport)(nil)

// route returns the issuer whose URL is the longest prefix of u.
func (t *transport) route(u *url.URL) *Issuer {
	var best, host *Issuer
	for _, i := range t.issuers {
		if i.url.Scheme != u.Scheme || canonicalHost(i.url) != canonicalHost(u) {
			continue
		}
		if host == nil {
			host = i
		}
		prefix := strings.TrimSuffix(i.url.Path, "/") + "/"
		if strings.HasPrefix(u.Path, prefix) && (best == nil || len(i.url.Path) > len(best.url.Path)) {
			best = i
		}
	}
	if best != nil {
		return best
	}
	return host
}

// canonicalHost returns the host in lower case, without a default port.
func canonicalHost(u *url.URL) string {
	host := strings.ToLower(u.Host)
	switch {
	case u.Scheme == "https":
		host = strings.TrimSuffix(host, ":443")
	case u.Scheme == "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return host
}

// RoundTrip runs the issuer's handler in a goroutine of its own, so that the
// caller gets away when its context ends even if the handler does not.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	issuer := t.route(req.URL)
	if issuer == nil {
		e := &HostError{Host: req.URL.Scheme + "://" + req.URL.Host}
		for _, i := range t.issuers {
			e.Known = append(e.Known, i.raw)
		}
		return nil, e
	}

	ctx, cancel := context.WithCancel(req.Context())
	in := req.Clone(ctx)
	in.Body = http.NoBody // the issuers take no bodies
	in.ContentLength = 0
	in.RequestURI = req.URL.RequestURI()
	in.URL = &url.URL{Path: req.URL.Path, RawPath: req.URL.RawPath, RawQuery: req.URL.RawQuery}
	in.RemoteAddr = "192.0.2.1:1" // RFC 5737
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	w := newResponseWriter(req.Method == http.MethodHead)
	go w.serve(issuer, in, cancel)

	select {
	case <-w.ready:
	case <-ctx.Done():
		w.abort(ctx.Err())
		<-w.ready // now closed, by abort or by the handler
	}
	err := w.err
	if ended := req.Context().Err(); ended != nil {
		err = ended // even if the handler, ending with it, has answered
		w.abort(ended)
	}
	if err != nil {
		cancel()
		return nil, err
	}
	return w.response(ctx, cancel, req), nil
}
