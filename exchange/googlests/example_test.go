package googlests_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// A job of GitLab gets credentials for Google's clients, and learns why it does
// not. The issuer and the cloud are fakes inside the program; in a job, Source
// is the detected platform and HTTPClient is left out.
func Example() {
	issuer, err := fakeissuer.New(fakeissuer.Options{URL: "https://gitlab.com"})
	if err != nil {
		log.Fatal(err)
	}
	defer issuer.Close()
	cloud, err := fakegoogle.New(fakegoogle.Config{
		Providers: []fakegoogle.Provider{{Project: "123456789012", Pool: "ci", ID: "gitlab", IssuerURI: issuer.URL()}},
		Fetch:     fakeissuer.Client(issuer),
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()

	cfg := googlests.Config{
		Provider: googlests.ProviderName("123456789012", "ci", "gitlab"),
		Source: exchange.TokenSourceFunc(func(_ context.Context, audience string) (string, error) {
			return issuer.GitLab(audience), nil
		}),
		HTTPClient: cloud.Client(),
	}
	creds, err := googlests.Credentials(cfg)
	if err != nil {
		log.Fatal(err)
	}
	// A client takes them: storage.NewClient(ctx, option.WithAuthCredentials(creds)).
	token, err := creds.Token(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("type:", token.Type)

	cfg.Audience = "https://deploy.example.com"
	creds, err = googlests.Credentials(cfg)
	if err != nil {
		log.Fatal(err)
	}
	_, err = creds.Token(ctx)
	var failed *exchange.Error
	if errors.As(err, &failed) {
		fmt.Println("code:", failed.Code)
		fmt.Println("cause:", failed.Causes[0].Summary)
	}
	// Output:
	// type: Bearer
	// code: invalid_grant
	// cause: the provider does not accept the token's audience, "https://deploy.example.com"
}

func ExampleProviderName() {
	fmt.Println(googlests.ProviderName("123456789012", "ci", "gitlab"))
	// Output: //iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ci/providers/gitlab
}
