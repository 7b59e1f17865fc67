package oidc

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"

	"github.com/cioidc/cioidc/claims"
)

// AuditLog writes one record for each token that was decided on:
//
//	Audit: oidc.AuditLog{Logger: logger}.Record,
//
// The message is "oidc: decision", the time that of [Event.Time]. Attributes, of
// which those are left out that are not known:
//
//   - outcome: "accepted", "invalid", "denied" or "unavailable";
//   - reason: why the token was not accepted, as in [Verification.Outcome];
//   - issuer, subject, platform, project (an ID), repository, ref, environment,
//     pipeline, job, actor (an ID): whose token it was, if it is valid;
//   - token_hash: the SHA-256 of the token in hexadecimal, never the token;
//   - policy, policy_digest, rule, decision, claim (which decided), mode: from
//     [Event.Decision], if its value is a group that has them; what else it has
//     is in the group details. A decision in audit-only mode can be to deny with
//     the outcome "accepted". A value that is no group is the decision;
//   - replay_error: why [Config.Replay] could not tell whether the token was used
//     before, of one that passed by [Config.ReplayFailOpen];
//   - error: the text of [Event.Err], at most 1 KiB of it;
//   - cached: whether the token was remembered.
//
// A request without a token is none of these: it has nothing to decide on. Text
// that comes from the token, such as a ref, is what someone could choose: write
// the records with a handler that escapes it, such as [slog.JSONHandler].
type AuditLog struct {
	// Logger receives the records. Nil means [slog.Default]. What its handler
	// cannot write is lost.
	Logger *slog.Logger
	// Level is the level of the records; a handler for higher levels only drops
	// them. Zero means [slog.LevelInfo].
	Level slog.Level
	// Persons adds user_login and user_email of GitLab's tokens, which name the
	// person whose job it is. False means that neither is written by name; a
	// policy that decides on them, or an error of Config.Authorize, may still
	// repeat one.
	Persons bool
}

// Record writes the record of e. It fits [Config.Audit].
func (l AuditLog) Record(ctx context.Context, e Event) {
	logger := l.Logger
	if logger == nil {
		logger = slog.Default()
	}
	h := logger.Handler()
	if !h.Enabled(ctx, l.Level) {
		return
	}
	r := slog.NewRecord(e.Time, l.Level, "oidc: decision", 0)
	r.AddAttrs(l.attrs(e)...)
	_ = h.Handle(ctx, r)
}

// attrs returns the attributes of the record of e.
func (l AuditLog) attrs(e Event) []slog.Attr {
	attrs := make([]slog.Attr, 0, 24)
	add := func(name, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(name, value))
		}
	}
	add("outcome", outcome(e.Err))
	if e.Err != nil {
		add("reason", label(e.Err))
	}
	add("issuer", e.Issuer)
	if e.Claims != nil {
		add("subject", e.Claims.RegisteredClaims().Subject)
	}
	add("platform", e.Identity.Platform)
	add("project", e.Identity.Project)
	add("repository", e.Identity.Repository)
	add("ref", e.Identity.Ref)
	add("environment", environment(e.Claims))
	add("pipeline", e.Identity.Pipeline)
	add("job", e.Identity.Run)
	add("actor", e.Identity.Actor)
	if c, ok := e.Claims.(*claims.GitLab); ok && l.Persons {
		add("user_login", c.UserLogin)
		add("user_email", c.UserEmail)
	}
	add("token_hash", e.TokenHash)
	attrs = append(attrs, decisionAttrs(e.Decision)...)
	if e.ReplayErr != nil {
		add("replay_error", oneLine(e.ReplayErr.Error()))
	}
	if e.Err != nil {
		add("error", oneLine(e.Err.Error()))
	}
	return append(attrs, slog.Bool("cached", e.Cached))
}

// environment returns the environment of a job: GitLab's, or the claim of the
// same name of another model.
func environment(c claims.Model) string {
	switch c := c.(type) {
	case nil, *claims.CircleCI:
		return "" // CircleCI has none.
	case *claims.GitLab:
		return c.Environment
	}
	var name string
	if raw, ok := c.RegisteredClaims().Lookup("environment"); ok && json.Unmarshal(raw, &name) != nil {
		return ""
	}
	return name
}

// decisionNames are the attributes of a decision that have a place of their own
// in the record. They are never changed.
var decisionNames = []string{"policy", "policy_digest", "rule", "decision", "claim", "mode"}

// decisionAttrs returns what is recorded of a decision. The rest goes into a
// group, so that nothing of it takes the name of an attribute that is ours.
func decisionAttrs(d slog.LogValuer) []slog.Attr {
	if d == nil {
		return nil
	}
	v := slog.AnyValue(d).Resolve()
	if v.Kind() != slog.KindGroup {
		return []slog.Attr{{Key: "decision", Value: v}}
	}
	var known, rest []slog.Attr
	for _, a := range v.Group() {
		taken := func(k slog.Attr) bool { return k.Key == a.Key }
		if slices.Contains(decisionNames, a.Key) && !slices.ContainsFunc(known, taken) {
			known = append(known, a)
		} else {
			rest = append(rest, a)
		}
	}
	if len(rest) > 0 {
		known = append(known, slog.Attr{Key: "details", Value: slog.GroupValue(rest...)})
	}
	return known
}
