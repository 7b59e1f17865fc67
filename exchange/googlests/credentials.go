package googlests

import (
	"context"
	"time"

	"cloud.google.com/go/auth"
	"golang.org/x/oauth2"
)

// expireEarly is how long before their end credentials are renewed. It is more
// than the 3 minutes and 45 seconds at which auth.Token.IsValid gives up on a
// token, so that a renewal is due first.
const expireEarly = 5 * time.Minute

// handover is how much earlier than Google's the end is that the credentials
// are said to have. When renewals fail, the cache hands them out to their last
// moment, and what is handed out must still be valid when it arrives.
const handover = 10 * time.Second

// Credentials returns cached, self-refreshing credentials for Google clients:
// see option.WithAuthCredentials of google.golang.org/api. It sends nothing;
// the first use exchanges.
//
// Its error is an *[exchange.ConfigError]. Every error of the credentials is an
// *[exchange.Error]; errors.Is finds the context's error in it, if that was the
// reason.
func Credentials(cfg Config) (*auth.Credentials, error) {
	p, err := cfg.provider()
	if err != nil {
		return nil, err
	}
	return auth.NewCredentials(&auth.CredentialsOptions{
		TokenProvider:          auth.NewCachedTokenProvider(p, &auth.CachedTokenProviderOptions{ExpireEarly: expireEarly - handover}),
		QuotaProjectIDProvider: property(cfg.QuotaProject),
		UniverseDomainProvider: property(cfg.UniverseDomain),
	}), nil
}

// property is a property that is known beforehand. Credentials takes an empty
// universe domain for googleapis.com.
func property(value string) auth.CredentialsPropertyProvider {
	return auth.CredentialsPropertyFunc(func(context.Context) (string, error) { return value, nil })
}

// TokenSource returns the same as [Credentials], as an [oauth2.TokenSource]
// that caches. An oauth2.TokenSource has no context: the time limits of the
// package apply.
func TokenSource(cfg Config) (oauth2.TokenSource, error) {
	creds, err := Credentials(cfg)
	if err != nil {
		return nil, err
	}
	return tokenSource{creds}, nil
}

type tokenSource struct{ creds *auth.Credentials }

func (s tokenSource) Token() (*oauth2.Token, error) {
	t, err := s.creds.Token(context.Background())
	if err != nil {
		return nil, err
	}
	return &oauth2.Token{AccessToken: t.Value, TokenType: t.Type, Expiry: t.Expiry}, nil
}
