package impersonate

import (
	"context"
	"errors"
	"time"

	"cloud.google.com/go/auth"
	credentials "cloud.google.com/go/iam/credentials/apiv1"
	"cloud.google.com/go/iam/credentials/apiv1/credentialspb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/cioidc/cioidc/exchange/googlests/internal/account"
	"github.com/cioidc/cioidc/internal/peek"
)

// expireEarly is how long before their end credentials are renewed, if they
// live for an hour or more; shorter ones are renewed in their last twelfth,
// lest they be renewed all the time.
const expireEarly = 5 * time.Minute

// early is how long before their end credentials of this lifetime are renewed.
func early(lifetime time.Duration) time.Duration { return min(expireEarly, lifetime/12) }

// handover is how much earlier than Google's the end is that credentials of
// this lifetime are said to have, 10 seconds for an hour. When renewals fail,
// the cache hands them out to their last moment, and what is handed out must
// still be valid when it arrives.
func handover(lifetime time.Duration) time.Duration { return early(lifetime) / 30 }

// Credentials returns cached, self-refreshing access-token credentials of the
// service account, for Google clients: see option.WithAuthCredentials of
// google.golang.org/api. It sends nothing; the first use impersonates. Its
// error is an *[exchange.ConfigError].
func Credentials(cfg Config) (*auth.Credentials, error) {
	cfg, err := cfg.checked()
	if err != nil {
		return nil, err
	}
	return cfg.credentials(cfg.Lifetime, func(ctx context.Context, client *credentials.IamCredentialsClient) (*auth.Token, error) {
		resp, err := client.GenerateAccessToken(ctx, &credentialspb.GenerateAccessTokenRequest{
			Name:      account.NamePrefix + cfg.ServiceAccount,
			Delegates: cfg.delegates(),
			Scope:     cfg.Scopes,
			Lifetime:  durationpb.New(cfg.Lifetime),
		})
		if err != nil {
			return nil, err
		}
		expires := resp.GetExpireTime()
		if resp.GetAccessToken() == "" || !expires.IsValid() {
			return nil, errors.New("the answer has no access token, or no time of its end")
		}
		return &auth.Token{Value: resp.GetAccessToken(), Type: "Bearer", Expiry: expires.AsTime().Add(-handover(cfg.Lifetime))}, nil
	}), nil
}

// IDToken returns cached, self-refreshing credentials whose tokens are ID
// tokens of the service account for audience, with its email. Cloud Run wants
// the service's URL as the audience. It sends nothing; the first use
// impersonates. Its error is an *[exchange.ConfigError].
func IDToken(cfg Config, audience string) (*auth.Credentials, error) {
	cfg, err := cfg.checked()
	if err != nil {
		return nil, err
	}
	if audience == "" {
		return nil, configError("audience", "it is required: name the service that will verify the token, such as its URL")
	}
	return cfg.credentials(idLifetime, func(ctx context.Context, client *credentials.IamCredentialsClient) (*auth.Token, error) {
		resp, err := client.GenerateIdToken(ctx, &credentialspb.GenerateIdTokenRequest{
			Name:         account.NamePrefix + cfg.ServiceAccount,
			Delegates:    cfg.delegates(),
			Audience:     audience,
			IncludeEmail: true,
		})
		if err != nil {
			return nil, err
		}
		// The API does not say when the token ends, but the token does.
		token, err := peek.Parse(resp.GetToken())
		if err != nil || token.ExpiresAt == 0 {
			return nil, errors.New("the answer has no usable ID token")
		}
		return &auth.Token{Value: resp.GetToken(), Type: "Bearer", Expiry: token.ExpiresAt.Time().Add(-handover(idLifetime))}, nil
	}), nil
}

// call asks for one token.
type call func(context.Context, *credentials.IamCredentialsClient) (*auth.Token, error)

// provider makes one impersonation for each call of Token. It caches nothing.
type provider struct {
	caller *caller
	call   call
}

var _ auth.TokenProvider = (*provider)(nil)

// Token implements [auth.TokenProvider].
func (p *provider) Token(ctx context.Context) (*auth.Token, error) {
	var token *auth.Token
	err := p.caller.do(ctx, func(ctx context.Context, client *credentials.IamCredentialsClient) error {
		var err error
		token, err = p.call(ctx, client)
		return err
	})
	if err != nil {
		return nil, err
	}
	return token, nil
}

func (c Config) delegates() []string {
	names := make([]string, 0, len(c.Delegates))
	for _, d := range c.Delegates {
		names = append(names, account.NamePrefix+d)
	}
	return names
}

// credentials caches what call returns, with the properties of the base.
func (c Config) credentials(lifetime time.Duration, call call) *auth.Credentials {
	cache := &auth.CachedTokenProviderOptions{ExpireEarly: early(lifetime) - handover(lifetime)}
	return auth.NewCredentials(&auth.CredentialsOptions{
		TokenProvider:          auth.NewCachedTokenProvider(&provider{newCaller(c), call}, cache),
		ProjectIDProvider:      auth.CredentialsPropertyFunc(c.Base.ProjectID),
		QuotaProjectIDProvider: auth.CredentialsPropertyFunc(c.Base.QuotaProjectID),
		UniverseDomainProvider: auth.CredentialsPropertyFunc(c.Base.UniverseDomain),
	})
}
