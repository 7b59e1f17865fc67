// Package httpx makes HTTP requests whose cost is bounded: in bytes, in
// redirects, and in attempts.
//
// It serves the packages that fetch keys and the packages that present a
// secret to a token endpoint. Both talk to hosts that the user configured, and
// neither may be led to another one: a redirect to a different scheme or host
// is refused, and a request that carries a secret follows no redirect at all.
package httpx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cioidc/cioidc/internal/safetext"
)

// DefaultLimit is the response size, in bytes, that suffices for every key
// set, discovery document and token response: 1 MiB.
const DefaultLimit = 1 << 20

// maxRedirects bounds the redirects that a [Client] follows.
const maxRedirects = 3

var (
	// ErrTooLarge is returned for a response body above the caller's limit.
	ErrTooLarge = errors.New("httpx: response body too large")
	// ErrRedirect is returned for a redirect to another scheme or host, and
	// for the fourth redirect.
	ErrRedirect = errors.New("httpx: redirect refused")
	// ErrURL is returned by [CheckURL].
	ErrURL = errors.New("httpx: unusable URL")
)

// Client returns a copy of base that follows at most three redirects, all on
// the scheme and host of the first request, whatever base's own policy was.
//
// A nil base means a client on [http.DefaultTransport]. A positive timeout
// bounds each request, the reading of its body included; base's own timeout
// stays if it is shorter. A timeout of zero or less leaves base's.
func Client(base *http.Client, timeout time.Duration) *http.Client {
	var c http.Client
	if base != nil {
		c = *base
	}
	c.CheckRedirect = sameOrigin
	if timeout > 0 && (c.Timeout <= 0 || c.Timeout > timeout) {
		c.Timeout = timeout
	}
	return &c
}

func sameOrigin(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("%w: more than %d", ErrRedirect, maxRedirects)
	}
	from, to := via[0].URL, req.URL
	if from.Scheme != to.Scheme || !strings.EqualFold(from.Host, to.Host) {
		return fmt.Errorf("%w: from %s://%s to %s://%s", ErrRedirect, from.Scheme, from.Host, to.Scheme, to.Host)
	}
	return nil
}

// CheckURL parses raw, which must be an absolute https URL with a host and
// without user information or a fragment. Plain http is accepted for a
// loopback address or "localhost" only. Errors wrap [ErrURL].
func CheckURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case !hasScheme(raw) && err == nil && u.Host != "":
		return nil, fmt.Errorf("%w: no scheme: want https://HOST", ErrURL)
	case !hasScheme(raw):
		// Without a scheme url.Parse takes a host for a path, or for a scheme
		// if a port follows.
		return nil, fmt.Errorf("%w: no scheme, and so no host: want https://HOST", ErrURL)
	case err != nil:
		// The error of url.Parse repeats raw, which may hold a password.
		return nil, fmt.Errorf("%w: not a URL", ErrURL)
	case u.Host == "" || u.Hostname() == "":
		return nil, fmt.Errorf("%w: no host: want https://HOST", ErrURL)
	case u.User != nil:
		return nil, fmt.Errorf("%w: it holds user information", ErrURL)
	case u.Fragment != "" || strings.HasSuffix(raw, "#"):
		return nil, fmt.Errorf("%w: it has a fragment", ErrURL)
	case u.Scheme == "https":
	case u.Scheme != "http":
		return nil, fmt.Errorf("%w: scheme is %q, want https", ErrURL, u.Scheme)
	case !loopback(u.Hostname()):
		return nil, fmt.Errorf("%w: plain http is for loopback addresses only, want https", ErrURL)
	}
	return u, nil
}

// hasScheme reports whether raw is meant to begin with a scheme. In "host:443"
// what is before the colon is none.
func hasScheme(raw string) bool {
	lower := strings.ToLower(raw)
	return strings.Contains(raw, "://") || strings.HasPrefix(lower, "https:") || strings.HasPrefix(lower, "http:")
}

// Problem returns raw in quotes and what is wrong with it by [CheckURL], for
// the error of a configuration; it is empty if nothing is. A raw that may hold
// a password is left out, and so is its query.
func Problem(raw string) string {
	_, err := CheckURL(raw)
	if err == nil {
		return ""
	}
	why := strings.TrimPrefix(err.Error(), ErrURL.Error()+": ")
	if strings.Contains(raw, "@") {
		return why
	}
	if at := strings.IndexByte(raw, '?'); at >= 0 {
		raw = raw[:at+1] + "..."
	}
	return safetext.Quote(raw) + ": " + why
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Get requests url and returns the body, the header and the status of the
// answer, whatever the status is. A body above limit bytes is [ErrTooLarge];
// zero means [DefaultLimit]. The client should be one made by [Client].
func Get(ctx context.Context, client *http.Client, url string, limit int64) (body []byte, header http.Header, status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, 0, fmt.Errorf("%w: not a URL", ErrURL)
	}
	return Do(client, req, limit)
}

// PostForm posts form to url and returns the body, the header and the status
// of the answer, whatever the status is. It follows no redirect, so that what
// the form holds reaches url and nothing else: a 3xx is returned as it is. A
// body above limit bytes is [ErrTooLarge]; zero means [DefaultLimit].
func PostForm(ctx context.Context, client *http.Client, url string, form url.Values, limit int64) (body []byte, header http.Header, status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, nil, 0, fmt.Errorf("%w: not a URL", ErrURL)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	c := *client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return Do(&c, req, limit)
}

// Do sends req with client and reads the answer. A body above limit bytes is
// [ErrTooLarge]; zero means [DefaultLimit].
func Do(client *http.Client, req *http.Request, limit int64) (body []byte, header http.Header, status int, err error) {
	if limit <= 0 {
		limit = DefaultLimit
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, 0, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, resp.Header, resp.StatusCode, err
	}
	if int64(len(body)) > limit {
		return nil, resp.Header, resp.StatusCode, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	return body, resp.Header, resp.StatusCode, nil
}
