package oauth

import (
	"net/url"

	"github.com/cioidc/cioidc/exchange"
)

// Cloudsmith returns the exchange of Cloudsmith's OpenID Connect integration.
// organization is the workspace's slug and service the service account's. What
// comes back is a JWT, whose exp is the token's end.
//
// The workspace needs a provider for the token's issuer whose required claims
// pin it to your projects, the audience among them, and which names the service
// account.
//
// Source: Cloudsmith's API reference, "Openid Create"; not seen against the
// service.
func Cloudsmith(organization, service, audience string, source exchange.TokenSource) Config {
	return Config{
		TokenURL:       "https://api.cloudsmith.io/openid/" + url.PathEscape(organization) + "/",
		Grant:          NoGrant,
		Source:         source,
		SourceAudience: audience,
		Request:        Request{Body: JSON, TokenField: "oidc_token", Params: url.Values{"service_slug": {service}}},
		Response:       Response{TokenPath: "token"},
	}
}
