package oidctest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"testing"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

// exampleT stands for the *testing.T of a test, which an example lacks.
type exampleT struct{ testing.TB }

func (exampleT) Helper()                   {}
func (exampleT) Cleanup(func())            {}
func (exampleT) Fatalf(s string, a ...any) { log.Fatalf(s, a...) }

// A service that lets one GitLab project deploy, and its tests.
func Example() {
	t, ctx := exampleT{}, context.Background() // in a test: t and t.Context()

	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	verifier, err := oidc.NewVerifier(oidc.Config{
		Issuers:    []oidc.Issuer{oidc.GitLab(issuer.URL())},
		Audiences:  []string{"https://deploy.example.com"},
		HTTPClient: oidctest.Client(issuer),
	})
	if err != nil {
		log.Fatal(err)
	}

	raw := issuer.GitLab("https://deploy.example.com", oidctest.ProtectedBranch("stable"))
	c, err := oidc.Verify[claims.GitLab](ctx, verifier, raw)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.ProjectPath, c.RefPath, c.RefProtected == claims.True)

	_, err = verifier.Verify(ctx, issuer.GitLab("https://other.example.com"))
	fmt.Println("audience refused:", errors.Is(err, oidc.ErrAudience))

	_, err = verifier.Verify(ctx, issuer.GitLab("https://deploy.example.com", oidctest.ForkMergeRequestInParent))
	fmt.Println("fork refused:", errors.Is(err, oidc.ErrFork))

	_, err = verifier.Verify(ctx, issuer.GitLab("https://deploy.example.com", func(c oidctest.Claims) {
		delete(c, "project_id")
	}))
	fmt.Println("claim missing:", errors.Is(err, oidc.ErrClaim))

	issuer.Fail(503)
	_, err = verifier.Verify(ctx, issuer.GitLab("https://deploy.example.com"))
	fmt.Println("still accepted with the keys it has:", err == nil)
	fmt.Println("requests:", issuer.Requests())

	// Output:
	// acme/webshop refs/heads/stable true
	// audience refused: true
	// fork refused: true
	// claim missing: true
	// still accepted with the keys it has: true
	// requests: 2
}
