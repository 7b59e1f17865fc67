package oauth

import (
	"net/url"

	"github.com/cioidc/cioidc/exchange"
)

// Auth0 returns Auth0's custom token exchange (RFC 8693). domain is the
// tenant's, such as acme.eu.auth0.com, tokenType the subject_token_type of the
// exchange profile, a URI of your own, api the identifier of the API that the
// token is for, and audience that of the CI token.
//
// The tenant needs a custom token exchange profile for tokenType, whose action
// verifies the CI token by code of yours, audience included, and a client that
// may use it. A confidential client also needs ClientSecret with
// [ClientAuthPost] or [ClientAuthBasic].
//
// Source: Auth0's page "Custom Token Exchange"; not seen against a tenant.
func Auth0(domain, clientID, tokenType, api, audience string, source exchange.TokenSource) Config {
	return Config{
		TokenURL:       "https://" + domain + "/oauth/token",
		Source:         source,
		SourceAudience: audience,
		ClientID:       clientID,
		Audiences:      []string{api},
		Request:        Request{Params: url.Values{"subject_token_type": {tokenType}}},
	}
}
