package okta_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange/okta"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

const (
	clientID = "0oa1b2c3d4e5f6g7h8i9"
	keyID    = "deploy-2026"
)

var privateKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// localSigner signs with a key of this process, in place of a cloud's.
type localSigner struct {
	mu     sync.Mutex
	signed []string
}

func (s *localSigner) SignJWT(_ context.Context, claims []byte) (string, error) {
	input := encode([]byte(`{"alg":"RS256","kid":"`+keyID+`","typ":"JWT"}`)) + "." + encode(claims)
	digest := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(nil, privateKey(), crypto.SHA256, digest[:])
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signed = append(s.signed, input+"."+encode(signature))
	return s.signed[len(s.signed)-1], nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

type signerFunc func(ctx context.Context, claims []byte) (string, error)

func (f signerFunc) SignJWT(ctx context.Context, claims []byte) (string, error) {
	return f(ctx, claims)
}

// endpoint answers in Okta's place, and keeps what it was sent.
type endpoint struct {
	mu     sync.Mutex
	answer func(n int) (status int, header http.Header, body string)
	urls   []string
	forms  []url.Values
}

func (e *endpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.urls, e.forms = append(e.urls, r.URL.String()), append(e.forms, form)
	status, header, text := http.StatusOK, http.Header{}, `{"token_type":"Bearer","expires_in":3600,"access_token":"okta-access-token-0001","scope":"deploy"}`
	if e.answer != nil {
		status, header, text = e.answer(len(e.forms))
	}
	if status == 0 {
		return nil, io.ErrUnexpectedEOF // the connection was cut
	}
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
}

func (e *endpoint) requests() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.forms)
}

func refusing(status int, code, description string) func(int) (int, http.Header, string) {
	return func(int) (int, http.Header, string) {
		body, _ := json.Marshal(map[string]string{"error": code, "error_description": description})
		return status, http.Header{"X-Okta-Request-Id": {"reqAbC-123"}, "Content-Type": {"application/json"}}, string(body)
	}
}

// config is one that works.
func config(e *endpoint, s okta.Signer) okta.Config {
	return okta.Config{
		Domain: "acme.okta.com", ClientID: clientID, KeyID: keyID, Signer: s,
		Scopes: []string{"deploy"}, HTTPClient: &http.Client{Transport: e},
	}
}

// ciToken is the token of a GitLab job.
func ciToken(t *testing.T, audience string) string {
	t.Helper()
	iss, err := fakeissuer.New(fakeissuer.Options{URL: "https://gitlab.com"})
	require.NoError(t, err)
	t.Cleanup(iss.Close)
	return iss.GitLab(audience)
}

// decoded returns the claims of a JWT.
func decoded(t *testing.T, jwt string) map[string]any {
	t.Helper()
	part := strings.Split(jwt, ".")
	require.Len(t, part, 3)
	payload, err := base64.RawURLEncoding.DecodeString(part[1])
	require.NoError(t, err)
	claims := map[string]any{}
	require.NoError(t, json.Unmarshal(payload, &claims))
	return claims
}

// assertNoSecret scans every form in which err can be printed, and those of
// everything that it wraps, for pieces of the secrets.
func assertNoSecret(t *testing.T, err error, secrets ...string) {
	t.Helper()
	require.NotEmpty(t, secrets)
	var text strings.Builder
	for e := err; e != nil; e = errors.Unwrap(e) {
		fmt.Fprintf(&text, "%v\n%+v\n%#v\n%q\n", e, e, e, e)
	}
	slog.New(slog.NewJSONHandler(&text, nil)).Error("failed", "err", err)
	for _, secret := range secrets {
		const piece = 20
		require.GreaterOrEqual(t, len(secret), piece)
		for i := 0; i+piece <= len(secret); i++ {
			if strings.Contains(text.String(), secret[i:i+piece]) {
				assert.Failf(t, "the error holds a piece of a secret", "%s", text.String())
				return
			}
		}
	}
}
