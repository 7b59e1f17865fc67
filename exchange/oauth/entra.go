package oauth

import (
	"net/url"

	"github.com/cioidc/cioidc/exchange"
)

// EntraAudience is the audience that Microsoft Entra recommends for federated
// credentials, outside of its national clouds.
const EntraAudience = "api://AzureADTokenExchange"

// Entra returns the exchange of Microsoft Entra workload identity federation:
// client credentials with the CI token as client assertion. tenant is the
// directory's ID or domain, clientID the application's or managed identity's,
// and scope what the token is for, such as
// https://management.azure.com/.default.
//
// The application needs a federated credential whose issuer, subject and
// audience equal the token's iss, sub and aud, case included. The audience is
// [EntraAudience]; for a national cloud change SourceAudience, and the host of
// TokenURL. Users of Azure's SDK take [Assertion] instead.
//
// Source: Microsoft's page "Microsoft identity platform and the OAuth 2.0 client
// credentials flow", third case; not seen against the service.
func Entra(tenant, clientID, scope string, source exchange.TokenSource) Config {
	var missing error
	if clientID == "" {
		missing = configError("ClientID", "it is required: the application's ID, or the managed identity's client ID")
	}
	return Config{
		missing:        missing,
		TokenURL:       "https://login.microsoftonline.com/" + url.PathEscape(tenant) + "/oauth2/v2.0/token",
		Grant:          ClientCredentials,
		Source:         source,
		SourceAudience: EntraAudience,
		ClientID:       clientID,
		Scopes:         []string{scope},
	}
}
