package celcond

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// functions are the functions and operators that an expression may use. All
// are bounded by the size of what goes in, and none asks the machine for
// anything.
func functions() []string {
	return []string{
		operators.Conditional, operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot,
		operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals,
		operators.Add, operators.Subtract, operators.Multiply, operators.Divide, operators.Modulo, operators.Negate,
		operators.Index, operators.In, operators.NotStrictlyFalse,
		"contains", "startsWith", "endsWith", "matches", "size",
		"charAt", "indexOf", "lastIndexOf", "lowerAscii", "upperAscii", "split", "substring", "trim",
		"int", "bool", "string", "timestamp", "duration",
		"getFullYear", "getMonth", "getDayOfYear", "getDayOfMonth", "getDate", "getDayOfWeek",
		"getHours", "getMinutes", "getSeconds", "getMilliseconds",
	}
}

// restrictions is a validator of what CEL allows and conditions do not.
type restrictions struct{}

var _ cel.ASTValidator = restrictions{}

func (restrictions) Name() string { return "cioidc.celcond.restrictions" }

// Validate implements [cel.ASTValidator].
func (restrictions) Validate(_ *cel.Env, _ cel.ValidatorConfig, ast *celast.AST, issues *cel.Issues) {
	allowed := functions()
	accumulators := map[string]bool{}
	celast.PreOrderVisit(ast.Expr(), celast.NewExprVisitor(func(e celast.Expr) {
		if e.Kind() == celast.ComprehensionKind {
			accumulators[e.AsComprehension().AccuVar()] = true
		}
	}))
	celast.PreOrderVisit(ast.Expr(), celast.NewExprVisitor(func(e celast.Expr) {
		if e.Kind() == celast.StructKind {
			issues.ReportErrorAtID(e.ID(), "conditions cannot make objects")
		}
		if e.Kind() != celast.CallKind {
			return
		}
		call := e.AsCall()
		name := call.FunctionName()
		switch {
		case !slices.Contains(allowed, name):
			issues.ReportErrorAtID(e.ID(), "conditions cannot use %s", name)
		case name == "matches":
			pattern := call.Args()[len(call.Args())-1]
			if problem := patternProblem(pattern); problem != "" {
				issues.ReportErrorAtID(pattern.ID(), "%s", problem)
			}
		case name == operators.Add && ast.GetType(e.ID()).Kind() == types.ListKind:
			// The macros map and filter collect by it.
			if left := call.Args()[0]; left.Kind() != celast.IdentKind || !accumulators[left.AsIdent()] {
				issues.ReportErrorAtID(e.ID(), "conditions cannot join lists")
			}
		default:
			for _, id := range ast.GetOverloadIDs(e.ID()) {
				if strings.HasSuffix(id, "_with_tz") {
					issues.ReportErrorAtID(e.ID(), "conditions know no time zone but UTC: leave out the argument of %s", name)
				}
			}
		}
	}))
}

// patternProblem says what is wrong with the argument of matches. A pattern
// that comes out of a token would be the attacker's own, and one that is not
// anchored matches what merely contains what was meant.
func patternProblem(e celast.Expr) string {
	if e.Kind() != celast.LiteralKind {
		return "the pattern of matches must be a literal text, not computed"
	}
	text, ok := e.AsLiteral().Value().(string)
	if !ok {
		return "the pattern of matches must be a text"
	}
	re, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return "the pattern of matches is no regular expression: " + err.Error()
	}
	if !anchored(re) {
		return fmt.Sprintf("the pattern of matches must cover the whole text: write %q", "^(?:"+text+")$")
	}
	program, err := syntax.Compile(re.Simplify())
	if err != nil {
		return "the pattern of matches is no regular expression: " + err.Error()
	}
	if n := len(program.Inst); n > maxPatternSize {
		return fmt.Sprintf("the pattern of matches takes %d instructions, and may take %d: repeat less", n, maxPatternSize)
	}
	return ""
}

// anchored reports whether all that re matches is a text from start to end.
func anchored(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpConcat:
		return len(re.Sub) >= 2 && re.Sub[0].Op == syntax.OpBeginText && re.Sub[len(re.Sub)-1].Op == syntax.OpEndText
	case syntax.OpCapture:
		return anchored(re.Sub[0])
	case syntax.OpAlternate:
		return !slices.ContainsFunc(re.Sub, func(s *syntax.Regexp) bool { return !anchored(s) })
	}
	return false
}
