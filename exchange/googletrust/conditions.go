package googletrust

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/cioidc/cioidc/internal/safetext"
	"github.com/cioidc/cioidc/internal/trustmodel"
)

// splitCondition compiles what a condition joins by &&, to say which part failed.
// It returns nil if there is only one, or if one cannot be written out again.
func splitCondition(env *cel.Env, whole *expression) (all []*expression) {
	list := parts(whole.ast.Expr(), operators.LogicalAnd)
	if len(list) == 1 {
		return nil
	}
	for _, x := range list {
		text, err := cel.ExprToString(x, whole.ast.SourceInfo())
		if err != nil {
			return nil
		}
		e, err := compile(env, text)
		if err != nil {
			return nil
		}
		e.text = text
		all = append(all, e)
	}
	return all
}

// checkCondition evaluates the attribute condition.
func (q *run) checkCondition([]byte) bool {
	if q.condition == nil {
		return q.stage(StageCondition, nil, "there is none: every token of the issuer gets into the pool")
	}
	holds, why, assumption := q.holds(q.condition)
	var checks []Check
	list := []*expression{q.condition}
	if holds != True { // To take it apart costs more than to evaluate it.
		if all := splitCondition(q.env, q.condition); all != nil {
			list = all
		}
	}
	for _, e := range list {
		c := Check{Part: PartProvider, Position: q.provider.Condition.Position, Name: "condition", Expected: e.text, Actual: q.values(e)}
		if c.Expected == "" {
			c.Expected = q.provider.Condition.Text
		}
		var reason string
		c.Holds, reason, c.Assumption = q.holds(e)
		c.Why = fmt.Sprintf("%s is %s", plain(c.Expected), reason)
		if c.Actual != "" {
			c.Why += ": " + c.Actual
		}
		checks = append(checks, c)
	}
	var no *refusal
	switch holds {
	case False:
		no = refused(unauthorized, noCondition, "the condition is %s", why)
	case Unknown:
		no = unknown(assumption, "the condition is %s", why)
	}
	return q.stage(StageCondition, no, "the condition is true", checks...)
}

// holds evaluates a condition or a part of it. One that cannot be evaluated
// rejects the token.
func (q *run) holds(e *expression) (t Truth, why, assumption string) {
	out, err := e.eval(map[string]any{"assertion": q.assertion, "google": q.google, "attribute": q.attribute})
	for _, v := range readsOf(e.ast.Expr()) {
		name := v.root + "." + v.name
		if assumption, ok := q.open[name]; ok {
			return Unknown, "unknown: " + name + " may have any value", assumption
		}
	}
	if len(q.open) > 0 && readsAnyName(e.ast.Expr()) {
		name := slices.Min(slices.Collect(maps.Keys(q.open)))
		return Unknown, "unknown: " + name + " may have any value", q.open[name]
	}
	var un *unsure
	switch {
	case errors.As(err, &un):
		return Unknown, err.Error(), un.assumption
	case err != nil:
		return False, "an error (" + err.Error() + ")", ""
	}
	b, ok := out.(types.Bool)
	if !ok {
		return False, "of the type " + out.Type().TypeName() + ", not true or false", ""
	}
	return trustmodel.TruthOf(bool(b)), fmt.Sprint(bool(b)), ""
}

// values lists what an expression reads, for a sentence.
func (q *run) values(e *expression) string {
	var out []string
	for _, v := range readsOf(e.ast.Expr()) {
		var got any
		var ok bool
		switch v.root {
		case "assertion":
			got, ok = q.assertion[v.name]
		case "google":
			got, ok = q.google[v.name]
		case "attribute":
			got, ok = q.attribute[v.name]
		}
		text := v.root + "." + v.name
		if strings.ContainsAny(v.name, "./-") {
			text = v.root + "['" + v.name + "']"
		}
		if ok {
			text += " is " + shown(got)
		} else {
			text += " is absent"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

// shown writes a value for a sentence: what holds others' texts is quoted.
func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool, int64, float64:
		return fmt.Sprint(v)
	case string:
		return safetext.Quote(v)
	}
	return safetext.Quote(fmt.Sprint(v))
}
