package googletrust

import (
	"slices"
	"strings"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/cioidc/cioidc/internal/safetext"
)

func gitLabRules() []rule {
	at := func(l *linted) Position {
		if l.condition != nil {
			return l.provider.Condition.Position
		}
		return l.provider.Position
	}
	return []rule{
		{
			id: "GL001", kind: TooBroad, witnesses: []string{"namesake-ref", "protected-namesake-ref"},
			story: "a branch may be called like the tag that is meant, or a tag like the branch",
			fix:   "demand ref_type, or compare ref_path",
			find: func(l *linted, r report) {
				if l.gitLab && l.restricted("ref") && !l.restricted("ref_type", "ref_path") {
					r(PartProvider, at(l), High, "ref is compared, and not whether it is a branch or a tag")
				}
			},
		},
		{
			id: "GL002", kind: Fragile, witnesses: []string{"same-path-new-id", "same-path-new-namespace"},
			story: "a path that was given up can be registered by somebody else",
			fix:   "demand project_id",
			find: func(l *linted, r report) {
				if l.gitLab && l.restricted("project_path", "namespace_path") && !l.pinned("project_id", "namespace_id") {
					r(PartProvider, at(l), Medium, "the project is named by a path, and nothing names it by its ID")
				}
			},
		},
		{
			id: "GL003", kind: TooBroad, witnesses: []string{"subgroup"},
			story: "a prefix of a namespace takes every subgroup, those that others administer as well",
			fix:   "demand project_id, or the namespace's own ID",
			find: func(l *linted, r report) {
				for _, claim := range []string{"namespace_path", "project_path"} {
					for _, c := range l.wants[claim] {
						if text, _ := c.values[0].(types.String); l.gitLab && c.how == "startsWith" && strings.HasSuffix(string(text), "/") && !l.pinned("project_id", "namespace_id") {
							r(PartProvider, at(l), Medium, safetext.Quote(string(text))+" is the beginning of every subgroup's path")
						}
					}
				}
			},
		},
		{
			id: "GL005", kind: Fragile, witnesses: []string{"unprotected-ref"},
			story: "should the ref lose its protection, any developer may push to it",
			fix:   `demand assertion.ref_protected == "true"`,
			find: func(l *linted, r report) {
				if l.gitLab && l.restricted("ref", "ref_path") && !l.pinned("ref_protected") {
					r(PartProvider, at(l), Medium, "nothing asks for a protected branch or tag")
				}
			},
		},
		{
			id: "GL007", kind: Broken,
			story: "a ref is a branch or a tag; a merge request's job has its source branch",
			fix:   "write 'branch' or 'tag'; pipeline_source tells merge requests apart",
			find: func(l *linted, r report) {
				for _, c := range l.wants["ref_type"] {
					for _, v := range c.values {
						if text, ok := v.(types.String); l.gitLab && ok && c.how == "==" && text != "branch" && text != "tag" {
							r(PartProvider, at(l), High, safetext.Quote(string(text))+" is no type of ref")
						}
					}
				}
			},
		},
		{
			id: "GL008", kind: TooBroad, witnesses: []string{"environment-from-branch", "unprotected-environment"},
			story: "any job may name an environment that is not protected",
			fix:   `demand assertion.environment_protected == "true" as well`,
			find: func(l *linted, r report) {
				if l.gitLab && l.restricted("environment") && !l.pinned("environment_protected", "ref_protected") {
					r(PartProvider, at(l), High, "the environment is compared, and not whether it is protected")
				}
			},
		},
		{
			id: "GL010", kind: Fragile, witnesses: []string{"fork-merge-request-in-parent", "merge-request", "child-pipeline"},
			story: "a pipeline of a merge request runs what was not merged yet",
			fix:   `demand pipeline_source, and where job_project_id is sent that it is project_id`,
			find: func(l *linted, r report) {
				if l.gitLab && l.condition != nil && !l.pinned("pipeline_source") && !slices.Contains(readsOf(l.condition.ast.Expr()), variable{"assertion", "job_project_id"}) {
					r(PartProvider, at(l), Low, "nothing says what may start the pipeline")
				}
			},
		},
		{
			id: "GL011", kind: TooBroad, witnesses: []string{anyHostile},
			story: "a user's name can change hands, and every project in which the user starts a pipeline has the role",
			fix:   "name the project instead",
			find: func(l *linted, r report) {
				for _, m := range l.members {
					of := l.claimsOf(m.attributeOf())
					if l.gitLab && len(of) > 0 && !slices.ContainsFunc(of, func(c string) bool { return !strings.HasPrefix(c, "user_") }) {
						r(PartBindings, m.value.Position, Medium, safetext.Quote(m.value.Text)+" is a user, not a project")
					}
				}
			},
		},
		{
			id: "GL014", kind: Broken,
			story: "ref is the short name of a branch or tag: no token has such a value",
			fix:   "compare ref_path, or write main, not refs/heads/main",
			find: func(l *linted, r report) {
				for _, c := range l.wants["ref"] {
					if text, ok := c.values[0].(types.String); l.gitLab && ok && c.how == "==" && strings.HasPrefix(string(text), "refs/") {
						r(PartProvider, at(l), High, safetext.Quote(string(text))+" is the long name of a ref")
					}
				}
			},
		},
	}
}

func circleCIRules() []rule {
	at := func(l *linted) Position {
		if l.condition != nil {
			return l.provider.Condition.Position
		}
		return l.provider.Position
	}
	return []rule{
		{
			id: "CC001", kind: TooBroad, witnesses: []string{"other-project"},
			story: "every project of the organization gets in, one that an ordinary member makes as well",
			fix:   "demand assertion['oidc.circleci.com/project-id']",
			find: func(l *linted, r report) {
				if l.circleCI && !l.pinned("project-id") && !l.restricted("sub") {
					r(PartProvider, at(l), High, "the project is open")
				}
			},
		},
		{
			id: "CC002", kind: Broken,
			story: "the subject names who caused the job to run: schedules and everybody else are refused",
			fix:   "demand assertion['oidc.circleci.com/project-id'] instead of the subject",
			find: func(l *linted, r report) {
				for _, c := range l.wants["sub"] {
					if text, ok := c.values[0].(types.String); l.circleCI && ok && c.how == "==" && strings.Contains(string(text), "/user/") {
						r(PartProvider, at(l), Medium, "the whole subject is compared, and it names a user")
					}
				}
				for _, m := range l.members {
					if l.circleCI && m.kind == "subject" && strings.Contains(m.value.Text, "/user/") {
						r(PartBindings, m.value.Position, Medium, "the member is a subject that names a user")
					}
				}
			},
		},
		{
			id: "CC012", kind: TooBroad, witnesses: []string{"other-branch", "namesake-ref"},
			story: "every branch or tag whose ref begins like that will do",
			fix:   "compare the whole ref, or a prefix of protected tags such as refs/tags/v",
			find: func(l *linted, r report) {
				for _, c := range l.wants["vcs-ref"] {
					if text, _ := c.values[0].(types.String); l.circleCI && c.how == "startsWith" && slices.Contains([]string{"refs/", "refs/heads/", "refs/tags/"}, string(text)) {
						r(PartProvider, at(l), Medium, safetext.Quote(string(text))+" is the beginning of every such ref")
					}
				}
			},
		},
		{
			id: "CC005", kind: TooBroad, witnesses: []string{"fork-branch", "fork-pull-request", "other-branch"},
			story: "any branch will do, and that of a fork where its builds get secrets",
			fix:   "demand vcs-origin and vcs-ref, whole",
			find: func(l *linted, r report) {
				if l.circleCI && (!l.restricted("vcs-origin") || !l.restricted("vcs-ref")) {
					r(PartProvider, at(l), Medium, "the repository or the ref is open")
				}
			},
		},
		{
			id: "CC006", kind: TooBroad, witnesses: []string{"other-organization", "root-issuer-other-organization"},
			story: "this issuer is that of all organizations",
			fix:   "use the organization's own issuer, or demand org-id",
			find: func(l *linted, r report) {
				if l.root && !l.pinned("org-id", "project-id") {
					r(PartProvider, l.provider.IssuerURI.Position, Critical, "the issuer is CircleCI's for everybody, and nothing names the organization")
				}
			},
		},
		{
			id: "CC007", kind: Fragile, witnesses: []string{"ssh-rerun"},
			story: "whoever reruns the job with SSH has a shell in it, and its token",
			fix:   "demand assertion['oidc.circleci.com/ssh-rerun'] == false",
			find: func(l *linted, r report) {
				if l.circleCI && !l.pinned("ssh-rerun") {
					r(PartProvider, at(l), Medium, "jobs that are rerun with SSH are let in")
				}
			},
		},
		{
			id: "CC008", kind: Broken,
			story: "the order of the contexts means nothing, and the list may be null: the condition decides by chance",
			fix:   "write 'ID' in assertion['oidc.circleci.com/context-ids']",
			find: func(l *linted, r report) {
				l.each(func(name string, at Position, e *expression) {
					walk(e.ast.Expr(), func(x celast.Expr) bool {
						args, ok := call(x, operators.Index)
						if !ok {
							return true
						}
						if v, _, ok := reads(args[0]); ok && v == (variable{"assertion", circleCIPrefix + "context-ids"}) {
							r(PartProvider, at, High, "the expression of "+name+" takes one of the contexts by its place")
						}
						return true
					})
				})
			},
		},
		{
			id: "CC013", kind: Fragile, witnesses: []string{"other-definition"},
			story: "another pipeline definition of the project runs another configuration",
			fix:   "demand pipeline-definition-id where the project has more than one",
			find: func(l *linted, r report) {
				if l.circleCI && l.pinned("project-id") && !l.pinned("pipeline-definition-id") {
					r(PartProvider, at(l), Low, "the pipeline definition is open")
				}
			},
		},
	}
}
