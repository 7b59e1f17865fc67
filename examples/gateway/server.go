package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// server returns a server that no client can keep busy for long.
func (g *gateway) server(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       g.opts.timeout,
		WriteTimeout:      g.opts.timeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10, // a token has 16 KiB at most
		ErrorLog:          slog.NewLogLogger(g.log.Handler(), slog.LevelWarn),
	}
}

// serve serves until ctx ends, and then until the requests under way have, or
// their time is over.
func (g *gateway) serve(ctx context.Context) error {
	jobs, err := net.Listen("tcp", g.opts.listen)
	if err != nil {
		return err
	}
	admin, err := net.Listen("tcp", g.opts.admin)
	if err != nil {
		jobs.Close()
		return err
	}
	scheme := "http"
	serve := func(s *http.Server) error { return s.Serve(jobs) }
	if g.opts.cert != "" {
		scheme, serve = "https", func(s *http.Server) error { return s.ServeTLS(jobs, g.opts.cert, g.opts.key) }
	}
	forJobs, forAdmin := g.server(g.handler()), g.server(g.adminHandler())
	ended := make(chan error, 2)
	go func() { ended <- serve(forJobs) }()
	go func() { ended <- forAdmin.Serve(admin) }()
	g.log.Info("serving", "jobs", scheme+"://"+jobs.Addr().String(), "admin", "http://"+admin.Addr().String())

	select {
	case err = <-ended: // A listener that fails ends the gateway.
		forJobs.Close()
		forAdmin.Close()
		return errors.Join(err, known(<-ended))
	case <-ctx.Done():
	}
	g.draining.Store(true)
	g.log.Info("shutting down")
	// Load balancers read /readyz meanwhile, and send jobs elsewhere.
	time.Sleep(g.opts.drain)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.opts.timeout)
	defer cancel()
	err = errors.Join(forJobs.Shutdown(grace), known(<-ended))
	// Last, so that it can be seen how the shutdown goes.
	return errors.Join(err, forAdmin.Shutdown(grace), known(<-ended))
}

// known returns err unless it says that the server was shut down.
func known(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
