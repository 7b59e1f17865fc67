// Trust tests the documents by which clouds trust CI jobs, before anybody
// deploys them:
//
//	trust lint infrastructure/                 # Terraform, CloudFormation, JSON
//	trust lint --token-file token --sarif .    # with proof, for a code host
//	trust fix role.json                        # what can only be meant one way
//	trust simulate --token-file token role.json
//	trust explain --token-file token           # what a token needs in the clouds
//	trust render aws --rule main --aws-account 123456789012 policy.yaml
//	trust check policy.yaml                    # a policy of package policy, by its own tests
//
// Nothing is sent anywhere. A token file holds a token, or its claims as JSON;
// the token itself is never printed. Its exit status is 0 if all is well, 1 if
// there is danger: a document that lets others in or does not work, a refused
// token, a failed test; and 2 if it was called wrongly or a file cannot be read.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

// The exit statuses.
const (
	exitClean  = 0
	exitDanger = 1
	exitUsage  = 2
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// command is one of the verbs: it returns the exit status unless it fails.
type command func(ctx context.Context, o *options, out, errs io.Writer) (int, error)

// verbs returns the commands by name.
func verbs() map[string]command {
	return map[string]command{
		"check":    check,
		"explain":  explain,
		"fix":      fix,
		"lint":     lint,
		"render":   render,
		"simulate": simulate,
	}
}

// run is trust with these arguments, and returns its exit status.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	o, err := parseOptions(args, out)
	if errors.Is(err, flag.ErrHelp) {
		return exitClean
	}
	status := exitUsage
	if err == nil {
		status, err = verbs()[o.verb](ctx, o, out, errs)
	}
	if err != nil {
		fmt.Fprintln(errs, "trust:", printable(err.Error()))
		return exitUsage
	}
	return status
}
