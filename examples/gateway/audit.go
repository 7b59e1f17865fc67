package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/cioidc/cioidc/oidc"
)

// auditHandler writes audit records as lines of JSON, with what the request was,
// and counts those that could not be written.
type auditHandler struct {
	slog.Handler
	metrics *metrics
}

func newAuditHandler(out io.Writer, m *metrics) *auditHandler {
	return &auditHandler{slog.NewJSONHandler(out, nil), m}
}

// Handle implements [slog.Handler].
func (h *auditHandler) Handle(ctx context.Context, r slog.Record) error {
	if req, ok := ctx.Value(requestKey{}).(*http.Request); ok {
		// Not the query: it is where secrets end up.
		r.AddAttrs(slog.Group("request",
			slog.String("method", cut(req.Method)), slog.String("host", cut(req.Host)), slog.String("path", cut(req.URL.Path)),
			slog.String("remote", req.RemoteAddr)))
	}
	err := h.Handler.Handle(ctx, r)
	if err != nil {
		h.metrics.observeAuditError()
	}
	return err
}

// requestKey is the context key of the request, which the audit of a token knows
// by its context alone.
type requestKey struct{}

// audited makes next's requests known to the audit log.
func audited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestKey{}, r)))
	})
}

// refuser answers requests that were refused, and records those that had no token
// to decide on: of the others there is a record already.
func refuser(audit *slog.Logger) func(http.ResponseWriter, *http.Request, error) {
	return func(w http.ResponseWriter, r *http.Request, err error) {
		switch {
		case errors.Is(err, oidc.ErrNoToken):
			audit.InfoContext(r.Context(), "gateway: no token", "outcome", "invalid", "reason", "no_token")
		case errors.Is(err, oidc.ErrRequest):
			audit.InfoContext(r.Context(), "gateway: no token", "outcome", "invalid", "reason", "request")
		}
		oidc.WriteError(w, r, err)
	}
}

// cut bounds what a client can write to the log.
func cut(s string) string {
	const most = 256
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
