package exchange

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cioidc/cioidc/internal/httpx"
	"github.com/cioidc/cioidc/internal/safetext"
	"github.com/cioidc/cioidc/internal/tokencache"
	"github.com/cioidc/cioidc/internal/tokensource"
)

// Transport is an [http.RoundTripper] that presents the CI token itself, as a
// bearer token, to the hosts of one service that verifies it. Source and
// Audience are required. It must not be copied after its first use.
//
// The service's host must be that of Audience, or one of Hosts. A request to any
// other host goes out as it came, without the token, and a service that wants
// one answers 401; that includes a redirect. A request to one of the hosts over
// plain http is refused with [ErrPlainHTTP], unless the host is a loopback
// address or "localhost".
// An Authorization header that the request already has is replaced.
//
// The token is kept until a minute before it expires.
type Transport struct {
	// Source supplies the token. If it panics, the error is an *[Error] of
	// [StageSource]. Required.
	Source TokenSource
	// Audience is the audience to ask for, by which the service knows that the
	// token is meant for it. Required.
	Audience string
	// Hosts are the hosts that get the token, each as "host" for the scheme's
	// own port, or as "host:port". Empty means the host of Audience, which
	// must then be an https URL. If it is not empty, the host of Audience gets
	// the token only if it is listed.
	Hosts []string
	// Base makes the requests. Nil means [http.DefaultTransport].
	Base http.RoundTripper
	// Now returns the current time. Nil means [time.Now].
	Now func() time.Time

	cache tokencache.Cache
}

var _ http.RoundTripper = (*Transport)(nil)

// ErrPlainHTTP is the reason for which [Transport] sends nothing to one of its
// hosts over a connection that anyone on the way could read.
var ErrPlainHTTP = errors.New("over plain http anyone on the way could read the token: use https")

// RoundTrip implements [http.RoundTripper]. Its error is Base's, or an *[Error]
// if there is no token to send, or a *[ConfigError].
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	ours, err := t.ours(r)
	if err == nil && !ours {
		return base.RoundTrip(r)
	}
	var token string
	if err == nil {
		token, err = t.token(r.Context(), r.URL.Hostname())
	}
	if err != nil {
		if r.Body != nil { // RoundTripper: Body is closed on errors as well
			_ = r.Body.Close()
		}
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+token)
	return base.RoundTrip(r)
}

// ours reports whether r goes to a host that gets the token.
func (t *Transport) ours(r *http.Request) (bool, error) {
	switch {
	case tokensource.Missing(t.Source):
		return false, &ConfigError{Package: "exchange", Field: "Transport.Source", Problem: "required, and neither nil nor a nil pointer: the source of the token, such as the result of ciplatform.Detect"}
	case t.Audience == "":
		return false, &ConfigError{Package: "exchange", Field: "Transport.Audience", Problem: "required: the audience that the service accepts"}
	}
	hosts := t.Hosts
	if len(hosts) == 0 {
		u, err := url.Parse(t.Audience)
		if err != nil || u.Scheme != "https" || u.Hostname() == "" {
			return false, &ConfigError{Package: "exchange", Field: "Transport.Hosts", Problem: "required, because Audience is not an https URL whose host could be taken"}
		}
		hosts = []string{u.Host}
	}
	// The Host header decides who answers at a shared front; it must be one of
	// the hosts as much as the address.
	listed, err := contains(hosts, r.URL.Scheme, r.URL.Host)
	if err == nil && listed && r.Host != "" {
		listed, err = contains(hosts, r.URL.Scheme, r.Host)
	}
	if err != nil || !listed {
		return false, err
	}
	if _, err := httpx.CheckURL(r.URL.Scheme + "://" + r.URL.Host); err != nil {
		return false, &Error{Service: r.URL.Hostname(), Stage: StageSend, Err: ErrPlainHTTP}
	}
	return true, nil
}

func (t *Transport) token(ctx context.Context, host string) (string, error) {
	token, err := t.cache.Token(ctx, t.Source, t.Audience, t.Now)
	if err != nil {
		return "", &Error{Service: host, Stage: StageSource, Err: err}
	}
	// Anything else is no token, and net/http might quote it in an error.
	if token == "" || strings.ContainsFunc(token, notBearer) {
		return "", &Error{Service: host, Stage: StageSource, Err: errors.New("the source returned something that is not a token")}
	}
	return token, nil
}

// notBearer reports whether r is outside the b64token of RFC 6750, section 2.1.
func notBearer(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._~+/=", r))
}

// contains reports whether hosts has host, with the port that scheme implies
// where either gives none.
func contains(hosts []string, scheme, host string) (bool, error) {
	want, err := withPort(host, scheme)
	if err != nil {
		return false, nil // what cannot be a host is none of ours
	}
	for _, h := range hosts {
		have, err := withPort(h, scheme)
		if err != nil {
			return false, &ConfigError{Package: "exchange", Field: "Transport.Hosts", Problem: fmt.Sprintf("%s is neither a host nor host:port", safetext.Quote(h))}
		}
		if have == want {
			return true, nil
		}
	}
	return false, nil
}

func withPort(host, scheme string) (string, error) {
	u, err := url.Parse("//" + host)
	if err != nil || u.Host != host || u.Hostname() == "" || strings.ContainsAny(host, "*@/?# ") {
		return "", errors.New("not a host")
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[scheme]
	}
	return net.JoinHostPort(strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), port), nil
}
