// Doctor says what a CI job's identity token is worth, and what is wrong with
// it if something is: run it in the job that has the trouble.
//
//	doctor                                    # the job's own token
//	doctor --aws-role arn:aws:iam::123456789012:role/deploy --aws-region eu-west-1
//	doctor --token-file token                 # outside of a job
//	doctor --aws-trust-policy trust.json      # would a role with this policy accept it?
//	doctor --fake                             # no job and no account needed
//
// It prints what it finds, in words or with --json, and never a token. Its exit
// status is 0 if nothing is wrong, 1 if something is, 2 if it was called
// wrongly, 3 if there is no token, 4 if the token's issuer or its keys cannot be
// reached, and 5 if a cloud that was asked refused the token.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/cioidc/cioidc/examples/doctor/internal/checkup"
	"github.com/cioidc/cioidc/examples/internal/fakejob"
)

// exitUsage is the exit status for a command line that makes no sense.
const exitUsage = 2

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// run is doctor with these arguments, and returns its exit status.
func run(ctx context.Context, args, environ []string, out, errs io.Writer) int {
	o, err := parseOptions(args, environ, out)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(errs, "doctor:", err)
		return exitUsage
	}
	cfg, err := o.config(environ)
	if err != nil {
		fmt.Fprintln(errs, "doctor:", err)
		return exitUsage
	}
	if o.fake {
		job, err := fakejob.Start()
		if err != nil {
			fmt.Fprintln(errs, "doctor:", err)
			return int(checkup.Problem)
		}
		defer job.Stop()
		pretend(&cfg, job)
	}
	report := checkup.Run(ctx, cfg)
	if err := o.print(out, report, environ); err != nil {
		fmt.Fprintln(errs, "doctor:", err)
		return int(checkup.Problem)
	}
	return int(report.Class)
}

// pretend makes cfg one of a job of CircleCI whose clouds are in this process.
func pretend(cfg *checkup.Config, job *fakejob.Job) {
	cfg.Environ = nil
	for name, value := range fakejob.CircleCIEnviron(job.Clouds.CircleCI) {
		cfg.Environ = append(cfg.Environ, name+"="+value)
	}
	cfg.Command = func(_ context.Context, args ...string) ([]byte, error) {
		return fakejob.CircleCICommand(job.Clouds.CircleCI, args)
	}
	cfg.Issuers = job.Clouds.Issuers()
	cfg.AWS = &checkup.AWS{Role: job.RoleARN, Region: fakejob.AWSRegion, Endpoint: job.AWSURL}
	cfg.Google = &checkup.Google{Provider: job.GoogleProvider, Endpoint: job.GoogleURL + "/v1/token"}
}

// print writes the report as the options want it.
func (o *options) print(out io.Writer, report *checkup.Report, environ []string) error {
	if o.json {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(report)
	}
	_, err := io.WriteString(out, text(report, colourful(out, environ)))
	return err
}
