package oidcgrpc_test

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/cioidc/cioidc/ciplatform"
	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidcgrpc"
)

// A server whose methods have rules of their own, and whose health check is open
// to all.
func Example() {
	verifier, err := oidc.NewVerifier(oidc.Config{
		Issuers:   []oidc.Issuer{oidc.GitLab("https://gitlab.com")},
		Audiences: []string{"https://deploy.acme.example"},
	})
	if err != nil {
		panic(err)
	}
	fromMain := func(_ context.Context, c claims.Model) (slog.LogValuer, error) {
		if g, ok := c.(*claims.GitLab); ok && g.ProjectID == "90210" && g.RefPath == "refs/heads/main" && g.RefProtected == claims.True {
			return nil, nil
		}
		return nil, errors.New("only main of the webshop may do this")
	}
	opts := &oidcgrpc.Options{
		Authorize: oidcgrpc.Methods{"/deploy.v1.Deploy/Start": fromMain}.Authorize,
		Open:      []string{"/grpc.health.v1.Health/Check"},
	}
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(oidcgrpc.UnaryServerInterceptor(verifier, opts)),
		grpc.ChainStreamInterceptor(oidcgrpc.StreamServerInterceptor(verifier, opts)),
	)
	server.Stop()
	// Output:
}

// A job that calls such a server with its own token.
func ExamplePerRPCCredentials() {
	ci, err := ciplatform.Detect()
	if err != nil {
		return // not in a CI job
	}
	conn, err := grpc.NewClient("deploy.acme.example:443",
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{})),
		grpc.WithPerRPCCredentials(&oidcgrpc.PerRPCCredentials{Source: ci, Audience: "https://deploy.acme.example"}),
	)
	if err != nil {
		panic(err)
	}
	conn.Close()
	// Output:
}
