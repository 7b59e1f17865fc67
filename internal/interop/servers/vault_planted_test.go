package servers

import (
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/oauth"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// What is wrong with a token is the first cause, with Vault's own code behind
// the answer. Each of these logs in but for its fault.
func TestPlantedFaultsVault(t *testing.T) {
	const elsewhere = "https://other.example"
	gitlab, circleci := startIssuer(t, ""), startIssuer(t, fakeissuer.CircleCIOrganizationID)
	for name, p := range map[string]struct {
		issuer                *fakeissuer.Issuer
		mint                  func(string, ...func(fakeissuer.Claims)) string
		claim, value, subject string
	}{
		"GitLab": {gitlab, gitlab.GitLab, "project_id", fakeissuer.GitLabProjectID,
			"project_path:" + fakeissuer.GitLabProjectPath + ":ref_type:branch:ref:main"},
		"CircleCI": {circleci, circleci.CircleCI, "oidc.circleci.com/project-id", fakeissuer.CircleCIProjectID,
			"org/" + fakeissuer.CircleCIOrganizationID + "/project/" + fakeissuer.CircleCIProjectID + "/user/" + fakeissuer.CircleCIUserID},
	} {
		v := newVault(t, p.issuer, p.claim, p.value)
		v.write(t, logical.UpdateOperation, "role/deploy", map[string]any{"role_type": "jwt", "user_claim": "sub", "bound_subject": p.subject})
		url, _ := counted(t, v)
		unreachable := startIssuer(t, "")
		u := newVault(t, unreachable, p.claim, p.value)
		unreachable.Fail(http.StatusServiceUnavailable)
		unreachableURL, _ := counted(t, u)
		login := func(url, token string) error {
			_, err := oauth.Vault(oauth.VaultOptions{Address: url, Mount: "jwt", Role: "deploy", Audience: vaultAudience}, job(token)).Token(t.Context())
			return err
		}
		require.NoError(t, login(url, p.mint(vaultAudience)), "%s: the faults are all that is wrong", name)

		// Vault has a leeway of its own, and what is over for longer is not sent.
		ago := time.Now().Add(-time.Hour)
		end := time.Now().Add(-8 * time.Minute).Truncate(time.Second)
		for what, tt := range map[string]struct {
			token    string
			words    string // a part of what Vault says
			cause    string
			certain  bool
			evidence exchange.Evidence // the first
			action   string
		}{
			"audience": {p.mint(elsewhere), "invalid audience (aud) claim", "vault-audience", true,
				exchange.Evidence{Name: "aud", Token: elsewhere, Configured: vaultAudience}, "bound_audiences"},
			"issuer": {p.mint(vaultAudience, with("iss", elsewhere)), "invalid issuer (iss) claim", "vault-issuer", true,
				exchange.Evidence{Name: "iss", Token: elsewhere}, "bound_issuer"},
			"subject": {p.mint(vaultAudience, with("sub", "somebody else")), "invalid subject (sub) claim", "vault-subject", true,
				exchange.Evidence{Name: "sub", Token: "somebody else"}, "bound_subject"},
			"claim": {p.mint(vaultAudience, with(p.claim, "666")), "does not match any associated bound claim values", "vault-claim", true,
				exchange.Evidence{Name: p.claim, Token: "666"}, "bound_claims"},
			"no claim": {p.mint(vaultAudience, without(p.claim)), p.claim, "vault-claim-missing", true,
				exchange.Evidence{}, "bound_claims"},
			"expired": {p.mint(vaultAudience, with("iat", ago.Unix()), with("nbf", ago.Unix()), with("exp", end.Unix())), "token is expired", "vault-expired", true,
				exchange.Evidence{Name: "exp", Token: end.UTC().Format(time.RFC3339)}, "exchange it earlier in the job"},
			"tampered": {tampered(t, p.mint(vaultAudience, with(p.claim, "666")), p.claim, p.value), "error verifying token signature", "vault-signature", false,
				exchange.Evidence{Name: "iss", Token: p.issuer.URL()}, "check that the source gives the token unchanged"},
			"keys": {unreachable.GitLab(vaultAudience), "fetching keys", "vault-keys", true,
				exchange.Evidence{Name: "iss", Token: unreachable.URL()}, "jwks_url"},
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				url := url
				if what == "keys" {
					url = unreachableURL
				}
				var failed *exchange.Error
				require.ErrorAs(t, login(url, tt.token), &failed)
				assert.Equal(t, exchange.StageExchange, failed.Stage)
				assert.Equal(t, http.StatusBadRequest, failed.StatusCode)
				assert.Contains(t, failed.Description, tt.words)
				require.NotEmpty(t, failed.Causes, "%v", failed)
				first := failed.Causes[0]
				assert.Equal(t, tt.cause, first.ID)
				assert.Equal(t, tt.certain, first.Certain)
				if tt.evidence != (exchange.Evidence{}) {
					require.NotEmpty(t, first.Evidence)
					assert.Equal(t, tt.evidence, first.Evidence[0])
				}
				assert.Contains(t, first.Action, tt.action)
				assert.Contains(t, failed.Error(), first.Summary, "the one line has the first cause")
				t.Log(failed)
			})
		}
	}
}
