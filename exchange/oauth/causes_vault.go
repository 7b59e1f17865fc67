package oauth

import (
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/cause"
	"github.com/cioidc/cioidc/internal/safetext"
)

// vaultClaim is what the JWT auth method of Vault and OpenBao says of a claim.
var vaultClaim = regexp.MustCompile(`claim "([^"]{1,128})" (?:does not match|is missing)`)

// vault explains the texts of the JWT auth method of Vault and OpenBao.
func (r *refused) vault() []exchange.Cause {
	c := exchange.Cause{ID: r.of(cause.Vault), Certain: true}
	switch c.ID {
	case "vault-audience":
		c.Summary = "the role does not accept the token's audience" + quoted(strings.Join(r.said.Audience, ", "))
		c.Action = "let the role's bound_audiences hold Config.SourceAudience"
		c.Evidence = []exchange.Evidence{r.audience()}
	case "vault-issuer":
		c.Summary = "the auth method expects another issuer than the token's" + quoted(r.said.Issuer)
		c.Action = "set its bound_issuer to the token's iss exactly, or log in at the mount that has it"
		c.Evidence = []exchange.Evidence{r.issuer()}
	case "vault-subject":
		c.Summary = "the role expects another subject than the token's" + quoted(r.said.Subject)
		c.Action = "compare the role's bound_subject with it"
		c.Evidence = []exchange.Evidence{r.subject()}
	case "vault-expired":
		return r.expired()
	case "vault-signature":
		return r.signature()
	case "vault-claim", "vault-claim-missing":
		return r.vaultClaim(c.ID)
	case "vault-role":
		if !r.says("role ") {
			return nil
		}
		c.Summary, c.Certain = "the auth method at this mount has no such role", false
		c.Action = "compare the role and the mount with what vault list auth/MOUNT/role prints"
		c.Evidence = []exchange.Evidence{r.role()}
	case "vault-mount":
		if r.StatusCode != http.StatusForbidden || r.Response.TokenPath != vaultTokenPath {
			return nil // others deny permission too
		}
		return r.denied()
	default:
		return nil
	}
	return []exchange.Cause{c}
}

func (r *refused) role() exchange.Evidence {
	return exchange.Evidence{Name: "role", Configured: r.Request.Params.Get("role")}
}

// denied explains the text that Vault has for all that is not there.
func (r *refused) denied() []exchange.Cause {
	at := exchange.Evidence{Name: "TokenURL", Configured: r.TokenURL}
	return []exchange.Cause{{
		ID:       "vault-mount",
		Summary:  "there is no JWT auth method at this mount",
		Action:   "compare the mount with what vault auth list prints",
		Evidence: []exchange.Evidence{at},
	}, {
		ID:       "vault-namespace",
		Summary:  "the auth method is in another namespace",
		Action:   "put the namespace's path into Config.TokenURL, between /v1/ and auth/",
		Evidence: []exchange.Evidence{at},
	}, {
		ID:       "vault-role",
		Summary:  "the auth method at this mount has no such role",
		Action:   "compare the role with what vault read auth/MOUNT/role/ROLE prints",
		Evidence: []exchange.Evidence{r.role()},
	}}
}

// expired explains a token that is over for Vault. It is silent of a token that
// has no end, or that nobody here has read.
func (r *refused) expired() []exchange.Cause {
	if r.said.ExpiresAt == 0 {
		return nil
	}
	end := r.said.ExpiresAt.Time().UTC()
	at := end.Format(time.RFC3339)
	c := exchange.Cause{
		ID:       "vault-expired",
		Summary:  "the token expired at " + at,
		Action:   "exchange it earlier in the job, or let the source get a fresh one",
		Certain:  true,
		Evidence: []exchange.Evidence{{Name: "exp", Token: at}},
	}
	if now := time.Now().UTC(); now.Before(end) {
		c.Summary = "the token has expired by Vault's clock, though not by the one here: it is valid until " + at
		c.Action = "set the clock of Vault's servers by NTP, and this machine's"
		c.Certain = false
		c.Evidence = append(c.Evidence, exchange.Evidence{Name: "clock here", Configured: now.Format(time.RFC3339)})
	}
	return []exchange.Cause{c}
}

func (r *refused) signature() []exchange.Cause {
	evidence := []exchange.Evidence{r.issuer(), {Name: "kid", Token: r.said.KeyID}}
	if r.says("fetching keys") {
		return []exchange.Cause{{
			ID:       "vault-keys",
			Summary:  "Vault could not fetch the keys by which it checks tokens",
			Action:   "let Vault's servers reach the URL in the auth method's jwks_url or oidc_discovery_url, and know its certificate",
			Certain:  true,
			Evidence: evidence,
		}}
	}
	return []exchange.Cause{{
		ID:       "vault-signature",
		Summary:  "none of the auth method's keys has signed the token: it was changed after it was signed, or the method has the keys of another issuer",
		Action:   "check that the source gives the token unchanged, and that the auth method's jwks_url or oidc_discovery_url is that of the token's iss",
		Evidence: evidence,
	}}
}

// vaultClaim explains a claim that bound_claims do not accept.
func (r *refused) vaultClaim(id string) []exchange.Cause {
	m := vaultClaim.FindStringSubmatch(r.Description)
	if m == nil {
		return nil
	}
	if id == "vault-claim-missing" {
		return []exchange.Cause{{
			ID:      "vault-claim-missing",
			Summary: "the token does not have the claim " + safetext.Quote(m[1]) + ", which the role's bound_claims demand",
			Action:  "compare bound_claims of the role with the claims of this platform's tokens",
			Certain: true,
		}}
	}
	c := exchange.Cause{
		ID:      "vault-claim",
		Summary: "the token's claim " + safetext.Quote(m[1]) + " is not one of those that the role accepts",
		Action:  "compare it with bound_claims of the role; values are compared as text, so a boolean of GitLab's is \"true\"",
		Certain: true,
	}
	if value, ok := r.claim(m[1]); ok {
		c.Evidence = []exchange.Evidence{{Name: m[1], Token: value}}
	}
	return []exchange.Cause{c}
}
