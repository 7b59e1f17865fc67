package oidc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

func TestMiddleware(t *testing.T) {
	gitlab := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	away := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.example"})
	away.Fail(500)
	v := must(t, oidc.Config{
		Issuers:    []oidc.Issuer{oidc.GitLab(gitlab.URL()), oidc.GitLab(away.URL())},
		Audiences:  []string{audience},
		HTTPClient: oidctest.Client(gitlab, away),
		Authorize: func(_ context.Context, c claims.Model) (slog.LogValuer, error) {
			if c.(*claims.GitLab).Ref == "main" {
				return nil, nil
			}
			return nil, errors.New("secret of the policy")
		},
	})
	handler := oidc.Middleware(v, nil)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := oidc.ClaimsFromContext[claims.GitLab](r.Context())
		if !ok {
			http.Error(w, "no claims", 500)
			return
		}
		_, other := oidc.ClaimsFromContext[claims.CircleCI](r.Context())
		tok, _ := oidc.FromContext(r.Context())
		io.WriteString(w, c.ProjectPath+" "+tok.KeyID())
		if other {
			io.WriteString(w, " CircleCI too")
		}
	}))
	good := gitlab.GitLab(audience)
	for name, c := range map[string]struct {
		header       []string
		status       int
		authenticate string
	}{
		"accepted":             {[]string{"Bearer " + good}, 200, ""},
		"scheme in lower case": {[]string{"bearer  " + good}, 200, ""},
		"nothing":              {nil, 401, `Bearer realm="ci"`},
		"Basic":                {[]string{"Basic eDp5"}, 401, `Bearer realm="ci"`},
		"empty header":         {[]string{""}, 401, `Bearer realm="ci"`},
		"no token":             {[]string{"Bearer"}, 400, `Bearer error="invalid_request"`},
		"blank token":          {[]string{"Bearer "}, 400, `Bearer error="invalid_request"`},
		"two headers":          {[]string{"Bearer " + good, "Bearer " + good}, 400, `Bearer error="invalid_request"`},
		"two tokens":           {[]string{"Bearer " + good + ", Bearer " + good}, 400, `Bearer error="invalid_request"`},
		"no JWT":               {[]string{"Bearer x"}, 401, `Bearer error="invalid_token"`},
		"expired":              {[]string{"Bearer " + gitlab.GitLab(audience, oidctest.Expired)}, 401, `Bearer error="invalid_token"`},
		"denied":               {[]string{"Bearer " + gitlab.GitLab(audience, oidctest.Branch("x"))}, 403, `Bearer error="insufficient_scope"`},
		"fork":                 {[]string{"Bearer " + gitlab.GitLab(audience, oidctest.ForkMergeRequestInParent)}, 403, `Bearer error="insufficient_scope"`},
		"keys away":            {[]string{"Bearer " + away.GitLab(audience)}, 503, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/deploy?access_token="+good, nil)
			for _, h := range c.header {
				r.Header.Add("Authorization", h)
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			assert.Equal(t, c.status, w.Code)
			assert.Equal(t, c.authenticate, w.Header().Get("WWW-Authenticate"))
			if c.status == 200 {
				assert.Equal(t, oidctest.GitLabProjectPath+" "+gitlab.KeyID(), w.Body.String())
				return
			}
			assert.Equal(t, http.StatusText(c.status)+"\n", w.Body.String(), "nothing that helps whoever is trying tokens")
			assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		})
	}
	_, ok := oidc.FromContext(t.Context())
	assert.False(t, ok)
}

func TestMiddlewareOptions(t *testing.T) {
	gitlab := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	v := must(t, oidc.Config{Issuers: []oidc.Issuer{oidc.GitLab(gitlab.URL())}, Audiences: []string{audience}, HTTPClient: oidctest.Client(gitlab)})
	var seen error
	handler := oidc.Middleware(v, &oidc.MiddlewareOptions{
		Token: func(r *http.Request) (string, error) { return r.Header.Get("X-Token"), nil },
		Error: func(w http.ResponseWriter, _ *http.Request, err error) { seen = err; w.WriteHeader(418) },
	})(http.NotFoundHandler())
	for token, status := range map[string]int{gitlab.GitLab(audience): 404, "x": 418} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-Token", token)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		assert.Equal(t, status, w.Code)
	}
	requireToken(t, seen, oidc.ErrMalformed)
}

func TestWriteError(t *testing.T) {
	for _, c := range []struct {
		err        error
		status     int
		retryAfter string
	}{
		{&oidc.UnavailableError{Op: oidc.OpKeys, RetryAfter: 1500 * time.Millisecond}, 503, "2"},
		{&oidc.UnavailableError{Op: oidc.OpKeys, RetryAfter: time.Second}, 503, "1"},
		{&oidc.UnavailableError{Op: oidc.OpKeys, RetryAfter: time.Second + 1}, 503, "2"},
		{&oidc.UnavailableError{Op: oidc.OpKeys, RetryAfter: 1}, 503, "1"},
		{&oidc.UnavailableError{Op: oidc.OpKeys, RetryAfter: math.MaxInt64}, 503, "9223372037"},
		{&oidc.UnavailableError{Op: oidc.OpKeys, RetryAfter: -1}, 503, ""},
		{&oidc.UnavailableError{Op: oidc.OpKeys}, 503, ""},
		{fmt.Errorf("wrapped: %w", &oidc.UnavailableError{Op: oidc.OpKeys}), 503, ""},
		{&oidc.DeniedError{Err: &oidc.TokenError{Reason: oidc.ErrModel}}, 403, ""},
		{&oidc.DeniedError{Err: oidc.ErrNoToken}, 403, ""},
		{&oidc.DeniedError{Err: oidc.ErrFork}, 403, ""},
		{&oidc.DeniedError{Err: oidc.ErrReplayed}, 401, ""},
		{fmt.Errorf("wrapped: %w", &oidc.DeniedError{Err: fmt.Errorf("wrapped: %w", oidc.ErrReplayed)}), 401, ""},
		{&oidc.UnavailableError{Op: oidc.OpReplay, Err: oidc.ErrReplayed}, 503, ""},
		{fmt.Errorf("wrapped: %w", oidc.ErrNoToken), 401, ""},
		{fmt.Errorf("wrapped: %w", oidc.ErrRequest), 400, ""},
		{errors.New("other"), 500, ""},
	} {
		w := httptest.NewRecorder()
		oidc.WriteError(w, nil, c.err)
		assert.Equal(t, c.status, w.Code)
		assert.Equal(t, c.retryAfter, w.Header().Get("Retry-After"))
		assert.Equal(t, http.StatusText(c.status)+"\n", w.Body.String())
		assert.Equal(t, c.status < 500, w.Header().Get("WWW-Authenticate") != "")
	}
	_, err := oidc.BearerToken(httptest.NewRequest("GET", "/", nil))
	require.ErrorIs(t, err, oidc.ErrNoToken)
}

// What Authorize decided is the handler's to read, in the type that it has.
func TestDecisionInTheHandler(t *testing.T) {
	gitlab := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	v := must(t, oidc.Config{
		Issuers: []oidc.Issuer{oidc.GitLab(gitlab.URL())}, Audiences: []string{audience}, HTTPClient: oidctest.Client(gitlab), CachedTokens: 5,
		Authorize: func(_ context.Context, c claims.Model) (slog.LogValuer, error) {
			return verdict{"by rule of " + c.(*claims.GitLab).Ref}, nil
		},
	})
	handler := oidc.Middleware(v, nil)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tok, ok := oidc.FromContext(r.Context())
		if !ok {
			http.Error(w, "no token", 500)
			return
		}
		d, _ := tok.Decision().(verdict)
		io.WriteString(w, d.rule)
	}))
	main, branch := gitlab.GitLab(audience), gitlab.GitLab(audience, oidctest.Branch("x"))
	for _, c := range [][2]string{{main, "by rule of main"}, {branch, "by rule of x"}, {main, "by rule of main"}} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+c[0])
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		assert.Equal(t, 200, w.Code)
		assert.Equal(t, c[1], w.Body.String())
	}
}

// A used token and one that is not valid get the same answer, to the last byte:
// it tells nobody that a token they hold was good.
func TestReplayedIsAnsweredLikeInvalid(t *testing.T) {
	issuer, v, _, _ := replayBench(t, new(askedStore))
	handler := oidc.Middleware(v, nil)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	serve := func(raw string) *http.Response {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+raw)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Result()
	}
	raw := issuer.GitLab(audience)
	require.Equal(t, 200, serve(raw).StatusCode)
	again, expired := serve(raw), serve(issuer.GitLab(audience, oidctest.Expired))
	assert.Equal(t, 401, again.StatusCode)
	assert.Equal(t, `Bearer error="invalid_token"`, again.Header.Get("WWW-Authenticate"))
	assert.Equal(t, expired.StatusCode, again.StatusCode)
	assert.Equal(t, expired.Header, again.Header)
	bodies := [2][]byte{}
	for i, r := range []*http.Response{again, expired} {
		var err error
		bodies[i], err = io.ReadAll(r.Body)
		require.NoError(t, err)
	}
	assert.Equal(t, string(bodies[1]), string(bodies[0]))
}

// Only the Authorization header is read, and only in the one form it has.
func TestBearerToken(t *testing.T) {
	for _, c := range []struct {
		header []string
		token  string
		err    error
	}{
		{[]string{"Bearer a.b.c"}, "a.b.c", nil},
		{[]string{"BEARER a.b.c"}, "a.b.c", nil},
		{[]string{"Bearer    a.b.c"}, "a.b.c", nil},
		{[]string{"Bearer a~b+c/d-_.=="}, "a~b+c/d-_.==", nil},
		{nil, "", oidc.ErrNoToken},
		{[]string{""}, "", oidc.ErrNoToken},
		{[]string{"Basic YTpi"}, "", oidc.ErrNoToken},
		{[]string{"Bearera.b.c"}, "", oidc.ErrNoToken},
		{[]string{"Bearer"}, "", oidc.ErrRequest},
		{[]string{"Bearer   "}, "", oidc.ErrRequest},
		{[]string{"Bearer a b"}, "", oidc.ErrRequest},
		{[]string{"Bearer a "}, "", oidc.ErrRequest},
		{[]string{"Bearer a\tb"}, "", oidc.ErrRequest},
		{[]string{`Bearer "a"`}, "", oidc.ErrRequest},
		{[]string{"Bearer a,b"}, "", oidc.ErrRequest},
		{[]string{"Basic YTpi", "Bearer a"}, "", oidc.ErrRequest},
		{[]string{"Bearer a", ""}, "", oidc.ErrRequest},
	} {
		r := httptest.NewRequest("POST", "/?access_token=x", strings.NewReader("access_token=x"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, h := range c.header {
			r.Header.Add("Authorization", h)
		}
		got, err := oidc.BearerToken(r)
		assert.ErrorIs(t, err, c.err, c.header)
		assert.Equal(t, c.token, got, c.header)
	}
}

// The token is for the handler of the request that brought it, and a refused
// request reaches no handler.
func TestMiddlewareReachesNoHandler(t *testing.T) {
	issuer, v := bench(t)
	reached := 0
	handler := oidc.Middleware(v, &oidc.MiddlewareOptions{})(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	for _, header := range []string{"", "Bearer x", "Bearer " + issuer.GitLab("https://elsewhere.example"), "Bearer a b"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", header)
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	assert.Zero(t, reached)
}
