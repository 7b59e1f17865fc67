//go:build linux || darwin

package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
)

// insteadOfAWS are the variables that AWS's SDKs and command line look at
// before the container endpoint, or that change whom they ask there.
var insteadOfAWS = []string{
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION",
	"AWS_PROFILE", "AWS_DEFAULT_PROFILE",
	"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME",
	"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
}

// awsAccess gives the command the credentials of a role.
type awsAccess struct {
	endpoint *awssts.Endpoint
	region   string
}

// newAWSAccess assumes the role.
func newAWSAccess(ctx context.Context, o *options, env *environment, source exchange.TokenSource) (*awsAccess, error) {
	region := o.awsRegion
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if region == "" {
			region = env.value(name)
		}
	}
	p, err := awssts.New(awssts.Config{
		RoleARN: o.awsRole, Region: region, Source: source,
		Audience: o.awsAudience, Duration: o.awsDuration, Endpoint: o.awsEndpoint,
	})
	if err != nil {
		return nil, err
	}
	// Into the cache from which the endpoint serves.
	if _, err := p.AWSConfig().Credentials.Retrieve(ctx); err != nil {
		return nil, err
	}
	endpoint, err := awssts.NewEndpoint(p)
	if err != nil {
		return nil, err
	}
	return &awsAccess{endpoint: endpoint, region: region}, nil
}

// add changes env so that clients use the endpoint, which is served at url, and
// nothing else.
func (a *awsAccess) add(env *environment, url, folder string) error {
	env.removeNames(insteadOfAWS...)
	env.set(a.endpoint.Environ(url)...)
	// The command line reads the one, the SDKs the other.
	env.set("AWS_REGION="+a.region, "AWS_DEFAULT_REGION="+a.region)
	// ~/.aws/credentials would win. It holds nothing but credentials;
	// ~/.aws/config, which holds more, is left to the command.
	empty := filepath.Join(folder, "aws-credentials")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		return err
	}
	env.set("AWS_SHARED_CREDENTIALS_FILE=" + empty)
	return nil
}
