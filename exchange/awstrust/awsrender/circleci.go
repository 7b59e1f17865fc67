package awsrender

import (
	"slices"
	"strings"

	"github.com/cioidc/cioidc/internal/trustgap"
	"github.com/cioidc/cioidc/oidc/policy"
)

// mask stands for the ID of a user, of 36 characters. No star: a branch may be
// called anything, and sub ends in its name.
const mask = "????????-????-????-????-????????????"

// pulls is what the branch of a fork's pull request begins with.
const pulls = "refs/heads/pull/"

func (d *draft) circleCI() error {
	organization, project := exact(d.matcher("org-id")), exact(d.matcher("project-id"))
	if len(organization) != 1 {
		return trustgap.Wrong("org-id", "a trust policy is for one issuer: name one organization in the rule")
	}
	d.issuer = "https://oidc.circleci.com/org/" + organization[0]
	if m, ok := d.matcher("issuer"); ok {
		issuers := exact(m, ok)
		if len(issuers) != 1 {
			return trustgap.Wrong("issuer", "a trust policy is for one issuer: name one in the rule")
		}
		d.issuer = issuers[0]
	}
	if !strings.HasPrefix(d.issuer, "https://") {
		return trustgap.Wrong("issuer", "AWS takes https:// issuers only")
	}
	d.audiences()
	if d.isKey("project-id") {
		d.equals["oidc.circleci.com/project-id"] = project
	}
	_, rerun := d.matcher("ssh-rerun")
	switch {
	case rerun: // Whatever it says, and whether or not the rule lets reruns in.
		d.gap("ssh-rerun", Widening, "AWS makes no condition key of oidc.circleci.com/ssh-rerun (list of 2026-08)",
			"let only people who may deploy rerun jobs with SSH")
	case d.rule.Allow[policy.AllowSSHRerun] == "":
		d.gap("ssh-rerun", Widening, "AWS makes no condition key of oidc.circleci.com/ssh-rerun (list of 2026-08)",
			"let only people who may deploy rerun jobs with SSH", "let the rule allow it, with the reason")
	}
	return d.circleCISubject(organization[0], project)
}

func (d *draft) circleCISubject(organization string, projects []string) error {
	origin, hasOrigin := d.matcher("vcs-origin")
	ref, hasRef := d.matcher("vcs-ref")
	forks := d.rule.Allow[policy.AllowFork] != ""
	origins := exact(origin, hasOrigin)
	for _, r := range exact(ref, hasRef) {
		if err := plain("vcs-ref", r); err != nil {
			return err
		}
	}
	for _, o := range origins {
		if err := plain("vcs-origin", o); err != nil {
			return err
		}
		if strings.Contains(o, "/vcs-ref/") {
			return trustgap.Wrong("vcs-origin", "%q has /vcs-ref/ in it: a branch of another repository can be called so that its sub is the same", o)
		}
	}
	for _, p := range projects {
		user := "org/" + organization + "/project/" + p + "/user/"
		if !hasOrigin && !hasRef && forks {
			// Either form of sub. What follows is not looked at.
			d.subjects = append(d.subjects, subject{like: user + "*"})
			continue
		}
		v2 := user + mask + "/vcs-origin/"
		if origins == nil {
			// The branch of a fork's pull request; it is read off the end of sub.
			d.subjects = append(d.subjects, d.withoutForks(v2, forks))
			continue
		}
		for _, o := range origins {
			d.circleCIRef(v2+o+"/vcs-ref/", ref, hasRef, forks)
		}
	}
	if origins == nil && hasOrigin {
		d.gap("vcs-origin", Widening, "in sub AWS compares it with whole values", "list the repositories")
	}
	if origins == nil && hasRef {
		d.gap("vcs-ref", Widening, "it stands behind vcs-origin in sub, which is not pinned: only a star could be written before it, and a branch can be called so that it fits",
			"name the exact vcs-origin")
	}
	if hasOrigin || hasRef || !forks {
		d.gap("sub", Narrowing, "only CIRCLE_OIDC_TOKEN_V2 has the repository and the branch in its sub: jobs have to send that one")
	}
	return nil
}

// withoutForks is any repository and branch, but for what may be a fork's pull
// request.
func (d *draft) withoutForks(prefix string, forks bool) subject {
	s := subject{like: prefix + "*"}
	if !forks {
		s.less = prefix + "*/vcs-ref/" + pulls + "*"
	}
	return s
}

// circleCIRef writes the end of sub.
func (d *draft) circleCIRef(prefix string, ref policy.Matcher, has, forks bool) {
	switch {
	case exact(ref, has) != nil:
		for _, r := range exact(ref, has) {
			if !forks && strings.HasPrefix(r, pulls) {
				continue // The rule refuses it itself.
			}
			d.subjects = append(d.subjects, subject{like: prefix + r})
		}
		return
	case has && ref.Op == policy.Glob && !ref.Not:
		for _, pattern := range slices.Compact(slices.Sorted(slices.Values(ref.Values))) {
			fixed := strings.TrimRight(pattern, "*")
			// Of a pattern that may reach into refs/heads/pull/ nothing more can be
			// taken away beside what is beyond the slash.
			reaches := !forks && (strings.HasPrefix(fixed, pulls) || strings.HasPrefix(pulls, fixed) && len(pattern)-len(fixed) > 1)
			if strings.ContainsAny(fixed, "*?") || strings.Contains(fixed, "${") || reaches {
				d.gap("vcs-ref", Widening, "in sub AWS compares it with whole values, and with a star at the end", "list the refs")
				d.subjects = append(d.subjects, subject{like: prefix + "*", less: less(prefix, forks)})
				return
			}
			switch len(pattern) - len(fixed) {
			case 0:
				d.subjects = append(d.subjects, subject{like: prefix + fixed})
			case 1:
				d.subjects = append(d.subjects, subject{like: prefix + fixed + "*", less: prefix + fixed + "*/*"})
			default:
				d.subjects = append(d.subjects, subject{like: prefix + fixed + "*"})
			}
		}
		return
	}
	if has && ref.Op != policy.Present {
		d.gap("vcs-ref", Widening, "in sub AWS compares it with whole values, and with a star at the end", "list the refs")
	}
	d.subjects = append(d.subjects, subject{like: prefix + "*", less: less(prefix, forks)})
}

func less(prefix string, forks bool) string {
	if forks {
		return ""
	}
	return prefix + pulls + "*"
}
