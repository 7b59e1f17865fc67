package googletrust

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/oidc/policy"
)

// rules writes the condition: the rule's own claims, its safe defaults, and what
// the policy denies.
func (d *draft) rules(spec policy.Spec) {
	for _, claim := range slices.Sorted(maps.Keys(d.rule.Claims)) {
		if claim == "issuer" {
			continue // the provider's
		}
		term, ok := d.term(claim, d.rule.Claims[claim])
		if !ok {
			d.gap(claim, "Google's pages name no function that looks into a list for a pattern, and no list of identities", "list the values")
			continue
		}
		d.terms = append(d.terms, term)
	}
	d.defaults()
	if len(d.rule.When) > 0 {
		d.gap("when", "expressions of the policy are about other names and functions than Google's", "say it with claims of the rule")
	}
	for _, deny := range spec.Deny {
		d.deny(deny)
	}
}

// defaults writes what a rule refuses unless it gives a reason.
func (d *draft) defaults() {
	if d.platform == policy.GitLab {
		if d.rule.Allow[policy.AllowFork] == "" {
			d.terms = append(d.terms, "(has(assertion.job_project_id) ? assertion.job_project_id == assertion.project_id"+
				" : assertion.pipeline_source in ['api', 'push', 'schedule', 'trigger', 'web'])")
		}
		return
	}
	if d.rule.Allow[policy.AllowFork] == "" {
		d.terms = append(d.terms, "!('oidc.circleci.com/vcs-ref' in assertion && assertion['oidc.circleci.com/vcs-ref'].startsWith('refs/heads/pull/'))")
	}
	if d.rule.Allow[policy.AllowSSHRerun] == "" {
		d.terms = append(d.terms, "assertion['oidc.circleci.com/ssh-rerun'] == false")
	}
}

// deny writes a rule that denies, as what must not hold.
func (d *draft) deny(deny policy.Rule) {
	if deny.Platform != d.platform {
		return
	}
	if len(deny.When) > 0 {
		d.gap("deny "+deny.Name, "expressions of the policy are about other names and functions than Google's", "deny by claims")
		return
	}
	var terms []string
	for _, claim := range slices.Sorted(maps.Keys(deny.Claims)) {
		term, ok := d.term(claim, deny.Claims[claim])
		if !ok {
			d.gap("deny "+deny.Name, "Google's pages name no function that looks into a list for a pattern", "list the values")
			return
		}
		// An absent claim makes a deny rule not apply, and an expression fail.
		if m := deny.Claims[claim]; m.Op != policy.Absent && m.Op != policy.Present {
			there := d.presence(claim)
			if !m.Not && (slices.Contains(lists, claim) || m.Op == policy.Glob || m.Op == policy.Regex) {
				there += " && " + d.name(claim) + " != null" // on which no function works
			}
			term = there + " && " + term
		}
		terms = append(terms, term)
	}
	d.terms = append(d.terms, "!("+strings.Join(terms, " && ")+")")
}

// folded are claims whose case does not matter: GitLab's paths.
var folded = []string{"project_path", "namespace_path", "job_project_path", "job_namespace_path"}

// lists are claims that have several values.
var lists = []string{"context-ids", "groups_direct"}

// booleans of CircleCI are such; GitLab's are text.
const rerun = "ssh-rerun"

// name returns the expression that reads a claim.
func (d *draft) name(claim string) string {
	switch {
	case claim == "issuer":
		return "assertion.iss"
	case claim == "subject":
		return "assertion.sub"
	case d.platform == policy.CircleCI && claim != "jti":
		return "assertion['oidc.circleci.com/" + claim + "']"
	}
	return "assertion." + claim
}

// presence returns the expression that asks for a claim.
func (d *draft) presence(claim string) string {
	switch {
	case d.platform == policy.CircleCI && claim != "jti" && claim != "issuer" && claim != "subject":
		return "'oidc.circleci.com/" + claim + "' in assertion"
	case strings.HasPrefix(claim, "job_config."):
		return "has(assertion.job_config) && has(" + d.name(claim) + ")"
	}
	return "has(" + d.name(claim) + ")"
}

// term returns the condition on one claim. It reports false for what cannot be
// said.
func (d *draft) term(claim string, m policy.Matcher) (string, bool) {
	if claim == "user_identities" {
		return "", false
	}
	name := d.name(claim)
	list := slices.Contains(lists, claim)
	empty := name + " != '' && " + name + " != null"
	switch {
	case list:
		empty = name + " != null && size(" + name + ") > 0"
	case claim == rerun:
		empty = name + " != null"
	}
	switch m.Op {
	case policy.Present:
		return "(" + d.presence(claim) + " && " + empty + ")", true
	case policy.Absent:
		return "!(" + d.presence(claim) + " && " + empty + ")", true
	}
	var positive string
	switch {
	case list && (m.Op == policy.Glob || m.Op == policy.Regex):
		return "", false
	case list:
		between := " || "
		if m.Op == policy.AllOf {
			between = " && "
		}
		var terms []string
		for _, v := range slices.Sorted(slices.Values(m.Values)) {
			terms = append(terms, literalText(v)+" in "+name)
		}
		positive = "(" + strings.Join(terms, between) + ")"
		if len(terms) == 1 {
			positive = terms[0]
		}
	default:
		positive = d.compare(claim, name, m)
	}
	if m.Not {
		return "(" + d.presence(claim) + " && " + empty + " && !(" + positive + "))", true
	}
	return positive, true
}

// compare returns the comparison of a claim that has one value.
func (d *draft) compare(claim, name string, m policy.Matcher) string {
	fold := slices.Contains(folded, claim)
	if claim == "runner_id" {
		name = "string(" + name + ")" // GitLab sends a number
	}
	if m.Op == policy.Glob || m.Op == policy.Regex {
		var patterns []string
		for _, v := range slices.Sorted(slices.Values(m.Values)) {
			if m.Op == policy.Glob {
				v = globPattern(v)
			}
			patterns = append(patterns, "(?:"+v+")")
		}
		flags := "?:"
		if fold {
			flags = "?i:"
		}
		whole := "^(" + flags + strings.Join(patterns, "|") + ")$"
		term := name + ".matches(" + literalText(whole) + ")"
		// An empty claim is an absent one, and satisfies no pattern of a policy.
		if re, err := regexp.Compile(whole); err != nil || re.MatchString("") {
			term = "(" + name + " != '' && " + term + ")"
		}
		return term
	}
	var values []string
	for _, v := range slices.Sorted(slices.Values(m.Values)) {
		switch {
		case claim == rerun:
			values = append(values, v) // true or false, as such
		case fold:
			values = append(values, literalText(lower(v)))
		default:
			values = append(values, literalText(v))
		}
	}
	if fold {
		name += ".lowerAscii()"
	}
	if len(values) == 1 {
		return name + " == " + values[0]
	}
	return name + " in [" + strings.Join(values, ", ") + "]"
}

// globPattern returns a glob of a policy as a regular expression: * stays inside
// / and :, ** does not.
func globPattern(glob string) string {
	var b strings.Builder
	for i := 0; i < len(glob); i++ {
		switch {
		case glob[i] != '*':
			b.WriteString(regexp.QuoteMeta(glob[i : i+1]))
		case i+1 < len(glob) && glob[i+1] == '*':
			for i+1 < len(glob) && glob[i+1] == '*' {
				i++
			}
			b.WriteString("(?s:.*)")
		default:
			b.WriteString("[^/:]*")
		}
	}
	return b.String()
}

// literalText returns s as a text of CEL, in single quotes.
func literalText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s) + "'"
}

// lower lowers the letters that lowerAscii does.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
