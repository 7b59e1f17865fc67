package servers

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/cioidc/cioidc/exchange/oauth"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

const (
	exchangeAudience = "https://sts.example"
	exchangeClient   = "deploy-tool"
	exchangeSecret   = "p:w/d of the client"
)

// exchangeStorage is the storage of zitadel's own example, which takes tokens
// of one other issuer.
type exchangeStorage struct {
	*storage.Storage
	verifier *rp.IDTokenVerifier
	project  string // the claim that must have value
	value    string
	asked    op.TokenExchangeRequest // the last request
}

var (
	_ op.TokenExchangeStorage               = (*exchangeStorage)(nil)
	_ op.TokenExchangeTokensVerifierStorage = (*exchangeStorage)(nil)
)

func (s *exchangeStorage) VerifyExchangeSubjectToken(ctx context.Context, token string, kind oidc.TokenType) (string, string, map[string]any, error) {
	claims, err := rp.VerifyIDToken[*oidc.IDTokenClaims](ctx, token, s.verifier)
	if err != nil {
		return "", "", nil, err
	}
	if claims.Claims[s.project] != s.value {
		return "", "", nil, oidc.ErrAccessDenied()
	}
	return token, claims.Subject, claims.Claims, nil
}

func (s *exchangeStorage) VerifyExchangeActorToken(context.Context, string, oidc.TokenType) (string, string, map[string]any, error) {
	return "", "", nil, oidc.ErrInvalidRequest()
}

func (s *exchangeStorage) ValidateTokenExchangeRequest(_ context.Context, r op.TokenExchangeRequest) error {
	if r.GetRequestedTokenType() == "" {
		r.SetRequestedTokenType(oidc.AccessTokenType)
	}
	s.asked = r
	return nil
}

func newExchange(t *testing.T, issuer *fakeissuer.Issuer, claim, value string) (*exchangeStorage, http.Handler) {
	t.Helper()
	client := storage.WebClient(exchangeClient, exchangeSecret)
	s := &exchangeStorage{
		Storage:  storage.NewStorageWithClients(storage.NewUserStore("https://sts.example"), map[string]*storage.Client{exchangeClient: client}),
		verifier: rp.NewIDTokenVerifier(issuer.URL(), exchangeAudience, rp.NewRemoteKeySet(http.DefaultClient, issuer.KeysURL())),
		project:  claim, value: value,
	}
	var key [32]byte
	_, _ = rand.Read(key[:])
	provider, err := op.NewProvider(&op.Config{CryptoKey: key}, s, func(bool) (op.IssuerFromRequest, error) {
		return func(*http.Request) string { return "https://sts.example" }, nil
	}, op.WithAllowInsecure(), op.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(t, err)
	return s, provider
}

func TestTokenExchange(t *testing.T) {
	gitlab, circleci := startIssuer(t, ""), startIssuer(t, fakeissuer.CircleCIOrganizationID)
	for name, p := range map[string]struct {
		issuer       *fakeissuer.Issuer
		mint         func(string, ...func(fakeissuer.Claims)) string
		claim, value string
	}{
		"GitLab":   {gitlab, gitlab.GitLab, "project_id", fakeissuer.GitLabProjectID},
		"CircleCI": {circleci, circleci.CircleCI, "oidc.circleci.com/project-id", fakeissuer.CircleCIProjectID},
	} {
		t.Run(name, func(t *testing.T) {
			s, handler := newExchange(t, p.issuer, p.claim, p.value)
			url, requests := counted(t, handler)
			config := func(token string) oauth.Config {
				return oauth.Config{
					TokenURL: url + "/oauth/token", Source: job(token), SourceAudience: exchangeAudience,
					ClientID: exchangeClient, ClientSecret: exchangeSecret, ClientAuth: oauth.ClientAuthBasic,
					Audiences: []string{"https://a.example", "https://b.example"}, Resources: []string{"https://r.example"}, Scopes: []string{"deploy", "read"},
				}
			}

			cfg := config(p.mint(exchangeAudience))
			begun := time.Now()
			got, err := cfg.Token(t.Context())
			require.NoError(t, err)
			assert.NotEmpty(t, got.AccessToken)
			assert.Equal(t, "Bearer", got.TokenType)
			assert.WithinDuration(t, begun.Add(5*time.Minute), got.Expiry, 10*time.Second)
			assert.Equal(t, "urn:ietf:params:oauth:token-type:access_token", got.Extra("issued_token_type"))
			assert.Equal(t, []string{"https://a.example", "https://b.example"}, s.asked.GetAudience())
			assert.Equal(t, []string{"deploy", "read"}, []string(s.asked.GetScopes()))

			t.Run("the token is good for the service", func(t *testing.T) {
				api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Header.Get("Authorization") == "" {
						w.WriteHeader(http.StatusUnauthorized)
					}
				}))
				defer api.Close()
				before := requests.Load()
				client := cfg.Client()
				for range 3 {
					resp, err := client.Get(api.URL)
					require.NoError(t, err)
					resp.Body.Close()
					assert.Equal(t, http.StatusOK, resp.StatusCode)
				}
				assert.Equal(t, int32(1), requests.Load()-before, "one exchange for three calls")
			})

			invalid := refusal{400, "invalid_request", "subject_token is invalid", ""}
			wrongClaim := p.mint(exchangeAudience, with(p.claim, "666"))
			for what, token := range map[string]string{
				"tampered": tampered(t, wrongClaim, p.claim, p.value),
				"claim":    wrongClaim,
				"audience": p.mint("https://other.example"),
				"issuer":   p.mint(exchangeAudience, with("iss", "https://other.example")),
				"expired":  p.mint(exchangeAudience, with("exp", time.Now().Add(-8*time.Minute).Unix())),
			} {
				t.Run(what, func(t *testing.T) { refused(t, config(token), requests, invalid) })
			}
			t.Run("client", func(t *testing.T) {
				cfg := config(p.mint(exchangeAudience))
				cfg.ClientSecret = "another"
				before := requests.Load()
				refusedClient(t, cfg)
				assert.Equal(t, int32(1), requests.Load()-before)
			})
		})
	}
}
