package googletrust

import (
	"fmt"
	"strings"

	"github.com/cioidc/cioidc/internal/trustmodel"
)

// Outcome is what a simulation came to.
type Outcome = trustmodel.Outcome

const (
	// Indeterminate: Google may accept or reject, and what it depends on is among
	// the result's assumptions. It is the zero Outcome.
	Indeterminate = trustmodel.Indeterminate
	// Accepted: the token gets into the pool and, where bindings are known, at
	// least one of them is for it.
	Accepted = trustmodel.Accepted
	// Rejected: it does not, or none is.
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
	// Code and Message are what Google answers to a rejected request: the security
	// token service, or IAM at [StageMembers]. Both are empty for any other
	// outcome, and Message where the words are not known.
	Code, Message string
	// Stages are the checks in the order in which Google makes them. The last one
	// is where the request was refused, if it was.
	Stages []Stage
	// Assumptions are what an indeterminate outcome depends on, each a sentence
	// that may be true or not. It is empty for any other outcome.
	Assumptions []string
	// Mapped is what the token's claims were mapped to, in the order of the
	// mapping. What has no value is left out.
	Mapped []Mapped
	// Principals are all names by which role bindings can mean this token, such
	// as "principal://..." with its subject. Where the project's number or the pool
	// is not known, a placeholder in angle brackets stands for it. Empty if the
	// token was refused before it had any.
	Principals []string
	// Granted are the bindings and members that are for this token; see
	// [Document.Bindings].
	Granted []Grant
	// Notes are sentences about what is written in the provider that change
	// nothing here, such as a function that Google's documentation does not name.
	Notes []string
}

// Mapped is an attribute of a token in the pool.
type Mapped struct {
	Name string // such as "google.subject" or "attribute.ref"
	// Values has one value; of google.groups any number.
	Values []string
}

// Grant is a member of a binding that is for the token.
type Grant struct {
	Binding, Member int // the places in [Document.Bindings] and [Binding.Members], from 0
}

// StageName names a stage.
type StageName string

// The stages, in order.
const (
	StageToken     StageName = "token"               // it can be read and has the claims that Google requires
	StageProvider  StageName = "provider"            // it exists, is not disabled, and could be saved
	StageIssuer    StageName = "issuer"              // the token's iss is the provider's
	StageSignature StageName = "signature"           // never checked here
	StageTime      StageName = "time"                // it has begun, has not expired, and lives at most 24 hours
	StageAudience  StageName = "audience"            // it is one that the provider takes
	StageMapping   StageName = "attribute mapping"   // each expression has a value, within the limits
	StageCondition StageName = "attribute condition" // it is true
	StageMembers   StageName = "members"             // a role binding is for one of the token's names
)

// Stage is one of the checks that Google makes.
type Stage struct {
	Name StageName
	// Passed says whether the request got through it.
	Passed Truth
	// Unchecked says that the stage was taken as passed without a look.
	Unchecked bool
	// Text says in one sentence what was found.
	Text string
	// Checks are the parts: of [StageMapping] each attribute, of [StageCondition]
	// what is joined by &&, of [StageMembers] each member.
	Checks []Check
}

// Check is one part of a stage.
type Check struct {
	// Part and Position say where it is written. What is within an expression has
	// the position of the whole.
	Part     Part
	Position Position
	// Name is the attribute, "condition" or "member".
	Name string
	// Expected is the expression or the member, as it is written.
	Expected string
	// Actual is the value that it came to or, for a part of the condition, the
	// claims that it reads. Empty means none.
	Actual string
	// Holds says whether it is met. Only one member has to be.
	Holds Truth
	// Why says in one sentence why it is or is not.
	Why string
	// Assumption is the sentence that decides a check that is unknown.
	Assumption string
}

// Deciding returns the check on which a rejected request failed, or the first
// that is unknown of an indeterminate one: of the members, the one that came
// nearest to the token. It returns false if there is none, as when the request was
// accepted or was refused for something that is no part of the document.
func (r *Result) Deciding() (Check, bool) {
	if r.Outcome == Accepted {
		return Check{}, false
	}
	want := Unknown
	if r.Outcome == Rejected {
		want = False
	}
	for _, s := range r.Stages {
		if s.Passed != want {
			continue
		}
		for _, c := range s.Checks {
			if c.Holds == want {
				return c, true
			}
		}
		return Check{}, false
	}
	return Check{}, false
}

// String explains the result in lines of text: the outcome, each stage and each
// check. Values are quoted and cut at 256 bytes.
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
		for _, c := range s.Checks {
			fmt.Fprintf(&b, "  %s %v: %v: %s\n", c.Part, c.Position, c.Holds, c.Why)
		}
	}
	for _, a := range r.Assumptions {
		fmt.Fprintf(&b, "depends on whether %s\n", a)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	return b.String()
}
