package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/cioidc/cioidc/claims"
)

type rules struct{ path string }

type dec struct{ digest string }

func (d dec) LogValue() slog.Value { return slog.GroupValue(slog.String("policy_digest", d.digest)) }

func loadPolicy(_ context.Context, o options, _ *slog.Logger) (*rules, error) {
	return &rules{o.policy}, nil
}

func (r *rules) Authorize(_ context.Context, c claims.Model) (slog.LogValuer, error) {
	b, _ := os.ReadFile(r.path)
	d := dec{fmt.Sprintf("%x", sha256.Sum256(b))[:8]}
	if !strings.Contains(string(b), "ref: "+c.(*claims.GitLab).Ref+"\n") {
		return d, errors.New("x")
	}
	return d, nil
}
