package okta

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/compact"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/safetext"
)

// assertionLifetime is how long an assertion is valid. Okta takes up to an hour;
// it is used at once, so what remains is for clocks that differ.
const assertionLifetime = 5 * time.Minute

// assertionClaims are those that Okta demands (RFC 7523, section 3;
// https://developer.okta.com/docs/guides/build-self-signed-jwt/). There is no
// iat: it is optional, and one from a clock that is ahead is refused.
type assertionClaims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Expires  int64  `json:"exp"`
	ID       string `json:"jti"`
}

// asserter makes client assertions for one token endpoint.
type asserter struct {
	cfg            Config
	tokenURL, host string
}

// assertion returns a new assertion at each call: Okta takes one once.
func (a *asserter) assertion(ctx context.Context) (string, error) {
	claims := assertionClaims{
		Issuer: a.cfg.ClientID, Subject: a.cfg.ClientID,
		Audience: a.tokenURL,
		Expires:  a.cfg.Now().Add(assertionLifetime).Unix(),
		ID:       rand.Text(), // 128 bits at least
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", a.unsigned(err)
	}
	signed, err := sign(ctx, a.cfg.Signer, payload)
	if err != nil {
		var known *exchange.Error
		if errors.As(err, &known) {
			return "", known
		}
		return "", a.unsigned(err)
	}
	if err := a.check(signed, claims); err != nil {
		return "", err
	}
	return signed, nil
}

// sign calls a signer that others wrote. Its panic is an error: exchanges run in
// goroutines of this module, where no caller could recover it.
func sign(ctx context.Context, s Signer, claims []byte) (signed string, err error) {
	defer func() {
		if v := recover(); v != nil {
			// What it panicked with may hold a secret, so only the type is kept.
			signed, err = "", fmt.Errorf("the signer, of type %T, panicked with a value of type %T: call its SignJWT method alone to see why", s, v)
		}
	}()
	return s.SignJWT(ctx, claims)
}

// check refuses what the signer returned if it is not the assertion that was
// asked for. It may be another secret, or a CI token, which is not for Okta.
func (a *asserter) check(signed string, want assertionClaims) error {
	parts, err := compact.Split(signed)
	if err != nil {
		return a.unsigned(fmt.Errorf("the signer returned something that is not a JWT: %w", err))
	}
	said, err := peek.Parse(signed)
	if err != nil {
		return a.unsigned(fmt.Errorf("the signer returned a JWT that cannot be read: %w", err))
	}
	var got assertionClaims
	payload, err := compact.Decode("payload", parts.Payload)
	if err == nil {
		// An aud that is a list does not fit: it is not ours then.
		_ = json.Unmarshal(payload, &got)
	}
	switch {
	case said.Issuer != want.Issuer || said.Subject != want.Subject:
		failed := a.unsigned(errors.New("the signer returned a token of another issuer or subject"))
		failed.Causes = []exchange.Cause{{
			ID: "okta-foreign-token", Certain: true,
			Summary: "Okta takes only an assertion whose iss and sub are the client's ID, so a CI token can never be one",
			Action:  "sign the claims that the signer is given, with a key of the cloud that the job reaches by its CI token: see packages kmssigner and googlesigner",
			Evidence: []exchange.Evidence{
				{Name: "iss", Token: safetext.Cut(said.Issuer), Configured: want.Issuer},
				{Name: "sub", Token: safetext.Cut(said.Subject), Configured: want.Subject},
			},
		}}
		return failed
	case got != want:
		return a.unsigned(errors.New("the signer returned a JWT with other claims than those it was given"))
	case a.cfg.KeyID != "" && said.KeyID != a.cfg.KeyID:
		failed := a.unsigned(errors.New("the signer's key is not the one of Config.KeyID"))
		failed.Causes = []exchange.Cause{{
			ID: "okta-key-id", Certain: true,
			Summary:  "the assertion names another key than Config.KeyID",
			Action:   "set the same kid in the signer and in Config.KeyID, or leave Config.KeyID empty where the signer's key changes by itself, as Google's does",
			Evidence: []exchange.Evidence{{Name: "kid", Token: safetext.Cut(said.KeyID), Configured: a.cfg.KeyID}},
		}}
		return failed
	}
	return nil
}

// unsigned is the error of an assertion that was not made.
func (a *asserter) unsigned(err error) *exchange.Error {
	return &exchange.Error{Service: a.host, Stage: exchange.StageSign, Err: err}
}
