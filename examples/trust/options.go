package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// options is the command line. No flag takes a token: every user of the machine
// can read it.
type options struct {
	verb  string
	paths []string
	cloud string // of render

	tokenFile string

	json, sarif, strict, notes, write bool
	variables                         map[string]string

	name, audience string

	awsAccount, googleProvider string

	rule, projectPath, components, allowWider string
	stableSubject                             bool
}

const usage = `usage: trust check|explain|fix|lint|render aws|render google|render gcloud|render terraform|simulate [flags] [files and folders]

Tests the documents by which clouds trust CI jobs.

`

// parseOptions reads args, and writes the usage to out if they ask for it.
func parseOptions(args []string, out io.Writer) (*options, error) {
	o := &options{variables: map[string]string{}}
	f := flag.NewFlagSet("trust", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	help := func() { // what o.verb takes, or all
		fmt.Fprint(out, usage)
		f.SetOutput(out)
		f.PrintDefaults()
	}
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		o.verb, args = args[0], args[1:]
	}
	if o.verb == "render" && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		o.cloud, args = args[0], args[1:]
	}
	o.flags(f)
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			help()
		}
		return nil, err
	}
	o.paths = f.Args()
	if _, ok := verbs()[o.verb]; !ok {
		return nil, fmt.Errorf("say what to do first: one of %s", strings.Join(slices.Sorted(maps.Keys(verbs())), ", "))
	}
	return o, o.check()
}

// flags declares the flags of o.verb; of all verbs if it is empty.
func (o *options) flags(f *flag.FlagSet) {
	of := func(verbs ...string) bool { return o.verb == "" || slices.Contains(verbs, o.verb) }
	if of("check", "explain", "fix", "lint", "simulate") {
		f.StringVar(&o.tokenFile, "token-file", "", "the token of a job that is meant, or its claims as JSON, in this `file`")
	}
	if of("lint", "simulate") {
		f.Func("var", "the value of a Terraform variable, as `name=value`", func(s string) error {
			name, value, ok := strings.Cut(s, "=")
			if !ok {
				return errors.New("want name=value")
			}
			o.variables[name] = value
			return nil
		})
	}
	if of("lint") {
		f.BoolVar(&o.json, "json", false, "print JSON")
		f.BoolVar(&o.sarif, "sarif", false, "print SARIF 2.1.0, which code hosts read")
		f.BoolVar(&o.strict, "strict", false, "fail as well for what is fragile, and for what cannot be told from the files")
		f.BoolVar(&o.notes, "notes", false, "print as well what is worth knowing and no document can change")
	}
	if of("fix") {
		f.BoolVar(&o.write, "write", false, "write the file, and do not print it")
	}
	if of("simulate") {
		f.StringVar(&o.name, "name", "", "the `resource` to simulate, if the file has several")
		f.StringVar(&o.audience, "client-id", "", "the only `audience` that the AWS provider takes (default: that of the provider in the file, else the token's)")
	}
	if of("explain", "render") {
		f.StringVar(&o.awsAccount, "aws-account", "", "the `number` of the AWS account")
	}
	if of("render") {
		f.StringVar(&o.rule, "rule", "", "the `name` of the policy's rule (default: the only one)")
		f.StringVar(&o.projectPath, "project-path", "", "the `path` of the GitLab project, for a rule that has its ID only")
		f.StringVar(&o.components, "sub-components", "", "the GitLab project's ci_id_token_sub_claim_components, as `a,b,c` (default: GitLab's)")
		f.BoolVar(&o.stableSubject, "stable-subject", false, "map Google's subject to what stays the same from job to job")
		f.StringVar(&o.allowWider, "allow-wider", "", "the `reason` why the document may let in more than the rule")
	}
	if of("explain", "render") {
		f.StringVar(&o.googleProvider, "google-provider", "", "the Google pool provider, its full `name`: //iam.googleapis.com/projects/...")
	}
}

// check refuses what cannot be meant.
func (o *options) check() error {
	switch {
	case o.json && o.sarif:
		return errors.New("--json or --sarif: one of them")
	case o.tokenFile == "" && (o.verb == "simulate" || o.verb == "explain"):
		return fmt.Errorf("%s needs --token-file", o.verb)
	case o.verb == "explain" && len(o.paths) > 0:
		return errors.New("explain takes no files but the one of --token-file")
	case slices.ContainsFunc(o.paths, func(p string) bool { return strings.HasPrefix(p, "-") }):
		return errors.New("flags come before files")
	case o.verb == "render" && !slices.Contains([]string{"aws", "google", "gcloud", "terraform"}, o.cloud):
		return errors.New("say what to render: aws, google, gcloud or terraform")
	case o.verb == "render" && o.cloud == "aws" && o.awsAccount == "", o.cloud == "terraform" && o.awsAccount+o.googleProvider == "":
		return errors.New("for a role of AWS, render needs --aws-account")
	case (o.cloud == "google" || o.cloud == "gcloud") && o.googleProvider == "":
		return errors.New("for a provider of Google, render needs --google-provider")
	case slices.Contains([]string{"check", "fix", "render", "simulate"}, o.verb) && len(o.paths) != 1:
		return fmt.Errorf("%s takes one file", o.verb)
	case o.verb == "lint" && len(o.paths) == 0:
		return errors.New("lint takes files and folders")
	}
	return nil
}
