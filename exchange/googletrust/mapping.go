package googletrust

import (
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/cioidc/cioidc/internal/safetext"
)

// mapClaims evaluates the attribute mapping.
func (q *run) mapClaims([]byte) bool {
	q.google, q.attribute, q.open = map[string]any{}, map[string]string{}, map[string]string{}
	// While they are being mapped, expressions see no attributes.
	variables := map[string]any{"assertion": q.assertion, "google": map[string]any{}, "attribute": map[string]string{}}
	var checks []Check
	var no *refusal
	size := 0
	for i, e := range q.mapping {
		a := &q.provider.Mapping[i]
		values, problem := q.mapOne(a.Name, e, variables)
		c := Check{Part: PartProvider, Position: a.Expression.Position, Name: a.Name, Expected: a.Expression.Text, Holds: True, Actual: strings.Join(values, " ")}
		c.Why = fmt.Sprintf("%s is %s", a.Name, quoted(values))
		if problem != nil {
			c.Holds, c.Why, c.Assumption = False, problem.why, problem.assumption
			if problem.assumption != "" {
				c.Holds = Unknown
				q.assume(problem.assumption)
			}
			if problem.open {
				q.open[a.Name] = problem.assumption
			}
			if no == nil || no.assumption != "" && problem.assumption == "" {
				no = problem
			}
		}
		checks = append(checks, c)
		if values == nil {
			continue
		}
		q.result.Mapped = append(q.result.Mapped, Mapped{Name: a.Name, Values: values})
		for _, v := range values {
			size += len(v)
		}
		if name, ok := strings.CutPrefix(a.Name, "attribute."); ok {
			q.attribute[name] = values[0]
		} else if a.Name == "google.groups" {
			q.google["groups"] = values
		} else {
			q.google["subject"] = values[0]
		}
	}
	if size > MaxMapped && (no == nil || no.assumption != "") {
		no = refused(invalidReq, "", "the mapped values have %d bytes, and may have %d", size, MaxMapped)
	}
	if !q.stage(StageMapping, no, "each attribute has a value", checks...) {
		q.result.Mapped = nil
		return false
	}
	q.name()
	return true
}

// mapOne evaluates one line of the mapping. Nil values mean that the attribute is
// not set.
func (q *run) mapOne(name string, e *expression, variables map[string]any) ([]string, *refusal) {
	out, err := e.eval(variables)
	var un *unsure
	switch {
	case errors.As(err, &un):
		no := unknown(un.assumption, "%s: %v", name, err)
		no.open = true
		return nil, no
	case err != nil && name == "google.subject":
		return nil, refused(unauthorized, noSubject, "google.subject has no value: %v", err)
	case err != nil:
		return nil, unknown("Google takes a token for which "+name+" has no value, and leaves it unset", "%s has no value: %v", name, err)
	}
	if out == types.NullValue && name != "google.subject" {
		return nil, unknown("Google takes a token for which "+name+" is null, and leaves it unset", "%s is null", name)
	}
	if name == "google.groups" {
		if list, ok := texts(out); ok {
			return list, nil
		}
		return nil, refused(unauthorized, "", "google.groups is %s, and must be a list of strings", out.Type().TypeName())
	}
	text, ok := out.(types.String)
	switch {
	case !ok:
		return nil, refused(unauthorized, fmt.Sprintf("The mapped attribute '%s' must be of type STRING.", name), "%s is of the type %s", name, out.Type().TypeName())
	case name == "google.subject" && text == "":
		return nil, refused(unauthorized, noSubject, "google.subject is empty")
	case name == "google.subject" && len(text) > MaxSubject:
		return nil, refused(invalidReq, longSubject, "google.subject has %d bytes, and may have %d: %s", len(text), MaxSubject, safetext.Quote(string(text)))
	}
	return []string{string(text)}, nil
}

// texts returns the elements of a list of strings, never nil.
func texts(v ref.Val) ([]string, bool) {
	list, ok := v.(traits.Lister)
	if !ok {
		return nil, false
	}
	out := []string{}
	for it := list.Iterator(); it.HasNext() == types.True; {
		s, ok := it.Next().(types.String)
		if !ok {
			return nil, false
		}
		out = append(out, string(s))
	}
	return out, true
}
