package trusthcl

import (
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/cioidc/cioidc/exchange/trustfile/internal/tree"
)

// call works out the functions that documents about trust are written with, and
// returns nil for all others.
func (e *evaluator) call(x *hclsyntax.FunctionCallExpr, depth int) *tree.Node {
	if x.ExpandFinal {
		return nil
	}
	var args []*tree.Node
	for _, a := range x.Args {
		args = append(args, e.value(a, depth))
	}
	at := position(x.Range())
	switch {
	case x.Name == "jsonencode" && len(args) == 1:
		if args[0].Kind == tree.Unknown {
			return nil
		}
		out := e.encoded(args[0])
		out.At = at
		return out
	case (x.Name == "tolist" || x.Name == "toset" || x.Name == "tostring" || x.Name == "nonsensitive") && len(args) == 1:
		return args[0]
	case x.Name == "join" && len(args) == 2 && args[1].Kind == tree.Array:
		return e.joined(at, args[0], args[1].Elements)
	case x.Name == "concat":
		out := &tree.Node{Kind: tree.Array, At: at}
		for _, a := range args {
			if a.Kind != tree.Array {
				return nil
			}
			out.Elements = append(out.Elements, a.Elements...)
		}
		return out
	case x.Name == "format" && len(args) > 0:
		return e.format(at, args[0], args[1:])
	}
	return e.text(x.Name, args, at)
}

func (e *evaluator) joined(at tree.Pos, separator *tree.Node, values []*tree.Node) *tree.Node {
	var parts []*tree.Node
	for i, v := range values {
		if i > 0 {
			parts = append(parts, separator)
		}
		parts = append(parts, v)
	}
	return e.join(at, parts)
}

// format knows the verb %s alone.
func (e *evaluator) format(at tree.Pos, layout *tree.Node, values []*tree.Node) *tree.Node {
	pieces := strings.Split(layout.Str(), "%s")
	if layout.Str() == "" || len(pieces) != len(values)+1 || strings.Contains(strings.Join(pieces, ""), "%") {
		return nil
	}
	parts := []*tree.Node{tree.StringAt(pieces[0], at)}
	for i, v := range values {
		parts = append(parts, v, tree.StringAt(pieces[i+1], at))
	}
	return e.join(at, parts)
}

// text works out functions of texts that are wholly known.
func (e *evaluator) text(name string, args []*tree.Node, at tree.Pos) *tree.Node {
	out := tree.StringAt("", at)
	var s []string
	for _, a := range args {
		if a.Kind != tree.String || len(a.Refs) > 0 {
			return nil
		}
		s = append(s, a.Text)
		out.Assumed = append(out.Assumed, a.Assumed...)
	}
	switch {
	// Between slashes, replace takes a regular expression.
	case name == "replace" && len(s) == 3 && s[1] != "" && !(len(s[1]) > 1 && strings.HasPrefix(s[1], "/") && strings.HasSuffix(s[1], "/")):
		if strings.Count(s[0], s[1])*len(s[2]) > MaxBytes {
			return nil
		}
		out.Text = strings.ReplaceAll(s[0], s[1], s[2])
	case name == "trimprefix" && len(s) == 2:
		out.Text = strings.TrimPrefix(s[0], s[1])
	case name == "trimsuffix" && len(s) == 2:
		out.Text = strings.TrimSuffix(s[0], s[1])
	case name == "lower" && len(s) == 1:
		out.Text = strings.ToLower(s[0])
	case name == "trimspace" && len(s) == 1:
		out.Text = strings.TrimSpace(s[0])
	default:
		return nil
	}
	return out
}
