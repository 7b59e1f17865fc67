package impersonate_test

import (
	"context"
	"fmt"
	"log"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/exchange/googlests/impersonate"
	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// A job of GitLab becomes a service account. The issuer and the cloud are fakes
// inside the program; in a job, Source is the detected platform and HTTPClient
// is left out.
func Example() {
	issuer, err := fakeissuer.New(fakeissuer.Options{URL: "https://gitlab.com"})
	if err != nil {
		log.Fatal(err)
	}
	defer issuer.Close()
	provider := fakegoogle.Provider{
		Project: "123456789012", Pool: "ci", ID: "gitlab", IssuerURI: issuer.URL(),
		Attributes: map[string]string{"project_id": "project_id"},
	}
	cloud, err := fakegoogle.New(fakegoogle.Config{
		Providers: []fakegoogle.Provider{provider},
		ServiceAccounts: []fakegoogle.ServiceAccount{{
			Email: "deployer@shop-prod.iam.gserviceaccount.com",
			Users: []string{provider.PrincipalSet("project_id", fakeissuer.GitLabProjectID)},
		}},
		Fetch: fakeissuer.Client(issuer),
	})
	if err != nil {
		log.Fatal(err)
	}

	base, err := googlests.Credentials(googlests.Config{
		Provider: googlests.ProviderName("123456789012", "ci", "gitlab"),
		Source: exchange.TokenSourceFunc(func(_ context.Context, audience string) (string, error) {
			return issuer.GitLab(audience), nil
		}),
		HTTPClient: cloud.Client(),
	})
	if err != nil {
		log.Fatal(err)
	}
	creds, err := impersonate.Credentials(impersonate.Config{
		ServiceAccount: "deployer@shop-prod.iam.gserviceaccount.com",
		Base:           base,
		HTTPClient:     cloud.Client(),
	})
	if err != nil {
		log.Fatal(err)
	}
	// A client takes them: storage.NewClient(ctx, option.WithAuthCredentials(creds)).
	token, err := creds.Token(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Type)
	// Output: Bearer
}
