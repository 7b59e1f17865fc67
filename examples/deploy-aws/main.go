// Deploy-aws assumes an AWS role as a CI job and calls an API with it:
//
//	deploy-aws --role arn:aws:iam::123456789012:role/deploy --region eu-west-1
//	deploy-aws --fake      # no account and no CI platform needed
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/cioidc/cioidc/ciplatform"
	"github.com/cioidc/cioidc/examples/internal/fakejob"
	"github.com/cioidc/cioidc/exchange/awssts"
)

func main() {
	role := flag.String("role", "", "the `ARN` of the role")
	region := flag.String("region", os.Getenv("AWS_REGION"), "the AWS `region`")
	fake := flag.Bool("fake", false, "be a job of CircleCI, with an AWS account in this process")
	flag.Parse()
	if err := deploy(context.Background(), os.Stdout, awssts.Config{RoleARN: *role, Region: *region}, *fake); err != nil {
		fmt.Fprintf(os.Stderr, "deploy-aws: %+v\n", err) // with every cause
		os.Exit(1)
	}
}

// deploy assumes the role of cfg, and says who AWS takes it for then.
func deploy(ctx context.Context, out io.Writer, cfg awssts.Config, fake bool) (err error) {
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
	config := provider.AWSConfig() // for any client of the SDK; it renews its credentials
	if fake {
		config.BaseEndpoint = aws.String(cfg.Endpoint)
	}
	who, err := sts.NewFromConfig(config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err == nil {
		_, err = fmt.Fprintf(out, "deploying as %s\n", aws.ToString(who.Arn))
	}
	return err
}
