package httpx_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/httpx"
)

func TestClientFollowsThreeRedirectsOfTheSameHost(t *testing.T) {
	for _, tt := range []struct {
		hops int
		want error
	}{{0, nil}, {3, nil}, {4, httpx.ErrRedirect}} {
		hops := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if hops < tt.hops {
				hops++
				http.Redirect(w, r, "/next", http.StatusFound)
				return
			}
			_, _ = io.WriteString(w, "here")
		}))
		body, _, status, err := httpx.Get(t.Context(), httpx.Client(server.Client(), time.Minute), server.URL, 0)
		server.Close()
		assert.ErrorIs(t, err, tt.want)
		if tt.want == nil {
			assert.Equal(t, http.StatusOK, status)
			assert.Equal(t, "here", string(body))
		}
	}
}

func TestClientRefusesAnotherOrigin(t *testing.T) {
	other := 0
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { other++ }))
	defer elsewhere.Close()
	var to string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, to, http.StatusFound)
	}))
	defer server.Close()
	client := httpx.Client(server.Client(), time.Minute)
	for _, to = range []string{elsewhere.URL, strings.Replace(server.URL, "http:", "https:", 1), "http://sub." + strings.TrimPrefix(server.URL, "http://")} {
		_, _, _, err := httpx.Get(t.Context(), client, server.URL, 0)
		assert.ErrorIs(t, err, httpx.ErrRedirect, to)
	}
	assert.Zero(t, other)
}

func TestClientCopiesItsBase(t *testing.T) {
	base := &http.Client{Timeout: time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
	assert.Equal(t, time.Second, httpx.Client(base, time.Minute).Timeout)
	assert.Equal(t, time.Millisecond, httpx.Client(base, time.Millisecond).Timeout)
	assert.Equal(t, time.Second, httpx.Client(base, 0).Timeout)
	assert.Equal(t, time.Minute, httpx.Client(nil, time.Minute).Timeout)
	assert.Equal(t, time.Second, base.Timeout)
	assert.NoError(t, base.CheckRedirect(nil, nil))
}

func TestBodyIsLimited(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 100))
	}))
	defer server.Close()
	body, _, _, err := httpx.Get(t.Context(), server.Client(), server.URL, 100)
	require.NoError(t, err)
	assert.Len(t, body, 100)
	_, _, status, err := httpx.Get(t.Context(), server.Client(), server.URL, 99)
	assert.ErrorIs(t, err, httpx.ErrTooLarge)
	assert.Equal(t, http.StatusOK, status)

	for limit, want := range map[int64]error{99: httpx.ErrTooLarge, 100: nil, 101: nil} {
		client := &http.Client{Transport: httpx.LimitBodies(nil, limit)}
		resp, err := client.Get(server.URL)
		require.NoError(t, err)
		data, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		assert.ErrorIs(t, err, want)
		assert.Len(t, data, int(min(limit, 100)))
	}
}

func TestDefaultLimitIsOneMebibyte(t *testing.T) {
	size := httpx.DefaultLimit
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", size))
	}))
	defer server.Close()
	_, _, _, err := httpx.Get(t.Context(), server.Client(), server.URL, 0)
	assert.NoError(t, err)
	size++
	_, _, _, err = httpx.Get(t.Context(), server.Client(), server.URL, 0)
	assert.ErrorIs(t, err, httpx.ErrTooLarge)
}

func TestPostFormSendsTheFormOnce(t *testing.T) {
	var got []url.Values
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		got = append(got, r.PostForm)
		http.Redirect(w, r, "/again", http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	form := url.Values{"subject_token": {"a&b"}}
	_, header, status, err := httpx.PostForm(t.Context(), httpx.Client(server.Client(), time.Minute), server.URL, form, 0)
	require.NoError(t, err)
	assert.Equal(t, http.StatusTemporaryRedirect, status)
	assert.Equal(t, "/again", header.Get("Location"))
	assert.Equal(t, []url.Values{form}, got)
}

func TestCheckURL(t *testing.T) {
	for _, good := range []string{"https://gitlab.com", "https://gitlab.example:8443/sub?x=1", "http://127.0.0.1:1/", "http://[::1]:1", "http://localhost", "http://LOCALHOST:80"} {
		u, err := httpx.CheckURL(good)
		require.NoError(t, err, good)
		assert.NotEmpty(t, u.Host)
	}
	for bad, words := range map[string]string{
		"":                              "no scheme, and so no host: want https://HOST",
		"gitlab.com":                    "no scheme, and so no host: want https://HOST",
		"gitlab.com:8443":               "no scheme, and so no host: want https://HOST",
		"127.0.0.1:8443/x":              "no scheme, and so no host: want https://HOST",
		"/path":                         "no scheme, and so no host: want https://HOST",
		"//gitlab.com/path":             "no scheme: want https://HOST",
		"https:gitlab.com":              "URL: no host",
		"HTTPS:gitlab.com":              "URL: no host",
		"hunter22:a@gitlab.com":         "no scheme",
		"https://":                      "no host",
		"https://:443":                  "no host",
		"http://gitlab.com":             "plain http",
		"http://127.0.0.1.example.com":  "plain http",
		"http://localhost.example.com":  "plain http",
		"ftp://gitlab.com":              `scheme is "ftp"`,
		"https://u:hunter22@gitlab.com": "user information",
		"https://gitlab.com/#a":         "fragment",
		"https://gitlab.com/#":          "fragment",
		"https://hunter22:%zz@x":        "not a URL",
	} {
		_, err := httpx.CheckURL(bad)
		assert.ErrorIs(t, err, httpx.ErrURL, bad)
		assert.ErrorContains(t, err, words, bad)
		assert.NotContains(t, err.Error(), "hunter22")
	}
}

func TestProblemShowsTheURL(t *testing.T) {
	for raw, want := range map[string]string{
		"https://gitlab.com":             "",
		"gitlab.com":                     `"gitlab.com": no scheme, and so no host: want https://HOST`,
		"http://gitlab.com/a\nb":         "not a URL",
		"http://gitlab.com":              `"http://gitlab.com": plain http is for loopback addresses only, want https`,
		"http://gitlab.com?key=hunter22": `"http://gitlab.com?...": plain http`,
		"https://u:hunter22@gitlab.com":  "it holds user information",
		"u:hunter22@gitlab.com":          "no scheme, and so no host: want https://HOST",
	} {
		got := httpx.Problem(raw)
		if want == "" {
			assert.Empty(t, got)
			continue
		}
		assert.Contains(t, got, want)
		assert.NotContains(t, got, "hunter22")
		assert.NotContains(t, got, "httpx")
		assert.NotContains(t, got, "\n")
	}
}

func TestRequestURLMustParse(t *testing.T) {
	_, _, _, err := httpx.Get(t.Context(), http.DefaultClient, "https://hunter22:%zz@x", 0)
	assert.ErrorIs(t, err, httpx.ErrURL)
	_, _, _, err = httpx.PostForm(t.Context(), http.DefaultClient, "https://hunter22:%zz@x", nil, 0)
	assert.ErrorIs(t, err, httpx.ErrURL)
	assert.NotContains(t, err.Error(), "hunter22")
}

func TestContextGovernsTheRequest(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, _, err := httpx.Get(ctx, http.DefaultClient, "http://127.0.0.1:1", 0)
	assert.True(t, errors.Is(err, context.Canceled), "%v", err)
}
