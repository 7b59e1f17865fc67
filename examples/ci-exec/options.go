//go:build linux || darwin

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"
)

// options is the command line. No flag takes a secret: every user of the
// machine can read it.
type options struct {
	awsRole, awsRegion, awsAudience, awsEndpoint string
	awsDuration                                  time.Duration

	googleProvider, googleAudience, googleAccount string
	googleSTS, googleIAM                          string

	keep    names
	fake    bool
	command []string
}

// names is a flag that may be given more than once.
type names []string

func (n *names) String() string { return strings.Join(*n, ", ") }

func (n *names) Set(value string) error {
	if value == "" || strings.Contains(value, "=") {
		return errors.New("give the name of a variable")
	}
	*n = append(*n, value)
	return nil
}

const usage = `usage: ci-exec [flags] -- command [arguments]

Runs a command in a CI job with credentials for AWS (--aws-role), Google
(--google-provider) or both, which stay fresh for as long as it runs.

`

// parseOptions reads args, and writes the usage to out if they ask for it.
func parseOptions(args []string, out io.Writer) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("ci-exec", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.awsRole, "aws-role", "", "the AWS role to assume, an `ARN`")
	f.StringVar(&o.awsRegion, "aws-region", "", "the AWS `region` (default: AWS_REGION, else AWS_DEFAULT_REGION)")
	f.StringVar(&o.awsAudience, "aws-audience", "", "the `audience` of the token for AWS (default: that of the job's own token)")
	f.DurationVar(&o.awsDuration, "aws-duration", 0, "how long each AWS session is, 15m to 12h (default: one hour)")
	f.StringVar(&o.awsEndpoint, "aws-sts-endpoint", "", "the base `URL` of an STS other than AWS's own")
	f.StringVar(&o.googleProvider, "google-provider", "", "the full `name` of the Google pool provider: //iam.googleapis.com/projects/...")
	f.StringVar(&o.googleAudience, "google-audience", "", "the `audience` of the token for Google (default: https: and the provider)")
	f.StringVar(&o.googleAccount, "google-service-account", "", "the `email` of a service account to become")
	f.StringVar(&o.googleSTS, "google-sts-endpoint", "", "the base `URL` of an STS other than Google's own")
	f.StringVar(&o.googleIAM, "google-iam-endpoint", "", "the base `URL` of an IAM Credentials API other than Google's own")
	f.Var(&o.keep, "keep-env", "keep the `variable` in the command's environment; may be repeated")
	f.BoolVar(&o.fake, "fake", false, "try it out: be a job of CircleCI, and run AWS and Google in miniature")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(out, usage)
			f.SetOutput(out)
			f.PrintDefaults()
		}
		return nil, err
	}
	if o.command = f.Args(); len(o.command) == 0 {
		return nil, errors.New("no command: usage: ci-exec [flags] -- command [arguments]")
	}
	return o, o.check()
}

// check refuses flags that would have no effect: whoever gave one expects more
// than the command would get.
func (o *options) check() error {
	if o.fake {
		if o.awsRole+o.awsRegion+o.awsAudience+o.awsEndpoint+o.googleProvider+o.googleAudience+o.googleSTS+o.googleIAM != "" {
			return errors.New("--fake brings clouds of its own: leave the flags that name others out")
		}
		return nil
	}
	if o.awsRole == "" && o.googleProvider == "" {
		return errors.New("no credentials asked for: give --aws-role, --google-provider or both (or --fake to try it out)")
	}
	if o.awsRole == "" && (o.awsRegion+o.awsAudience+o.awsEndpoint != "" || o.awsDuration != 0) {
		return errors.New("a flag for AWS, but no --aws-role")
	}
	if o.googleProvider == "" && o.googleAudience+o.googleAccount+o.googleSTS+o.googleIAM != "" {
		return errors.New("a flag for Google, but no --google-provider")
	}
	return nil
}
