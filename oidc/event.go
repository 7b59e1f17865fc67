package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"time"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/compact"
)

// Event is what one call of [Verifier.Verify] came to.
type Event struct {
	// Time is when, by [Config.Now].
	Time time.Time
	// Issuer is the issuer of the token; empty if the token is not valid.
	Issuer string
	// Identity is whose token it was; zero if the token is not valid, or if its
	// model is no [claims.Identifier].
	Identity claims.Identity
	// Claims are the verified claims, names of persons among them; nil if the
	// token is not valid. They must not be changed. Nothing here writes them
	// anywhere.
	Claims claims.Model `json:"-"`
	// TokenHash is the SHA-256 of the token, in hexadecimal.
	TokenHash string
	// Decision is what [Config.Authorize] returned; nil if it was not asked.
	Decision slog.LogValuer
	// Err is what Verify returned; nil if the token was accepted.
	Err error
	// ReplayErr is why [Config.Replay] could not tell whether the token was used
	// before, of a token that passed by [Config.ReplayFailOpen]; nil for all
	// others.
	ReplayErr error
	// Cached says that the token was remembered (see [Config.CachedTokens]).
	Cached bool
}

// LogValue implements [slog.LogValuer]: outcome ("accepted", "invalid",
// "denied" or "unavailable"), token_hash, and what else is known.
func (e Event) LogValue() slog.Value {
	attrs := append(make([]slog.Attr, 0, 8), slog.String("outcome", outcome(e.Err)), slog.String("token_hash", e.TokenHash))
	if e.Issuer != "" {
		attrs = append(attrs, slog.String("issuer", e.Issuer))
	}
	if e.Identity != (claims.Identity{}) {
		attrs = append(attrs, slog.Any("identity", e.Identity))
	}
	if e.Decision != nil {
		attrs = append(attrs, slog.Any("decision", e.Decision))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", e.Err.Error()))
	}
	if e.ReplayErr != nil {
		attrs = append(attrs, slog.String("replay_error", oneLine(e.ReplayErr.Error())))
	}
	return slog.GroupValue(append(attrs, slog.Bool("cached", e.Cached))...)
}

// outcome names what an error of Verify means.
func outcome(err error) string {
	var (
		token  *TokenError
		denied *DeniedError
	)
	switch {
	case err == nil:
		return "accepted"
	case errors.As(err, &token):
		return "invalid"
	case errors.As(err, &denied):
		return "denied"
	}
	return "unavailable"
}

// report tells whoever wants to know what a verification came to.
func (v *Verifier) report(ctx context.Context, sum *[sha256.Size]byte, start time.Time, t *Token, err error) {
	if v.cfg.Observer != nil {
		o := Verification{Outcome: label(err), Duration: v.now().Sub(start)}
		if t != nil {
			o.Issuer, o.Cached, o.ReplayFailed = t.issuer.url, t.cached, t.replayErr != nil
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

func (v *Verifier) event(sum *[sha256.Size]byte, t *Token, err error) Event {
	e := Event{Time: v.now(), TokenHash: hex.EncodeToString(sum[:]), Err: err}
	if t != nil {
		e.Issuer, e.Identity, e.Claims = t.issuer.url, t.Identity(), t.claims
		e.Decision, e.Cached, e.ReplayErr = t.decision, t.cached, t.replayErr
	}
	return e
}

// hash returns the SHA-256 of raw.
func (v *Verifier) hash(raw string) (sum [sha256.Size]byte) {
	w := v.workspaces.Get().(*workspace)
	defer v.workspaces.Put(w)
	if len(raw) <= compact.MaxSize {
		w.bytes = append(w.bytes[:0], raw...)
		return sha256.Sum256(w.bytes)
	}
	// In pieces: a token that is refused for its size is not worth a copy of it.
	h := sha256.New()
	for len(raw) > 0 {
		n := min(len(raw), compact.MaxSize)
		w.bytes = append(w.bytes[:0], raw[:n]...)
		h.Write(w.bytes)
		raw = raw[n:]
	}
	h.Sum(sum[:0])
	return sum
}
