package googletrust

import (
	"fmt"
	"slices"
	"time"

	"cel.dev/cel-go/cel"

	"github.com/cioidc/cioidc/internal/safetext"
)

// Request is what a request has beside its token. A nil Request is ready for use.
type Request struct {
	// Time is when the request is made. Zero means that it is not known: the token
	// is then neither too early nor too late.
	Time time.Time
}

// Simulate says what Google would answer if a job asked for a token of the pool,
// and then for the roles of the bindings, with a token of this claims set, which
// is JSON: [github.com/cioidc/cioidc/claims.Registered.Payload] returns it. A nil
// Request is one of which nothing is known.
//
// Nothing is sent, and nothing is proven: the signature is taken to be good, and
// policies of organizations are not looked at. Where Google's behaviour is not
// documented or depends on what is not given, the result is [Indeterminate] and
// says on what it depends.
func Simulate(doc *Document, payload []byte, r *Request) *Result {
	return NewSimulator(doc).Simulate(payload, r)
}

// Simulator is a document whose expressions are compiled, for many tokens. The
// document must not be changed while it is in use. It is safe for concurrent use.
type Simulator struct {
	doc      *Document
	provider *Provider
	env      *cel.Env

	problem   string // why Google would not save the provider; empty if it would
	at        Check  // where that is, if an expression is why
	mapping   []*expression
	condition *expression // nil if there is none
	notes     []string
}

// NewSimulator compiles the expressions of a document. One that does not compile
// is no error here: every token is then rejected, and [Document.Validate] says why.
func NewSimulator(doc *Document) *Simulator {
	if doc == nil {
		doc = &Document{}
	}
	s := &Simulator{doc: doc, provider: doc.Provider}
	if s.provider == nil {
		s.problem = "there is no provider"
		return s
	}
	if s.problem, _ = s.provider.refusedToSave(); s.problem != "" {
		return s
	}
	env, err := newEnvironment()
	if err != nil {
		s.problem = "CEL cannot be set up: " + err.Error()
		return s
	}
	s.env = env
	for i := range s.provider.Mapping {
		a := &s.provider.Mapping[i]
		e, err := compile(env, a.Expression.Text)
		if err != nil {
			s.fail(a.Name, a.Expression, err)
			return s
		}
		s.mapping = append(s.mapping, e)
		s.note(a.Name, e)
	}
	if s.provider.Condition.Text == "" {
		return s
	}
	if s.condition, err = compile(env, s.provider.Condition.Text); err != nil {
		s.fail("condition", s.provider.Condition, err)
		return s
	}
	s.note("condition", s.condition)
	return s
}

// fail notes that an expression does not compile.
func (s *Simulator) fail(name string, v Value, err error) {
	s.problem = fmt.Sprintf("the expression of %s does not compile: %v", name, err)
	s.at = Check{Part: PartProvider, Position: v.Position, Name: name, Expected: v.Text, Holds: False, Why: s.problem}
}

func (s *Simulator) note(name string, e *expression) {
	for _, f := range e.unlisted {
		s.notes = append(s.notes, fmt.Sprintf("%s in the expression of %s may be rejected by Google, whose documentation does not name it", f, name))
	}
}

// run is one request.
type run struct {
	*Simulator
	request *Request
	result  *Result

	token     token
	assertion map[string]any
	google    map[string]any
	attribute map[string]string
	// open holds the attributes that may have any value, and what that depends on.
	open map[string]string
}

// Simulate is [Simulate] of the document.
func (s *Simulator) Simulate(payload []byte, r *Request) *Result {
	if r == nil {
		r = &Request{}
	}
	q := &run{Simulator: s, request: r, result: &Result{Outcome: Accepted, Notes: slices.Clone(s.notes)}}
	for _, step := range []func([]byte) bool{q.readToken, q.checkProvider, q.checkIssuer, q.checkTime, q.checkAudience, q.mapClaims, q.checkCondition, q.checkMembers} {
		if !step(payload) {
			break
		}
	}
	if q.result.Outcome != Indeterminate {
		q.result.Assumptions = nil
	}
	return q.result
}

func (q *run) add(stage Stage) { q.result.Stages = append(q.result.Stages, stage) }

// stage notes how a stage went, and reports whether to go on. A refusal that is
// not sure does not end the request: a later one may be.
func (q *run) stage(name StageName, no *refusal, passed string, checks ...Check) bool {
	stage := Stage{Name: name, Passed: True, Text: passed, Checks: checks}
	if no == nil {
		q.add(stage)
		return true
	}
	stage.Text = no.why
	if no.assumption != "" {
		stage.Passed = Unknown
		q.assume(no.assumption)
		q.add(stage)
		return true
	}
	stage.Passed = False
	q.add(stage)
	q.result.Outcome, q.result.Code, q.result.Message = Rejected, no.code, no.message
	return false
}

func (q *run) assume(sentence string) {
	q.result.Outcome = Indeterminate
	if !slices.Contains(q.result.Assumptions, sentence) {
		q.result.Assumptions = append(q.result.Assumptions, sentence)
	}
}

func (q *run) readToken(payload []byte) bool {
	t, no := readToken(payload)
	q.token = t
	if !q.stage(StageToken, no, "it has the claims that Google requires") {
		return false
	}
	q.assertion = members(t.claims)
	return true
}

func (q *run) checkProvider([]byte) bool {
	var no *refusal
	var checks []Check
	switch {
	case q.problem != "":
		no = refused(invalidTarget, noTarget, "Google does not save such a provider: %s", q.problem)
		if q.at.Name != "" {
			checks = []Check{q.at}
		}
	case q.provider.Disabled:
		no = refused(invalidTarget, noTarget, "the provider is disabled")
	case q.provider.State == "DELETED":
		no = refused(invalidTarget, noTarget, "the provider is deleted")
	}
	return q.stage(StageProvider, no, "the provider is in use", checks...)
}

func (q *run) checkIssuer([]byte) bool {
	iss, want := q.token.claims.Get("iss").Text, q.provider.IssuerURI.Text
	var no *refusal
	if iss != want {
		no = refused(invalidGrant, fmt.Sprintf("The issuer in ID Token %s does not match the expected ones: %s", safetext.Cut(iss), want),
			"iss is %s, and the provider's issuer is %s", safetext.Quote(iss), safetext.Quote(want))
	}
	if !q.stage(StageIssuer, no, "the provider is for "+safetext.Quote(iss)) {
		return false
	}
	q.add(Stage{Name: StageSignature, Passed: True, Unchecked: true, Text: "the signature is taken to be good"})
	return true
}

func (q *run) checkTime([]byte) bool {
	no := q.token.checkTime(q.request.Time)
	if no == nil && q.request.Time.IsZero() {
		q.add(Stage{Name: StageTime, Passed: True, Unchecked: true, Text: "the token does not live too long, and the time of the request is not known"})
		return true
	}
	return q.stage(StageTime, no, "the token is valid at the time of the request")
}

func (q *run) checkAudience([]byte) bool {
	return q.stage(StageAudience, q.token.checkAudience(q.provider), "the token is for an audience of the provider")
}

// Validate returns why Google would not save the provider, an expression that does
// not compile included, as a *[ParseError]; or nil. Its line is 0 for a provider
// that was made by hand.
func (d *Document) Validate() error {
	s := NewSimulator(d)
	if s.problem == "" {
		return nil
	}
	at := s.at.Position
	if s.at.Name == "" && s.provider != nil {
		_, at = s.provider.refusedToSave()
	}
	return &ParseError{Line: at.Line, Column: at.Column, Problem: s.problem}
}
