package googletrust

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"

	"github.com/cioidc/cioidc/internal/safetext"
)

// maxCost bounds the work of one evaluation, in CEL's units. What Google allows is
// not documented; this much takes some tenths of a second at worst.
const maxCost = 1_000_000

// newEnvironment returns CEL as expressions of a provider see it. Google's
// environment has no types for claims, and neither has this: a claim that is
// compared with a value of another type is unequal, not an error.
func newEnvironment() (*cel.Env, error) {
	return cel.NewEnv(append([]cel.EnvOption{
		cel.Variable("assertion", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("google", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("attribute", cel.MapType(cel.StringType, cel.StringType)),
		ext.Strings(),
		extractFunction(),
		cel.DefaultUTCTimeZone(true),
		cel.EnableMacroCallTracking(),
		cel.ParserErrorRecoveryLimit(1),
	}, boundedStrings()...)...)
}

// documented are the functions and macros that Google's pages use in mappings and
// conditions. The whole list of what it takes is not published.
func documented() []string {
	return []string{
		operators.Conditional, operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot,
		operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals,
		operators.Add, operators.Index, operators.In,
		"contains", "startsWith", "endsWith", "matches", "size", "split", "join", "extract", "lowerAscii", "string",
	}
}

// expression is a compiled mapping or condition.
type expression struct {
	text    string // of a part of the condition
	ast     *celast.AST
	program cel.Program
	// unlisted are functions and macros that are not [documented], sorted.
	unlisted []string
	// odd says that it has an extract with a template whose meaning is not known,
	// or that is not known itself before the token is: an error may then be ours.
	odd bool
	// formats says that it calls format, of whose work there is no bound.
	formats bool
}

// compile compiles text. The error says what is wrong with it and where.
func compile(env *cel.Env, text string) (*expression, error) {
	checked, issues := env.Compile(text)
	if found := issues.Errors(); len(found) > 0 {
		first := found[0]
		at := ""
		if first.Location.Line() > 0 {
			at = fmt.Sprintf(" at %d:%d of the expression", first.Location.Line(), max(0, first.Location.Column())+1)
		}
		return nil, errors.New(plain(first.Message) + at)
	}
	program, err := env.Program(checked, cel.EvalOptions(cel.OptOptimize, cel.OptTrackCost), cel.CostLimit(maxCost))
	if err != nil {
		return nil, errors.New(plain(err.Error()))
	}
	e := &expression{ast: checked.NativeRep(), program: program}
	e.scan()
	return e, nil
}

// scan notes what is unusual about the expression.
func (e *expression) scan() {
	known := documented()
	note := func(name string) {
		if !slices.Contains(e.unlisted, name) {
			e.unlisted = append(e.unlisted, name)
		}
	}
	for _, call := range e.ast.SourceInfo().MacroCalls() {
		if call.Kind() == celast.CallKind && call.AsCall().FunctionName() != operators.Has {
			note(call.AsCall().FunctionName())
		}
	}
	walk(e.ast.Expr(), func(x celast.Expr) bool {
		if x.Kind() != celast.CallKind {
			return true
		}
		call := x.AsCall()
		name := call.FunctionName()
		if !slices.Contains(known, name) && !strings.HasPrefix(name, "@") {
			note(strings.Trim(name, "_"))
		}
		e.formats = e.formats || name == "format"
		if name == "extract" && len(call.Args()) == 1 {
			t, ok := literal(call.Args()[0]).(types.String)
			e.odd = e.odd || !ok || !template.MatchString(string(t))
		}
		return true
	})
	slices.Sort(e.unlisted)
}

// eval evaluates the expression. An error that is ours and not Google's is an
// *unsure.
func (e *expression) eval(variables map[string]any) (ref.Val, error) {
	if e.formats {
		return nil, &unsure{"an expression with the function format, which is not evaluated here, comes to what is wanted"}
	}
	out, _, err := e.program.Eval(variables)
	switch {
	case err == nil:
		return out, nil
	case e.odd:
		return nil, &unsure{"Google gives a meaning to the template of extract"}
	case strings.Contains(err.Error(), "cost limit exceeded"):
		return nil, &unsure{"Google evaluates an expression that takes so much work"}
	}
	return nil, errors.New(plain(err.Error()))
}

// unsure is an evaluation of which it is not known what it comes to.
type unsure struct{ assumption string }

func (u *unsure) Error() string { return "it is not known whether " + u.assumption }

// plain returns text on one line and cut. CEL's errors have values of the token in
// them, and expressions may have lines.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, safetext.Cut(text))
}
