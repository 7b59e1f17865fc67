package oauth

import (
	"net/url"

	"github.com/cioidc/cioidc/exchange"
)

// JFrog returns the exchange of the JFrog Platform's OpenID Connect
// integration. platform is its base URL, such as https://acme.jfrog.io, and
// provider the name of the integration.
//
// The integration needs the token's issuer and, if it has an audience, this
// one, and an identity mapping that pins claims. Where mappings belong to a
// project, add its key to Request.Params as project_key.
//
// Source: JFrog's REST API, "Exchange token", as its setup-jfrog-cli sends it;
// not seen against a platform.
func JFrog(platform, provider, audience string, source exchange.TokenSource) Config {
	return Config{
		TokenURL:       base(platform) + "/access/api/v1/oidc/token",
		Source:         source,
		SourceAudience: audience,
		Request: Request{Body: JSON, Params: url.Values{
			"subject_token_type": {"urn:ietf:params:oauth:token-type:id_token"},
			"provider_name":      {provider},
		}},
	}
}
