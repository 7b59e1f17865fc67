package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// Every kind of request, its answer, and its line in the audit log.
func TestGateway(t *testing.T) {
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "deployed") })
	good := s.token()
	tampered := good[:len(good)-8] + "AAAAAAAA"
	branch := s.token(fakeissuer.Branch("other"))
	for n, c := range []struct {
		authorization string
		status        int
		body          string
		outcome       string
		reason        any
	}{
		{"Bearer " + good, 200, "deployed", "accepted", nil},
		{"Bearer " + good, 401, "Unauthorized\n", "denied", "replayed"},
		{"Bearer " + tampered, 401, "Unauthorized\n", "invalid", "signature"},
		{"Bearer " + s.token(fakeissuer.Expired), 401, "Unauthorized\n", "invalid", "expired"},
		{"Bearer " + s.issuer.GitLab("https://other.example"), 401, "Unauthorized\n", "invalid", "audience"},
		{"Bearer x", 401, "Unauthorized\n", "invalid", "malformed"},
		{"Bearer " + branch, 403, "Forbidden\n", "denied", "denied"},
		{"Bearer " + branch, 403, "Forbidden\n", "denied", "denied"}, // it was not used up
		{"Bearer " + s.token(fakeissuer.ForkMergeRequestInParent), 403, "Forbidden\n", "denied", "fork"},
		{"", 401, "Unauthorized\n", "invalid", "no_token"},
		{"Basic eDp5", 401, "Unauthorized\n", "invalid", "no_token"},
		{"Bearer a b", 400, "Bad Request\n", "invalid", "request"},
	} {
		status, body := s.ask(t, c.authorization)
		assert.Equal(t, c.status, status, "%d", n)
		assert.Equal(t, c.body, body, "%d", n)
		records := s.audit.records(t)
		require.Len(t, records, n+1, "one record for one request")
		r := records[n]
		assert.Equal(t, c.outcome, r["outcome"], r)
		assert.Equal(t, c.reason, r["reason"], r)
		request := r["request"].(map[string]any)
		assert.Regexp(t, `^127\.0\.0\.1:\d+$`, request["remote"])
		delete(request, "remote")
		assert.Equal(t, map[string]any{"method": "POST", "host": strings.TrimPrefix(s.jobs, "http://"), "path": "/deploy"}, request)
		if c.outcome == "accepted" {
			assert.Equal(t, fakeissuer.GitLabProjectID, r["project"])
			assert.Equal(t, "refs/heads/main", r["ref"])
			assert.Equal(t, "gateway", r["policy"])
			assert.Equal(t, "main", r["rule"])
			assert.NotContains(t, r, "user_login")
		}
	}
	assert.Len(t, s.reached(), 1)
	s.nowhere(t, good, branch)
}

// The service learns whose request it is, and gets no token.
func TestIdentityHeaders(t *testing.T) {
	s := newSite(t, nil)
	status, _ := s.ask(t, "Bearer "+s.token())
	require.Equal(t, 200, status)
	requests := s.reached()
	require.Len(t, requests, 1)
	r := requests[0]
	assert.Equal(t, "/base/deploy?to=prod&secret=1", r.URL.String())
	assert.NotContains(t, r.Header, "Authorization")
	assert.Equal(t, strings.TrimPrefix(s.jobs, "http://"), r.Header.Get("X-Forwarded-Host"))
	assert.Equal(t, "127.0.0.1", r.Header.Get("X-Forwarded-For"))
	want := map[string]string{
		"Issuer": s.issuer.URL(), "Subject": "project_path:acme/webshop:ref_type:branch:ref:main", "Platform": "gitlab",
		"Project": fakeissuer.GitLabProjectID, "Ref": "refs/heads/main",
		"Repository": strings.TrimPrefix(s.issuer.URL(), "http://") + "/" + fakeissuer.GitLabProjectPath,
		"Pipeline":   fakeissuer.GitLabPipelineID, "Run": fakeissuer.GitLabJobID, "Actor": fakeissuer.GitLabUserID,
	}
	for name, value := range want {
		assert.Equal(t, []string{value}, r.Header.Values("X-CI-"+name), name)
	}
	assert.Equal(t, len(want), identityHeaders(r))
}

// identityHeaders counts the headers that a service could take for the gateway's.
func identityHeaders(r *http.Request) int {
	n := 0
	for name := range r.Header {
		if strings.HasPrefix(strings.ToLower(strings.ReplaceAll(name, "_", "-")), "x-ci-") {
			n++
		}
	}
	return n
}

// A client cannot say who it is, in whatever way it says it.
func TestNoSpoofing(t *testing.T) {
	var trailer http.Header
	s := newSite(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		trailer = r.Trailer
	})
	const other = "999"
	status, _ := s.ask(t, "Bearer "+s.token(func(c fakeissuer.Claims) { delete(c, "user_id") }), func(r *http.Request) {
		for _, name := range []string{"X-CI-Project", "x-ci-project", "X_CI_Project", "X-CI_Project", "X-Ci-Actor", "x-ci-anything", "X_CI_ACTOR"} {
			r.Header[name] = []string{other}
		}
		r.Header.Set("X-Forwarded-For", "10.9.9.9")
		// Names of headers that the gateway would then take off the request.
		r.Header["Connection"] = []string{"X-CI-Project, X-CI-Ref, Authorization"}
		r.Trailer = http.Header{"X-Ci-Project": {other}, "X_ci_actor": {other}, "Authorization": {"Bearer x"}}
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader("body")), -1
	})
	require.Equal(t, 200, status)
	requests := s.reached()
	require.Len(t, requests, 1)
	r := requests[0]
	assert.Equal(t, []string{fakeissuer.GitLabProjectID}, r.Header.Values("X-CI-Project"))
	assert.Equal(t, []string{"refs/heads/main"}, r.Header.Values("X-CI-Ref"))
	assert.NotContains(t, r.Header, "X-Ci-Actor", "the token does not say")
	assert.Equal(t, 8, identityHeaders(r), r.Header)
	assert.Equal(t, "127.0.0.1", r.Header.Get("X-Forwarded-For"))
	assert.Empty(t, trailer)
	for name, values := range r.Header {
		assert.NotContains(t, values, other, name)
	}
}

// What a token says can hold any character, and stays one header.
func TestPlain(t *testing.T) {
	for value, want := range map[string]string{
		"refs/heads/main":  "refs/heads/main",
		"a b":              `"a b"`,
		"a\r\nX-CI-Ref: b": `"a\r\nX-CI-Ref: b"`,
		`"main"`:           `"\"main\""`,
		"zürich":           `"z\u00fcrich"`,
		"a\x7f":            `"a\x7f"`,
		"a\x00":            `"a\x00"`,
	} {
		assert.Equal(t, want, plain(value))
	}
	s := newSite(t, nil, "--replay", "0")
	status, _ := s.ask(t, "Bearer "+s.token(func(c fakeissuer.Claims) { c["sub"] = "a\r\nX-CI-Actor: b" }))
	require.Equal(t, 200, status)
	assert.Equal(t, []string{`"a\r\nX-CI-Actor: b"`}, s.reached()[0].Header.Values("X-CI-Subject"))
}

func TestPassToken(t *testing.T) {
	s := newSite(t, nil, "--pass-token", "--replay", "0")
	token := "Bearer " + s.token()
	for range 2 {
		status, _ := s.ask(t, token)
		require.Equal(t, 200, status)
	}
	for _, r := range s.reached() {
		assert.Equal(t, []string{token}, r.Header.Values("Authorization"))
	}
	assert.Equal(t, true, s.audit.last(t)["cached"], "without --replay, tokens come again")
	s.nowhere(t, token)
}

func TestAuditUsers(t *testing.T) {
	s := newSite(t, nil, "--audit-users")
	status, _ := s.ask(t, "Bearer "+s.token())
	require.Equal(t, 200, status)
	assert.Equal(t, fakeissuer.GitLabUserLogin, s.audit.last(t)["user_login"])
}

// What clients and the service do wrong has an answer of its own.
func TestFailures(t *testing.T) {
	t.Run("body too large", func(t *testing.T) {
		s := newSite(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }, "--max-body", "1000")
		for size, want := range map[int]int{1000: 200, 1001: 413} {
			for _, chunked := range []bool{false, true} {
				status, _ := s.ask(t, "Bearer "+s.token(), func(r *http.Request) {
					body := strings.NewReader(strings.Repeat("x", size))
					r.Body, r.ContentLength = io.NopCloser(body), int64(size)
					if chunked {
						r.ContentLength = -1
					}
				})
				assert.Equal(t, want, status, "%d bytes, chunked: %v", size, chunked)
			}
		}
	})
	t.Run("headers too large", func(t *testing.T) {
		s := newSite(t, nil)
		status, _ := s.ask(t, "Bearer "+s.token(), func(r *http.Request) { r.Header.Set("X-Filler", strings.Repeat("x", 40<<10)) })
		assert.Equal(t, 431, status)
		assert.Empty(t, s.reached())
	})
	t.Run("service away", func(t *testing.T) {
		s := newSite(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		status, body := s.ask(t, "Bearer "+s.token())
		assert.Equal(t, 502, status)
		assert.Equal(t, "Bad Gateway\n", body)
		_, ok := s.log.find(t, "service failed")
		assert.True(t, ok)
	})
	t.Run("keys away", func(t *testing.T) {
		s := newSite(t, nil)
		s.issuer.Rotate(false)
		s.issuer.Fail(500)
		status, _ := s.ask(t, "Bearer "+s.token())
		// The keys at hand were fetched a moment ago, so this kid is unknown.
		assert.Equal(t, 401, status)
		assert.Equal(t, "unknown_key", s.audit.last(t)["reason"])
	})
}
