package oidcgrpc

import (
	"context"
	"log/slog"
	"net/http"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
)

// UnaryServerInterceptor requires of every unary call a token that v and opts
// accept, and passes it on in the handler's context, for [oidc.FromContext]. A
// call that is refused does not reach the handler and ends with [StatusError].
// Nil opts mean defaults. It needs a [StreamServerInterceptor] beside it.
func UnaryServerInterceptor(v *oidc.Verifier, opts *Options) grpc.UnaryServerInterceptor {
	g := newGuard(v, opts)
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		ctx, err := g.admit(ctx, info.FullMethod)
		if err != nil {
			return nil, err
		}
		return handler(ctx, req)
	}
}

// StreamServerInterceptor is [UnaryServerInterceptor] for streams, and for calls
// of methods that the server does not have, where it hands those to a handler.
// The token is verified when the stream begins, and not again.
func StreamServerInterceptor(v *oidc.Verifier, opts *Options) grpc.StreamServerInterceptor {
	g := newGuard(v, opts)
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		ctx, err := g.admit(stream.Context(), info.FullMethod)
		if err != nil {
			return err
		}
		return handler(srv, &admitted{stream, ctx})
	}
}

// admitted is a stream with the token in its context.
type admitted struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *admitted) Context() context.Context { return s.ctx }

// guard is what both interceptors do.
type guard struct {
	verifier *oidc.Verifier
	opts     Options
	open     map[string]bool
}

func newGuard(v *oidc.Verifier, opts *Options) *guard {
	g := &guard{verifier: v}
	if opts != nil {
		g.opts = *opts
	}
	// Copied, so that a change of the options opens nothing later.
	g.open = make(map[string]bool, len(g.opts.Open))
	for _, method := range g.opts.Open {
		g.open[method] = true
	}
	g.opts.Open = nil
	return g
}

// admit returns the context for the handler, or the error that the call ends
// with.
func (g *guard) admit(ctx context.Context, fullMethod string) (context.Context, error) {
	if g.open[fullMethod] {
		return ctx, nil
	}
	t, err := g.verify(ctx, fullMethod)
	if err == nil {
		return oidc.NewContext(ctx, t), nil
	}
	if g.opts.Error != nil {
		if own := g.opts.Error(ctx, fullMethod, err); own != nil {
			return nil, own
		}
	}
	return nil, StatusError(err)
}

func (g *guard) verify(ctx context.Context, fullMethod string) (*oidc.Token, error) {
	raw, err := bearerToken(ctx)
	if err != nil {
		return nil, err
	}
	if g.opts.Authorize == nil {
		return g.verifier.Verify(ctx, raw)
	}
	return g.verifier.VerifyFor(ctx, raw, func(ctx context.Context, c claims.Model) (slog.LogValuer, error) {
		return g.opts.Authorize(ctx, fullMethod, c)
	})
}

// bearerToken returns the token of the call's metadata, by the rules for HTTP's
// header.
func bearerToken(ctx context.Context) (string, error) {
	return oidc.BearerToken(&http.Request{Header: http.Header{"Authorization": metadata.ValueFromIncomingContext(ctx, "authorization")}})
}
