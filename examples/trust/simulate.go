package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/exchange/awstrust"
	"github.com/cioidc/cioidc/exchange/googletrust"
	"github.com/cioidc/cioidc/exchange/trustfile"
)

// simulate says what a cloud would answer to a token, by the documents of a file.
func simulate(_ context.Context, o *options, out, _ io.Writer) (int, error) {
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
	simulated := simulateAWS
	if d.Kind == trustfile.GoogleProvider {
		simulated = simulateGoogle
	}
	accepted, err := simulated(o, d, in.documents, token, out)
	if err != nil {
		return exitUsage, fmt.Errorf("%s: %w", d.File, err)
	}
	for _, a := range d.Assumptions {
		fmt.Fprintln(out, "assumed:", printable(a))
	}
	if !accepted {
		return exitDanger, nil
	}
	return exitClean, nil
}

func simulateAWS(o *options, d *trustfile.Document, all []trustfile.Document, token claims.Model, out io.Writer) (bool, error) {
	policy, err := awstrust.Parse(d.Text)
	if err != nil {
		return false, err
	}
	r := token.RegisteredClaims()
	provider := awstrust.Provider{URL: r.Issuer, ClientIDs: r.Audience}
	taken := "assumed: the provider has the token's audience among its client IDs"
	for _, p := range awsProviders(all) {
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
	answer(out, "AWS", result.Code, result.Message)
	if taken != "" {
		fmt.Fprintln(out, taken)
	}
	if _, c, ok := result.Deciding(); ok {
		fmt.Fprintf(out, "it was decided at %s:%s\n", printable(d.File), c.Position)
	}
	return result.Outcome == awstrust.Accepted, nil
}

func simulateGoogle(_ *options, d *trustfile.Document, all []trustfile.Document, token claims.Model, out io.Writer) (bool, error) {
	provider, err := googletrust.ParseProvider(d.Text)
	if err != nil {
		return false, err
	}
	document := &googletrust.Document{Provider: provider, Bindings: bindings(all)}
	result := googletrust.Simulate(document, token.RegisteredClaims().Payload(), nil)
	for i := range result.Stages {
		for j := range result.Stages[i].Checks {
			// Bindings may be of several files: their places are left as they are.
			if c := &result.Stages[i].Checks[j]; c.Part == googletrust.PartProvider {
				c.Position = googletrust.Position(d.At(trustfile.Position(c.Position)))
			}
		}
	}
	fmt.Fprintln(out, result)
	answer(out, "Google", result.Code, result.Message)
	for _, name := range result.Principals {
		fmt.Fprintln(out, "in the pool it is", printable(name))
	}
	if document.Bindings == nil {
		fmt.Fprintln(out, "no role bindings are in the file: only the provider was looked at")
	}
	return result.Outcome == googletrust.Accepted, nil
}

// answer prints what a cloud says to a token that it refuses.
func answer(out io.Writer, cloud, code, message string) {
	if code != "" {
		fmt.Fprintf(out, "%s answers %s: %s\n", cloud, code, printable(message))
	}
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

// chosen returns the role or the provider by this name, or the only one.
func chosen(all []trustfile.Document, name string) (*trustfile.Document, error) {
	var names []string
	var only *trustfile.Document
	for i, d := range all {
		if d.Kind != trustfile.AWSRole && d.Kind != trustfile.GoogleProvider {
			continue
		}
		if only = &all[i]; name != "" && d.Name == name {
			return only, nil
		}
		names = append(names, d.Name)
	}
	switch {
	case len(names) == 0:
		return nil, errors.New("no trust policy of a role and no provider of a pool in this file")
	case name != "":
		return nil, fmt.Errorf("no such document: the file has %s", strings.Join(names, ", "))
	case len(names) > 1:
		return nil, fmt.Errorf("several documents: choose one by --name, of %s", strings.Join(names, ", "))
	}
	return only, nil
}

func unmarshal(data []byte, v any) bool { return json.Unmarshal(data, v) == nil }
