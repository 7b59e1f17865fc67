package oauth

import "github.com/cioidc/cioidc/exchange"

// Keycloak returns the exchange of Keycloak 26.4 and later for a client that
// authenticates by "Signed JWT - Federated": client credentials with the CI
// token as client assertion. realm is the realm's URL, such as
// https://sso.example/realms/prod.
//
// The realm needs an OpenID Connect identity provider for the token's issuer
// that supports client assertions, and a client with service accounts whose
// credential names that provider's alias and the token's sub. Keycloak finds the
// client by the two: no client_id is sent. The token's audience is the realm's
// URL. A token may be used once, unless the identity provider allows its reuse:
// with GitLab, whose jobs have one token for each id_tokens entry, allow it for
// jobs that outlive the access token.
//
// Source: Keycloak's guide "Configuring trust with external identity providers
// for client authentication"; not seen against a server.
func Keycloak(realm string, source exchange.TokenSource, scopes ...string) Config {
	return Config{
		TokenURL:       base(realm) + "/protocol/openid-connect/token",
		Grant:          ClientCredentials,
		Source:         source,
		SourceAudience: base(realm),
		Scopes:         scopes,
	}
}
