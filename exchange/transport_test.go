package exchange_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
)

const audience = "https://deploy.example.com"

// recorder answers 200 and remembers the Authorization header of each request.
type recorder struct {
	mu   sync.Mutex
	seen []string
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, req.Header.Get("Authorization"))
	return &http.Response{StatusCode: 200, Body: http.NoBody, Request: req}, nil
}

// closer is a body that tells whether it was closed.
type closer struct {
	io.Reader
	closed bool
}

func (c *closer) Close() error { c.closed = true; return nil }

func counted(token string, n *atomic.Int32) exchange.TokenSource {
	return exchange.TokenSourceFunc(func(_ context.Context, aud string) (string, error) {
		n.Add(1)
		if aud != audience {
			return "", errors.New("asked for " + aud)
		}
		return token, nil
	})
}

func TestTransportSendsTokenToItsHostsOnly(t *testing.T) {
	token := mint(audience, time.Now().Add(time.Hour))
	tests := []struct {
		name, url, host string
		hosts           []string
		sent            bool
	}{
		{name: "host of the audience", url: "https://deploy.example.com/x", sent: true},
		{name: "with its port", url: "https://deploy.example.com:443/x", sent: true},
		{name: "in capitals", url: "https://Deploy.Example.COM/x", sent: true},
		{name: "rooted", url: "https://deploy.example.com./x", sent: true},
		{name: "another port", url: "https://deploy.example.com:8443/x"},
		{name: "another host", url: "https://example.com/"},
		{name: "subdomain", url: "https://a.deploy.example.com/"},
		{name: "longer host", url: "https://deploy.example.com.evil.example/"},
		{name: "user information that looks like the host", url: "https://deploy.example.com@evil.example/"},
		{name: "another Host header", url: "https://deploy.example.com/", host: "evil.example"},
		{name: "plain http to another host", url: "http://example.com/"},
		{name: "listed host", url: "https://api.example.com:8443/", hosts: []string{"api.example.com:8443"}, sent: true},
		{name: "second listed host", url: "https://b.example.com/", hosts: []string{"a.example.com", "b.example.com"}, sent: true},
		{name: "host of the audience when others are listed", url: "https://deploy.example.com/", hosts: []string{"api.example.com"}},
		{name: "loopback over http", url: "http://127.0.0.1:8080/", hosts: []string{"127.0.0.1:8080"}, sent: true},
		{name: "loopback over http, IPv6", url: "http://[::1]/", hosts: []string{"[::1]"}, sent: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var n atomic.Int32
			base := &recorder{}
			tr := &exchange.Transport{Source: counted(token, &n), Audience: audience, Hosts: tt.hosts, Base: base}
			req, err := http.NewRequest(http.MethodGet, tt.url, nil)
			require.NoError(t, err)
			if tt.host != "" {
				req.Host = tt.host
			}
			resp, err := tr.RoundTrip(req)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			want, calls := "", int32(0)
			if tt.sent {
				want, calls = "Bearer "+token, 1
			}
			assert.Equal(t, []string{want}, base.seen)
			assert.Equal(t, calls, n.Load())
			assert.Empty(t, req.Header, "a RoundTripper leaves its request alone")
		})
	}
}

func TestTransportRefuses(t *testing.T) {
	ok := exchange.TokenSourceFunc(func(context.Context, string) (string, error) { return "a.b.c", nil })
	gives := func(s string) exchange.TokenSource {
		return exchange.TokenSourceFunc(func(context.Context, string) (string, error) { return s, nil })
	}
	noToken := errors.New("no id_tokens")
	tests := []struct {
		name  string
		url   string
		tr    *exchange.Transport
		field string // of a ConfigError
		stage string // of an Error
		is    error
	}{
		{name: "plain http", url: "http://deploy.example.com/", tr: &exchange.Transport{Source: ok, Audience: audience, Hosts: []string{"deploy.example.com"}}, stage: exchange.StageSend, is: exchange.ErrPlainHTTP},
		{name: "plain http to a host like localhost", url: "http://localhost.example/", tr: &exchange.Transport{Source: ok, Audience: audience, Hosts: []string{"localhost.example"}}, stage: exchange.StageSend, is: exchange.ErrPlainHTTP},
		{name: "no source", url: audience, tr: &exchange.Transport{Audience: audience}, field: "Transport.Source"},
		{name: "nil pointer as source", url: audience, tr: &exchange.Transport{Source: (*pointer)(nil), Audience: audience}, field: "Transport.Source"},
		{name: "nil function as source", url: audience, tr: &exchange.Transport{Source: exchange.TokenSourceFunc(nil), Audience: audience}, field: "Transport.Source"},
		{name: "source panics", url: audience, tr: &exchange.Transport{Source: exchange.TokenSourceFunc(func(context.Context, string) (string, error) { panic("SECRET") }), Audience: audience}, stage: exchange.StageSource},
		{name: "source panics on what it embeds", url: audience, tr: &exchange.Transport{Source: struct{ exchange.TokenSource }{}, Audience: audience}, stage: exchange.StageSource},
		{name: "no audience", url: audience, tr: &exchange.Transport{Source: ok}, field: "Transport.Audience"},
		{name: "audience without a host", url: audience, tr: &exchange.Transport{Source: ok, Audience: "deploy"}, field: "Transport.Hosts"},
		{name: "audience over http", url: audience, tr: &exchange.Transport{Source: ok, Audience: "http://deploy.example.com"}, field: "Transport.Hosts"},
		{name: "host that is a URL", url: audience, tr: &exchange.Transport{Source: ok, Audience: audience, Hosts: []string{audience}}, field: "Transport.Hosts"},
		{name: "host that is a pattern", url: audience, tr: &exchange.Transport{Source: ok, Audience: audience, Hosts: []string{"*.example.com"}}, field: "Transport.Hosts"},
		{name: "source fails", url: audience, tr: &exchange.Transport{Source: exchange.TokenSourceFunc(func(context.Context, string) (string, error) { return "", noToken }), Audience: audience}, stage: exchange.StageSource, is: noToken},
		{name: "empty token", url: audience, tr: &exchange.Transport{Source: gives(""), Audience: audience}, stage: exchange.StageSource},
		{name: "token with a line break", url: audience, tr: &exchange.Transport{Source: gives("SECRET\r\nX: y"), Audience: audience}, stage: exchange.StageSource},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			base := &recorder{}
			tt.tr.Base = base
			body := &closer{Reader: strings.NewReader("x")}
			req, err := http.NewRequest(http.MethodPost, tt.url, body)
			require.NoError(t, err)
			_, err = tt.tr.RoundTrip(req) //nolint:bodyclose // there is none
			require.Error(t, err)
			var config *exchange.ConfigError
			var failed *exchange.Error
			if tt.field != "" {
				require.ErrorAs(t, err, &config)
				assert.Equal(t, tt.field, config.Field)
			} else {
				require.ErrorAs(t, err, &failed)
				assert.Equal(t, tt.stage, failed.Stage)
				assert.NotContains(t, err.Error(), "SECRET")
			}
			if tt.is != nil {
				assert.ErrorIs(t, err, tt.is)
			}
			assert.Empty(t, base.seen, "nothing is sent")
			assert.True(t, body.closed)
		})
	}
}

// pointer is a source that needs its pointer.
type pointer struct{ token string }

func (p *pointer) IDToken(context.Context, string) (string, error) { return p.token, nil }

func TestTransportSaysWhyItSendsNothing(t *testing.T) {
	gives := func(s string) exchange.TokenSource {
		return exchange.TokenSourceFunc(func(context.Context, string) (string, error) { return s, nil })
	}
	for name, tt := range map[string]struct {
		url    string
		source exchange.TokenSource
		want   string
	}{
		"plain http":  {"http://deploy.example.com/", gives("a.b.c"), "exchange: deploy.example.com: token not sent: over plain http anyone on the way could read the token: use https"},
		"panic":       {audience, exchange.TokenSourceFunc(func(context.Context, string) (string, error) { panic(errors.New("SECRET")) }), "exchange: deploy.example.com: no CI token: the source, of type exchange.TokenSourceFunc, panicked with a value of type *errors.errorString: call its IDToken method alone to see why"},
		"line break":  {audience, gives("SECRET.b.c\n"), "exchange: deploy.example.com: no CI token: the source's token ends in a line break: return the token without it (strings.TrimSpace), or read a file with exchange.File"},
		"not a token": {audience, gives("SECRET SECRET\n"), "exchange: deploy.example.com: no CI token: the source returned something that is not a token"},
	} {
		t.Run(name, func(t *testing.T) {
			base := &recorder{}
			tr := &exchange.Transport{Source: tt.source, Audience: audience, Base: base}
			req, err := http.NewRequest(http.MethodGet, tt.url, nil)
			require.NoError(t, err)
			_, err = tr.RoundTrip(req) //nolint:bodyclose // there is none
			assert.EqualError(t, err, tt.want)
			assert.Empty(t, base.seen)
		})
	}
}

func TestTransportDoesNotFollowRedirectWithToken(t *testing.T) {
	var got atomic.Value
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got.Store(r.Header.Get("Authorization")) }))
	defer other.Close()
	var first string
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first = r.Header.Get("Authorization")
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	}))
	defer service.Close()
	token := mint(audience, time.Now().Add(time.Hour))
	client := &http.Client{Transport: &exchange.Transport{
		Source: counted(token, new(atomic.Int32)), Audience: audience,
		Hosts: []string{strings.TrimPrefix(service.URL, "http://")},
	}}
	resp, err := client.Get(service.URL)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, "Bearer "+token, first)
	assert.Equal(t, "", got.Load())
}

func TestTransportKeepsTokenUntilAMinuteBeforeItExpires(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	now := start
	var n atomic.Int32
	tr := &exchange.Transport{
		Source: counted(mint(audience, start.Add(10*time.Minute)), &n), Audience: audience,
		Base: &recorder{}, Now: func() time.Time { return now },
	}
	for _, step := range []struct {
		at    time.Duration
		calls int32
	}{{0, 1}, {time.Minute, 1}, {9*time.Minute - time.Second, 1}, {9 * time.Minute, 2}, {9 * time.Minute, 3}} {
		now = start.Add(step.at)
		req, err := http.NewRequest(http.MethodGet, audience, nil)
		require.NoError(t, err)
		resp, err := tr.RoundTrip(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, step.calls, n.Load(), "at %v", step.at)
	}
}
