package googlests

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cloud.google.com/go/auth"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests/internal/answer"
	"github.com/cioidc/cioidc/exchange/googlests/internal/member"
	"github.com/cioidc/cioidc/internal/httpx"
	"github.com/cioidc/cioidc/internal/notoken"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/safetext"
	"github.com/cioidc/cioidc/internal/tokensource"
	"github.com/cioidc/cioidc/internal/unreached"
)

const (
	grantExchange   = "urn:ietf:params:oauth:grant-type:token-exchange"
	typeJWT         = "urn:ietf:params:oauth:token-type:jwt"
	typeAccessToken = "urn:ietf:params:oauth:token-type:access_token"
)

// provider makes one exchange for each call of Token. It caches nothing.
type provider struct {
	name     string
	source   exchange.TokenSource
	audience string
	scope    string
	endpoint string
	client   *http.Client
	known    Known
}

var _ auth.TokenProvider = (*provider)(nil)

// Token implements [auth.TokenProvider].
func (p *provider) Token(ctx context.Context) (*auth.Token, error) {
	raw, token, err := p.subject(ctx)
	if err != nil {
		return nil, err
	}
	return p.exchange(ctx, raw, token)
}

// subject gets the CI token from the source.
func (p *provider) subject(ctx context.Context) (string, *peek.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	fail := func(err error) (string, *peek.Token, error) {
		return "", nil, &exchange.Error{Service: serviceName, Stage: exchange.StageSource, Err: err}
	}
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	raw, err := tokensource.Token(ctx, p.source, p.audience)
	if err != nil {
		return fail(err)
	}
	token, err := peek.Parse(raw)
	if err != nil {
		// Whatever it is, a password perhaps, it is not sent to anyone.
		return "", nil, &exchange.Error{
			Service: serviceName, Stage: exchange.StageSource, Causes: notoken.Causes(raw),
			Err: fmt.Errorf("the source gave something that is not a JWT: %w", err),
		}
	}
	return raw, token, nil
}

// exchange trades raw in at the endpoint (sts/v1 token, RFC 8693 section 2).
func (p *provider) exchange(ctx context.Context, raw string, token *peek.Token) (*auth.Token, error) {
	if err := p.precheck(token); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	form := url.Values{
		"grant_type":           {grantExchange},
		"audience":             {p.name},
		"scope":                {p.scope},
		"requested_token_type": {typeAccessToken},
		"subject_token_type":   {typeJWT},
		"subject_token":        {raw},
	}
	var got *auth.Token
	err := httpx.Retry(ctx, func(ctx context.Context) httpx.Outcome {
		sent := time.Now()
		body, header, status, err := httpx.PostForm(ctx, p.client, p.endpoint, form, httpx.DefaultLimit)
		if err != nil {
			e := &exchange.Error{Service: serviceName, Stage: exchange.StageExchange, StatusCode: status, Err: answer.Scrub(err, raw)}
			if c, ok := unreached.Cause(e.Err); ok {
				e.Causes = []exchange.Cause{c}
			}
			return httpx.Outcome{Err: e, Retry: httpx.Dropped(err)}
		}
		if status != http.StatusOK {
			return httpx.Outcome{
				Err:   p.refusal(answer.Parse(body, header, raw), status, header.Get("Location"), token),
				Retry: httpx.RetryStatus(status),
				After: httpx.RetryAfter(header),
			}
		}
		got, err = accessToken(body, sent)
		if err == nil {
			got.Metadata = map[string]any{member.Key: p.members(token)}
		} else {
			return httpx.Outcome{Err: &exchange.Error{Service: serviceName, Stage: exchange.StageExchange, StatusCode: status, Err: err}}
		}
		return httpx.Outcome{}
	})
	if err != nil {
		return nil, err
	}
	return got, nil
}

func (p *provider) refusal(r answer.Refusal, status int, location string, token *peek.Token) error {
	e := &exchange.Error{
		Service:     serviceName,
		Stage:       exchange.StageExchange,
		StatusCode:  status,
		Code:        r.Code,
		Description: safetext.Cut(r.Description),
		Causes:      p.causes(r, token),
		Err:         r.Err,
	}
	if c, ok := unreached.Redirect(status, p.endpoint, location); ok {
		e.Err = errors.New("the token endpoint redirects elsewhere: set Config.Endpoint to where the token may go")
		e.Causes = []exchange.Cause{c}
	}
	return e
}

// accessToken reads a successful answer (RFC 8693, section 2.2.1). Its end is
// counted from before the request, and a little earlier than Google's own.
func accessToken(body []byte, sent time.Time) (*auth.Token, error) {
	var resp struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int64  `json:"expires_in"`
	}
	if err := answer.Object(body, &resp); err != nil {
		return nil, fmt.Errorf("the token endpoint's answer is unusable: %w", err)
	}
	switch {
	case resp.AccessToken == "":
		return nil, errors.New("the token endpoint's answer has no access_token")
	case !strings.EqualFold(resp.TokenType, "Bearer"):
		return nil, errors.New("the token endpoint's answer has a token_type other than Bearer")
	case resp.ExpiresIn <= 0 || resp.ExpiresIn > int64(24*time.Hour/time.Second):
		return nil, errors.New("the token endpoint's answer has no usable expires_in")
	}
	life := time.Duration(resp.ExpiresIn) * time.Second
	return &auth.Token{
		Value:  resp.AccessToken,
		Type:   "Bearer",
		Expiry: sent.Add(life - min(handover, life/12)),
	}, nil
}
