package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/compact"
	"github.com/cioidc/cioidc/internal/jose"
)

// Verifier verifies tokens. It is safe for concurrent use, and nothing of it
// runs between calls.
type Verifier struct {
	cfg           Config
	issuers       map[string]*issuer
	order         []*issuer
	organizations *organizations // nil unless CircleCIOrganizations is configured
	crypto        *jose.Verifier
	now           func() time.Time
	cache         *tokenCache // nil unless Config.CachedTokens is set
	headers       headerMemo
	buffers       sync.Pool // of *[]byte
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
	v.buffers.New = func() any { return new([]byte) }
	if v.now == nil {
		v.now = time.Now
	}
	if cfg.CachedTokens > 0 {
		v.cache = newTokenCache(cfg.CachedTokens)
	}
	var err error
	if v.crypto, err = jose.NewVerifier(); err != nil {
		return nil, fmt.Errorf("oidc: %w", err)
	}
	// Cloned, so that a change of the configuration changes no verifier.
	v.cfg.Audiences = slices.Clone(cfg.Audiences)
	options := cfg.keyOptions()
	r := resolver{Config: &v.cfg, options: options, codecs: make(map[reflect.Type]*codec)}
	for _, i := range cfg.Issuers {
		resolved, err := r.resolve(i)
		if err != nil {
			return nil, err
		}
		if i.model.allow != nil {
			if v.organizations != nil {
				return nil, errors.New("oidc: CircleCIOrganizations is configured twice")
			}
			v.organizations = newOrganizations(resolved, i.model.allow, options)
			v.organizations.pinned = i.Keys != nil
			continue
		}
		if v.issuers[i.URL] != nil {
			return nil, fmt.Errorf("oidc: issuer %s is configured twice", quote(i.URL))
		}
		v.issuers[i.URL] = resolved
		v.order = append(v.order, resolved)
	}
	v.cfg.Issuers = nil // They are in the verifier's own form now.
	return v, nil
}

// Warm fetches the keys of every issuer whose key set can be fetched, a few at
// a time, for use at start or in a readiness probe. It returns the errors of
// all that failed, joined; each is an *[UnavailableError]. Verify works without
// it, and after it failed.
func (v *Verifier) Warm(ctx context.Context) error {
	if v == nil || v.crypto == nil {
		return errNoVerifier
	}
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

// errNoVerifier is what a Verifier that NewVerifier did not make returns.
var errNoVerifier = errors.New("oidc: the Verifier was not made by NewVerifier")

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
	return v.verifyAs(ctx, raw, nil)
}

// verifyAs is Verify with one more check at the end, which may be nil.
func (v *Verifier) verifyAs(ctx context.Context, raw string, last func(*Token) error) (*Token, error) {
	if v == nil || v.crypto == nil {
		return nil, errNoVerifier
	}
	var (
		sum   [sha256.Size]byte
		start time.Time
	)
	if v.cache != nil || v.cfg.Audit != nil || v.cfg.Logger != nil {
		sum = v.hash(raw)
	}
	if v.cfg.Observer != nil {
		start = v.now()
	}
	t, err := v.authenticate(ctx, raw, &sum)
	if err == nil {
		err = v.decide(ctx, t)
	}
	if err == nil && last != nil {
		err = last(t)
	}
	v.report(ctx, &sum, start, t, err)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// report tells whoever wants to know what a verification came to.
func (v *Verifier) report(ctx context.Context, sum *[sha256.Size]byte, start time.Time, t *Token, err error) {
	if v.cfg.Observer != nil {
		o := Verification{Outcome: label(err), Duration: v.now().Sub(start)}
		if t != nil {
			o.Issuer, o.Cached = t.issuer.url, t.cached
		}
		v.cfg.Observer.ObserveVerification(o)
	}
	logged := v.cfg.Logger != nil && err != nil && v.cfg.Logger.Enabled(ctx, slog.LevelInfo)
	if v.cfg.Audit == nil && !logged {
		return
	}
	e := v.event(sum, t, err)
	if logged {
		v.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "oidc: token not accepted", slog.Any("event", e))
	}
	if v.cfg.Audit != nil {
		v.cfg.Audit(ctx, e)
	}
}

// hash returns the SHA-256 of raw.
func (v *Verifier) hash(raw string) [sha256.Size]byte {
	if len(raw) > compact.MaxSize {
		return sha256.Sum256([]byte(raw)) // Not worth keeping a buffer for.
	}
	buffer := v.buffers.Get().(*[]byte)
	defer v.buffers.Put(buffer)
	*buffer = append((*buffer)[:0], raw...)
	return sha256.Sum256(*buffer)
}

// authenticate returns the token if it is valid, whatever it may do.
func (v *Verifier) authenticate(ctx context.Context, raw string, sum *[sha256.Size]byte) (*Token, error) {
	if v.cache != nil && len(raw) <= compact.MaxSize {
		if t, err := v.recall(ctx, sum); t != nil || err != nil {
			return t, err
		}
	}
	t, key, err := v.read(ctx, raw)
	if err != nil {
		return nil, err
	}
	if e := v.checkClaims(t); e != nil {
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
	keys, err := iss.keys.Keys(ctx, e.key.ID)
	if err != nil {
		return nil, iss.unavailable(err)
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
	t := &Token{claims: iss.codec.copy(e.claims), issuer: iss, keyID: e.key.ID, algorithm: e.key.Algorithm, cached: true}
	if e := v.checkClaims(t); e != nil {
		return nil, e
	}
	return t, nil
}

// read takes raw apart and checks its signature. What it returns has claims that
// are the issuer's, and not checked yet.
func (v *Verifier) read(ctx context.Context, raw string) (*Token, Key, error) {
	buffer := v.buffers.Get().(*[]byte)
	defer v.buffers.Put(buffer)
	o, err := v.open(raw, buffer)
	if err != nil {
		return nil, Key{}, err
	}
	iss, err := v.issuerOf(ctx, o.set)
	if err != nil {
		return nil, Key{}, err
	}
	key, err := v.checkSignature(ctx, iss, o)
	if err != nil {
		return nil, Key{}, err
	}
	v.headers.remember(o.parts.Header, o.header)
	c, err := iss.codec.decode(o.set)
	if err != nil {
		return nil, Key{}, claimError(err, iss.url)
	}
	return &Token{claims: c, issuer: iss, keyID: key.ID, algorithm: key.Algorithm}, key, nil
}

// checkClaims checks the claims of a token whose signature is good.
func (v *Verifier) checkClaims(t *Token) error {
	e := v.checkRegistered(t.issuer, t.claims.RegisteredClaims())
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

func (v *Verifier) event(sum *[sha256.Size]byte, t *Token, err error) Event {
	e := Event{Time: v.now(), TokenHash: hex.EncodeToString(sum[:]), Err: err}
	if t != nil {
		e.Issuer, e.Identity, e.Decision, e.Cached = t.issuer.url, t.Identity(), t.decision, t.cached
	}
	return e
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
	e := &TokenError{Reason: ErrIssuer, Issuer: url, Claim: "iss", Detail: quote(url) + " is not configured"}
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
	// Whoever was to be asked did not answer in time: nothing was decided.
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &UnavailableError{Op: OpAuthorize, Issuer: c.RegisteredClaims().Issuer, Err: err}
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
