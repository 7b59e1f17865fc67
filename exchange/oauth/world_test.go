package oauth_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/oauth"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

const (
	tokenURL = "https://sts.example/token"
	audience = "https://sts.example"
	secret   = "a-client-secret/of some length"
	minted   = "an-access-token-that-was-given"
)

// endpoint is a token endpoint in memory: nothing listens. It remembers what it
// was sent and gives one answer.
type endpoint struct {
	status int
	header http.Header
	body   string
	err    error // of the transport, instead of an answer

	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
}

func answering(status int, body string) *endpoint { return &endpoint{status: status, body: body} }

func (e *endpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var sent []byte
	if r.Body != nil {
		sent, _ = io.ReadAll(r.Body)
	}
	e.requests = append(e.requests, r)
	e.bodies = append(e.bodies, string(sent))
	if e.err != nil {
		return nil, e.err
	}
	w := httptest.NewRecorder()
	for name, values := range e.header {
		w.Header()[name] = values
	}
	w.WriteHeader(e.status)
	_, _ = io.WriteString(w, e.body)
	return w.Result(), nil
}

func (e *endpoint) client() *http.Client { return &http.Client{Transport: e} }

func (e *endpoint) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.requests)
}

// source gives tokens and remembers what it was asked for.
type source struct {
	mint func(audience string) string

	mu        sync.Mutex
	audiences []string
	tokens    []string
}

func (s *source) IDToken(_ context.Context, audience string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw := s.mint(audience)
	s.audiences = append(s.audiences, audience)
	s.tokens = append(s.tokens, raw)
	return raw, nil
}

func (s *source) last() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokens[len(s.tokens)-1]
}

// newSource gives the tokens of a GitLab job.
func newSource(t *testing.T, edit ...func(fakeissuer.Claims)) *source {
	t.Helper()
	i, err := fakeissuer.New(fakeissuer.Options{URL: "https://gitlab.com"})
	require.NoError(t, err)
	t.Cleanup(i.Close)
	return &source{mint: func(audience string) string { return i.GitLab(audience, edit...) }}
}

// success is an answer of RFC 6749.
const success = `{"access_token":"` + minted + `","token_type":"Bearer","expires_in":3600}`

// config is a token exchange at e.
func config(s exchange.TokenSource, e *endpoint) oauth.Config {
	return oauth.Config{TokenURL: tokenURL, Source: s, SourceAudience: audience, HTTPClient: e.client()}
}

// fail makes an exchange that fails and returns its error, after looking for
// what may not be in it.
func fail(t *testing.T, cfg oauth.Config, s *source) *exchange.Error {
	t.Helper()
	got, err := cfg.Token(t.Context())
	assert.Nil(t, got)
	var failed *exchange.Error
	require.ErrorAs(t, err, &failed)
	clean(t, failed, s)
	return failed
}
