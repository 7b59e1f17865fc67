package main

import (
	"errors"
	"strings"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/exchange/googletrust"
	"github.com/cioidc/cioidc/exchange/trustfile"
)

// judgeGoogle looks at a provider of a pool, or at role bindings.
func judgeGoogle(d *trustfile.Document, token claims.Model) ([]finding, error) {
	if d.Kind == trustfile.GoogleBindings {
		_, err := googletrust.ParseBindings(d.Text)
		return refusedByGoogle(d, err)
	}
	p, err := googletrust.ParseProvider(d.Text)
	if err != nil {
		return refusedByGoogle(d, err)
	}
	if token == nil || token.RegisteredClaims().Issuer != p.IssuerURI.Text {
		return nil, nil
	}
	// A provider that does not work for the one job that is meant is broken.
	result := googletrust.Simulate(&googletrust.Document{Provider: p}, token.RegisteredClaims().Payload(), nil)
	if result.Outcome != googletrust.Rejected {
		return nil, nil
	}
	f := at(d, trustfile.Position{})
	if c, ok := result.Deciding(); ok {
		f = at(d, trustfile.Position(c.Position))
		f.Story = c.Why
	}
	last := result.Stages[len(result.Stages)-1]
	f.Rule, f.Kind, f.Severity = "TRUST001", broken, "high"
	f.Problem = "it refuses the job that it is for, at the " + string(last.Name) + ": " + last.Text
	f.Fix = "make the provider fit the token; simulate shows each check"
	return []finding{f}, nil
}

// refusedByGoogle makes a finding of a document that cannot be.
func refusedByGoogle(d *trustfile.Document, err error) ([]finding, error) {
	var bad *googletrust.ParseError
	if !errors.As(err, &bad) {
		return nil, err
	}
	f := at(d, trustfile.Position{Line: bad.Line, Column: bad.Column})
	f.Rule, f.Kind, f.Severity = "REFUSED", broken, "high"
	f.Problem, f.Story = bad.Problem, "Google does not take such a "+strings.TrimPrefix(string(d.Kind), "google-")
	return []finding{f}, nil
}

// bindings returns all role bindings among the documents that are known in full,
// or nil if there are none: what is not in the files is not known.
func bindings(all []trustfile.Document) (list []googletrust.Binding) {
	for _, d := range all {
		if d.Kind != trustfile.GoogleBindings || len(d.Unresolved) > 0 {
			continue
		}
		if b, err := googletrust.ParseBindings(d.Text); err == nil {
			list = append(list, b...)
		}
	}
	return list
}
