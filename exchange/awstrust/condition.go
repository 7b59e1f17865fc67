package awstrust

import (
	"fmt"
	"strings"

	"github.com/cioidc/cioidc/internal/safetext"
	"github.com/cioidc/cioidc/internal/trustmodel"
)

// condition holds a condition against the request.
func (e *environment) condition(c *Condition) Check {
	v := e.lookup(c.Key)
	check := Check{Position: c.Position, Operator: c.Operator.String(), Key: c.Key, Actual: v.values, Present: v.present == True, Superseded: c.Superseded}
	for _, value := range c.Values {
		check.Expected = append(check.Expected, value.Text)
	}
	check.Holds, check.Why, check.Assumption = e.evaluate(c, v)
	if check.Why == "" {
		check.Why = explain(c, v, check.Holds)
	}
	if check.Holds != Unknown {
		check.Assumption = ""
	}
	return check
}

// evaluate returns whether a condition holds; why, if there is more to say than
// the values do; and what an Unknown depends on.
func (e *environment) evaluate(c *Condition, v keyValue) (holds Truth, why, assumption string) {
	o := c.Operator
	switch {
	case v.present == Unknown:
		return Unknown, "", v.assumption
	case len(c.Values) == 0:
		return Unknown, "", fmt.Sprintf("%v with an empty list of values holds", o)
	case o.Name == "Null":
		return e.null(c, v)
	case v.present == False:
		return missing(o), "", ""
	case v.unsure:
		return Unknown, "", v.assumption
	}
	if o.Set != "" && empty(v.values) {
		return trustmodel.TruthOf(o.Set == forAllValues), fmt.Sprintf("%s of no values is %t", o.Set, o.Set == forAllValues), ""
	}
	if o.Set == "" && v.multi {
		if o.negated() {
			return Unknown, "", fmt.Sprintf("%v without ForAnyValue or ForAllValues holds for a key that is a list", o)
		}
		return False, "a key that is a list matches with ForAnyValue or ForAllValues only", ""
	}
	holds = trustmodel.TruthOf(o.Set == forAllValues)
	if o.Set == "" {
		holds = False // there is one value, so any of them is all of them
	}
	for _, actual := range v.values {
		one, a := e.matches(c, v.kind, actual)
		if o.negated() {
			one = trustmodel.Not(one)
		}
		if a != "" {
			assumption = a
		}
		if o.Set == forAllValues {
			holds = trustmodel.And(holds, one)
		} else {
			holds = trustmodel.Or(holds, one)
		}
	}
	return holds, "", assumption
}

// null says whether a key that is known to be there, or not to be, is as Null
// wants it: "true" is that it is missing.
func (e *environment) null(c *Condition, v keyValue) (holds Truth, why, assumption string) {
	if v.present == True && !v.unsure && empty(v.values) {
		return Unknown, "", fmt.Sprintf("AWS takes %s, which is empty, for a key that is there", safetext.Quote(c.Key))
	}
	holds = False
	for _, value := range c.Values {
		switch strings.ToLower(value.Text) {
		case "true":
			holds = trustmodel.Or(holds, trustmodel.TruthOf(v.present == False))
		case "false":
			holds = trustmodel.Or(holds, trustmodel.TruthOf(v.present == True))
		default:
			holds, assumption = trustmodel.Or(holds, Unknown), fmt.Sprintf("Null holds with the value %s", safetext.Quote(value.Text))
		}
	}
	return holds, "", assumption
}

// missing says whether a condition on a key holds that the request does not
// have.
func missing(o Operator) Truth {
	switch {
	case o.IfExists, o.Set == forAllValues:
		return True
	case o.Set == forAnyValue:
		return False
	}
	return trustmodel.TruthOf(o.negated())
}

// empty reports whether there is no value but perhaps an empty one.
func empty(values []string) bool { return strings.Join(values, "") == "" }

// matches says whether one of the condition's values fits, by the comparison of
// which a negated operator is the opposite.
func (e *environment) matches(c *Condition, kind keyType, actual string) (holds Truth, assumption string) {
	holds = False
	for _, value := range c.Values {
		one, a := e.compare(c.Operator, kind, value.Text, actual)
		if one == Unknown {
			assumption = a
		}
		if holds = trustmodel.Or(holds, one); holds == True {
			return True, ""
		}
	}
	return holds, assumption
}

// explain puts a check into words.
func explain(c *Condition, v keyValue, holds Truth) string {
	key := safetext.Quote(c.Key)
	var is string
	switch {
	case v.present == Unknown:
		return fmt.Sprintf("%v: it is not known whether there is a %s", c.Operator, key)
	case v.present == False:
		is = fmt.Sprintf("there is no %s (%s)", key, v.why)
	case v.unsure:
		is = fmt.Sprintf("the value of %s is not known", key)
	default:
		is = fmt.Sprintf("%s is %s", key, quoteAll(v.values))
	}
	want := make([]string, len(c.Values))
	for i, value := range c.Values {
		want[i] = value.Text
	}
	text := fmt.Sprintf("%s, and %v wants %s", is, c.Operator, quoteAll(want))
	switch {
	case holds == True && v.present == False && c.Operator.Name != "Null":
		text += "; without the key it holds"
	case holds == False && v.present == True && strings.HasPrefix(c.Operator.positive(), "StringEquals") && strings.ContainsAny(strings.Join(want, ""), "*?"):
		text += "; it takes * and ? as they are"
	}
	return text
}

func quoteAll(list []string) string {
	quoted := make([]string, 0, 4)
	for i, s := range list {
		if i == 3 && len(list) > 4 {
			quoted = append(quoted, fmt.Sprintf("%d more", len(list)-i))
			break
		}
		quoted = append(quoted, safetext.Quote(s))
	}
	if len(quoted) == 0 {
		return "nothing"
	}
	return strings.Join(quoted, " or ")
}
