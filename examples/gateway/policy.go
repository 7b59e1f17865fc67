package main

import (
	"fmt"
	"os"

	"github.com/cioidc/cioidc/oidc/policy"
)

// readPolicy reads the policy file at path.
func readPolicy(path string) (*policy.Policy, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p, err := policy.Parse(data, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}
