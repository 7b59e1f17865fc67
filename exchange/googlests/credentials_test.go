package googlests_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/auth"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/api/option"
	"google.golang.org/api/storage/v1"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
)

func TestCredentialsServeGooglesClient(t *testing.T) {
	w := newWorld(t)
	circle := &source{mint: func(audience string) string { return w.circleci.CircleCI(audience) }}
	for platform, cfg := range map[string]googlests.Config{
		"gitlab":   w.config(),
		"circleci": {Provider: circleCIProvider, Source: circle, HTTPClient: w.cloud.Client()},
	} {
		t.Run(platform, func(t *testing.T) {
			server := httptest.NewServer(w.cloud)
			defer server.Close()
			creds, err := googlests.Credentials(cfg)
			require.NoError(t, err)
			svc, err := storage.NewService(t.Context(), option.WithAuthCredentials(creds), option.WithEndpoint(server.URL+"/storage/v1/"))
			require.NoError(t, err)
			assert.Equal(t, "release one", download(t, svc))

			source, err := googlests.TokenSource(cfg)
			require.NoError(t, err)
			svc, err = storage.NewService(t.Context(), option.WithTokenSource(source), option.WithEndpoint(server.URL+"/storage/v1/"))
			require.NoError(t, err)
			assert.Equal(t, "release one", download(t, svc))

			assert.Equal(t, []string{"https:" + cfg.Provider, "https:" + cfg.Provider}, asked(cfg.Source))
		})
	}
}

func download(t *testing.T, svc *storage.Service) string {
	t.Helper()
	resp, err := svc.Objects.Get("releases", "app.txt").Context(t.Context()).Download()
	require.NoError(t, err)
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(content)
}

func TestErrorPassesThroughGooglesClient(t *testing.T) {
	w := newWorld(t)
	w.source.mint = func(string) string { return w.gitlab.GitLab("sts.amazonaws.com") }
	creds, err := googlests.Credentials(w.config())
	require.NoError(t, err)
	svc, err := storage.NewService(t.Context(), option.WithAuthCredentials(creds), option.WithEndpoint("http://127.0.0.1:1/"))
	require.NoError(t, err)
	_, err = svc.Objects.Get("releases", "app.txt").Context(t.Context()).Do()
	var failed *exchange.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "invalid_grant", failed.Code)
}

func TestFormIsTheDocumentedOne(t *testing.T) {
	w := newWorld(t)
	var got *http.Request
	w.cloud.Misbehave(func(_ fakegoogle.Endpoint, _ http.ResponseWriter, r *http.Request) bool {
		if r.ParseForm() == nil {
			got = r
		}
		return false
	})
	cfg := w.config()
	cfg.Audience = gitLabProvider
	cfg.Scopes = []string{"https://www.googleapis.com/auth/devstorage.read_only", "https://www.googleapis.com/auth/iam"}
	creds, err := googlests.Credentials(cfg)
	require.NoError(t, err)
	_, err = creds.Token(t.Context())
	require.NoError(t, err)

	assert.Equal(t, "https://sts.googleapis.com/v1/token", got.URL.String())
	assert.Empty(t, got.Header.Get("Authorization"))
	assert.Equal(t, map[string][]string{
		"grant_type":           {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"audience":             {gitLabProvider},
		"scope":                {"https://www.googleapis.com/auth/devstorage.read_only https://www.googleapis.com/auth/iam"},
		"requested_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
		"subject_token_type":   {"urn:ietf:params:oauth:token-type:jwt"},
		"subject_token":        w.source.tokens,
	}, map[string][]string(got.PostForm))
	assert.Equal(t, []string{gitLabProvider}, w.source.asked())
}

func TestManyCallersShareOneExchange(t *testing.T) {
	w := newWorld(t)
	creds, err := googlests.Credentials(w.config())
	require.NoError(t, err)
	var wg sync.WaitGroup
	values := make([]string, 50)
	for i := range values {
		wg.Go(func() {
			token, err := creds.Token(t.Context())
			if assert.NoError(t, err) {
				values[i] = token.Value
			}
		})
	}
	wg.Wait()
	for _, v := range values {
		assert.Equal(t, values[0], v)
	}
	assert.Equal(t, 1, w.cloud.Requests(fakegoogle.Token))
	assert.Len(t, w.source.asked(), 1)
}

func TestConstructorSendsNothing(t *testing.T) {
	w := newWorld(t)
	_, err := googlests.Credentials(w.config())
	require.NoError(t, err)
	_, err = googlests.TokenSource(w.config())
	require.NoError(t, err)
	assert.Zero(t, w.cloud.Requests(fakegoogle.Token))
	assert.Empty(t, w.source.asked())
}

func TestCredentialsAreRenewedBeforeTheirEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		creds, err := googlests.Credentials(w.config())
		require.NoError(t, err)
		begun := time.Now()
		first := token(t, creds)
		assert.Equal(t, begun.Add(time.Hour-10*time.Second), first.Expiry)

		time.Sleep(54 * time.Minute)
		assert.Equal(t, first.Value, token(t, creds).Value)
		synctest.Wait()
		assert.Equal(t, 1, w.cloud.Requests(fakegoogle.Token))

		// In the last five minutes the old ones serve while new ones come.
		time.Sleep(time.Minute + time.Second)
		assert.Equal(t, first.Value, token(t, creds).Value)
		synctest.Wait()
		assert.Equal(t, 2, w.cloud.Requests(fakegoogle.Token))
		second := token(t, creds)
		assert.NotEqual(t, first.Value, second.Value)
		assert.Equal(t, 2, w.cloud.Requests(fakegoogle.Token))
		assert.Len(t, w.source.asked(), 2, "each exchange takes a token of its own")
	})
}

func TestFailedRenewalLeavesTheOldCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		creds, err := googlests.Credentials(w.config())
		require.NoError(t, err)
		first := token(t, creds)
		w.cloud.Misbehave(answering(http.StatusServiceUnavailable, nil, ""))
		time.Sleep(56 * time.Minute)
		for range 3 {
			assert.Equal(t, first.Value, token(t, creds).Value)
			synctest.Wait()
			time.Sleep(30 * time.Second)
		}
		assert.Equal(t, 4, w.cloud.Requests(fakegoogle.Token), "one renewal of three requests")

		time.Sleep(5 * time.Minute)
		_, err = creds.Token(t.Context())
		var failed *exchange.Error
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, http.StatusServiceUnavailable, failed.StatusCode)

		w.cloud.Misbehave(nil)
		assert.NotEqual(t, first.Value, token(t, creds).Value)
	})
}

func TestPropertiesReachGooglesClients(t *testing.T) {
	w := newWorld(t)
	creds, err := googlests.Credentials(w.config())
	require.NoError(t, err)
	universe, err := creds.UniverseDomain(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "googleapis.com", universe)
	quota, err := creds.QuotaProjectID(t.Context())
	require.NoError(t, err)
	assert.Empty(t, quota)

	var host string
	w.cloud.Misbehave(func(_ fakegoogle.Endpoint, _ http.ResponseWriter, r *http.Request) bool {
		host = r.Host
		return false
	})
	cfg := w.config()
	cfg.QuotaProject, cfg.UniverseDomain = "billing-1", "universe.example"
	creds, err = googlests.Credentials(cfg)
	require.NoError(t, err)
	universe, err = creds.UniverseDomain(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "universe.example", universe)
	quota, err = creds.QuotaProjectID(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "billing-1", quota)
	token(t, creds)
	assert.Equal(t, "sts.universe.example", host)
}

func TestTokenSourceCaches(t *testing.T) {
	w := newWorld(t)
	source, err := googlests.TokenSource(w.config())
	require.NoError(t, err)
	first, err := source.Token()
	require.NoError(t, err)
	second, err := source.Token()
	require.NoError(t, err)
	assert.Equal(t, first, second)
	assert.True(t, first.Valid())
	assert.Equal(t, "Bearer", first.Type())
	assert.Equal(t, 1, w.cloud.Requests(fakegoogle.Token))
}

func token(t *testing.T, creds *auth.Credentials) *auth.Token {
	t.Helper()
	tok, err := creds.Token(context.WithoutCancel(t.Context()))
	require.NoError(t, err)
	return tok
}

func TestOverTheWire(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.cloud)
	defer server.Close()
	cfg := w.config()
	cfg.HTTPClient, cfg.Endpoint = nil, server.URL+"/v1/token"
	creds, err := googlests.Credentials(cfg)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(token(t, creds).Value, "ya29.d."))
}
