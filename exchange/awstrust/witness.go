package awstrust

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/hostile"
	"github.com/cioidc/cioidc/internal/safetext"
)

// prove puts the findings to the proof: each that the role is too broad gets the
// first of its variants of the token that the document accepts, or is left out.
// It adds what the rules do not find: that the token itself is refused, and that
// hostile ones are accepted for which no rule spoke up.
func prove(doc *Document, o *LintOptions, found []Finding, proofs [][]string) ([]Finding, error) {
	variants, err := hostile.Variants(o.Token)
	if err != nil {
		return nil, fmt.Errorf("awstrust: LintOptions.Token: %w", err)
	}
	payload := func(m claims.Model) []byte { return m.RegisteredClaims().Payload() }
	outcome := map[string]Outcome{}
	accepted := map[string]*Witness{}
	for _, v := range variants {
		result := Simulate(doc, payload(v.Claims), o.provider(doc, v.Claims), o.Request)
		outcome[v.ID] = result.Outcome
		if result.Outcome == Accepted {
			accepted[v.ID] = &Witness{Variant: v.ID, Story: v.Story, Changed: v.Changed, Claims: payload(v.Claims)}
		}
	}
	var out []Finding
	proven := map[string]bool{}
	for i, f := range found {
		open := false
		for _, id := range proofs[i] {
			if w := accepted[id]; w != nil && f.Witness == nil {
				f.Witness = w
			}
			if accepted[id] != nil {
				proven[id] = true
			}
			open = open || outcome[id] == Indeterminate && hasVariant(variants, id)
		}
		if f.Kind == TooBroad && len(proofs[i]) > 0 && f.Witness == nil && !open {
			continue
		}
		out = append(out, f)
	}
	legitimate, err := hostile.Legitimate(o.Token, variants)
	if err != nil {
		return nil, fmt.Errorf("awstrust: LintOptions.Token: %w", err)
	}
	if f, refused := refusedToken(Simulate(doc, legitimate, o.provider(doc, o.Token), o.Request)); refused {
		for _, id := range []string{"subject-first-form", "subject-second-form"} {
			if w := accepted[id]; w != nil {
				f.ID, f.Witness = "CC003", w
				f.Story = "CircleCI gives a job two tokens, which differ in the subject: the document takes the other one"
				f.Fix = "have the job use the other of CIRCLE_OIDC_TOKEN and CIRCLE_OIDC_TOKEN_V2, or write a pattern for this one"
			}
		}
		return append(out, f), nil
	}
	for _, v := range variants {
		if v.Kind == hostile.Hostile && accepted[v.ID] != nil && !proven[v.ID] && seen(v) {
			out = append(out, Finding{
				ID: "TRUST002", Kind: TooBroad, Severity: Medium, Position: doc.Statements[0].Position,
				Problem: fmt.Sprintf("the document lets in a token of the variant %q", v.ID),
				Story:   v.Story, Fix: "add a condition on what differs: " + strings.Join(v.Changed, ", "), Witness: accepted[v.ID],
			})
		}
	}
	return out, nil
}

func hasVariant(variants []hostile.Variant, id string) bool {
	return slices.ContainsFunc(variants, func(v hostile.Variant) bool { return v.ID == id })
}

// seen reports whether AWS sees one of the claims in which a variant differs. Of
// the others a document can say nothing.
func seen(v hostile.Variant) bool {
	for _, k := range Keys(v.Claims.RegisteredClaims().Issuer) {
		if slices.Contains(v.Changed, k.Claim) {
			return true
		}
	}
	return false
}

// refusedToken is the finding that a document refuses the token that it is for.
func refusedToken(r *Result) (Finding, bool) {
	if r.Outcome != Rejected {
		return Finding{}, false
	}
	last := r.Stages[len(r.Stages)-1]
	f := Finding{
		ID: "TRUST001", Kind: Broken, Severity: High, Position: Position{Line: 1, Column: 1},
		Problem: "the legitimate token is refused: " + last.Text,
		Story:   "STS answers " + safetext.Quote(r.Message),
		Fix:     "change what the stage checks, or the job that asks for the token",
	}
	if _, check, ok := r.Deciding(); ok {
		f.Position = check.Position
		f.Problem = "the legitimate token is refused: " + check.Why
		f.Fix = "change this condition, or what the token says"
	}
	return f, true
}

// provider returns the provider that STS would find for a token: the one of its
// issuer, or for want of that any, which then refuses it. Where client IDs are
// not known, the token's own audience is taken to be one.
func (o *LintOptions) provider(doc *Document, m claims.Model) Provider {
	return o.providerOf(doc, m.RegisteredClaims().Issuer)
}

func (o *LintOptions) providerOf(doc *Document, issuer string) Provider {
	for _, p := range o.Providers {
		if p.URL == issuer {
			return p
		}
	}
	if o.Providers != nil {
		return o.Providers[0]
	}
	named := Provider{ClientIDs: o.Token.RegisteredClaims().Audience}
	for i := range doc.Statements {
		for _, prefix := range read(doc, i, o).prefixes {
			if url := "https://" + prefix; named.URL == "" || url == issuer {
				named.URL = url
			}
		}
	}
	if named.URL == "" { // the document names none, as with the principal "*"
		named.URL = o.Token.RegisteredClaims().Issuer
	}
	return named
}
