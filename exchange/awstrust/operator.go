package awstrust

import (
	"slices"
	"strings"
)

// Operator is a condition operator, such as ForAnyValue:StringLikeIfExists.
type Operator struct {
	// Set is "ForAnyValue", "ForAllValues" or empty.
	Set string
	// Name is the operator without the rest, such as "StringLike".
	Name string
	// IfExists says that the condition holds where the key is missing.
	IfExists bool
}

// String returns the operator as it is written in a document.
func (o Operator) String() string {
	s := o.Name
	if o.Set != "" {
		s = o.Set + ":" + s
	}
	if o.IfExists {
		s += ifExists
	}
	return s
}

const (
	forAnyValue  = "ForAnyValue"
	forAllValues = "ForAllValues"
	ifExists     = "IfExists"
)

// operatorNames returns the names of all operators.
func operatorNames() []string {
	return []string{
		"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike",
		"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals",
		"DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals",
		"Bool", "BinaryEquals", "IpAddress", "NotIpAddress", "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "Null",
	}
}

// parseOperator reads an operator as it is written in a document. If there is
// none of that name it returns false, and the spelling that was meant if the
// case is all that is wrong.
func parseOperator(s string) (o Operator, meant string, ok bool) {
	rest := s
	for _, set := range []string{forAnyValue, forAllValues} {
		if len(rest) > len(set) && rest[len(set)] == ':' && strings.EqualFold(rest[:len(set)], set) {
			o.Set, rest = set, rest[len(set)+1:]
		}
	}
	names := operatorNames()
	find := func(name string) bool {
		i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
		if i >= 0 {
			o.Name = names[i]
		}
		return i >= 0
	}
	if !find(rest) {
		cut := len(rest) - len(ifExists)
		if cut < 0 || !strings.EqualFold(rest[cut:], ifExists) || !find(rest[:cut]) {
			return Operator{}, "", false
		}
		o.IfExists = true
	}
	if o.Name == "Null" && (o.IfExists || o.Set != "") {
		return Operator{}, "Null", false
	}
	if o.String() != s {
		return Operator{}, o.String(), false
	}
	return o, "", true
}

// negated reports whether the operator holds where no value matches.
func (o Operator) negated() bool { return strings.Contains(o.Name, "Not") }

// positive is the name of the comparison of which a negated operator is the
// opposite.
func (o Operator) positive() string { return strings.Replace(o.Name, "Not", "", 1) }

// takesVariables reports whether ${...} in a value is replaced.
func (o Operator) takesVariables() bool {
	return strings.HasPrefix(o.Name, "String") || strings.HasPrefix(o.Name, "Arn")
}
