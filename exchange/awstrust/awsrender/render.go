package awsrender

import (
	"maps"
	"slices"

	"github.com/cioidc/cioidc/exchange/awstrust"
	"github.com/cioidc/cioidc/internal/cloudnames"
	"github.com/cioidc/cioidc/internal/trustgap"
	"github.com/cioidc/cioidc/oidc/policy"
)

// maxCharacters is what AWS allows a trust policy until somebody asks for more
// (IAM quotas, role trust policy length).
const maxCharacters = 2048

// Rendered is a trust policy, and what it cannot say.
type Rendered struct {
	// JSON is the document, as it is written into the role.
	JSON string
	// Document is the same, as package awstrust reads it.
	Document *awstrust.Document
	// ProviderURL and ClientIDs are those of the IAM OpenID Connect provider that
	// the account must have.
	ProviderURL string
	ClientIDs   []string
	// Gaps are what the rule says and the document cannot, the widening ones
	// first.
	Gaps []Gap
}

// Render returns the trust policy for one rule of p. The error is a *[WiderError]
// if the document would let in more than the rule and t has no reason for it,
// and an *[Error] if there is no such rule, or none can be written for it.
func Render(p *policy.Policy, rule string, t *Target) (*Rendered, error) {
	if t == nil {
		t = &Target{}
	}
	if err := t.check(); err != nil {
		return nil, err
	}
	spec, wanted, err := trustgap.RuleOf(p, rule)
	if err != nil {
		return nil, err
	}
	d := &draft{rule: wanted, spec: spec, target: t, equals: map[string][]string{}, notEquals: map[string][]string{}, null: map[string]string{}}
	if d.rule.Platform == policy.GitLab {
		err = d.gitLab()
	} else {
		err = d.circleCI()
	}
	if err != nil {
		return nil, err
	}
	d.rest()
	if len(d.subjects) == 0 {
		return nil, trustgap.Wrong("rule", "rule %q allows nothing: its refs are those of forks, which it refuses", rule)
	}
	out := &Rendered{ProviderURL: d.issuer, ClientIDs: slices.Clone(spec.Audiences), Gaps: d.gaps}
	if out.JSON, err = d.write(); err != nil {
		return nil, err
	}
	if out.Document, err = awstrust.Parse([]byte(out.JSON)); err != nil {
		return nil, trustgap.Wrong("rule", "what was written cannot be read: %v", err)
	}
	if n := out.Document.Characters; n > maxCharacters {
		return nil, trustgap.Wrong("rule", "the document has %d characters, and AWS allows %d: list fewer values, or split the rule", n, maxCharacters)
	}
	if err := trustgap.Settle(rule, out.Gaps, t.AllowWider); err != nil {
		return nil, err
	}
	return out, nil
}

// draft is a document in the making.
type draft struct {
	rule   policy.Rule
	spec   policy.Spec
	target *Target
	issuer string
	said   []string // the claims that the document says, or that have their gap
	gaps   []Gap

	// Conditions of every statement, by the claim that a key is set from.
	equals, notEquals map[string][]string
	null              map[string]string
	some              []string  // claims with at least one character
	subjects          []subject // a statement for each
}

// subject is what one statement says of sub.
type subject struct {
	exact      []string // whole values
	like, less string   // a pattern, and what of it is taken away
}

func (d *draft) gap(field string, e Effect, why string, mitigations ...string) {
	d.gaps = append(d.gaps, Gap{Field: field, Effect: e, Why: why, Mitigations: mitigations})
}

// matcher returns the condition on a claim, with Equal spelled out, and marks it
// as dealt with.
func (d *draft) matcher(claim string) (policy.Matcher, bool) {
	m, ok := d.rule.Claims[claim]
	if ok && m.Op == "" {
		m.Op = policy.Equal
	}
	d.said = append(d.said, claim)
	return m, ok
}

// exact returns the values that a claim may have, if the condition is a list of
// such.
func exact(m policy.Matcher, ok bool) []string {
	if ok && m.Op == policy.Equal && !m.Not {
		return slices.Compact(slices.Sorted(slices.Values(m.Values)))
	}
	return nil
}

// audiences is what every document says of aud.
func (d *draft) audiences() { d.equals["aud"] = slices.Sorted(slices.Values(d.spec.Audiences)) }

// key writes the condition on a claim that AWS has as a key.
func (d *draft) key(claim string) {
	m, ok := d.matcher(claim)
	if !ok {
		return
	}
	switch {
	case m.Op == policy.Present:
		d.present(claim)
	case m.Op == policy.Absent:
		d.null[claim] = "true"
	case m.Op == policy.Equal && !m.Not:
		d.equals[claim] = exact(m, ok)
	case m.Op == policy.Equal:
		// A negated operator is true where there is no key, and the rule is not.
		d.notEquals[claim] = slices.Compact(slices.Sorted(slices.Values(m.Values)))
		d.present(claim)
	default:
		d.gap(claim, Widening, "AWS compares it with whole values and with stars that cross everything; a pattern of the rule is neither", "list the values")
	}
}

// present wants the claim to be there, and not empty. Null does not look at what
// it holds: a job that nobody started has an empty user_id, and of a claim that is
// null AWS may make no key, an empty one or the word.
func (d *draft) present(claim string) {
	d.some = append(d.some, claim)
	d.notEquals[claim] = append(d.notEquals[claim], "null")
}

// rest writes what is the same for both platforms, and the gaps of what is left.
func (d *draft) rest() {
	for _, claim := range slices.Sorted(maps.Keys(d.rule.Claims)) {
		if !slices.Contains(d.said, claim) {
			why := "AWS makes no condition key of this claim for tokens of " + d.issuer + " (lists of 2026-08)"
			if claim == "subject" {
				why = "sub is written from the claims that it is made of"
			}
			d.gap(claim, Widening, why, "check it in a service of your own", "use a role of its own for each such case, and pin what tells the cases apart")
		}
	}
	if len(d.rule.When) > 0 {
		d.gap("when", Widening, "a trust policy has no expressions", "say it with claims that AWS has as keys")
	}
	for _, deny := range d.spec.Deny {
		if deny.Platform == d.rule.Platform && !d.denied(deny) {
			d.gap("deny "+deny.Name, Widening, "the document does not say what this rule denies", "deny by one claim that AWS has as a key")
		}
	}
}

// denied writes a deny rule where that is exact: it is about other tokens, or
// has one condition with whole values on a claim that AWS has as a key.
func (d *draft) denied(deny policy.Rule) bool {
	var left []string
	for claim, m := range deny.Claims {
		if m.Op == "" {
			m.Op = policy.Equal
		}
		values := exact(m, true)
		ours := exact(d.matcherOf(claim))
		if claim == "issuer" {
			ours = []string{d.issuer}
		}
		// What the document does not say cannot keep the rule from applying; and
		// paths ignore case.
		if values != nil && ours != nil && !d.hasGap(claim) && !slices.Contains(folded, claim) {
			if !slices.ContainsFunc(values, func(v string) bool { return slices.Contains(ours, v) }) {
				return true // It never applies to what the rule is about.
			}
			if !slices.ContainsFunc(ours, func(v string) bool { return !slices.Contains(values, v) }) {
				continue // It always holds there.
			}
		}
		left = append(left, claim)
	}
	if len(left) != 1 || len(deny.When) > 0 {
		return false
	}
	m := deny.Claims[left[0]]
	if m.Op == "" {
		m.Op = policy.Equal
	}
	if !d.isKey(left[0]) || m.Op != policy.Equal || m.Not {
		return false
	}
	// Where there is no key the operator is true, and the deny rule does not apply.
	key := keyClaim(left[0])
	d.notEquals[key] = slices.Compact(slices.Sorted(slices.Values(append(d.notEquals[key], m.Values...))))
	return true
}

func (d *draft) hasGap(field string) bool {
	return slices.ContainsFunc(d.gaps, func(g Gap) bool { return g.Field == field && g.Effect == Widening })
}

func (d *draft) matcherOf(claim string) (policy.Matcher, bool) {
	m, ok := d.rule.Claims[claim]
	if ok && m.Op == "" {
		m.Op = policy.Equal
	}
	return m, ok
}

// isKey reports whether AWS makes a condition key of the claim, under the name
// that a rule has for it.
func (d *draft) isKey(claim string) bool {
	return slices.Contains(cloudnames.ConditionClaims(d.issuer), keyClaim(claim)) && claim != "aud" && claim != "sub"
}

// keyClaim is the whole name of a claim.
func keyClaim(claim string) string {
	if claim == "project-id" {
		return "oidc.circleci.com/project-id"
	}
	return claim
}
