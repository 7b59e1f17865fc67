package oauth

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/safetext"
	"github.com/cioidc/cioidc/internal/unreached"
)

// causes explains a refusal of the token that says said, which is nil where no
// CI token was sent. Each service has codes or texts of its own, so there is no
// need to know which service it is. An unknown one has no cause rather than a
// wrong one.
func (x *exchanger) causes(e *exchange.Error, said *peek.Token, header http.Header) []exchange.Cause {
	if said == nil {
		said = &peek.Token{}
	}
	r := &refused{exchanger: x, Error: e, said: said, location: header.Get("Location"), fromOkta: isOkta(x.service) || header.Get("X-Okta-Request-Id") != ""}
	for _, explain := range []func() (exchange.Cause, bool){r.okta, r.entra, r.vault, r.publisher, r.oauth, r.redirect} {
		c, ok := explain()
		if !ok {
			continue
		}
		if c.ID == "entra-credential" {
			// One code for three mistakes, and for one that is none.
			return []exchange.Cause{c, {
				ID:      "entra-new-credential",
				Summary: "the credential was made within the last minutes, and Entra does not know it everywhere yet",
				Action:  "try again in five minutes, if so",
			}}
		}
		return []exchange.Cause{c}
	}
	return nil
}

type refused struct {
	*exchanger
	*exchange.Error
	said *peek.Token
	// location is where an answer wants the request to go.
	location string
	// fromOkta: it is Okta that answered, under its own domain or a custom one.
	fromOkta bool
}

func (r *refused) says(words string) bool { return strings.Contains(r.Description, words) }

func (r *refused) issuer() exchange.Evidence {
	return exchange.Evidence{Name: "iss", Token: r.said.Issuer}
}

func (r *refused) subject() exchange.Evidence {
	return exchange.Evidence{Name: "sub", Token: r.said.Subject}
}

func (r *refused) audience() exchange.Evidence {
	return exchange.Evidence{Name: "aud", Token: strings.Join(r.said.Audience, ", "), Configured: r.SourceAudience}
}

// entra explains the codes of Microsoft Entra's federated credentials.
func (r *refused) entra() (exchange.Cause, bool) {
	switch r.Code {
	case "AADSTS700211":
		return exchange.Cause{
			ID:       "entra-issuer",
			Summary:  "no federated credential of the application has the token's issuer, " + safetext.Quote(r.said.Issuer),
			Action:   "add a federated credential whose issuer is the token's iss exactly, without a slash at the end that iss does not have",
			Certain:  true,
			Evidence: []exchange.Evidence{r.issuer()},
		}, true
	case "AADSTS700212":
		return exchange.Cause{
			ID:       "entra-audience",
			Summary:  "the federated credential does not have the token's audience, " + safetext.Quote(strings.Join(r.said.Audience, ", ")),
			Action:   "let the credential's audience and Config.SourceAudience be the same; " + EntraAudience + " is what Entra recommends",
			Certain:  true,
			Evidence: []exchange.Evidence{r.audience()},
		}, true
	case "AADSTS700213":
		c := exchange.Cause{
			ID:       "entra-subject",
			Summary:  "no federated credential of the application has the token's subject, " + safetext.Quote(r.said.Subject),
			Action:   "set a credential's subject to the token's sub exactly, case included",
			Certain:  true,
			Evidence: []exchange.Evidence{r.issuer(), r.subject()},
		}
		if r.said.Identity.Platform == "circleci" {
			c.Action += "; CircleCI's names the user who started the pipeline, so each user needs a credential"
		}
		return c, true
	case "AADSTS70021":
		return exchange.Cause{
			ID:       "entra-credential",
			Summary:  "no federated credential of the application matches the token",
			Action:   "compare a credential's issuer, subject and audience with the token's",
			Evidence: []exchange.Evidence{r.issuer(), r.subject(), r.audience()},
		}, true
	case "AADSTS700016":
		return exchange.Cause{
			ID:       "entra-application",
			Summary:  "the tenant has no application with this client ID",
			Action:   "compare Config.ClientID and the tenant in Config.TokenURL with the application's overview page",
			Evidence: []exchange.Evidence{{Name: "client_id", Configured: r.ClientID}},
		}, true
	}
	return exchange.Cause{}, false
}

// vaultClaim is what the JWT auth method of Vault and OpenBao says of a claim.
var vaultClaim = regexp.MustCompile(`claim "([^"]{1,128})" (does not match|is missing)`)

// vault explains the texts of the JWT auth method of Vault and OpenBao.
func (r *refused) vault() (exchange.Cause, bool) {
	switch {
	case r.says("invalid audience (aud) claim"):
		return exchange.Cause{
			ID:       "vault-audience",
			Summary:  "the role does not accept the token's audience, " + safetext.Quote(strings.Join(r.said.Audience, ", ")),
			Action:   "let the role's bound_audiences hold Config.SourceAudience",
			Certain:  true,
			Evidence: []exchange.Evidence{r.audience()},
		}, true
	case r.says("invalid issuer (iss) claim"):
		return exchange.Cause{
			ID:       "vault-issuer",
			Summary:  "the auth method expects another issuer than the token's, " + safetext.Quote(r.said.Issuer),
			Action:   "set its bound_issuer to the token's iss exactly, or log in at the mount that has it",
			Certain:  true,
			Evidence: []exchange.Evidence{r.issuer()},
		}, true
	case r.says("invalid subject (sub) claim"):
		return exchange.Cause{
			ID:       "vault-subject",
			Summary:  "the role expects another subject than the token's, " + safetext.Quote(r.said.Subject),
			Action:   "compare the role's bound_subject with it",
			Certain:  true,
			Evidence: []exchange.Evidence{r.subject()},
		}, true
	case r.said.ExpiresAt != 0 && (r.says("token is expired") || r.says("invalid expiration time (exp) claim")):
		return exchange.Cause{
			ID:       "vault-expired",
			Summary:  "the token expired at " + r.said.ExpiresAt.Time().UTC().Format(time.RFC3339),
			Action:   "exchange it earlier in the job, or let the source get a fresh one",
			Certain:  true,
			Evidence: []exchange.Evidence{{Name: "exp", Token: r.said.ExpiresAt.Time().UTC().Format(time.RFC3339)}},
		}, true
	case r.says("could not be found") && r.says("role "):
		return exchange.Cause{
			ID:       "vault-role",
			Summary:  "the auth method at this mount has no such role",
			Action:   "compare the role and the mount with what vault list auth/MOUNT/role prints",
			Evidence: []exchange.Evidence{{Name: "role", Configured: r.Request.Params.Get("role")}},
		}, true
	case r.says("permission denied") && r.StatusCode == http.StatusForbidden && r.Response.TokenPath == vaultTokenPath:
		return exchange.Cause{
			ID:      "vault-role",
			Summary: "there is no auth method at this mount, or it is in another namespace, or it has no such role",
			Action:  "compare the mount with what vault auth list prints, in the namespace of the address",
			Evidence: []exchange.Evidence{
				{Name: "TokenURL", Configured: r.TokenURL}, {Name: "role", Configured: r.Request.Params.Get("role")},
			},
		}, true
	}
	m := vaultClaim.FindStringSubmatch(r.Description)
	switch {
	case m == nil:
	case m[2] == "is missing":
		return exchange.Cause{
			ID:      "vault-claim-missing",
			Summary: "the token does not have the claim " + safetext.Quote(m[1]) + ", which the role's bound_claims demand",
			Action:  "compare bound_claims of the role with the claims of this platform's tokens",
			Certain: true,
		}, true
	default:
		return exchange.Cause{
			ID:       "vault-claim",
			Summary:  "the token's claim " + safetext.Quote(m[1]) + " is not one of those that the role accepts",
			Action:   "compare it with bound_claims of the role; values are compared as text, so a boolean of GitLab's is \"true\"",
			Certain:  true,
			Evidence: []exchange.Evidence{{Name: m[1], Token: r.claim(m[1])}},
		}, true
	}
	return exchange.Cause{}, false
}

// claim returns what the token says under name, or an empty string if that
// names a person.
func (r *refused) claim(name string) string {
	if r.said.Claims == nil || name == "user_login" || name == "user_email" {
		return ""
	}
	raw, ok := r.said.Claims.RegisteredClaims().Lookup(name)
	if !ok {
		return ""
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// publisher explains what package registries say when no trusted publisher
// matches.
func (r *refused) publisher() (exchange.Cause, bool) {
	identity := []exchange.Evidence{r.issuer(), r.subject()}
	if name := r.said.Identity.Repository; name != "" {
		identity = append(identity, exchange.Evidence{Name: "repository", Token: name})
	}
	switch {
	case r.Code == "invalid-publisher":
		return exchange.Cause{
			ID:       "pypi-publisher",
			Summary:  "the token is valid, but no trusted publisher matches it",
			Action:   "compare the publisher's project, workflow and environment with the token's claims",
			Certain:  true,
			Evidence: identity,
		}, true
	case r.StatusCode == http.StatusNotFound && r.says("package not found"):
		return exchange.Cause{
			ID:       "npm-publisher",
			Summary:  "the registry has no such package, or the package has no trusted publisher that matches the token",
			Action:   "publish the first version by other means, and compare the package's trusted publisher with the token's claims",
			Evidence: identity,
		}, true
	}
	return exchange.Cause{}, false
}

// redirect explains an endpoint that is elsewhere.
func (r *refused) redirect() (exchange.Cause, bool) {
	return unreached.Redirect(r.StatusCode, r.TokenURL, r.location)
}

// oauth explains the codes of RFC 6749 section 5.2 and RFC 8693 section 2.2.2
// that leave little doubt.
func (r *refused) oauth() (exchange.Cause, bool) {
	switch r.Code {
	case "invalid_client":
		return exchange.Cause{
			ID:       "oauth-client",
			Summary:  "the endpoint does not know the client, or does not accept how it proves who it is",
			Action:   "compare ClientID, ClientSecret and ClientAuth with the client's registration, and with a client assertion the issuer, subject and audience that it may have",
			Evidence: []exchange.Evidence{{Name: "client_id", Configured: r.ClientID}, r.issuer(), r.subject(), r.audience()},
		}, true
	case "unsupported_grant_type", "unauthorized_client":
		return exchange.Cause{
			ID:       "oauth-grant",
			Summary:  "the endpoint does not offer this grant, or not to this client",
			Action:   "allow the grant for the client, or use another of the grants of package oauth",
			Evidence: []exchange.Evidence{{Name: "grant", Configured: r.Grant.String()}},
		}, true
	case "invalid_scope":
		return exchange.Cause{
			ID:       "oauth-scope",
			Summary:  "the endpoint does not give one of the scopes",
			Action:   "compare Scopes with what the client may have",
			Evidence: []exchange.Evidence{{Name: "scope", Configured: strings.Join(r.Scopes, " ")}},
		}, true
	case "invalid_target":
		return exchange.Cause{
			ID:      "oauth-target",
			Summary: "the endpoint gives no token for this audience or resource (RFC 8693 section 2.2.2)",
			Action:  "compare Audiences and Resources with what it serves",
			Evidence: []exchange.Evidence{
				{Name: "audience", Configured: strings.Join(r.Audiences, " ")},
				{Name: "resource", Configured: strings.Join(r.Resources, " ")},
			},
		}, true
	}
	return exchange.Cause{}, false
}
