package found

import (
	"strings"

	"github.com/cioidc/cioidc/exchange/trustfile/internal/tree"
)

// isTemplate says whether a file is a template of CloudFormation.
func isTemplate(root *tree.Node) bool {
	if root.Get("AWSTemplateFormatVersion") != nil {
		return true
	}
	resources := root.Get("Resources")
	if resources == nil || resources.Kind != tree.Object {
		return false
	}
	for _, m := range resources.Members {
		if strings.HasPrefix(m.Value.Get("Type").Str(), "AWS::") {
			return true
		}
	}
	return false
}

// Template returns the documents in a template of CloudFormation. Its functions
// are worked out where the template has all they need.
func Template(root *tree.Node) (out []Document) {
	resources := root.Get("Resources")
	if resources == nil {
		return nil
	}
	t := &template{root: root, budget: maxValues}
	for _, m := range resources.Members {
		if strings.HasPrefix(m.Name, "Fn::") && aboutTrust(m.Value) {
			// Resources that the template makes as it is deployed.
			out = append(out, Role(m.Name, m.At, tree.UnknownAt(m.Name, m.At))...)
			continue
		}
		properties := m.Value.Get("Properties")
		if properties == nil {
			continue
		}
		switch m.Value.Get("Type").Str() {
		case "AWS::IAM::Role":
			if policy := properties.Get("AssumeRolePolicyDocument"); policy != nil {
				out = append(out, Role(m.Name, m.At, t.resolve(policy, 0))...)
			}
		case "AWS::IAM::OIDCProvider":
			out = append(out, provider(m.Name, m.At, t.member(properties, "Url"), t.member(properties, "ClientIdList"))...)
		}
	}
	return out
}

type template struct {
	root   *tree.Node
	budget int
}

func (t *template) member(n *tree.Node, name string) *tree.Node {
	if v := n.Get(name); v != nil {
		return t.resolve(v, 0)
	}
	return nil
}

// maxResolve is how deep references may lead to others: a parameter's default
// and a provider's URL are all there is, unless the template goes in circles.
const maxResolve = 80

// maxValues is how much is worked out of one template, in values and in pieces of
// 16 bytes: a reference that leads in a circle several times grows without end.
const maxValues = 1 << 17

// resolve returns n with the functions in it worked out. What did not change is
// the same node.
func (t *template) resolve(n *tree.Node, depth int) *tree.Node {
	if t.budget -= 1 + len(n.Text)/16; depth > maxResolve || t.budget < 0 {
		return tree.UnknownAt("references that lead in a circle", n.At)
	}
	switch n.Kind {
	case tree.Array:
		out, changed := n.Changed(), false
		out.Elements = nil
		for _, e := range n.Elements {
			r := t.resolve(e, depth+1)
			changed = changed || r != e
			out.Elements = append(out.Elements, r)
		}
		if changed {
			return out
		}
	case tree.Object:
		if len(n.Members) == 1 {
			if m := n.Members[0]; m.Name == "Ref" || strings.HasPrefix(m.Name, "Fn::") {
				return t.function(m.Name, m.Value, n.At, depth+1)
			}
		}
		out, changed := n.Changed(), false
		out.Members = nil
		for _, m := range n.Members {
			r := t.resolve(m.Value, depth+1)
			changed = changed || r != m.Value
			m.Value = r
			out.Members = append(out.Members, m)
		}
		if changed {
			return out
		}
	}
	return n
}

func (t *template) function(name string, arg *tree.Node, at tree.Pos, depth int) *tree.Node {
	switch name {
	case "Ref":
		return t.ref(arg.Str(), at, depth)
	case "Fn::GetAtt":
		path := arg.Str()
		if arg.Kind == tree.Array && len(arg.Elements) == 2 {
			path = arg.Elements[0].Str() + "." + arg.Elements[1].Str()
		}
		return t.attribute(path, at, depth)
	case "Fn::Sub":
		return t.sub(arg, at, depth)
	case "Fn::Join":
		if arg.Kind == tree.Array && len(arg.Elements) == 2 && arg.Elements[1].Kind == tree.Array {
			return t.join(arg.Elements[0], arg.Elements[1], at, depth)
		}
	}
	return tree.UnknownAt(name, at)
}

func (t *template) join(separator, values *tree.Node, at tree.Pos, depth int) *tree.Node {
	var parts []*tree.Node
	for i, v := range values.Elements {
		if i > 0 {
			parts = append(parts, separator)
		}
		parts = append(parts, t.resolve(v, depth))
	}
	if out, ok := tree.Join(at, parts...); ok {
		return out
	}
	return tree.UnknownAt("Fn::Join", at)
}
