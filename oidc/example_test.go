package oidc_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
)

// A service that lets one project's main branch deploy, from either platform.
func Example() {
	verifier, err := oidc.NewVerifier(oidc.Config{
		Issuers: []oidc.Issuer{
			oidc.GitLab("https://gitlab.com"),
			oidc.CircleCI("2f1a9e5c-6a53-4f2b-8b63-0c6d1d8e4f01"),
		},
		Audiences: []string{"https://deploy.acme.example"},
		Authorize: func(_ context.Context, c claims.Model) (slog.LogValuer, error) {
			switch c := c.(type) {
			case *claims.GitLab:
				if c.ProjectID == "90210" && c.RefPath == "refs/heads/main" && c.RefProtected == claims.True {
					return nil, nil
				}
			case *claims.CircleCI:
				if c.ProjectID == "66666666-aaaa-4bbb-8ccc-000000000006" &&
					c.VCSOrigin == "github.com/acme/deployer" && c.VCSRef == "refs/heads/main" {
					return nil, nil
				}
			}
			return nil, errors.New("only main of the deployer may deploy")
		},
	})
	if err != nil {
		panic(err)
	}
	deploy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := oidc.FromContext(r.Context())
		fmt.Fprintf(w, "deploying for %s\n", token)
	})
	http.Handle("/deploy", oidc.Middleware(verifier, nil)(deploy))
}

// One line of JSON for each token that was decided on.
func ExampleAuditLog() {
	log := oidc.AuditLog{Logger: slog.New(slog.NewJSONHandler(os.Stdout, nil))}
	verifier, err := oidc.NewVerifier(oidc.Config{
		Issuers:   []oidc.Issuer{oidc.GitLab("https://gitlab.com")},
		Audiences: []string{"https://deploy.acme.example"},
		Audit:     log.Record,
		Now:       func() time.Time { return time.Date(2026, 9, 21, 12, 0, 0, 0, time.UTC) },
	})
	if err != nil {
		panic(err)
	}
	verifier.Verify(context.Background(), "x")
	// Output:
	// {"time":"2026-09-21T12:00:00Z","level":"INFO","msg":"oidc: decision","outcome":"invalid","reason":"malformed","token_hash":"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881","error":"oidc: malformed token: not a signed token: it does not have three parts separated by dots","cached":false}
}

// What is wrong with a token is in the error's type, and in its Reason.
func ExampleVerifier_Verify() {
	verifier, err := oidc.NewVerifier(oidc.Config{
		Issuers:   []oidc.Issuer{oidc.GitLab("https://gitlab.com")},
		Audiences: []string{"https://deploy.acme.example"},
	})
	if err != nil {
		panic(err)
	}
	_, err = verifier.Verify(context.Background(), "not.a-token")
	var (
		invalid     *oidc.TokenError
		denied      *oidc.DeniedError
		unavailable *oidc.UnavailableError
	)
	switch {
	case errors.As(err, &invalid):
		fmt.Println("401:", invalid)
	case errors.As(err, &denied):
		fmt.Println("403:", denied)
	case errors.As(err, &unavailable):
		fmt.Println("503:", unavailable)
	}
	// Output: 401: oidc: malformed token: not a signed token: it does not have three parts separated by dots
}

// A platform that this module does not know takes one struct.
func ExampleIssuerOf() {
	type Buildkite struct {
		claims.Registered
		Organization string `json:"organization_slug"`
		Pipeline     string `json:"pipeline_slug"`
	}
	verifier, err := oidc.NewVerifier(oidc.Config{
		Issuers:   []oidc.Issuer{oidc.IssuerOf[Buildkite]("https://agent.buildkite.com")},
		Audiences: []string{"https://deploy.acme.example"},
	})
	if err != nil {
		panic(err)
	}
	_, err = oidc.Verify[Buildkite](context.Background(), verifier, "")
	fmt.Println(err)
	// Output: oidc: malformed token: the token is empty
}
