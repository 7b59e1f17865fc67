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
