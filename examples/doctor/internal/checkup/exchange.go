package checkup

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/internal/safetext"
)

// exchangeAWS asks AWS for credentials of the role, and throws them away.
func (e *examination) exchangeAWS(ctx context.Context) {
	c := e.cfg.AWS
	p, err := awssts.New(awssts.Config{
		RoleARN: c.Role, Region: c.Region, Audience: e.askFor(c.Audience), Endpoint: c.Endpoint,
		Source: e.watched(), HTTPClient: e.cfg.Clouds, Now: e.cfg.Now, Known: e.cfg.AWSKnown,
	})
	if err == nil {
		_, err = p.Retrieve(ctx)
	}
	if err == nil {
		e.add(Check{Name: "aws-exchange", State: OK, Words: "AWS gave credentials for the role", Evidence: []Evidence{{Name: "role", Value: c.Role}}})
		return
	}
	e.failed("aws-exchange", "AWS", err)
}

// exchangeGoogle asks Google for a federated token, and throws it away.
func (e *examination) exchangeGoogle(ctx context.Context) {
	c := e.cfg.Google
	creds, err := googlests.Credentials(googlests.Config{
		Provider: c.Provider, Audience: c.Audience, Endpoint: c.Endpoint,
		Source: e.watched(), HTTPClient: e.cfg.Clouds, Known: e.cfg.GoogleKnown,
	})
	if err == nil {
		_, err = creds.Token(ctx)
	}
	if err == nil {
		e.add(Check{Name: "google-exchange", State: OK, Words: "Google gave a token for the provider; whether a role is bound to it, the first use tells",
			Evidence: []Evidence{{Name: "provider", Value: c.Provider}}})
		return
	}
	e.failed("google-exchange", "Google", err)
}

// askFor returns the audience to ask the source for.
func (e *examination) askFor(audience string) string {
	if audience == "" {
		return e.cfg.Audience // the very token that was examined
	}
	return audience
}

// watched is the source, whose tokens the report must not hold.
func (e *examination) watched() exchange.TokenSource {
	return exchange.TokenSourceFunc(func(ctx context.Context, audience string) (string, error) {
		raw, err := e.source.IDToken(ctx, audience)
		if err == nil {
			e.hide(raw)
		}
		return raw, err
	})
}

// failed explains an exchange that gave nothing.
func (e *examination) failed(name, cloud string, err error) {
	var config *exchange.ConfigError
	if errors.As(err, &config) {
		e.add(Check{Name: name, State: Fail, Words: cloud + " was not asked: " + config.Field + ": " + config.Problem})
		return
	}
	var failed *exchange.Error
	if !errors.As(err, &failed) {
		e.report.raise(Refused)
		e.add(Check{Name: name, State: Fail, Words: cloud + " gave nothing: " + safetext.Cut(safetext.Redact(err.Error()))})
		return
	}
	c := Check{Name: name, State: Fail, Causes: causesOf(failed)}
	switch {
	case failed.Stage == exchange.StageSource && errors.Is(err, context.DeadlineExceeded):
		c.Words = cloud + " was not asked: the " + wholeTime.String() + " for everything were over"
	case failed.Stage == exchange.StageSource:
		c.Words = cloud + " was not asked: the job has no token for it"
		if failed.Err != nil {
			c.Action = failed.Err.Error()
		}
	case failed.StatusCode < http.StatusMultipleChoices:
		e.report.raise(Refused)
		c.Words = cloud + " did not answer"
		if failed.StatusCode != 0 {
			c.Words = cloud + "'s answer cannot be used"
		}
		if failed.Err != nil {
			c.Words += ": " + safetext.Cut(safetext.Redact(failed.Err.Error()))
		}
	default:
		e.report.raise(Refused)
		c.Words = cloud + " refused the token: HTTP " + strconv.Itoa(failed.StatusCode)
		for _, text := range []string{failed.Code, failed.Description} {
			if text != "" {
				c.Words += ", " + safetext.Quote(text)
			}
		}
		if failed.RequestID != "" {
			c.Evidence = []Evidence{{Name: "request ID", Value: failed.RequestID}}
		}
	}
	e.add(c)
}
