package oidc_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

// press signs whatever the fuzzer makes up, with one key for all time, so that
// a corpus stays of use.
type press struct {
	key ed25519.PrivateKey
	now time.Time
	v   *oidc.Verifier
}

func newPress(f *testing.F) *press {
	p := &press{key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), now: time.Unix(1790000000, 0)}
	keys := oidc.StaticKeySet{{ID: "k", Algorithm: oidc.EdDSA, Public: p.key.Public()}}
	issuers := []oidc.Issuer{
		oidc.GitLab("https://gitlab.com"), oidc.CircleCI(otherOrg), oidc.CircleCIRoot(otherOrg),
		oidc.CircleCIServer("https://ci.example/org/"+otherOrg, otherOrg), oidc.IssuerOf[claims.Registered]("https://x.example"),
	}
	for i := range issuers {
		issuers[i].Keys, issuers[i].Algorithms = keys, []oidc.Algorithm{oidc.EdDSA}
	}
	v, err := oidc.NewVerifier(oidc.Config{Issuers: issuers, Audiences: []string{audience}, Now: func() time.Time { return p.now }})
	require.NoError(f, err)
	p.v = v
	return p
}

func (p *press) sign(header, payload string) string {
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	return input + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(p.key, []byte(input)))
}

const pressHeader = `{"alg":"EdDSA","kid":"k","typ":"JWT"}`

func pressPayloads() []string {
	const times = `,"iat":1790000000,"nbf":1789999995,"exp":1790003600}`
	return []string{
		`{"iss":"https://x.example","sub":"s","aud":["` + audience + `","other"]` + times,
		`{"iss":"https://gitlab.com","sub":"project_path:a/b","aud":"` + audience + `","project_id":"1","job_project_id":1,"pipeline_id":"2","job_id":"3"` + times,
		`{"iss":"https://gitlab.com","sub":"project_path:a/b","aud":"` + audience + `","project_id":"1","pipeline_id":"2","job_id":"3","pipeline_source":"push","job_config":{"url":"u"}` + times,
		`{"iss":"https://oidc.circleci.com/org/` + otherOrg + `","sub":"org/` + otherOrg + `","aud":"` + audience + `","oidc.circleci.com/project-id":"p","oidc.circleci.com/ssh-rerun":false` + times,
		`{"iss":"https://oidc.circleci.com","sub":"s","aud":"` + audience + `","oidc.circleci.com/project-id":"p","oidc.circleci.com/org-id":"` + otherOrg + `","oidc.circleci.com/ssh-rerun":"true"` + times,
		`{"iss":"https://ci.example/org/` + otherOrg + `","sub":"s","aud":"` + audience + `","oidc.circleci.com/project-id":"p","oidc.circleci.com/vcs-ref":"refs/heads/pull/1","oidc.circleci.com/ssh-rerun":"false"` + times,
		`{"iss":"https://x.example/"}`, `{"exp":1e9,"EXP":1}`,
	}
}

// judge asserts what must hold of every answer to every token.
func (p *press) judge(t *testing.T, raw, header, payload string) {
	tok, err := p.v.Verify(t.Context(), raw)
	require.Equal(t, err != nil, tok == nil)
	if err == nil {
		var sent map[string]any
		require.NoError(t, json.Unmarshal(tok.Payload(), &sent))
		r := tok.Claims().RegisteredClaims()
		require.Equal(t, sent["iss"], r.Issuer)
		require.Equal(t, sent["sub"], r.Subject)
		require.NotEmpty(t, r.Subject)
		require.Contains(t, r.Audience, audience)
		require.True(t, p.now.Before(r.ExpiresAt.Time().Add(30*time.Second)))
		require.False(t, p.now.Before(r.IssuedAt.Time().Add(-30*time.Second)))
		require.Equal(t, "k", tok.KeyID())
		require.NotPanics(t, func() { _ = fmt.Sprint(tok.String(), tok.LogValue()) })
		return
	}
	var (
		token  *oidc.TokenError
		denied *oidc.DeniedError
	)
	require.True(t, errors.As(err, &token) || errors.As(err, &denied), "%T", err)
	text := err.Error()
	require.Less(t, len(text), 8192)
	for _, r := range text {
		require.True(t, unicode.IsPrint(r), "%q", text)
	}
	for _, part := range strings.Split(raw, ".") {
		// What the token's text says of kid, iss and the like may be quoted.
		if len(part) > 20 && !strings.Contains(header+payload, part) {
			require.NotContains(t, text, part)
		}
	}
}

// Whatever is signed is judged without a panic, and by the rules if accepted.
func FuzzVerifySigned(f *testing.F) {
	p := newPress(f)
	for _, payload := range pressPayloads() {
		f.Add(pressHeader, payload)
	}
	f.Add(`{"alg":"none"}`, `{}`)
	f.Fuzz(func(t *testing.T, header, payload string) {
		raw := p.sign(header, payload)
		p.judge(t, raw, header, payload)
		p.judge(t, p.sign(pressHeader, payload), pressHeader, payload)
		if forged := raw[:len(raw)-2] + "AA"; forged != raw {
			_, err := p.v.Verify(t.Context(), forged)
			require.Error(t, err)
			require.NotErrorIs(t, err, oidc.ErrExpired, "nothing is said of claims that nobody signed")
			require.NotErrorIs(t, err, oidc.ErrAudience)
		}
	})
}

// Whatever is sent is judged without a panic, and is only accepted if the key
// made it.
func FuzzVerify(f *testing.F) {
	p := newPress(f)
	made := map[string]bool{}
	for _, payload := range pressPayloads() {
		raw := p.sign(pressHeader, payload)
		made[raw] = true
		f.Add(raw)
	}
	f.Add(strings.Repeat(".", 20))
	f.Fuzz(func(t *testing.T, raw string) {
		p.judge(t, raw, "", "")
		if _, err := p.v.Verify(t.Context(), raw); err == nil {
			require.True(t, made[raw], "a token that the key did not make: %q", raw)
		}
	})
}

// recorder is a transport that answers as told and notes what it was asked.
type recorder struct {
	mu     sync.Mutex
	asked  []string
	answer func(*http.Request) (status int, header http.Header, body string, err error)
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	r.asked = append(r.asked, req.URL.String())
	r.mu.Unlock()
	status, header, body, err := r.answer(req)
	if err != nil {
		return nil, err
	}
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
}

func (r *recorder) requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.asked)
}

// Whatever an issuer publishes, the verifier does not panic, asks for nothing
// that is not https, and says what is wrong in a line.
func FuzzDiscovery(f *testing.F) {
	issuer := oidctest.NewIssuer(f, &oidctest.Options{URL: "https://gitlab.com"})
	raw := issuer.GitLab(audience)
	for _, document := range []string{
		`{"issuer":"https://gitlab.com","jwks_uri":"https://keys.example/keys"}`,
		`{"issuer":"https://gitlab.com/","jwks_uri":"https://gitlab.com"}`, `{"issuer":"https://gitlab.com","jwks_uri":"http://127.0.0.1/"}`, `[]`,
	} {
		f.Add(document, string(issuer.JWKS()), "max-age=60", uint16(200))
		f.Add(document, `{"keys":[]}`, "no-store", uint16(302))
	}
	f.Fuzz(func(t *testing.T, document, keys, control string, status uint16) {
		r := &recorder{answer: func(req *http.Request) (int, http.Header, string, error) {
			if strings.HasPrefix(req.URL.String(), "https://gitlab.com/.well-known/") {
				return 200, nil, document, nil
			}
			return int(status), http.Header{"Cache-Control": {control}, "Location": {control}}, keys, nil
		}}
		v, err := oidc.NewVerifier(oidc.Config{
			Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{audience}, HTTPClient: &http.Client{Transport: r},
		})
		require.NoError(t, err)
		_, err = v.Verify(t.Context(), raw)
		for _, u := range r.requests() {
			require.True(t, strings.HasPrefix(u, "https://"), u)
		}
		require.LessOrEqual(t, len(r.requests()), 5, "discovery, keys, and three redirects of them")
		if err != nil {
			var (
				token       *oidc.TokenError
				unavailable *oidc.UnavailableError
			)
			require.True(t, errors.As(err, &token) || errors.As(err, &unavailable), "%T", err)
			require.Less(t, len(err.Error()), 4096)
			for _, r := range err.Error() {
				require.True(t, unicode.IsPrint(r), "%q", err)
			}
		}
	})
}
