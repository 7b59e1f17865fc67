package awstrust

import (
	"fmt"
	"strings"

	"github.com/cioidc/cioidc/internal/safetext"
	"github.com/cioidc/cioidc/internal/trustmodel"
)

// statement holds a statement against the request for an action.
func (e *environment) statement(i int, action string) StatementResult {
	st := &e.doc.Statements[i]
	out := StatementResult{Index: i, Sid: st.Sid, Effect: st.Effect, Position: st.Position, Action: action}
	out.Checks = append(out.Checks, e.principal(st), e.action(st, action))
	conditions := make([]Check, len(st.Conditions))
	for j := range st.Conditions {
		conditions[j] = e.condition(&st.Conditions[j])
	}
	sameKeyTwice(st.Conditions, conditions)
	out.Checks = append(out.Checks, conditions...)
	out.Applies = True
	for _, c := range out.Checks {
		if !c.Superseded {
			out.Applies = trustmodel.And(out.Applies, c.Holds)
		}
	}
	return out
}

// sameKeyTwice makes two conditions unknown whose keys differ by case only: AWS
// takes them for one, and does not say which it keeps. Where both come to the
// same it does not matter.
func sameKeyTwice(conditions []Condition, checks []Check) {
	for i := range checks {
		for j := range checks[:i] {
			a, b := &conditions[i], &conditions[j]
			if a.Superseded || b.Superseded || a.Operator != b.Operator || !strings.EqualFold(a.Key, b.Key) || checks[i].Holds == checks[j].Holds {
				continue
			}
			for _, c := range []*Check{&checks[i], &checks[j]} {
				c.Holds = Unknown
				c.Assumption = fmt.Sprintf("AWS keeps both of %s and %s, which it takes for one key", safetext.Quote(b.Key), safetext.Quote(a.Key))
				c.Why = "the key is there twice, in two spellings"
			}
		}
	}
}

func (e *environment) principal(st *Statement) Check {
	list := st.Principals
	c := Check{Key: "Principal", Actual: []string{e.provider.ARN()}, Present: true, Position: st.Position}
	if len(st.NotPrincipals) > 0 {
		c.Key, list = "NotPrincipal", st.NotPrincipals
	}
	if len(list) > 0 {
		c.Position = list[0].Position
	}
	for _, p := range list {
		c.Expected = append(c.Expected, p.Name)
	}
	if c.Key == "NotPrincipal" {
		return c.unknown("AWS matches NotPrincipal with a web identity as one would expect")
	}
	c.Holds = False
	for _, p := range list {
		named, assumption := e.named(p, st.Effect)
		if named == Unknown {
			c.Assumption = assumption
		}
		if c.Holds = trustmodel.Or(c.Holds, named); c.Holds == True {
			c.Position, c.Assumption = p.Position, ""
			break
		}
	}
	switch c.Holds {
	case True:
		c.Why = "the principal is the provider"
	case False:
		c.Why = fmt.Sprintf("the principal is not %s", safetext.Quote(e.provider.ARN()))
	default:
		c.Why = "it is not known whether the principal is the provider"
	}
	return c
}

// named reports whether a principal means the provider.
func (e *environment) named(p Principal, effect Effect) (Truth, string) {
	switch {
	case strings.Contains(p.Name, "${"):
		return Unknown, fmt.Sprintf("the principal %s, which is a template that nobody filled in, is the provider", safetext.Quote(p.Name))
	case p.Kind == "Federated":
		return trustmodel.TruthOf(p.Name == "*" || e.provider.names(p.Name)), ""
	case p.Kind == "":
		return Unknown, `the principal "*" means web identities too`
	case p.Kind == "AWS" && p.Name == "*" && effect == Deny:
		return Unknown, `a Deny for the principal {"AWS": "*"} means web identities too`
	}
	// {"AWS": "*"} does not allow a web identity.
	return False, ""
}

func (e *environment) action(st *Statement, action string) Check {
	list := st.Actions
	c := Check{Key: "Action", Actual: []string{action}, Present: true, Position: st.Position}
	if len(st.NotActions) > 0 {
		c.Key, list = "NotAction", st.NotActions
	}
	for _, v := range list {
		c.Expected = append(c.Expected, v.Text)
	}
	if len(list) > 0 {
		c.Position = list[0].Position
	}
	if c.Key == "NotAction" {
		return c.unknown("AWS matches NotAction in a trust policy as one would expect")
	}
	c.Holds = False
	for _, v := range list {
		matches := trustmodel.TruthOf(wildcards(strings.ToLower(v.Text)).match(strings.ToLower(action)))
		if strings.Contains(v.Text, "${") {
			matches, c.Assumption = Unknown, fmt.Sprintf("the action %s, which is a template that nobody filled in, is %s", safetext.Quote(v.Text), action)
		}
		if c.Holds = trustmodel.Or(c.Holds, matches); c.Holds == True {
			c.Position, c.Assumption = v.Position, ""
			break
		}
	}
	switch c.Holds {
	case True:
		c.Why = "the action is " + action
	case False:
		c.Why = "no action is " + action
	default:
		c.Why = "it is not known whether an action is " + action
	}
	return c
}

// unknown makes a check one that depends on an assumption.
func (c Check) unknown(assumption string) Check {
	c.Holds, c.Assumption = Unknown, assumption
	c.Why = "it cannot be told"
	return c
}
