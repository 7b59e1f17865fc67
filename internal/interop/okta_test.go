//go:build linux

package interop

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/exchange/googlests/impersonate"
	"github.com/cioidc/cioidc/exchange/oauth"
	"github.com/cioidc/cioidc/exchange/okta"
	"github.com/cioidc/cioidc/exchange/okta/googlesigner"
	"github.com/cioidc/cioidc/exchange/okta/kmssigner"
	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// localKMS is AWS KMS's Sign with a key of this process: RSASSA-PKCS1-v1_5, or
// ECDSA in DER, over a digest that the caller has made.
type localKMS struct{ key crypto.Signer }

func (k localKMS) Sign(_ context.Context, in *kms.SignInput, _ ...func(*kms.Options)) (*kms.SignOutput, error) {
	if in.MessageType != types.MessageTypeDigest || len(in.Message) != 32 {
		return nil, errors.New("the message is not a SHA-256 digest")
	}
	signature, err := k.key.Sign(rand.Reader, in.Message, crypto.SHA256)
	return &kms.SignOutput{KeyId: in.KeyId, Signature: signature, SigningAlgorithm: in.SigningAlgorithm}, err
}

// The three clients, named by what signs for them.
const (
	rsaClient     = "0oaKMSwithRSA0000001"
	curveClient   = "0oaKMSwithP256000002"
	accountClient = "0oaGoogle00000000003"
	oktaKeyID     = "deploy-2026"
	signAccount   = "okta-deploy@acme.iam.gserviceaccount.com"
)

// oktaWorld is a provider in Okta's place, with the keys of three clients.
type oktaWorld struct {
	provider *oidcProvider
	gitLab   *fakeissuer.Issuer
	signers  map[string]okta.Signer

	mu      sync.Mutex
	secrets []string // CI tokens and assertions
}

func newOktaWorld(t *testing.T, behind *toxiproxy) *oktaWorld {
	t.Helper()
	w := &oktaWorld{gitLab: newIssuer(t, "https://gitlab.com"), signers: map[string]okta.Signer{}}

	// Google's key set is fetched from the jwks_uri; those of KMS are registered.
	pool := fakegoogle.Provider{
		Project: "123456789012", Pool: "ci", ID: "gitlab", IssuerURI: w.gitLab.URL(),
		Attributes: map[string]string{"project_id": "project_id"},
	}
	cloud, err := fakegoogle.New(fakegoogle.Config{
		Providers: []fakegoogle.Provider{pool}, Fetch: fakeissuer.Client(w.gitLab),
		ServiceAccounts: []fakegoogle.ServiceAccount{{Email: signAccount, TokenCreators: []string{pool.PrincipalSet("project_id", fakeissuer.GitLabProjectID)}}},
	})
	require.NoError(t, err)
	served := httptest.NewServer(cloud)
	t.Cleanup(served.Close)
	base, err := googlests.Credentials(googlests.Config{
		Provider: googlests.ProviderName("123456789012", "ci", "gitlab"), HTTPClient: cloud.Client(),
		Source: exchange.TokenSourceFunc(func(_ context.Context, audience string) (string, error) {
			raw := w.gitLab.GitLab(audience)
			w.keep(raw)
			return raw, nil
		}),
	})
	require.NoError(t, err)
	google, err := googlesigner.New(impersonate.Config{ServiceAccount: signAccount, Base: base, HTTPClient: cloud.Client()})
	require.NoError(t, err)
	w.signers[accountClient] = w.keeping(google)
	clients := []oidcClient{newOIDCClient(accountClient, "RS256")}
	clients[0].JWKSURI = served.URL + strings.TrimPrefix(google.JWKSURL(), "https://www.googleapis.com")

	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	curveKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	for id, made := range map[string]struct {
		key       crypto.Signer
		algorithm string
	}{rsaClient: {rsaKey, kmssigner.RS256}, curveClient: {curveKey, kmssigner.ES256}} {
		w.signers[id] = w.keeping(kmsSigner(t, made.key, made.algorithm, oktaKeyID))
		der, err := x509.MarshalPKIXPublicKey(made.key.Public())
		require.NoError(t, err)
		raw, err := kmssigner.PublicJWK(der, oktaKeyID)
		require.NoError(t, err)
		client := newOIDCClient(id, made.algorithm)
		client.JWKS = map[string]any{"keys": []json.RawMessage{raw}}
		clients = append(clients, client)
	}
	w.provider = startOIDCProvider(t, behind, clients...)
	return w
}

func kmsSigner(t *testing.T, key crypto.Signer, algorithm, keyID string) *kmssigner.Signer {
	t.Helper()
	s, err := kmssigner.New(kmssigner.Config{Client: localKMS{key}, Key: "alias/okta", KeyID: keyID, Algorithm: algorithm})
	require.NoError(t, err)
	return s
}

func (w *oktaWorld) keep(secret string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secrets = append(w.secrets, secret)
}

type signerFunc func(context.Context, []byte) (string, error)

func (f signerFunc) SignJWT(ctx context.Context, claims []byte) (string, error) {
	return f(ctx, claims)
}

// keeping remembers what s signs, for the search for it in errors.
func (w *oktaWorld) keeping(s okta.Signer) okta.Signer {
	return signerFunc(func(ctx context.Context, claims []byte) (string, error) {
		signed, err := s.SignJWT(ctx, claims)
		if err == nil {
			w.keep(signed)
		}
		return signed, err
	})
}

// config is what the client of this ID would have, with what is on its way to
// the provider.
func (w *oktaWorld) config(id string, way *way) okta.Config {
	return okta.Config{
		Domain: w.provider.url, ClientID: id, Signer: w.signers[id], Scopes: []string{"deploy"},
		HTTPClient: &http.Client{Transport: way},
	}
}

// way is the way to the provider. It counts the requests, and edit may change
// the form of one, after may drop its answer.
type way struct {
	host  string // where the requests go, whatever host they name; empty means there
	edit  func(url.Values)
	after func(n int, again func() (*http.Response, error), resp *http.Response) (*http.Response, error)

	mu sync.Mutex
	n  int
}

func (y *way) RoundTrip(r *http.Request) (*http.Response, error) {
	y.mu.Lock()
	y.n++
	n := y.n
	y.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	if y.edit != nil {
		y.edit(form)
	}
	send := func() (*http.Response, error) {
		text := form.Encode()
		out := r.Clone(r.Context())
		out.Body, out.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
		if y.host != "" {
			out.URL.Scheme, out.URL.Host, out.Host = "http", y.host, y.host
		}
		return http.DefaultTransport.RoundTrip(out)
	}
	resp, err := send()
	if err == nil && y.after != nil {
		return y.after(n, send, resp)
	}
	return resp, err
}

func TestPrivateKeyJWTIsGranted(t *testing.T) {
	w := newOktaWorld(t, nil)
	for id := range w.signers {
		t.Run(id, func(t *testing.T) {
			tally.real(t)
			y := &way{}
			access, err := okta.New(w.config(id, y))
			require.NoError(t, err)
			first, err := access.Token(t.Context())
			require.NoError(t, err, "%v", w.provider.reasons(t))
			second, err := access.Token(t.Context())
			require.NoError(t, err, "%v", w.provider.reasons(t))
			assert.NotEmpty(t, first.AccessToken)
			assert.NotEqual(t, first.AccessToken, second.AccessToken)
			assert.Equal(t, "Bearer", first.TokenType)
			assert.Equal(t, "deploy", first.Extra("scope"))
			assert.WithinDuration(t, time.Now().Add(10*time.Minute), first.Expiry, time.Minute)
			assert.Equal(t, 2, y.n)
		})
	}
	assert.Empty(t, w.provider.reasons(t))
}

// An answer that is cut on the way has used its assertion up. The next request
// has a new one.
func TestPrivateKeyJWTSurvivesALostAnswer(t *testing.T) {
	w := newOktaWorld(t, startToxiproxy(t))
	l := w.provider.link
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	client := &counted{base: transport, after: func(int) { assert.NoError(t, l.mend(context.Background())) }}
	cfg := w.config(rsaClient, nil)
	cfg.HTTPClient = &http.Client{Transport: client}
	access, err := okta.New(cfg)
	require.NoError(t, err)
	require.NoError(t, l.breakIt(t.Context(), toxic{Type: "limit_data", Stream: "downstream", Attributes: map[string]int{"bytes": 100}}))
	token, err := access.Token(t.Context())
	require.NoError(t, err, "%v", w.provider.reasons(t))
	assert.NotEmpty(t, token.AccessToken)
	assert.Equal(t, 2, client.n)
	assert.Len(t, w.secrets, 2, "assertions")

	// The provider has seen the first one: it would not have taken it again.
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {rsaClient}, "scope": {"deploy"}, "client_assertion": {w.secrets[0]},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}
	resp, err := http.PostForm(access.TokenURL, form)
	require.NoError(t, err)
	defer resp.Body.Close()
	assert.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	reasons := w.provider.reasons(t)
	require.Len(t, reasons, 1)
	assert.Contains(t, reasons[0], "client assertion tokens must only be used once")
}

func TestPrivateKeyJWTIsRefused(t *testing.T) {
	w := newOktaWorld(t, nil)
	host := strings.TrimPrefix(w.provider.url, "http://")
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	const refused = "client authentication failed" // all that the provider says
	tests := map[string]struct {
		edit              func(*okta.Config, *way)
		code, description string
		reason            string // what the provider tells its own log
	}{
		"a tampered signature": {func(c *okta.Config, y *way) { c.Signer = tamperSignature(c.Signer) }, "invalid_client", refused, "signature verification failed"},
		"a tampered claim": {func(c *okta.Config, y *way) {
			y.edit = func(form url.Values) {
				form.Set("client_assertion", tampered(t, form.Get("client_assertion"), "exp", time.Now().Add(50*time.Minute).Unix()))
			}
		}, "invalid_client", refused, "signature verification failed"},
		"another audience": {func(c *okta.Config, y *way) { c.Domain, y.host = "acme.okta.com", host }, "invalid_client", refused, "audience (aud) must equal the endpoint url"},
		"a replay": {func(c *okta.Config, y *way) {
			y.after = func(_ int, again func() (*http.Response, error), resp *http.Response) (*http.Response, error) {
				body, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if err != nil || resp.StatusCode != http.StatusOK {
					return nil, fmt.Errorf("the first time is to be granted: %d %s", resp.StatusCode, body)
				}
				return again()
			}
		}, "invalid_client", refused, "client assertion tokens must only be used once"},
		"an unknown kid": {func(c *okta.Config, y *way) { c.Signer = w.keeping(kmsSigner(t, stranger, "", "deploy-2025")) }, "invalid_client", refused, "no applicable key found in the JSON Web Key Set"},
		"another key":    {func(c *okta.Config, y *way) { c.Signer = w.keeping(kmsSigner(t, stranger, "", oktaKeyID)) }, "invalid_client", refused, "signature verification failed"},
		"expired":        {func(c *okta.Config, y *way) { c.Now = func() time.Time { return time.Now().Add(-time.Hour) } }, "invalid_client", refused, "jwt expired"},
		"another client": {func(c *okta.Config, y *way) { c.ClientID = curveClient }, "invalid_client", refused, "alg mismatch"},
		"no client":      {func(c *okta.Config, y *way) { c.ClientID = "0oaNobody00000000009" }, "invalid_client", refused, "client not found"},
		"another scope":  {func(c *okta.Config, y *way) { c.Scopes = []string{"read"} }, "invalid_scope", "requested scope is not allowed", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tally.real(t)
			y := &way{}
			cfg := w.config(rsaClient, y)
			tt.edit(&cfg, y)
			before := len(w.provider.reasons(t))
			access, err := okta.New(cfg)
			require.NoError(t, err)
			token, err := access.Token(t.Context())
			assert.Nil(t, token)
			var failed *exchange.Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, exchange.StageExchange, failed.Stage, "%v", err)
			assert.Equal(t, tt.code, failed.Code)
			assert.Equal(t, tt.description, failed.Description)
			if tt.code == "invalid_client" {
				assert.Equal(t, http.StatusUnauthorized, failed.StatusCode)
			} else {
				assert.Equal(t, http.StatusBadRequest, failed.StatusCode)
			}
			assert.False(t, failed.Retryable())
			assert.Equal(t, 1, y.n, "a refusal is final")
			reasons := w.provider.reasons(t)[before:]
			require.Len(t, reasons, 1)
			assert.Contains(t, reasons[0], tt.reason)
			w.clean(t, err)
		})
	}
}

// The provider takes a CI token no more than Okta does: neither what package
// okta refuses to send, nor what package oauth sends where it cannot know.
func TestACITokenIsNoClientAssertion(t *testing.T) {
	w := newOktaWorld(t, nil)
	y := &way{}
	cfg := w.config(rsaClient, y)
	ci := exchange.TokenSourceFunc(func(_ context.Context, audience string) (string, error) {
		raw := w.gitLab.GitLab(audience)
		w.keep(raw)
		return raw, nil
	})
	cfg.Signer = signerFunc(func(ctx context.Context, _ []byte) (string, error) {
		return ci.IDToken(ctx, w.provider.url+"/oauth2/default/v1/token")
	})
	access, err := okta.New(cfg)
	require.NoError(t, err)
	_, err = access.Token(t.Context())
	var failed *exchange.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, exchange.StageSign, failed.Stage)
	require.Len(t, failed.Causes, 1)
	assert.Equal(t, "okta-foreign-token", failed.Causes[0].ID)
	assert.Zero(t, y.n)
	w.clean(t, err)

	_, err = oauth.Config{
		TokenURL: access.TokenURL, Grant: oauth.ClientCredentials, ClientID: rsaClient, Scopes: []string{"deploy"},
		Source: ci, SourceAudience: access.TokenURL, HTTPClient: access.HTTPClient,
	}.Token(t.Context())
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, exchange.StageExchange, failed.Stage)
	assert.Equal(t, http.StatusBadRequest, failed.StatusCode)
	assert.Equal(t, "invalid_request", failed.Code)
	assert.Equal(t, 1, y.n)
	w.clean(t, err)
}

// tamperSignature changes one bit of each signature.
func tamperSignature(s okta.Signer) okta.Signer {
	return signerFunc(func(ctx context.Context, claims []byte) (string, error) {
		signed, err := s.SignJWT(ctx, claims)
		if err != nil {
			return "", err
		}
		at := strings.LastIndexByte(signed, '.') + 1
		signature, err := base64.RawURLEncoding.DecodeString(signed[at:])
		if err != nil {
			return "", err
		}
		signature[20] ^= 1
		return signed[:at] + base64.RawURLEncoding.EncodeToString(signature), nil
	})
}

// clean searches every form in which err can be printed for pieces of what was
// signed or minted.
func (w *oktaWorld) clean(t *testing.T, err error) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	require.NotEmpty(t, w.secrets)
	assertClean(t, err, w.secrets...)
}

// assertClean searches every form in which err, and what it wraps, can be
// printed for pieces of the secrets.
func assertClean(t *testing.T, err error, secrets ...string) {
	t.Helper()
	var text bytes.Buffer
	for e := err; e != nil; e = errors.Unwrap(e) {
		fmt.Fprintf(&text, "%v\n%+v\n%#v\n%q\n", e, e, e, e)
	}
	slog.New(slog.NewJSONHandler(&text, nil)).Error("failed", "err", err)
	slog.New(slog.NewTextHandler(&text, nil)).Error("failed", "err", err)
	printed := text.String()
	for _, secret := range secrets {
		const piece = 24
		for i := 0; i+piece <= len(secret); i++ {
			if strings.Contains(printed, secret[i:i+piece]) {
				assert.Failf(t, "the error holds a piece of a secret", "%s", printed)
				return
			}
		}
	}
}
