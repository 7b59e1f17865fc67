package awssts

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awstrust"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/safetext"
)

// trust holds the token against the trust policy that is known. The cause is
// that of a policy which refuses the token; of any other outcome there is none.
func (k *Known) trust(t *peek.Token, p *Provider) (exchange.Cause, awstrust.Outcome) {
	if len(k.TrustPolicy) == 0 || t.Claims == nil || t.Issuer == "" {
		return exchange.Cause{}, awstrust.Indeterminate
	}
	doc, err := awstrust.Parse(k.TrustPolicy)
	if err != nil { // New has refused it
		return exchange.Cause{}, awstrust.Indeterminate
	}
	provider := awstrust.Provider{URL: t.Issuer, ClientIDs: presented(t)} // AWS has accepted both
	provider.Partition, provider.AccountID = p.roleOwner()
	result := awstrust.Simulate(doc, t.Claims.RegisteredClaims().Payload(), provider, &awstrust.Request{SessionName: p.sessionName(t), RoleARN: p.cfg.RoleARN})
	if result.Outcome != awstrust.Rejected {
		return exchange.Cause{}, result.Outcome
	}
	if result.Stages[len(result.Stages)-1].Name != awstrust.StageTrust {
		return exchange.Cause{}, awstrust.Indeterminate // for something else, which AWS did not find
	}
	statement, check, found := result.Deciding()
	if !found {
		return p.policyCause(exchange.Evidence{Name: "iss", Token: t.Issuer},
			"no statement allows sts:AssumeRoleWithWebIdentity to the provider of "+claim("iss", t.Issuer), addProvider(t)), awstrust.Rejected
	}
	return p.explain(t, statement, check), awstrust.Rejected
}

func (p *Provider) policyCause(evidence exchange.Evidence, summary, action string) exchange.Cause {
	return exchange.Cause{
		ID: "aws-trust-policy", Certain: true, Evidence: []exchange.Evidence{evidence, {Name: "RoleARN", Configured: p.cfg.RoleARN}},
		Summary: "the role's trust policy refuses the token: " + summary, Action: action,
	}
}

func addProvider(t *peek.Token) string {
	return "add one whose Principal is {\"Federated\": the ARN that ends in " + safetext.Quote("oidc-provider/"+strings.TrimPrefix(t.Issuer, "https://")) + "}"
}

// explain says what is wrong with the part of the policy that decided, and what
// to do about the mistakes that are made most.
func (p *Provider) explain(t *peek.Token, s awstrust.StatementResult, c awstrust.Check) exchange.Cause {
	at := fmt.Sprintf("line %d, column %d: ", c.Position.Line, c.Position.Column)
	evidence := exchange.Evidence{Name: c.Key, Token: safetext.Cut(strings.Join(c.Actual, ", ")), Configured: safetext.Cut(strings.Join(c.Expected, ", "))}
	claimName := c.Key[strings.LastIndex(c.Key, ":")+1:]
	person := evidence.Token != "" && mayNamePerson(c.Key)
	if person {
		evidence.Token = "(may name a person, not shown)"
	}
	switch {
	case s.Effect == awstrust.Deny:
		return p.policyCause(evidence, at+"a statement denies it by "+c.Operator+" on "+safetext.Quote(c.Key), "change the statement, or run the job where it does not apply")
	case c.Key == "Principal":
		return p.policyCause(evidence, at+"no statement allows "+s.Action+" to the provider of "+claim("iss", t.Issuer), addProvider(t))
	case c.Key == "Action" && s.Action != "sts:AssumeRoleWithWebIdentity":
		return p.policyCause(evidence, at+"the token needs "+s.Action+", as it sets session tags or a source identity, and the policy does not allow "+s.Action,
			"add "+s.Action+" to the actions of the statement")
	case c.Key == "Action":
		return p.policyCause(evidence, at+"the statement for the provider does not allow "+s.Action, "add "+s.Action+" to its actions")
	}
	name := strings.TrimPrefix(t.Issuer, "https://")
	if person {
		action := "compare the two, and pin the project in place of a person, who may leave"
		if strings.HasPrefix(strings.ToLower(c.Key), "aws:") || strings.HasPrefix(strings.ToLower(c.Key), "sts:") {
			action = "compare it with what the issuer puts into the token's claim for it"
		}
		return p.policyCause(evidence, at+c.Operator+" on "+safetext.Quote(c.Key)+" does not accept the token's", action)
	}
	summary := fmt.Sprintf("%s%s on %s does not accept %s", at, c.Operator, safetext.Quote(c.Key), claim(claimName, strings.Join(c.Actual, ", ")))
	isKey := func(issuer string) bool {
		return slices.ContainsFunc(awstrust.Keys(issuer), func(k awstrust.Key) bool {
			return strings.EqualFold(k.Name, strings.TrimPrefix(issuer, "https://")+":"+claimName)
		})
	}
	switch {
	case c.Present && isStarred(c):
		return p.policyCause(evidence, summary+", as it takes * and ? literally", "use StringLike for this key, if they are meant as wildcards")
	case c.Present && claimName == "sub" && t.Identity.Platform == "circleci" && isV2(c.Expected) != isV2(c.Actual):
		sent, want := "CIRCLE_OIDC_TOKEN", "CIRCLE_OIDC_TOKEN_V2"
		if isV2(c.Actual) {
			sent, want = want, sent
		}
		return p.policyCause(evidence, summary+", which has not the form that the policy expects",
			fmt.Sprintf("the token is like %s and the condition is for %s: send that one, or write the condition for this form of sub", sent, want))
	case c.Present:
		return p.policyCause(evidence, summary, "compare the two, and change the condition or run the job where its "+claimName+" matches")
	case !strings.HasPrefix(strings.ToLower(c.Key), strings.ToLower(name)+":") && isKey(t.Issuer):
		return p.policyCause(evidence, fmt.Sprintf("%sits condition key %s is of another provider than the token's", at, safetext.Quote(c.Key)),
			"write it "+safetext.Quote(name+":"+claimName)+": the provider's URL without https://, path and final slash included")
	case isKey("https://gitlab.com") && name != "gitlab.com" && t.Identity.Platform == "gitlab":
		return p.policyCause(evidence, fmt.Sprintf("%sAWS has the condition key %s for gitlab.com only, so it never matches here", at, safetext.Quote(c.Key)),
			"use a condition on "+safetext.Quote(name+":sub")+" instead")
	}
	return p.policyCause(evidence, at+c.Why, "remove the condition, or use a key that AWS has for this issuer: awstrust.Keys lists them")
}

// mayNamePerson reports whether the value of a condition key may name a person: a
// claim that does, and what an issuer makes of such claims for AWS.
func mayNamePerson(key string) bool {
	key = strings.ToLower(key)
	name := key[strings.LastIndex(key, ":")+1:]
	return slices.Contains([]string{"user_login", "user_email", "email", "sourceidentity"}, name) || strings.HasPrefix(key, "aws:requesttag/")
}

// isStarred reports whether a value that is taken literally looks like a pattern.
func isStarred(c awstrust.Check) bool {
	return strings.HasPrefix(c.Operator, "StringEquals") && slices.ContainsFunc(c.Expected, func(value string) bool { return strings.ContainsAny(value, "*?") })
}

// isV2 reports whether a subject, or a pattern of one, is that of CircleCI's
// second form, which has the repository and the branch.
func isV2(subjects []string) bool {
	return slices.ContainsFunc(subjects, func(s string) bool { return strings.Contains(s, "/vcs-origin/") || strings.Contains(s, "/vcs-ref/") })
}
