package trusthcl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/cioidc/cioidc/exchange/trustfile"
	"github.com/cioidc/cioidc/exchange/trustfile/internal/found"
	"github.com/cioidc/cioidc/exchange/trustfile/internal/tree"
)

// MaxBytes is the longest file that [Read] reads.
const MaxBytes = 512 << 10

// File is a file whose name ends in .tf.
type File struct {
	// Name is how documents and errors call the file. It is not opened.
	Name string
	Data []byte
}

// Options say what is known beside the files. A nil *Options is ready for use.
type Options struct {
	// Variables are values of variables by their names, as terraform plan -var
	// takes them. One that is not there has its default, if it has one.
	Variables map[string]string
}

// Read returns the documents in the files of one module, which are those of one
// folder, in the order of the files. Values may come from any of the files.
//
// The error is a *[trustfile.Error], for the first file that is too long, too
// deep or not in Terraform's language.
func Read(files []File, o *Options) ([]trustfile.Document, error) {
	m := &module{
		variables: map[string]*hclsyntax.Block{}, locals: map[string]*hclsyntax.Attribute{},
		blocks: map[string]*hclsyntax.Block{}, source: map[string][]byte{}, budget: maxWork,
	}
	if o != nil {
		m.given = o.Variables
	}
	for i, f := range files {
		// The key has the index, for two files may be given one name.
		key := fmt.Sprintf("%d:%s", i, f.Name)
		body, err := parse(f, key)
		if err != nil {
			return nil, err
		}
		m.source[key] = f.Data
		m.add(body)
	}
	var out []trustfile.Document
	for _, b := range m.resources {
		out = append(out, m.documents(b)...)
	}
	return out, nil
}

func parse(f File, key string) (*hclsyntax.Body, error) {
	fail := func(at hcl.Pos, format string, args ...any) error {
		return &trustfile.Error{File: f.Name, Line: max(1, at.Line), Column: max(1, at.Column), Problem: fmt.Sprintf(format, args...)}
	}
	if len(f.Data) > MaxBytes {
		return nil, fail(hcl.Pos{}, "%d bytes, which is more than the %d that are read", len(f.Data), MaxBytes)
	}
	if at, deep := tooDeep(f.Data, key); deep {
		return nil, fail(at, "nested deeper than %d levels", maxDepth)
	}
	file, diags := hclsyntax.ParseConfig(f.Data, key, hcl.InitialPos)
	for _, d := range diags {
		if d.Severity != hcl.DiagError {
			continue
		}
		at := hcl.InitialPos
		if d.Subject != nil {
			at = d.Subject.Start
		}
		// Only the summary: the detail may quote what is written there.
		return nil, fail(at, "not Terraform: %s", strings.ToLower(d.Summary))
	}
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return nil, fail(hcl.InitialPos, "not Terraform")
	}
	return body, nil
}

// maxDepth is how many brackets and templates may be open at once, and
// maxChained how many operators that take what is on their right may stand in a
// file: the parser calls itself for each.
const (
	maxDepth   = 64
	maxChained = 4096
)

func tooDeep(data []byte, name string) (hcl.Pos, bool) {
	tokens, _ := hclsyntax.LexConfig(data, name, hcl.InitialPos)
	depth, chained := 0, 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc,
			hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc,
			hclsyntax.TokenTemplateSeqEnd:
			depth--
		case hclsyntax.TokenQuestion, hclsyntax.TokenMinus, hclsyntax.TokenBang:
			chained++
		}
		if depth > maxDepth || chained > maxChained {
			return t.Range.Start, true
		}
	}
	return hcl.Pos{}, false
}

// module is what the files of one folder say together.
type module struct {
	given     map[string]string
	variables map[string]*hclsyntax.Block
	locals    map[string]*hclsyntax.Attribute
	blocks    map[string]*hclsyntax.Block // resources by type.name, and data as data.type.name
	resources []*hclsyntax.Block
	source    map[string][]byte
	budget    int
}

func (m *module) add(body *hclsyntax.Body) {
	for _, b := range body.Blocks {
		switch {
		case b.Type == "variable" && len(b.Labels) == 1:
			m.variables[b.Labels[0]] = b
		case b.Type == "locals":
			for name, a := range b.Body.Attributes {
				m.locals[name] = a
			}
		case b.Type == "data" && len(b.Labels) == 2:
			m.blocks["data."+b.Labels[0]+"."+b.Labels[1]] = b
		case b.Type == "resource" && len(b.Labels) == 2:
			m.blocks[b.Labels[0]+"."+b.Labels[1]] = b
			m.resources = append(m.resources, b)
		}
	}
}

// documents returns what a resource has of trust.
func (m *module) documents(b *hclsyntax.Block) (out []trustfile.Document) {
	kind, address := b.Labels[0], b.Labels[0]+"."+b.Labels[1]
	at, file := position(b.DefRange()), b.DefRange().Filename
	e := &evaluator{module: m, file: file}
	var attributes *tree.Node
	switch {
	case kind == "aws_iam_role":
		policy := b.Body.Attributes["assume_role_policy"]
		if policy == nil {
			return nil
		}
		// A document of its own in another file is reported where it is written.
		if data := e.policyDocument(policy.Expr); data != nil && data.DefRange().Filename != file {
			e.file, at = data.DefRange().Filename, position(data.DefRange())
		}
		attributes = &tree.Node{Kind: tree.Object, Members: []tree.Member{{Name: policy.Name, Value: e.value(policy.Expr, 0)}}}
	case kind == "aws_iam_openid_connect_provider", kind == "google_iam_workload_identity_pool_provider",
		strings.HasPrefix(kind, "google_") && (strings.HasSuffix(kind, "_iam_member") || strings.HasSuffix(kind, "_iam_binding")):
		attributes = e.body(b.Body, 0)
	default:
		return nil
	}
	for _, d := range found.Terraform(kind, address, at, attributes) {
		_, name, _ := strings.Cut(e.file, ":")
		out = append(out, document(name, d))
	}
	return out
}

// document gives what was found the types that readers see.
func document(file string, d found.Document) trustfile.Document {
	out := trustfile.Document{Kind: trustfile.Kind(d.Kind), Name: d.Name, File: file, Position: trustfile.Position(d.At), Text: []byte(d.JSON)}
	for _, r := range d.Refs {
		out.Unresolved = append(out.Unresolved, trustfile.Reference{Name: r.Name, Position: trustfile.Position(r.At)})
	}
	for _, r := range d.Remarks {
		out.Remarks = append(out.Remarks, trustfile.Reference{Name: r.Name, Position: trustfile.Position(r.At)})
	}
	for _, s := range d.Assumed {
		if !slices.Contains(out.Assumptions, s) {
			out.Assumptions = append(out.Assumptions, s)
		}
	}
	for _, k := range d.Marks {
		out.Places = append(out.Places, trustfile.Place{Text: trustfile.Position(k.Text), File: trustfile.Position(k.File), Verbatim: k.Verbatim})
	}
	return out
}
