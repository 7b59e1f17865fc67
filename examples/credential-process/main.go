// Credential-process prints AWS credentials for a CI job, as the
// credential_process of a profile in ~/.aws/config:
//
//	[profile deploy]
//	region = eu-west-1
//	credential_process = credential-process --role arn:aws:iam::123456789012:role/deploy --region eu-west-1
//
// Clients may run it for every request: it keeps the credentials in a file that
// this user alone can read. With --fake it needs no account and no CI platform.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/cioidc/cioidc/ciplatform"
	"github.com/cioidc/cioidc/examples/internal/fakejob"
	"github.com/cioidc/cioidc/exchange/awssts"
)

func main() {
	role := flag.String("role", "", "the `ARN` of the role")
	region := flag.String("region", "", "the AWS `region`")
	cache := flag.Bool("cache", true, "keep the credentials in a file between runs")
	fake := flag.Bool("fake", false, "be a job of CircleCI, with an AWS account in this process; keeps no file")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, awssts.Config{RoleARN: *role, Region: *region}, *cache, *fake); err != nil {
		// Clients show standard error: all of it is worth showing.
		fmt.Fprintf(os.Stderr, "credential-process: %+v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, cfg awssts.Config, cache, fake bool) (err error) {
	if fake {
		job, err := fakejob.Start()
		if err != nil {
			return err
		}
		defer job.Stop()
		cfg.RoleARN, cfg.Region, cfg.Source, cfg.Endpoint = job.RoleARN, fakejob.AWSRegion, job.Platform, job.AWSURL
	} else if cfg.Source, err = ciplatform.Detect(); err != nil {
		return err
	}
	provider, err := awssts.New(cfg)
	if err != nil {
		return err
	}
	var credentials aws.CredentialsProvider = provider
	if cache && !fake {
		credentials = &awssts.FileCache{Provider: provider}
	}
	return awssts.WriteProcessCredentials(ctx, out, credentials)
}
