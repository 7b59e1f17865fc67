package oidc

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"time"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/compact"
)

// authenticate returns the token if it is valid, whatever it may do.
func (v *Verifier) authenticate(ctx context.Context, raw string, sum *[sha256.Size]byte) (*Token, error) {
	if v.cache != nil && len(raw) <= compact.MaxSize {
		if t, err := v.recall(ctx, sum); t != nil || err != nil {
			return t, err
		}
	}
	t, key, now, err := v.read(ctx, raw)
	if err != nil {
		return nil, err
	}
	if e := v.checkClaims(t, now); e != nil {
		return nil, e
	}
	if v.cache != nil {
		v.cache.put(&cachedToken{issuer: t.issuer, key: key, claims: t.issuer.codec.copy(t.claims), sum: *sum})
	}
	return t, nil
}

// recall returns a token that was verified before, if its key is still in the
// issuer's set, or nil if it has to be read.
func (v *Verifier) recall(ctx context.Context, sum *[sha256.Size]byte) (*Token, error) {
	e := v.cache.get(sum)
	if e == nil {
		return nil, nil
	}
	// Looked for again, since an organization can have been disallowed since.
	iss, err := v.issuerAt(ctx, e.issuer.url)
	if err != nil {
		return nil, err
	}
	keys, now, err := v.keysOf(ctx, iss, e.key.ID)
	if err != nil {
		return nil, err
	}
	key, ok := e.key.among(keys)
	if !ok {
		v.cache.drop(e)
		return nil, nil
	}
	if !key.is(&e.key) {
		// A fetch made the key anew: keep that one, which is quick to compare.
		e = &cachedToken{issuer: iss, key: *key, claims: e.claims, sum: *sum}
		v.cache.put(e)
	}
	c, t := iss.codec.token(e.claims)
	t.claims, t.issuer, t.keyID, t.algorithm, t.cached = c, iss, e.key.ID, e.key.Algorithm, true
	if e := v.checkClaims(t, now); e != nil {
		return nil, e
	}
	return t, nil
}

// keysOf returns the keys of iss with the given ID, and the time once they are
// at hand.
func (v *Verifier) keysOf(ctx context.Context, iss *issuer, keyID string) ([]Key, time.Time, error) {
	if r, ok := iss.keys.(*RemoteKeySet); ok {
		now := v.now()
		if keys := r.at(now, keyID); keys != nil {
			return keys, now, nil
		}
	}
	keys, err := iss.keys.Keys(ctx, keyID)
	if err != nil {
		return nil, time.Time{}, iss.unavailable(err)
	}
	return keys, v.now(), nil // Keys may have been waited for.
}

// read takes raw apart and checks its signature. What it returns has claims that
// are the issuer's, and not checked yet, and the time to check them at.
func (v *Verifier) read(ctx context.Context, raw string) (*Token, Key, time.Time, error) {
	w := v.workspaces.Get().(*workspace)
	defer v.workspaces.Put(w)
	o, err := v.open(raw, w)
	if err != nil {
		return nil, Key{}, time.Time{}, err
	}
	iss, err := v.issuerOf(ctx, o.set)
	if err != nil {
		return nil, Key{}, time.Time{}, err
	}
	key, now, err := v.checkSignature(ctx, iss, o)
	if err != nil {
		return nil, Key{}, time.Time{}, err
	}
	v.headers.remember(o.parts.Header, o.header, iss.codec)
	if iss.noEvents {
		if _, ok := o.set.Lookup("events"); ok {
			return nil, Key{}, time.Time{}, &TokenError{Reason: ErrClaim, Issuer: iss.url, Claim: "events",
				Detail: "a token with events reports something, such as a logout; it is nobody's identity"}
		}
	}
	c, err := iss.codec.decode(o.set)
	if err != nil {
		return nil, Key{}, time.Time{}, claimError(err, iss.url)
	}
	return &Token{claims: c, issuer: iss, keyID: key.ID, algorithm: key.Algorithm}, key, now, nil
}

// checkClaims checks the claims of a token whose signature is good.
func (v *Verifier) checkClaims(t *Token, now time.Time) error {
	e := v.checkRegistered(t.issuer, t.claims.RegisteredClaims(), now)
	if e == nil && t.issuer.check != nil {
		e = t.issuer.check(t.claims)
	}
	if e == nil {
		return nil
	}
	e.Issuer = t.issuer.url
	return e
}

// decide asks whether a valid token may do what it was sent for.
func (v *Verifier) decide(ctx context.Context, t *Token) error {
	if t.issuer.guard != nil {
		if e := t.issuer.guard(t.claims, &v.cfg); e != nil {
			return e
		}
	}
	if v.cfg.Authorize == nil {
		return nil
	}
	var err error
	if t.decision, err = v.cfg.Authorize(ctx, t.claims); err != nil {
		return denial(t.claims, err)
	}
	return nil
}

// issuerOf returns the issuer of the token, if it is configured.
func (v *Verifier) issuerOf(ctx context.Context, set *claims.Set) (*issuer, error) {
	url, ok := set.String("iss")
	if !ok || url == "" {
		return nil, &TokenError{Reason: ErrIssuer, Claim: "iss", Detail: "the token has no iss that is a string"}
	}
	if iss, err := v.issuerAt(ctx, url); iss != nil || err != nil {
		return iss, err
	}
	e := &TokenError{Reason: ErrIssuer, Issuer: strings.ToValidUTF8(strings.Clone(url[:min(len(url), maxIssuer)]), ""), Claim: "iss", Detail: quote(url) + " is not configured"}
	for i, known := range v.order {
		if i == maxLookalikes {
			break
		}
		if how := sameButFor(url, known.url); how != "" {
			e.Detail += "; " + quote(known.url) + " is, and " + how
			break
		}
	}
	return nil, e
}

// issuerAt returns the issuer at url, or nil if it is not configured.
func (v *Verifier) issuerAt(ctx context.Context, url string) (*issuer, error) {
	if iss := v.issuers[url]; iss != nil {
		return iss, nil
	}
	if v.organizations != nil {
		if id, ok := organizationOf(url); ok {
			return v.organizations.issuer(ctx, url, id)
		}
	}
	return nil, nil
}

// maxLookalikes bounds the search for the issuer that was meant: refusing a
// stranger's token must not cost more the more issuers there are.
const maxLookalikes = 64

// maxIssuer is how many bytes of an issuer that is not configured an error keeps:
// it is whatever the sender wrote.
const maxIssuer = 256

// claimError translates an error of package claims.
func claimError(err error, issuer string) error {
	e := &TokenError{Reason: ErrClaim, Issuer: issuer, Detail: err.Error()}
	var value *claims.ValueError
	var syntax *claims.SyntaxError
	switch {
	case errors.As(err, &value):
		e.Claim, e.Detail = value.Claim, value.Claim+": "+value.Problem
	case errors.As(err, &syntax):
		e.Reason, e.Detail = ErrMalformed, "the payload: "+syntax.Problem
	}
	return e
}

// denial wraps an error of Config.Authorize.
func denial(c claims.Model, err error) error {
	var u *UnavailableError
	if errors.As(err, &u) {
		return u
	}
	// Such as policy.FileError, of a package that does not link this one.
	var unavailable interface{ Unavailable() bool }
	if errors.As(err, &unavailable) && unavailable.Unavailable() {
		return &UnavailableError{Op: OpAuthorize, Issuer: c.RegisteredClaims().Issuer, Err: err}
	}
	// Whoever was to be asked did not answer in time: nothing was decided.
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &UnavailableError{Op: OpAuthorize, Issuer: c.RegisteredClaims().Issuer, Err: err}
	}
	return &DeniedError{Claims: c, Err: err}
}
