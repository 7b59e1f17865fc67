package awssts_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
)

func TestNewAccepts(t *testing.T) {
	tests := map[string]func(*awssts.Config){
		"the least": func(*awssts.Config) {},
		"China":     func(c *awssts.Config) { c.RoleARN, c.Region = "arn:aws-cn:iam::123456789012:role/r", "cn-north-1" },
		"GovCloud": func(c *awssts.Config) {
			c.RoleARN, c.Region = "arn:aws-us-gov:iam::123456789012:role/r", "us-gov-west-1"
		},
		"European": func(c *awssts.Config) {
			c.RoleARN, c.Region = "arn:aws-eusc:iam::123456789012:role/r", "eusc-de-east-1"
		},
		"new region":      func(c *awssts.Config) { c.Region = "xy-central-9" },
		"path":            func(c *awssts.Config) { c.RoleARN = "arn:aws:iam::123456789012:role/a/b-c/r+=,.@-_" },
		"allowed account": func(c *awssts.Config) { c.AllowedAccounts = []string{"210987654321", account} },
		"duration":        func(c *awssts.Config) { c.Duration = 12 * time.Hour },
		"session name":    func(c *awssts.Config) { c.SessionName = strings.Repeat("a", 64) },
		"policy":          func(c *awssts.Config) { c.Policy = "{\n\t\"Version\": \"é\"}" },
		"longest policy":  func(c *awssts.Config) { c.Policy = `{"a":"` + strings.Repeat("x", 2048-8) + `"}` },
		"ten policies":    func(c *awssts.Config) { c.PolicyARNs = tenPolicies },
		"loopback":        func(c *awssts.Config) { c.Endpoint = "http://127.0.0.1:8000" },
		"other service": func(c *awssts.Config) {
			c.Endpoint, c.RoleARN, c.Region = "https://s3.example", "arn:aws:iam:::role/uploads", "default"
		},
		"other partition": func(c *awssts.Config) {
			c.Client, c.RoleARN = sts.New(sts.Options{}), "arn:minio:iam::tenant:role/uploads"
		},
	}
	for name, edit := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := awssts.Config{RoleARN: role, Region: region, Source: static("")}
			edit(&cfg)
			p, err := awssts.New(cfg)
			require.NoError(t, err)
			assert.NotNil(t, p.AWSConfig().Credentials)
		})
	}
}

var tenPolicies = strings.Fields(strings.Repeat("arn:aws:iam::aws:policy/ReadOnlyAccess ", 10))

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		name, field, text string
		edit              func(*awssts.Config)
	}{
		{"no role", "RoleARN", "required", func(c *awssts.Config) { c.RoleARN = "" }},
		{"name of a role", "RoleARN", `"deploy" is not the ARN of a role, such as "arn:aws:iam::123456789012:role/deploy"`, func(c *awssts.Config) { c.RoleARN = "deploy" }},
		{"ARN of a user", "RoleARN", "not the ARN of a role", func(c *awssts.Config) { c.RoleARN = "arn:aws:iam::123456789012:user/me" }},
		{"ARN of a session", "RoleARN", "not the ARN of a role", func(c *awssts.Config) { c.RoleARN = "arn:aws:sts::123456789012:assumed-role/r/s" }},
		{"region in the ARN", "RoleARN", "not the ARN of a role", func(c *awssts.Config) { c.RoleARN = "arn:aws:iam:eu-west-1:123456789012:role/r" }},
		{"no role name", "RoleARN", "not the ARN of a role", func(c *awssts.Config) { c.RoleARN = "arn:aws:iam::123456789012:role/" }},
		{"role name too long", "RoleARN", "not the ARN of a role", func(c *awssts.Config) { c.RoleARN += strings.Repeat("x", 64) }},
		{"line break", "RoleARN", `deploy\n"`, func(c *awssts.Config) { c.RoleARN += "\n" }},
		{"very long", "RoleARN", "20 to 2048", func(c *awssts.Config) { c.RoleARN += strings.Repeat("x", 2048) }},
		{"account with 11 digits", "RoleARN", "12 digits", func(c *awssts.Config) { c.RoleARN = "arn:aws:iam::12345678901:role/r" }},
		{"no account", "RoleARN", "12 digits", func(c *awssts.Config) { c.RoleARN = "arn:aws:iam:::role/uploads" }},
		{"other account", "RoleARN", `of account "123456789012", which is not among AllowedAccounts`, func(c *awssts.Config) { c.AllowedAccounts = []string{"210987654321"} }},
		{"other account of another service", "RoleARN", `of account "", which is not among AllowedAccounts`, func(c *awssts.Config) {
			c.Endpoint, c.RoleARN, c.AllowedAccounts = "https://s3.example", "arn:aws:iam:::role/uploads", []string{"210987654321"}
		}},
		{"name as allowed account", "AllowedAccounts", `number 2 is "prod"; an account ID has 12 digits`, func(c *awssts.Config) { c.AllowedAccounts = []string{account, "prod"} }},
		{"other partition", "RoleARN", `"aws-cn"`, func(c *awssts.Config) { c.RoleARN = "arn:aws-cn:iam::123456789012:role/r" }},
		{"region of another partition", "RoleARN", `"aws-us-gov"`, func(c *awssts.Config) { c.Region = "us-gov-east-1" }},
		{"no region", "Region", "required", func(c *awssts.Config) { c.Region = "" }},
		{"region that leads elsewhere", "Region", "not a region", func(c *awssts.Config) { c.Region = "evil.example/#" }},
		{"region in capitals", "Region", "not a region", func(c *awssts.Config) { c.Region = "EU-WEST-1" }},
		{"no source", "Source", "required", func(c *awssts.Config) { c.Source = nil }},
		{"nil pointer as source", "Source", "nor a nil pointer", func(c *awssts.Config) { c.Source = (*pointer)(nil) }},
		{"nil function as source", "Source", "nor a nil pointer", func(c *awssts.Config) { c.Source = exchange.TokenSourceFunc(nil) }},
		{"endpoint with a password", "Endpoint", "it holds user information", func(c *awssts.Config) { c.Endpoint = "https://u:hunter22@sts.example" }},
		{"client and endpoint", "Endpoint", "together with Client", func(c *awssts.Config) { c.Client, c.Endpoint = sts.New(sts.Options{}), "https://x.example" }},
		{"client and HTTP client", "HTTPClient", "together with Client", func(c *awssts.Config) { c.Client, c.HTTPClient = sts.New(sts.Options{}), http.DefaultClient }},
		{"plain http", "Endpoint", "loopback", func(c *awssts.Config) { c.Endpoint = "http://sts.example" }},
		{"endpoint without a scheme", "Endpoint", `"sts.example": no scheme, and so no host: want https://HOST`, func(c *awssts.Config) { c.Endpoint = "sts.example" }},
		{"session name of one character", "SessionName", "2 to 64", func(c *awssts.Config) { c.SessionName = "a" }},
		{"session name with a slash", "SessionName", `"g/p"`, func(c *awssts.Config) { c.SessionName = "g/p" }},
		{"session name of 65", "SessionName", "2 to 64", func(c *awssts.Config) { c.SessionName = strings.Repeat("a", 65) }},
		{"short duration", "Duration", "15 minutes", func(c *awssts.Config) { c.Duration = 15*time.Minute - time.Second }},
		{"long duration", "Duration", "12 hours", func(c *awssts.Config) { c.Duration = 12*time.Hour + time.Second }},
		{"negative duration", "Duration", "15 minutes", func(c *awssts.Config) { c.Duration = -time.Hour }},
		{"half a second", "Duration", "whole number", func(c *awssts.Config) { c.Duration = time.Hour + time.Second/2 }},
		{"policy that is not JSON", "Policy", "not a JSON object", func(c *awssts.Config) { c.Policy = "{" }},
		{"policy that is null", "Policy", "not a JSON object", func(c *awssts.Config) { c.Policy = "null" }},
		{"policy with a wide character", "Policy", "U+00FF", func(c *awssts.Config) { c.Policy = `{"a":"€"}` }},
		{"policy too long", "Policy", "2049 characters", func(c *awssts.Config) { c.Policy = `{"a":"` + strings.Repeat("x", 2049-8) + `"}` }},
		{"policies too long together", "Policy", "with PolicyARNs", func(c *awssts.Config) {
			c.Policy, c.PolicyARNs = `{"a":"`+strings.Repeat("x", 2048-8)+`"}`, tenPolicies[:1]
		}},
		{"eleven policies", "PolicyARNs", "there are 11", func(c *awssts.Config) { c.PolicyARNs = append(tenPolicies, tenPolicies[0]) }},
		{"name of a policy", "PolicyARNs", "number 2", func(c *awssts.Config) { c.PolicyARNs = []string{tenPolicies[0], "ReadOnlyAccess"} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := awssts.Config{RoleARN: role, Region: region, Source: static("")}
			tt.edit(&cfg)
			p, err := awssts.New(cfg)
			assert.Nil(t, p)
			var refused *exchange.ConfigError
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, "awssts", refused.Package)
			assert.Equal(t, tt.field, refused.Field)
			assert.Contains(t, refused.Problem, tt.text)
			assert.NotContains(t, err.Error(), "\n")
			assert.NotContains(t, err.Error(), "hunter22")
			assert.NotContains(t, err.Error(), "httpx")
		})
	}
}

// pointer is a source that needs its pointer.
type pointer struct{ token string }

func (p *pointer) IDToken(context.Context, string) (string, error) { return p.token, nil }

// New copies what it is given.
func TestConfigIsCopied(t *testing.T) {
	w := newWorld(t)
	given := &http.Client{Transport: w.aws.Client().Transport}
	p := w.provider(t, w.gitlab.GitLab(audience), func(c *awssts.Config) { c.HTTPClient = given })
	assert.Zero(t, given.Timeout)
	assert.Nil(t, given.CheckRedirect)
	given.Transport = nil
	_, err := p.Retrieve(t.Context())
	require.NoError(t, err)
}
