package oauth

import (
	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/cause"
)

// okta explains the texts of Okta's token endpoint: those that its
// documentation, its support pages and its users report.
func (r *refused) okta() []exchange.Cause {
	if !r.fromOkta {
		return nil
	}
	c := exchange.Cause{ID: r.of(cause.Okta)}
	switch c.ID {
	case "okta-key-id":
		c.Summary = "the client has no active key with the kid of the assertion"
		c.Action = "register the public key at the app under that kid, or set the app's JWKS URL where the key changes by itself"
	case "okta-key":
		c.Summary = "the client's key of that kid is not the one that signed the assertion"
		c.Action = "register the signing key's public half at the app, and remove an older one with the same kid"
	case "okta-audience":
		c.Summary = "Okta was reached under another address than the assertion's audience"
		c.Action = "set the domain under which Okta itself serves the token endpoint, not that of a proxy before it"
	case "okta-clock":
		c.Summary = "the clock of this machine is behind by minutes"
		c.Action = "set the machine's clock by NTP"
		if r.says("too far into the future") {
			c.Summary = "the clock of this machine is ahead by most of an hour, or the assertion lives for more than an hour"
			c.Action += ", and let assertions live for minutes"
		}
	case "okta-replay":
		c.Summary = "this assertion came to Okta before: something on the way repeats requests, or ClientAssertion returns one twice"
		c.Action = "make a new assertion, with a new jti, at each call of ClientAssertion"
	case "okta-dpop":
		c.Summary, c.Certain = "the app demands DPoP, which is not done here", true
		c.Action = `turn off "Require Demonstrating Proof of Possession (DPoP) header in token requests" in the app's general settings`
	case "okta-policy":
		c.Summary = "no rule of the authorization server's access policies lets this client have these scopes by client credentials"
		c.Action = "add a rule for the client with the client credentials grant and the scopes"
	case "okta-scope":
		c.Summary = "the authorization server does not have one of the scopes"
		c.Action = "check the names of the scopes and the authorization server: Okta's own, such as okta.users.read, are those of the org authorization server"
	default:
		return nil
	}
	return []exchange.Cause{c}
}
