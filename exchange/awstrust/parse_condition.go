package awstrust

import (
	"strings"

	"github.com/cioidc/cioidc/internal/jsontree"
	"github.com/cioidc/cioidc/internal/safetext"
	"github.com/cioidc/cioidc/internal/strictjson"
)

// conditions reads all Condition members of a statement, and marks those that
// AWS does not keep.
func (p *parser) conditions(n *jsontree.Node, st *Statement) error {
	for i, m := range n.Members {
		if m.Name != "Condition" {
			continue
		}
		if m.Value.Kind != jsontree.Object {
			return p.failAt(m.Value.Offset, "a Condition must be an object of operators, not %v", m.Value.Kind)
		}
		p.repeatedIn(m.Value)
		superseded := repeatedLater(n.Members[i:])
		for j, operator := range m.Value.Members {
			if err := p.operator(operator, superseded || repeatedLater(m.Value.Members[j:]), st); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *parser) operator(m jsontree.Member, superseded bool, st *Statement) error {
	o, meant, ok := parseOperator(m.Name)
	switch {
	case !ok && meant == "Null" && !strings.EqualFold(m.Name, meant):
		return p.failAt(m.Offset, "%s is no operator: Null goes without IfExists, ForAnyValue and ForAllValues", safetext.Quote(m.Name))
	case !ok && meant != "":
		return p.failAt(m.Offset, "the operator %s is spelled %s", safetext.Quote(m.Name), meant)
	case !ok:
		return p.failAt(m.Offset, "%s is no condition operator", safetext.Quote(m.Name))
	}
	if m.Value.Kind != jsontree.Object {
		return p.failAt(m.Value.Offset, "%v must be an object of condition keys, not %v", o, m.Value.Kind)
	}
	p.repeatedIn(m.Value)
	p.sameButCase(m.Value)
	for i, key := range m.Value.Members {
		values, err := p.conditionValues(key.Value)
		if err != nil {
			return err
		}
		st.Conditions = append(st.Conditions, Condition{
			Operator: o, Key: key.Name, Values: values, Position: p.at(key.Offset),
			Superseded: superseded || repeatedLater(m.Value.Members[i:]),
		})
	}
	return nil
}

// sameButCase notes the keys that AWS takes for one though they are written in
// two ways.
func (p *parser) sameButCase(n *jsontree.Node) {
	first := map[string]jsontree.Member{}
	for _, m := range n.Members {
		fold := strictjson.Fold(m.Name)
		before, ok := first[fold]
		if !ok {
			first[fold] = m
			continue
		}
		if before.Name != m.Name {
			p.repeated = append(p.repeated, Repeated{Name: before.Name, First: p.at(before.Offset), Again: p.at(m.Offset), CaseOnly: true})
		}
	}
}

// conditionValues reads the values of a key: one or a list, of strings, numbers
// or booleans.
func (p *parser) conditionValues(n *jsontree.Node) ([]Value, error) {
	list := []*jsontree.Node{n}
	if n.Kind == jsontree.Array {
		list = n.Elements
	}
	values := make([]Value, len(list))
	for i, e := range list {
		if e.Kind != jsontree.String && e.Kind != jsontree.Number && e.Kind != jsontree.Bool {
			return nil, p.failAt(e.Offset, "the value of a condition key must be a string or a list of strings, not %v", e.Kind)
		}
		values[i] = Value{Text: e.Text, Position: p.at(e.Offset)}
	}
	return values, nil
}
