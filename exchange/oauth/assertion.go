package oauth

import (
	"context"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/tokensource"
)

// Assertion returns a function that gives a CI token for audience at each call,
// as clients take it that make the exchange themselves: for Azure,
//
//	azidentity.NewClientAssertionCredential(tenant, client, oauth.Assertion(ci, oauth.EntraAudience), nil)
//
// It fits Config.ClientAssertion too. Getting a token has 10 s, whatever time
// the caller's context leaves beyond that. The function's error is an
// *[exchange.Error] of [exchange.StageSource], or an *[exchange.ConfigError] if
// source or audience is missing. Nothing is kept between calls.
func Assertion(source exchange.TokenSource, audience string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		switch {
		case tokensource.Missing(source):
			return "", configError("Assertion", "the source is required, and neither nil nor a nil pointer: give the detected platform, or another exchange.TokenSource")
		case audience == "":
			return "", configError("Assertion", "the audience is required: the one that the other side accepts, such as EntraAudience")
		}
		x := &exchanger{Config: Config{Source: source, SourceAudience: audience, Timeout: defaultTimeout}, service: "oauth"}
		raw, _, err := x.ciToken(ctx)
		return raw, err
	}
}
