package oidc

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"time"

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
	workspaces    sync.Pool // of *workspace
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
	v.workspaces.New = func() any { return new(workspace) }
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
// a time, however fresh those at hand are: for use at start. It returns the
// errors of all that failed, joined; each is an *[UnavailableError]. Verify works
// without it, and after it failed. For a readiness probe use [Verifier.Health],
// which fetches nothing.
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
// from others of the same issuer, forks and SSH reruns, [Config.Authorize],
// [Config.Replay]. So a wrong signature is reported as that even if the token has
// also expired. It does not check a nonce, and without Config.Replay it does not
// notice a token that is used twice.
func (v *Verifier) Verify(ctx context.Context, raw string) (*Token, error) {
	return v.verifyAs(ctx, raw, nil)
}

// verifyAs is Verify with one more check before the token is used up, which may
// be nil.
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
	if err == nil && v.cfg.Replay != nil {
		err = v.use(ctx, t, raw, &sum)
	}
	v.report(ctx, &sum, start, t, err)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// LogValue returns the names of the configured issuers.
func (v *Verifier) LogValue() slog.Value {
	urls := make([]string, len(v.order))
	for i, iss := range v.order {
		urls[i] = iss.url
	}
	return slog.GroupValue(slog.Any("issuers", urls))
}
