package main

import (
	"errors"
	"strings"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/exchange/googletrust"
	"github.com/cioidc/cioidc/exchange/trustfile"
)

// judgeGoogle looks at a provider of a pool with the role bindings of its members,
// and at bindings for themselves.
func judgeGoogle(d *trustfile.Document, all []trustfile.Document, token claims.Model) ([]finding, error) {
	if d.Kind == trustfile.GoogleBindings {
		_, err := googletrust.ParseBindings(d.Text)
		return refusedByGoogle(d, err)
	}
	p, err := googletrust.ParseProvider(d.Text)
	if err != nil {
		return refusedByGoogle(d, err)
	}
	document := &googletrust.Document{Provider: p}
	places := []*trustfile.Document{} // of each binding, where it is from
	for i := range all {
		if b := &all[i]; b.Kind == trustfile.GoogleBindings && len(b.Unresolved) == 0 {
			list, err := googletrust.ParseBindings(b.Text)
			if err != nil {
				continue // reported with the document itself
			}
			document.Bindings = append(document.Bindings, list...)
			for range list {
				places = append(places, b)
			}
		}
	}
	if token != nil && token.RegisteredClaims().Issuer != p.IssuerURI.Text {
		token = nil // of a folder of many providers, the others do not mean it
	}
	found, err := googletrust.Lint(document, &googletrust.LintOptions{Token: token})
	if err != nil {
		return nil, err
	}
	var out []finding
	for _, l := range found {
		from := d
		if l.Part == googletrust.PartBindings {
			from = bindingAt(document, places, l.Position, d)
		}
		f := at(from, trustfile.Position(l.Position))
		f.Rule, f.Kind, f.Severity = l.ID, string(l.Kind), l.Severity.String()
		f.Problem, f.Story, f.Fix = l.Problem, l.Story, l.Fix
		if w := l.Witness; w != nil {
			f.Witness = &proof{Variant: w.Variant, Story: w.Story, Claims: w.Claims,
				Changed: beside(w.Changed, token.RegisteredClaims().Payload(), w.Claims)}
			withhold(f.Witness, token.RegisteredClaims().Payload())
		}
		out = append(out, f)
	}
	return out, nil
}

// bindingAt returns the document that a binding or a member with this place is of:
// with several documents, places of different ones may be the same, and the first
// is taken.
func bindingAt(document *googletrust.Document, places []*trustfile.Document, at googletrust.Position, otherwise *trustfile.Document) *trustfile.Document {
	for i, b := range document.Bindings {
		if b.Position == at {
			return places[i]
		}
		for _, m := range b.Members {
			if m.Position == at {
				return places[i]
			}
		}
	}
	return otherwise
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
