package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/url"

	"github.com/cioidc/cioidc/ciplatform"
	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/oauth"
)

// A job reads a secret from Vault.
func Example() {
	ci, err := ciplatform.Detect()
	if err != nil {
		log.Fatal(err)
	}
	client := oauth.Vault(oauth.VaultOptions{
		Address: "https://vault.example", Mount: "jwt", Role: "deploy", Audience: "https://vault.example",
	}, ci).Client()
	resp, err := client.Get("https://vault.example/v1/secret/data/deploy")
	var failed *exchange.Error
	if errors.As(err, &failed) {
		log.Fatalf("%+v", failed) // all likely causes, with what the token says
	}
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
}

// A token endpoint of one's own, which wants JSON and says when the token ends
// under another name.
func ExampleConfig() {
	cfg := oauth.Config{
		TokenURL:       "https://tokens.example/v2/ci",
		Grant:          oauth.NoGrant,
		Source:         &ciplatform.GitLab{},
		SourceAudience: "https://tokens.example",
		Request:        oauth.Request{Body: oauth.JSON, TokenField: "id_token", Params: url.Values{"team": {"web"}}},
		Response:       oauth.Response{TokenPath: "result.token", ExpiresPath: "result.valid_until"},
	}
	fmt.Println(cfg.Validate())
	fmt.Println(cfg)
	// Output:
	// <nil>
	// oauth.Config{TokenURL: https://tokens.example/v2/ci, Grant: NoGrant, SourceAudience: https://tokens.example, Params: team}
}

// A configuration that cannot work is refused before anything is sent.
func ExampleConfig_Validate() {
	cfg := oauth.Keycloak("sso.example/realms/prod", &ciplatform.GitLab{})
	fmt.Println(cfg.Validate())
	// Output: oauth: TokenURL: "sso.example/realms/prod/protocol/openid-connect/token": no scheme, and so no host: want https://HOST
}

// Azure's SDK makes the exchange itself and wants the CI token as a function:
//
//	azidentity.NewClientAssertionCredential(tenant, client, assertion, nil)
func ExampleAssertion() {
	ci := exchange.TokenSourceFunc(func(_ context.Context, audience string) (string, error) {
		fmt.Println("a token for", audience)
		return jobToken, nil
	})
	assertion := oauth.Assertion(ci, oauth.EntraAudience)
	_, err := assertion(context.Background())
	fmt.Println(err)
	// Output:
	// a token for api://AzureADTokenExchange
	// <nil>
}
