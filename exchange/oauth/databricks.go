package oauth

import "github.com/cioidc/cioidc/exchange"

// Databricks returns the exchange of Databricks workload identity federation
// (RFC 8693) at a workspace. host is its base URL and clientID the application
// ID of the service principal. For the account's own API set TokenURL to
// https://HOST/oidc/accounts/ACCOUNT/v1/token.
//
// The service principal needs a federation policy with the token's issuer,
// subject and audience. A policy without audiences accepts the account's ID.
//
// Source: Databricks' page "Authenticate with an identity provider token"; not
// seen against a workspace.
func Databricks(host, clientID, audience string, source exchange.TokenSource) Config {
	return Config{
		TokenURL:       base(host) + "/oidc/v1/token",
		Source:         source,
		SourceAudience: audience,
		ClientID:       clientID,
		Scopes:         []string{"all-apis"},
	}
}
