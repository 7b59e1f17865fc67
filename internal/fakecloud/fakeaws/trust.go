package fakeaws

import (
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/cioidc/cioidc/internal/strictjson"
)

// trustPolicy is a role's trust policy: who may assume it, and when.
type trustPolicy struct{ statements []statement }

type statement struct {
	deny       bool
	federated  []string
	actions    []string
	conditions []condition
}

// condition is one key of one operator; all of a statement's must hold.
type condition struct {
	like   bool   // StringLike, else StringEquals
	key    string // in lower case: names of keys know no case, values do
	values []string
}

// parseTrustPolicy reads a trust policy document. What this package does not
// evaluate is an error: a condition that is ignored would let anyone in.
func parseTrustPolicy(doc string) (*trustPolicy, error) {
	top, err := members(doc, "Version", "Id", "Statement")
	if err != nil {
		return nil, fmt.Errorf("trust policy: %w", err)
	}
	if v, _ := strictjson.Unquote(top["Version"]); v != "2012-10-17" && v != "2008-10-17" {
		return nil, errors.New(`trust policy: Version must be "2012-10-17" or "2008-10-17"`)
	}
	texts, ok := strictjson.Elements(top["Statement"])
	if !ok {
		texts = []string{top["Statement"]}
	}
	if len(texts) == 0 {
		return nil, errors.New("trust policy: no Statement")
	}
	p := &trustPolicy{}
	for i, text := range texts {
		st, err := parseStatement(text)
		if err != nil {
			return nil, fmt.Errorf("trust policy: statement %d: %w", i+1, err)
		}
		p.statements = append(p.statements, st)
	}
	return p, nil
}

func parseStatement(text string) (st statement, err error) {
	m, err := members(text, "Sid", "Effect", "Principal", "Action", "Condition")
	if err != nil {
		return st, err
	}
	effect, _ := strictjson.Unquote(m["Effect"])
	if effect != "Allow" && effect != "Deny" {
		return st, errors.New("the Effect must be Allow or Deny")
	}
	st.deny = effect == "Deny"
	principal, err := members(m["Principal"], "Federated")
	if err != nil {
		return st, fmt.Errorf("the Principal: %w", err)
	}
	if st.federated, err = oneOrMore(principal["Federated"]); err != nil {
		return st, fmt.Errorf("the Principal: Federated: %w", err)
	}
	if st.actions, err = oneOrMore(m["Action"]); err != nil {
		return st, fmt.Errorf("the Action: %w", err)
	}
	if m["Condition"] == "" {
		return st, nil
	}
	operators, err := members(m["Condition"], "StringEquals", "StringLike")
	if err != nil {
		return st, fmt.Errorf("the Condition: %w", err)
	}
	for operator, text := range operators {
		keys, err := strictjson.Parse(text)
		if err != nil {
			return st, fmt.Errorf("the Condition: %s: %w", operator, err)
		}
		for _, k := range keys.Members() {
			values, err := oneOrMore(k.Value)
			if err == nil && strings.Contains(strings.Join(values, " "), "${") {
				err = errors.New("policy variables are not evaluated here")
			}
			if err != nil {
				return st, fmt.Errorf("the Condition: %s: %s: %w", operator, k.Name, err)
			}
			st.conditions = append(st.conditions, condition{like: operator == "StringLike", key: strings.ToLower(k.Name), values: values})
		}
	}
	return st, nil
}

// members returns the members of an object, which may be only those named.
func members(text string, names ...string) (map[string]string, error) {
	if text == "" {
		return nil, errors.New("missing")
	}
	o, err := strictjson.Parse(text)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, n := range names {
		known[n] = true
	}
	out := map[string]string{}
	for _, m := range o.Members() {
		if !known[m.Name] {
			sort.Strings(names)
			return nil, fmt.Errorf("%q is none of %s", m.Name, strings.Join(names, ", "))
		}
		out[m.Name] = m.Value
	}
	return out, nil
}

// oneOrMore reads a string, or an array of at least one.
func oneOrMore(text string) ([]string, error) {
	if text == "" {
		return nil, errors.New("missing")
	}
	var one string
	if json.Unmarshal([]byte(text), &one) == nil && text[0] == '"' {
		return []string{one}, nil
	}
	var many []*string
	if err := json.Unmarshal([]byte(text), &many); err != nil || len(many) == 0 {
		return nil, errors.New("neither a string nor an array of strings")
	}
	out := make([]string, len(many))
	for i, s := range many {
		if s == nil {
			return nil, errors.New("null among the strings")
		}
		out[i] = *s
	}
	return out, nil
}

// allows reports whether the policy lets the identity of provider, with the
// values of its condition keys, do action. A Deny wins.
func (p *trustPolicy) allows(provider, action string, keys map[string]string) bool {
	allowed := false
	for _, st := range p.statements {
		if !st.applies(provider, action, keys) {
			continue
		}
		if st.deny {
			return false
		}
		allowed = true
	}
	return allowed
}

func (st *statement) applies(provider, action string, keys map[string]string) bool {
	named := false
	for _, f := range st.federated {
		named = named || f == provider
	}
	matched := false
	for _, a := range st.actions {
		matched = matched || wildcard(strings.ToLower(a), strings.ToLower(action))
	}
	if !named || !matched {
		return false
	}
	for _, c := range st.conditions {
		value, ok := keys[c.key]
		if !ok || !c.holds(value) { // a key that is not there satisfies nothing
			return false
		}
	}
	return true
}

func (c *condition) holds(value string) bool {
	for _, v := range c.values {
		if v == value || c.like && wildcard(v, value) {
			return true
		}
	}
	return false
}

// wildcard reports whether s matches pattern, in which * stands for any
// characters, none included, and ? for exactly one.
func wildcard(pattern, s string) bool {
	p, t := []rune(pattern), []rune(s)
	// The last * seen, and where in t to go on if it takes one more.
	star, next := -1, 0
	i, j := 0, 0
	for j < len(t) {
		switch {
		case i < len(p) && p[i] == '*':
			star, next = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == t[j]):
			i++
			j++
		case star >= 0:
			next++
			i, j = star+1, next
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}
