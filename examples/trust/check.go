package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cioidc/cioidc/oidc/policy"
	"github.com/cioidc/cioidc/oidc/policy/celcond"
)

// maxPolicy is more than any policy has, in bytes.
const maxPolicy = 1 << 20

// check runs a policy's own tests and, with the token of a job that is meant,
// looks for others that the policy lets in.
func check(ctx context.Context, o *options, out, _ io.Writer) (int, error) {
	token, err := readToken(o.tokenFile)
	if err != nil {
		return exitUsage, err
	}
	p, err := readPolicy(o.paths[0])
	if err != nil {
		return exitUsage, err
	}
	status := exitClean
	results := p.Test(ctx)
	for _, r := range results {
		if r.Err != nil {
			status = exitDanger
			fmt.Fprintf(out, "%s:%d: %s\n", printable(o.paths[0]), r.Test.Position.Line, printable(r.Err.Error()))
			continue
		}
		fmt.Fprintf(out, "ok    %s\n", printable(r.Test.Name))
	}
	if len(results) == 0 {
		status = exitDanger
		fmt.Fprintln(out, "the policy has no tests: write at least one that is allowed and one that is refused")
	}
	if token == nil {
		return status, nil
	}
	for _, v := range policy.Probe(p, token) {
		if v.Outcome == policy.IdentityRefused || v.Outcome == policy.DenyEscaped || v.Outcome == policy.Admitted && v.Kind == policy.Hostile {
			status = exitDanger
			fmt.Fprintln(out, printable(v.String()))
		}
	}
	return status, nil
}

// readPolicy reads a policy, whose tests name files beside it.
func readPolicy(path string) (*policy.Policy, error) {
	data, err := readFile(path, maxPolicy)
	if err != nil {
		return nil, err
	}
	p, err := policy.Parse(data, &policy.Options{Conditions: &celcond.Compiler{}, Files: os.DirFS(filepath.Dir(path))})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}
