package trusthcl

import (
	"fmt"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/cioidc/cioidc/exchange/trustfile/internal/tree"
)

// policy returns what Terraform makes of an aws_iam_policy_document.
func (e *evaluator) policy(b *hclsyntax.Block, depth int) *tree.Node {
	in := e.body(b.Body, depth)
	at := position(b.DefRange())
	version := in.Get("version")
	if version == nil {
		version = tree.StringAt("2012-10-17", at)
	}
	out := &tree.Node{Kind: tree.Object, At: at}
	set(out, "Version", version)
	set(out, "Id", in.Get("policy_id"))
	// Each may add statements and replace others.
	for _, name := range []string{"source_policy_documents", "override_policy_documents", "source_json", "override_json"} {
		if n := in.Get(name); n != nil {
			out.Refs = append(out.Refs, tree.Ref{Name: name, At: n.At})
		}
	}
	list := &tree.Node{Kind: tree.Array, At: at}
	switch statements := in.Get("statement"); {
	case statements == nil:
	case statements.Kind == tree.Unknown:
		out.Refs = append(out.Refs, statements.Refs...)
	default:
		for _, s := range statements.Elements {
			list.Elements = append(list.Elements, statement(s))
		}
	}
	set(out, "Statement", list)
	return out
}

func set(n *tree.Node, name string, v *tree.Node) {
	if v != nil && v.Kind != tree.Null {
		n.Members = append(n.Members, tree.Member{Name: name, At: v.At, Value: v})
	}
}

func statement(in *tree.Node) *tree.Node {
	out := &tree.Node{Kind: tree.Object, At: in.At}
	set(out, "Sid", in.Get("sid"))
	effect := in.Get("effect")
	if effect == nil {
		effect = tree.StringAt("Allow", in.At)
	}
	set(out, "Effect", effect)
	set(out, "Principal", principals(out, in.Get("principals")))
	set(out, "NotPrincipal", principals(out, in.Get("not_principals")))
	set(out, "Action", in.Get("actions"))
	set(out, "NotAction", in.Get("not_actions"))
	set(out, "Resource", in.Get("resources"))
	set(out, "NotResource", in.Get("not_resources"))
	set(out, "Condition", conditions(out, in.Get("condition")))
	return out
}

// blocks returns the blocks of a list, or notes for the statement that they are
// not known.
func blocks(statement, list *tree.Node) []*tree.Node {
	if list == nil {
		return nil
	}
	if list.Kind == tree.Unknown {
		statement.Refs = append(statement.Refs, list.Refs...)
		return nil
	}
	return list.Elements
}

func principals(statement, list *tree.Node) *tree.Node {
	var out *tree.Node
	for _, p := range blocks(statement, list) {
		kind, names := p.Get("type"), p.Get("identifiers")
		if kind == nil || names == nil {
			continue // Terraform refuses it
		}
		if kind.Str() == "*" {
			return tree.StringAt("*", names.At)
		}
		if out == nil {
			out = &tree.Node{Kind: tree.Object, At: p.At}
		}
		merge(out, kind, names, nil)
	}
	return out
}

// conditions puts blocks of one test together, and of those the ones of one
// variable: their values become one list, of which a token has to meet one.
func conditions(statement, list *tree.Node) *tree.Node {
	var out *tree.Node
	for _, c := range blocks(statement, list) {
		test, variable, values := c.Get("test"), c.Get("variable"), c.Get("values")
		if test == nil || variable == nil || values == nil {
			continue // Terraform refuses it
		}
		if out == nil {
			out = &tree.Node{Kind: tree.Object, At: c.At}
		}
		keys := out.Get(test.Text)
		if test.Text == "" || keys == nil {
			keys = &tree.Node{Kind: tree.Object, At: c.At}
			out.Members = append(out.Members, tree.Member{Name: text(test), At: test.At, Value: keys, Refs: test.Refs})
		}
		merge(keys, variable, values, func() {
			statement.Remarks = append(statement.Remarks, tree.Ref{At: c.At, Name: fmt.Sprintf(
				"a second condition block with %s and %s: Terraform puts the values of both into one list, and a token has to meet only one of them",
				test.Text, variable.Text)})
		})
	}
	return out
}

// merge adds values to the member of that name.
func merge(n, name, values *tree.Node, again func()) {
	old := n.Get(text(name))
	if old == nil || old.Kind != tree.Array || values.Kind != tree.Array {
		n.Members = append(n.Members, tree.Member{Name: text(name), At: name.At, Value: values, Refs: name.Refs})
		return
	}
	old.Elements = append(old.Elements, values.Elements...)
	if again != nil {
		again()
	}
}

// text returns a name, also of one that is not known.
func text(n *tree.Node) string {
	if n.Kind == tree.Unknown {
		return "${" + n.Refs[0].Name + "}"
	}
	return n.Text
}
