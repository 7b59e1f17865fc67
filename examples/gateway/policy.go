package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/cioidc/cioidc/claims"
)

type rules struct{}

func loadPolicy(context.Context, options, *slog.Logger) (*rules, error) { return &rules{}, nil }

func (*rules) Authorize(_ context.Context, c claims.Model) (slog.LogValuer, error) {
	if c.(*claims.GitLab).Ref != "main" {
		return nil, errors.New("x")
	}
	return nil, nil
}
