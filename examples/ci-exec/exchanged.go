//go:build linux || darwin

package main

import (
	"context"
	"slices"
	"sync"

	"github.com/cioidc/cioidc/exchange"
)

// exchanged is a source that remembers the tokens it has given.
type exchanged struct {
	source exchange.TokenSource

	mu     sync.Mutex
	tokens []string
}

// IDToken implements [exchange.TokenSource].
func (e *exchanged) IDToken(ctx context.Context, audience string) (string, error) {
	token, err := e.source.IDToken(ctx, audience)
	if err != nil {
		return "", err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	// The tokens at the start are what matters: those in the environment.
	if len(e.tokens) < 16 && !slices.Contains(e.tokens, token) {
		e.tokens = append(e.tokens, token)
	}
	return token, nil
}

func (e *exchanged) all() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.tokens)
}
