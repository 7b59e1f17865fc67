package policy

import "fmt"

// ParseError says what is wrong with a policy and what to do.
type ParseError struct {
	// Line and Column count from 1; zero for a policy written as Go values.
	Line, Column int
	// Problem is what is wrong and what to do, in one line.
	Problem string
	// Err is the compiler's error; nil for others.
	Err error
}

// Error returns place and problem in one line.
func (e *ParseError) Error() string {
	if e.Line == 0 {
		return "policy: " + e.Problem
	}
	return fmt.Sprintf("policy: line %d, column %d: %s", e.Line, e.Column, e.Problem)
}

// Unwrap returns Err.
func (e *ParseError) Unwrap() error { return e.Err }

func wrong(at Position, format string, args ...any) *ParseError {
	return &ParseError{Line: at.Line, Column: at.Column, Problem: fmt.Sprintf(format, args...)}
}

// DeniedError is the error of a decision that does not allow.
type DeniedError struct {
	// Decision says why. It is for logs, not for the caller.
	Decision *Decision
}

// Error returns a text without any detail of the policy.
func (e *DeniedError) Error() string { return "policy: not allowed" }
