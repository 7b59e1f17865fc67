package servers

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	jwtauth "github.com/hashicorp/vault-plugin-auth-jwt"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange/oauth"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

const vaultAudience = "https://vault.example"

// vault is the JWT auth method at the mount "jwt".
type vault struct {
	backend logical.Backend
	storage logical.Storage
}

func newVault(t *testing.T, issuer *fakeissuer.Issuer, claim, value string) *vault {
	t.Helper()
	storage := &logical.InmemStorage{}
	backend, err := jwtauth.Factory(t.Context(), &logical.BackendConfig{
		Logger:      hclog.NewNullLogger(),
		System:      &logical.StaticSystemView{DefaultLeaseTTLVal: time.Hour, MaxLeaseTTLVal: 2 * time.Hour},
		StorageView: storage,
	})
	require.NoError(t, err)
	t.Cleanup(func() { backend.Cleanup(t.Context()) })
	v := &vault{backend: backend, storage: storage}
	v.write(t, logical.UpdateOperation, "config", map[string]any{"jwks_url": issuer.KeysURL(), "bound_issuer": issuer.URL()})
	v.write(t, logical.CreateOperation, "role/deploy", map[string]any{
		"role_type": "jwt", "user_claim": "sub", "bound_audiences": vaultAudience,
		"bound_claims": map[string]any{claim: value}, "token_ttl": "20m",
	})
	return v
}

func (v *vault) write(t *testing.T, op logical.Operation, path string, data map[string]any) {
	t.Helper()
	resp, err := v.backend.HandleRequest(t.Context(), &logical.Request{Operation: op, Path: path, Storage: v.storage, Data: data})
	require.NoError(t, err)
	require.False(t, resp != nil && resp.IsError(), "%v", resp)
}

// ServeHTTP answers as Vault's HTTP layer does: the plugin decides, and the
// core mints the token of who got in.
func (v *vault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, "/v1/auth/jwt/")
	if !ok {
		logical.RespondError(w, http.StatusNotFound, nil)
		return
	}
	var data map[string]any
	if err := json.NewDecoder(r.Body).Decode(&data); err != nil {
		logical.RespondError(w, http.StatusBadRequest, err)
		return
	}
	req := &logical.Request{Operation: logical.UpdateOperation, Path: path, Storage: v.storage, Data: data, Connection: &logical.Connection{RemoteAddr: "127.0.0.1"}}
	resp, err := v.backend.HandleRequest(r.Context(), req)
	if status, err := logical.RespondErrorCommon(req, resp, err); err != nil {
		logical.RespondError(w, status, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"auth": map[string]any{
		"client_token": "hvs." + rand.Text(), "policies": resp.Auth.Policies, "metadata": resp.Auth.Metadata,
		"lease_duration": int(resp.Auth.TTL.Seconds()), "renewable": resp.Auth.Renewable, "token_type": "service",
	}})
}

func TestVault(t *testing.T) {
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
			url, requests := counted(t, newVault(t, p.issuer, p.claim, p.value))
			login := func(token string) oauth.Config {
				return oauth.Vault(oauth.VaultOptions{Address: url, Mount: "jwt", Role: "deploy", Audience: vaultAudience}, job(token))
			}

			begun := time.Now()
			got, err := login(p.mint(vaultAudience)).Token(t.Context())
			require.NoError(t, err)
			assert.True(t, strings.HasPrefix(got.AccessToken, "hvs."))
			assert.WithinDuration(t, begun.Add(20*time.Minute), got.Expiry, time.Minute)

			wrongClaim := p.mint(vaultAudience, with(p.claim, "666"))
			for what, tt := range map[string]struct {
				token string
				want  refusal
			}{
				"tampered": {tampered(t, wrongClaim, p.claim, p.value), refusal{400, "", "error verifying token signature", "vault-signature"}},
				"audience": {p.mint("https://other.example"), refusal{400, "", "invalid audience (aud) claim: audience claim does not match any expected audience", "vault-audience"}},
				"claim":    {wrongClaim, refusal{400, "", `error validating claims: claim "` + p.claim + `" does not match any associated bound claim values`, "vault-claim"}},
				"expired": {p.mint(vaultAudience, with("iat", time.Now().Add(-time.Hour).Unix()), with("nbf", time.Now().Add(-time.Hour).Unix()),
					with("exp", time.Now().Add(-8*time.Minute).Unix())), refusal{400, "", "token is expired", "vault-expired"}},
				"issuer":   {p.mint(vaultAudience, with("iss", "https://other.example")), refusal{400, "", "invalid issuer (iss) claim", "vault-issuer"}},
				"no claim": {p.mint(vaultAudience, without(p.claim)), refusal{400, "", p.claim, "vault-claim-missing"}},
			} {
				t.Run(what, func(t *testing.T) { refused(t, login(tt.token), requests, tt.want) })
			}
			t.Run("role", func(t *testing.T) {
				refused(t, oauth.Vault(oauth.VaultOptions{Address: url, Mount: "jwt", Role: "none", Audience: vaultAudience}, job(p.mint(vaultAudience))), requests,
					refusal{400, "", `role "none" could not be found`, "vault-role"})
			})
			t.Run("mount", func(t *testing.T) {
				refused(t, oauth.Vault(oauth.VaultOptions{Address: url, Mount: "other", Role: "deploy", Audience: vaultAudience}, job(p.mint(vaultAudience))), requests, refusal{404, "", "", ""})
			})
		})
	}
}
