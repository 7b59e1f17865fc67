package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/policy"
	"github.com/cioidc/cioidc/oidc/policy/celcond"
)

// gateway is what one process runs.
type gateway struct {
	opts     options
	log      *slog.Logger
	audit    *slog.Logger
	metrics  *metrics
	used     *usedTokens
	verifier *oidc.Verifier
	draining atomic.Bool
}

// newGateway builds a gateway and fetches the issuers' keys. An issuer that is
// away does not keep it from starting, a policy that cannot be read does.
func newGateway(ctx context.Context, o options, audit io.Writer, logger *slog.Logger) (*gateway, error) {
	m := newMetrics()
	g := &gateway{opts: o, log: logger, audit: slog.New(newAuditHandler(audit, m)), metrics: m}
	rules := &policy.File{Path: o.policy, Options: &policy.Options{Conditions: &celcond.Compiler{}}, Logger: logger}
	if _, err := rules.Policy(ctx); err != nil {
		return nil, err
	}
	var err error
	if g.used, err = newUsedTokens(o); err != nil {
		return nil, err
	}
	cfg := oidc.Config{
		Audiences:      o.audiences,
		Authorize:      rules.Authorize,
		Replay:         g.used.store,
		ReplayFailOpen: o.replayFailOpen,
		CachedTokens:   o.cachedTokens(),
		Audit:          oidc.AuditLog{Logger: g.audit, Persons: o.users}.Record,
		Logger:         logger,
		Observer:       m,
	}
	for _, url := range o.gitlab {
		cfg.Issuers = append(cfg.Issuers, oidc.GitLab(url))
	}
	for _, id := range o.circleci {
		cfg.Issuers = append(cfg.Issuers, oidc.CircleCI(id))
	}
	if g.verifier, err = oidc.NewVerifier(cfg); err != nil {
		g.close()
		return nil, err
	}
	warm, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := g.verifier.Warm(warm); err != nil {
		logger.Warn("keys are missing", "error", err.Error())
	}
	return g, nil
}

// close gives back what newGateway has opened.
func (g *gateway) close() { g.used.close() }

// remembered returns how many used tokens this process remembers.
func (g *gateway) remembered() int { return g.used.remembered() }

// handler is what jobs reach.
func (g *gateway) handler() http.Handler {
	guard := oidc.Middleware(g.verifier, &oidc.MiddlewareOptions{Error: refuser(g.audit)})
	// Within the guard: a body whose sender may not ask is not read.
	proxy := http.MaxBytesHandler(newProxy(g.opts, g.log), g.opts.maxBody)
	return g.counted(audited(guard(proxy)))
}

// counted counts the answers of next.
func (g *gateway) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &countedWriter{ResponseWriter: w, status: http.StatusOK}
		defer func() { g.metrics.observeResponse(c.status) }()
		next.ServeHTTP(c, r)
	})
}

// countedWriter remembers the status of an answer.
type countedWriter struct {
	http.ResponseWriter
	status int
}

func (w *countedWriter) WriteHeader(status int) {
	if status >= 200 { // not informational
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Hijack is what happens when a connection changes over to another protocol.
func (w *countedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.status = http.StatusSwitchingProtocols
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// Unwrap is for [http.ResponseController].
func (w *countedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
