package trusthcl

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/cioidc/cioidc/exchange/trustfile/internal/found"
	"github.com/cioidc/cioidc/exchange/trustfile/internal/tree"
)

// path returns the names of a reference. An index of a resource is left out: all
// that were made by one block are alike in what the file says of them.
func path(t hcl.Traversal) (names []string, ok bool) {
	for i, step := range t {
		switch s := step.(type) {
		case hcl.TraverseRoot:
			names = append(names, s.Name)
		case hcl.TraverseAttr:
			names = append(names, s.Name)
		case hcl.TraverseIndex:
			if i < 2 || names[0] == "var" || names[0] == "local" {
				return nil, false
			}
		default:
			return nil, false
		}
	}
	return names, len(names) > 1
}

// reference returns nil for one that the files do not answer.
func (e *evaluator) reference(x *hclsyntax.ScopeTraversalExpr, depth int) *tree.Node {
	names, ok := path(x.Traversal)
	if !ok {
		return nil
	}
	at := position(x.SrcRange)
	switch names[0] {
	case "var":
		return member(e.variable(names[1], at, depth), names[2:])
	case "local":
		if a := e.locals[names[1]]; a != nil {
			return member(e.elsewhere(a.Expr, at, depth), names[2:])
		}
		return nil
	case "data":
		if len(names) == 4 {
			return e.data(names, at, depth)
		}
		return nil
	}
	if len(names) != 3 {
		return nil
	}
	block := e.blocks[names[0]+"."+names[1]]
	switch names[0] {
	case "aws_iam_openid_connect_provider":
		return e.provider(block, names[2], at, depth)
	case "google_iam_workload_identity_pool":
		return e.pool(block, names[2], at, depth)
	}
	return nil
}

// member follows the names behind a variable or a local.
func member(n *tree.Node, names []string) *tree.Node {
	if n == nil || len(names) > 0 && n.Kind != tree.Object {
		return nil
	}
	return n.Get(names...)
}

func (e *evaluator) variable(name string, at tree.Pos, depth int) *tree.Node {
	if value, ok := e.given[name]; ok {
		if !isText(e.variables[name]) {
			return nil // an expression, of which a text would be another value
		}
		return tree.StringAt(value, at)
	}
	b := e.variables[name]
	if b == nil || b.Body.Attributes["default"] == nil {
		return nil
	}
	out := e.elsewhere(b.Body.Attributes["default"].Expr, at, depth)
	if out.Kind == tree.Null || out.Kind == tree.Unknown {
		return nil
	}
	out = out.Changed()
	out.Assumed = append(out.Assumed[:len(out.Assumed):len(out.Assumed)], "var."+name+" has its default")
	return out
}

// isText says whether a variable takes what it is given as it is.
func isText(b *hclsyntax.Block) bool {
	if b == nil || b.Body.Attributes["type"] == nil {
		return true
	}
	return hcl.ExprAsKeyword(b.Body.Attributes["type"].Expr) == "string"
}

// elsewhere works out an expression that may stand in another file: what comes of
// it is then said to stand where it is referred to.
func (e *evaluator) elsewhere(expr hclsyntax.Expression, at tree.Pos, depth int) *tree.Node {
	file := expr.Range().Filename
	out := (&evaluator{module: e.module, file: file}).value(expr, depth)
	if file != e.file {
		out = moved(out, at)
	}
	return out
}

// moved returns n with everything in it at one place.
func moved(n *tree.Node, at tree.Pos) *tree.Node {
	out := n.Changed()
	out.At, out.Marks, out.Elements, out.Members = at, nil, nil, nil
	out.Refs, out.Remarks = movedRefs(n.Refs, at), movedRefs(n.Remarks, at)
	for _, e := range n.Elements {
		out.Elements = append(out.Elements, moved(e, at))
	}
	for _, m := range n.Members {
		out.Members = append(out.Members, tree.Member{Name: m.Name, At: at, Value: moved(m.Value, at), Refs: movedRefs(m.Refs, at)})
	}
	return out
}

func movedRefs(list []tree.Ref, at tree.Pos) (out []tree.Ref) {
	for _, r := range list {
		out = append(out, tree.Ref{Name: r.Name, At: at})
	}
	return out
}

func (e *evaluator) data(names []string, at tree.Pos, depth int) *tree.Node {
	switch attribute := names[3]; names[1] + "." + attribute {
	case "aws_caller_identity.account_id":
		return assumed(found.Account, found.AssumedAccount, at)
	case "google_project.number":
		return assumed(found.Account, found.AssumedProject, at)
	case "aws_partition.partition":
		return assumed("aws", found.AssumedPartition, at)
	case "aws_iam_openid_connect_provider.arn", "aws_iam_openid_connect_provider.url":
		return e.provider(e.blocks[strings.Join(names[:3], ".")], attribute, at, depth)
	case "aws_iam_policy_document.json", "aws_iam_policy_document.minified_json":
		b := e.blocks[strings.Join(names[:3], ".")]
		if b == nil {
			return nil
		}
		file := b.DefRange().Filename
		out := (&evaluator{module: e.module, file: file}).encoded((&evaluator{module: e.module, file: file}).policy(b, depth))
		if file != e.file {
			out = moved(out, at)
		}
		return out
	}
	return nil
}

func assumed(text, sentence string, at tree.Pos) *tree.Node {
	out := tree.StringAt(text, at)
	out.Assumed = []string{sentence}
	return out
}

// provider returns the ARN or the URL of an OpenID Connect provider.
func (e *evaluator) provider(b *hclsyntax.Block, attribute string, at tree.Pos, depth int) *tree.Node {
	if b == nil {
		return nil
	}
	if a := b.Body.Attributes[attribute]; a != nil { // the ARN too, of a data source
		return e.elsewhere(a.Expr, at, depth)
	}
	url := b.Body.Attributes["url"]
	if attribute != "arn" || url == nil {
		return nil
	}
	out := e.elsewhere(url.Expr, at, depth)
	if out.Str() == "" {
		return nil
	}
	return found.ProviderARN(out, at)
}

// pool returns the ID or the name of a workload identity pool, which has the
// number of a project in it.
func (e *evaluator) pool(b *hclsyntax.Block, attribute string, at tree.Pos, depth int) *tree.Node {
	if b == nil || b.Body.Attributes["workload_identity_pool_id"] == nil {
		return nil
	}
	id := e.elsewhere(b.Body.Attributes["workload_identity_pool_id"].Expr, at, depth)
	switch {
	case attribute == "workload_identity_pool_id":
		return id
	case attribute != "name" || id.Str() == "":
		return nil
	}
	return e.join(at, []*tree.Node{
		tree.StringAt("projects/", at), assumed(found.Account, found.AssumedProject, at), tree.StringAt("/locations/global/workloadIdentityPools/", at), id,
	})
}

// encoded returns a value as the text of its JSON.
func (e *evaluator) encoded(n *tree.Node) *tree.Node {
	t := tree.Write(n)
	e.budget -= len(t.JSON) / 16
	return &tree.Node{Kind: tree.String, At: n.At, Text: t.JSON, Marks: t.Marks, Refs: t.Refs, Assumed: t.Assumed, Remarks: t.Remarks}
}

// policyDocument returns the block that an expression is the JSON of, or nil.
func (e *evaluator) policyDocument(expr hclsyntax.Expression) *hclsyntax.Block {
	if w, ok := expr.(*hclsyntax.TemplateWrapExpr); ok {
		expr = w.Wrapped
	}
	x, ok := expr.(*hclsyntax.ScopeTraversalExpr)
	if !ok {
		return nil
	}
	names, ok := path(x.Traversal)
	if !ok || len(names) != 4 || names[0] != "data" || names[1] != "aws_iam_policy_document" {
		return nil
	}
	return e.blocks[strings.Join(names[:3], ".")]
}
