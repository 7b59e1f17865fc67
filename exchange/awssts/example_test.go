package awssts_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"

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

// A child process has fresh credentials for as long as it runs.
func ExampleEndpoint() {
	ci, err := ciplatform.Detect()
	if err != nil {
		log.Fatal(err)
	}
	provider, err := awssts.New(awssts.Config{RoleARN: "arn:aws:iam::123456789012:role/deploy", Region: "eu-west-1", Source: ci})
	if err != nil {
		log.Fatal(err)
	}
	endpoint, err := awssts.NewEndpoint(provider)
	if err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: endpoint}
	go func() { _ = server.Serve(l) }()
	defer server.Close()

	cmd := exec.Command("terraform", "apply", "-auto-approve")
	handed := endpoint.Environ("http://" + l.Addr().String())
	if names := awssts.ShadowingVariables(os.Environ(), handed); names != nil {
		log.Fatalf("unset %v: terraform would use them instead of the role", names)
	}
	cmd.Env = append(os.Environ(), handed...)
	if err := cmd.Run(); err != nil {
		log.Print(err)
	}
}

// A program for credential_process in ~/.aws/config.
func ExampleWriteProcessCredentials() {
	ci, err := ciplatform.Detect()
	if err != nil {
		log.Fatal(err)
	}
	provider, err := awssts.New(awssts.Config{RoleARN: "arn:aws:iam::123456789012:role/deploy", Region: "eu-west-1", Source: ci})
	if err != nil {
		log.Fatal(err)
	}
	cache := &awssts.FileCache{Provider: provider}
	if err := awssts.WriteProcessCredentials(context.Background(), os.Stdout, cache); err != nil {
		log.Fatal(err) // standard error, and a status that is not zero
	}
}

// Static keys that are left in the environment would be used instead.
func ExampleShadowingVariables() {
	environ := []string{"PATH=/bin", "AWS_ACCESS_KEY_ID=AKIA...", "AWS_SECRET_ACCESS_KEY=..."}
	fmt.Println(awssts.ShadowingVariables(environ, nil))
	// Output: [AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY]
}
