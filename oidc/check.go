package oidc

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/jose"
)

// checkSignature finds the key, checks the signature with it, and returns it
// and the time once the key was at hand.
func (v *Verifier) checkSignature(ctx context.Context, iss *issuer, o opened) (Key, time.Time, error) {
	fail := func(reason error, detail string) (Key, time.Time, error) {
		return Key{}, time.Time{}, &TokenError{Reason: reason, Issuer: iss.url, Detail: detail}
	}
	alg := Algorithm(o.header.Algorithm)
	if !slices.Contains(iss.algorithms, alg) {
		return fail(ErrUnsupported, fmt.Sprintf("alg is %s; of this issuer %v is accepted", quote(string(alg)), iss.algorithms))
	}
	if o.header.KeyID == "" {
		return fail(ErrUnknownKey, "the token has no kid")
	}
	keys, now, err := v.keysOf(ctx, iss, o.header.KeyID)
	if err != nil {
		return Key{}, now, err
	}
	tried := 0
	for _, k := range keys {
		// A key set of the user's own may hold anything, so keys are checked
		// where they are used.
		if k.ID != o.header.KeyID || k.Algorithm != alg || jose.CheckKey(string(k.Algorithm), k.Public) != nil {
			continue
		}
		if tried++; tried > maxKeysPerID {
			break
		}
		if v.crypto.Verify(string(k.Algorithm), k.Public, o.input, o.signature) == nil {
			return k, now, nil
		}
	}
	if tried == 0 {
		return fail(ErrUnknownKey, "the issuer publishes no usable key with kid "+quote(o.header.KeyID)+iss.published())
	}
	return fail(ErrSignature, "the key with kid "+quote(o.header.KeyID)+" did not make it")
}

// published names the keys that the issuer publishes, as far as they are known
// without asking anyone: whoever reads the log sees whether the issuer has
// changed its keys or the token is another's.
func (i *issuer) published() string {
	var ids []string
	switch set := i.keys.(type) {
	case *RemoteKeySet:
		s := set.current.Load()
		if s == nil || len(s.keys) > maxNamed {
			return ""
		}
		ids = slices.Sorted(maps.Keys(s.keys))
	case StaticKeySet:
		if len(set) > maxNamed {
			return ""
		}
		for _, k := range set {
			ids = append(ids, k.ID)
		}
	}
	if len(ids) == 0 {
		return ""
	}
	return "; it publishes " + quoteAll(ids)
}

// maxNamed is the most keys that a set may have to be named: refusing a token
// with a made-up kid must not cost more the more keys there are.
const maxNamed = 64

// unavailable returns an error of the issuer's key set as the one error that
// says so.
func (i *issuer) unavailable(err error) error {
	var u *UnavailableError
	if errors.As(err, &u) {
		return u
	}
	return &UnavailableError{Op: OpKeys, Issuer: i.url, Err: err}
}

// checkRegistered checks the claims that RFC 7519 defines.
func (v *Verifier) checkRegistered(iss *issuer, r *claims.Registered, now time.Time) *TokenError {
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
	leeway := v.cfg.leeway()
	left, lead, ahead := until(r.ExpiresAt, now), until(r.NotBefore, now), until(r.IssuedAt, now)
	switch {
	case r.ExpiresAt == 0:
		return fail(ErrClaim, "exp", "no exp")
	case left <= -leeway:
		return fail(ErrExpired, "exp", "it expired at %s, %v ago%s", stamp(r.ExpiresAt), -left.Round(time.Second), iss.clocks())
	case r.NotBefore != 0 && lead > leeway:
		return fail(ErrNotYet, "nbf", "it is valid from %s, in %v; check the clocks%s", stamp(r.NotBefore), lead.Round(time.Second), iss.clocks())
	case r.IssuedAt == 0:
		return fail(ErrClaim, "iat", "no iat")
	case ahead > leeway:
		return fail(ErrNotYet, "iat", "it was issued at %s, %v ahead of the clock here%s", stamp(r.IssuedAt), ahead.Round(time.Second), iss.clocks())
	}
	if lifetime, most := r.ExpiresAt.Time().Sub(r.IssuedAt.Time()), v.cfg.maxLifetime(); lifetime > most {
		return fail(ErrTooOld, "exp", "it is valid for %v from its issue; at most %v is accepted (Config.MaxLifetime)", lifetime, most)
	}
	return nil
}

// until returns the time from now to d. Centuries away it is a century.
func until(d claims.NumericDate, now time.Time) time.Duration {
	const century = 100 * 366 * 24 * 60 * 60
	seconds := min(max(int64(d)-now.Unix(), -century), century)
	return time.Duration(seconds)*time.Second - time.Duration(now.Nanosecond())
}

func stamp(d claims.NumericDate) string { return d.Time().Format(time.RFC3339) }
