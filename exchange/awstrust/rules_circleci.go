package awstrust

import (
	"fmt"
	"strings"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/safetext"
)

// circleCIRules look at what a CircleCI token's subject and key leave open.
func circleCIRules() []rule {
	subject := func(f func(s *linted, w wanted, r report)) func(*linted, report) {
		return func(s *linted, r report) {
			if !s.circleCI() {
				return
			}
			for _, w := range s.wants("sub") {
				f(s, w, r)
			}
		}
	}
	return []rule{
		{
			id: "CC001", kind: TooBroad, witnesses: []string{"other-project", "same-path-new-id"},
			story: "every project of the organization gets the role, one that a member has just made as well",
			fix:   "add StringEquals on oidc.circleci.com/project-id",
			statement: func(s *linted, r report) {
				if s.platform != circleCIOrganization || len(s.live) == 0 || s.restricted(circleCIProject) {
					return
				}
				at, open := s.Position, len(s.wants("sub")) == 0
				for _, w := range s.wants("sub") {
					if id := w.segment("project"); w.like && !claims.IsUUID(id) && !strings.HasPrefix(w.text, "org/*") {
						at, open = w.at, true
						break
					}
				}
				if open {
					r(at, High, "no condition says which project the job is of")
				}
			},
		},
		{
			id: "CC002", kind: Broken,
			story: "only that person's jobs get the role; schedules and webhooks run as somebody else",
			fix:   "put a mask of 36 question marks and hyphens for the user: ????????-????-????-????-????????????",
			statement: subject(func(_ *linted, w wanted, r report) {
				if user := w.segment("user"); claims.IsUUID(user) {
					r(w.at, Medium, fmt.Sprintf("the subject names the user %s", user))
				}
			}),
		},
		{
			id: "CC004", kind: TooBroad, witnesses: []string{"branch-made-to-deceive-origin", "branch-made-to-deceive", "other-project-made-to-deceive"},
			story: "anybody who may push makes a branch whose name ends in what follows the star, and the star takes the rest",
			fix:   "put the mask ????????-????-????-????-???????????? for the user, write the origin out, and add StringEquals on oidc.circleci.com/project-id",
			statement: subject(func(_ *linted, w wanted, r report) {
				if i := strings.IndexByte(w.text, '*'); w.like && i >= 0 && (strings.Contains(w.text[i:], "/vcs-ref/") || strings.Contains(w.text[i:], "/vcs-origin/")) && strings.Trim(w.text[i:], "*") != "" {
					r(w.at, High, fmt.Sprintf("a star in %s stands before a fixed part", safetext.Quote(w.text)))
				}
			}),
		},
		{
			id: "CC005", kind: TooBroad, witnesses: []string{"other-branch", "fork-pull-request"},
			story: "any branch will do, and pull requests of forks where the project passes secrets to them",
			fix:   "demand the second form of the subject, with the origin and the ref written out",
			statement: func(s *linted, r report) {
				if !s.circleCI() || !s.restricted("sub") && !s.restricted(circleCIProject) {
					return
				}
				for _, w := range s.wants("sub") {
					if strings.Contains(w.text, "/vcs-origin/") && strings.Contains(w.text, "/vcs-ref/") {
						return
					}
				}
				r(s.Position, Medium, "no condition says which repository and which branch")
			},
		},
		{
			id: "CC006", kind: TooBroad, witnesses: []string{"root-issuer-other-organization", "other-organization"},
			story: "all customers of CircleCI have tokens of this issuer, and IAM does not watch over documents for it",
			fix:   "use the organization's issuer, or write org/ and the organization's ID out in the subject",
			statement: func(s *linted, r report) {
				if s.platform != circleCIRoot {
					return
				}
				wants := s.wants("sub")
				severity := Medium
				for _, w := range wants {
					if !claims.IsUUID(w.segment("org")) {
						severity = Critical
					}
				}
				if len(wants) == 0 {
					severity = Critical
				}
				r(s.Position, severity, "the provider is for the issuer that all organizations share")
			},
		},
		{
			id: "CC007", kind: Note, witnesses: []string{"ssh-rerun"},
			story: "whoever reruns a job with SSH has a shell in it, and its token; AWS sets no key that tells",
			fix:   "nothing in this document: restrict who may rerun jobs with SSH",
			statement: func(s *linted, r report) {
				if s.circleCI() {
					r(s.Position, Info, "jobs that are rerun with SSH are let in")
				}
			},
		},
		{
			id: "CC009", kind: Fragile, witnesses: []string{"default-audience"},
			story: "every job has a token with this audience: one that was stolen from another service gets the role",
			fix:   "ask for a token with an audience of its own: circleci run oidc get --claims",
			statement: func(s *linted, r report) {
				_, organization, _ := strings.Cut(s.prefix, "/org/")
				for _, w := range s.wants("aud") {
					if s.circleCI() && organization != "" && w.text == organization {
						r(w.at, Low, "the audience is the default one, the organization's ID")
					}
				}
			},
		},
		{
			id: "CC010", kind: Fragile, witnesses: []string{"subject-first-form"},
			story: "a pipeline that a custom webhook starts has no repository and no branch in its subject, whatever it runs on: nothing here keeps it out",
			fix:   "demand the second form of the subject, which such jobs do not have: /vcs-origin/ and /vcs-ref/ with the values written out",
			statement: func(s *linted, r report) {
				if !s.circleCI() || !s.restricted("sub") && !s.restricted(circleCIProject) {
					return
				}
				at, takes := s.Position, len(s.wants("sub")) == 0
				for _, w := range s.wants("sub") {
					if !strings.Contains(w.text, "/vcs-origin/") && !strings.Contains(w.text, "/vcs-ref/") {
						at, takes = w.at, true
						break
					}
				}
				if takes {
					r(at, Low, "jobs that a custom webhook starts are let in")
				}
			},
		},
		{
			id: "CC011", kind: Broken,
			story: "a subject begins with org/ and the organization's ID, and no token has such a value",
			fix:   "write org/ORGANIZATION/project/PROJECT/user/USER, each a UUID",
			statement: subject(func(_ *linted, w wanted, r report) {
				start, _, _ := strings.Cut(w.text, "*")
				project := w.segment("project")
				switch {
				case !strings.HasPrefix(start, "org/") && !(w.like && strings.HasPrefix("org/", start)):
					r(w.at, High, fmt.Sprintf("%s is no form of a subject", safetext.Quote(w.text)))
				case project != "" && !claims.IsUUID(project) && !(w.like && strings.ContainsAny(project, "*?")) && !strings.Contains(project, "${"):
					r(w.at, High, fmt.Sprintf("%s is no project's ID", safetext.Quote(project)))
				}
			}),
		},
		{
			id: "CC012", kind: TooBroad, witnesses: []string{"other-branch", "namesake-ref"},
			story: "any branch or tag will do",
			fix:   "write refs/heads/main, or refs/tags/v*",
			statement: subject(func(_ *linted, w wanted, r report) {
				_, ref, ok := strings.Cut(w.text, "/vcs-ref/")
				if ok && w.like && (ref == "*" || ref == "refs/*" || ref == "refs/heads/*" || ref == "refs/tags/*") {
					r(w.at, Medium, fmt.Sprintf("%s leaves the ref open", safetext.Quote(w.text)))
				}
			}),
		},
		{
			id: "CC013", kind: Note, witnesses: []string{"other-definition"},
			story: "a project may have several pipeline definitions, of which one may read its configuration from another repository; AWS sets no key that tells",
			fix:   "nothing in this document: restrict who may add pipeline definitions, or check pipeline-definition-id where the job asks for more",
			statement: func(s *linted, r report) {
				if s.circleCI() {
					r(s.Position, Info, "jobs of every pipeline definition are let in")
				}
			},
		},
	}
}

// segment returns what follows a name in a subject of CircleCI.
func (w wanted) segment(name string) string {
	_, rest, _ := strings.Cut("/"+w.text, "/"+name+"/")
	value, _, _ := strings.Cut(rest, "/")
	return value
}
