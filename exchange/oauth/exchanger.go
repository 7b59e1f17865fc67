package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/httpx"
	"github.com/cioidc/cioidc/internal/notoken"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/reply"
	"github.com/cioidc/cioidc/internal/tokensource"
	"github.com/cioidc/cioidc/internal/unreached"
)

// exchanger makes one exchange for each call of token. It caches nothing.
type exchanger struct {
	Config
	service string
	client  *http.Client
}

// Token makes one exchange and returns its token. Its Extra method finds the
// other members of the answer, such as issued_token_type. A zero Expiry means
// that the endpoint did not say when it ends; it has no refresh token, for the
// job exchanges anew.
//
// A failed exchange is an *[exchange.Error] and a configuration that cannot
// work is an *[exchange.ConfigError].
func (c Config) Token(ctx context.Context) (*oauth2.Token, error) {
	x, err := c.exchanger()
	if err != nil {
		return nil, err
	}
	return x.token(ctx)
}

func (x *exchanger) token(ctx context.Context) (*oauth2.Token, error) {
	var token, assertion string
	var said *peek.Token
	var err error
	if x.Source != nil {
		if token, said, err = x.ciToken(ctx); err != nil {
			return nil, err
		}
	}
	if x.ClientAssertion != nil {
		if assertion, err = x.assertion(ctx); err != nil {
			return nil, err
		}
	}
	if x.Grant == ClientCredentials && x.Source == nil {
		token, assertion = assertion, ""
	}
	return x.exchange(ctx, token, assertion, said)
}

func (x *exchanger) fail(stage string, err error) error {
	return &exchange.Error{Service: x.service, Stage: stage, Err: err}
}

// ciToken gets the CI token from the source.
func (x *exchanger) ciToken(ctx context.Context) (string, *peek.Token, error) {
	raw, err := x.call(ctx, x.Source, x.SourceAudience)
	if err != nil {
		return "", nil, x.fail(exchange.StageSource, err)
	}
	said, err := peek.Parse(raw)
	if err != nil {
		// Whatever it is, a password perhaps, it is not sent to anyone.
		return "", nil, &exchange.Error{
			Service: x.service, Stage: exchange.StageSource, Causes: notoken.Causes(raw),
			Err: fmt.Errorf("the source gave something that is not a JWT: %w", err),
		}
	}
	// Not every endpoint says why it refuses a token; this reason is certain.
	if end := said.ExpiresAt.Time(); said.ExpiresAt != 0 && time.Since(end) > maxLeeway {
		at := end.UTC().Format(time.RFC3339)
		return "", nil, &exchange.Error{
			Service: x.service, Stage: exchange.StageSource,
			Err: fmt.Errorf("the source's token expired at %s, and was not sent", at),
			Causes: []exchange.Cause{{
				ID: "token-expired", Certain: true,
				Summary:  fmt.Sprintf("the token expired %s ago", time.Since(end).Truncate(time.Second)),
				Action:   "exchange it earlier in the job, or let the source get a fresh one",
				Evidence: []exchange.Evidence{{Name: "exp", Token: at}},
			}},
		}
	}
	return raw, said, nil
}

// maxLeeway is more than endpoints allow for clocks that differ.
const maxLeeway = 10 * time.Minute

// assertion gets the client assertion.
func (x *exchanger) assertion(ctx context.Context) (string, error) {
	raw, err := x.call(ctx, assertionSource(x.ClientAssertion), "")
	var known *exchange.Error
	switch {
	case errors.As(err, &known):
		return "", known // what signs it says more, with a stage of its own
	case err != nil:
		return "", x.fail(exchange.StageSign, err)
	case strings.Count(raw, ".") != 2 || strings.ContainsFunc(raw, notBearer):
		return "", x.fail(exchange.StageSign, errors.New("ClientAssertion gave something that is not a JWT"))
	}
	if err := x.checkOktaAssertion(raw); err != nil {
		return "", err
	}
	return raw, nil
}

// assertionSource calls a ClientAssertion as a source is called: its panic is
// an error.
type assertionSource func(context.Context) (string, error)

func (f assertionSource) IDToken(ctx context.Context, _ string) (string, error) { return f(ctx) }

func (x *exchanger) call(ctx context.Context, src tokensource.Source, audience string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, x.Timeout)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return "", err
	}
	return tokensource.Token(ctx, src, audience)
}

// exchange presents token. said is what it says, nil if it is not a CI token.
func (x *exchanger) exchange(ctx context.Context, token, assertion string, said *peek.Token) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, x.Timeout)
	defer cancel()
	var got *oauth2.Token
	again := false
	err := httpx.Retry(ctx, func(ctx context.Context) httpx.Outcome {
		if again && x.ClientAssertion != nil {
			// An endpoint may remember an assertion's jti, and that of a request
			// whose answer was lost too (RFC 7523 section 3, number 7).
			fresh, err := x.assertion(ctx)
			switch {
			case err != nil:
				return httpx.Outcome{Err: err}
			case x.Grant == ClientCredentials:
				token = fresh
			default:
				assertion = fresh
			}
		}
		again = true
		secrets := x.secrets(token, assertion)
		req, err := x.request(ctx, token, assertion)
		if err != nil {
			return httpx.Outcome{Err: x.fail(exchange.StageExchange, err)}
		}
		sent := time.Now()
		body, header, status, err := httpx.Do(x.client, req, httpx.DefaultLimit)
		if err != nil {
			e := &exchange.Error{Service: x.service, Stage: exchange.StageExchange, StatusCode: status, Err: reply.Scrub(err, secrets...)}
			if c, ok := unreached.Cause(e.Err); ok {
				e.Causes = []exchange.Cause{c}
			}
			return httpx.Outcome{Err: e, Retry: httpx.Dropped(err)}
		}
		if status < 200 || status > 299 {
			return httpx.Outcome{
				Err:   x.refusal(body, header, status, secrets, said),
				Retry: httpx.RetryStatus(status),
				After: httpx.RetryAfter(header),
			}
		}
		if got, err = x.Response.read(body, sent); err != nil {
			return httpx.Outcome{Err: &exchange.Error{Service: x.service, Stage: exchange.StageExchange, StatusCode: status, Err: err}}
		}
		return httpx.Outcome{}
	})
	if err != nil {
		return nil, err
	}
	return got, nil
}

// notBearer reports whether r is outside the b64token of RFC 6750, section 2.1.
func notBearer(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._~+/=", r))
}
