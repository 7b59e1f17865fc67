package googletrust

import (
	"cmp"
	"slices"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/trustmodel"
)

// FindingKind is what a finding means for the provider and its bindings.
type FindingKind = trustmodel.FindingKind

const (
	// TooBroad: jobs are let in that nobody meant.
	TooBroad = trustmodel.TooBroad
	// Broken: what is written does not do what it says, and mostly refuses
	// everybody.
	Broken = trustmodel.Broken
	// Fragile: it holds as long as something else does.
	Fragile = trustmodel.Fragile
	// Note: worth knowing, and nothing that must be changed.
	Note = trustmodel.Note
)

// Severity is how much a finding matters if the role may write.
type Severity = trustmodel.Severity

// From what can wait to what anybody can use.
const (
	Info     = trustmodel.Info
	Low      = trustmodel.Low
	Medium   = trustmodel.Medium
	High     = trustmodel.High
	Critical = trustmodel.Critical
)

// Finding is something about a provider or a binding that its owner should know.
type Finding struct {
	// ID names the rule, such as "G004". It does not change.
	ID       string
	Kind     FindingKind
	Severity Severity
	// Part and Position say where it is: the expression, the member or the whole.
	Part     Part
	Position Position
	// Problem says in one sentence what is written there and what it does.
	Problem string
	// Story says what comes of it.
	Story string
	// Fix says what to write instead.
	Fix string
	// Witness is a token that proves it: [Simulate] accepts it. Nil means that the
	// rule needs none or that [LintOptions.Token] was not given.
	Witness *Witness
}

// Witness is a token that a document lets in though it should not.
type Witness = trustmodel.Witness

// LintOptions say what is known beside the document. A nil *LintOptions is ready
// for use.
type LintOptions struct {
	// Token is the claims of a job that the provider is for: a *[claims.GitLab] or
	// a *[claims.CircleCI]. With it, a finding that a document is too broad has to
	// prove itself by a [Witness], and is left out if it cannot; and a document
	// that refuses the token is found broken. Nil means that rules are not put to
	// the proof.
	Token claims.Model
	// Request is what is known of a job's requests. Nil means nothing.
	Request *Request
	// Pool are the other providers of the same pool, whose tokens the bindings
	// take as well. Nil means that they are not known.
	Pool []*Provider
}

// Lint returns what is wrong with a document, the most severe first. A provider
// that does not compile has no other findings. The error says that Token is of no
// known platform.
//
// Without a token the rules go by what is written, as a reader would.
func Lint(doc *Document, o *LintOptions) ([]Finding, error) {
	if o == nil {
		o = &LintOptions{}
	}
	if doc == nil || doc.Provider == nil {
		doc = &Document{Provider: &Provider{}}
	}
	s := NewSimulator(doc)
	var found []Finding
	var proofs [][]string // for each finding, the variants that prove it; anyHostile for all
	if s.problem != "" {
		return []Finding{{
			ID: "G022", Kind: Broken, Severity: High, Part: PartProvider, Position: s.at.Position, Problem: s.problem,
			Story: "Google does not save the provider", Fix: "put the expression or the field right",
		}}, nil
	}
	l := newLinted(s, o)
	for _, r := range slices.Concat(expressionRules(), conditionRules(), memberRules(), gitLabRules(), circleCIRules()) {
		r.find(l, func(part Part, at Position, severity Severity, problem string) {
			found = append(found, Finding{ID: r.id, Kind: r.kind, Severity: severity, Part: part, Position: at, Problem: problem, Story: r.story, Fix: r.fix})
			proofs = append(proofs, r.witnesses)
		})
	}
	if o.Token != nil {
		var err error
		if found, err = prove(s, o, found, proofs); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), -cmp.Compare(a.Part, b.Part), cmp.Compare(a.Position.Line, b.Position.Line), cmp.Compare(a.Position.Column, b.Position.Column))
	})
	return found, nil
}

// report notes a finding of the rule that is being applied.
type report func(part Part, at Position, severity Severity, problem string)

// rule is one entry of the catalogue.
type rule struct {
	id         string
	kind       FindingKind
	story, fix string
	// witnesses are the variants of a token that prove the finding, the best
	// first; anyHostile alone means all hostile ones.
	witnesses []string
	find      func(l *linted, r report)
}

// anyHostile stands for all hostile variants.
const anyHostile = "*"
