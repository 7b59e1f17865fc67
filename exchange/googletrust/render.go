package googletrust

import (
	"maps"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/internal/cloudnames"
	"github.com/cioidc/cioidc/internal/trustgap"
	"github.com/cioidc/cioidc/oidc/policy"
)

// Target is where a provider is to be made.
type Target struct {
	// ProjectNumber, Pool and Provider are the parts of the provider's name.
	// Required; the number is not the project's ID.
	ProjectNumber, Pool, Provider string
	// StableSubject maps google.subject to what stays the same from job to job, so
	// that a binding can name it. False means that each job has a subject of its
	// own, which the audit log shows, and bindings are by attribute.
	StableSubject bool
	// Role is what members get. Empty means "roles/iam.workloadIdentityUser", on a
	// service account.
	Role string
	// AllowWider is the reason why the provider may let in more than the rule, in
	// what the widening gaps are about. Empty means that it may not.
	AllowWider string
}

// Effect is what a [Gap] does: [Widening] or [Narrowing].
type Effect = trustgap.Effect

// The effects of gaps.
const (
	Widening  = trustgap.Widening
	Narrowing = trustgap.Narrowing
)

// Gap is something that a rule says and a provider cannot. Its Field is the claim,
// or "when" or "deny" with the rule's name.
type Gap = trustgap.Gap

// WiderError reports gaps that let in more than the rule does.
type WiderError = trustgap.WiderError

// RenderError reports a rule or a target that no provider can be made of: Field is
// the claim or the field, Problem says what is wrong and what to do.
type RenderError = trustgap.Error

// Rendered is a provider with a binding, and what they cannot say.
type Rendered struct {
	// Document is the provider and the binding that gives its jobs the role.
	Document *Document
	// Gaps are what the rule says and the provider cannot, the widening ones first.
	Gaps []Gap
}

// Render returns the provider for one rule of p, whose attribute condition is the
// rule, and the binding for its jobs. Whatever [Simulate] accepts of the document
// [policy.Policy.Evaluate] allows, but through a widening gap, for tokens as the
// platforms make them. The error is a *[WiderError] if there is such a gap and t
// has no reason for it, and a *[RenderError] if there is no such rule, or none can
// be written for it.
//
// Make a pool for each issuer: names of attributes are the pool's, and a weaker
// provider in it could give a job the same.
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
	d := &draft{rule: wanted, platform: wanted.Platform}
	issuer, err := d.issuer()
	if err != nil {
		return nil, err
	}
	d.rules(spec)
	out := &Provider{
		ProjectNumber: t.ProjectNumber, Pool: t.Pool, ID: t.Provider, State: "ACTIVE",
		IssuerURI: Value{Text: issuer}, Condition: Value{Text: strings.Join(d.terms, " && ")}, Mapping: d.mapping(t),
	}
	for _, a := range slices.Sorted(slices.Values(spec.Audiences)) {
		out.AllowedAudiences = append(out.AllowedAudiences, Value{Text: a})
	}
	if problem, _ := out.refusedToSave(); problem != "" {
		return nil, trustgap.Wrong("rule", "Google would not save the provider: %s; list fewer values, or split the rule", problem)
	}
	doc := &Document{Provider: out, Bindings: []Binding{{Role: t.Role, Members: d.members(t)}}}
	if doc.Bindings[0].Role == "" {
		doc.Bindings[0].Role = "roles/iam.workloadIdentityUser"
	}
	if s := NewSimulator(doc); s.problem != "" {
		return nil, trustgap.Wrong("rule", "what was written is not right: %s", s.problem)
	}
	if err := trustgap.Settle(rule, d.gaps, t.AllowWider); err != nil {
		return nil, err
	}
	return &Rendered{Document: doc, Gaps: d.gaps}, nil
}

func (t *Target) check() error {
	switch {
	case t.ProjectNumber == "" || strings.Trim(t.ProjectNumber, "0123456789") != "":
		return trustgap.Wrong("Target.ProjectNumber", "it is the project's number, not its ID")
	case !isID(t.Pool):
		return trustgap.Wrong("Target.Pool", "it is the pool's ID: 4 to 32 of a-z, 0-9 and -")
	case !isID(t.Provider):
		return trustgap.Wrong("Target.Provider", "it is the provider's ID: 4 to 32 of a-z, 0-9 and -")
	}
	return nil
}

// isID reports whether s has the letters of an ID. Its length is Google's to
// judge: pools of two letters are seen in examples.
func isID(s string) bool {
	return s != "" && len(s) <= 32 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// paths are the claims that name a project or its namespace by its path.
var paths = []string{"project_path", "namespace_path"}

// draft is a provider in the making.
type draft struct {
	rule     policy.Rule
	platform string
	terms    []string // of the condition
	gaps     []Gap
}

func (d *draft) gap(field, why string, mitigations ...string) {
	d.gaps = append(d.gaps, Gap{Field: field, Effect: Widening, Why: why, Mitigations: mitigations})
}

// issuer returns the one issuer of the rule.
func (d *draft) issuer() (string, error) {
	if m, ok := d.rule.Claims["issuer"]; ok {
		if values := exact(m); len(values) == 1 {
			if !strings.HasPrefix(values[0], "https://") {
				return "", trustgap.Wrong("issuer", "Google takes https:// issuers only")
			}
			return values[0], nil
		}
		return "", trustgap.Wrong("issuer", "a provider is for one issuer: name one in the rule")
	}
	if organization := exact(d.rule.Claims["org-id"]); d.platform == policy.CircleCI && len(organization) == 1 {
		return "https://oidc.circleci.com/org/" + organization[0], nil
	}
	return "", trustgap.Wrong("issuer", "a provider is for one issuer: name one in the rule")
}

// exact returns the values that a claim may have, if the condition is a list of
// such.
func exact(m policy.Matcher) []string {
	if (m.Op == policy.Equal || m.Op == "") && !m.Not && len(m.Values) > 0 {
		return slices.Compact(slices.Sorted(slices.Values(m.Values)))
	}
	return nil
}

// mapping returns the attribute mapping: who the job is, for logs and bindings.
func (d *draft) mapping(t *Target) []Attribute {
	lines := map[string]string{}
	if d.platform == policy.GitLab {
		lines["google.subject"] = "'gitlab::' + assertion.project_id + '::' + assertion.job_id"
		if t.StableSubject {
			lines["google.subject"] = "assertion.project_id + '::' + assertion.ref_type + '::' + assertion.ref"
		}
		lines["attribute.project_id"] = "assertion.project_id"
		lines["attribute.namespace_id"] = "assertion.namespace_id"
		lines["attribute.ref_scope"] = "assertion.project_id + '::' + assertion.ref_type + '::' + assertion.ref + '::' + assertion.ref_protected"
		lines["attribute.env_scope"] = "has(assertion.environment) ? assertion.project_id + '::' + assertion.environment + '::' + assertion.environment_protected : 'none'"
		if claim := d.byPath(); claim != "" {
			lines["attribute."+claim] = "assertion." + claim + ".lowerAscii()"
		}
	} else {
		project := "assertion['oidc.circleci.com/project-id']"
		lines["google.subject"] = project + " + '::' + assertion['oidc.circleci.com/job-id']"
		if t.StableSubject {
			lines["google.subject"] = project
		}
		lines["attribute.project_id"] = project
		lines["attribute.vcs_scope"] = "'oidc.circleci.com/vcs-ref' in assertion ? " + project +
			" + '::' + assertion['oidc.circleci.com/vcs-origin'] + '::' + assertion['oidc.circleci.com/vcs-ref'] : 'none'"
	}
	var out []Attribute
	for _, name := range slices.Sorted(maps.Keys(lines)) {
		out = append(out, Attribute{Name: name, Expression: Value{Text: lines[name]}})
	}
	return out
}

// members returns who of the pool gets the role: the narrowest attribute of which
// the rule says the whole value.
func (d *draft) members(t *Target) (members []Value) {
	pool := cloudnames.Pool{Project: t.ProjectNumber, ID: t.Pool}
	value := func(claim string) []string {
		values := exact(d.rule.Claims[claim])
		if slices.Contains(folded, claim) {
			for i := range values {
				values[i] = lower(values[i])
			}
			values = slices.Compact(slices.Sorted(slices.Values(values)))
		}
		return values
	}
	scopes := func(attribute string, claims ...string) bool {
		all := []string{""}
		for i, claim := range claims {
			values := value(claim)
			if values == nil {
				return false
			}
			var longer []string
			for _, have := range all {
				for _, v := range values {
					if i > 0 {
						v = have + "::" + v
					}
					longer = append(longer, v)
				}
			}
			all = longer
		}
		for _, v := range all {
			members = append(members, Value{Text: pool.PrincipalSet(attribute, v)})
		}
		return true
	}
	if d.platform == policy.CircleCI {
		_ = scopes("vcs_scope", "project-id", "vcs-origin", "vcs-ref") || scopes("project_id", "project-id")
		return members
	}
	if claim := d.byPath(); claim != "" {
		scopes(claim, claim)
		return members
	}
	_ = scopes("env_scope", "project_id", "environment", "environment_protected") ||
		scopes("ref_scope", "project_id", "ref_type", "ref", "ref_protected") ||
		scopes("project_id", "project_id") || scopes("namespace_id", "namespace_id")
	return members
}

// byPath returns the path by which a rule names its project if it has no ID of it,
// or "". Every rule has one or the other.
func (d *draft) byPath() string {
	if exact(d.rule.Claims["project_id"]) != nil || exact(d.rule.Claims["namespace_id"]) != nil {
		return ""
	}
	for _, claim := range paths {
		if exact(d.rule.Claims[claim]) != nil {
			return claim
		}
	}
	return ""
}
