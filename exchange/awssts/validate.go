package awssts

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/httpx"
	"github.com/cioidc/cioidc/internal/safetext"
	"github.com/cioidc/cioidc/internal/tokensource"
)

// The limits of the STS API reference, AssumeRoleWithWebIdentity.
const (
	minARN, maxARN           = 20, 2048
	minDuration, maxDuration = 15 * time.Minute, 12 * time.Hour
	maxPolicy                = 2048 // characters, of Policy and PolicyARNs together
	maxPolicyARNs            = 10
)

var (
	sessionNamePattern = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	// A path and a name, as CreateRole takes them.
	roleResourcePattern = regexp.MustCompile(`^role/([!-.0-~]+/)*[\w+=,.@-]{1,64}$`)
	accountPattern      = regexp.MustCompile(`^[0-9]{12}$`)
	partitionPattern    = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)
	// A region is part of a host name: anything else could name another host.
	regionPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
)

func invalid(field, format string, args ...any) error {
	return &exchange.ConfigError{Package: "awssts", Field: field, Problem: fmt.Sprintf(format, args...)}
}

// validate checks everything that can be checked without a request. What only
// AWS defines is not asked of other services and of clients made elsewhere.
func (c *Config) validate() error {
	role, err := parseRoleARN(c.RoleARN)
	if err != nil {
		return err
	}
	switch {
	case c.Region == "":
		return invalid("Region", `required: the region whose STS to call, such as "eu-west-1"`)
	case !regionPattern.MatchString(c.Region):
		return invalid("Region", `%s is not a region such as "eu-west-1"`, safetext.Quote(c.Region))
	case tokensource.Missing(c.Source):
		return invalid("Source", "required, and neither nil nor a nil pointer: the source of the CI token, such as the result of ciplatform.Detect")
	case c.Client != nil && c.Endpoint != "":
		return invalid("Endpoint", "set together with Client: give the endpoint to the client")
	case c.Client != nil && c.HTTPClient != nil:
		return invalid("HTTPClient", "set together with Client: give it to the client")
	case c.SessionName != "" && !sessionNamePattern.MatchString(c.SessionName):
		return invalid("SessionName", `%s must have 2 to 64 letters, digits and characters of "_+=,.@-"; leave it empty for a name made of the token`, safetext.Quote(c.SessionName))
	case c.Duration != 0 && (c.Duration < minDuration || c.Duration > maxDuration):
		return invalid("Duration", "%v is not between 15 minutes and 12 hours; zero gives one hour", c.Duration)
	case c.Duration%time.Second != 0:
		return invalid("Duration", "%v is not a whole number of seconds", c.Duration)
	}
	if c.Endpoint != "" {
		if problem := httpx.Problem(c.Endpoint); problem != "" {
			return invalid("Endpoint", "%s", problem)
		}
	}
	for i, account := range c.AllowedAccounts {
		if !accountPattern.MatchString(account) {
			return invalid("AllowedAccounts", "number %d is %s; an account ID has 12 digits", i+1, safetext.Quote(account))
		}
	}
	if len(c.AllowedAccounts) > 0 && !slices.Contains(c.AllowedAccounts, role.account) {
		return invalid("RoleARN", "the role is of account %s, which is not among AllowedAccounts", safetext.Quote(role.account))
	}
	if c.Client == nil && c.Endpoint == "" {
		if err := role.checkAWS(c.Region); err != nil {
			return err
		}
	}
	if err := c.Known.validate(); err != nil {
		return err
	}
	return c.validatePolicies()
}

type roleARN struct{ partition, account, resource string }

// parseRoleARN reads the form that AWS and its lookalikes share; a lookalike
// may leave the account empty or name a tenant there.
func parseRoleARN(arn string) (*roleARN, error) {
	switch {
	case arn == "":
		return nil, invalid("RoleARN", `required: the role to assume, such as "arn:aws:iam::123456789012:role/deploy"`)
	case len(arn) > maxARN:
		return nil, invalid("RoleARN", "%s has %d bytes; an ARN has 20 to 2048", safetext.Quote(arn), len(arn))
	}
	part := strings.SplitN(arn, ":", 6)
	if len(arn) < minARN || len(part) != 6 || part[0] != "arn" || !partitionPattern.MatchString(part[1]) || part[2] != "iam" || part[3] != "" || !roleResourcePattern.MatchString(part[5]) {
		return nil, invalid("RoleARN", `%s is not the ARN of a role, such as "arn:aws:iam::123456789012:role/deploy"`, safetext.Quote(arn))
	}
	return &roleARN{partition: part[1], account: part[4], resource: part[5]}, nil
}

func (r *roleARN) checkAWS(region string) error {
	if !accountPattern.MatchString(r.account) {
		return invalid("RoleARN", "the account ID is %s; it has 12 digits", safetext.Quote(r.account))
	}
	if want := partitionOf(region); r.partition != want {
		return invalid("RoleARN", "the role is in the partition %s, but the region %s is in %s: sessions do not cross partitions", safetext.Quote(r.partition), safetext.Quote(region), safetext.Quote(want))
	}
	return nil
}

// partitionOf returns the partition of a region, by the prefixes of AWS's list
// of partitions. A region that came later is taken for one of "aws".
func partitionOf(region string) string {
	for _, p := range [...]struct{ prefix, partition string }{
		{"cn-", "aws-cn"},
		{"us-gov-", "aws-us-gov"},
		{"eusc-", "aws-eusc"},
		{"us-iso-", "aws-iso"},
		{"us-isob-", "aws-iso-b"},
		{"eu-isoe-", "aws-iso-e"},
		{"us-isof-", "aws-iso-f"},
		{"eu-isof-", "aws-iso-f"},
	} {
		if strings.HasPrefix(region, p.prefix) {
			return p.partition
		}
	}
	return "aws"
}

func (c *Config) validatePolicies() error {
	total := utf8.RuneCountInString(c.Policy)
	if c.Policy != "" {
		var doc map[string]any
		if json.Unmarshal([]byte(c.Policy), &doc) != nil || doc == nil {
			return invalid("Policy", "not a JSON object")
		}
		for _, r := range c.Policy {
			if r > 0xFF || r < ' ' && r != '\t' && r != '\n' && r != '\r' {
				return invalid("Policy", "it holds %q; session policies may hold characters up to U+00FF and no control characters", r)
			}
		}
	}
	if len(c.PolicyARNs) > maxPolicyARNs {
		return invalid("PolicyARNs", "there are %d; STS takes 10", len(c.PolicyARNs))
	}
	for i, arn := range c.PolicyARNs {
		if len(arn) < minARN || len(arn) > maxARN || !strings.HasPrefix(arn, "arn:") || !strings.Contains(arn, ":policy/") {
			return invalid("PolicyARNs", `number %d, %s, is not the ARN of a managed policy, such as "arn:aws:iam::aws:policy/ReadOnlyAccess"`, i+1, safetext.Quote(arn))
		}
		total += utf8.RuneCountInString(arn)
	}
	if total > maxPolicy {
		return invalid("Policy", "with PolicyARNs it has %d characters; STS takes %d", total, maxPolicy)
	}
	return nil
}
