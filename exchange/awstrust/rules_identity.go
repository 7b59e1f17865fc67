package awstrust

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/internal/safetext"
)

// Variants that prove findings, by what they differ in.
var (
	otherTenants  = []string{"other-namespace", "other-organization", "root-issuer-other-organization"}
	otherProjects = []string{"other-project", "other-namespace", "subgroup", "other-organization"}
	otherRefs     = []string{"other-branch", "other-protected-branch", "namesake-ref"}
	allIdentities = slices.Concat(otherTenants, otherProjects, otherRefs, []string{"other-audience"})
)

// identityRules ask whether the statement says whose jobs it is for.
func identityRules() []rule {
	return []rule{
		{
			id: "AWS001", kind: TooBroad, witnesses: slices.Concat(otherTenants, otherProjects),
			story: "every token of the issuer whose audience the provider takes gets the role; a job chooses its audience",
			fix:   "add StringEquals conditions on the provider's aud and sub, and on the project's ID where there is a key for it",
			statement: func(s *linted, r report) {
				if len(s.live) == 0 {
					r(s.Position, s.shared(Critical, High), "the statement has no condition")
				}
			},
		},
		{
			id: "AWS002", kind: TooBroad, witnesses: slices.Concat(otherTenants, otherProjects),
			story: "the conditions hold for jobs of any project of the issuer",
			fix:   "add a StringEquals condition on the provider's sub, and on the project's ID where there is a key for it",
			statement: func(s *linted, r report) {
				if len(s.live) > 0 && s.platform != circleCIOrganization && !s.identified() {
					r(s.Position, s.shared(Critical, High), "no condition says which project the job is of")
				}
			},
		},
		{
			id: "AWS003", kind: Fragile, witnesses: []string{"other-audience"},
			story: "a token that was made for another client ID of the provider, and passed on, gets the role as well",
			fix:   "add a StringEquals condition on the provider's aud",
			statement: func(s *linted, r report) {
				if len(s.live) == 0 || len(s.wants("aud")) > 0 {
					return
				}
				severity := Medium
				for _, p := range s.options.Providers {
					if p.prefix() == s.prefix && len(p.ClientIDs) == 1 {
						severity = Low
					}
				}
				r(s.Position, severity, "no condition on the audience")
			},
		},
		{
			id: "AWS004", kind: TooBroad, witnesses: slices.Concat(otherProjects, otherTenants),
			story: "a star where the group or the project stands takes projects that others make",
			fix:   "write the project out; on gitlab.com add StringEquals on project_id",
			statement: func(s *linted, r report) {
				if s.projectPinned() {
					return
				}
				for _, w := range s.wants("sub") {
					if !w.like {
						continue
					}
					path, isPath := w.part("project_path")
					tenant := s.gitLab() && (isPath && strings.ContainsAny(path, "*") || strings.HasPrefix(w.text, "*")) && !endsInProject(path)
					if s.circleCI() {
						tenant = strings.HasPrefix(w.text, "org/*") || strings.HasPrefix(w.text, "*")
					}
					if tenant {
						r(w.at, s.shared(Critical, High), fmt.Sprintf("%s leaves the group or the project open", safetext.Quote(w.text)))
					}
				}
			},
		},
		{
			id: "AWS006", kind: TooBroad, witnesses: append([]string{"branch-suffix", "branch-prefix", "subgroup"}, otherProjects...),
			story: "a star takes any text, slashes and colons too, so what follows it may stand further on than it looks",
			fix:   "write the exact values as a list",
			statement: func(s *linted, r report) {
				if s.circleCI() || s.projectPinned() {
					return
				}
				for _, w := range s.wants("sub") {
					if i := strings.IndexByte(w.text, '*'); w.like && i >= 0 && strings.Trim(w.text[i:], "*") != "" {
						r(w.at, Medium, fmt.Sprintf("a star in %s is not at its end", safetext.Quote(w.text)))
					}
				}
			},
		},
		{
			id: "AWS008", kind: TooBroad, witnesses: []string{"sibling-suffix", "namespace-suffix", "owner-suffix", "branch-suffix"},
			story: "a prefix that ends within a name takes every name that begins like it",
			fix:   "end what is before the star with / or :, or write the name out",
			statement: func(s *linted, r report) {
				for _, w := range s.wants("sub") {
					text, ok := strings.CutSuffix(w.text, "*")
					text = strings.TrimRight(text, "*")
					if !ok || !w.like || text == "" || strings.ContainsRune(":/?", rune(text[len(text)-1])) || strings.Contains(text, "ref_type:tag:") || strings.Contains(text, "refs/tags/") {
						continue
					}
					r(w.at, High, fmt.Sprintf("%s takes whatever begins with %s", safetext.Quote(w.text), safetext.Quote(text)))
				}
			},
		},
		{
			id: "AWS024", kind: Broken,
			story: "STS refuses the token before it looks at the trust policy, or the condition never holds",
			fix:   "make the job's audience, the provider's client IDs and the condition the same",
			statement: func(s *linted, r report) {
				for _, p := range s.options.Providers {
					for _, w := range s.wants("aud") {
						if p.prefix() == s.prefix && !w.wild() && !slices.Contains(p.ClientIDs, w.text) {
							r(w.at, High, fmt.Sprintf("the provider has no client ID %s", safetext.Quote(w.text)))
						}
					}
				}
			},
		},
		{
			id: "AWS031", kind: TooBroad, witnesses: otherProjects,
			story: "a user's name and address can be changed and taken over, and go with whatever project the user runs a job in",
			fix:   "add StringEquals on project_id",
			statement: func(s *linted, r report) {
				for _, claim := range []string{"user_login", "user_email", "user_id"} {
					for _, c := range s.on(claim) {
						if s.platform == gitLabCom && !s.restricted("project_id") && !s.restricted("sub") {
							r(c.Position, Medium, fmt.Sprintf("%s stands for the job's identity", safetext.Quote(c.Key)))
						}
					}
				}
			},
		},
	}
}

// shared returns all for an issuer that many customers share, else one.
func (s *linted) shared(all, one Severity) Severity {
	if s.platform == gitLabCom || s.platform == circleCIRoot || s.platform == gitHub {
		return all
	}
	return one
}

// identified reports whether a condition says whose jobs are meant.
func (s *linted) identified() bool {
	for _, claim := range []string{"sub", "project_id", "namespace_id", circleCIProject, "user_id", "user_login", "user_email", "repository", "repository_id", "repository_owner_id"} {
		if s.restricted(claim) {
			if key, ok := s.key(claim); ok && key != "" {
				return true
			}
		}
	}
	return false
}

// key returns the name of the condition key that AWS sets from a claim.
func (s *linted) key(claim string) (string, bool) {
	for _, prefix := range s.prefixes {
		for _, k := range Keys("https://" + prefix) {
			if strings.EqualFold(k.Claim, claim) {
				return k.Name, true
			}
		}
	}
	return "", false
}

// endsInProject reports whether a path has its star in the project's name only,
// behind a whole group, which AWS008 finds.
func endsInProject(path string) bool {
	before, after, _ := strings.Cut(path, "*")
	return after == "" && before != "" && !strings.HasSuffix(before, "/") && strings.Contains(before, "/")
}
