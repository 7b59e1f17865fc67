// Verify-service answers GitLab jobs of one project's protected main branch, and
// nobody else:
//
//	verify-service --project 90210
//	verify-service --fake      # no GitLab needed: a job in this process calls it
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/examples/internal/fakejob"
	"github.com/cioidc/cioidc/oidc"
)

func main() {
	project := flag.String("project", "", "the `ID` of the project that may deploy")
	fake := flag.Bool("fake", false, "call the service as a job of a GitLab in this process")
	flag.Parse()
	cfg := oidc.Config{Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{"https://deploy.acme.example"}}
	run := func(h http.Handler) error {
		return (&http.Server{Addr: "127.0.0.1:8080", Handler: h, ReadHeaderTimeout: 10 * time.Second}).ListenAndServe()
	}
	if *fake {
		cfg.HTTPClient, *project, run = fakejob.Caller(os.Stdout, cfg.Audiences[0])
	}
	service, err := newService(cfg, claims.ID(*project))
	if err == nil {
		err = run(service)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "verify-service:", err)
		os.Exit(1)
	}
}

func newService(cfg oidc.Config, project claims.ID) (http.Handler, error) {
	cfg.Audit = func(ctx context.Context, e oidc.Event) { slog.InfoContext(ctx, "request", "event", e) }
	cfg.Authorize = func(_ context.Context, c claims.Model) (slog.LogValuer, error) {
		g, ok := c.(*claims.GitLab)
		if ok && project != "" && g.ProjectID == project && g.RefPath == "refs/heads/main" && g.RefProtected == claims.True {
			return nil, nil
		}
		return nil, errors.New("only the project's protected branch main may deploy")
	}
	verifier, err := oidc.NewVerifier(cfg)
	return oidc.Middleware(verifier, nil)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := oidc.FromContext(r.Context())
		fmt.Fprintln(w, "deploying for", token)
	})), err
}
