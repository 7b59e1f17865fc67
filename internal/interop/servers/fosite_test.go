package servers

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v3"
	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/handler/rfc7523"
	"github.com/ory/fosite/storage"
	"github.com/ory/fosite/token/jwt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange/oauth"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

const bearerAudience = "https://as.example/token"

// bearerStorage trusts one issuer, by the key set that it serves when asked,
// and one subject of it.
type bearerStorage struct {
	*storage.MemoryStore
	issuer  *fakeissuer.Issuer
	subject string
}

var _ rfc7523.RFC7523KeyStorage = (*bearerStorage)(nil)

func (s *bearerStorage) GetPublicKeys(ctx context.Context, issuer, subject string) (*jose.JSONWebKeySet, error) {
	if issuer != s.issuer.URL() || subject != s.subject {
		return nil, fosite.ErrNotFound
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.issuer.KeysURL(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var set jose.JSONWebKeySet
	return &set, json.NewDecoder(resp.Body).Decode(&set)
}

func (s *bearerStorage) GetPublicKey(ctx context.Context, issuer, subject, kid string) (*jose.JSONWebKey, error) {
	set, err := s.GetPublicKeys(ctx, issuer, subject)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(set.Keys, func(k jose.JSONWebKey) bool { return k.KeyID == kid }); i >= 0 {
		return &set.Keys[i], nil
	}
	return nil, errors.New("no such key")
}

func (s *bearerStorage) GetPublicKeyScopes(context.Context, string, string, string) ([]string, error) {
	return []string{"deploy"}, nil
}

func newBearer(issuer *fakeissuer.Issuer, subject string, jtiOptional bool) http.Handler {
	cfg := &fosite.Config{
		GlobalSecret: make([]byte, 32), TokenURL: bearerAudience, AccessTokenLifespan: 30 * time.Minute,
		GrantTypeJWTBearerCanSkipClientAuth: true, GrantTypeJWTBearerIDOptional: jtiOptional, GrantTypeJWTBearerMaxDuration: 2 * time.Hour,
	}
	store := &bearerStorage{MemoryStore: storage.NewMemoryStore(), issuer: issuer, subject: subject}
	provider := compose.Compose(cfg, store, compose.NewOAuth2HMACStrategy(cfg), compose.RFC7523AssertionGrantFactory)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session := &oauth2.JWTSession{JWTClaims: &jwt.JWTClaims{}, JWTHeader: &jwt.Headers{}}
		access, err := provider.NewAccessRequest(r.Context(), r, session)
		if err != nil {
			provider.WriteAccessError(r.Context(), w, access, err)
			return
		}
		answer, err := provider.NewAccessResponse(r.Context(), access)
		if err != nil {
			provider.WriteAccessError(r.Context(), w, access, err)
			return
		}
		provider.WriteAccessResponse(r.Context(), w, access, answer)
	})
}

func TestJWTBearer(t *testing.T) {
	gitlab, circleci := startIssuer(t, ""), startIssuer(t, fakeissuer.CircleCIOrganizationID)
	for name, p := range map[string]struct {
		issuer  *fakeissuer.Issuer
		mint    func(string, ...func(fakeissuer.Claims)) string
		subject string
		jti     bool // the platform sends one
	}{
		"GitLab":   {gitlab, gitlab.GitLab, "project_path:" + fakeissuer.GitLabProjectPath + ":ref_type:branch:ref:main", true},
		"CircleCI": {circleci, circleci.CircleCI, "org/" + fakeissuer.CircleCIOrganizationID + "/project/" + fakeissuer.CircleCIProjectID + "/user/" + fakeissuer.CircleCIUserID, false},
	} {
		t.Run(name, func(t *testing.T) {
			url, requests := counted(t, newBearer(p.issuer, p.subject, !p.jti))
			config := func(token string) oauth.Config {
				return oauth.Config{TokenURL: url, Grant: oauth.JWTBearer, Source: job(token), SourceAudience: bearerAudience, Scopes: []string{"deploy"}}
			}
			token := p.mint(bearerAudience)
			begun := time.Now()
			got, err := config(token).Token(t.Context())
			require.NoError(t, err)
			assert.NotEmpty(t, got.AccessToken)
			assert.Equal(t, "Bearer", got.TokenType)
			assert.WithinDuration(t, begun.Add(30*time.Minute), got.Expiry, 10*time.Second)

			wrongSubject := p.mint(bearerAudience, with("sub", p.subject+"x"))
			for what, tt := range map[string]struct {
				token string
				want  refusal
			}{
				"tampered": {tampered(t, wrongSubject, "sub", p.subject), refusal{400, "invalid_grant", "Unable to verify the integrity of the 'assertion' value", ""}},
				"subject":  {wrongSubject, refusal{400, "invalid_grant", "No public JWK was registered for issuer", ""}},
				"audience": {p.mint("https://other.example"), refusal{400, "invalid_grant", "MUST contain an 'aud' (audience) claim containing a value", ""}},
				"issuer":   {p.mint(bearerAudience, with("iss", "https://other.example")), refusal{400, "invalid_grant", "No public JWK was registered for issuer", ""}},
				"expired":  {p.mint(bearerAudience, with("exp", time.Now().Add(-time.Minute).Unix())), refusal{400, "invalid_grant", "expired", ""}},
				"no iat":   {p.mint(bearerAudience, without("iat")), refusal{400, "invalid_grant", "MUST contain an 'iat'", ""}},
			} {
				t.Run(what, func(t *testing.T) { refused(t, config(tt.token), requests, tt.want) })
			}
			t.Run("scope", func(t *testing.T) {
				cfg := config(p.mint(bearerAudience))
				cfg.Scopes = []string{"admin"}
				refused(t, cfg, requests, refusal{400, "invalid_scope", "The requested scope is invalid", "oauth-scope"})
			})
			if p.jti {
				t.Run("replay", func(t *testing.T) { refused(t, config(token), requests, refusal{400, "jti_known", "jti", ""}) })
				t.Run("no jti", func(t *testing.T) {
					refused(t, config(p.mint(bearerAudience, without("jti"))), requests, refusal{400, "invalid_grant", "MUST contain an 'jti'", ""})
				})
			}
			t.Run("a withdrawn key", func(t *testing.T) {
				old := p.mint(bearerAudience)
				p.issuer.Rotate(false)
				refused(t, config(old), requests, refusal{400, "invalid_grant", "No public JWK was registered", ""})
				_, err := config(p.mint(bearerAudience)).Token(t.Context())
				require.NoError(t, err, "the new key is found at once")
			})
		})
	}
}
