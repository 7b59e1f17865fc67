package awstrust

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/internal/safetext"
	"github.com/cioidc/cioidc/internal/trustmodel"
)

// webIdentity is the action of a request with a web identity token.
const webIdentity = "sts:AssumeRoleWithWebIdentity"

// Simulate says what STS would answer if a job asked for credentials of the role
// that has this trust policy, with a token of this claims set, which is JSON:
// [github.com/cioidc/cioidc/claims.Registered.Payload] returns it. A nil Request
// is one of which nothing is known. A nil Document has no statements, and lets
// nobody in.
//
// Nothing is sent, and nothing is proven: the signature is taken to be good, and
// policies of organizations are not looked at. Where AWS's behaviour is not
// documented or depends on what is not given, the result is [Indeterminate] and
// says on what it depends.
func Simulate(doc *Document, payload []byte, p Provider, r *Request) *Result {
	if r == nil {
		r = &Request{}
	}
	if doc == nil {
		doc = &Document{}
	}
	s := &simulation{doc: doc, provider: p, request: r, result: &Result{Outcome: Accepted}}
	s.run(payload)
	if s.result.Outcome != Indeterminate {
		s.result.Assumptions = nil
	}
	return s.result
}

type simulation struct {
	doc      *Document
	provider Provider
	request  *Request
	result   *Result

	token    token
	audience string
	byRoles  Truth // sts:RoleAuthorizedByIdp
}

func (s *simulation) run(payload []byte) {
	t, no := readToken(payload)
	s.token = t
	if !s.stage(StageToken, no, "it has the claims that AWS requires") {
		return
	}
	for _, step := range []func() bool{s.checkProvider, s.skipSignature, s.checkTime, s.checkAudience, s.checkClaimsForAWS, s.checkTrust} {
		if !step() {
			return
		}
	}
	s.add(Stage{Name: StageOutside, Passed: True, Unchecked: true, Text: "policies of the organization and of the session are not looked at"})
}

func (s *simulation) add(stage Stage) { s.result.Stages = append(s.result.Stages, stage) }

// stage notes how a stage went, and reports whether to go on. A refusal that is
// not sure does not end the request: a later one may be.
func (s *simulation) stage(name StageName, no *refusal, passed string) bool {
	stage := Stage{Name: name, Passed: True, Text: passed}
	if no != nil {
		stage.Passed, stage.Text = False, no.why
		if no.assumption != "" {
			stage.Passed = Unknown
			s.assume(no.assumption)
		} else {
			s.reject(no.code, no.message)
		}
	}
	s.add(stage)
	return stage.Passed != False
}

// assume makes an accepted request one that depends on a.
func (s *simulation) assume(a string) {
	if s.result.Outcome == Accepted {
		s.result.Outcome = Indeterminate
	}
	if a != "" && !slices.Contains(s.result.Assumptions, a) {
		s.result.Assumptions = append(s.result.Assumptions, a)
	}
}

func (s *simulation) reject(code, message string) {
	s.result.Outcome, s.result.Code, s.result.Message = Rejected, code, message
}

func (s *simulation) checkProvider() bool {
	iss := s.token.text("iss")
	var no *refusal
	if iss != s.provider.URL {
		no = invalid(notValidated, "iss is %s, and the provider is for %s", safetext.Quote(iss), safetext.Quote(s.provider.URL))
	}
	return s.stage(StageProvider, no, "the provider is for "+safetext.Quote(iss))
}

func (s *simulation) skipSignature() bool {
	s.add(Stage{Name: StageSignature, Passed: True, Unchecked: true, Text: "the signature is taken to be good"})
	return true
}

func (s *simulation) checkTime() bool {
	if s.request.Time.IsZero() {
		s.add(Stage{Name: StageTime, Passed: True, Unchecked: true, Text: "the time of the request is not known"})
		return true
	}
	return s.stage(StageTime, s.token.checkTime(s.request.Time), "the token is valid at the time of the request")
}

func (s *simulation) checkAudience() bool {
	aud, no := s.token.audience()
	s.audience = aud
	if no == nil && !slices.Contains(s.provider.ClientIDs, aud) {
		no = invalid(notValidated, "the provider has no client ID %s", safetext.Quote(aud))
	}
	return s.stage(StageAudience, no, safetext.Quote(aud)+" is a client ID of the provider")
}

// checkClaimsForAWS looks at the claims that are made for AWS. Few tokens have
// any, and the stage is left out for all others.
func (s *simulation) checkClaimsForAWS() bool {
	if s.token.tagged() {
		if _, no := s.token.tags(); !s.stage(StageClaims, no, "the session tags can be read") {
			return false
		}
	}
	if s.token.claims.Get(rolesClaim) == nil {
		return true
	}
	authorized, no := s.token.checkRoles(s.request.RoleARN)
	s.byRoles = authorized
	return s.stage(StageClaims, no, "the role is among those that the token lists")
}

func (s *simulation) checkTrust() bool {
	stage := Stage{Name: StageTrust, Passed: True}
	var texts []string
	for _, action := range s.token.actions() {
		passed, text, statements := s.decide(action)
		stage.Passed = trustmodel.And(stage.Passed, passed)
		stage.Statements = append(stage.Statements, statements...)
		if passed != True || len(texts) == 0 {
			texts = append(texts, text)
		}
	}
	stage.Text = strings.Join(texts, "; ")
	s.add(stage)
	switch stage.Passed {
	case False:
		s.reject("AccessDenied", notAuthorized)
	case Unknown:
		for _, st := range stage.Statements {
			if st.Applies != Unknown {
				continue
			}
			for _, c := range st.Checks {
				if c.Holds == Unknown && !c.Superseded {
					s.assume(c.Assumption)
				}
			}
		}
	}
	return stage.Passed != False
}

// decide holds all statements against the request for an action.
func (s *simulation) decide(action string) (Truth, string, []StatementResult) {
	env := s.environment()
	var all []StatementResult
	allowed, denied := False, False
	for i := range s.doc.Statements {
		st := env.statement(i, action)
		all = append(all, st)
		if st.Effect == Deny {
			denied = trustmodel.Or(denied, st.Applies)
		} else {
			allowed = trustmodel.Or(allowed, st.Applies)
		}
	}
	first := func(effect Effect, applies Truth) string {
		for _, st := range all {
			if st.Effect == effect && st.Applies == applies {
				return fmt.Sprintf("statement %s at %v", label(st), st.Position)
			}
		}
		return ""
	}
	passed := trustmodel.And(allowed, trustmodel.Not(denied))
	switch {
	case denied == True:
		return passed, first(Deny, True) + " denies " + action, all
	case allowed == False:
		return passed, "no statement allows " + action, all
	case denied == Unknown:
		return passed, "it cannot be told whether " + first(Deny, Unknown) + " denies " + action, all
	case allowed == Unknown:
		return passed, "it cannot be told whether " + first(Allow, Unknown) + " allows " + action, all
	}
	return passed, first(Allow, True) + " allows " + action, all
}
