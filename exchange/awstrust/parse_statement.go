package awstrust

import (
	"slices"
	"strings"

	"github.com/cioidc/cioidc/internal/jsontree"
	"github.com/cioidc/cioidc/internal/safetext"
)

// unknown refuses a member that AWS does not know at that place.
func (p *parser) unknown(m jsontree.Member, of string, names []string) error {
	if m.Name == "Resource" || m.Name == "NotResource" {
		return p.refusedBy("Has prohibited field "+m.Name, m.Offset,
			"%s has no place in a trust policy, which is about the role it belongs to: remove it", m.Name)
	}
	for _, name := range names {
		if strings.EqualFold(name, m.Name) {
			return p.failAt(m.Offset, "%s is spelled %s", safetext.Quote(m.Name), name)
		}
	}
	return p.failAt(m.Offset, "%s is no element of %s, which has %s", safetext.Quote(m.Name), of, strings.Join(names, ", "))
}

func (p *parser) statement(n *jsontree.Node) (st Statement, err error) {
	if n.Kind != jsontree.Object {
		return st, p.failAt(n.Offset, "a statement must be an object, not %v", n.Kind)
	}
	if err := p.members(n, "a statement", "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Condition"); err != nil {
		return st, err
	}
	st.Position = p.at(n.Offset)
	if sid := n.Get("Sid"); sid != nil {
		if st.Sid, err = p.text(sid, "Sid"); err != nil {
			return st, err
		}
	}
	if err := p.effect(n, &st); err != nil {
		return st, err
	}
	if err := p.principals(n, &st); err != nil {
		return st, err
	}
	if err := p.actions(n, &st); err != nil {
		return st, err
	}
	return st, p.conditions(n, &st)
}

func (p *parser) effect(n *jsontree.Node, st *Statement) error {
	e := n.Get("Effect")
	if e == nil {
		return p.failAt(n.Offset, "the statement has no Effect")
	}
	text, err := p.text(e, "Effect")
	if err != nil {
		return err
	}
	st.Effect = Effect(text)
	if st.Effect != Allow && st.Effect != Deny {
		return p.failAt(e.Offset, "Effect must be Allow or Deny, not %s", safetext.Quote(text))
	}
	return nil
}

// either returns the one of two elements of which a statement has exactly one.
func (p *parser) either(n *jsontree.Node, name, not string) (value *jsontree.Node, negated bool, err error) {
	a, b := n.Get(name), n.Get(not)
	switch {
	case a != nil && b != nil:
		return nil, false, p.failAt(n.Offset, "the statement has both %s and %s", name, not)
	case a != nil:
		return a, false, nil
	case b != nil:
		return b, true, nil
	}
	return nil, false, p.failAt(n.Offset, "the statement has no %s", name)
}

func (p *parser) principals(n *jsontree.Node, st *Statement) error {
	node, negated, err := p.either(n, "Principal", "NotPrincipal")
	if err != nil {
		return err
	}
	list := &st.Principals
	if negated {
		list = &st.NotPrincipals
	}
	if node.Kind == jsontree.String {
		if node.Text != "*" {
			return p.refusedBy("Invalid principal in policy", node.Offset,
				`a principal that is a string must be "*"; of an identity provider, write {"Federated": its ARN}`)
		}
		*list = []Principal{{Name: "*", Position: p.at(node.Offset)}}
		return nil
	}
	if node.Kind != jsontree.Object {
		return p.failAt(node.Offset, `a principal must be an object such as {"Federated": an ARN}, not %v`, node.Kind)
	}
	if len(node.Members) == 0 {
		return p.failAt(node.Offset, "a principal of no kind: name whom the statement is about")
	}
	if err := p.members(node, "a principal", "Federated", "AWS", "Service", "CanonicalUser"); err != nil {
		return err
	}
	for i, m := range node.Members {
		values, err := p.oneOrMore(m.Value, m.Name)
		if err != nil {
			return err
		}
		if repeatedLater(node.Members[i:]) {
			continue // noted, and dropped by AWS
		}
		for _, v := range values {
			*list = append(*list, Principal{Kind: m.Name, Name: v.Text, Position: v.Position})
		}
	}
	return nil
}

// repeatedLater reports whether the first member comes again.
func repeatedLater(members []jsontree.Member) bool {
	return slices.ContainsFunc(members[1:], func(m jsontree.Member) bool { return m.Name == members[0].Name })
}

func (p *parser) actions(n *jsontree.Node, st *Statement) error {
	node, negated, err := p.either(n, "Action", "NotAction")
	if err != nil {
		return err
	}
	list, what := &st.Actions, "Action"
	if negated {
		list, what = &st.NotActions, "NotAction"
	}
	if *list, err = p.oneOrMore(node, what); err != nil {
		return err
	}
	elements := node.Elements
	if node.Kind != jsontree.Array {
		elements = []*jsontree.Node{node}
	}
	for i, v := range *list {
		service, _, _ := strings.Cut(strings.ToLower(v.Text), ":")
		if !strings.ContainsAny(service, "*?$") && service != "sts" {
			return p.refusedBy("AssumeRole policy may only specify STS AssumeRole actions.", elements[i].Offset,
				"%s is no action of STS; for a web identity, write sts:AssumeRoleWithWebIdentity", safetext.Quote(v.Text))
		}
	}
	return nil
}

// oneOrMore reads a string, or an array of at least one.
func (p *parser) oneOrMore(n *jsontree.Node, what string) ([]Value, error) {
	list := []*jsontree.Node{n}
	if n.Kind == jsontree.Array {
		list = n.Elements
	}
	if len(list) == 0 {
		return nil, p.failAt(n.Offset, "an empty %s", what)
	}
	values := make([]Value, len(list))
	for i, e := range list {
		text, err := p.text(e, what)
		if err != nil {
			return nil, err
		}
		values[i] = Value{Text: text, Position: p.at(e.Offset)}
	}
	return values, nil
}
