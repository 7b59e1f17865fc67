package oauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/flight"
	"github.com/cioidc/cioidc/internal/httpx"
)

const (
	// margin is how long before its end a token is renewed, if it lasts at
	// least four times as long; a shorter one is renewed when a quarter is left.
	margin = time.Minute
	// unknownLife is how long a token is kept whose end nobody told.
	unknownLife = 5 * time.Minute
)

// TokenSource returns a source that exchanges on first use, keeps the token and
// exchanges anew a minute before it ends, or when a quarter of a life of less
// than four minutes is left. A token without a known end is kept for five
// minutes. Callers that need a token at the same time share one exchange, its
// error included; an error is not kept. It is safe for concurrent use, and has
// no goroutine but the exchange's while that lasts.
//
// An oauth2.TokenSource has no context: c.Timeout applies. The errors are those
// of [Config.Token].
func (c Config) TokenSource() oauth2.TokenSource { return &cached{config: c} }

// cached keeps the token of a Config.
type cached struct {
	config Config
	slot   flight.Slot[*oauth2.Token]
}

var (
	_ oauth2.TokenSource = (*cached)(nil)
	_ fmt.Formatter      = (*cached)(nil)
)

// Format prints the configuration without its secrets, and not the token, for
// every verb.
func (s *cached) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "oauth.TokenSource{"+s.config.String()+"}")
}

// Token implements [oauth2.TokenSource].
func (s *cached) Token() (*oauth2.Token, error) { return s.token(context.Background()) }

func (s *cached) token(ctx context.Context) (*oauth2.Token, error) {
	x, err := s.config.exchanger()
	if err != nil {
		return nil, err
	}
	t, err := s.slot.Get(ctx, nil, func(ctx context.Context) (*oauth2.Token, time.Time, error) {
		began := time.Now()
		t, err := x.token(ctx)
		if err != nil {
			return nil, time.Time{}, err
		}
		return t, renewal(t.Expiry, began), nil
	})
	var failed *exchange.Error
	switch {
	case err == nil:
		// A copy: the caller may change what it got.
		own := *t
		return &own, nil
	case !errors.As(err, &failed):
		err = x.fail(exchange.StageExchange, err) // the caller's context ended
	}
	return nil, err
}

// renewal returns when a token that was had at began and ends at end is to be
// renewed.
func renewal(end, began time.Time) time.Time {
	if end.IsZero() {
		return began.Add(unknownLife)
	}
	return end.Add(-min(margin, end.Sub(began)/4))
}

// Client returns a client that sends the token, as an Authorization header, with
// every request; it keeps the token as [Config.TokenSource] does. So use it
// for the service that the token is for, and for no other. Plain http is for
// loopback only, and a redirect to another scheme or host is refused.
//
// It is otherwise a copy of c.HTTPClient. The context of a request also governs
// its wait for the token. The errors, which net/http wraps, are those of
// [Config.Token], and an *[exchange.Error] of [exchange.StageSend] if the token
// may not be sent.
func (c Config) Client() *http.Client {
	client := httpx.Client(c.HTTPClient, 0)
	base := client.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	client.Transport = &transport{source: &cached{config: c}, base: base}
	return client
}

type transport struct {
	source *cached
	base   http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	authorization, err := t.authorization(r)
	if err != nil {
		if r.Body != nil { // RoundTripper: Body is closed on errors as well
			_ = r.Body.Close()
		}
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", authorization)
	return t.base.RoundTrip(r)
}

func (t *transport) authorization(r *http.Request) (string, error) {
	refuse := func(err error) (string, error) {
		return "", &exchange.Error{Service: r.URL.Hostname(), Stage: exchange.StageSend, Err: err}
	}
	// Where another client stands around this one's Transport, that one's redirects
	// come here.
	if from := r.Response; from != nil && from.Request != nil && (from.Request.URL.Host != r.URL.Host || from.Request.URL.Scheme != r.URL.Scheme) {
		return refuse(errors.New("the service redirects elsewhere: the token is not sent there"))
	}
	if _, err := httpx.CheckURL(r.URL.Scheme + "://" + r.URL.Host); err != nil {
		return refuse(exchange.ErrPlainHTTP)
	}
	token, err := t.source.token(r.Context())
	if err != nil {
		return "", err
	}
	// RFC 6749 section 7.1: a token of a type that is not understood must not
	// be used. N_A is RFC 8693's for what is no access token.
	if !strings.EqualFold(token.TokenType, "Bearer") {
		return refuse(errors.New("the endpoint gave a token that is no bearer token: present it by its own rules"))
	}
	return "Bearer " + token.AccessToken, nil
}
