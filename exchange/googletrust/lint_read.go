package googletrust

import (
	"slices"
	"strings"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// linted is a document as the rules see it.
type linted struct {
	*Simulator
	options  *LintOptions
	gitLab   bool // anything that is not known to be another's
	circleCI bool
	root     bool // CircleCI's issuer for all organizations
	members  []linkedMember
	// wants are the comparisons that the condition demands, by claim.
	wants map[string][]comparison
}

// linkedMember is a principal of the pool in a binding.
type linkedMember struct {
	member
	value   Value
	binding *Binding
}

// comparison is what the condition says of a claim.
type comparison struct {
	how    string // "==" for whole values, or the function's name
	values []ref.Val
}

const (
	circleCIRoot   = "https://oidc.circleci.com"
	circleCIPrefix = "oidc.circleci.com/"
)

func newLinted(s *Simulator, o *LintOptions) *linted {
	l := &linted{Simulator: s, options: o, wants: map[string][]comparison{}}
	issuer := strings.TrimSuffix(s.provider.IssuerURI.Text, "/")
	l.root = issuer == circleCIRoot
	l.circleCI = l.root || strings.HasPrefix(issuer, circleCIRoot+"/")
	l.gitLab = !l.circleCI && issuer != "https://github.com" && issuer != "https://token.actions.githubusercontent.com"
	for i := range s.doc.Bindings {
		b := &s.doc.Bindings[i]
		for _, v := range b.Members {
			if m, problem := parseMember(v.Text); problem == "" && m != (member{}) && m.of(s.provider) {
				l.members = append(l.members, linkedMember{m, v, b})
			}
		}
	}
	if s.condition != nil {
		for _, x := range parts(s.condition.ast.Expr(), operators.LogicalAnd) {
			l.want(x)
		}
	}
	return l
}

// want notes what a part of the condition demands of a claim.
func (l *linted) want(x celast.Expr) {
	if x.Kind() != celast.CallKind {
		return
	}
	name, args := x.AsCall().FunctionName(), children(x)
	if len(args) != 2 {
		return
	}
	on, values := l.claim(args[0]), []celast.Expr{args[1]}
	switch name {
	case operators.Equals:
		if on == "" {
			on, values = l.claim(args[1]), []celast.Expr{args[0]}
		}
		name = "=="
	case operators.In:
		name = "=="
		if args[1].Kind() == celast.ListKind {
			values = args[1].AsList().Elements()
		} else { // 'id' in a list of the token
			on, values = l.claim(args[1]), []celast.Expr{args[0]}
		}
	case "startsWith", "endsWith", "contains", "matches":
	default:
		return
	}
	c := comparison{how: name}
	for _, v := range values {
		value := literal(v)
		if value == nil {
			return
		}
		c.values = append(c.values, value)
	}
	if on != "" && len(c.values) > 0 { // in [] demands nothing that could be compared
		l.wants[on] = append(l.wants[on], c)
	}
}

// claim returns the claim that x is, under its short name; through an attribute
// that is mapped to it, and whatever its case. "" means that it is none.
func (l *linted) claim(x celast.Expr) string {
	if args, ok := call(x, "lowerAscii"); ok {
		x = args[0]
	}
	v, has, ok := reads(x)
	switch {
	case !ok || has:
		return ""
	case v.root == "assertion":
		return strings.TrimPrefix(v.name, circleCIPrefix)
	}
	if e := l.expression(v.root + "." + v.name); e != nil {
		if inner, _, ok := reads(e.ast.Expr()); ok && inner.root == "assertion" {
			return strings.TrimPrefix(inner.name, circleCIPrefix)
		}
	}
	return ""
}

// expression returns the mapping of an attribute, or nil.
func (l *linted) expression(name string) *expression {
	for i, a := range l.provider.Mapping {
		if a.Name == name {
			return l.mapping[i]
		}
	}
	return nil
}

// attributeOf returns the attribute that a member is about.
func (m member) attributeOf() string {
	switch m.kind {
	case "subject":
		return "google.subject"
	case "group":
		return "google.groups"
	}
	return m.kind
}

// pinned reports whether the claim must have one of some whole values: by the
// condition, or because every member is a value that the claim is part of.
func (l *linted) pinned(claims ...string) bool {
	return slices.ContainsFunc(claims, func(claim string) bool {
		return slices.ContainsFunc(l.wants[claim], func(c comparison) bool { return c.how == "==" }) || l.bound(claim)
	})
}

// bound reports whether every member is about a value that the claim is part of.
func (l *linted) bound(claim string) bool {
	for _, m := range l.members {
		if m.kind == "*" || !slices.Contains(l.claimsOf(m.attributeOf()), claim) {
			return false
		}
	}
	return len(l.members) > 0
}

// claimsOf returns the claims that an attribute is made of, under short names.
func (l *linted) claimsOf(attribute string) (all []string) {
	e := l.expression(attribute)
	if e == nil {
		return nil
	}
	for _, v := range readsOf(e.ast.Expr()) {
		if v.root == "assertion" {
			all = append(all, strings.TrimPrefix(v.name, circleCIPrefix))
		}
	}
	return all
}

// restricted reports whether the condition or the members say anything of a claim.
func (l *linted) restricted(claims ...string) bool {
	return slices.ContainsFunc(claims, func(claim string) bool { return len(l.wants[claim]) > 0 || l.bound(claim) })
}

// each calls f for every expression of the provider.
func (l *linted) each(f func(name string, at Position, e *expression)) {
	for i, a := range l.provider.Mapping {
		f(a.Name, a.Expression.Position, l.mapping[i])
	}
	if l.condition != nil {
		f("condition", l.provider.Condition.Position, l.condition)
	}
}

// typeOf returns the type of a claim as the platform sends it; nil if the claim is
// not known.
func (l *linted) typeOf(name string) *types.Type {
	switch {
	case slices.Contains([]string{"exp", "iat", "nbf"}, name), name == "runner_id" && l.gitLab:
		return types.IntType
	case slices.Contains([]string{"iss", "sub", "aud", "jti"}, name):
		return types.StringType
	}
	if l.circleCI {
		switch short := strings.TrimPrefix(name, circleCIPrefix); {
		case short == name:
			return nil
		case short == "ssh-rerun":
			return types.BoolType
		case short == "context-ids":
			return types.NewListType(types.StringType)
		case slices.Contains([]string{"org-id", "project-id", "pipeline-definition-id", "pipeline-id", "workflow-id", "job-id", "vcs-origin", "vcs-ref"}, short):
			return types.StringType
		}
		return nil
	}
	switch name {
	case "groups_direct":
		return types.NewListType(types.StringType)
	case "user_identities":
		return types.NewListType(types.DynType)
	case "job_config":
		return types.DynType
	}
	if slices.Contains(gitLabTexts(), name) {
		return types.StringType
	}
	return nil
}

// gitLabTexts are the claims that GitLab sends as strings, IDs and booleans among
// them.
func gitLabTexts() []string {
	return []string{
		"project_id", "project_path", "namespace_id", "namespace_path", "job_project_id", "job_project_path", "job_namespace_id", "job_namespace_path",
		"ref", "ref_type", "ref_path", "ref_protected", "sha", "environment", "environment_protected", "environment_action", "deployment_tier",
		"pipeline_id", "pipeline_source", "job_id", "job_source", "ci_config_ref_uri", "ci_config_sha", "runner_environment", "project_visibility",
		"user_id", "user_login", "user_email", "user_access_level", "target_audience",
	}
}
