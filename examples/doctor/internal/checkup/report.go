// Package checkup examines the identity token of a CI job: what it says, what
// its issuer answers, what AWS and Google must be configured with for it, and
// what they make of it. Results are values, for a renderer to print.
//
// It makes two requests of its own at most, both to the token's issuer; an
// exchange that is asked for goes to that cloud. All of it takes ten seconds at
// most.
package checkup

import (
	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/safetext"
)

// State is the outcome of a check.
type State string

// The states. Only [Fail] and, for whoever reads the report, [Warn] are
// problems.
const (
	OK   State = "ok"
	Info State = "info" // there is nothing to judge
	Warn State = "warn" // it may fail, depending on what cannot be seen from here
	Fail State = "fail"
)

// Class tells what kind of trouble there is; it is doctor's exit status.
type Class int

// The classes. The status 2 is for wrong usage, which gives no report.
const (
	Healthy     Class = 0 // no check failed
	Problem     Class = 1 // a check failed
	NoToken     Class = 3 // there is no token to examine
	Unreachable Class = 4 // the issuer's discovery document or keys cannot be had
	Refused     Class = 5 // a cloud that was asked did not exchange the token
)

// Report is what was found.
type Report struct {
	// Class is the gravest of what the checks found.
	Class Class `json:"status"`
	// Checks are in the order in which they were made.
	Checks []Check `json:"checks"`
}

// Check is one thing that was looked at.
type Check struct {
	// Name identifies the check for programs, such as "issuer-keys". A name can
	// occur more than once, as for each token found.
	Name string `json:"name"`
	// State is the outcome.
	State State `json:"state"`
	// Words say what was found, in one sentence without a full stop.
	Words string `json:"words"`
	// Action says what to do, in whole lines. Empty means nothing.
	Action string `json:"action,omitempty"`
	// Evidence is what the words rest on, or what there is to copy.
	Evidence []Evidence `json:"evidence,omitempty"`
	// Causes are what an exchange knows of its failure, the likeliest first.
	Causes []Cause `json:"causes,omitempty"`
}

// Evidence is one fact: a value that stands alone, or what the token says
// beside what was configured.
type Evidence struct {
	Name       string `json:"name"`
	Value      string `json:"value,omitempty"`
	Token      string `json:"token,omitempty"`
	Configured string `json:"configured,omitempty"`
}

// Cause is an [exchange.Cause].
type Cause struct {
	ID       string     `json:"id"`
	Summary  string     `json:"summary"`
	Action   string     `json:"action,omitempty"`
	Certain  bool       `json:"certain"`
	Evidence []Evidence `json:"evidence,omitempty"`
}

func causesOf(e *exchange.Error) []Cause {
	var causes []Cause
	for _, c := range e.Causes {
		ours := Cause{ID: c.ID, Summary: c.Summary, Action: c.Action, Certain: c.Certain}
		for _, ev := range c.Evidence {
			if ev.Token != "" || ev.Configured != "" {
				ours.Evidence = append(ours.Evidence, Evidence{Name: ev.Name, Token: ev.Token, Configured: ev.Configured})
			}
		}
		causes = append(causes, ours)
	}
	return causes
}

// add appends a check.
func (r *Report) add(c Check) { r.Checks = append(r.Checks, c) }

// raise makes c the report's class if it is graver than what it has.
func (r *Report) raise(c Class) {
	// A refusal was asked for by name, and no token leaves nothing else to say.
	rank := map[Class]int{Healthy: 0, Problem: 1, Unreachable: 2, Refused: 3, NoToken: 4}
	if rank[c] > rank[r.Class] {
		r.Class = c
	}
}

// scrub takes every piece of secrets out of the report. Nothing puts one there;
// it is what stands between a mistake and the log of a job.
func (r *Report) scrub(secrets []string) {
	clean := func(texts ...*string) {
		for _, text := range texts {
			*text = safetext.Scrub(*text, secrets...)
		}
	}
	evidence := func(all []Evidence) {
		for i := range all {
			clean(&all[i].Value, &all[i].Token, &all[i].Configured)
		}
	}
	for i := range r.Checks {
		c := &r.Checks[i]
		clean(&c.Words, &c.Action)
		evidence(c.Evidence)
		for j := range c.Causes {
			clean(&c.Causes[j].Summary, &c.Causes[j].Action)
			evidence(c.Causes[j].Evidence)
		}
	}
}
