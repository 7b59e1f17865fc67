package celcond

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/checker"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"
)

// environment is CEL as the conditions of one platform see it.
type environment struct {
	platform *platform
	claims   *types.Type // of the variable
	cel      *cel.Env
}

func newEnvironment(p *platform) (*environment, error) {
	own, err := newProvider(p)
	if err != nil {
		return nil, err
	}
	root := types.NewObjectType(p.root)
	env, err := cel.NewEnv(
		cel.CustomTypeProvider(own),
		cel.Variable("claims", root),
		ext.Strings(ext.StringsVersion(5)),
		cel.DefaultUTCTimeZone(true),
		cel.ASTValidators(restrictions{}, cel.ValidateComprehensionNestingLimit(maxMacroDepth)), // first: its texts say more
		cel.ExtendedValidations(),
		cel.ParserExpressionSizeLimit(MaxLength),
		cel.ParserRecursionLimit(maxDepth),
		cel.ParserErrorRecoveryLimit(1),
		cel.ExpressionNodeLimit(maxNodes),
	)
	if err != nil {
		return nil, err
	}
	return &environment{platform: p, claims: root, cel: env}, nil
}

// compile parses and checks expr.
func (e *environment) compile(expr string) (*cel.Ast, error) {
	if strings.TrimSpace(expr) == "" {
		return nil, &Error{Problem: "the expression is empty"}
	}
	parsed, issues := e.cel.Parse(expr)
	if err := e.problem(nil, issues); err != nil {
		return nil, err
	}
	checked, issues := e.cel.Check(parsed)
	if err := e.problem(parsed, issues); err != nil {
		return nil, err
	}
	if out := checked.OutputType(); !out.IsExactType(types.BoolType) {
		return nil, &Error{Line: 1, Column: 1, Problem: fmt.Sprintf("the expression comes to a %s, and must come to true or false", cel.FormatCELType(out))}
	}
	return checked, nil
}

// problem returns the first of CEL's findings as an *[Error], or nil.
func (e *environment) problem(parsed *cel.Ast, issues *cel.Issues) error {
	found := issues.Errors()
	if len(found) == 0 {
		return nil
	}
	first := slices.MinFunc(found, func(a, b *cel.Error) int {
		if a.Location.Line() != b.Location.Line() {
			return a.Location.Line() - b.Location.Line()
		}
		return a.Location.Column() - b.Location.Column()
	})
	out := &Error{Problem: plainer(first.Message)}
	if first.Location.Line() > 0 {
		out.Line, out.Column = first.Location.Line(), max(0, first.Location.Column())+1
	}
	if parsed != nil {
		if name, ok := unknownClaim(parsed, first.ExprID); ok {
			if better, ok := e.platform.unknown(name); ok {
				out.Problem = better
			}
		}
	}
	return out
}

// unknownClaim returns what is read of the variable claims by the expression
// with this ID, if it does that.
func unknownClaim(parsed *cel.Ast, id int64) (string, bool) {
	name, ok := "", false
	celast.PreOrderVisit(parsed.NativeRep().Expr(), celast.NewExprVisitor(func(e celast.Expr) {
		if e.ID() != id || e.Kind() != celast.SelectKind {
			return
		}
		s := e.AsSelect()
		if on := s.Operand(); on.Kind() == celast.IdentKind && on.AsIdent() == "claims" {
			name, ok = s.FieldName(), true
		}
	}))
	return name, ok
}

// sizes bounds what a token may hold, to estimate costs. It bounds nothing: a
// claim that is longer costs more when it is read.
type sizes struct{}

func (sizes) EstimateSize(node checker.AstNode) *checker.SizeEstimate {
	most := uint64(1024) // characters of a text
	switch {
	case node.Type().Kind() == types.ListKind:
		most = 200 // elements
	case slices.Contains(node.Path(), "@items"):
		most = 255 // characters of a group's path or an ID
	}
	return &checker.SizeEstimate{Max: most}
}

func (sizes) EstimateCallCost(string, string, *checker.AstNode, []checker.AstNode) *checker.CallEstimate {
	return nil
}
