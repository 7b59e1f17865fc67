package googlests_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/cioidc/cioidc/ciplatform"
	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
)

// A deploy job gets credentials for Google's clients, such as
// storage.NewClient(ctx, option.WithAuthCredentials(creds)).
func Example() {
	ci, err := ciplatform.Detect()
	if err != nil {
		log.Fatal(err)
	}
	creds, err := googlests.Credentials(googlests.Config{
		Provider: googlests.ProviderName("123456789012", "ci", "gitlab"),
		Source:   ci,
	})
	if err != nil {
		log.Fatal(err)
	}
	// A client does this at its first call; its error holds the same.
	token, err := creds.Token(context.Background())
	var failed *exchange.Error
	if errors.As(err, &failed) {
		log.Fatalf("%+v", failed) // all likely causes, with what the token says
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("valid until", token.Expiry)
}

// A configuration that cannot work is refused before anything is sent.
func ExampleCredentials() {
	_, err := googlests.Credentials(googlests.Config{
		Provider: googlests.ProviderName("acme-prod", "ci", "gitlab"),
		Source:   &ciplatform.GitLab{},
	})
	fmt.Println(err)
	// Output: googlests: Provider: "acme-prod" is not a project number: use the number, not the project ID (gcloud projects describe prints it as projectNumber)
}

func ExampleProviderName() {
	fmt.Println(googlests.ProviderName("123456789012", "ci", "gitlab"))
	// Output: //iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ci/providers/gitlab
}
