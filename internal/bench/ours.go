package main

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/fakeissuer"
	"github.com/cioidc/cioidc/oidc"
)

// ours is the verifier of package oidc with its defaults, but for what edit
// changes; nil means nothing. How says in Markdown what that is. It decodes into
// the claims models of package claims.
func ours(name, how string, edit func(*oidc.Config)) contestant {
	return contestant{
		Name: name, FetchesKeys: true,
		Modules:    []string{"github.com/cioidc/cioidc", "github.com/lestrrat-go/jwx/v2"},
		Configured: "`oidc.NewVerifier` with `oidc.GitLab` or `oidc.CircleCIServer`; `oidc.Verify` into `claims.GitLab` or `claims.CircleCI`" + how,
		New: func(_ context.Context, s setup) (verify, error) {
			issuer := oidc.GitLab(s.Issuer)
			if s.Platform == fakeissuer.CircleCIPlatform {
				issuer = oidc.CircleCIServer(s.Issuer, organizationID)
			}
			config := oidc.Config{Issuers: []oidc.Issuer{issuer}, Audiences: []string{s.Audience}}
			if edit != nil {
				edit(&config)
			}
			v, err := oidc.NewVerifier(config)
			if err != nil {
				return nil, err
			}
			return forPlatform(s,
				func() (verify, error) {
					return func(ctx context.Context, raw string) (string, error) {
						c, err := oidc.Verify[claims.GitLab](ctx, v, raw)
						if err != nil {
							return "", err
						}
						return string(c.ProjectID), nil
					}, nil
				},
				func() (verify, error) {
					return func(ctx context.Context, raw string) (string, error) {
						c, err := oidc.Verify[claims.CircleCI](ctx, v, raw)
						if err != nil {
							return "", err
						}
						return c.ProjectID, nil
					}, nil
				})
		},
	}
}

// The two references are measured in the same rounds as the contestants. They
// get what they need decoded beforehand.
const (
	floorName = "floor: SHA-256 and RSA only"
	hashName  = "reference: SHA-256 of the token"
)

// turn verifies the n-th token of a workload's ring.
type turn func(n int) error

// floorOf is what no verifier can do without: SHA-256 of the signing input and
// [rsa.VerifyPKCS1v15] with a parsed key. Nothing is decoded or checked.
func floorOf(w *workload) turn {
	return func(n int) error {
		s := &w.Signed[n%len(w.Signed)]
		digest := sha256.Sum256(s.Input)
		return rsa.VerifyPKCS1v15(w.Key, crypto.SHA256, digest[:], s.Signature)
	}
}

// hashOf is what a cache keyed by the hash of a token cannot do without.
func hashOf(w *workload) turn {
	return func(n int) error {
		digest := sha256.Sum256(w.Signed[n%len(w.Signed)].Whole)
		if digest == ([sha256.Size]byte{}) { // keeps the compiler from dropping it
			return rsa.ErrVerification
		}
		return nil
	}
}
