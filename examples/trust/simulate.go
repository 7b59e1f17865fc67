package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cioidc/cioidc/exchange/awstrust"
	"github.com/cioidc/cioidc/exchange/trustfile"
)

// simulate says what STS would answer to a token, by the documents of a file.
func simulate(_ context.Context, o *options, out io.Writer) (int, error) {
	token, err := readToken(o.tokenFile)
	if err != nil {
		return exitUsage, err
	}
	in := readAll(o.paths, o.variables)
	if len(in.errors) > 0 {
		return exitUsage, in.errors[0]
	}
	d, err := chosen(in.documents, o.name)
	if err != nil {
		return exitUsage, err
	}
	if len(d.Unresolved) > 0 {
		for _, r := range d.Unresolved {
			fmt.Fprintf(out, "%s:%s: %s is not in the file\n", printable(d.File), r.Position, printable(r.Name))
		}
		fmt.Fprintln(out, "indeterminate")
		return exitDanger, nil
	}
	policy, err := awstrust.Parse(d.Text)
	if err != nil {
		return exitUsage, fmt.Errorf("%s: %w", d.File, err)
	}
	r := token.RegisteredClaims()
	provider := awstrust.Provider{URL: r.Issuer, ClientIDs: r.Audience}
	taken := "assumed: the provider has the token's audience among its client IDs"
	for _, p := range awsProviders(in.documents) {
		if p.URL == r.Issuer {
			provider, taken = p, ""
		}
	}
	if o.audience != "" {
		provider.ClientIDs, taken = []string{o.audience}, ""
	}
	result := awstrust.Simulate(policy, r.Payload(), provider, nil)
	inFile(d, result)
	fmt.Fprintln(out, result)
	if result.Code != "" {
		fmt.Fprintf(out, "AWS answers %s: %s\n", result.Code, printable(result.Message))
	}
	for _, a := range d.Assumptions {
		fmt.Fprintln(out, "assumed:", printable(a))
	}
	if taken != "" {
		fmt.Fprintln(out, taken)
	}
	if _, c, ok := result.Deciding(); ok {
		fmt.Fprintf(out, "it was decided at %s:%s\n", printable(d.File), trustfile.Position(c.Position))
	}
	if result.Outcome != awstrust.Accepted {
		return exitDanger, nil
	}
	return exitClean, nil
}

// inFile makes the places in a result those in the file: the document may be made
// of something else than JSON.
func inFile(d *trustfile.Document, r *awstrust.Result) {
	move := func(p awstrust.Position) awstrust.Position {
		return awstrust.Position(d.At(trustfile.Position(p)))
	}
	for i := range r.Stages {
		stage := &r.Stages[i]
		for j := range stage.Statements {
			s := &stage.Statements[j]
			stage.Text = strings.ReplaceAll(stage.Text, " at "+s.Position.String()+" ", " at "+move(s.Position).String()+" ")
			s.Position = move(s.Position)
			for k := range s.Checks {
				s.Checks[k].Position = move(s.Checks[k].Position)
			}
		}
	}
}

// chosen returns the role by this name, or the only one.
func chosen(all []trustfile.Document, name string) (*trustfile.Document, error) {
	var names []string
	var only *trustfile.Document
	for i, d := range all {
		if d.Kind != trustfile.AWSRole {
			continue
		}
		if only = &all[i]; name != "" && d.Name == name {
			return only, nil
		}
		names = append(names, d.Name)
	}
	switch {
	case len(names) == 0:
		return nil, errors.New("no trust policy of a role in this file")
	case name != "":
		return nil, fmt.Errorf("no such role: the file has %s", strings.Join(names, ", "))
	case len(names) > 1:
		return nil, fmt.Errorf("several roles: choose one by --name, of %s", strings.Join(names, ", "))
	}
	return only, nil
}

func unmarshal(data []byte, v any) bool { return json.Unmarshal(data, v) == nil }
