// Package peek reads what a token says of itself, without verifying it. A job
// uses that to choose among its own tokens, to name a session and to explain a
// refusal. Nothing may be decided on it: anyone can write such a token.
package peek

import (
	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/compact"
)

// Token is what an unverified token says.
type Token struct {
	Issuer, Subject     string
	Audience            claims.Audience
	IssuedAt, ExpiresAt claims.NumericDate
	// Claims is a *claims.GitLab, a *claims.CircleCI or, for tokens of anything
	// else, a *claims.Registered, by the claims that are there.
	Claims claims.Model
	// Identity is the zero value if Claims is a *claims.Registered.
	Identity claims.Identity
	// KeyID and Algorithm are the header's kid and alg.
	KeyID, Algorithm string
}

// Parse reads raw. Its errors tell what is wrong with the form, and never
// contain a part of the token.
func Parse(raw string) (*Token, error) {
	parts, err := compact.Split(raw)
	if err != nil {
		return nil, err
	}
	header, err := compact.ParseHeader(parts.Header)
	if err != nil {
		return nil, err
	}
	payload, err := compact.Decode("payload", parts.Payload)
	if err != nil {
		return nil, err
	}
	set, err := claims.Parse(payload)
	if err != nil {
		return nil, err
	}
	model, err := decode(set)
	if err != nil {
		return nil, err
	}
	r := model.RegisteredClaims()
	t := &Token{
		Issuer: r.Issuer, Subject: r.Subject, Audience: r.Audience,
		IssuedAt: r.IssuedAt, ExpiresAt: r.ExpiresAt, Claims: model, KeyID: header.KeyID, Algorithm: header.Algorithm,
	}
	if i, ok := model.(claims.Identifier); ok {
		t.Identity = i.Identity()
	}
	return t, nil
}

// decode picks the model by the claim that only that platform's job tokens
// have.
func decode(set *claims.Set) (claims.Model, error) {
	if _, ok := set.Lookup("oidc.circleci.com/project-id"); ok {
		return into[claims.CircleCI](set)
	}
	if _, ok := set.Lookup("project_id"); ok {
		return into[claims.GitLab](set)
	}
	return into[claims.Registered](set)
}

func into[T any, P claims.ModelOf[T]](set *claims.Set) (claims.Model, error) {
	d, err := claims.NewDecoder[T, P]()
	if err != nil {
		return nil, err
	}
	m, err := d.Decode(set)
	if err != nil {
		return nil, err
	}
	return P(m), nil
}
