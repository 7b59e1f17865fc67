package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cioidc/cioidc/oidc/policy"
	"github.com/cioidc/cioidc/oidc/policy/celcond"
)

// readPolicy reads the policy file at path and runs the policy's own tests, whose
// token files are beside it. A policy that fails one is not used.
func readPolicy(path string) (*policy.Policy, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p, err := policy.Parse(data, &policy.Options{Conditions: &celcond.Compiler{}, Files: os.DirFS(filepath.Dir(path))})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var failed []error
	for _, r := range p.Test(context.Background()) {
		if r.Err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", path, r.Err))
		}
	}
	if len(failed) > 0 {
		return nil, errors.Join(failed...)
	}
	return p, nil
}
