package oauth

import (
	"net/url"

	"github.com/cioidc/cioidc/exchange"
)

// Vault returns the login at the JWT auth method of HashiCorp Vault or OpenBao.
// address is the server's base URL, mount the path at which the auth method is
// enabled, such as "jwt", and role the role to log in as. What comes back is
// a Vault token; its end is that of the lease. [Config.Client] presents it to
// the server as a bearer token.
//
// The role must accept audience in bound_audiences, and should pin claims in
// bound_claims. For a namespace, set TokenURL to its own path, as in
// https://vault.example/v1/NAMESPACE/auth/jwt/login.
//
// Source: Vault's page "JWT/OIDC auth method (API)", JWT login.
func Vault(address, mount, role, audience string, source exchange.TokenSource) Config {
	return Config{
		TokenURL:       base(address) + "/v1/auth/" + segments(mount) + "/login",
		Grant:          NoGrant,
		Source:         source,
		SourceAudience: audience,
		Request:        Request{Body: JSON, TokenField: "jwt", Params: url.Values{"role": {role}}},
		Response:       Response{TokenPath: "auth.client_token", ExpiresPath: "auth.lease_duration", MessagePath: "errors.0"},
	}
}
