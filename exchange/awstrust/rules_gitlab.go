package awstrust

import (
	"fmt"
	"strings"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/safetext"
)

// gitLabRules look at what a GitLab token's subject and keys leave open.
func gitLabRules() []rule {
	subject := func(f func(s *linted, w wanted, r report)) func(*linted, report) {
		return func(s *linted, r report) {
			if !s.gitLab() {
				return
			}
			for _, w := range s.wants("sub") {
				f(s, w, r)
			}
		}
	}
	return []rule{
		{
			id: "AWS007", kind: TooBroad, witnesses: otherRefs,
			story: "any branch will do, of any developer, and merge requests run on branches",
			fix:   "write the ref out, and on gitlab.com add StringEquals on ref_protected",
			statement: func(s *linted, r report) {
				if !s.gitLab() || s.protected() || !s.identified() {
					return
				}
				open := !s.restricted("sub")
				at := s.Position
				for _, w := range s.wants("sub") {
					ref, hasRef := w.part("ref")
					if !w.like || hasRef && strings.Trim(ref, "*") != "" || !strings.HasSuffix(w.text, "*") && hasRef {
						continue
					}
					if hasRef || strings.HasSuffix(w.text, "*") {
						open, at = true, w.at
						break
					}
				}
				if open {
					r(at, High, "the branch or tag is open")
				}
			},
		},
		{
			id: "AWS023", kind: Broken,
			story: "AWS compares the value as one text, commas included, and no token has such a value",
			fix:   "write a list of strings",
			statement: subject(func(_ *linted, w wanted, r report) {
				if strings.Contains(w.text, ",") {
					r(w.at, High, fmt.Sprintf("%s is a list in one string", safetext.Quote(w.text)))
				}
			}),
		},
		{
			id: "GL001", kind: TooBroad, witnesses: []string{"namesake-ref", "protected-namesake-ref"},
			story: "a branch may be called like the tag that is meant, or a tag like the branch, and anybody who may push makes one",
			fix:   "write ref_type:branch or ref_type:tag out",
			statement: subject(func(_ *linted, w wanted, r report) {
				kind, ok := w.part("ref_type")
				ref, hasRef := w.part("ref")
				if hasRef && strings.Trim(ref, "*") != "" && (!ok || strings.ContainsAny(kind, "*?")) {
					r(w.at, High, fmt.Sprintf("%s does not say whether the ref is a branch or a tag", safetext.Quote(w.text)))
				}
			}),
		},
		{
			id: "GL002", kind: Fragile, witnesses: []string{"same-path-new-id", "same-path-new-namespace"},
			story: "a path that was given up can be registered by somebody else; gitlab.com then gives tokens without it, so that the role is out of use",
			fix:   "add StringEquals on project_id; elsewhere than on gitlab.com, have the subject begin with project_id",
			statement: subject(func(s *linted, w wanted, r report) {
				_, id := w.part("project_id")
				if _, path := w.part("project_path"); path && !id && !s.pinned("project_id") && !s.pinned("namespace_id") || path && !id && s.platform != gitLabCom {
					r(w.at, Medium, fmt.Sprintf("%s names the project by a path, and nothing names it by its ID", safetext.Quote(w.text)))
				}
			}),
		},
		{
			id: "GL003", kind: TooBroad, witnesses: []string{"other-project", "subgroup"},
			story: "every project of the namespace gets the role, and a path that ends in /* takes those of subgroups as well, which others may administer",
			fix:   "add StringEquals on project_id",
			statement: func(s *linted, r report) {
				if s.platform != gitLabCom || s.pinned("project_id") {
					return
				}
				for _, c := range s.on("namespace_id") {
					if c.demands() && !s.restricted("sub") {
						r(c.Position, High, "the namespace stands for the project")
					}
				}
			},
		},
		{
			id: "GL005", kind: Fragile, witnesses: []string{"unprotected-ref"},
			story: "should the ref lose its protection, any developer may push to it",
			fix:   "add StringEquals on ref_protected; elsewhere than on gitlab.com, have GitLab put ref_protected into the subject (GitLab 18.7)",
			statement: func(s *linted, r report) {
				if s.gitLab() && s.identified() && !s.protected() {
					r(s.Position, Medium, "nothing asks for a protected branch or tag")
				}
			},
		},
		{
			id: "GL006", kind: TooBroad, witnesses: []string{"unprotected-ref"},
			story: "any developer may make a tag that no rule protects",
			fix:   "protect the tags, and add StringEquals on ref_protected",
			statement: subject(func(s *linted, w wanted, r report) {
				ref, _ := w.part("ref")
				if kind, _ := w.part("ref_type"); kind == "tag" && w.like && strings.Contains(ref, "*") && !s.protected() {
					r(w.at, Medium, fmt.Sprintf("%s takes tags that are not protected", safetext.Quote(w.text)))
				}
			}),
		},
		{
			id: "GL007", kind: Broken,
			story: "a ref is a branch or a tag; a merge request's job has its source branch",
			fix:   "write ref_type:branch; on gitlab.com, StringEquals on pipeline_source tells merge requests apart",
			statement: subject(func(_ *linted, w wanted, r report) {
				kind, ok := w.part("ref_type")
				if ok && kind != "branch" && kind != "tag" && !(w.like && strings.ContainsAny(kind, "*?")) && !strings.Contains(kind, "${") {
					r(w.at, High, fmt.Sprintf("%s is no type of ref", safetext.Quote(kind)))
				}
			}),
		},
		{
			id: "GL009", kind: Note,
			story: "the components of the subject are a setting of the project, and whoever maintains it can change them: no token matches then",
			fix:   "nothing in this document: set ci_id_token_sub_claim_components of the project to these",
			statement: subject(func(_ *linted, w wanted, r report) {
				if names := w.components(); names != nil && strings.Join(names, ",") != "project_path,ref_type,ref" {
					r(w.at, Info, "the subject has other components than GitLab's default: "+strings.Join(names, ", "))
				}
			}),
		},
		{
			id: "GL010", kind: Fragile, witnesses: []string{"merge-request", "child-pipeline"},
			story: "a pipeline of a merge request runs what was not merged yet, and a child pipeline what its parent has written",
			fix:   `add StringEquals on pipeline_source with what starts the pipelines that are meant, such as "push" and "web"`,
			statement: func(s *linted, r report) {
				if s.platform == gitLabCom && s.identified() && !s.pinned("pipeline_source") {
					r(s.Position, Low, "nothing says what may start the pipeline")
				}
			},
		},
		{
			id: "GL012", kind: Fragile, witnesses: []string{"self-hosted-runner"},
			story: "a runner that somebody registered sees the tokens of the jobs that it runs",
			fix:   `if the jobs run on GitLab's runners, add StringEquals on runner_environment with "gitlab-hosted"`,
			statement: func(s *linted, r report) {
				if s.platform == gitLabCom && s.identified() && !s.pinned("runner_environment") {
					r(s.Position, Low, "nothing says which runners are meant")
				}
			},
		},
		{
			id: "GL014", kind: Broken,
			story: "the subject has the short name of a branch or tag, and no token has such a value",
			fix:   "write main, not refs/heads/main",
			statement: subject(func(_ *linted, w wanted, r report) {
				if ref, _ := w.part("ref"); strings.HasPrefix(ref, "refs/") {
					r(w.at, High, fmt.Sprintf("%s is the long name of a ref", safetext.Quote(ref)))
				}
			}),
		},
		{
			id: "GL015", kind: Note, witnesses: []string{"other-configuration", "configuration-of-other-project"},
			story: "the project's settings name the file that the pipeline is read from, and it may be another project's; AWS sets no key that tells",
			fix:   "nothing in this document: restrict who may change the project's CI/CD settings, or check ci_config_ref_uri where the job asks for more",
			statement: func(s *linted, r report) {
				if !s.gitLab() || !s.identified() {
					return
				}
				for _, w := range s.wants("sub") {
					if uri, ok := w.part("ci_config_ref_uri"); ok && strings.Trim(uri, "*") != "" {
						return
					}
				}
				r(s.Position, Info, "nothing says where the pipeline's configuration is from")
			},
		},
		{
			id: "GL017", kind: Fragile, witnesses: []string{"other-audience", "audience-suffix"},
			story: "a token for any of the audiences gets the role, also one that was made for another service and passed on; one for several at once STS refuses",
			fix:   "ask for one token for each party (id_tokens), and write this role's audience alone",
			statement: func(s *linted, r report) {
				if !s.gitLab() {
					return
				}
				for _, c := range s.on("aud") {
					if c.demands() && (len(c.Values) > 1 || len(c.Values) == 1 && (wanted{c.Values[0].Text, c.like(), c.Values[0].Position}).wild()) {
						r(c.Position, Low, "the condition takes more than one audience")
					}
				}
			},
		},
	}
}

// components returns the names of the components of a subject without
// wildcards, or nil.
func (w wanted) components() (names []string) {
	subject, err := claims.ParseGitLabSubject(w.text)
	if err != nil || strings.ContainsAny(w.text, "*?$") {
		return nil
	}
	for _, part := range subject {
		names = append(names, part.Name)
	}
	return names
}

// protected reports whether the ref must be a protected one.
func (s *linted) protected() bool {
	for _, w := range s.wants("ref_protected") {
		if w.text == "true" {
			return s.platform == gitLabCom
		}
	}
	wants := s.wants("sub")
	for _, w := range wants {
		if value, _ := w.part("ref_protected"); value != "true" {
			return false
		}
	}
	return len(wants) > 0
}
