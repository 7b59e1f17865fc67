package oidc

import (
	"errors"
	"time"
)

// Observer receives what happens, for metrics. Its methods are called in the
// goroutine that it happens in, so they must be quick and safe for concurrent
// use. The issuers it is told are configured ones, so that they are fit for
// labels.
type Observer interface {
	// ObserveVerification is called at the end of each [Verifier.Verify].
	ObserveVerification(Verification)
	// ObserveFetch is called at the end of each fetch of an issuer's keys.
	ObserveFetch(Fetch)
}

// Verification is what one call of [Verifier.Verify] came to.
type Verification struct {
	// Issuer is the token's issuer; empty if the token is not valid.
	Issuer string
	// Outcome is "accepted", or the reason that the token was not: "malformed",
	// "unsupported", "issuer", "unknown_key", "signature", "expired",
	// "not_yet", "too_old", "audience", "claim", "model"; "ssh_rerun", "fork",
	// "replayed", "denied"; "unavailable".
	Outcome string
	// Cached says that the token was remembered (see [Config.CachedTokens]).
	Cached bool
	// ReplayFailed says that [Config.Replay] could not tell whether the token was
	// used before, and that it passed by [Config.ReplayFailOpen].
	ReplayFailed bool
	// Duration is how long the call took, by [Config.Now].
	Duration time.Duration
}

// Fetch is what one fetch of an issuer's keys came to.
type Fetch struct {
	// Issuer is whose keys; empty for a key set that was made without one.
	Issuer string
	// Err is an *[UnavailableError], or nil. With it, keys at hand stay in use.
	Err error
	// Keys is how many usable keys the set has, and Skipped how many others.
	Keys, Skipped int
	// Duration is how long it took, by the clock of the key set.
	Duration time.Duration
}

// outcomes are the labels of errors, the most special first.
var outcomes = [...]struct {
	err   error
	label string
}{
	{ErrMalformed, "malformed"}, {ErrUnsupported, "unsupported"}, {ErrIssuer, "issuer"}, {ErrUnknownKey, "unknown_key"},
	{ErrSignature, "signature"}, {ErrExpired, "expired"}, {ErrNotYet, "not_yet"}, {ErrTooOld, "too_old"},
	{ErrAudience, "audience"}, {ErrClaim, "claim"}, {ErrModel, "model"}, {ErrSSHRerun, "ssh_rerun"}, {ErrFork, "fork"},
	{ErrReplayed, "replayed"},
}

// label names the outcome of a verification.
func label(err error) string {
	if err == nil {
		return "accepted"
	}
	var (
		token  *TokenError
		denied *DeniedError
	)
	if errors.As(err, &token) || errors.As(err, &denied) {
		for _, o := range outcomes {
			if errors.Is(err, o.err) {
				return o.label
			}
		}
		return "denied"
	}
	return "unavailable"
}

// KeyState says how far an issuer's keys can be relied on.
type KeyState string

// The states of an issuer's keys.
const (
	KeysFixed   KeyState = "fixed"   // a key set that is not fetched by this package
	KeysUnused  KeyState = "unused"  // not fetched yet, since no token has come
	KeysFresh   KeyState = "fresh"   // in use
	KeysStale   KeyState = "stale"   // in use past their time, because they were not asked for or fetches fail
	KeysMissing KeyState = "missing" // none to use: tokens are answered with an *UnavailableError
)

// IssuerHealth is the state of one issuer's keys.
type IssuerHealth struct {
	Issuer string
	State  KeyState
	// Keys is how many there are; zero for [KeysFixed], where that is not known.
	Keys int
	// Age is since when they are known to be the issuer's; zero if there are
	// none.
	Age time.Duration
	// LastError is why the last fetch failed; nil if it did not.
	LastError error
	// Failures is how many fetches have failed in a row.
	Failures int
}

// Ready reports whether tokens of the issuer can be judged, or could not be
// asked for yet. Use it in a readiness probe, after [Verifier.Warm] if one
// failed fetch is to count.
func (h IssuerHealth) Ready() bool {
	return h.State != KeysMissing
}

// Health returns the state of each issuer's keys, in the order of
// [Config.Issuers], then of the organizations that [CircleCIOrganizations] has
// seen, most recent first. It does no I/O.
func (v *Verifier) Health() []IssuerHealth {
	if v == nil {
		return nil
	}
	all := v.order
	if v.organizations != nil {
		all = append(all[:len(all):len(all)], v.organizations.issuers()...)
	}
	out := make([]IssuerHealth, len(all))
	for i, iss := range all {
		out[i] = IssuerHealth{Issuer: iss.url, State: KeysFixed}
		if r, ok := iss.keys.(*RemoteKeySet); ok {
			out[i] = r.health()
			out[i].Issuer = iss.url
		}
	}
	return out
}

func (r *RemoteKeySet) health() IssuerHealth {
	now := r.opts.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.current.Load()
	h := IssuerHealth{State: KeysMissing, LastError: r.last, Failures: r.failures}
	if s == nil {
		if r.failures == 0 {
			h.State = KeysUnused
		}
		return h
	}
	h.Keys, h.Age = s.count, now.Sub(s.fetchedAt)
	switch {
	case now.Before(s.freshUntil):
		h.State = KeysFresh
	case now.Before(s.staleUntil):
		h.State = KeysStale
	}
	return h
}
