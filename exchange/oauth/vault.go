package oauth

import (
	"net/url"

	"github.com/cioidc/cioidc/exchange"
)

// VaultOptions says where and as what [Vault] logs in. All fields are required.
type VaultOptions struct {
	// Address is the server's base URL, such as https://vault.example.
	Address string

	// Mount is the path at which the auth method is enabled, such as "jwt".
	Mount string

	// Role is the role to log in as.
	Role string

	// Audience is the CI token's, which the role must accept in bound_audiences.
	Audience string
}

// Vault returns the login at the JWT auth method of HashiCorp Vault or OpenBao.
// What comes back is a Vault token; its end is that of the lease.
// [Config.Client] presents it to the server as a bearer token.
//
// The role should pin claims in bound_claims. For a namespace, set TokenURL to
// its own path, as in https://vault.example/v1/NAMESPACE/auth/jwt/login.
//
// Source: Vault's page "JWT/OIDC auth method (API)", JWT login.
func Vault(o VaultOptions, source exchange.TokenSource) Config {
	var missing error
	if o.Role == "" {
		missing = configError("VaultOptions.Role", "it is required: the role to log in as")
	}
	return Config{
		missing:        missing,
		TokenURL:       base(o.Address) + "/v1/auth/" + segments(o.Mount) + "/login",
		Grant:          NoGrant,
		Source:         source,
		SourceAudience: o.Audience,
		Request:        Request{Body: JSON, TokenField: "jwt", Params: url.Values{"role": {o.Role}}},
		Response:       Response{TokenPath: vaultTokenPath, ExpiresPath: "auth.lease_duration", MessagePath: "errors.0"},
	}
}

// vaultTokenPath is where Vault's and OpenBao's answers have the token, as no
// other service's.
const vaultTokenPath = "auth.client_token"
