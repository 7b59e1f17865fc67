package okta_test

import (
	"context"
	"fmt"
	"log"

	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/cioidc/cioidc/ciplatform"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/exchange/oauth"
	"github.com/cioidc/cioidc/exchange/okta"
	"github.com/cioidc/cioidc/exchange/okta/kmssigner"
)

// A job calls a service that takes Okta's access tokens. Its CI token gives it a
// role at AWS, and that role may sign with a key of KMS.
func Example() {
	ci, err := ciplatform.Detect()
	if err != nil {
		log.Fatal(err)
	}
	role, err := awssts.New(awssts.Config{RoleARN: "arn:aws:iam::123456789012:role/deploy", Region: "eu-west-1", Source: ci})
	if err != nil {
		log.Fatal(err)
	}
	signer, err := kmssigner.New(kmssigner.Config{
		Client: kms.NewFromConfig(role.AWSConfig()),
		Key:    "alias/okta-deploy",
		KeyID:  "okta-deploy-2026",
	})
	if err != nil {
		log.Fatal(err)
	}
	access, err := okta.New(okta.Config{
		Domain:   "acme.okta.com",
		ClientID: "0oa1b2c3d4e5f6g7h8i9",
		Signer:   signer,
		Scopes:   []string{"deploy"},
	})
	if err != nil {
		log.Fatal(err)
	}
	resp, err := access.Client().Get("https://deploy.example.com/releases")
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
}

// A CI token is not for Okta, and is not sent there.
func ExampleNew_notTheCIToken() {
	ci := &ciplatform.GitLab{}
	_, err := oauth.Config{
		TokenURL:       "https://acme.okta.com/oauth2/default/v1/token",
		Source:         ci,
		SourceAudience: "https://acme.okta.com",
	}.Token(context.Background())
	fmt.Println(err)
	// Output: oauth: Source: Okta's token endpoint takes no CI token: not as a subject token, not as an assertion and not as a client assertion; use package okta, whose client assertions are signed by a key that the job reaches by its CI token, or okta.Workload for Okta Privileged Access
}

// A job reaches servers through Okta Privileged Access: the token goes into the
// environment of the sft commands that follow.
func ExampleWorkload() {
	ci, err := ciplatform.Detect()
	if err != nil {
		log.Fatal(err)
	}
	w, err := okta.NewWorkload(okta.WorkloadConfig{
		Address: "https://acme.pam.okta.com", Team: "acme", Connection: "gitlab",
		Source: ci, Audience: "https://acme.pam.okta.com",
	})
	if err != nil {
		log.Fatal(err)
	}
	token, err := w.Token(context.Background())
	if err != nil {
		log.Fatalf("%+v", err)
	}
	_ = "OPA_TOKEN=" + token // of exec.Cmd.Env, never of a command line
}
