package awstrust

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/internal/safetext"
	"github.com/cioidc/cioidc/internal/trustmodel"
)

// Outcome is what a simulation came to.
type Outcome = trustmodel.Outcome

const (
	// Indeterminate: AWS may accept or reject, and what it depends on is among
	// the result's assumptions. It is the zero Outcome.
	Indeterminate = trustmodel.Indeterminate
	// Accepted: STS gives out credentials, as far as this package looks.
	Accepted = trustmodel.Accepted
	// Rejected: STS does not.
	Rejected = trustmodel.Rejected
)

// Truth is whether something holds.
type Truth = trustmodel.Truth

// The three answers. The zero one is that it cannot be told.
const (
	Unknown = trustmodel.Unknown
	False   = trustmodel.False
	True    = trustmodel.True
)

// Result is what [Simulate] found out.
type Result struct {
	Outcome Outcome
	// Code and Message are what STS answers to a rejected request. Both are
	// empty for any other outcome, and where the words are not known.
	Code, Message string
	// Stages are the checks in the order in which STS makes them. The last one is
	// where the request was refused, if it was.
	Stages []Stage
	// Assumptions are what an indeterminate outcome depends on, each a sentence
	// that may be true or not. It is empty for any other outcome.
	Assumptions []string
}

// StageName names a stage.
type StageName string

// The stages, in order.
const (
	StageToken     StageName = "token"            // it can be read and has the claims that AWS requires
	StageProvider  StageName = "provider"         // the account has a provider for its issuer
	StageSignature StageName = "signature"        // never checked here
	StageTime      StageName = "time"             // it has begun and not expired, within five minutes
	StageAudience  StageName = "audience"         // the provider has it among its client IDs
	StageClaims    StageName = "claims for AWS"   // of session tags and roles; only if the token has any
	StageTrust     StageName = "trust policy"     // an Allow of the document applies, and no Deny
	StageOutside   StageName = "outside policies" // of organizations and sessions; never checked here
)

// Stage is one of the checks that STS makes.
type Stage struct {
	Name StageName
	// Passed says whether the request got through it.
	Passed Truth
	// Unchecked says that the stage was taken as passed without a look.
	Unchecked bool
	// Text says in one sentence what was found.
	Text string
	// Statements are how each statement of the document was judged, for each
	// action that the request needs. Only [StageTrust] has them.
	Statements []StatementResult
}

// StatementResult is how a statement was judged.
type StatementResult struct {
	// Index is the statement's place in the document, from 0.
	Index    int
	Sid      string
	Effect   Effect
	Position Position
	// Action is the action that the request needs, such as
	// "sts:AssumeRoleWithWebIdentity".
	Action string
	// Applies says whether the statement is about this request: all checks hold.
	Applies Truth
	// Checks are those of the principal, the action and each condition.
	Checks []Check
}

// Check is one part of a statement, held against the request.
type Check struct {
	// Position is that of the condition's key; of the principal or the action
	// for a check of those.
	Position Position
	// Operator is the condition's, as it is written; empty for a principal or an
	// action.
	Operator string
	// Key is the condition key; "Principal" or "Action" for those.
	Key string
	// Expected are the values in the document.
	Expected []string
	// Actual are the values of the request, and Present whether it has any.
	Actual  []string
	Present bool
	// Holds says whether the check is met.
	Holds Truth
	// Why says in one sentence why it is or is not.
	Why string
	// Assumption is the sentence that decides a check that is unknown.
	Assumption string
	// Superseded says that AWS drops the condition, so that it decides nothing.
	Superseded bool
}

// Deciding returns the check that decided: for a rejected request the one that
// the Deny rests on, or the one that failed in the Allow that came nearest to
// applying; for an indeterminate one, the first that is unknown. It returns the
// statement that it belongs to as well, and false if no check of the document
// decided, as when a request is accepted or was refused before.
func (r *Result) Deciding() (StatementResult, Check, bool) {
	if len(r.Stages) == 0 || r.Outcome == Accepted {
		return StatementResult{}, Check{}, false
	}
	var nearest StatementResult
	var found Check
	best := -1
	for _, stage := range r.Stages {
		for _, st := range stage.Statements {
			if r.Outcome == Rejected && st.Effect == Deny {
				if c, ok := st.last(); ok && st.Applies == True {
					return st, c, true
				}
				continue
			}
			held := 0
			var first *Check
			for i := range st.Checks {
				c := &st.Checks[i]
				switch {
				case c.Superseded:
				case c.Holds == True:
					held++
				case r.Outcome == Rejected && c.Holds == False, r.Outcome == Indeterminate && c.Holds == Unknown && st.Applies == Unknown:
					if first == nil {
						first = c
					}
				}
			}
			if first != nil && held > best {
				nearest, found, best = st, *first, held
			}
		}
	}
	return nearest, found, best >= 0
}

// last returns the last check that counts.
func (st *StatementResult) last() (Check, bool) {
	for _, c := range slices.Backward(st.Checks) {
		if !c.Superseded {
			return c, true
		}
	}
	return Check{}, false
}

// String explains the result in lines of text: the outcome, each stage, and in
// the trust policy each check. Values are quoted and cut at 256 bytes.
func (r *Result) String() string {
	var b strings.Builder
	fmt.Fprintln(&b, r.Outcome)
	for _, s := range r.Stages {
		state := "passed"
		switch {
		case s.Unchecked:
			state = "not checked"
		case s.Passed == False:
			state = "refused"
		case s.Passed == Unknown:
			state = "unknown"
		}
		fmt.Fprintf(&b, "%s: %s: %s\n", s.Name, state, s.Text)
		for _, st := range s.Statements {
			fmt.Fprintf(&b, "  %v: statement %s %s: applies: %v\n", st.Position, label(st), st.Effect, st.Applies)
			for _, c := range st.Checks {
				mark := c.Holds.String()
				if c.Superseded {
					mark = "dropped"
				}
				fmt.Fprintf(&b, "    %v: %s: %s\n", c.Position, mark, c.Why)
			}
		}
	}
	for _, a := range r.Assumptions {
		fmt.Fprintf(&b, "depends on whether %s\n", a)
	}
	return b.String()
}

func label(st StatementResult) string {
	if st.Sid != "" {
		return safetext.Quote(st.Sid)
	}
	return fmt.Sprint(st.Index + 1)
}
