package oauth_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/oauth"
	"github.com/cioidc/cioidc/internal/cause"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// row is one row of the table of causes, as its service answers it.
type row struct {
	status   int
	body     string
	header   http.Header
	edit     func(*oauth.Config)
	claims   func(fakeissuer.Claims) // of the token; nil: those of a good one
	causes   []string
	certain  bool // the first
	evidence exchange.Evidence
	action   string
}

func vaultSays(text string) string { return fmt.Sprintf(`{"errors":[%q]}`, text) }

func entraSays(code string) string {
	return fmt.Sprintf(`{"error":"invalid_request","error_description":"%s: x. Trace ID: 1","trace_id":"1"}`, code)
}

// Each row may have several answers, as V1 has one for each claim.
var rows = map[string][]row{
	"E1": {{status: 400, body: entraSays("AADSTS700211"), causes: []string{"entra-issuer"}, certain: true, evidence: exchange.Evidence{Name: "iss", Token: "https://gitlab.com"}, action: "without a slash at the end"}},
	"E2": {{status: 400, body: entraSays("AADSTS700212"), causes: []string{"entra-audience"}, certain: true, evidence: exchange.Evidence{Name: "aud", Token: audience, Configured: audience}, action: oauth.EntraAudience}},
	"E3": {{status: 400, body: entraSays("AADSTS700213"), causes: []string{"entra-subject"}, certain: true, evidence: exchange.Evidence{Name: "sub", Token: "project_path:acme/webshop:ref_type:branch:ref:main"}, action: "case included"}},
	"E4": {{status: 400, body: entraSays("AADSTS700016"), edit: func(c *oauth.Config) { c.ClientID = "app" }, causes: []string{"entra-application", "entra-tenant"}, evidence: exchange.Evidence{Name: "client_id", Configured: "app"}, action: "overview page"}},
	"E5": {{status: 400, body: entraSays("AADSTS70021"), causes: []string{"entra-credential", "entra-new-credential"}, evidence: exchange.Evidence{Name: "iss", Token: "https://gitlab.com"}, action: "compare a credential's issuer"}},
	"V1": {
		{status: 400, body: vaultSays("error validating token: invalid audience (aud) claim: audience claim does not match any expected audience"), causes: []string{"vault-audience"}, certain: true, evidence: exchange.Evidence{Name: "aud", Token: audience, Configured: audience}, action: "bound_audiences"},
		{status: 400, body: vaultSays("error validating token: invalid issuer (iss) claim"), causes: []string{"vault-issuer"}, certain: true, evidence: exchange.Evidence{Name: "iss", Token: "https://gitlab.com"}, action: "bound_issuer"},
		{status: 400, body: vaultSays("error validating token: invalid subject (sub) claim"), causes: []string{"vault-subject"}, certain: true, action: "bound_subject"},
		{status: 400, body: vaultSays("error validating token: invalid expiration time (exp) claim: token is expired"), claims: minutesAgo, causes: []string{"vault-expired"}, certain: true, action: "earlier in the job"},
		{status: 400, body: vaultSays(`error validating claims: claim "ref_protected" does not match any associated bound claim values`), causes: []string{"vault-claim"}, certain: true, evidence: exchange.Evidence{Name: "ref_protected", Token: "true"}, action: `a boolean of GitLab's is "true"`},
		{status: 400, body: vaultSays("error validating token: error verifying token signature: no known key successfully validated the token signature"), causes: []string{"vault-signature"}, evidence: exchange.Evidence{Name: "iss", Token: "https://gitlab.com"}, action: "jwks_url"},
		{status: 400, body: vaultSays("error validating token: error verifying token signature: fetching keys oidc: get keys failed"), causes: []string{"vault-keys"}, certain: true, evidence: exchange.Evidence{Name: "iss", Token: "https://gitlab.com"}, action: "jwks_url"},
		{status: 400, body: vaultSays("the parameter jwt is missing"), edit: asVault}, // no claim is
		{status: 400, body: vaultSays(`error validating claims: claim "environment" is missing`), causes: []string{"vault-claim-missing"}, certain: true, action: "bound_claims"},
	},
	"V2": {
		{status: 400, body: vaultSays(`role "deploy" could not be found`), edit: asVault, causes: []string{"vault-role"}, evidence: exchange.Evidence{Name: "role", Configured: "deploy"}, action: "vault list auth/MOUNT/role"},
		{status: 403, body: vaultSays("permission denied"), edit: asVault, causes: []string{"vault-mount", "vault-namespace", "vault-role"}, evidence: exchange.Evidence{Name: "TokenURL", Configured: "https://vault.example/v1/auth/jwt/login"}, action: "vault auth list"},
		{status: 403, body: vaultSays("permission denied")}, // of something else
		{status: 400, body: vaultSays("the lease could not be found"), edit: asVault},
	},
	"O1": {{status: 400, body: `{"error":"invalid_grant"}`, header: http.Header{"X-Okta-Request-Id": {"r"}}, causes: []string{"okta-ci-token"}, certain: true, action: "package okta"}},
	"N1": {{status: 400, body: `{"message":"package not found"}`}, {status: 404, body: `{"message":"OIDC token exchange error - package not found"}`, causes: []string{"npm-publisher", "npm-package"}, evidence: exchange.Evidence{Name: "repository", Token: "gitlab.com/acme/webshop"}, action: "trusted publisher"}},
	"N2": {{status: 422, body: `{"errors":[{"code":"invalid-publisher","description":"d"}]}`, causes: []string{"pypi-publisher"}, certain: true, action: "workflow and environment"}},
	"R1": {{status: 401, body: `{"error":"invalid_client"}`, edit: func(c *oauth.Config) { c.ClientID = "app" }, causes: []string{"oauth-client"}, evidence: exchange.Evidence{Name: "client_id", Configured: "app"}, action: "ClientAuth"}},
	"R2": {
		{status: 400, body: `{"error":"unsupported_grant_type"}`, causes: []string{"oauth-grant"}, action: "allow the grant"},
		{status: 400, body: `{"error":"unauthorized_client"}`, causes: []string{"oauth-grant"}, action: "allow the grant"},
	},
	"R3": {{status: 400, body: `{"error":"invalid_scope"}`, edit: func(c *oauth.Config) { c.Scopes = []string{"a", "b"} }, causes: []string{"oauth-scope"}, evidence: exchange.Evidence{Name: "scope", Configured: "a b"}, action: "Scopes"}},
	"R4": {{status: 400, body: `{"error":"invalid_target"}`, edit: func(c *oauth.Config) { c.Audiences = []string{"x"} }, causes: []string{"oauth-target"}, evidence: exchange.Evidence{Name: "audience", Configured: "x"}, action: "Audiences and Resources"}},
	"X2": {{status: 302, header: http.Header{"Location": {"https://login.example/?x=hidden"}}, causes: []string{"endpoint-redirects"}, certain: true, action: "configure the address"}},
}

// minutesAgo lets a token expire, but not so long ago that it is not sent.
func minutesAgo(c fakeissuer.Claims) { c["exp"] = time.Now().Add(-8 * time.Minute).Unix() }

func asVault(c *oauth.Config) {
	v := oauth.Vault(oauth.VaultOptions{Address: "https://vault.example", Mount: "jwt", Role: "deploy", Audience: audience}, c.Source)
	v.HTTPClient = c.HTTPClient
	*c = v
}

// Each row of the table: the service's answer, and the cause that is given for
// it, certain only where the answer leaves no other.
func TestRows(t *testing.T) {
	for id, all := range rows {
		for i, r := range all {
			t.Run(fmt.Sprint(id, ".", i+1), func(t *testing.T) {
				s := newSource(t)
				if r.claims != nil {
					s = newSource(t, r.claims)
				}
				e := answering(r.status, r.body)
				e.header = r.header
				cfg := config(s, e)
				if r.edit != nil {
					r.edit(&cfg)
				}
				failed := fail(t, cfg, s)
				var got []string
				for _, c := range failed.Causes {
					got = append(got, c.ID)
				}
				require.Equal(t, r.causes, got)
				if len(got) == 0 {
					return
				}
				first := failed.Causes[0]
				assert.Equal(t, r.certain, first.Certain)
				assert.Contains(t, first.Action, r.action)
				if r.evidence.Name != "" {
					assert.Contains(t, first.Evidence, r.evidence)
				}
				switch {
				case len(got) > 1:
					assert.ErrorContains(t, failed, "cannot tell which of")
				case !r.certain:
					assert.ErrorContains(t, failed, "likely cause: ")
				}
				assert.NotContains(t, fmt.Sprintf("%+v", failed), "hidden")
			})
		}
	}
}

// Where a token says nothing that can be read of it, no claim is made up.
func TestRowsWithoutEvidence(t *testing.T) {
	for id, want := range map[string][]string{
		"E1": {"entra-issuer"}, "E5": {"entra-credential", "entra-new-credential"}, "N1": {"npm-publisher", "npm-package"}, "V1": nil,
	} {
		t.Run(id, func(t *testing.T) {
			s := newSource(t, func(c fakeissuer.Claims) {
				for name := range c {
					if name != "iss" && name != "aud" {
						delete(c, name)
					}
				}
			})
			r := rows[id][len(rows[id])-1]
			if id == "V1" { // the expiry, of a token without one
				r = rows[id][3]
			}
			failed := fail(t, config(s, answering(r.status, r.body)), s)
			var got []string
			for _, c := range failed.Causes {
				got = append(got, c.ID)
				for _, e := range c.Evidence {
					if e.Name == "sub" || e.Name == "exp" || e.Name == "repository" {
						assert.Empty(t, e.Token)
					}
				}
			}
			assert.Equal(t, want, got)
		})
	}
}

func TestRowX1(t *testing.T) {
	s := newSource(t)
	e := &endpoint{err: &url.Error{Op: "Post", URL: tokenURL, Err: &net.DNSError{Err: "no such host", Name: "sts.example", IsNotFound: true}}}
	failed := fail(t, config(s, e), s)
	require.Len(t, failed.Causes, 1)
	assert.Equal(t, "host-unknown", failed.Causes[0].ID)
	assert.True(t, failed.Causes[0].Certain)
}

// What is no token is not sent, and told what it is.
func TestRowJ1(t *testing.T) {
	for raw, want := range map[string]string{"": "token-empty", "glcbt-64_a-job-token": "token-malformed", "a.b.c": "token-malformed"} {
		e := answering(http.StatusOK, success)
		failed := fail(t, config(&source{mint: func(string) string { return raw }}, e), nil)
		assert.Equal(t, exchange.StageSource, failed.Stage)
		require.Len(t, failed.Causes, 1)
		assert.Equal(t, want, failed.Causes[0].ID)
		assert.True(t, failed.Causes[0].Certain)
		assert.Zero(t, e.count())
	}
}

// A token that is over for Vault, and not for the clock here: one of the clocks
// is wrong, and it is not said that the token expired.
func TestRowV1OfClocksThatDiffer(t *testing.T) {
	s := newSource(t)
	failed := fail(t, config(s, answering(400, vaultSays("error validating token: invalid expiration time (exp) claim: token is expired"))), s)
	require.Len(t, failed.Causes, 1)
	c := failed.Causes[0]
	assert.Equal(t, "vault-expired", c.ID)
	assert.False(t, c.Certain)
	assert.Contains(t, c.Summary, "expired by Vault's clock, though not by the one here")
	assert.Contains(t, c.Action, "NTP")
	require.Len(t, c.Evidence, 2)
	assert.Equal(t, "clock here", c.Evidence[1].Name)
}

// A token that the source did not give has not been read: Azure's SDK and
// ClientAssertion present such. Nothing is said of what it says.
func TestRowsOfATokenThatWasNotRead(t *testing.T) {
	for id, want := range map[string]string{"E1": "entra-issuer", "E2": "entra-audience", "E3": "entra-subject"} {
		cfg := oauth.Config{
			TokenURL: tokenURL, Grant: oauth.ClientCredentials, ClientID: "app",
			ClientAssertion: func(context.Context) (string, error) { return assertion("app", 1), nil },
			HTTPClient:      answering(rows[id][0].status, rows[id][0].body).client(),
		}
		_, err := cfg.Token(t.Context())
		var failed *exchange.Error
		require.ErrorAs(t, err, &failed)
		require.Len(t, failed.Causes, 1)
		assert.Equal(t, want, failed.Causes[0].ID)
		assert.NotContains(t, failed.Causes[0].Summary, `""`)
		assert.NotContains(t, failed.Causes[0].Summary, `, `)
	}
}

// Every row of these services has its test here, but for what Okta's own client
// and the other refusals of Okta say: okta_test.go and package okta have those.
func TestEveryRowIsTested(t *testing.T) {
	ours := []string{cause.Entra, cause.Vault, cause.Okta, cause.Registry, cause.OAuth}
	for _, r := range cause.Rows() {
		if slices.Contains(ours, r.Service) && !slices.Contains([]string{"O2", "O3", "O4"}, r.ID) {
			assert.NotEmpty(t, rows[r.ID], r.ID)
		}
	}
	for id := range rows {
		i := slices.IndexFunc(cause.Rows(), func(r cause.Row) bool { return r.ID == id })
		require.GreaterOrEqual(t, i, 0, id)
		var tested []string
		for _, r := range rows[id] {
			tested = append(tested, r.causes...)
		}
		if r := cause.Rows()[i]; slices.Contains(ours, r.Service) && r.Service != cause.Okta {
			assert.Subset(t, tested, r.Causes, "%s: each of its causes", id)
		}
	}
}
