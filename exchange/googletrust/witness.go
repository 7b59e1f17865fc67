package googletrust

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/internal/hostile"
	"github.com/cioidc/cioidc/internal/safetext"
)

// prove puts the findings to the proof: each that the document is too broad gets
// the first of its variants of the token that is accepted, or is left out. It adds
// what the rules do not find: that the token itself is refused, and that hostile
// ones are accepted for which no rule spoke up.
func prove(s *Simulator, o *LintOptions, found []Finding, proofs [][]string) ([]Finding, error) {
	variants, err := hostile.Variants(o.Token)
	if err != nil {
		return nil, fmt.Errorf("googletrust: LintOptions.Token: %w", err)
	}
	accepted := map[string]*Witness{}
	open := map[string]bool{}
	var every []string
	for _, v := range variants {
		payload := v.Claims.RegisteredClaims().Payload()
		switch s.Simulate(payload, o.Request).Outcome {
		case Accepted:
			accepted[v.ID] = &Witness{Variant: v.ID, Story: v.Story, Changed: v.Changed, Claims: payload}
		case Indeterminate:
			open[v.ID] = true
		}
		if v.Kind == hostile.Hostile {
			every = append(every, v.ID)
		}
	}
	var out []Finding
	proven := map[string]bool{}
	for i, f := range found {
		ids := proofs[i]
		if slices.Contains(ids, anyHostile) {
			ids = every
		}
		unsure := false
		for _, id := range ids {
			if w := accepted[id]; w != nil {
				proven[id] = true
				if f.Witness == nil {
					f.Witness = w
				}
			}
			unsure = unsure || open[id]
		}
		if f.Kind == TooBroad && len(ids) > 0 && f.Witness == nil && !unsure {
			continue
		}
		out = append(out, f)
	}
	legitimate, err := hostile.Legitimate(o.Token, variants)
	if err != nil {
		return nil, fmt.Errorf("googletrust: LintOptions.Token: %w", err)
	}
	if r := s.Simulate(legitimate, o.Request); r.Outcome == Rejected {
		return append(out, refusedToken(r)), nil
	}
	for _, v := range variants {
		if v.Kind == hostile.Hostile && accepted[v.ID] != nil && !proven[v.ID] {
			out = append(out, Finding{
				ID: "TRUST002", Kind: TooBroad, Severity: Medium, Part: PartProvider, Position: s.provider.Condition.Position,
				Problem: fmt.Sprintf("a token of the variant %q is let in", v.ID),
				Story:   v.Story, Fix: "add a condition on what differs: " + strings.Join(v.Changed, ", "), Witness: accepted[v.ID],
			})
		}
	}
	return out, nil
}

// refusedToken is the finding that a document refuses the token that it is for.
func refusedToken(r *Result) Finding {
	last := r.Stages[len(r.Stages)-1]
	f := Finding{
		ID: "TRUST001", Kind: Broken, Severity: High, Part: PartProvider, Position: Position{Line: 1, Column: 1},
		Problem: "the legitimate token is refused: " + last.Text,
		Story:   "Google answers " + r.Code,
		Fix:     "change what the stage checks, or the job that asks for the token",
	}
	if r.Message != "" {
		f.Story += ": " + safetext.Quote(r.Message)
	}
	if c, ok := r.Deciding(); ok {
		f.Part, f.Position = c.Part, c.Position
		f.Problem = "the legitimate token is refused: " + c.Why
		f.Fix = "change this, or what the token says"
	}
	return f
}
