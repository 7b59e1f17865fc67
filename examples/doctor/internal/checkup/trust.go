package checkup

import (
	"slices"
	"strconv"
	"strings"

	"github.com/cioidc/cioidc/exchange/awstrust"
	"github.com/cioidc/cioidc/exchange/googletrust"
	"github.com/cioidc/cioidc/internal/safetext"
)

// trustOfAWS holds the token against the trust policy that is known, without
// asking AWS.
func (e *examination) trustOfAWS() {
	doc, err := awstrust.Parse(e.cfg.AWSKnown.TrustPolicy)
	if err != nil {
		e.add(Check{Name: "aws-trust", State: Fail, Words: "AWS would not take the trust policy: " + safetext.Cut(err.Error())})
		return
	}
	provider, ok := e.providerOfAWS()
	if !ok {
		return
	}
	result := awstrust.Simulate(doc, e.token.Claims.RegisteredClaims().Payload(), provider, e.request())
	c := Check{Name: "aws-trust", State: OK, Words: "the trust policy accepts this token"}
	switch result.Outcome {
	case awstrust.Rejected:
		c.State, c.Words = Fail, "the trust policy does not accept this token"
		c.Action = "change what refuses it, or send the token that the policy is written for"
		if last := result.Stages[len(result.Stages)-1]; last.Name != awstrust.StageTrust && last.Text != "" {
			c.Words, c.Action = "AWS refuses this token before it looks at the trust policy: "+last.Text, ""
		}
	case awstrust.Indeterminate:
		c.State, c.Words = Warn, "whether the trust policy accepts this token cannot be told: it depends on whether "+strings.Join(result.Assumptions, ", and whether ")
	}
	if _, check, found := result.Deciding(); found {
		c.Evidence = []Evidence{{Name: "at", Value: "line " + strconv.Itoa(check.Position.Line) + ", column " + strconv.Itoa(check.Position.Column)}}
		if check.Operator != "" {
			c.Evidence = append(c.Evidence, Evidence{Name: "condition", Value: check.Operator + " " + check.Key})
		}
		claim := check.Key[strings.LastIndex(check.Key, ":")+1:]
		said, why := strings.Join(check.Actual, ", "), check.Why
		if personal(strings.ToLower(claim)) && !e.cfg.ShowUser && said != "" {
			said, why = withheld, ""
		}
		c.Evidence = append(c.Evidence, Evidence{Name: claim, Token: said, Configured: strings.Join(check.Expected, ", ")})
		if why != "" {
			c.Evidence = append(c.Evidence, Evidence{Name: "why", Value: why})
		}
	}
	e.add(c)
}

// request is what is known of the request that a job makes.
func (e *examination) request() *awstrust.Request {
	r := &awstrust.Request{Time: e.cfg.Now()}
	if e.cfg.AWS != nil {
		r.RoleARN = e.cfg.AWS.Role
	}
	return r
}

// providerOfAWS returns the account's provider for the token's issuer. Where the
// account's are not known, there is one that takes the token's audience.
func (e *examination) providerOfAWS() (awstrust.Provider, bool) {
	known := e.cfg.AWSKnown.Providers
	provider := awstrust.Provider{URL: e.token.Issuer, ClientIDs: e.token.Audience}
	provider.Partition, provider.AccountID = e.account()
	if known == nil {
		return provider, true
	}
	var urls []string
	for _, p := range known {
		url := "https://" + strings.TrimPrefix(p.URL, "https://")
		if url == e.token.Issuer {
			provider.ClientIDs = p.ClientIDs
			return provider, true
		}
		urls = append(urls, url)
	}
	e.add(Check{
		Name: "aws-trust", State: Fail, Words: "the account has no provider for the token's issuer",
		Evidence: []Evidence{{Name: "iss", Token: e.token.Issuer, Configured: strings.Join(urls, ", ")}},
		Action:   "make a provider whose URL is the token's iss exactly, or use a role of an account that has one",
	})
	return awstrust.Provider{}, false
}

// trustOfGoogle holds the token against the pool provider that is known, without
// asking Google.
func (e *examination) trustOfGoogle() {
	provider, err := googletrust.ParseProvider(e.cfg.GoogleProvider)
	if err != nil {
		e.add(Check{Name: "google-trust", State: Fail, Words: "the pool provider cannot be read: " + safetext.Cut(err.Error())})
		return
	}
	result := googletrust.Simulate(&googletrust.Document{Provider: provider}, e.token.Claims.RegisteredClaims().Payload(), &googletrust.Request{Time: e.cfg.Now()})
	last := result.Stages[len(result.Stages)-1]
	c := Check{Name: "google-trust", State: OK, Words: "the pool provider, as it is described, accepts this token"}
	shown := e.shown(provider)
	for _, name := range result.Principals {
		for _, m := range result.Mapped {
			if !shown(m.Name) && slices.ContainsFunc(m.Values, func(v string) bool { return strings.HasSuffix(name, "/"+v) }) {
				name = withheld
			}
		}
		c.Evidence = append(c.Evidence, Evidence{Name: "member", Value: name})
	}
	switch result.Outcome {
	case googletrust.Rejected:
		c = Check{Name: "google-trust", State: Fail, Words: "the pool provider does not accept this token: " + string(last.Name)}
		if check, found := result.Deciding(); found {
			c.Evidence = []Evidence{{Name: "at", Value: "line " + strconv.Itoa(check.Position.Line) + ", column " + strconv.Itoa(check.Position.Column)}, {Name: check.Name, Value: check.Expected}}
			why := check.Why
			if !shown(check.Expected) {
				why = withheld
			}
			c.Evidence = append(c.Evidence, Evidence{Name: "why", Value: why})
		} else {
			c.Evidence = []Evidence{{Name: "why", Value: last.Text}}
		}
		if result.Code != "" {
			c.Evidence = append(c.Evidence, Evidence{Name: "Google's answer", Value: strings.TrimSpace(result.Code + " " + result.Message)})
		}
		c.Action = "change the provider, or send the token that it is for"
	case googletrust.Indeterminate:
		c.State, c.Words = Warn, "whether the pool provider accepts this token cannot be told: it depends on whether "+strings.Join(result.Assumptions, ", and whether ")
	}
	e.add(c)
}

// withheld stands for what a claim says that names a person.
const withheld = "(a person's; see --show-user)"

// shown returns whether what an attribute or an expression of the provider comes
// to may be shown: none may that reads a claim which names a person, be it through
// an attribute, and rather too few than too many.
func (e *examination) shown(provider *googletrust.Provider) func(text string) bool {
	names := []string{"user_login", "user_email", "user_identities"}
	for _, a := range provider.Mapping {
		if personal(a.Expression.Text) {
			names = append(names, a.Name[strings.LastIndex(a.Name, ".")+1:])
		}
	}
	return func(text string) bool {
		return e.cfg.ShowUser || !slices.ContainsFunc(names, func(name string) bool { return strings.Contains(text, name) })
	}
}

// personal reports whether an expression reads a claim that names a person.
func personal(expression string) bool {
	return strings.Contains(expression, "user_login") || strings.Contains(expression, "user_email") || strings.Contains(expression, "user_identities")
}
