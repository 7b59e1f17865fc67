package awssts_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/internal/fakecloud/fakeaws"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// A deploy job calls AWS with the role that trusts it. The issuer and the AWS
// account of this example are fakes in the same process.
func Example() {
	gitlab, err := fakeissuer.New(fakeissuer.Options{URL: "https://gitlab.com"})
	if err != nil {
		panic(err)
	}
	defer gitlab.Close()
	aws, err := fakeaws.New(fakeaws.Config{
		AccountID: "123456789012",
		Providers: []fakeaws.Provider{{URL: "https://gitlab.com", ClientIDs: []string{"https://aws.example"}}},
		Roles: []fakeaws.Role{{Name: "deploy", TrustPolicy: `{
			"Version": "2012-10-17",
			"Statement": [{
				"Effect": "Allow",
				"Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/gitlab.com"},
				"Action": "sts:AssumeRoleWithWebIdentity",
				"Condition": {"StringEquals": {"gitlab.com:sub": "project_path:acme/webshop:ref_type:branch:ref:main"}}
			}]
		}`}},
		Fetch: fakeissuer.Client(gitlab),
	})
	if err != nil {
		panic(err)
	}
	ci := exchange.TokenSourceFunc(func(_ context.Context, audience string) (string, error) {
		return gitlab.GitLab(audience), nil // ciplatform.Detect in a real job
	})

	p, err := awssts.New(awssts.Config{
		RoleARN:    "arn:aws:iam::123456789012:role/deploy",
		Region:     "eu-west-1",
		Source:     ci,
		Audience:   "https://aws.example",
		HTTPClient: aws.Client(), // left out in a real job
	})
	if err != nil {
		panic(err)
	}
	cfg := p.AWSConfig()
	cfg.HTTPClient = aws.Client() // left out in a real job
	id, err := sts.NewFromConfig(cfg).GetCallerIdentity(context.Background(), nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(*id.Arn)

	// A token for another audience is refused, with the reasons it may have.
	p, err = awssts.New(awssts.Config{
		RoleARN:    "arn:aws:iam::123456789012:role/deploy",
		Region:     "eu-west-1",
		Source:     ci,
		Audience:   "https://deploy.example",
		HTTPClient: aws.Client(),
	})
	if err != nil {
		panic(err)
	}
	_, err = p.Retrieve(context.Background())
	var failed *exchange.Error
	if errors.As(err, &failed) {
		fmt.Println(failed.Code, failed.StatusCode, failed.Retryable())
		fmt.Println(failed.Causes[0].Summary)
		fmt.Println(failed.Causes[0].Evidence[0])
	}
	// Output:
	// arn:aws:sts::123456789012:assumed-role/deploy/gitlab-58210-1190377-7730412
	// InvalidIdentityToken 400 false
	// the token's audience is not a client ID of the IAM OpenID Connect provider
	// aud: the token says "https://deploy.example", configured is "https://deploy.example"
}
