package impersonate_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"cloud.google.com/go/auth"

	"github.com/cioidc/cioidc/ciplatform"
	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/exchange/googlests/impersonate"
)

// A deploy job becomes a service account. Google's clients take the result, as
// in storage.NewClient(ctx, option.WithAuthCredentials(deployer)).
func Example() {
	ci, err := ciplatform.Detect()
	if err != nil {
		log.Fatal(err)
	}
	federated, err := googlests.Credentials(googlests.Config{
		Provider: googlests.ProviderName("123456789012", "ci", "gitlab"),
		Source:   ci,
	})
	if err != nil {
		log.Fatal(err)
	}
	deployer, err := impersonate.Credentials(impersonate.Config{
		ServiceAccount: "deployer@shop-prod.iam.gserviceaccount.com",
		Base:           federated,
	})
	if err != nil {
		log.Fatal(err)
	}
	// A client does this at its first call; its error holds the same.
	token, err := deployer.Token(context.Background())
	var failed *exchange.Error
	if errors.As(err, &failed) {
		log.Fatalf("%s: %+v", failed.Stage, failed) // the stage tells whether the exchange or the impersonation failed
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("valid until", token.Expiry)
}

// A configuration that cannot work is refused before anything is sent.
func ExampleCredentials() {
	_, err := impersonate.Credentials(impersonate.Config{
		ServiceAccount: "serviceAccount:deployer@shop-prod.iam.gserviceaccount.com", // as in a role binding
		Base:           &auth.Credentials{},
	})
	fmt.Println(err)
	// Output: impersonate: ServiceAccount: it is the member of a role binding: leave out serviceAccount:; want an email such as NAME@PROJECT.iam.gserviceaccount.com
}

// A claims set is signed with the account's key, for a service that knows the
// key from https://www.googleapis.com/service_accounts/v1/jwk/ and the email.
func ExampleSignJWT() {
	_, _, err := impersonate.SignJWT(context.Background(), impersonate.Config{
		ServiceAccount: "signer@shop-prod.iam.gserviceaccount.com",
	}, []byte(`{"iss":"0oa1","sub":"0oa1","aud":"https://acme.okta.com/oauth2/v1/token"}`))
	fmt.Println(err)
	// Output: impersonate: Base: it is required: give what googlests.Credentials returns
}
