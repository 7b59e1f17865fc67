package main

import (
	"errors"
	"strings"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/exchange/awstrust"
	"github.com/cioidc/cioidc/exchange/trustfile"
)

// judgeAWS lints the trust policy of a role.
func judgeAWS(d *trustfile.Document, all []trustfile.Document, token claims.Model) ([]finding, error) {
	policy, err := awstrust.Parse(d.Text)
	var bad *awstrust.ParseError
	if errors.As(err, &bad) {
		f := at(d, trustfile.Position{Line: bad.Line, Column: bad.Column})
		f.Rule, f.Kind, f.Severity = "AWS029", broken, awstrust.High.String()
		f.Problem, f.Story = bad.Problem, "AWS does not take such a trust policy"
		if bad.AWS != "" {
			f.Story += ": " + bad.AWS
		}
		return []finding{f}, nil
	}
	if err != nil {
		return nil, err
	}
	o := &awstrust.LintOptions{Providers: providersOf(policy, awsProviders(all)), Token: tokenFor(policy, token)}
	list, err := awstrust.Lint(policy, o)
	if err != nil {
		return nil, err
	}
	var out []finding
	for _, l := range list {
		f := at(d, trustfile.Position(l.Position))
		f.Rule, f.Kind, f.Severity = l.ID, string(l.Kind), l.Severity.String()
		f.Problem, f.Story, f.Fix = l.Problem, l.Story, l.Fix
		if w := l.Witness; w != nil {
			f.Witness = &proof{Variant: w.Variant, Story: w.Story, Claims: w.Claims,
				Changed: beside(w.Changed, token.RegisteredClaims().Payload(), w.Claims)}
			withhold(f.Witness, token.RegisteredClaims().Payload())
		}
		out = append(out, f)
	}
	return out, nil
}

// awsProviders returns the providers among the documents that are known in full.
func awsProviders(all []trustfile.Document) (list []awstrust.Provider) {
	for _, d := range all {
		if d.Kind != trustfile.AWSProvider || len(d.Unresolved) > 0 {
			continue
		}
		var p struct {
			URL       string   `json:"Url"`
			ClientIDs []string `json:"ClientIDList"`
		}
		if unmarshal(d.Text, &p) && p.URL != "" {
			list = append(list, awstrust.Provider{URL: "https://" + strings.TrimPrefix(p.URL, "https://"), ClientIDs: p.ClientIDs})
		}
	}
	return list
}

// providersOf returns the providers that a policy names, or nil if not all of
// them are known: files rarely hold all of an account.
func providersOf(policy *awstrust.Document, all []awstrust.Provider) (list []awstrust.Provider) {
	for _, issuer := range issuers(policy) {
		found := false
		for _, p := range all {
			if p.URL == issuer {
				list, found = append(list, p), true
				break
			}
		}
		if !found {
			return nil
		}
	}
	return list
}

// issuers returns the URLs of the providers that a policy names.
func issuers(policy *awstrust.Document) (list []string) {
	for _, s := range policy.Statements {
		for _, p := range s.Principals {
			if _, host, ok := strings.Cut(p.Name, ":oidc-provider/"); ok && p.Kind == "Federated" {
				list = append(list, "https://"+host)
			}
		}
	}
	return list
}

// tokenFor returns the token if the policy is for its issuer: in a folder of many
// roles, the others do not mean it.
func tokenFor(policy *awstrust.Document, token claims.Model) claims.Model {
	if token == nil {
		return nil
	}
	for _, issuer := range issuers(policy) {
		if issuer == token.RegisteredClaims().Issuer {
			return token
		}
	}
	return nil
}
