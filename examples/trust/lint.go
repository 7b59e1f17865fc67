package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/exchange/trustfile"
)

// report is what lint found, as --json prints it.
type report struct {
	// Documents is how many documents were looked at.
	Documents int       `json:"documents"`
	Findings  []finding `json:"findings"`
	// Errors are files that could not be read.
	Errors []string `json:"errors"`
}

// lint looks for what is wrong with the documents in files and folders.
func lint(_ context.Context, o *options, out, _ io.Writer) (int, error) {
	token, err := readToken(o.tokenFile)
	if err != nil {
		return exitUsage, err
	}
	in := readAll(o.paths, o.variables)
	r := &report{Documents: len(in.documents), Findings: []finding{}, Errors: []string{}}
	for _, err := range in.errors {
		r.Errors = append(r.Errors, err.Error())
	}
	for _, d := range in.documents {
		found, err := judge(&d, in.documents, token)
		if err != nil {
			return exitUsage, err
		}
		r.Findings = append(r.Findings, found...)
	}
	if !o.notes {
		r.Findings = slices.DeleteFunc(r.Findings, func(f finding) bool { return f.Kind == note })
	}
	sorted(r.Findings)
	if err := r.print(o, out); err != nil {
		return exitUsage, err
	}
	if r.Documents == 0 && len(r.Errors) == 0 {
		return exitUsage, errors.New("no trust document in these files")
	}
	return r.status(o.strict), nil
}

func (r *report) status(strict bool) int {
	if len(r.Errors) > 0 {
		return exitUsage
	}
	for _, f := range r.Findings {
		if f.danger(strict) {
			return exitDanger
		}
	}
	return exitClean
}

func (r *report) print(o *options, out io.Writer) error {
	switch {
	case o.sarif:
		return encode(out, toSARIF(r))
	case o.json:
		return encode(out, r)
	}
	_, err := io.WriteString(out, text(r))
	return err
}

func encode(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// judge returns what there is to say about a document, which may need the others.
func judge(d *trustfile.Document, all []trustfile.Document, token claims.Model) ([]finding, error) {
	var out []finding
	for _, r := range d.Unresolved {
		f := at(d, trustfile.Position{})
		f.Line, f.Column = r.Position.Line, r.Position.Column
		f.Rule, f.Kind, f.Severity = "UNRESOLVED", indeterminate, "info"
		f.Problem = fmt.Sprintf("%s is not in the files, and without it this document cannot be judged", r.Name)
		f.Fix = elsewhere(d.File, r.Name)
		out = append(out, f)
	}
	for _, r := range d.Remarks {
		f := at(d, trustfile.Position{})
		f.Line, f.Column = r.Position.Line, r.Position.Column
		f.Rule, f.Kind, f.Severity = "AWS022", tooBroad, "high"
		f.Problem = r.Name
		f.Story = "two conditions that were both to hold became one that holds if either does"
		f.Fix = "write one block, with the values of which one has to be met"
		out = append(out, f)
	}
	if len(d.Unresolved) > 0 {
		return out, nil
	}
	var found []finding
	var err error
	switch d.Kind {
	case trustfile.AWSRole:
		found, err = judgeAWS(d, all, token)
	case trustfile.GoogleProvider, trustfile.GoogleBindings:
		found, err = judgeGoogle(d, all, token)
	}
	return append(out, found...), err
}

// elsewhere says where a value may be found that a file does not have.
func elsewhere(file, name string) string {
	switch {
	case strings.HasPrefix(name, "var."):
		return "give its value by --var " + strings.TrimPrefix(name, "var.") + "=..., or check what terraform show -json prints of the plan"
	case strings.HasSuffix(file, ".tf"):
		return "check what terraform show -json prints of the plan"
	}
	return "check what is there once it is deployed, as aws iam get-role or gcloud print it"
}
