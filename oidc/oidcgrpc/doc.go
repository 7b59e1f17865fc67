// Package oidcgrpc has gRPC servers accept calls of CI jobs only: interceptors
// that want of every call a token that an [oidc.Verifier] accepts, and the
// credentials by which a job's client sends it.
//
// In the server:
//
//	opts := &oidcgrpc.Options{
//		Authorize: oidcgrpc.Methods{
//			"/deploy.v1.Deploy/Start": production.Authorize, // one method
//			"/deploy.v1.Deploy/":      anyBranch.Authorize,  // the others of the service
//		}.Authorize,
//		Open: []string{"/grpc.health.v1.Health/Check"},
//	}
//	server := grpc.NewServer(
//		grpc.ChainUnaryInterceptor(oidcgrpc.UnaryServerInterceptor(verifier, opts)),
//		grpc.ChainStreamInterceptor(oidcgrpc.StreamServerInterceptor(verifier, opts)),
//	)
//
// and in a handler, [oidc.FromContext] returns the verified token with its
// decision, and [oidc.ClaimsFromContext] its claims. In the job:
//
//	grpc.NewClient(target, grpc.WithTransportCredentials(tls),
//		grpc.WithPerRPCCredentials(&oidcgrpc.PerRPCCredentials{Source: ci, Audience: "https://deploy.acme.example"}))
//
// Install both interceptors: gRPC runs one for unary calls and the other for
// streams, and whichever is missing lets its kind of call through unasked. Put
// them before those that do work for a call, such as logging its message.
//
// A call has one token, in the metadata "authorization", in the form that
// HTTP's header has (RFC 6750 section 2.1). It is verified once, before the
// handler runs: a stream goes on when the token of its start has expired.
//
// Every call that brings a token makes one [oidc.Event] for [oidc.Config].Audit,
// whatever refused it; grpc.Method tells the method from the context that comes
// with the event. A call without a token makes none; see Options.Error.
package oidcgrpc
