package awstrust

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/hostile"
	"github.com/cioidc/cioidc/internal/jsontree"
	"github.com/cioidc/cioidc/internal/safetext"
)

// narrowing pins a statement to the job of the options' token.
type narrowing struct {
	doc       *Document // a copy
	statement *Statement
	seen      *linted // the statement as it was
	finding   Finding
	options   *LintOptions
	token     token
}

// narrow returns the document with the statement of a finding pinned to the
// token, in the claims in which the witness differs.
func narrow(doc *Document, i int, f Finding, o *LintOptions) (*Fixed, error) {
	payload, err := o.payload()
	if err != nil {
		return nil, &NoFixError{f.ID, "LintOptions.Token: " + safetext.Cut(err.Error())}
	}
	t, no := readToken(payload)
	if no != nil {
		return nil, &NoFixError{f.ID, "LintOptions.Token: " + no.why}
	}
	before := (&Fixed{Document: doc}).simulate(payload, o)
	problem := "AWS sees nothing of what the finding is about: " + f.Fix
	for _, whole := range []bool{false, true} {
		c := doc.clone()
		n := &narrowing{doc: c, statement: &c.Statements[i], seen: read(doc, i, o), finding: f, options: o, token: t}
		if n.seen.prefix == "" || f.ID == "AWS025" || len(n.statement.NotPrincipals) > 0 {
			if !n.principal() {
				return nil, &NoFixError{f.ID, "name the token's provider and its account in LintOptions.Providers, or write its ARN for the principal"}
			}
		}
		if !n.pins(whole) {
			continue
		}
		fixed, err := c.finish(nil, f)
		if err != nil {
			return nil, err
		}
		switch after := fixed.simulate(payload, o); {
		case after == Rejected && (before != Rejected || f.Kind == Broken):
			problem = "the document would refuse the token itself"
		case !fixed.stops(f, o):
			problem = "the witness is let in by another statement, or by what AWS does not see"
		default:
			return fixed, nil
		}
	}
	return nil, &NoFixError{f.ID, problem}
}

// payload returns the claims set of the token.
func (o *LintOptions) payload() ([]byte, error) {
	known := false
	switch m := o.Token.(type) {
	case *claims.GitLab:
		known = m != nil
	case *claims.CircleCI:
		known = m != nil
	}
	if known && len(o.Token.RegisteredClaims().Payload()) > 0 {
		return o.Token.RegisteredClaims().Payload(), nil
	}
	variants, err := hostile.Variants(o.Token)
	if err != nil {
		return nil, err
	}
	payload, err := hostile.Legitimate(o.Token, variants)
	if err != nil {
		return nil, fmt.Errorf("awstrust: LintOptions.Token: %w", err)
	}
	return payload, nil
}

// principal names the token's provider, and nobody else.
func (n *narrowing) principal() bool {
	issuer := n.token.text("iss")
	arn := ""
	for _, p := range n.options.Providers {
		if p.URL == issuer && p.AccountID != "" {
			arn = p.ARN()
		}
	}
	if named := (Provider{URL: issuer}); arn == "" {
		for _, p := range n.statement.Principals {
			if p.Kind == "Federated" && named.names(p.Name) {
				arn = p.Name
			}
		}
	}
	if arn == "" {
		return false
	}
	n.statement.NotPrincipals = nil
	n.statement.Principals = []Principal{{Kind: "Federated", Name: arn}}
	// Conditions on another provider's keys were never about these tokens, and
	// with IfExists and its like held for all of them.
	return true
}

// pins pins the claims that the finding is about. With whole, nothing of what a
// claim was compared with stays. It reports whether anything was changed.
func (n *narrowing) pins(whole bool) bool {
	f := n.finding
	var changed []string
	if f.Witness != nil {
		changed = slices.Clone(f.Witness.Changed)
	}
	if f.ID == "AWS001" || f.ID == "AWS002" || len(n.seen.live) == 0 {
		changed = append(changed, "aud", "sub", "project_id", circleCIProject)
	}
	done := f.ID == "AWS025" || f.ID == "AWS014" // the principal was
	for i := len(n.statement.Conditions) - 1; i >= 0; i-- {
		c := &n.statement.Conditions[i]
		claim, ours := n.seen.claimOf(c.Key)
		inIt := c.Position == f.Position || slices.ContainsFunc(c.Values, func(v Value) bool { return v.Position == f.Position })
		switch {
		case c.Superseded || !inIt:
		case ours && n.key(claim) != "":
			changed = append(changed, claim)
		case ours && f.Kind == TooBroad: // of a key that AWS does not set: it never did anything
			n.statement.Conditions = slices.Delete(n.statement.Conditions, i, i+1)
			done = true
		}
	}
	for _, k := range Keys(n.token.text("iss")) {
		if slices.Contains(changed, k.Claim) && !k.Multivalued {
			done = n.pin(k, whole) || done
		}
	}
	return done
}

// key returns the name of the key that AWS sets from a claim of the token.
func (n *narrowing) key(claim string) string {
	for _, k := range Keys(n.token.text("iss")) {
		if strings.EqualFold(k.Claim, claim) {
			return k.Name
		}
	}
	return ""
}

// pin makes the condition on a key the token's value.
func (n *narrowing) pin(k Key, whole bool) bool {
	value, like, ok := n.value(k.Claim)
	if !ok {
		return false
	}
	c := Condition{Operator: Operator{Name: "StringEquals"}, Key: k.Name}
	if like {
		c.Operator.Name = "StringLike"
	}
	if !whole {
		for i := range n.statement.Conditions {
			old := &n.statement.Conditions[i]
			if old.Superseded || !strings.EqualFold(old.Key, k.Name) || like && !old.like() {
				continue
			}
			for j := range old.Values {
				if old.Values[j].Position == n.finding.Position && old.demands() {
					old.Values[j].Text = n.plain(value, old.like() && !like)
					return true
				}
			}
		}
	}
	c.Values = []Value{{Text: n.plain(value, false)}}
	n.statement.Conditions = slices.DeleteFunc(n.statement.Conditions, func(old Condition) bool {
		return !old.Superseded && strings.EqualFold(old.Key, k.Name)
	})
	n.statement.add(c)
	return true
}

// value returns what the token has for a claim. A user of CircleCI becomes a
// mask: the next job may be somebody else's.
func (n *narrowing) value(claim string) (value string, like, ok bool) {
	if claim == "aud" {
		aud, no := n.token.audience()
		return aud, false, no == nil
	}
	v := n.token.claims.Get(claim)
	if v == nil || v.Kind != jsontree.String || v.Text == "" {
		return "", false, false
	}
	if claim == "sub" && n.seen.circleCI() {
		if user := (wanted{text: v.Text}).segment("user"); claims.IsUUID(user) && !strings.ContainsAny(v.Text, "*?") {
			return strings.Replace(v.Text, "/user/"+user, "/user/"+anyUser, 1), true, true
		}
	}
	return v.Text, false, true
}

// plain escapes what would be a variable, and with like what would be a
// wildcard. A document of the old version has no variables and no escapes.
func (n *narrowing) plain(s string, like bool) string {
	if n.doc.Version != "2012-10-17" {
		return s
	}
	s = strings.ReplaceAll(s, "${", "${$}{")
	if like {
		s = strings.NewReplacer("${$}", "${$}", "*", "${*}", "?", "${?}").Replace(s)
	}
	return s
}
