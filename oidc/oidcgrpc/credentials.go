package oidcgrpc

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/tokencache"
	"github.com/cioidc/cioidc/internal/tokensource"
)

// PerRPCCredentials sends the CI token itself, as a bearer token, with each call
// to a service that verifies it: [exchange.Transport] for gRPC. Source and
// Audience are required. It must not be copied after its first use.
//
// gRPC sends it over connections with privacy and integrity only, such as TLS,
// and to whichever server they reach: it is the transport's credentials that
// know the server. The token is kept until a minute before it expires.
type PerRPCCredentials struct {
	// Source supplies the token. If it panics, the error is an
	// *[exchange.Error] of [exchange.StageSource]. Required.
	Source exchange.TokenSource
	// Audience is the audience to ask for, by which the service knows that the
	// token is meant for it. Required.
	Audience string
	// Now returns the current time. Nil means [time.Now].
	Now func() time.Time

	cache tokencache.Cache
}

var _ credentials.PerRPCCredentials = (*PerRPCCredentials)(nil)

// GetRequestMetadata implements [credentials.PerRPCCredentials]. Its error is an
// *[exchange.Error] if there is no token to send, or an *[exchange.ConfigError].
func (p *PerRPCCredentials) GetRequestMetadata(ctx context.Context, uri ...string) (map[string]string, error) {
	switch {
	case tokensource.Missing(p.Source):
		return nil, &exchange.ConfigError{Package: "oidcgrpc", Field: "PerRPCCredentials.Source", Problem: "required, and neither nil nor a nil pointer: the source of the token, such as the result of ciplatform.Detect"}
	case p.Audience == "":
		return nil, &exchange.ConfigError{Package: "oidcgrpc", Field: "PerRPCCredentials.Audience", Problem: "required: the audience that the service accepts"}
	}
	token, err := p.cache.Token(ctx, p.Source, p.Audience, p.Now)
	if err == nil && (token == "" || strings.ContainsFunc(token, notBearer)) {
		// gRPC would send it as it is, and the error of whoever parses that might
		// quote it.
		err = errors.New("the source returned something that is not a token")
	}
	if err != nil {
		return nil, &exchange.Error{Service: service(uri), Stage: exchange.StageSource, Err: err}
	}
	return map[string]string{"authorization": "Bearer " + token}, nil
}

// RequireTransportSecurity implements [credentials.PerRPCCredentials]: true.
func (p *PerRPCCredentials) RequireTransportSecurity() bool { return true }

// notBearer reports whether r is outside the b64token of RFC 6750, section 2.1.
func notBearer(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._~+/=", r))
}

// service returns the server's name, for errors, from the address of the gRPC
// service that gRPC gives.
func service(uri []string) string {
	for _, s := range uri {
		if u, err := url.Parse(s); err == nil && u.Hostname() != "" {
			return u.Hostname()
		}
	}
	return "gRPC service"
}
