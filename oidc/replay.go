package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"strings"
	"time"
)

// ReplayStore remembers which tokens were used, for [Config.Replay].
type ReplayStore interface {
	// Use notes that the token called key is used, and returns nil to the first
	// who does so and an error that is or wraps [ErrReplayed] to everybody after,
	// until expires. It must be atomic: of any number of calls at the same time,
	// one gets nil. Any other error says that it cannot tell.
	//
	// Key is 64 hexadecimal digits: the SHA-256 of issuer and token, from which
	// neither can be had. Expires is when the token has expired for every
	// verifier there can be, whatever its [Config.Leeway].
	//
	// Use should have a time limit of its own: ctx is the request's, which may
	// have none. A panic of it is not recovered, and the token is then not
	// accepted.
	Use(ctx context.Context, key string, expires time.Time) error
}

// use notes that t is used: the last that is asked before it is accepted.
func (v *Verifier) use(ctx context.Context, t *Token, raw string, sum *[sha256.Size]byte) error {
	// Config.Authorize may have been waited for, past the token's time.
	if e := v.checkClaims(t, v.now()); e != nil {
		return e
	}
	// The leeway is not ours but the longest, so that verifiers which share a
	// store may differ in it.
	expires := t.claims.RegisteredClaims().ExpiresAt.Time().Add(maxLeeway)
	err := v.cfg.Replay.Use(ctx, v.replayKey(t, raw), expires)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrReplayed):
		return &DeniedError{Claims: t.claims, Err: ErrReplayed, Detail: "with Config.Replay, each request needs a token of its own"}
	case v.cfg.ReplayFailOpen && !ended(ctx):
		t.replayErr = err
		if v.cfg.Logger != nil {
			v.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "oidc: replay not checked", slog.Any("event", v.event(sum, t, nil)))
		}
		return nil
	}
	return &UnavailableError{Op: OpReplay, Issuer: t.issuer.url, Err: err}
}

// replayKey returns the name of a token in the store.
func (v *Verifier) replayKey(t *Token, raw string) string {
	if t.algorithm == ES256 {
		// Whoever has such a token can make its signature (r, s) into (r, n-s),
		// which is as good: another text, but not another token. RS256 and EdDSA
		// leave no such choice.
		raw = raw[:strings.LastIndexByte(raw, '.')]
	}
	w := v.workspaces.Get().(*workspace)
	defer v.workspaces.Put(w)
	w.bytes = append(w.bytes[:0], t.issuer.url...)
	w.bytes = append(w.bytes, 0)
	w.bytes = append(w.bytes, raw...)
	sum := sha256.Sum256(w.bytes)
	return hex.EncodeToString(sum[:])
}

// ended reports whether the caller, or its deadline, ended ctx. The connection
// to a store can have the same deadline and fail on it a moment before ctx does.
func ended(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}
