package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/cioidc/cioidc/examples/doctor/internal/checkup"
)

// options is the command line. No flag takes a token: every user of the machine
// can read it.
type options struct {
	tokenFile, audience string

	awsRole, awsRegion, awsAudience, awsEndpoint string
	googleProvider, googleAudience, googleSTS    string

	awsTrustPolicy, googleConfiguration string
	awsProviders                        files

	showUser, json, fake bool
}

const usage = `usage: doctor [flags]

Examines the identity token of the CI job that it runs in.

`

// parseOptions reads args, and writes the usage to out if they ask for it.
func parseOptions(args, environ []string, out io.Writer) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("doctor", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.tokenFile, "token-file", "", "examine the token in this `file`, not the job's")
	f.StringVar(&o.audience, "audience", "", "the `audience` of the token to examine (default: that of the job's own token)")
	f.StringVar(&o.awsRole, "aws-role", "", "try to assume this AWS role, an `ARN`")
	f.StringVar(&o.awsRegion, "aws-region", "", "the AWS `region` (default: AWS_REGION, else AWS_DEFAULT_REGION)")
	f.StringVar(&o.awsAudience, "aws-audience", "", "the `audience` of the token for AWS (default: --audience)")
	f.StringVar(&o.awsEndpoint, "aws-sts-endpoint", "", "the base `URL` of an STS other than AWS's own")
	f.StringVar(&o.googleProvider, "google-provider", "", "try this Google pool provider, its full `name`: //iam.googleapis.com/projects/...")
	f.StringVar(&o.googleAudience, "google-audience", "", "the `audience` of the token for Google (default: https: and the provider)")
	f.StringVar(&o.googleSTS, "google-sts-endpoint", "", "the base `URL` of an STS other than Google's own")
	f.StringVar(&o.awsTrustPolicy, "aws-trust-policy", "", "hold the token against the trust policy in this `file`, also without --aws-role")
	f.Var(&o.awsProviders, "aws-provider", "a `file` with what aws iam get-open-id-connect-provider prints; once for each provider of the account")
	f.StringVar(&o.googleConfiguration, "google-configuration", "", "hold the token against the pool provider in this `file`, as gcloud iam workload-identity-pools providers describe --format=json prints it")
	f.BoolVar(&o.showUser, "show-user", false, "show the claims that name a person, user_login and user_email")
	f.BoolVar(&o.json, "json", false, "print JSON")
	f.BoolVar(&o.fake, "fake", false, "try it out: be a job of CircleCI, with AWS and Google in miniature")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(out, usage)
			f.SetOutput(out)
			f.PrintDefaults()
		}
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, errors.New("what is left over is no flag; give a token by --token-file, never on the command line")
	}
	if o.awsRole != "" && o.awsRegion == "" {
		o.awsRegion = lookup(environ, "AWS_REGION", "AWS_DEFAULT_REGION")
	}
	return o, o.check()
}

// check refuses flags that would have no effect.
func (o *options) check() error {
	switch {
	case o.fake && o.tokenFile+o.awsRole+o.awsRegion+o.awsAudience+o.awsEndpoint+o.googleProvider+o.googleAudience+o.googleSTS != "":
		return errors.New("--fake brings a token and clouds of its own: leave the flags that name others out")
	case o.awsRole == "" && o.awsRegion+o.awsAudience+o.awsEndpoint != "":
		return errors.New("a flag for AWS, but no --aws-role")
	case o.awsRole+o.awsTrustPolicy == "" && len(o.awsProviders) > 0:
		return errors.New("--aws-provider explains what --aws-role or --aws-trust-policy gives: add one of these")
	case o.googleProvider == "" && o.googleAudience+o.googleSTS != "":
		return errors.New("a flag for Google, but no --google-provider")
	case o.awsRole != "" && o.awsRegion == "":
		return errors.New("--aws-role needs --aws-region, or AWS_REGION in the environment")
	case o.tokenFile != "" && o.awsAudience+o.googleAudience != "":
		return errors.New("the token of --token-file is presented as it is: leave --aws-audience and --google-audience out")
	}
	return nil
}

// config says what to examine.
func (o *options) config(environ []string) (checkup.Config, error) {
	cfg := checkup.Config{Environ: environ, Audience: o.audience, ShowUser: o.showUser}
	if o.tokenFile != "" {
		token, err := readFile(o.tokenFile, "token")
		if err != nil {
			return cfg, err
		}
		cfg.Token, cfg.TokenName = token, o.tokenFile
	}
	if err := o.known(&cfg); err != nil {
		return cfg, err
	}
	if o.awsRole != "" {
		cfg.AWS = &checkup.AWS{Role: o.awsRole, Region: o.awsRegion, Audience: o.awsAudience, Endpoint: o.awsEndpoint}
	}
	if o.googleProvider != "" {
		cfg.Google = &checkup.Google{Provider: o.googleProvider, Audience: o.googleAudience}
		if o.googleSTS != "" {
			cfg.Google.Endpoint = strings.TrimSuffix(o.googleSTS, "/") + "/v1/token"
		}
	}
	return cfg, nil
}

// lookup returns the first of the variables that has a value.
func lookup(environ []string, names ...string) string {
	for _, name := range names {
		for _, pair := range environ {
			if value, ok := strings.CutPrefix(pair, name+"="); ok && value != "" {
				return value
			}
		}
	}
	return ""
}
