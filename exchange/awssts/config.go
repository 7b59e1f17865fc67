package awssts

import (
	"context"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/cioidc/cioidc/exchange"
)

// Config configures a [Provider]. RoleARN, Region and Source are required.
type Config struct {
	// RoleARN is the role to assume, such as
	// "arn:aws:iam::123456789012:role/deploy". Required.
	RoleARN string
	// AllowedAccounts are the IDs, of 12 digits each, of the accounts whose roles
	// may be assumed: a program whose role comes from outside, such as a CI
	// variable, refuses a role of any other. Empty means any account.
	AllowedAccounts []string
	// Region is the region whose STS is called, and that of
	// [Provider.AWSConfig]. It must be in the partition of RoleARN, unless
	// Client or Endpoint is set. Required.
	Region string
	// Source supplies the CI token. If it panics, that is an *[exchange.Error]
	// of [exchange.StageSource]. Required.
	Source exchange.TokenSource
	// Audience is the audience of the CI token to ask for. Empty means the
	// platform's default token, whatever its audience is.
	Audience string
	// SessionName names the session: 2 to 64 letters, digits and "_+=,.@-".
	// Empty means a name made of the token's platform, project, pipeline and
	// job; see the package comment.
	SessionName string
	// Duration is the session length to ask for, in whole seconds from 15
	// minutes to 12 hours; the role may allow less. Zero means none is asked
	// for, for which STS gives one hour.
	Duration time.Duration
	// Policy is a session policy in JSON, which narrows what the role may do.
	// It has 2,048 characters at most, PolicyARNs included. Empty means none.
	Policy string
	// PolicyARNs are up to 10 managed policies that narrow what the role may
	// do. Nil means none.
	PolicyARNs []string
	// Client calls STS. Nil means a client for Region that signs nothing and
	// reads no environment. Endpoint and HTTPClient must be empty with it.
	Client Client
	// Endpoint is the base URL of the STS endpoint, for VPC endpoints and for
	// services other than AWS that speak its protocol. Plain http is accepted
	// for loopback addresses only. Empty means AWS's endpoint for Region.
	Endpoint string
	// HTTPClient makes the requests to STS. It is copied; the copy follows no
	// redirects and gives each request 10 seconds, unless it has less already.
	// Nil means one on [http.DefaultTransport].
	HTTPClient *http.Client
	// Now returns the current time: it explains refusals, and tells a [FileCache]
	// and a [TokenFile] what has expired. Nil means [time.Now].
	Now func() time.Time
	// Known is what the owner knows of the AWS account, for explaining refusals.
	// Nil means nothing.
	Known *Known
}

// Client is the part of *[sts.Client] that a [Provider] uses. The options it is
// called with turn the SDK's own retries off.
type Client interface {
	AssumeRoleWithWebIdentity(ctx context.Context, in *sts.AssumeRoleWithWebIdentityInput, optFns ...func(*sts.Options)) (*sts.AssumeRoleWithWebIdentityOutput, error)
}

var _ Client = (*sts.Client)(nil)
