package awsrender

import (
	"slices"
	"strings"

	"github.com/cioidc/cioidc/internal/trustgap"
	"github.com/cioidc/cioidc/oidc/policy"
)

// gitLabKeys are the claims of gitlab.com that AWS has as keys.
var gitLabKeys = []string{
	"namespace_id", "pipeline_source", "project_id", "ref_protected", "runner_environment",
	"user_access_level", "user_email", "user_id", "user_login",
}

// withoutColon are the claims whose values have none: a star of the rule stops
// at a colon, one of AWS's does not.
var withoutColon = []string{
	"project_path", "namespace_path", "job_project_path", "job_namespace_path", "ref", "ref_type", "ref_path",
}

// folded are the claims that a rule compares without case.
var folded = []string{"project_path", "namespace_path", "job_project_path", "job_namespace_path"}

// ofItself are the triggers whose pipelines run a project's own code on its own
// behalf: no pipeline of a merge request, which may be from a fork.
var ofItself = []string{"api", "push", "schedule", "trigger", "web"}

func (d *draft) gitLab() error {
	issuers := exact(d.matcher("issuer"))
	if len(issuers) != 1 {
		return trustgap.Wrong("issuer", "a trust policy is for one issuer: name one in the rule")
	}
	d.issuer = issuers[0]
	if !strings.HasPrefix(d.issuer, "https://") {
		return trustgap.Wrong("issuer", "AWS takes https:// issuers only")
	}
	d.audiences()
	for _, claim := range gitLabKeys {
		if d.isKey(claim) {
			d.key(claim)
		}
	}
	if err := d.gitLabSubject(); err != nil {
		return err
	}
	if d.equals["project_id"] == nil && d.equals["namespace_id"] == nil && d.open("project_path") && d.open("project_id") {
		return trustgap.Wrong("project_path", "AWS sees no ID of this issuer's projects, and sub does not pin the project: give Target.ProjectPath, or Target.SubjectComponents that begin with project_id")
	}
	d.fork()
	d.namespace()
	return nil
}

// namespace leaves out what the project's path says already.
func (d *draft) namespace() {
	namespaces, paths := exact(d.matcherOf("namespace_path")), exact(d.matcherOf("project_path"))
	if namespaces == nil || paths == nil || !slices.Contains(d.components(), "project_path") || d.hasGap("project_path") {
		return
	}
	for _, path := range paths {
		parent := lower(path[:max(strings.LastIndex(path, "/"), 0)])
		if !slices.ContainsFunc(namespaces, func(n string) bool { return lower(n) == parent }) {
			return
		}
	}
	d.said = append(d.said, "namespace_path")
}

// fork keeps pipelines of merge requests out, unless the rule lets forks in. AWS
// does not see job_project_id, which tells a fork.
func (d *draft) fork() {
	if d.rule.Allow[policy.AllowFork] != "" {
		return
	}
	if !d.isKey("pipeline_source") {
		d.gap("fork", Widening, "AWS sees neither job_project_id nor pipeline_source of this issuer, which tell the pipeline of a fork's merge request",
			"protect the ref, so that merge requests from it have no such pipeline", "let the rule allow forks, with the reason")
		return
	}
	have, given := d.equals["pipeline_source"]
	if !given {
		d.equals["pipeline_source"] = ofItself
		d.gap("pipeline_source", Narrowing, "pipelines of merge requests are left out, for AWS does not see job_project_id, which tells whether they are from a fork")
		return
	}
	kept := slices.DeleteFunc(slices.Clone(have), func(s string) bool { return !slices.Contains(ofItself, s) })
	switch {
	case len(kept) == 0:
		d.gap("fork", Widening, "AWS does not see job_project_id, which tells whether a pipeline of a merge request is from a fork",
			"let the rule allow forks, with the reason", "deploy from branches")
	case len(kept) < len(have):
		d.equals["pipeline_source"] = kept
		d.gap("pipeline_source", Narrowing, "sources whose pipelines may be a fork's are left out, for AWS does not see job_project_id")
	}
}

// open reports whether sub does not have the claim's exact value.
func (d *draft) open(claim string) bool {
	m, ok := d.matcherOf(claim)
	if d.components()[0] != claim {
		return true
	}
	return exact(m, ok) == nil && (claim != "project_path" || d.target.ProjectPath == "" || ok)
}

// components are those that sub is made of.
func (d *draft) components() []string {
	if len(d.target.SubjectComponents) > 0 {
		return d.target.SubjectComponents
	}
	return []string{"project_path", "ref_type", "ref"}
}

// gitLabSubject writes sub, component by component, as far as each is known. What
// comes after one that is not would stand behind a star.
func (d *draft) gitLabSubject() error {
	prefixes := []string{""}
	components := d.components()
	var open string // the first component that is not pinned
	for i, claim := range components {
		m, ok := d.matcherOf(claim)
		values := exact(m, ok)
		if claim == "project_path" && values == nil && !ok && d.target.ProjectPath != "" {
			values = []string{d.target.ProjectPath}
		}
		said := slices.Contains(d.said, claim) // by a key
		switch {
		case open != "":
			if ok && !said {
				d.gap(claim, Widening, "it stands behind "+open+" in sub, which is not pinned: only a star could be written before it", pin(open))
			}
		case values != nil:
			for _, v := range values {
				if err := plain(claim, v); err != nil {
					return err
				}
			}
			prefixes = join(prefixes, separate(i, claim), values)
		case ok && m.Op == policy.Glob && !m.Not && i == len(components)-1 && d.lastGlob(claim, prefixes, separate(i, claim), m.Values):
			d.said = append(d.said, claim)
			return nil
		default:
			open = claim
			if ok && !said && m.Op != policy.Present {
				d.gap(claim, Widening, "in sub AWS compares it with whole values, and with a star at the end", "list the values")
			}
			prefixes = join(prefixes, separate(i, claim), []string{""})
		}
		d.said = append(d.said, claim)
	}
	if open == "" {
		d.subjects = []subject{{exact: prefixes}}
		return nil
	}
	for _, p := range prefixes {
		d.subjects = append(d.subjects, subject{like: p + "*"})
	}
	return nil
}

// plain refuses a value that would be more than itself in sub.
func plain(claim, value string) error {
	if strings.ContainsAny(value, "*?") || strings.Contains(value, "${") {
		return trustgap.Wrong(claim, "%q has characters that AWS reads as a pattern or a variable: take it off the rule", value)
	}
	return nil
}

// lower lowers ASCII letters only, as a policy does with paths.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func pin(claim string) string {
	if claim == "project_path" {
		return "give Target.ProjectPath, or add project_path to the rule"
	}
	return "add " + claim + " to the rule"
}

// separate returns what stands before the value of component i.
func separate(i int, claim string) string {
	if i == 0 {
		return claim + ":"
	}
	return ":" + claim + ":"
}

func join(prefixes []string, between string, values []string) []string {
	var out []string
	for _, p := range prefixes {
		for _, v := range values {
			out = append(out, p+between+v)
		}
	}
	return out
}

// lastGlob writes patterns at the end of sub, and reports false if one of them
// has a star anywhere but at its end. A star of the rule stays inside a slash,
// one of AWS's does not: what is beyond the slash is taken away.
func (d *draft) lastGlob(claim string, prefixes []string, between string, patterns []string) bool {
	var subjects []subject
	for _, pattern := range slices.Compact(slices.Sorted(slices.Values(patterns))) {
		fixed := strings.TrimRight(pattern, "*")
		if strings.ContainsAny(fixed, "*?") || strings.Contains(fixed, "${") || fixed == "" {
			return false
		}
		stars := len(pattern) - len(fixed)
		if stars == 1 && !slices.Contains(withoutColon, claim) {
			return false
		}
		for _, p := range prefixes {
			whole := p + between + fixed
			switch stars {
			case 0:
				subjects = append(subjects, subject{exact: []string{whole}})
			case 1:
				subjects = append(subjects, subject{like: whole + "*", less: whole + "*/*"})
			default:
				subjects = append(subjects, subject{like: whole + "*"})
			}
		}
	}
	d.subjects = subjects
	return true
}
