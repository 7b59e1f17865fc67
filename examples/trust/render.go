package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cioidc/cioidc/exchange/awstrust/awsrender"
	"github.com/cioidc/cioidc/exchange/googletrust"
	"github.com/cioidc/cioidc/oidc/policy"
)

// render writes the documents of a cloud that mean the same jobs as a rule of a
// policy. What they cannot say goes to errs.
func render(_ context.Context, o *options, out, errs io.Writer) (int, error) {
	p, err := readPolicy(o.paths[0])
	if err != nil {
		return exitUsage, err
	}
	if o.rule == "" {
		rules := p.Spec().Rules
		if len(rules) != 1 {
			return exitUsage, fmt.Errorf("the policy has %d rules: choose one by --rule", len(rules))
		}
		o.rule = rules[0].Name
	}
	var parts []string
	if o.cloud == "aws" || o.cloud == "terraform" && o.awsAccount != "" {
		text, err := o.renderAWS(p, errs)
		if err != nil {
			return tooWide(err, errs)
		}
		parts = append(parts, text)
	}
	if o.cloud != "aws" && o.googleProvider != "" {
		text, err := o.renderGoogle(p, errs)
		if err != nil {
			return tooWide(err, errs)
		}
		parts = append(parts, text)
	}
	_, err = io.WriteString(out, strings.Join(parts, "\n"))
	return exitClean, err
}

// tooWide tells a document that would let in more than its rule, which is danger,
// from other errors.
func tooWide(err error, errs io.Writer) (int, error) {
	var aws *awsrender.WiderError
	var google *googletrust.WiderError
	if !errors.As(err, &aws) && !errors.As(err, &google) {
		return exitUsage, err
	}
	fmt.Fprintln(errs, "trust:", err)
	fmt.Fprintln(errs, "the fields of Target are flags here: --project-path, --allow-wider")
	return exitDanger, nil
}

func (o *options) renderAWS(p *policy.Policy, errs io.Writer) (string, error) {
	target := &awsrender.Target{AccountID: o.awsAccount, ProjectPath: o.projectPath, AllowWider: o.allowWider}
	if o.components != "" {
		target.SubjectComponents = strings.Split(o.components, ",")
	}
	r, err := awsrender.Render(p, o.rule, target)
	if err != nil {
		return "", err
	}
	for _, g := range r.Gaps {
		fmt.Fprintln(errs, "gap:", printable(g.String()))
	}
	if o.cloud == "terraform" {
		return r.Terraform("ci", resource(o.rule)), nil
	}
	return strings.TrimSuffix(r.JSON, "\n") + "\n", nil
}

func (o *options) renderGoogle(p *policy.Policy, errs io.Writer) (string, error) {
	pool, id, err := o.pool()
	if err != nil {
		return "", err
	}
	r, err := googletrust.Render(p, o.rule, &googletrust.Target{
		ProjectNumber: pool.Project, Pool: pool.ID, Provider: id, StableSubject: o.stableSubject, AllowWider: o.allowWider,
	})
	if err != nil {
		return "", err
	}
	for _, g := range r.Gaps {
		fmt.Fprintln(errs, "gap:", printable(g.String()))
	}
	switch o.cloud {
	case "terraform":
		return r.Terraform(resource(o.rule), "google_service_account.deploy.name"), nil
	case "gcloud":
		return r.Gcloud(), nil
	}
	bindings, err := googletrust.MarshalBindings(r.Document.Bindings)
	if err != nil {
		return "", err
	}
	// Both in one text, which lint and simulate read.
	var b strings.Builder
	err = encode(&b, []any{r.Document.Provider, json.RawMessage(bindings)})
	return b.String(), err
}

// resource makes a rule's name one that Terraform takes for a resource.
func resource(rule string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '-'
	}, rule)
	if name == "" || name[0] == '-' || name[0] >= '0' && name[0] <= '9' {
		name = "rule-" + strings.TrimLeft(name, "-")
	}
	return name
}
