//go:build linux

package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// iamClient returns the AWS SDK's IAM client, for the gateway's administrator.
func (c *ceph) iamClient() *iam.Client {
	return iam.New(iam.Options{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(c.Endpoint),
		Credentials:  staticCredentials(c.Admin),
		HTTPClient:   c.client,
		Retryer:      aws.NopRetryer{},
	})
}

// s3Client returns the AWS SDK's S3 client with the given credentials; nil
// means that requests are not signed.
func (c *ceph) s3Client(credentials aws.CredentialsProvider) *s3.Client {
	if credentials == nil {
		credentials = aws.AnonymousCredentials{}
	}
	return s3.New(s3.Options{Region: "us-east-1", Credentials: credentials}, c.s3Options)
}

// s3Options makes an S3 client one of the gateway.
func (c *ceph) s3Options(o *s3.Options) {
	o.BaseEndpoint = aws.String(c.Endpoint)
	o.UsePathStyle = true
	o.HTTPClient = c.client
	o.Retryer = aws.NopRetryer{}
}

func staticCredentials(c aws.Credentials) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return c, nil })
}

// createProvider registers an issuer, by its URL, the audiences that it may
// issue tokens for and the SHA-1 thumbprints of its keys' certificates.
func (c *ceph) createProvider(ctx context.Context, issuerURL string, thumbprints []string, audiences ...string) error {
	_, err := c.iamClient().CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{
		Url:            aws.String(issuerURL),
		ClientIDList:   audiences,
		ThumbprintList: thumbprints,
	})
	return err
}

// conditions are the condition block of a trust policy: operator, then claim,
// then value. Claims are named without the issuer's prefix.
type conditions map[string]map[string]string

// trustPolicy lets tokens of issuerURL, a provider of the account, assume a role
// under all of cond. Ceph's providers are in an account without a number.
func trustPolicy(account, issuerURL string, cond conditions) (string, error) {
	_, prefix, _ := strings.Cut(issuerURL, "://")
	keys := make(conditions, len(cond))
	for operator, claims := range cond {
		keys[operator] = make(map[string]string, len(claims))
		for claim, value := range claims {
			keys[operator][prefix+":"+claim] = value
		}
	}
	doc, err := json.Marshal(map[string]any{
		"Version": "2012-10-17",
		"Statement": []any{map[string]any{
			"Effect":    "Allow",
			"Principal": map[string]any{"Federated": []string{"arn:aws:iam::" + account + ":oidc-provider/" + prefix}},
			"Action":    []string{"sts:AssumeRoleWithWebIdentity"},
			"Condition": keys,
		}},
	})
	return string(doc), err
}

// createRole makes a role that tokens of issuerURL may assume under all of
// cond, and that may do everything with one bucket. It returns the role's ARN.
func (c *ceph) createRole(ctx context.Context, name, issuerURL, bucket string, cond conditions) (string, error) {
	trust, err := trustPolicy("", issuerURL, cond)
	if err != nil {
		return "", err
	}
	out, err := c.iamClient().CreateRole(ctx, &iam.CreateRoleInput{
		RoleName:                 aws.String(name),
		Path:                     aws.String("/"),
		AssumeRolePolicyDocument: aws.String(trust),
	})
	if err != nil {
		return "", fmt.Errorf("interop: create role %s: %w", name, err)
	}
	permissions, err := json.Marshal(map[string]any{
		"Version": "2012-10-17",
		"Statement": []any{map[string]any{
			"Effect":   "Allow",
			"Action":   []string{"s3:*"},
			"Resource": []string{"arn:aws:s3:::" + bucket, "arn:aws:s3:::" + bucket + "/*"},
		}},
	})
	if err != nil {
		return "", err
	}
	_, err = c.iamClient().PutRolePolicy(ctx, &iam.PutRolePolicyInput{
		RoleName:       aws.String(name),
		PolicyName:     aws.String("bucket"),
		PolicyDocument: aws.String(string(permissions)),
	})
	if err != nil {
		return "", fmt.Errorf("interop: permit role %s: %w", name, err)
	}
	return aws.ToString(out.Role.Arn), nil
}
