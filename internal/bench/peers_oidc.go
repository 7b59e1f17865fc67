package main

import (
	"context"
	"errors"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	capjwt "github.com/hashicorp/cap/jwt"
	"github.com/zitadel/oidc/v3/pkg/client/rp"
	zoidc "github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// goOIDC is as in the README of go-oidc: a provider by discovery, its
// verifier, and Claims into a struct.
func goOIDC() contestant {
	return contestant{
		Name: "go-oidc", FetchesKeys: true,
		Modules:    []string{"github.com/coreos/go-oidc/v3", "github.com/go-jose/go-jose/v4"},
		Configured: "`NewProvider`, `Verifier` with `ClientID` the audience; `IDToken.Claims` into a struct",
		New: func(ctx context.Context, s setup) (verify, error) {
			provider, err := gooidc.NewProvider(ctx, s.Issuer)
			if err != nil {
				return nil, err
			}
			v := provider.Verifier(&gooidc.Config{ClientID: s.Audience})
			return forPlatform(s,
				func() (verify, error) { return goOIDCInto[gitLabJob](v), nil },
				func() (verify, error) { return goOIDCInto[circleCIJob](v), nil })
		},
	}
}

func goOIDCInto[T any, P job[T]](v *gooidc.IDTokenVerifier) verify {
	return func(ctx context.Context, raw string) (string, error) {
		token, err := v.Verify(ctx, raw)
		if err != nil {
			return "", err
		}
		var c T
		if err := token.Claims(&c); err != nil {
			return "", err
		}
		return P(&c).project(), nil
	}
}

// capJWT is as in the examples of package jwt of cap, which returns claims as a
// map and has no way to decode them into a struct.
func capJWT() contestant {
	return contestant{
		Name: "cap/jwt", FetchesKeys: true,
		Modules:    []string{"github.com/hashicorp/cap", "github.com/coreos/go-oidc/v3", "github.com/go-jose/go-jose/v4"},
		Configured: "`NewOIDCDiscoveryKeySet`, `Validator.Validate` with `Expected` issuer, audience and RS256; claims are a map",
		New: func(ctx context.Context, s setup) (verify, error) {
			keys, err := capjwt.NewOIDCDiscoveryKeySet(ctx, s.Issuer, "")
			if err != nil {
				return nil, err
			}
			v, err := capjwt.NewValidator(keys)
			if err != nil {
				return nil, err
			}
			expected := capjwt.Expected{
				Issuer: s.Issuer, Audiences: []string{s.Audience}, SigningAlgorithms: []capjwt.Alg{capjwt.RS256},
			}
			name := "project_id"
			if s.Platform == fakeissuer.CircleCIPlatform {
				name = "oidc.circleci.com/project-id"
			}
			return func(ctx context.Context, raw string) (string, error) {
				c, err := v.Validate(ctx, raw, expected)
				if err != nil {
					return "", err
				}
				project, ok := c[name].(string)
				if !ok {
					return "", errors.New("bench: no project in the claims")
				}
				return project, nil
			}, nil
		},
	}
}

type (
	zitadelGitLab struct {
		zoidc.TokenClaims
		gitLabJob
	}
	zitadelCircleCI struct {
		zoidc.TokenClaims
		circleCIJob
	}
)

// zitadel is the ID token verifier of a relying party, made by discovery, with
// the claims of the token embedded as its TokenClaims says.
func zitadel() contestant {
	return contestant{
		Name: "zitadel/oidc", FetchesKeys: true,
		Modules:    []string{"github.com/zitadel/oidc/v3", "github.com/go-jose/go-jose/v4"},
		Configured: "`rp.NewRelyingPartyOIDC` with the audience as client ID; `rp.VerifyIDToken` into a struct with `TokenClaims` embedded",
		New: func(ctx context.Context, s setup) (verify, error) {
			party, err := rp.NewRelyingPartyOIDC(ctx, s.Issuer, s.Audience, "", "", []string{zoidc.ScopeOpenID})
			if err != nil {
				return nil, err
			}
			v := party.IDTokenVerifier()
			return forPlatform(s,
				func() (verify, error) { return zitadelInto[*zitadelGitLab](v), nil },
				func() (verify, error) { return zitadelInto[*zitadelCircleCI](v), nil })
		},
	}
}

func zitadelInto[C interface {
	zoidc.Claims
	project() string
}](v *rp.IDTokenVerifier) verify {
	return func(ctx context.Context, raw string) (string, error) {
		c, err := rp.VerifyIDToken[C](ctx, raw, v)
		if err != nil {
			return "", err
		}
		return c.project(), nil
	}
}
