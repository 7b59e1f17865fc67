package oauth

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/reply"
	"github.com/cioidc/cioidc/internal/safetext"
)

// Okta's token endpoint takes no CI token, whatever is configured there:
// subject tokens must be those of the same org, the JWT bearer grant is for
// assertions of Okta's own, and a client assertion must have the client's ID as
// iss and sub (Okta's guides "Set up OAuth 2.0 On-Behalf-Of Token Exchange" and
// "Build a JWT for client authentication"). So none is sent there.
const (
	oktaNever = "Okta's token endpoint takes no CI token: not as a subject token, not as an assertion and not as a client assertion"
	oktaWays  = "use package okta, whose client assertions are signed by a key that the job reaches by its CI token, or okta.Workload for Okta Privileged Access"
)

// oktaDomains are those under which Okta's orgs are. A custom domain cannot be
// told before it answers.
var oktaDomains = [...]string{".okta.com", ".oktapreview.com", ".okta-emea.com", ".okta-gov.com", ".okta.mil"}

func isOkta(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	for _, domain := range oktaDomains {
		if strings.HasSuffix(host, domain) {
			return true
		}
	}
	return false
}

// checkOkta refuses a CI token for Okta.
func checkOkta(c Config) error {
	if u, err := url.Parse(c.TokenURL); err == nil && c.Source != nil && isOkta(u.Hostname()) {
		return configError("Source", oktaNever+"; "+oktaWays)
	}
	return nil
}

// checkOktaAssertion refuses a client assertion that Okta cannot take, such as
// a CI token: one for which [Assertion] was given as ClientAssertion.
func (x *exchanger) checkOktaAssertion(raw string) error {
	said, err := peek.Parse(raw)
	if err != nil || !isOkta(x.service) || said.Issuer == said.Subject {
		return nil
	}
	return &exchange.Error{
		Service: x.service, Stage: exchange.StageSign,
		Causes: []exchange.Cause{{
			ID: "okta-ci-token", Certain: true, Summary: oktaNever, Action: oktaWays,
			Evidence: []exchange.Evidence{
				{Name: "iss", Token: safetext.Cut(said.Issuer), Configured: x.ClientID},
				{Name: "sub", Token: safetext.Cut(said.Subject), Configured: x.ClientID},
			},
		}},
	}
}

// explainOkta adds to e what the header of an answer of Okta says: the ID of the
// request, which also tells a custom domain.
func (x *exchanger) explainOkta(e *exchange.Error, header http.Header, secrets []string) {
	id := reply.Text(header.Get("X-Okta-Request-Id"), maxCode, secrets...)
	if id == "" {
		return
	}
	e.RequestID = id
	if x.Source != nil {
		e.Causes = []exchange.Cause{{ID: "okta-ci-token", Certain: true, Summary: oktaNever, Action: oktaWays}}
	}
}

// okta explains the texts of Okta's token endpoint.
func (r *refused) okta() (exchange.Cause, bool) {
	if !r.fromOkta {
		return exchange.Cause{}, false
	}
	for _, known := range oktaRefusals {
		if r.Code == known.code && r.says(known.words) {
			return known.cause, true
		}
	}
	return exchange.Cause{}, false
}

// oktaRefusals are the texts that Okta's documentation, its support pages and
// its users report.
var oktaRefusals = []struct {
	code, words string
	cause       exchange.Cause
}{
	{"invalid_client", "client_assertion JWT kid is invalid", exchange.Cause{
		ID:      "okta-key-id",
		Summary: "the client has no active key with the kid of the assertion",
		Action:  "register the public key at the app under that kid, or set the app's JWKS URL where the key changes by itself",
	}},
	{"invalid_client", "client_assertion signature is invalid", exchange.Cause{
		ID:      "okta-key",
		Summary: "the client's key of that kid is not the one that signed the assertion",
		Action:  "register the signing key's public half at the app, and remove an older one with the same kid",
	}},
	{"invalid_client", "audience claim for client_assertion", exchange.Cause{
		ID:      "okta-audience",
		Summary: "Okta was reached under another address than the assertion's audience",
		Action:  "set the domain under which Okta itself serves the token endpoint, not that of a proxy before it",
	}},
	{"invalid_client", "client_assertion token is expired", exchange.Cause{
		ID:      "okta-clock",
		Summary: "the clock of this machine is behind by minutes",
		Action:  "set the machine's clock by NTP",
	}},
	{"invalid_client", "expiration too far into the future", exchange.Cause{
		ID:      "okta-clock",
		Summary: "the clock of this machine is ahead by most of an hour, or the assertion lives for more than an hour",
		Action:  "set the machine's clock by NTP, and let assertions live for minutes",
	}},
	{"invalid_client", "client_assertion token has already been used", exchange.Cause{
		ID:      "okta-replay",
		Summary: "this assertion came to Okta before: something on the way repeats requests, or ClientAssertion returns one twice",
		Action:  "make a new assertion, with a new jti, at each call of ClientAssertion",
	}},
	{"invalid_dpop_proof", "", exchange.Cause{
		ID: "okta-dpop", Certain: true,
		Summary: "the app demands DPoP, which is not done here",
		Action:  `turn off "Require Demonstrating Proof of Possession (DPoP) header in token requests" in the app's general settings`,
	}},
	{"access_denied", "Policy evaluation failed", exchange.Cause{
		ID:      "okta-policy",
		Summary: "no rule of the authorization server's access policies lets this client have these scopes by client credentials",
		Action:  "add a rule for the client with the client credentials grant and the scopes",
	}},
	{"invalid_scope", "scopes are not configured", exchange.Cause{
		ID:      "okta-scope",
		Summary: "the authorization server does not have one of the scopes",
		Action:  "check the names of the scopes and the authorization server: Okta's own, such as okta.users.read, are those of the org authorization server",
	}},
}
