package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cioidc/cioidc/exchange/awstrust/awsrender"
)

// render writes the document of a cloud that means the same jobs as a rule of a
// policy. What the document cannot say goes to errs.
func render(_ context.Context, o *options, out, errs io.Writer) (int, error) {
	p, err := readPolicy(o.paths[0])
	if err != nil {
		return exitUsage, err
	}
	rule := o.rule
	if rule == "" {
		rules := p.Spec().Rules
		if len(rules) != 1 {
			return exitUsage, fmt.Errorf("the policy has %d rules: choose one by --rule", len(rules))
		}
		rule = rules[0].Name
	}
	target := &awsrender.Target{AccountID: o.awsAccount, ProjectPath: o.projectPath, AllowWider: o.allowWider}
	if o.components != "" {
		target.SubjectComponents = strings.Split(o.components, ",")
	}
	r, err := awsrender.Render(p, rule, target)
	var wider *awsrender.WiderError
	if errors.As(err, &wider) {
		fmt.Fprintln(errs, "trust:", err)
		fmt.Fprintln(errs, "the fields above are flags here: --project-path, --allow-wider")
		return exitDanger, nil
	}
	if err != nil {
		return exitUsage, err
	}
	for _, g := range r.Gaps {
		fmt.Fprintln(errs, "gap:", printable(g.String()))
	}
	if o.cloud == "terraform" {
		fmt.Fprint(out, r.Terraform("ci", resource(rule)))
		return exitClean, nil
	}
	fmt.Fprintln(out, strings.TrimSuffix(r.JSON, "\n"))
	return exitClean, nil
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
