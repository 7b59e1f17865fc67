package awstrust

import (
	"cmp"
	"slices"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/trustmodel"
)

// FindingKind is what a finding means for the role.
type FindingKind = trustmodel.FindingKind

const (
	// TooBroad: the role lets in jobs that nobody meant.
	TooBroad = trustmodel.TooBroad
	// Broken: what is written does not do what it says, and mostly refuses
	// everybody.
	Broken = trustmodel.Broken
	// Fragile: it holds as long as something else does.
	Fragile = trustmodel.Fragile
	// Note: worth knowing, and nothing to change in the document for.
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

// Finding is something about a trust policy that its owner should know.
type Finding struct {
	// ID names the rule, such as "AWS005". It does not change.
	ID       string
	Kind     FindingKind
	Severity Severity
	// Position is that of the condition, the principal or the statement.
	Position Position
	// Problem says in one sentence what is written there and what it does.
	Problem string
	// Story says what comes of it.
	Story string
	// Fix says what to write instead, for people. The function [Fix] does it where
	// a program can.
	Fix string
	// Witness is a token that proves it: [Simulate] accepts it. For CC003 it is
	// the job's other token. Nil means that the rule needs none or that
	// [LintOptions.Token] was not given.
	Witness *Witness
}

// Witness is a token that a document lets in, as a rule though it should not.
type Witness = trustmodel.Witness

// LintOptions say what is known beside the document. A nil *LintOptions is ready
// for use.
type LintOptions struct {
	// Providers are the providers of the account. Nil means that they are taken
	// from the document's principals, and that their client IDs are not known.
	Providers []Provider
	// Token is the claims of a job that the role is for: a *[claims.GitLab] or a
	// *[claims.CircleCI]. With it, a finding that the role is too broad has to
	// prove itself by a [Witness], and is left out if it cannot; and a document
	// that refuses the token is found broken. Nil means that rules are not put
	// to the proof.
	Token claims.Model
	// Request is what is known of a job's requests. Nil means nothing.
	Request *Request
}

// Lint returns what is wrong with a trust policy, the most severe first. It
// looks at what lets web identities in; what is for other principals it leaves
// alone. The error says that Token is of no known platform.
//
// Without a token the rules go by what is written, as a reader would. What no
// single document shows, such as one identity for roles of different weight, is
// not found.
func Lint(doc *Document, o *LintOptions) ([]Finding, error) {
	if o == nil {
		o = &LintOptions{}
	}
	if doc == nil {
		doc = &Document{}
	}
	var found []Finding
	var proofs [][]string // for each finding, the variants that prove it
	for _, r := range rules() {
		report := func(at Position, severity Severity, problem string) {
			found = append(found, Finding{ID: r.id, Kind: r.kind, Severity: severity, Position: at, Problem: problem, Story: r.story, Fix: r.fix})
			proofs = append(proofs, r.witnesses)
		}
		if r.document != nil {
			r.document(doc, report)
			continue
		}
		for i := range doc.Statements {
			if s := read(doc, i, o); s.relevant() || r.anyway && s.forProviders() {
				r.statement(s, report)
			}
		}
	}
	if o.Token != nil {
		var err error
		if found, err = prove(doc, o, found, proofs); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Position.Line, b.Position.Line), cmp.Compare(a.Position.Column, b.Position.Column))
	})
	return found, nil
}

// report notes a finding of the rule that is being applied.
type report func(at Position, severity Severity, problem string)

// rule is one entry of the catalogue.
type rule struct {
	id         string
	kind       FindingKind
	story, fix string
	// witnesses are the variants of a token that prove the finding, the best
	// first.
	witnesses []string
	// document or statement looks for it. A statement is looked at if it allows
	// web identities of a provider; with anyway, if it is about them at all.
	document  func(d *Document, r report)
	statement func(s *linted, r report)
	anyway    bool
}

func rules() []rule {
	return slices.Concat(structureRules(), identityRules(), operatorRules(), keyRules(), gitLabRules(), circleCIRules())
}
