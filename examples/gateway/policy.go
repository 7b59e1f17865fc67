package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/cioidc/cioidc/claims"
)

// policy is a policy file: rules, of which one must let a job through.
type policy struct {
	Rules  []rule `json:"rules"`
	digest string
}

// rule is one way to be let through. Everything is compared exactly, as the
// identity headers have it.
type rule struct {
	// Name is for the audit log. Required.
	Name string `json:"name"`
	// Issuer, Project (its ID) and Ref, such as refs/heads/main, are required.
	Issuer  string `json:"issuer"`
	Project string `json:"project"`
	Ref     string `json:"ref"`
	// Repository, such as github.com/acme/webshop, is required for CircleCI, where
	// one project can build several. Empty means any.
	Repository string `json:"repository"`
	// Unprotected lets jobs of GitLab through whose ref is not protected, to which
	// more people can push.
	Unprotected bool `json:"unprotected"`
}

// parsePolicy reads a policy file.
func parsePolicy(data []byte) (*policy, error) {
	var p policy
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	if len(p.Rules) == 0 {
		return nil, errors.New("no rules: nobody would be let through")
	}
	for i, r := range p.Rules {
		if r.Name == "" || r.Issuer == "" || r.Project == "" || r.Ref == "" {
			return nil, fmt.Errorf("rule %d wants a name, an issuer, a project and a ref", i+1)
		}
	}
	sum := sha256.Sum256(data)
	p.digest = hex.EncodeToString(sum[:])
	return &p, nil
}

var errNoRule = errors.New("no rule of the policy lets it through")

// Authorize decides as [oidc.Config] wants it.
func (p *policy) Authorize(_ context.Context, c claims.Model) (slog.LogValuer, error) {
	for i := range p.Rules {
		if p.Rules[i].allows(c) {
			return decision{p.digest, p.Rules[i].Name}, nil
		}
	}
	return decision{p.digest, ""}, errNoRule
}

func (r *rule) allows(c claims.Model) bool {
	who, ok := c.(claims.Identifier)
	if !ok {
		return false
	}
	id := who.Identity()
	if c.RegisteredClaims().Issuer != r.Issuer || id.Project != r.Project || id.Ref != r.Ref || r.Repository != "" && id.Repository != r.Repository {
		return false
	}
	switch c := c.(type) {
	case *claims.GitLab:
		return r.Unprotected || c.RefProtected == claims.True
	case *claims.CircleCI:
		return r.Repository != ""
	}
	return false
}

// decision is what the audit log has of a decision.
type decision struct{ digest, rule string }

// LogValue implements [slog.LogValuer].
func (d decision) LogValue() slog.Value {
	if d.rule == "" {
		return slog.GroupValue(slog.String("policy_digest", d.digest), slog.String("decision", "deny"))
	}
	return slog.GroupValue(slog.String("policy_digest", d.digest), slog.String("rule", d.rule), slog.String("decision", "allow"))
}

// readPolicy reads the policy file at path.
func readPolicy(path string) (*policy, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p, err := parsePolicy(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}
