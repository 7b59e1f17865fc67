package googletrust

import (
	"fmt"
	"slices"
	"strings"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/cioidc/cioidc/internal/safetext"
)

// expressionRules look at each expression, with the types that the platform's
// claims have: CEL itself takes them all for anything, and is silent.
func expressionRules() []rule {
	return []rule{
		{
			id: "G004", kind: Broken,
			story: "a condition on it is an error, which rejects every token; a member with it means nobody",
			fix:   "map it",
			find: func(l *linted, r report) {
				if l.condition != nil {
					for _, v := range readsOf(l.condition.ast.Expr()) {
						if v.root != "assertion" && l.provider.Attribute(v.root+"."+v.name) == nil {
							r(PartProvider, l.provider.Condition.Position, High, v.root+"."+v.name+" is used in the condition and not mapped")
						}
					}
				}
				for _, m := range l.members {
					if m.kind != "*" && l.provider.Attribute(m.attributeOf()) == nil {
						r(PartBindings, m.value.Position, High, m.attributeOf()+" is the attribute of a member and not mapped")
					}
				}
			},
		},
		{
			id: "G005", kind: Broken,
			story: "GitLab sends its booleans as texts, CircleCI as booleans: compared with the other kind they are never equal, and in the place of a condition a text is an error",
			fix:   `write == "true" for GitLab, == true or == false for CircleCI's ssh-rerun`,
			find: func(l *linted, r report) {
				l.each(func(name string, at Position, e *expression) {
					walk(e.ast.Expr(), func(x celast.Expr) bool {
						for _, m := range l.mistaken(x) {
							if m.wrong == types.BoolType || m.right == types.BoolType {
								r(PartProvider, at, High, m.problem(name))
							}
						}
						return true
					})
				})
			},
		},
		{
			id: "G006", kind: Broken,
			story: "IDs are sent as texts: they are unequal to every number",
			fix:   "put the ID into quotes",
			find: func(l *linted, r report) {
				l.each(func(name string, at Position, e *expression) {
					walk(e.ast.Expr(), func(x celast.Expr) bool {
						for _, m := range l.mistaken(x) {
							if m.wrong == types.IntType && m.right == types.StringType {
								r(PartProvider, at, High, m.problem(name))
							}
						}
						return true
					})
				})
			},
		},
		{
			id: "G007", kind: Broken,
			story: `Google answers "The mapped attribute must be of type STRING." to every token`,
			fix:   "write string(...) around a number, and leave lists and what nobody uses out",
			find: func(l *linted, r report) {
				for i, a := range l.provider.Mapping {
					v, has, ok := reads(l.mapping[i].ast.Expr())
					if !ok || has || v.root != "assertion" || a.Name == "google.groups" {
						continue
					}
					if t := l.typeOf(v.name); t != nil && t != types.StringType && t != types.DynType {
						r(PartProvider, a.Expression.Position, High, fmt.Sprintf("%s is mapped to %s, which is of the type %v", a.Name, safetext.Quote(v.name), t))
					}
				}
			},
		},
		{
			id: "G012", kind: Broken,
			story: "no token of this platform has the claim",
			fix:   "use one of the claims that the platform documents",
			find: func(l *linted, r report) {
				l.each(func(name string, at Position, e *expression) {
					for _, v := range readsOf(e.ast.Expr()) {
						if v.root == "assertion" && l.typeOf(v.name) == nil && (l.circleCI || l.provider.IssuerURI.Text == "https://gitlab.com") {
							r(PartProvider, at, High, fmt.Sprintf("the expression of %s reads %s, which is no claim of the issuer's tokens", name, safetext.Quote(v.name)))
						}
					}
				})
			},
		},
		{
			id: "G013", kind: Broken,
			story: "while attributes are being mapped there are none yet: it has no value",
			fix:   "map it to a claim: assertion. and its name",
			find: func(l *linted, r report) {
				for i, a := range l.provider.Mapping {
					for _, v := range readsOf(l.mapping[i].ast.Expr()) {
						if v.root != "assertion" {
							r(PartProvider, a.Expression.Position, Medium, fmt.Sprintf("%s is mapped to the attribute %s.%s", a.Name, v.root, v.name))
						}
					}
				}
			},
		},
		{
			id: "G017", kind: Fragile,
			story: "extract comes to an empty text where its template does not fit, and tokens of different jobs are then called the same",
			fix:   `demand in the condition that the extracted text is not ""`,
			find: func(l *linted, r report) {
				for i, a := range l.provider.Mapping {
					walk(l.mapping[i].ast.Expr(), func(x celast.Expr) bool {
						if _, ok := call(x, "extract"); ok {
							r(PartProvider, a.Expression.Position, Medium, a.Name+" is mapped by extract")
							return false
						}
						return true
					})
				}
			},
		},
		{
			id: "G024", kind: Note,
			story: "what Google takes is not documented in full, and it may refuse to save the provider",
			fix:   "nothing, if the provider is saved already; otherwise use what Google's pages use",
			find: func(l *linted, r report) {
				l.each(func(name string, at Position, e *expression) {
					if len(e.unlisted) > 0 {
						r(PartProvider, at, Info, fmt.Sprintf("the expression of %s uses what Google does not document: %s", name, strings.Join(e.unlisted, ", ")))
					}
				})
			},
		},
	}
}

// mistake is a claim that is used as if it had another type.
type mistake struct {
	claim        string
	right, wrong *types.Type
}

func (m mistake) problem(name string) string {
	return fmt.Sprintf("the expression of %s takes %s for a %v, and it is sent as a %v", name, safetext.Quote(m.claim), m.wrong, m.right)
}

// mistaken returns the claims that x itself, and not what is in it, takes for
// something else.
func (l *linted) mistaken(x celast.Expr) (all []mistake) {
	if x.Kind() != celast.CallKind {
		return nil
	}
	name, args := x.AsCall().FunctionName(), children(x)
	note := func(y celast.Expr, as *types.Type) {
		v, has, ok := reads(y)
		if !ok || has || v.root != "assertion" {
			return
		}
		if t := l.typeOf(v.name); t != nil && t != types.DynType && t != as && as != nil {
			all = append(all, mistake{v.name, t, as})
		}
	}
	switch name {
	case operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot:
		for _, y := range args {
			note(y, types.BoolType)
		}
	case operators.Conditional:
		note(args[0], types.BoolType)
	case operators.Equals, operators.NotEquals:
		note(args[0], literalType(args[1]))
		note(args[1], literalType(args[0]))
	case operators.In:
		if args[1].Kind() == celast.ListKind {
			for _, y := range args[1].AsList().Elements() {
				note(args[0], literalType(y))
			}
		}
	}
	return slices.CompactFunc(all, func(a, b mistake) bool { return a == b })
}

// literalType returns the type of a literal that is a text, a number or a boolean.
func literalType(x celast.Expr) *types.Type {
	switch literal(x).(type) {
	case types.String:
		return types.StringType
	case types.Int:
		return types.IntType
	case types.Bool:
		return types.BoolType
	}
	return nil
}
