package celcond

import (
	"fmt"
	"sync"

	"cel.dev/cel-go/cel"

	"github.com/cioidc/cioidc/oidc/policy"
)

const (
	// MaxLength is how long an expression may be, in bytes.
	MaxLength = 4096
	// DefaultMaxCost is what an expression may cost unless [Compiler.MaxCost]
	// says otherwise. Comparing a claim costs 3, going through a list of 100
	// about 600. The time grows with the square of what goes through lists: this
	// much takes some tenths of a second at worst, ten times as much seconds.
	DefaultMaxCost = 20_000

	// pessimism is by how much an estimate may exceed the limit. It takes every
	// list to be full and every text to be long, which no token has room for.
	pessimism = 10

	maxDepth       = 60    // of nested operations
	maxNodes       = 2_000 // of the expression, its macros written out
	maxMacroDepth  = 3     // of macros that go through a list, one in or after the other
	maxPatternSize = 500   // of a regular expression, in instructions of its program
)

// Compiler compiles expressions. Its zero value is ready for use. It is safe
// for concurrent use and must not be copied. Compiling makes an environment of
// each platform once, which takes some milliseconds.
type Compiler struct {
	// MaxCost is what evaluating one expression may cost, in CEL's units: one
	// for reading a claim or calling a function, and more for a function whose
	// work grows with its arguments. An expression that comes to cost more
	// fails, and so denies; one that could cost more than ten times as much, with
	// long lists and texts in the token, does not compile. Zero means
	// [DefaultMaxCost].
	MaxCost uint64

	mu           sync.Mutex
	environments map[string]*environment
}

var _ policy.Compiler = (*Compiler)(nil)

// Compile implements [policy.Compiler]: it compiles and type-checks expr for a
// platform, "gitlab" or "circleci". The error is an *[Error].
func (c *Compiler) Compile(platform, expr string) (policy.Condition, error) {
	if len(expr) > MaxLength {
		return nil, &Error{Problem: fmt.Sprintf("the expression has %d bytes, and may have %d; make several conditions of it", len(expr), MaxLength)}
	}
	env, err := c.environment(platform)
	if err != nil {
		return nil, err
	}
	ast, err := env.compile(expr)
	if err != nil {
		return nil, err
	}
	limit := c.limit()
	estimate, err := env.cel.EstimateCost(ast, sizes{})
	if err != nil {
		return nil, &Error{Problem: fmt.Sprintf("the cost cannot be estimated: %v", err)}
	}
	if estimate.Max/pessimism > limit {
		return nil, &Error{Problem: fmt.Sprintf("the expression may cost %d, over ten times the limit of %d; look through fewer lists, or use shorter patterns", estimate.Max, limit)}
	}
	program, err := env.cel.Program(ast,
		cel.EvalOptions(cel.OptOptimize, cel.OptTrackCost),
		cel.CostLimit(limit),
		cel.InterruptCheckFrequency(100),
	)
	if err != nil {
		return nil, &Error{Problem: fmt.Sprintf("the expression cannot be planned: %v", err)}
	}
	return &condition{platform: env.platform, claims: env.claims, program: program}, nil
}

func (c *Compiler) limit() uint64 {
	if c.MaxCost == 0 {
		return DefaultMaxCost
	}
	return c.MaxCost
}

func (c *Compiler) environment(name string) (*environment, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if env, ok := c.environments[name]; ok {
		return env, nil
	}
	p, ok := platformFor(name)
	if !ok {
		return nil, &Error{Problem: fmt.Sprintf(`there are no conditions for the platform %q, only for "gitlab" and "circleci"`, name)}
	}
	env, err := newEnvironment(p)
	if err != nil {
		return nil, &Error{Problem: fmt.Sprintf("CEL cannot be set up: %v", err)}
	}
	if c.environments == nil {
		c.environments = map[string]*environment{}
	}
	c.environments[name] = env
	return env, nil
}
