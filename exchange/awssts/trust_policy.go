package awssts

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/safetext"
)

// trustPolicy is the part of a trust policy that is looked at. It is no
// evaluation: it finds what certainly refuses the token.
type trustPolicy struct {
	Statement statements
}

type statements []statement

type statement struct {
	Effect    string
	Action    words
	Principal json.RawMessage
	Condition map[string]map[string]words
}

// words is a string or a list of strings.
type words []string

// UnmarshalJSON implements [json.Unmarshaler].
func (s *statements) UnmarshalJSON(data []byte) error {
	if strings.HasPrefix(string(data), "[") {
		return json.Unmarshal(data, (*[]statement)(s))
	}
	*s = make(statements, 1)
	return json.Unmarshal(data, &(*s)[0])
}

// UnmarshalJSON implements [json.Unmarshaler]. Booleans and numbers, which a
// condition may have, are kept as they are written.
func (w *words) UnmarshalJSON(data []byte) error {
	var list []json.RawMessage
	if json.Unmarshal(data, &list) != nil {
		list = []json.RawMessage{data}
	}
	for _, raw := range list {
		value := string(raw)
		if strings.HasPrefix(value, `"`) {
			if err := json.Unmarshal(raw, &value); err != nil {
				return err
			}
		}
		*w = append(*w, value)
	}
	return nil
}

const assumeAction = "sts:AssumeRoleWithWebIdentity"

// gitLabKeys are the condition keys that AWS has for tokens of gitlab.com and
// of no other GitLab.
var gitLabKeys = []string{
	"namespace_id", "project_id", "user_id", "user_login", "user_email",
	"user_access_level", "ref_protected", "pipeline_source", "runner_environment",
}

// refusal returns why the policy certainly refuses the token. The second result
// is false if that cannot be told.
func (p *trustPolicy) refusal(t *peek.Token) (exchange.Cause, bool) {
	name := strings.TrimPrefix(t.Issuer, "https://")
	var best []exchange.Cause
	found, tagging := false, false
	for i := range p.Statement {
		s := &p.Statement[i]
		if s.Effect != "Allow" {
			continue
		}
		if len(s.Action) == 0 { // NotAction
			return exchange.Cause{}, false
		}
		tagging = tagging || s.allows("sts:TagSession")
		if !s.allows(assumeAction) || !s.trusts(name) {
			continue
		}
		failing := s.failing(t, name)
		if !found || len(failing) < len(best) {
			best = failing
		}
		found = true
	}
	switch {
	case !found:
		return policyCause(exchange.Evidence{Name: "iss", Token: t.Issuer},
			"no statement allows "+assumeAction+" to the provider of "+claim("iss", t.Issuer),
			"add one whose Principal is {\"Federated\": the ARN that ends in "+safetext.Quote("oidc-provider/"+name)+"}"), true
	case len(best) > 0:
		return best[0], true
	case !tagging && hasTags(t):
		return policyCause(exchange.Evidence{Name: "https://aws.amazon.com/tags", Token: "present"},
			"the token has session tags, and the policy does not allow sts:TagSession",
			"add sts:TagSession to the actions of the statement"), true
	}
	return exchange.Cause{}, false
}

func policyCause(evidence exchange.Evidence, summary, action string) exchange.Cause {
	return exchange.Cause{
		ID: "aws-trust-policy", Certain: true, Evidence: []exchange.Evidence{evidence},
		Summary: "the role's trust policy refuses the token: " + summary, Action: action,
	}
}

func hasTags(t *peek.Token) bool {
	if t.Claims == nil {
		return false
	}
	_, ok := t.Claims.RegisteredClaims().Lookup("https://aws.amazon.com/tags")
	return ok
}

func (s *statement) allows(action string) bool {
	return slices.ContainsFunc(s.Action, func(a string) bool { return like(strings.ToLower(a), strings.ToLower(action)) })
}

// trusts reports whether the principal may be the provider of that name. What
// is not a list of providers is taken for a yes.
func (s *statement) trusts(name string) bool {
	var principal struct{ Federated words }
	if json.Unmarshal(s.Principal, &principal) != nil {
		return true
	}
	return slices.ContainsFunc(principal.Federated, func(arn string) bool { return strings.HasSuffix(arn, ":oidc-provider/"+name) || arn == "*" })
}

// failing returns a cause for each condition that is certainly false, in the
// order of their names.
func (s *statement) failing(t *peek.Token, name string) []exchange.Cause {
	var failing []exchange.Cause
	for _, operator := range []string{"StringEquals", "StringLike"} {
		conditions := s.Condition[operator]
		keys := make([]string, 0, len(conditions))
		for key := range conditions {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		for _, key := range keys {
			if c, ok := condition(operator, key, conditions[key], t, name); ok {
				failing = append(failing, c)
			}
		}
	}
	return failing
}

// condition explains a condition that is certainly false for the token.
func condition(operator, key string, accepted words, t *peek.Token, name string) (exchange.Cause, bool) {
	at := strings.LastIndex(key, ":")
	if at < 0 || strings.HasPrefix(key, "sts:") || strings.HasPrefix(key, "aws:") {
		return exchange.Cause{}, false
	}
	prefix, claimName := key[:at], key[at+1:]
	var values []string
	switch special := slices.Contains(gitLabKeys, claimName); {
	case !strings.EqualFold(prefix, name) && (claimName == "sub" || claimName == "aud" || special):
		return policyCause(exchange.Evidence{Name: "condition key", Token: name + ":" + claimName, Configured: key},
			fmt.Sprintf("its condition key %s is of another provider than the token's", safetext.Quote(key)),
			"write it "+safetext.Quote(name+":"+claimName)+": the provider's URL without https://, path and final slash included"), true
	case special && name != "gitlab.com":
		return policyCause(exchange.Evidence{Name: "condition key", Configured: key},
			fmt.Sprintf("AWS has the condition key %s for gitlab.com only, so it never matches here", safetext.Quote(key)),
			"use a condition on "+safetext.Quote(name+":sub")+" instead"), true
	case claimName == "sub" && t.Subject != "":
		values = []string{t.Subject}
	case claimName == "aud" && len(presented(t)) == 1:
		values = presented(t)
	default:
		return exchange.Cause{}, false
	}
	literal := false
	for _, pattern := range accepted {
		switch {
		case strings.Contains(pattern, "${"): // a policy variable
			return exchange.Cause{}, false
		case pattern == values[0], operator == "StringLike" && like(pattern, values[0]):
			return exchange.Cause{}, false
		}
		literal = literal || like(pattern, values[0])
	}
	evidence := exchange.Evidence{Name: claimName, Token: values[0], Configured: strings.Join(accepted, ", ")}
	summary := fmt.Sprintf("%s on %s does not accept %s", operator, safetext.Quote(key), claim(claimName, values[0]))
	switch {
	case literal:
		return policyCause(evidence, summary+", as it takes * and ? literally", "use StringLike for this key"), true
	case claimName == "sub" && t.Identity.Platform == "circleci" && isV2(accepted) != isV2(values):
		sent, want := "CIRCLE_OIDC_TOKEN", "CIRCLE_OIDC_TOKEN_V2"
		if isV2(values) {
			sent, want = want, sent
		}
		return policyCause(evidence, summary+", which has not the form that the policy expects",
			fmt.Sprintf("the token is like %s and the condition is for %s: send that one, or write the condition for this form of sub", sent, want)), true
	}
	return policyCause(evidence, summary, "compare the two, and change the condition or run the job where its "+claimName+" matches"), true
}

// isV2 reports whether a subject, or a pattern of one, is that of CircleCI's
// second form, which has the repository and the branch.
func isV2(subjects []string) bool {
	return slices.ContainsFunc(subjects, func(s string) bool { return strings.Contains(s, "/vcs-origin/") || strings.Contains(s, "/vcs-ref/") })
}

// like matches * and ? as StringLike does, in time of the product of the
// lengths at most.
func like(pattern, text string) bool {
	p, star, mark := 0, -1, 0
	in, is := []rune(pattern), []rune(text)
	for i := 0; i < len(is); {
		switch {
		case p < len(in) && in[p] == '*':
			star, mark = p, i
			p++
		case p < len(in) && (in[p] == '?' || in[p] == is[i]):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(in) && in[p] == '*' {
		p++
	}
	return p == len(in)
}
