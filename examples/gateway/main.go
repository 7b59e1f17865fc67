// Gateway is an identity-aware reverse proxy: it stands in front of any HTTP
// service, lets requests of CI jobs through that a policy file allows, and tells
// the service whose they are.
//
//	gateway --upstream http://127.0.0.1:3000 --audience https://deploy.acme.example \
//		--gitlab https://gitlab.com --policy policy.yaml
//	gateway --fake     # with an issuer and a service in this process
//
// Each request needs a token of its own in its Authorization header (RFC 6750).
// The service gets the request without it, and with headers that say who asks:
//
//	X-CI-Issuer, X-CI-Subject, X-CI-Platform, X-CI-Project, X-CI-Repository,
//	X-CI-Ref, X-CI-Pipeline, X-CI-Run, X-CI-Actor
//
// What the token does not say has no header. A value with a space, a quotation
// mark or anything beyond ASCII is quoted as in Go. Headers of such names that
// the client sent are removed, so the service can believe them, as long as
// nobody reaches it but through the gateway.
//
// The policy file, whose form package policy describes, says which jobs are let
// through:
//
//	apiVersion: trust/v1
//	name: gateway
//	audiences: ["https://deploy.acme.example"]
//	rules:
//	  - name: release
//	    gitlab:
//	      issuer: https://gitlab.com
//	      project_id: "90210"
//	      ref_type: branch
//	      ref: main
//	      ref_protected: true
//
// It is read anew when it changes; if it is broken then, the policy stays as it
// was, and the log says so. A token lets one request pass
// (see --replay): jobs on GitLab need an entry of id_tokens for each.
//
// One JSON line for each request goes to the standard output: the audit log.
// What happens to the gateway itself goes to the standard error. On a listener
// of their own (--admin), which has no business on a public address:
//
//	/healthz    200 while the process serves
//	/readyz     200 if it can judge tokens, 503 if not, or once it is shutting down
//	/metrics    counters, in Prometheus's text format
//
// SIGTERM and SIGINT let requests under way come to their end; a second one does
// not.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/redis/go-redis/v9"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // A second signal ends the process at once.
	redis.SetLogger(silent{})
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the gateway until ctx ends, and returns the exit status.
func run(ctx context.Context, args []string, audit, log io.Writer) int {
	o, err := parse(args, log)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(log, "gateway:", err)
		return 2
	}
	logger := slog.New(slog.NewJSONHandler(log, nil))
	if err := start(ctx, o, audit, logger); err != nil {
		logger.Error("gateway failed", "error", err.Error())
		return 1
	}
	return 0
}

// start builds the gateway of o and serves it until ctx ends.
func start(ctx context.Context, o options, audit io.Writer, logger *slog.Logger) error {
	if o.fake {
		world, err := startWorld(&o)
		if err != nil {
			return err
		}
		defer world.stop()
		logger.Info("fake world", world.attrs(o.policy)...)
	}
	g, err := newGateway(ctx, o, audit, logger)
	if err != nil {
		return err
	}
	defer g.close()
	return g.serve(ctx)
}
