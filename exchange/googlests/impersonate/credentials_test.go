package impersonate_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
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
	"github.com/cioidc/cioidc/exchange/googlests/impersonate"
	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
)

func TestCredentialsServeGooglesClient(t *testing.T) {
	for _, platform := range []string{"gitlab", "circleci"} {
		t.Run(platform, func(t *testing.T) {
			w := newWorld(t)
			server := httptest.NewServer(w.cloud)
			defer server.Close()
			base := w.base(t, platform)
			creds, err := impersonate.Credentials(impersonate.Config{ServiceAccount: deployer, Base: base, HTTPClient: w.cloud.Client()})
			require.NoError(t, err)

			resp, err := download(t, server.URL, creds)
			require.NoError(t, err)
			assert.Equal(t, "release one", resp)
			_, err = download(t, server.URL, base)
			assert.ErrorContains(t, err, "does not have storage.objects.get access", "the job itself has no access")

			assert.Equal(t, 1, w.cloud.Requests(fakegoogle.Token))
			assert.Equal(t, 1, w.cloud.Requests(fakegoogle.GenerateAccessToken))
		})
	}
}

func download(t *testing.T, url string, creds *auth.Credentials) (string, error) {
	t.Helper()
	svc, err := storage.NewService(t.Context(), option.WithAuthCredentials(creds), option.WithEndpoint(url+"/storage/v1/"))
	require.NoError(t, err)
	resp, err := svc.Objects.Get("releases", "app.txt").Context(t.Context()).Download()
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	return string(content), err
}

func TestOverTheWire(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.cloud)
	defer server.Close()
	cfg := w.config(t)
	cfg.HTTPClient, cfg.Endpoint = nil, server.URL+"/"
	creds, err := impersonate.Credentials(cfg)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(token(t, creds).Value, "ya29.c."))
}

func TestRequestIsTheDocumentedOne(t *testing.T) {
	w := newWorld(t)
	var host, path, body string
	w.cloud.Misbehave(func(e fakegoogle.Endpoint, _ http.ResponseWriter, r *http.Request) bool {
		if e == fakegoogle.GenerateAccessToken {
			data, _ := io.ReadAll(r.Body)
			host, path, body = r.Host, r.URL.Path, string(data)
			r.Body = io.NopCloser(strings.NewReader(body))
		}
		return false
	})
	cfg := w.config(t)
	cfg.ServiceAccount = stranger
	cfg.Delegates = []string{relay}
	cfg.Scopes = []string{"https://www.googleapis.com/auth/devstorage.read_only"}
	cfg.Lifetime = 10 * time.Minute
	creds, err := impersonate.Credentials(cfg)
	require.NoError(t, err)
	tok := token(t, creds)
	assert.WithinDuration(t, time.Now().Add(10*time.Minute), tok.Expiry, time.Minute)
	assert.Equal(t, "iamcredentials.googleapis.com", host)
	assert.Equal(t, "/v1/projects/-/serviceAccounts/"+stranger+":generateAccessToken", path)
	assert.JSONEq(t, `{
		"name": "projects/-/serviceAccounts/`+stranger+`",
		"delegates": ["projects/-/serviceAccounts/`+relay+`"],
		"scope": ["https://www.googleapis.com/auth/devstorage.read_only"],
		"lifetime": "600s"
	}`, body)
}

func TestUniverseOfTheBaseIsUsed(t *testing.T) {
	w := newWorld(t)
	hosts := map[fakegoogle.Endpoint]string{}
	w.cloud.Misbehave(func(e fakegoogle.Endpoint, _ http.ResponseWriter, r *http.Request) bool {
		hosts[e] = r.Host
		return false
	})
	base, err := googlests.Credentials(googlests.Config{
		Provider: googlests.ProviderName(number, "ci", "gitlab"), HTTPClient: w.cloud.Client(),
		UniverseDomain: "universe.example", QuotaProject: "billing-1",
		Source: exchange.TokenSourceFunc(func(_ context.Context, aud string) (string, error) { return w.gitlab.GitLab(aud), nil }),
	})
	require.NoError(t, err)
	creds, err := impersonate.Credentials(impersonate.Config{ServiceAccount: deployer, Base: base, HTTPClient: w.cloud.Client()})
	require.NoError(t, err)
	token(t, creds)
	assert.Equal(t, "sts.universe.example", hosts[fakegoogle.Token])
	assert.Equal(t, "iamcredentials.universe.example", hosts[fakegoogle.GenerateAccessToken])
	universe, err := creds.UniverseDomain(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "universe.example", universe)
	quota, err := creds.QuotaProjectID(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "billing-1", quota)
}

func TestConstructorsSendNothing(t *testing.T) {
	w := newWorld(t)
	_, err := impersonate.Credentials(w.config(t))
	require.NoError(t, err)
	_, err = impersonate.IDToken(w.config(t), "https://run.example")
	require.NoError(t, err)
	assert.Zero(t, w.cloud.Requests(fakegoogle.Token)+w.cloud.Requests(fakegoogle.GenerateAccessToken)+w.cloud.Requests(fakegoogle.GenerateIDToken))
}

func TestManyCallersShareOneImpersonation(t *testing.T) {
	w := newWorld(t)
	creds, err := impersonate.Credentials(w.config(t))
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			_, err := creds.Token(t.Context())
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	assert.Equal(t, 1, w.cloud.Requests(fakegoogle.Token))
	assert.Equal(t, 1, w.cloud.Requests(fakegoogle.GenerateAccessToken))
}

func TestCredentialsAreRenewedBeforeTheirEnd(t *testing.T) {
	for lifetime, early := range map[time.Duration]time.Duration{
		time.Hour:       5 * time.Minute,
		2 * time.Minute: 10 * time.Second,
	} {
		t.Run(lifetime.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				cfg := w.config(t)
				cfg.Lifetime = lifetime
				creds, err := impersonate.Credentials(cfg)
				require.NoError(t, err)
				first := token(t, creds)

				time.Sleep(lifetime - early - time.Second)
				assert.Equal(t, first.Value, token(t, creds).Value)
				synctest.Wait()
				assert.Equal(t, 1, w.cloud.Requests(fakegoogle.GenerateAccessToken))

				time.Sleep(2 * time.Second)
				assert.Equal(t, first.Value, token(t, creds).Value)
				synctest.Wait()
				assert.NotEqual(t, first.Value, token(t, creds).Value)
				assert.Equal(t, 2, w.cloud.Requests(fakegoogle.GenerateAccessToken))
			})
		})
	}
}

func TestIDTokenIsForTheAudience(t *testing.T) {
	w := newWorld(t)
	creds, err := impersonate.IDToken(w.config(t), "https://run.example")
	require.NoError(t, err)
	tok := token(t, creds)
	assert.Equal(t, "Bearer", tok.Type)
	assert.WithinDuration(t, time.Now().Add(time.Hour), tok.Expiry, time.Minute)
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(tok.Value, ".")[1])
	require.NoError(t, err)
	var claims map[string]any
	require.NoError(t, json.Unmarshal(payload, &claims))
	assert.Equal(t, "https://run.example", claims["aud"])
	assert.Equal(t, deployer, claims["email"])

	token(t, creds)
	assert.Equal(t, 1, w.cloud.Requests(fakegoogle.GenerateIDToken))
	assert.Zero(t, w.cloud.Requests(fakegoogle.GenerateAccessToken))
}

// Google's client logs what it sends and receives when the environment says so.
func TestNothingIsLogged(t *testing.T) {
	t.Setenv("GOOGLE_SDK_GO_LOGGING_LEVEL", "debug")
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	require.NoError(t, err)
	defer file.Close()
	stderr := os.Stderr
	os.Stderr = file
	defer func() { os.Stderr = stderr }()

	w := newWorld(t)
	creds, err := impersonate.Credentials(w.config(t))
	require.NoError(t, err)
	token(t, creds)
	logged, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	assert.Empty(t, string(logged))
}

func token(t *testing.T, creds *auth.Credentials) *auth.Token {
	t.Helper()
	tok, err := creds.Token(context.WithoutCancel(t.Context()))
	require.NoError(t, err)
	return tok
}
