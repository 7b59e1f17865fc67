package oidc

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"

	"github.com/cioidc/cioidc/claims"
)

// Token is a verified token. Only [Verifier.Verify] makes one. It does not hold
// the token's text, so that it can be passed on and logged.
type Token struct {
	claims    claims.Model
	issuer    *issuer
	keyID     string
	algorithm Algorithm
	decision  slog.LogValuer
	replayErr error // why it is not known whether the token was used before
	cached    bool
}

// Claims returns the claims: a *[claims.GitLab], a *[claims.CircleCI], or a
// pointer to the type that [IssuerOf] was given. They must not be changed.
func (t *Token) Claims() claims.Model { return t.claims }

// KeyID returns the ID of the key that signed the token.
func (t *Token) KeyID() string { return t.keyID }

// Algorithm returns the algorithm of the signature.
func (t *Token) Algorithm() Algorithm { return t.algorithm }

// Payload returns a copy of the verified claims set as it was sent.
func (t *Token) Payload() json.RawMessage {
	if t.claims == nil {
		return nil
	}
	return t.claims.RegisteredClaims().Payload()
}

// Decision returns what [Config.Authorize] decided, as the value that it
// returned, or nil if there is none.
func (t *Token) Decision() slog.LogValuer { return t.decision }

// Identity returns the summary of the claims, the zero value for a model that
// is no [claims.Identifier].
func (t *Token) Identity() claims.Identity {
	if i, ok := t.claims.(claims.Identifier); ok {
		return i.Identity()
	}
	return claims.Identity{}
}

// String returns the identity in one line.
func (t *Token) String() string { return t.Identity().String() }

// LogValue implements [slog.LogValuer]: the issuer and the identity.
func (t *Token) LogValue() slog.Value {
	return slog.GroupValue(slog.String("issuer", t.iss()), slog.Any("identity", t.Identity()))
}

// iss returns the token's issuer. The zero Token, which nothing here makes, has
// none and must not panic in a log.
func (t *Token) iss() string {
	if t.claims == nil {
		return ""
	}
	return t.claims.RegisteredClaims().Issuer
}

// As returns the claims of t as a T. The error is a *[TokenError] with reason
// [ErrModel] if the token's issuer was declared with another model.
func As[T any, P claims.ModelOf[T]](t *Token) (*T, error) {
	if c, ok := t.claims.(P); ok {
		return (*T)(c), nil
	}
	return nil, &TokenError{Reason: ErrModel, Issuer: t.iss(),
		Detail: fmt.Sprintf("its claims are %T, not %v", t.claims, reflect.TypeFor[P]())}
}

// Verify is [Verifier.Verify] for those who want the claims as a T and nothing
// else: typed, or refused with [ErrModel].
func Verify[T any, P claims.ModelOf[T]](ctx context.Context, v *Verifier, raw string) (*T, error) {
	var c *T
	_, err := v.verifyAs(ctx, raw, func(t *Token) (err error) {
		c, err = As[T, P](t)
		return err
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}
