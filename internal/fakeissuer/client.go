package fakeissuer

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Client returns an HTTP client that reaches these issuers, each at its URL,
// and nothing else: there is no network under it. A request to any other host
// fails with a *[HostError]; one to a path that no issuer has is answered 404
// by the first issuer of that host, which counts it.
//
// A nil issuer, and two at one URL, are mistakes: an *[ClientError] goes to
// [Options.Fatal] of the first issuer that is not nil, and is the error of
// every request.
func Client(issuers ...*Issuer) *http.Client {
	t := &transport{issuers: issuers}
	if e := checkIssuers(issuers); e != nil {
		t.err = e
		if n := slices.IndexFunc(issuers, func(i *Issuer) bool { return i != nil }); n >= 0 {
			issuers[n].fatal(e)
		}
	}
	return &http.Client{Transport: t}
}

// ClientError reports issuers that a client cannot reach.
type ClientError struct {
	Issuer int    // which one, counted from 1
	Detail string // what is wrong with it
}

func (e *ClientError) Error() string { return "Client: " + e.Detail }

func checkIssuers(issuers []*Issuer) *ClientError {
	for n, i := range issuers {
		if i == nil {
			return &ClientError{n + 1, fmt.Sprintf("issuer %d is nil", n+1)}
		}
		for earlier, other := range issuers[:n] {
			if other != i && other.address() == i.address() {
				return &ClientError{n + 1, fmt.Sprintf("issuers %d and %d are both at %s, where only one can answer", earlier+1, n+1, i.raw)}
			}
		}
	}
	return nil
}

// address is where requests for the issuer go: to a URL and to the same one
// with a slash at its end alike.
func (i *Issuer) address() string {
	return i.url.Scheme + "://" + canonicalHost(i.url) + strings.TrimSuffix(i.url.Path, "/")
}

// HostError reports a request to a host where no issuer of the client is.
type HostError struct {
	Host  string   // the host asked for, with its scheme
	Known []string // the URLs of the client's issuers
}

func (e *HostError) Error() string {
	// Users meet this text through package oidctest: it names no package.
	known := "no issuer"
	if len(e.Known) > 0 {
		known = strings.Join(e.Known, ", ")
	}
	return fmt.Sprintf("no fake issuer at %s; this client reaches: %s", e.Host, known)
}

type transport struct {
	issuers []*Issuer
	err     error // of every request; nil means none
}

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
	if t.err != nil {
		return nil, t.err
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
