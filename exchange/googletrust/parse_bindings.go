package googletrust

import (
	"github.com/cioidc/cioidc/internal/jsontree"
)

// ParseBindings reads role bindings: an IAM policy, as
//
//	gcloud iam service-accounts get-iam-policy ADDRESS --format=json
//
// prints it, or a JSON array of members, which are then those of one binding of
// unknown role. Members that are no principals of a workload identity pool are
// kept, and count for nothing here.
//
// The result is never nil without an error: a policy without bindings lets nobody
// in. Every error is a *[ParseError].
func ParseBindings(data []byte) ([]Binding, error) {
	p, root, err := read(data)
	if err != nil {
		return nil, err
	}
	if root.Kind == jsontree.Array {
		members, err := p.texts(root, "a list of members")
		if err != nil {
			return nil, err
		}
		return []Binding{{Members: members, Position: p.at(root.Offset)}}, nil
	}
	if err := p.members(root, "an IAM policy", "bindings", "etag", "version", "auditConfigs"); err != nil {
		return nil, err
	}
	out := []Binding{}
	list := root.Get("bindings")
	if list == nil || list.Kind == jsontree.Null {
		return out, nil
	}
	if list.Kind != jsontree.Array {
		return nil, p.failAt(list.Offset, "bindings must be an array, not %v", list.Kind)
	}
	for _, n := range list.Elements {
		b, err := p.binding(n)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

func (p *parser) binding(n *jsontree.Node) (Binding, error) {
	b := Binding{Position: p.at(n.Offset)}
	if err := p.members(n, "a binding", "role", "members", "condition", "bindingId"); err != nil {
		return b, err
	}
	role, err := p.text(n.Get("role"), "role")
	if err != nil {
		return b, err
	}
	if b.Role = role.Text; b.Role == "" {
		return b, p.failAt(n.Offset, "a binding without role gives nobody anything: write the role")
	}
	if b.Members, err = p.texts(n.Get("members"), "members"); err != nil {
		return b, err
	}
	c := n.Get("condition")
	if c == nil || c.Kind == jsontree.Null {
		return b, nil
	}
	if err := p.members(c, "a condition", "expression", "title", "description", "location"); err != nil {
		return b, err
	}
	b.Condition, err = p.text(c.Get("expression"), "expression")
	return b, err
}
