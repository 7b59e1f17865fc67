package googlests_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// authorization returns the header's value in the credential file for e.
func authorization(t *testing.T, e *googlests.SubjectEndpoint, cfg googlests.Config) string {
	t.Helper()
	path, err := googlests.CredentialFile{Config: cfg, Endpoint: e, EndpointURL: "http://127.0.0.1:1/token"}.Write(t.Context(), t.TempDir())
	require.NoError(t, err)
	var file struct {
		Source struct {
			URL     string
			Headers map[string]string
			Format  map[string]string
		} `json:"credential_source"`
	}
	require.NoError(t, json.Unmarshal([]byte(read(t, path)), &file))
	assert.Equal(t, "http://127.0.0.1:1/token", file.Source.URL)
	assert.Equal(t, map[string]string{"type": "json", "subject_token_field_name": "id_token"}, file.Source.Format)
	require.Len(t, file.Source.Headers, 1)
	return file.Source.Headers["Authorization"]
}

func ask(ctx context.Context, e http.Handler, edit ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/token", nil)
	for _, f := range edit {
		f(r)
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w
}

func with(value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", value) }
}

func TestEndpointServesTheToken(t *testing.T) {
	w := newWorld(t)
	e, err := googlests.NewSubjectEndpoint(w.config())
	require.NoError(t, err)
	secret := authorization(t, e, w.config())
	assert.Empty(t, w.source.asked(), "neither asks the source")

	got := ask(t.Context(), e, with(secret))
	require.Equal(t, http.StatusOK, got.Code, got.Body)
	assert.Equal(t, "application/json", got.Header().Get("Content-Type"))
	assert.Equal(t, "no-store", got.Header().Get("Cache-Control"))
	assert.JSONEq(t, `{"id_token":"`+w.source.tokens[0]+`"}`, got.Body.String())
	assert.Equal(t, []string{"https:" + gitLabProvider}, w.source.asked())
}

func TestEndpointDemandsItsSecret(t *testing.T) {
	w := newWorld(t)
	e, err := googlests.NewSubjectEndpoint(w.config())
	require.NoError(t, err)
	other, err := googlests.NewSubjectEndpoint(w.config())
	require.NoError(t, err)
	secret := authorization(t, e, w.config())
	require.Greater(t, len(secret), len("Bearer ")+25)
	for name, edit := range map[string]func(*http.Request){
		"none":           func(*http.Request) {},
		"empty":          with(""),
		"scheme alone":   with("Bearer "),
		"a part":         with(secret[:len(secret)-1]),
		"another":        with(authorization(t, other, w.config())),
		"another scheme": with(strings.Replace(secret, "Bearer", "Basic", 1)),
		"twice": func(r *http.Request) {
			r.Header["Authorization"] = []string{secret, secret}
		},
		"in the query": func(r *http.Request) { r.URL.RawQuery = "access_token=" + strings.TrimPrefix(secret, "Bearer ") },
	} {
		got := ask(t.Context(), e, edit)
		assert.Equal(t, http.StatusUnauthorized, got.Code, name)
		assert.Equal(t, "Bearer", got.Header().Get("WWW-Authenticate"), name)
		assert.NotContains(t, got.Body.String(), strings.TrimPrefix(secret, "Bearer "), name)
	}
	got := ask(t.Context(), e, with(secret), func(r *http.Request) { r.Method = http.MethodPost })
	assert.Equal(t, http.StatusMethodNotAllowed, got.Code)
	assert.Equal(t, "GET", got.Header().Get("Allow"))
	assert.Empty(t, w.source.asked())
}

func TestEndpointSaysWhyThereIsNoToken(t *testing.T) {
	for name, tt := range map[string]struct {
		source exchange.TokenSourceFunc
		status int
		says   string
	}{
		"refused": {
			func(context.Context, string) (string, error) {
				return "", errors.New("no token for this audience\nadd to the job:\n  id_tokens:\n    A:")
			},
			http.StatusForbidden,
			"exchange: google: no CI token: no token for this audience | add to the job: | id_tokens: | A:\n",
		},
		"down": {
			func(context.Context, string) (string, error) {
				return "", retryable{errors.New("the service is down")}
			},
			http.StatusServiceUnavailable, "exchange: google: no CI token: the service is down\n",
		},
		"no JWT": {
			func(context.Context, string) (string, error) { return "glcbt-64_a-job-token-of-gitlab", nil },
			http.StatusForbidden, "not a JWT",
		},
		"a panic": {
			func(context.Context, string) (string, error) { panic("glcbt-64_a-job-token-of-gitlab") },
			http.StatusForbidden, "panicked",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			cfg := w.config()
			cfg.Source = tt.source
			e, err := googlests.NewSubjectEndpoint(cfg)
			require.NoError(t, err)
			got := ask(t.Context(), e, with(authorization(t, e, cfg)))
			assert.Equal(t, tt.status, got.Code)
			assert.Contains(t, got.Body.String(), tt.says)
			assert.NotContains(t, got.Body.String(), "glcbt-64")
			assert.Equal(t, 1, strings.Count(got.Body.String(), "\n"), "one line")
		})
	}
}

func TestEndpointTellsAnExpiredToken(t *testing.T) {
	w := newWorld(t)
	w.source.mint = func(aud string) string { return w.gitlab.GitLab(aud, fakeissuer.Expired) }
	e, err := googlests.NewSubjectEndpoint(w.config())
	require.NoError(t, err)
	got := ask(t.Context(), e, with(authorization(t, e, w.config())))
	assert.Equal(t, http.StatusForbidden, got.Code)
	assert.Contains(t, got.Body.String(), "raise the job's timeout")
	for _, raw := range w.source.tokens {
		assert.NotContains(t, got.Body.String(), raw[:40])
	}
}

func TestSlowSourceIsGivenUpByTheEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		cfg := w.config()
		cfg.Source = exchange.TokenSourceFunc(func(ctx context.Context, _ string) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		})
		e, err := googlests.NewSubjectEndpoint(cfg)
		require.NoError(t, err)
		begun := time.Now()
		got := ask(t.Context(), e, with(authorization(t, e, cfg)))
		assert.Equal(t, http.StatusServiceUnavailable, got.Code)
		assert.Equal(t, 10*time.Second, time.Since(begun))
	})
}

func TestEndpointAsksTheSourceOnceForManyClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		e, err := googlests.NewSubjectEndpoint(w.config())
		require.NoError(t, err)
		secret := authorization(t, e, w.config())
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				assert.Equal(t, http.StatusOK, ask(t.Context(), e, with(secret)).Code)
			})
		}
		wg.Wait()
		assert.Len(t, w.source.asked(), 1)

		time.Sleep(58 * time.Minute)
		ask(t.Context(), e, with(secret))
		assert.Len(t, w.source.asked(), 1)
		time.Sleep(2 * time.Minute)
		got := ask(t.Context(), e, with(secret))
		assert.Len(t, w.source.asked(), 2, "a new one before the end of the old")
		assert.Contains(t, got.Body.String(), w.source.tokens[1])
	})
}

func TestEndpointIsPrintedWithoutItsSecret(t *testing.T) {
	w := newWorld(t)
	e, err := googlests.NewSubjectEndpoint(w.config())
	require.NoError(t, err)
	secret := strings.TrimPrefix(authorization(t, e, w.config()), "Bearer ")
	file := googlests.CredentialFile{Endpoint: e}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "endpoint", e, "value", *e, "file", file)
	text := fmt.Sprintf("%d %v %+v %#v %s %v %+v %#v %v %+v", e, e, e, e, e, *e, *e, *e, file, file) + log.String()
	assert.NotContains(t, text, secret)
	assert.Contains(t, text, "googlests.SubjectEndpoint")
}

func TestEndpointOfAWrongConfiguration(t *testing.T) {
	w := newWorld(t)
	cfg := w.config()
	cfg.Source = nil
	_, err := googlests.NewSubjectEndpoint(cfg)
	var wrong *exchange.ConfigError
	require.ErrorAs(t, err, &wrong)
	assert.Equal(t, "Source", wrong.Field)

	assert.Equal(t, http.StatusInternalServerError, ask(t.Context(), new(googlests.SubjectEndpoint), with("Bearer ")).Code)
	assert.Equal(t, http.StatusInternalServerError, ask(t.Context(), (*googlests.SubjectEndpoint)(nil), with("Bearer ")).Code)
}
