package googlesigner_test

import (
	"context"
	"fmt"
	"log"

	"cloud.google.com/go/auth"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/exchange/googlests/impersonate"
	"github.com/cioidc/cioidc/exchange/okta/googlesigner"
)

// ci is what ciplatform.Detect returns in a job.
var ci = exchange.TokenSourceFunc(func(context.Context, string) (string, error) { return "", nil })

// The signer of a service account, and where Okta fetches its keys.
func Example() {
	federated, err := googlests.Credentials(googlests.Config{
		Provider: googlests.ProviderName("123456789012", "ci", "gitlab"),
		Source:   ci, // what ciplatform.Detect returns
	})
	if err != nil {
		log.Fatal(err)
	}
	signer, err := googlesigner.New(impersonate.Config{
		ServiceAccount: "okta-deploy@shop-prod.iam.gserviceaccount.com",
		Base:           federated,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("jwks_uri:", signer.JWKSURL())
	// Output: jwks_uri: https://www.googleapis.com/service_accounts/v1/jwk/okta-deploy@shop-prod.iam.gserviceaccount.com
}

// A configuration that cannot work is refused before anything is sent.
func ExampleNew() {
	_, err := googlesigner.New(impersonate.Config{ServiceAccount: "okta-deploy", Base: &auth.Credentials{}})
	fmt.Println(err)
	// Output: impersonate: ServiceAccount: it is not a service account's email; want an email such as NAME@PROJECT.iam.gserviceaccount.com
}
