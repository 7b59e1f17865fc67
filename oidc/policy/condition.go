package policy

import (
	"context"

	"github.com/cioidc/cioidc/claims"
)

// Compiler compiles the conditions of a policy that are written in an
// expression language, for what exact values and patterns cannot say. It must
// be safe for concurrent use. Package celcond has one for CEL.
type Compiler interface {
	// Compile compiles expr for the claims of a platform, "gitlab" or
	// "circleci". The error says what is wrong with expr, and where.
	Compile(platform, expr string) (Condition, error)
}

// Condition is a compiled expression. It must be safe for concurrent use.
type Condition interface {
	// Evaluate reports whether the condition holds for c. A claim that was not
	// sent is no value: an expression that reads one without asking for its
	// presence fails. Any error denies.
	Evaluate(ctx context.Context, c claims.Model) (bool, error)
}
