package awssts_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/cioidc/cioidc/ciplatform"
	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
)

// A deploy job calls AWS with the role that trusts it.
func Example() {
	ci, err := ciplatform.Detect()
	if err != nil {
		log.Fatal(err)
	}
	provider, err := awssts.New(awssts.Config{
		RoleARN: "arn:aws:iam::123456789012:role/deploy",
		Region:  "eu-west-1",
		Source:  ci,
	})
	if err != nil {
		log.Fatal(err)
	}
	client := sts.NewFromConfig(provider.AWSConfig()) // or s3, ecs, ...
	who, err := client.GetCallerIdentity(context.Background(), nil)
	var failed *exchange.Error
	if errors.As(err, &failed) {
		log.Fatalf("%+v", failed) // all likely causes, with what the token says
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*who.Arn)
}

// A configuration that cannot work is refused before anything is sent.
func ExampleNew() {
	_, err := awssts.New(awssts.Config{RoleARN: "deploy", Region: "eu-west-1", Source: &ciplatform.GitLab{}})
	fmt.Println(err)
	// Output: awssts: RoleARN: "deploy" is not the ARN of a role, such as "arn:aws:iam::123456789012:role/deploy"
}
