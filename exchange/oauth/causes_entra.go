package oauth

import (
	"strings"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/cause"
)

// entra explains the codes of Microsoft Entra's federated credentials.
func (r *refused) entra() []exchange.Cause {
	c := exchange.Cause{ID: r.of(cause.Entra), Certain: true}
	switch c.ID {
	case "entra-issuer":
		c.Summary = "no federated credential of the application has the token's issuer" + quoted(r.said.Issuer)
		c.Action = "add a federated credential whose issuer is the token's iss exactly, without a slash at the end that iss does not have"
		c.Evidence = []exchange.Evidence{r.issuer()}
	case "entra-audience":
		c.Summary = "the federated credential does not have the token's audience" + quoted(strings.Join(r.said.Audience, ", "))
		c.Action = "let the credential's audience and Config.SourceAudience be the same; " + EntraAudience + " is what Entra recommends"
		c.Evidence = []exchange.Evidence{r.audience()}
	case "entra-subject":
		c.Summary = "no federated credential of the application has the token's subject" + quoted(r.said.Subject)
		c.Action = "set a credential's subject to the token's sub exactly, case included"
		c.Evidence = []exchange.Evidence{r.issuer(), r.subject()}
		if r.said.Identity.Platform == "circleci" {
			c.Action += "; CircleCI's names the user who started the pipeline, so each user needs a credential"
		}
	case "entra-credential":
		// One code for three mistakes, and for one that is none.
		return []exchange.Cause{{
			ID:       "entra-credential",
			Summary:  "no federated credential of the application matches the token",
			Action:   "compare a credential's issuer, subject and audience with the token's",
			Evidence: []exchange.Evidence{r.issuer(), r.subject(), r.audience()},
		}, {
			ID:      "entra-new-credential",
			Summary: "the credential was made within the last minutes, and Entra does not know it everywhere yet",
			Action:  "try again in five minutes, if so",
		}}
	case "entra-application":
		// One code for a wrong application and for a wrong directory.
		return []exchange.Cause{{
			ID:       "entra-application",
			Summary:  "the tenant has no application with this client ID",
			Action:   "compare Config.ClientID with the application's overview page",
			Evidence: []exchange.Evidence{{Name: "client_id", Configured: r.ClientID}},
		}, {
			ID:       "entra-tenant",
			Summary:  "the application is of another tenant than the one that was asked",
			Action:   "compare the tenant in Config.TokenURL with the application's overview page",
			Evidence: []exchange.Evidence{{Name: "TokenURL", Configured: r.TokenURL}},
		}}
	default:
		return nil
	}
	return []exchange.Cause{c}
}
