package policy

import (
	"context"
	"log/slog"

	"github.com/cioidc/cioidc/claims"
)

// Reason is why a decision is as it is.
type Reason string

const (
	Allowed       Reason = "allowed"       // a rule matched
	NoRule        Reason = "no rule"       // none did, or the audience is another's
	ExplicitDeny  Reason = "explicit deny" // a deny rule matched
	Indeterminate Reason = "indeterminate" // a condition could not be evaluated
)

// Result is what came of one check.
type Result string

const (
	Pass       Result = "pass"
	Mismatch   Result = "mismatch"
	NotPresent Result = "absent"
	Failed     Result = "error"
)

// The modes of a decision.
const (
	ModeEnforce = "enforce"
	ModeAudit   = "audit"
)

// Decision is what a policy says of one token. It reads the token's claims
// again when it is asked for its trace or logged: leave them as they are. Safe
// for concurrent use.
type Decision struct {
	// Allowed says whether the policy allows; in audit-only mode the token
	// passes even so.
	Allowed bool
	Reason  Reason
	// Policy is the policy's name, Digest its digest.
	Policy, Digest string
	// Rule is the rule that decided; empty if none matched.
	Rule string
	// Mode is ModeEnforce or ModeAudit.
	Mode string

	policy *Policy
	model  claims.Model
	when   outcomes
}

// outcomes are what came of the conditions that were evaluated to decide. They
// are kept since another look might find something else: ctx may have ended.
type outcomes []outcome

type outcome struct {
	of  *condition
	ok  bool
	err error
}

// of returns what came of c, which it evaluates if that was not needed to
// decide.
func (o outcomes) of(c *condition, m claims.Model) (bool, error) {
	for _, k := range o {
		if k.of == c {
			return k.ok, k.err
		}
	}
	return c.Evaluate(context.Background(), m)
}

// RuleTrace is one rule and what came of each of its conditions.
type RuleTrace struct {
	Rule    string
	Deny    bool // a deny rule
	Matched bool
	Checks  []Check
}

// Check is one condition and what came of it. The values of claims that name a
// person are masked.
type Check struct {
	// Claim is the claim's name; "aud", "platform", "fork" or "cel" for a
	// condition that is not on one claim of the rule.
	Claim string
	// Op is how it was compared, with "not " before it if turned round.
	Op       string
	Expected []string
	Actual   string
	Result   Result
	Why      string
	Position Position
}

// Rules returns the trace of every rule, nearest to a match first; none for a
// Decision that no policy made. It is made anew by every call.
func (d *Decision) Rules() []RuleTrace {
	if d.policy == nil {
		return nil
	}
	return d.policy.trace(d.model, d.when)
}

// Err returns nil if the decision allows and a *[DeniedError] otherwise, in
// audit-only mode too.
func (d *Decision) Err() error {
	if d.Allowed {
		return nil
	}
	return &DeniedError{Decision: d}
}

// LogValue implements slog.LogValuer: policy, policy_digest, decision, mode, and
// where there is one, rule; if no rule matched, nearest_rule, claim (the first
// one that it refused) and why.
func (d *Decision) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("policy", d.Policy), slog.String("policy_digest", d.Digest),
		slog.String("decision", string(d.Reason)), slog.String("mode", d.Mode),
	}
	if d.Rule != "" {
		attrs = append(attrs, slog.String("rule", d.Rule))
	}
	if d.Reason != NoRule {
		return slog.GroupValue(attrs...)
	}
	if traces := d.Rules(); len(traces) > 0 {
		nearest := traces[0]
		attrs = append(attrs, slog.String("nearest_rule", nearest.Rule))
		for _, c := range nearest.Checks {
			if c.Result != Pass {
				attrs = append(attrs, slog.String("claim", c.Claim), slog.String("why", c.Why))
				break
			}
		}
	}
	return slog.GroupValue(attrs...)
}
