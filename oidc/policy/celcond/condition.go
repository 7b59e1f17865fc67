package celcond

import (
	"context"
	"errors"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/safetext"
	"github.com/cioidc/cioidc/oidc/policy"
)

// condition is a compiled expression.
type condition struct {
	platform *platform
	claims   *types.Type
	program  cel.Program
}

var _ policy.Condition = (*condition)(nil)

// Evaluate implements [policy.Condition]. The error is an *[EvaluationError].
func (c *condition) Evaluate(ctx context.Context, m claims.Model) (bool, error) {
	if !c.platform.accepts(m) {
		return false, &EvaluationError{Err: ErrModel}
	}
	if err := ctx.Err(); err != nil {
		return false, &EvaluationError{Err: context.Cause(ctx)}
	}
	out, _, err := c.program.ContextEval(ctx, variables{object{c.claims, m}})
	if err != nil {
		return false, failure(ctx, err)
	}
	holds, ok := out.(types.Bool)
	if !ok { // It was checked to be one.
		return false, &EvaluationError{Err: errors.New("the expression came to neither true nor false")}
	}
	return bool(holds), nil
}

// failure gives CEL's errors our type.
func failure(ctx context.Context, err error) error {
	var own *EvaluationError
	var cancelled interpreter.EvalCancelledError
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &cancelled) && cancelled.Cause == interpreter.CostLimitExceeded:
		return &EvaluationError{Err: ErrCost}
	case ctx.Err() != nil:
		return &EvaluationError{Err: context.Cause(ctx)}
	}
	// CEL's text may quote a claim, which is anybody's.
	quoted := safetext.Quote(err.Error())
	return &EvaluationError{Err: errors.New(quoted[1 : len(quoted)-1])}
}

// variables are what an expression can name: claims.
type variables struct{ claims object }

func (v variables) ResolveName(name string) (any, bool) {
	if name == "claims" {
		return v.claims, true
	}
	return nil, false
}

func (v variables) Parent() interpreter.Activation { return nil }
