package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/compact"
	"github.com/cioidc/cioidc/internal/jose"
)

// Verifier verifies tokens. It is safe for concurrent use, and nothing of it
// runs between calls.
type Verifier struct {
	cfg     Config
	issuers map[string]*issuer
	order   []*issuer
	crypto  *jose.Verifier
	now     func() time.Time
}

// NewVerifier returns a Verifier. It does no I/O: keys are fetched when a token
// needs them, or by [Verifier.Warm]. It fails on a configuration that is not
// safe: no issuer or no audience, an issuer twice, an issuer that is not https,
// an algorithm with a shared secret, too much leeway.
func NewVerifier(cfg Config) (*Verifier, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	v := &Verifier{cfg: cfg, issuers: make(map[string]*issuer, len(cfg.Issuers)), now: cfg.Now}
	if v.now == nil {
		v.now = time.Now
	}
	var err error
	if v.crypto, err = jose.NewVerifier(); err != nil {
		return nil, fmt.Errorf("oidc: %w", err)
	}
	for _, i := range cfg.Issuers {
		resolved, err := cfg.resolve(i)
		if err != nil {
			return nil, err
		}
		if v.issuers[i.URL] != nil {
			return nil, fmt.Errorf("oidc: issuer %s is configured twice", quote(i.URL))
		}
		v.issuers[i.URL] = resolved
		v.order = append(v.order, resolved)
	}
	return v, nil
}

// Warm fetches the keys of every issuer whose key set can be fetched, a few at
// a time, for use at start or in a readiness probe. It returns the errors of
// all that failed, joined; each is an *[UnavailableError]. Verify works without
// it, and after it failed.
func (v *Verifier) Warm(ctx context.Context) error {
	const atOnce = 8
	errs := make([]error, len(v.order))
	slots := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i, iss := range v.order {
		r, ok := iss.keys.(*RemoteKeySet)
		if !ok {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			errs[i] = r.Refresh(ctx)
			<-slots
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Verify checks raw, a token in compact form, and returns it with its claims.
// Its errors are a *[TokenError] if the token is not valid, a *[DeniedError] if
// it is valid but may not do this, and an *[UnavailableError] if that cannot be
// said now. The token is nil with any error. A token of an issuer that is not
// configured causes no network request.
//
// It checks, in this order: form, header, structure of the claims, issuer,
// algorithm, key, signature, subject, audience, times, what tells job tokens
// from others of the same issuer, forks and SSH reruns, [Config.Authorize]. So
// a wrong signature is reported as that even if the token has also expired. It
// does not check a nonce, and does not notice a token that is used twice.
func (v *Verifier) Verify(ctx context.Context, raw string) (*Token, error) {
	t, err := v.verify(ctx, raw)
	if v.cfg.Audit != nil {
		v.cfg.Audit(ctx, v.event(raw, t, err))
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

func (v *Verifier) event(raw string, t *Token, err error) Event {
	hash := sha256.Sum256([]byte(raw))
	e := Event{Time: v.now(), TokenHash: hex.EncodeToString(hash[:]), Err: err}
	if t != nil {
		e.Decision = t.decision
		if i, ok := t.claims.(claims.Identifier); ok {
			e.Identity = i.Identity()
		}
	}
	return e
}

// verify returns the token with the error as soon as it is verified, so that a
// denial can be recorded with the identity that was denied.
func (v *Verifier) verify(ctx context.Context, raw string) (*Token, error) {
	parts, header, set, signature, err := open(raw)
	if err != nil {
		return nil, err
	}
	iss, err := v.issuerOf(set)
	if err != nil {
		return nil, err
	}
	t := &Token{keyID: header.KeyID, algorithm: Algorithm(header.Algorithm), set: set}
	if err := v.checkSignature(ctx, iss, t, parts.SigningInput, signature); err != nil {
		return nil, err
	}
	c, err := iss.decode(set)
	if err != nil {
		return nil, claimError(err, iss.url)
	}
	if e := v.checkRegistered(iss, c.RegisteredClaims()); e != nil {
		e.Issuer = iss.url
		return nil, e
	}
	if iss.check != nil {
		if e := iss.check(c); e != nil {
			e.Issuer = iss.url
			return nil, e
		}
	}
	t.claims = c
	if iss.guard != nil {
		if e := iss.guard(c, &v.cfg); e != nil {
			return t, e
		}
	}
	if v.cfg.Authorize != nil {
		if t.decision, err = v.cfg.Authorize(ctx, c); err != nil {
			return t, denial(c, err)
		}
	}
	return t, nil
}

// open takes raw apart: all that can be said before its issuer is known.
func open(raw string) (parts compact.Parts, header compact.Header, set *claims.Set, signature []byte, err error) {
	fail := func(err error) error {
		reason := ErrMalformed
		if errors.Is(err, compact.ErrUnsupported) {
			reason = ErrUnsupported
		}
		return &TokenError{Reason: reason, Detail: err.Error()}
	}
	if parts, err = compact.Split(raw); err != nil {
		return parts, header, nil, nil, fail(err)
	}
	payload, err := compact.Decode("payload", parts.Payload)
	if err != nil {
		return parts, header, nil, nil, fail(err)
	}
	if signature, err = compact.Decode("signature", parts.Signature); err != nil {
		return parts, header, nil, nil, fail(err)
	}
	if header, err = compact.ParseHeader(parts.Header); err != nil {
		return parts, header, nil, nil, fail(err)
	}
	if set, err = claims.Parse(payload); err != nil {
		var s *claims.SyntaxError
		if errors.As(err, &s) {
			err = fmt.Errorf("the payload: %s at byte %d", s.Problem, s.Offset)
		}
		return parts, header, nil, nil, fail(err)
	}
	return parts, header, set, signature, nil
}

func (v *Verifier) issuerOf(set *claims.Set) (*issuer, error) {
	url, ok := set.String("iss")
	if !ok || url == "" {
		return nil, &TokenError{Reason: ErrIssuer, Claim: "iss", Detail: "the token has no iss that is a string"}
	}
	if iss := v.issuers[url]; iss != nil {
		return iss, nil
	}
	e := &TokenError{Reason: ErrIssuer, Issuer: url, Claim: "iss", Detail: quote(url) + " is not configured"}
	for _, known := range v.order {
		if how := sameButFor(url, known.url); how != "" {
			e.Detail += "; " + quote(known.url) + " is, and " + how
			break
		}
	}
	return nil, e
}

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
	return &DeniedError{Claims: c, Err: err}
}

// LogValue returns the names of the configured issuers.
func (v *Verifier) LogValue() slog.Value {
	urls := make([]string, len(v.order))
	for i, iss := range v.order {
		urls[i] = iss.url
	}
	return slog.GroupValue(slog.Any("issuers", urls))
}
