package awstrust

import (
	"fmt"
	"strings"

	"github.com/cioidc/cioidc/internal/safetext"
)

// structureRules look at the document, its principals and its actions.
func structureRules() []rule {
	return []rule{
		{
			id: "AWS014", kind: Broken, anyway: true,
			story: "a condition on a key that the token does not have is false for a plain operator and true for a negated one: such a Deny is skipped, or refuses everybody",
			fix:   `say it as an Allow; or add "Null": {the key: "false"} to the Deny`,
			statement: func(s *linted, r report) {
				if s.Effect != Deny {
					return
				}
				for _, c := range s.live {
					claim, ours := s.claimOf(c.Key)
					if !ours || claim == "sub" || claim == "aud" || c.Operator.Name == "Null" || s.mustExist(claim) {
						continue
					}
					what := "skipped for a token without"
					if c.Operator.negated() {
						what = "applied to every token without"
					}
					r(c.Position, Medium, fmt.Sprintf("this Deny is %s %s", what, safetext.Quote(c.Key)))
				}
			},
		},
		{
			id: "AWS014", kind: TooBroad, witnesses: allIdentities,
			story: "everybody but those named is let in, tokens of every provider included",
			fix:   "name in Principal whom the role is for",
			document: func(d *Document, r report) {
				for _, st := range d.Statements {
					if st.Effect == Allow && len(st.NotPrincipals) > 0 {
						r(st.NotPrincipals[0].Position, High, "an Allow with NotPrincipal")
					}
				}
			},
		},
		{
			id: "AWS016", kind: Broken, anyway: true,
			story: "the provider's ARN ends in the issuer without its scheme, byte for byte; any other is of a provider that does not exist, and lets nobody in",
			fix:   "write arn:aws:iam::ACCOUNT:oidc-provider/ and the issuer without https://, such as gitlab.com",
			statement: func(s *linted, r report) {
				for _, p := range s.Principals {
					start, url, ok := strings.Cut(p.Name, providerResource)
					if !ok || p.Kind != "Federated" || strings.Contains(p.Name, "${") {
						continue
					}
					host, _, _ := strings.Cut(url, "/")
					part := strings.Split(start, ":")
					switch {
					case strings.Contains(url, "://"):
						r(p.Position, High, "the ARN has the scheme of the issuer in it")
					case strings.HasSuffix(url, "/"):
						r(p.Position, High, "the ARN ends in a slash")
					case host != strings.ToLower(host):
						r(p.Position, High, "the ARN's host has upper-case letters")
					case strings.ContainsAny(url, "*?"):
						r(p.Position, High, "the ARN has a wildcard, which no principal may")
					case len(part) != 5 || part[0] != "arn" || part[2] != "iam" || part[3] != "" || !isAccount(part[4]):
						r(p.Position, High, "the ARN does not begin with arn:aws:iam:: and the twelve digits of an account")
					}
				}
			},
		},
		{
			id: "AWS021", kind: Broken, anyway: true,
			story: "a web identity asks for sts:AssumeRoleWithWebIdentity; sts:AssumeRole is for callers that have AWS credentials",
			fix:   "write sts:AssumeRoleWithWebIdentity",
			statement: func(s *linted, r report) {
				if s.Effect == Allow && !s.acts(webIdentity) && len(s.Actions) > 0 && s.acts("sts:AssumeRole") {
					r(s.Actions[0].Position, High, "the statement names a provider of web identities and no action that they can ask for")
				}
			},
		},
		{
			id: "AWS021", kind: Fragile,
			story: "what STS learns to do in the future is allowed as well, and session tags already are",
			fix:   "write sts:AssumeRoleWithWebIdentity",
			statement: func(s *linted, r report) {
				for _, v := range s.Actions {
					if strings.EqualFold(v.Text, "sts:*") || v.Text == "*" {
						r(v.Position, Low, safetext.Quote(v.Text)+" allows more than assuming the role")
					}
				}
			},
		},
		{
			id: "AWS022", kind: TooBroad,
			story:     "AWS keeps the last of the two and drops the other silently, and with it what that demanded",
			fix:       "write both into one object; where the two have the same key, decide which is meant",
			witnesses: allIdentities,
			document: func(d *Document, r report) {
				for _, twice := range d.Repeated {
					problem := fmt.Sprintf("%s was there before, at %v", safetext.Quote(twice.Name), twice.First)
					if twice.CaseOnly {
						problem += ", in another spelling of the same key"
					}
					r(twice.Again, High, problem)
				}
			},
		},
		{
			id: "AWS025", kind: TooBroad,
			story:     "a condition on the keys of one issuer says nothing of another issuer's tokens",
			fix:       "write a statement for each provider, with conditions on its own keys",
			witnesses: nil,
			statement: func(s *linted, r report) {
				if len(s.prefixes) > 1 {
					r(s.Position, Medium, fmt.Sprintf("one statement for %d providers", len(s.prefixes)))
				}
			},
		},
		{
			id: "AWS025", kind: TooBroad,
			story: "tokens of every provider of the account are let in, of one that is added later as well",
			fix:   "name the provider's ARN",
			document: func(d *Document, r report) {
				for i := range d.Statements {
					s := read(d, i, &LintOptions{})
					for _, p := range s.Principals {
						if s.Effect == Allow && s.acts(webIdentity) && p.Name == "*" && (p.Kind == "Federated" || p.Kind == "") {
							r(p.Position, High, "the principal is everybody")
						}
					}
				}
			},
		},
		{
			id: "AWS027", kind: Note,
			story: "neither GitLab nor CircleCI sends session tags; should they ever, whoever sets the claims sets the tags",
			fix:   "leave it out",
			statement: func(s *linted, r report) {
				for _, v := range s.Actions {
					if strings.EqualFold(v.Text, "sts:TagSession") {
						r(v.Position, Info, "sts:TagSession is allowed, which such tokens do not ask for")
					}
				}
			},
		},
		{
			id: "AWS029", kind: Broken,
			story: "AWS refuses to save it, unless the account's quota was raised",
			fix:   "shorten it, raise the quota (to 4,096 at most) or split the role",
			document: func(d *Document, r report) {
				if d.Characters > defaultQuota {
					r(Position{Line: 1, Column: 1}, Medium, fmt.Sprintf("the document has %d characters; AWS takes %d", d.Characters, defaultQuota))
				}
			},
		},
	}
}

// mustExist reports whether another condition demands that a claim be there.
func (s *linted) mustExist(claim string) bool {
	for _, c := range s.on(claim) {
		if c.Operator.Name == "Null" && len(c.Values) == 1 && strings.EqualFold(c.Values[0].Text, "false") {
			return true
		}
	}
	return false
}

func isAccount(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}
