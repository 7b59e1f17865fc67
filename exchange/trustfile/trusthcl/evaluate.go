package trusthcl

import (
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/cioidc/cioidc/exchange/trustfile/internal/tree"
)

// maxWork is how much is worked out of one module, in values and in pieces of
// 16 bytes: locals that refer to each other twice grow without end.
const maxWork = 1 << 17

// evaluator works out expressions of one file.
type evaluator struct {
	*module
	file string
}

func position(r hcl.Range) tree.Pos {
	return tree.Pos{Line: max(1, r.Start.Line), Column: max(1, r.Start.Column)}
}

// written returns the text of an expression, shortened, to name it by.
func (e *evaluator) written(r hcl.Range) string {
	src := e.source[r.Filename]
	if r.Start.Byte < 0 || r.End.Byte > len(src) || r.Start.Byte >= r.End.Byte {
		return "an expression"
	}
	text := strings.Join(strings.Fields(string(src[r.Start.Byte:r.End.Byte])), " ")
	if runes := []rune(text); len(runes) > 80 {
		text = string(runes[:77]) + "..."
	}
	return strings.ToValidUTF8(text, "?")
}

func (e *evaluator) unknown(expr hclsyntax.Expression) *tree.Node {
	return tree.UnknownAt(e.written(expr.Range()), position(expr.Range()))
}

// value returns what an expression comes to, or an unknown value with its name.
func (e *evaluator) value(expr hclsyntax.Expression, depth int) *tree.Node {
	if e.budget--; depth > maxDepth || e.budget < 0 {
		return e.unknown(expr)
	}
	out := e.known(expr, depth+1)
	if out == nil {
		return e.unknown(expr)
	}
	e.budget -= len(out.Text) / 16
	return out
}

// known returns nil for what it does not know.
func (e *evaluator) known(expr hclsyntax.Expression, depth int) *tree.Node {
	at := position(expr.Range())
	switch x := expr.(type) {
	case *hclsyntax.LiteralValueExpr:
		return e.literal(x)
	case *hclsyntax.ParenthesesExpr:
		return e.value(x.Expression, depth)
	case *hclsyntax.TemplateWrapExpr:
		return e.value(x.Wrapped, depth)
	case *hclsyntax.TemplateExpr:
		var parts []*tree.Node
		for _, p := range x.Parts {
			parts = append(parts, e.value(p, depth))
		}
		return e.join(at, parts)
	case *hclsyntax.TupleConsExpr:
		out := &tree.Node{Kind: tree.Array, At: at}
		for _, v := range x.Exprs {
			out.Elements = append(out.Elements, e.value(v, depth))
		}
		return out
	case *hclsyntax.ObjectConsExpr:
		out := &tree.Node{Kind: tree.Object, At: at}
		for _, item := range x.Items {
			name := e.name(item.KeyExpr, depth)
			name.Value = e.value(item.ValueExpr, depth)
			out.Members = append(out.Members, name)
		}
		out.Members = lastOnes(out.Members)
		return out
	case *hclsyntax.FunctionCallExpr:
		return e.call(x, depth)
	case *hclsyntax.ScopeTraversalExpr:
		return e.reference(x, depth)
	}
	return nil
}

// lastOnes leaves out members of which a later one has the name, as Terraform does.
func lastOnes(list []tree.Member) (out []tree.Member) {
	last := map[string]int{}
	for i, m := range list {
		last[m.Name] = i
	}
	for i, m := range list {
		if last[m.Name] == i || len(m.Refs) > 0 {
			out = append(out, m)
		}
	}
	return out
}

// name returns a member without its value.
func (e *evaluator) name(expr hclsyntax.Expression, depth int) tree.Member {
	out := tree.Member{At: position(expr.Range())}
	if key, ok := expr.(*hclsyntax.ObjectConsKeyExpr); ok {
		if out.Name = hcl.ExprAsKeyword(key.Wrapped); out.Name != "" && !key.ForceNonLiteral {
			return out
		}
		expr = key.Wrapped
	}
	v := e.value(expr, depth)
	switch v.Kind {
	case tree.String, tree.Number, tree.Bool:
		out.Name, out.Refs = v.Text, v.Refs
	default:
		if v.Kind != tree.Unknown {
			v = e.unknown(expr)
		}
		out.Name, out.Refs = "${"+v.Refs[0].Name+"}", v.Refs
	}
	return out
}

// join puts texts together, unless that is too much.
func (e *evaluator) join(at tree.Pos, parts []*tree.Node) *tree.Node {
	size := 0
	for _, p := range parts {
		size += len(p.Text)
	}
	if e.budget -= size / 16; size > MaxBytes || e.budget < 0 {
		return nil
	}
	if out, ok := tree.Join(at, parts...); ok {
		return out
	}
	return nil
}

func (e *evaluator) literal(x *hclsyntax.LiteralValueExpr) *tree.Node {
	out := &tree.Node{At: position(x.SrcRange)}
	switch v := x.Val; {
	case v.IsNull():
	case v.Type() == cty.Bool:
		out.Kind, out.Text = tree.Bool, "false"
		if v.True() {
			out.Text = "true"
		}
	case v.Type() == cty.Number:
		out.Kind, out.Text = tree.Number, v.AsBigFloat().Text('f', -1)
	case v.Type() == cty.String:
		out.Kind, out.Text = tree.String, v.AsString()
		out.Marks = e.lines(x.SrcRange, out.Text)
	default:
		return nil
	}
	return out
}

// lines returns where the lines of a literal stand: in a heredoc of <<- they are
// indented in the file, and not in the text.
func (e *evaluator) lines(r hcl.Range, text string) (marks []tree.Mark) {
	src := e.source[r.Filename]
	if r.Start.Byte < 0 || r.End.Byte > len(src) || r.Start.Byte > r.End.Byte {
		return nil
	}
	in, of := strings.Split(string(src[r.Start.Byte:r.End.Byte]), "\n"), strings.Split(text, "\n")
	if len(in) != len(of) {
		return nil
	}
	for i, line := range of {
		at := tree.Pos{Line: r.Start.Line + i, Column: 1}
		if i == 0 {
			at.Column = max(1, r.Start.Column)
		}
		indent, ok := strings.CutSuffix(in[i], line)
		at.Column += len(indent)
		marks = append(marks, tree.Mark{Text: tree.Pos{Line: i + 1, Column: 1}, File: at, Verbatim: ok})
	}
	return marks
}

// body returns attributes and blocks as one object, in which blocks are lists.
func (e *evaluator) body(b *hclsyntax.Body, depth int) *tree.Node {
	out := &tree.Node{Kind: tree.Object, At: position(b.SrcRange)}
	if depth > maxDepth {
		return out
	}
	for _, a := range inOrder(b) {
		out.Members = append(out.Members, tree.Member{Name: a.Name, At: position(a.NameRange), Value: e.value(a.Expr, depth+1)})
	}
	for _, block := range b.Blocks {
		at := position(block.DefRange())
		if block.Type == "dynamic" && len(block.Labels) == 1 {
			out.Members = append(out.Members, tree.Member{Name: block.Labels[0], At: at, Value: tree.UnknownAt("dynamic "+block.Labels[0], at)})
			continue
		}
		list := out.Get(block.Type)
		if list == nil {
			list = &tree.Node{Kind: tree.Array, At: at}
			out.Members = append(out.Members, tree.Member{Name: block.Type, At: at, Value: list})
		}
		if list.Kind == tree.Array {
			inner := e.body(block.Body, depth+1)
			inner.At = at // the block's name, not its brace
			list.Elements = append(list.Elements, inner)
		}
	}
	return out
}

// inOrder returns the attributes as they stand in the file.
func inOrder(b *hclsyntax.Body) (list []*hclsyntax.Attribute) {
	for _, a := range b.Attributes {
		list = append(list, a)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].NameRange.Start.Byte < list[j].NameRange.Start.Byte })
	return list
}
