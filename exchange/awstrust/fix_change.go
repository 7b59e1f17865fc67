package awstrust

import (
	"slices"
	"strings"
)

// apply makes a change where its position says, and reports whether it can be
// made.
func (s *Statement) apply(ch change) bool {
	for i := range s.Principals {
		if p := &s.Principals[i]; p.Position == ch.at {
			p.Name = ch.text
			return true
		}
	}
	for i := range s.Actions {
		if v := &s.Actions[i]; v.Position == ch.at {
			v.Text = ch.text
			return true
		}
	}
	for i := range s.Conditions {
		c := &s.Conditions[i]
		if c.Superseded {
			continue
		}
		if c.Position == ch.at {
			return s.applyTo(i, ch)
		}
		for j := range c.Values {
			if v := &c.Values[j]; v.Position == ch.at {
				v.Text = ch.text
				return true
			}
		}
	}
	return false
}

// applyTo makes a change of a condition.
func (s *Statement) applyTo(i int, ch change) bool {
	c := s.Conditions[i]
	switch {
	case ch.remove:
		s.Conditions = slices.Delete(s.Conditions, i, i+1)
		return true
	case ch.operator != nil:
		c.Operator = *ch.operator
		if s.has(c.Operator, c.Key) {
			return false
		}
		s.Conditions = slices.Delete(s.Conditions, i, i+1)
		s.add(c)
		return true
	}
	if s.has(c.Operator, ch.text) {
		return false
	}
	s.Conditions[i].Key = ch.text
	return true
}

// has reports whether there is a condition with an operator on a key.
func (s *Statement) has(o Operator, key string) bool {
	return slices.ContainsFunc(s.Conditions, func(c Condition) bool {
		return !c.Superseded && c.Operator == o && strings.EqualFold(c.Key, key)
	})
}

// add adds a condition next to those of its operator, which are written as one
// object.
func (s *Statement) add(c Condition) {
	at := len(s.Conditions)
	for i, other := range s.Conditions {
		if !other.Superseded && other.Operator == c.Operator {
			at = i + 1
		}
	}
	s.Conditions = slices.Insert(s.Conditions, at, c)
}
