package checkup

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/cioidc/cioidc/ciplatform"
	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/internal/peek"
)

const (
	// wholeTime bounds everything, issuerTime the requests to the issuer: an
	// issuer that does not answer must leave time to ask the clouds.
	wholeTime  = 10 * time.Second
	issuerTime = 5 * time.Second
)

// Config says what to examine.
type Config struct {
	// Environ is the job's environment, like the result of [os.Environ].
	Environ []string
	// Token is a token to examine in place of the job's, and TokenName what to
	// call it. Empty TokenName means the job's.
	Token, TokenName string
	// Audience is the audience of the job's token to examine. Empty means the
	// default token.
	Audience string
	// AWS and Google are asked to exchange the token. Nil means not.
	AWS    *AWS
	Google *Google
	// AWSKnown is what is known of the AWS account, and GoogleKnown of the pool
	// provider: it explains a refusal. The token is held against a trust policy in
	// it, with AWS or without. Nil means nothing.
	AWSKnown    *awssts.Known
	GoogleKnown *googlests.Known
	// GoogleProvider is the pool provider in JSON, as gcloud describes it: the token
	// is held against it. Empty means that it is not known.
	GoogleProvider []byte
	// ShowUser adds the claims that name a person: user_login and user_email.
	ShowUser bool
	// Issuers makes the requests to the issuer, Clouds those to AWS and Google.
	// Nil means a client on [http.DefaultTransport].
	Issuers, Clouds *http.Client
	// Command runs the circleci command. Nil means the one on PATH.
	Command func(ctx context.Context, args ...string) ([]byte, error)
	// Now returns the current time. Nil means [time.Now].
	Now func() time.Time
}

// AWS is an exchange with AWS.
type AWS struct {
	// Role is the ARN of the role, Region the region whose STS is asked.
	Role, Region string
	// Audience is as in awssts.Config, and so is Endpoint.
	Audience, Endpoint string
}

// Google is an exchange with Google.
type Google struct {
	// Provider is the full name of the pool provider.
	Provider string
	// Audience is as in googlests.Config, and so is Endpoint.
	Audience, Endpoint string
}

// Run examines the token that cfg is about.
func Run(ctx context.Context, cfg Config) *Report {
	ctx, cancel := context.WithTimeout(ctx, wholeTime)
	defer cancel()
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	e := &examination{cfg: cfg, env: map[string]string{}, report: &Report{}}
	for _, pair := range cfg.Environ {
		name, value, _ := strings.Cut(pair, "=")
		if _, twice := e.env[name]; !twice {
			e.env[name] = value
		}
	}
	e.all(ctx)
	for _, c := range e.report.Checks {
		if c.State == Fail {
			e.report.raise(Problem)
		}
	}
	e.hide(e.env[jobToken])
	e.mu.Lock()
	defer e.mu.Unlock()
	e.report.scrub(e.secrets)
	return e.report
}

// examination is one call of Run.
type examination struct {
	cfg    Config
	env    map[string]string
	report *Report

	source exchange.TokenSource // of the exchanges; nil without a token
	raw    string               // the token that is examined
	token  *peek.Token          // what raw says; nil if there is none

	mu      sync.Mutex // a source may be asked from a goroutine that outlives the exchange
	secrets []string
}

// hide keeps secret out of the report.
func (e *examination) hide(secret string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.secrets = append(e.secrets, secret)
}

func (e *examination) all(ctx context.Context) {
	if e.cfg.TokenName != "" {
		e.givenToken()
	} else {
		e.jobsToken(ctx)
	}
	e.keysInTheWay()
	if e.token == nil {
		e.report.raise(NoToken)
		return
	}
	e.claims()
	e.time()
	e.issuer(ctx)
	e.forAWS()
	e.forGoogle()
	if e.cfg.AWSKnown != nil && len(e.cfg.AWSKnown.TrustPolicy) > 0 {
		e.trustOfAWS()
	}
	if len(e.cfg.GoogleProvider) > 0 {
		e.trustOfGoogle()
	}
	if e.cfg.AWS != nil {
		e.exchangeAWS(ctx)
	}
	if e.cfg.Google != nil {
		e.exchangeGoogle(ctx)
	}
}

func (e *examination) add(c Check) { e.report.add(c) }

// examine makes raw the token that the rest is about.
func (e *examination) examine(raw string, token *peek.Token) {
	e.raw, e.token = raw, token
	e.hide(raw)
}

// platforms returns the platforms as the job's environment shows them.
func (e *examination) platforms() []ciplatform.Platform {
	return []ciplatform.Platform{
		&ciplatform.CircleCI{
			LookupEnv: func(name string) (string, bool) { value, set := e.env[name]; return value, set },
			Run:       e.cfg.Command, Now: e.cfg.Now,
		},
		&ciplatform.GitLab{Environ: func() []string { return e.cfg.Environ }, Now: e.cfg.Now},
	}
}
