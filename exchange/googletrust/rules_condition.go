package googletrust

import (
	"fmt"
	"maps"
	"regexp/syntax"
	"slices"
	"strings"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/cioidc/cioidc/internal/safetext"
)

// conditionRules look at the provider as a whole and at what its condition demands.
func conditionRules() []rule {
	return []rule{
		{
			id: "G001", kind: TooBroad, witnesses: []string{"other-namespace", "other-organization", "other-project"},
			story: "every token of the issuer gets into the pool, whoever's job it is; bindings alone keep them from roles",
			fix:   "demand the IDs of the project and its namespace or organization",
			find: func(l *linted, r report) {
				if l.condition == nil {
					severity := Critical
					if l.circleCI && !l.root {
						severity = High
					}
					r(PartProvider, l.provider.Position, severity, "there is no attribute condition")
				}
			},
		},
		{
			id: "G008", kind: Fragile,
			story: "Google refuses a token whose google.subject has more than 127 bytes, as that of CIRCLE_OIDC_TOKEN_V2 always has, and GitLab's with a long path or branch",
			fix:   "map google.subject to IDs, such as the project's and the job's",
			find: func(l *linted, r report) {
				a := l.provider.Attribute("google.subject")
				v, _, ok := reads(l.expression("google.subject").ast.Expr())
				if ok && v == (variable{"assertion", "sub"}) {
					severity := Low
					if l.circleCI {
						severity = Medium
					}
					r(PartProvider, a.Expression.Position, severity, "google.subject is mapped to sub")
				}
			},
		},
		{
			id: "G009", kind: Fragile,
			story: "audit logs cannot tell tokens apart, and a principal:// means all of them",
			fix:   "map google.subject to IDs, such as the project's and the job's",
			find: func(l *linted, r report) {
				for _, claim := range l.claimsOf("google.subject") {
					if claim != "aud" && claim != "iss" && claim != "namespace_id" && claim != "namespace_path" && claim != "org-id" {
						return
					}
				}
				r(PartProvider, l.provider.Attribute("google.subject").Expression.Position, Medium, "google.subject is the same for many jobs")
			},
		},
		{
			id: "G010", kind: Fragile,
			story: "only a token whose aud is the provider's full name is taken: CircleCI's default audience, the organization's ID, is refused",
			fix:   "list the audience that jobs ask for",
			find: func(l *linted, r report) {
				if len(l.provider.AllowedAudiences) == 0 {
					r(PartProvider, l.provider.Position, Low, "there are no allowed audiences")
				}
			},
		},
		{
			id: "G011", kind: Broken,
			story: "the issuer is compared byte for byte, and no token has this one",
			fix:   "write iss as the tokens have it",
			find: func(l *linted, r report) {
				issuer := l.provider.IssuerURI
				switch {
				case issuer.Text == "https://github.com":
					r(PartProvider, issuer.Position, High, "https://github.com issues no tokens for jobs")
				case strings.HasSuffix(issuer.Text, "/") && (l.circleCI || issuer.Text == "https://gitlab.com/"):
					r(PartProvider, issuer.Position, High, "the issuer ends with a slash")
				}
			},
		},
		{
			id: "G014", kind: TooBroad, witnesses: []string{anyHostile},
			story: "the condition is true for every token: it was written to have one",
			fix:   "demand the IDs of the project and its namespace or organization",
			find: func(l *linted, r report) {
				if l.condition == nil {
					return
				}
				for _, x := range parts(l.condition.ast.Expr(), operators.LogicalAnd) {
					if !l.always(x) {
						return
					}
				}
				r(PartProvider, l.provider.Condition.Position, High, "the condition says nothing")
			},
		},
		{
			id: "G015", kind: TooBroad, witnesses: []string{anyHostile},
			story: "one side is enough, be the other false or an error; and && binds more strongly than ||",
			fix:   "write a value list with in, or parentheses around what is meant",
			find: func(l *linted, r report) {
				if l.condition == nil {
					return
				}
				for _, x := range parts(l.condition.ast.Expr(), operators.LogicalAnd) {
					if sides := parts(x, operators.LogicalOr); len(sides) > 1 && !guarded(sides) {
						r(PartProvider, l.provider.Condition.Position, High, "the condition is true if one of several things is")
						return
					}
				}
			},
		},
		{
			id: "G016", kind: TooBroad,
			witnesses: []string{"namespace-suffix", "sibling-suffix", "owner-suffix", "branch-suffix", "branch-prefix", "branch-made-to-deceive", "branch-made-to-deceive-origin", "subgroup", "other-project"},
			story:     "what only begins with, ends with or contains the value is taken, and others may have such names",
			fix:       "compare the whole value, end a prefix with / or :, and put ^ and $ around a pattern",
			find: func(l *linted, r report) {
				for _, claim := range slices.Sorted(maps.Keys(l.wants)) {
					for _, c := range l.wants[claim] {
						text, _ := c.values[0].(types.String)
						if loose(c.how, string(text)) {
							r(PartProvider, l.provider.Condition.Position, High, fmt.Sprintf("%s of %s with %s leaves an end open", c.how, safetext.Quote(claim), safetext.Quote(string(text))))
						}
					}
				}
			},
		},
	}
}

// always reports whether a part of a condition says nothing: it is true, or says
// that something is there or is not empty.
func (l *linted) always(x celast.Expr) bool {
	if literal(x) == types.True {
		return true
	}
	if _, has, ok := reads(x); ok && has {
		return true
	}
	args, ok := call(x, operators.NotEquals)
	if !ok {
		return false
	}
	empty := func(y celast.Expr) bool { v := literal(y); return v == types.String("") || v == types.NullValue }
	return empty(args[0]) || empty(args[1])
}

// guarded reports whether an alternative is that the claim which the others
// compare is absent.
func guarded(sides []celast.Expr) bool {
	for _, x := range sides {
		args, ok := call(x, operators.LogicalNot)
		if !ok {
			continue
		}
		absent, has, ok := reads(args[0])
		if !ok || !has {
			continue
		}
		for _, y := range sides {
			for _, v := range readsOf(y) {
				if y.ID() != x.ID() && v == absent {
					return true
				}
			}
		}
	}
	return false
}

// loose reports whether a comparison with text takes more than whole names.
func loose(how, text string) bool {
	switch how {
	case "startsWith":
		return !strings.HasSuffix(text, "/") && !strings.HasSuffix(text, ":")
	case "endsWith":
		return !strings.HasPrefix(text, "/") && !strings.HasPrefix(text, ":")
	case "contains":
		return true
	case "matches":
		re, err := syntax.Parse(text, syntax.Perl)
		return err == nil && !anchored(re)
	}
	return false
}

// anchored reports whether all that re matches is a text from start to end.
func anchored(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpConcat:
		return len(re.Sub) >= 2 && re.Sub[0].Op == syntax.OpBeginText && re.Sub[len(re.Sub)-1].Op == syntax.OpEndText
	case syntax.OpCapture:
		return anchored(re.Sub[0])
	case syntax.OpAlternate:
		for _, s := range re.Sub {
			if !anchored(s) {
				return false
			}
		}
		return true
	}
	return false
}
