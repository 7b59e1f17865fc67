package oauth

import (
	"net/url"

	"github.com/cioidc/cioidc/exchange"
)

// Auth0Options says what [Auth0] asks of whom. All fields are required.
type Auth0Options struct {
	// Domain is the tenant's, such as acme.eu.auth0.com.
	Domain string

	// ClientID is the ID of the client that may use the exchange profile.
	ClientID string

	// TokenType is the subject_token_type of the exchange profile, a URI of your
	// own.
	TokenType string

	// API is the identifier of the API that the token is for.
	API string

	// Audience is the CI token's, which the profile's action must check.
	Audience string
}

// Auth0 returns Auth0's custom token exchange (RFC 8693).
//
// The tenant needs a custom token exchange profile for TokenType, whose action
// verifies the CI token by code of yours, audience included, and a client that
// may use it. A confidential client also needs ClientSecret with
// [ClientAuthPost] or [ClientAuthBasic].
//
// Source: Auth0's page "Custom Token Exchange"; not seen against a tenant.
func Auth0(o Auth0Options, source exchange.TokenSource) Config {
	var missing error
	switch {
	case o.ClientID == "":
		missing = configError("Auth0Options.ClientID", "it is required: the ID of the client that may use the exchange profile")
	case o.TokenType == "":
		missing = configError("Auth0Options.TokenType", "it is required: the subject_token_type of the exchange profile")
	}
	return Config{
		missing:        missing,
		TokenURL:       "https://" + o.Domain + "/oauth/token",
		Source:         source,
		SourceAudience: o.Audience,
		ClientID:       o.ClientID,
		Audiences:      []string{o.API},
		Request:        Request{Params: url.Values{"subject_token_type": {o.TokenType}}},
	}
}
