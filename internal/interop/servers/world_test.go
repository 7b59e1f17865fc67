package servers

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/oauth"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == executableCommand {
		os.Exit(runExecutable(os.Args[2]))
	}
	slog.SetDefault(slog.New(slog.DiscardHandler)) // the servers' remarks on each refusal
	os.Exit(m.Run())
}

// startIssuer serves a fake issuer on loopback: GitLab's, or CircleCI's for an
// organization.
func startIssuer(t *testing.T, organization string) *fakeissuer.Issuer {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	url := "http://" + srv.Listener.Addr().String()
	if organization != "" {
		url += "/org/" + organization
	}
	iss, err := fakeissuer.New(fakeissuer.Options{URL: url, Fatal: func(err error) { t.Fatal(err) }})
	require.NoError(t, err)
	srv.Config.Handler = iss
	srv.Start()
	t.Cleanup(func() {
		srv.Close()
		iss.Close()
	})
	return iss
}

// counted serves h on loopback and counts the requests.
func counted(t *testing.T, h http.Handler) (url string, requests *atomic.Int32) {
	t.Helper()
	requests = new(atomic.Int32)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, requests
}

// job is the source of one token, whatever audience it is asked for.
type job string

func (j job) IDToken(context.Context, string) (string, error) { return string(j), nil }

// with sets a claim.
func with(claim string, value any) func(fakeissuer.Claims) {
	return func(c fakeissuer.Claims) { c[claim] = value }
}

// without leaves a claim out.
func without(claim string) func(fakeissuer.Claims) {
	return func(c fakeissuer.Claims) { delete(c, claim) }
}

// tampered returns token with one claim changed and the signature kept. Change
// one that is wrong into the right one: nothing but the signature then speaks
// against the token.
func tampered(t *testing.T, token, claim string, value any) string {
	t.Helper()
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	var claims map[string]any
	dec := json.NewDecoder(strings.NewReader(string(payload)))
	dec.UseNumber()
	require.NoError(t, dec.Decode(&claims))
	require.Contains(t, claims, claim)
	require.NotEqual(t, value, claims[claim])
	claims[claim] = value
	payload, err = json.Marshal(claims)
	require.NoError(t, err)
	return parts[0] + "." + base64.RawURLEncoding.EncodeToString(payload) + "." + parts[2]
}

// refusal is what a server is to answer.
type refusal struct {
	status      int
	code        string
	description string // a part of it
	cause       string // its ID; empty: none
}

// refused makes the exchange, which must be refused with want by one request.
func refused(t *testing.T, cfg oauth.Config, requests *atomic.Int32, want refusal) {
	t.Helper()
	before := requests.Load()
	_, err := cfg.Token(t.Context())
	var failed *exchange.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, exchange.StageExchange, failed.Stage)
	assert.Equal(t, want.status, failed.StatusCode)
	assert.Equal(t, want.code, failed.Code)
	assert.Contains(t, failed.Description, want.description)
	if want.cause == "" {
		assert.Empty(t, failed.Causes)
	} else if assert.Len(t, failed.Causes, 1) {
		assert.Equal(t, want.cause, failed.Causes[0].ID)
	}
	assert.Equal(t, int32(1), requests.Load()-before, "a refusal is one request")
	token, err := cfg.Source.IDToken(t.Context(), "")
	require.NoError(t, err)
	assert.NotContains(t, failed.Error(), token[len(token)-40:])
	t.Logf("%v", failed)
}

// refusedClient makes the exchange, which must be refused because of the client
// and not because of the token.
func refusedClient(t *testing.T, cfg oauth.Config) {
	t.Helper()
	_, err := cfg.Token(t.Context())
	var failed *exchange.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, exchange.StageExchange, failed.Stage)
	assert.NotContains(t, failed.Description, "subject_token")
	assert.NotContains(t, failed.Error(), cfg.ClientSecret)
	t.Logf("%v", failed)
}
