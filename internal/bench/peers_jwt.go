package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/auth0/go-jwt-middleware/v2/jwks"
	"github.com/auth0/go-jwt-middleware/v2/validator"
	jose "github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/golang-jwt/jwt/v5"
)

type (
	golangJWTGitLab struct {
		jwt.RegisteredClaims
		gitLabJob
	}
	golangJWTCircleCI struct {
		jwt.RegisteredClaims
		circleCIJob
	}
)

// golangJWT is golang-jwt with the key function of keyfunc, which takes the
// URL of the key set: it has no discovery.
func golangJWT() contestant {
	return contestant{
		Name: "golang-jwt + keyfunc", FetchesKeys: true,
		Modules:    []string{"github.com/golang-jwt/jwt/v5", "github.com/MicahParks/keyfunc/v3", "github.com/MicahParks/jwkset"},
		Configured: "`keyfunc.NewDefaultCtx` with the key set's URL; `Parser.ParseWithClaims` with valid methods, issuer, audience, required expiry, into a struct with `RegisteredClaims` embedded",
		New: func(ctx context.Context, s setup) (verify, error) {
			keys, err := keyfunc.NewDefaultCtx(ctx, []string{s.KeysURL})
			if err != nil {
				return nil, err
			}
			p := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(s.Issuer),
				jwt.WithAudience(s.Audience), jwt.WithExpirationRequired())
			return forPlatform(s,
				func() (verify, error) { return golangJWTInto[golangJWTGitLab](p, keys), nil },
				func() (verify, error) { return golangJWTInto[golangJWTCircleCI](p, keys), nil })
		},
	}
}

func golangJWTInto[T any, P interface {
	job[T]
	jwt.Claims
}](p *jwt.Parser, keys keyfunc.Keyfunc) verify {
	return func(ctx context.Context, raw string) (string, error) {
		var c T
		if _, err := p.ParseWithClaims(raw, P(&c), keys.KeyfuncCtx(ctx)); err != nil {
			return "", err
		}
		return P(&c).project(), nil
	}
}

// auth0Claims makes a struct a [validator.CustomClaims]. There is nothing to
// validate here beyond what the validator itself does.
type (
	auth0GitLab   struct{ gitLabJob }
	auth0CircleCI struct{ circleCIJob }
)

func (*auth0GitLab) Validate(context.Context) error   { return nil }
func (*auth0CircleCI) Validate(context.Context) error { return nil }

// auth0 is the validator of go-jwt-middleware with its caching provider, as in
// its example for key sets: five minutes of caching, a minute of clock skew.
func auth0() contestant {
	return contestant{
		Name: "auth0 validator", FetchesKeys: true,
		Modules:    []string{"github.com/auth0/go-jwt-middleware/v2", "gopkg.in/go-jose/go-jose.v2"},
		Configured: "`jwks.NewCachingProvider` with 5 minutes, `validator.New` with RS256, issuer, audience, 1 minute of clock skew and custom claims",
		New: func(_ context.Context, s setup) (verify, error) {
			issuer, err := url.Parse(s.Issuer)
			if err != nil {
				return nil, err
			}
			provider := jwks.NewCachingProvider(issuer, 5*time.Minute)
			return forPlatform(s,
				func() (verify, error) { return auth0Into[auth0GitLab](s, provider) },
				func() (verify, error) { return auth0Into[auth0CircleCI](s, provider) })
		},
	}
}

func auth0Into[T any, P interface {
	job[T]
	validator.CustomClaims
}](s setup, provider *jwks.CachingProvider) (verify, error) {
	v, err := validator.New(provider.KeyFunc, validator.RS256, s.Issuer, []string{s.Audience},
		validator.WithCustomClaims(func() validator.CustomClaims { return P(new(T)) }),
		validator.WithAllowedClockSkew(time.Minute))
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, raw string) (string, error) {
		token, err := v.ValidateToken(ctx, raw)
		if err != nil {
			return "", err
		}
		c, ok := token.(*validator.ValidatedClaims)
		if !ok {
			return "", errors.New("bench: not the claims of this validator")
		}
		p, ok := c.CustomClaims.(P)
		if !ok {
			return "", errors.New("bench: not the custom claims asked for")
		}
		return p.project(), nil
	}, nil
}

// goJOSE is the jwt package of go-jose, which verifies with keys it is given:
// here, a key set fetched once.
func goJOSE() contestant {
	return contestant{
		Name:       "go-jose/jwt",
		Modules:    []string{"github.com/go-jose/go-jose/v4"},
		Configured: "`jwt.ParseSigned` with RS256, `Claims` with a given `JSONWebKeySet` into `jwt.Claims` and a struct, `Claims.Validate` with issuer and audience; it fetches no keys",
		New: func(_ context.Context, s setup) (verify, error) {
			data, err := s.Keys()
			if err != nil {
				return nil, err
			}
			keys := new(jose.JSONWebKeySet)
			if err := json.Unmarshal(data, keys); err != nil {
				return nil, err
			}
			return forPlatform(s,
				func() (verify, error) { return goJOSEInto[gitLabJob](s, keys), nil },
				func() (verify, error) { return goJOSEInto[circleCIJob](s, keys), nil })
		},
	}
}

func goJOSEInto[T any, P job[T]](s setup, keys *jose.JSONWebKeySet) verify {
	algorithms := []jose.SignatureAlgorithm{jose.RS256}
	expected := josejwt.Expected{Issuer: s.Issuer, AnyAudience: josejwt.Audience{s.Audience}}
	return func(_ context.Context, raw string) (string, error) {
		token, err := josejwt.ParseSigned(raw, algorithms)
		if err != nil {
			return "", err
		}
		var registered josejwt.Claims
		var c T
		if err := token.Claims(keys, &registered, &c); err != nil {
			return "", err
		}
		if err := registered.Validate(expected); err != nil {
			return "", err
		}
		return P(&c).project(), nil
	}
}
