package exchange

import "context"

// TokenSource supplies CI identity tokens. Every ciplatform.Platform is one.
// Implementations must be safe for concurrent use.
type TokenSource interface {
	// IDToken returns a token whose audience is audience. An empty audience
	// asks for the source's default token, whatever its audience is. The
	// context governs this call alone.
	IDToken(ctx context.Context, audience string) (string, error)
}

// TokenSourceFunc adapts a function to a [TokenSource].
type TokenSourceFunc func(ctx context.Context, audience string) (string, error)

// IDToken calls f.
func (f TokenSourceFunc) IDToken(ctx context.Context, audience string) (string, error) {
	return f(ctx, audience)
}
