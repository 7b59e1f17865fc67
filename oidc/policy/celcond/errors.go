package celcond

import (
	"errors"
	"fmt"
)

// Error says why an expression does not compile.
type Error struct {
	// Line and Column say where in the expression, from 1, the column in
	// characters. Both are zero if the problem is not in one place.
	Line, Column int
	// Problem says what is wrong and, where that is known, what to write. It
	// may quote the expression.
	Problem string
}

// Error returns the problem and where it is.
func (e *Error) Error() string {
	if e.Line == 0 {
		return "celcond: " + e.Problem
	}
	return fmt.Sprintf("celcond: line %d, column %d: %s", e.Line, e.Column, e.Problem)
}

// Why an expression came to no answer. Match with [errors.Is].
var (
	// ErrAbsent: the expression read a claim that was not sent.
	ErrAbsent = errors.New("the claim was not sent")
	// ErrCost: the expression cost more than [Compiler.MaxCost].
	ErrCost = errors.New("the expression costs more than its limit")
	// ErrModel: the claims are not those of the platform that the expression
	// was compiled for.
	ErrModel = errors.New("the claims are another platform's")
)

// EvaluationError says why a condition came to no answer. It denies.
type EvaluationError struct {
	// Claim is the name, as in expressions, of the claim that was read although
	// it was not sent. Empty means that something else went wrong.
	Claim string
	// Err is [ErrAbsent], [ErrCost], [ErrModel], the context's error, or what
	// CEL says of an operation that failed, such as a number out of range. That
	// text may quote a claim's value; it is cut and on one line.
	Err error
}

// Error returns the cause, and the claim if there is one.
func (e *EvaluationError) Error() string {
	if e.Claim != "" {
		return fmt.Sprintf("celcond: %s: %v", e.Claim, e.Err)
	}
	return fmt.Sprintf("celcond: %v", e.Err)
}

// Unwrap returns Err.
func (e *EvaluationError) Unwrap() error { return e.Err }
