package trustfile

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/cioidc/cioidc/exchange/trustfile/internal/found"
	"github.com/cioidc/cioidc/exchange/trustfile/internal/tree"
)

// MaxBytes is the longest file that [Read] reads.
const MaxBytes = 8 << 20

// Read returns the documents about trust in a file, in the order in which they
// stand there. The name decides what the file is written in: YAML if it ends in
// .yaml or .yml, and JSON else. It is not opened. A file that is about something
// else has no documents, and that is no error.
//
// Documents are not checked: hand Text to the reader for its Kind. Every error is
// an *[Error].
func Read(name string, data []byte) ([]Document, error) {
	if len(data) > MaxBytes {
		return nil, &Error{name, 1, 1, fmt.Sprintf("%d bytes, which is more than the %d that are read", len(data), MaxBytes)}
	}
	if strings.HasSuffix(strings.ToLower(name), ".tf.json") {
		return nil, &Error{name, 1, 1, "Terraform's JSON syntax, which is not read: give the output of terraform show -json"}
	}
	var root *tree.Node
	var err error
	switch strings.ToLower(path.Ext(name)) {
	case ".yaml", ".yml":
		root, err = parseYAML(data)
	case ".tf":
		return nil, &Error{name, 1, 1, "Terraform's own language: read it with package trusthcl, or give the output of terraform show -json"}
	default:
		root, err = tree.ParseJSON(bytes.TrimPrefix(data, []byte("\ufeff")))
	}
	if err != nil {
		return nil, failure(name, err)
	}
	var out []Document
	for _, d := range found.Any(root) {
		out = append(out, document(name, d))
	}
	return out, nil
}

func failure(name string, err error) error {
	var at *tree.Error
	if errors.As(err, &at) {
		return &Error{name, at.At.Line, at.At.Column, at.Problem}
	}
	return &Error{name, 1, 1, "cannot be read"}
}

// document gives what was found the types that readers see.
func document(file string, d found.Document) Document {
	out := Document{Kind: Kind(d.Kind), Name: d.Name, File: file, Position: Position(d.At), Text: []byte(d.JSON)}
	for _, r := range d.Refs {
		out.Unresolved = append(out.Unresolved, Reference{r.Name, Position(r.At)})
	}
	for _, r := range d.Remarks {
		out.Remarks = append(out.Remarks, Reference{r.Name, Position(r.At)})
	}
	seen := map[string]bool{}
	for _, s := range d.Assumed {
		if !seen[s] {
			seen[s], out.Assumptions = true, append(out.Assumptions, s)
		}
	}
	for _, m := range d.Marks {
		out.Places = append(out.Places, Place{Position(m.Text), Position(m.File), m.Verbatim})
	}
	return out
}
