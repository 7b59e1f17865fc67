package awssts

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/httpx"
	"github.com/cioidc/cioidc/internal/notoken"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/tokensource"
)

const (
	// requestTimeout bounds one request: STS may need five seconds to fetch
	// the issuer's keys.
	requestTimeout = 10 * time.Second
	// retrieveTimeout bounds Retrieve, with the source's time and three
	// requests, for callers whose context has no deadline. The SDK's
	// credentials cache is one.
	retrieveTimeout = time.Minute
	// maxToken is what STS takes of a token, in bytes.
	maxToken = 20000
)

// source marks the credentials in [aws.Credentials].
const source = "cioidc/awssts"

// Provider exchanges the CI token for credentials of a role. It is an
// [aws.CredentialsProvider] that exchanges at every call: use
// [Provider.AWSConfig], or wrap it in [aws.NewCredentialsCache]. It is safe for
// concurrent use.
type Provider struct {
	cfg     Config
	client  Client
	renewer *renewer
	cache   *aws.CredentialsCache // of renewer
}

var _ aws.CredentialsProvider = (*Provider)(nil)

// New returns a provider. It does no I/O. Its error is an
// *[exchange.ConfigError].
func New(cfg Config) (*Provider, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg.PolicyARNs = slices.Clone(cfg.PolicyARNs)
	cfg.Known = cfg.Known.clone()
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	p := &Provider{cfg: cfg, client: cfg.Client}
	if p.client == nil {
		p.client = newClient(&cfg)
	}
	p.renewer = &renewer{provider: p}
	p.cache = newCache(p.renewer)
	return p, nil
}

// newClient returns an STS client that knows nothing but cfg. The operation is
// not signed, so it has no credentials.
func newClient(cfg *Config) Client {
	client := httpx.Client(cfg.HTTPClient, requestTimeout)
	// STS does not redirect. Whoever does is not STS.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	opts := sts.Options{Region: cfg.Region, HTTPClient: client}
	if cfg.Endpoint != "" {
		opts.BaseEndpoint = aws.String(cfg.Endpoint)
	}
	return sts.New(opts)
}

// AWSConfig returns an SDK configuration with the provider's region and cached
// credentials, which all configurations of this provider share. They are
// renewed between five and two and a half minutes before they expire; if that
// fails they are used to their end, with another attempt every 30 seconds.
func (p *Provider) AWSConfig() aws.Config {
	return aws.Config{Region: p.cfg.Region, Credentials: p.cache}
}

// Retrieve implements [aws.CredentialsProvider]: it gets a token and exchanges
// it. Its error is an *[exchange.Error], which the SDK's clients take as final:
// what can be repeated has been. It takes a minute at most.
func (p *Provider) Retrieve(ctx context.Context) (aws.Credentials, error) {
	ctx, cancel := context.WithTimeout(ctx, retrieveTimeout)
	defer cancel()
	creds, failed := p.retrieve(ctx)
	if failed != nil {
		return final(failed)
	}
	return creds, nil
}

func final(failed *exchange.Error) (aws.Credentials, error) {
	failed.Err = &finalError{failed.Err}
	return aws.Credentials{}, failed
}

func (p *Provider) retrieve(ctx context.Context) (aws.Credentials, *exchange.Error) {
	token, failed := p.token(ctx)
	if failed != nil {
		return aws.Credentials{}, failed
	}
	return p.exchange(ctx, token)
}

// exchange presents a token that [Provider.token] has let through.
func (p *Provider) exchange(ctx context.Context, token string) (aws.Credentials, *exchange.Error) {
	seen, _ := peek.Parse(token) // nil if it cannot be read; STS judges it then
	if failed := p.precheck(seen); failed != nil {
		return aws.Credentials{}, failed
	}
	in := p.input(token, seen)
	var out *sts.AssumeRoleWithWebIdentityOutput
	err := httpx.Retry(ctx, func(ctx context.Context) httpx.Outcome {
		var err error
		out, err = p.client.AssumeRoleWithWebIdentity(ctx, in, withoutRetries)
		if err == nil {
			return httpx.Outcome{}
		}
		failed := failure(err, token)
		return httpx.Outcome{Err: failed, Retry: failed.Retryable()}
	})
	var failed *exchange.Error
	if errors.As(err, &failed) {
		failed.Causes = p.diagnose(failed, seen)
		return aws.Credentials{}, failed
	}
	return credentials(out)
}

// withoutRetries turns the client's retries off. They are made here: the SDK's
// would repeat refusals that are final.
func withoutRetries(o *sts.Options) {
	o.Retryer = aws.NopRetryer{}
}

// token gets the token, and refuses what STS could not possibly accept. Such a
// thing may be another secret, given by mistake; it is not sent.
func (p *Provider) token(ctx context.Context) (string, *exchange.Error) {
	token, err := tokensource.Token(ctx, p.cfg.Source, p.cfg.Audience)
	failed := &exchange.Error{Service: service, Stage: exchange.StageSource, Err: err}
	switch {
	case err != nil:
	case strings.TrimSpace(token) == "":
		failed.Err = errors.New("the source returned an empty token")
		failed.Causes = notoken.Causes(token)
	case len(token) > maxToken:
		failed.Err = errors.New("the source returned something that is not a JWT of at most 20000 bytes")
		failed.Causes = []exchange.Cause{{
			ID: "token-malformed", Certain: true, Summary: "what the source returned is longer than any token that AWS takes",
			Action: "check that it returns the ID token itself",
		}}
	default:
		if what, _ := tokensource.Mistake(token); what == "" {
			return token, nil
		}
		failed.Err = errors.New("the source returned something that is not a JWT")
		failed.Causes = notoken.Causes(token)
	}
	return "", failed
}

func (p *Provider) sessionName(seen *peek.Token) string {
	if p.cfg.SessionName != "" {
		return p.cfg.SessionName
	}
	return sessionName(seen)
}

func (p *Provider) input(token string, seen *peek.Token) *sts.AssumeRoleWithWebIdentityInput {
	in := &sts.AssumeRoleWithWebIdentityInput{
		RoleArn:          aws.String(p.cfg.RoleARN),
		RoleSessionName:  aws.String(p.sessionName(seen)),
		WebIdentityToken: aws.String(token),
	}
	if p.cfg.Duration != 0 {
		in.DurationSeconds = aws.Int32(int32(p.cfg.Duration / time.Second)) // at most 43200
	}
	if p.cfg.Policy != "" {
		in.Policy = aws.String(p.cfg.Policy)
	}
	for _, arn := range p.cfg.PolicyARNs {
		in.PolicyArns = append(in.PolicyArns, types.PolicyDescriptorType{Arn: aws.String(arn)})
	}
	return in
}

// credentials takes the credentials from an answer, all of them or none.
func credentials(out *sts.AssumeRoleWithWebIdentityOutput) (aws.Credentials, *exchange.Error) {
	var c types.Credentials
	if out != nil && out.Credentials != nil {
		c = *out.Credentials
	}
	if aws.ToString(c.AccessKeyId) == "" || aws.ToString(c.SecretAccessKey) == "" || aws.ToString(c.SessionToken) == "" || c.Expiration == nil {
		return aws.Credentials{}, &exchange.Error{
			Service: service, Stage: exchange.StageExchange, StatusCode: http.StatusOK,
			Err: errors.New("the answer has no complete credentials: check that the endpoint is an STS endpoint"),
		}
	}
	creds := aws.Credentials{
		AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken,
		CanExpire: true, Expires: *c.Expiration, Source: source,
	}
	if u := out.AssumedRoleUser; u != nil {
		// arn:aws:sts::<account>:assumed-role/<role>/<session>
		if part := strings.SplitN(aws.ToString(u.Arn), ":", 6); len(part) == 6 {
			creds.AccountID = part[4]
		}
	}
	return creds, nil
}
