package oidc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/jose"
)

// checkSignature finds the key and checks the signature with it.
func (v *Verifier) checkSignature(ctx context.Context, iss *issuer, t *Token, input string, signature []byte) error {
	fail := func(reason error, detail string) error {
		return &TokenError{Reason: reason, Issuer: iss.url, Detail: detail}
	}
	if !slices.Contains(iss.algorithms, t.algorithm) {
		return fail(ErrUnsupported, fmt.Sprintf("alg is %s; of this issuer %v is accepted", quote(string(t.algorithm)), iss.algorithms))
	}
	if t.keyID == "" {
		return fail(ErrUnknownKey, "the token has no kid")
	}
	keys, err := iss.keys.Keys(ctx, t.keyID)
	if err != nil {
		var u *UnavailableError
		if errors.As(err, &u) {
			return u
		}
		return &UnavailableError{Op: OpKeys, Issuer: iss.url, Err: err}
	}
	tried := 0
	for _, k := range keys {
		// A key set of the user's own may hold anything, so keys are checked
		// where they are used.
		if k.ID != t.keyID || k.Algorithm != t.algorithm || jose.CheckKey(string(k.Algorithm), k.Public) != nil {
			continue
		}
		if tried++; tried > maxKeysPerID {
			break
		}
		if v.crypto.Verify(string(k.Algorithm), k.Public, []byte(input), signature) == nil {
			return nil
		}
	}
	if tried == 0 {
		return fail(ErrUnknownKey, "the issuer publishes no usable key with kid "+quote(t.keyID))
	}
	return fail(ErrSignature, "the key with kid "+quote(t.keyID)+" did not make it")
}

// checkRegistered checks the claims that RFC 7519 defines.
func (v *Verifier) checkRegistered(iss *issuer, r *claims.Registered) *TokenError {
	fail := func(reason error, claim, format string, args ...any) *TokenError {
		return &TokenError{Reason: reason, Claim: claim, Detail: fmt.Sprintf(format, args...)}
	}
	if r.Subject == "" {
		return fail(ErrClaim, "sub", "no sub")
	}
	if len(r.Audience) == 0 {
		return fail(ErrClaim, "aud", "no aud")
	}
	accepted := 0
	for _, a := range r.Audience {
		if slices.Contains(iss.audiences, a) {
			accepted++
		}
	}
	switch {
	case accepted == 0:
		return fail(ErrAudience, "aud", "the token is for %s; accepted here is %s", quoteAll(r.Audience), quoteAll(iss.audiences))
	case accepted < len(r.Audience) && v.cfg.RejectExtraAudiences:
		return fail(ErrAudience, "aud", "the token is for %s, which is more than the accepted %s", quoteAll(r.Audience), quoteAll(iss.audiences))
	}
	now, leeway := v.now(), v.cfg.leeway()
	switch {
	case r.ExpiresAt == 0:
		return fail(ErrClaim, "exp", "no exp")
	case !now.Before(r.ExpiresAt.Time().Add(leeway)):
		return fail(ErrExpired, "exp", "it expired at %s, %v ago", stamp(r.ExpiresAt), now.Sub(r.ExpiresAt.Time()).Round(time.Second))
	case r.NotBefore != 0 && now.Before(r.NotBefore.Time().Add(-leeway)):
		return fail(ErrNotYet, "nbf", "it is valid from %s, in %v; check the clocks", stamp(r.NotBefore), r.NotBefore.Time().Sub(now).Round(time.Second))
	case r.IssuedAt == 0:
		return fail(ErrClaim, "iat", "no iat")
	case now.Before(r.IssuedAt.Time().Add(-leeway)):
		return fail(ErrNotYet, "iat", "it was issued at %s, %v ahead of the clock here", stamp(r.IssuedAt), r.IssuedAt.Time().Sub(now).Round(time.Second))
	}
	if lifetime, most := r.ExpiresAt.Time().Sub(r.IssuedAt.Time()), v.cfg.maxLifetime(); lifetime > most {
		return fail(ErrTooOld, "exp", "it is valid for %v from its issue; at most %v is accepted (Config.MaxLifetime)", lifetime, most)
	}
	return nil
}

func stamp(d claims.NumericDate) string { return d.Time().Format(time.RFC3339) }
