package fakeissuer

import (
	"strings"
	"time"
)

// SubjectV2 gives the subject the form of CIRCLE_OIDC_TOKEN_V2, with the
// repository and ref that triggered the pipeline. Without those claims the
// subject stays as it is.
func SubjectV2(c Claims) {
	circleCIMode("SubjectV2", c)
	origin, ok1 := c[circleCIPrefix+"vcs-origin"].(string)
	ref, ok2 := c[circleCIPrefix+"vcs-ref"].(string)
	sub, ok3 := c["sub"].(string)
	if ok1 && ok2 && ok3 {
		c["sub"] = subjectV1(sub) + "/vcs-origin/" + origin + "/vcs-ref/" + ref
	}
}

func subjectV1(sub string) string {
	v1, _, _ := strings.Cut(sub, "/vcs-origin/")
	return v1
}

// refreshCircleCISubject keeps the second form of the subject in step with the
// claims it repeats.
func refreshCircleCISubject(c Claims) {
	sub, ok := c["sub"].(string)
	if !ok || !strings.Contains(sub, "/vcs-origin/") {
		return
	}
	c["sub"] = subjectV1(sub)
	SubjectV2(c)
}

// RootIssuer makes the token one of the issuer all customers share, as asked
// for by `circleci run oidc get --root-issuer`: iss loses /org/ and what
// follows. To have that issuer answer, open one at [CircleCIRootURL] with
// [Options.KeysOf].
func RootIssuer(c Claims) {
	circleCIMode("RootIssuer", c)
	if iss, ok := c["iss"].(string); ok {
		c["iss"], _, _ = strings.Cut(iss, "/org/")
	}
}

// Organization makes the token one of another organization, by its UUID: in
// iss (unless that is the root issuer), sub, org-id, and aud if it is the
// default one. The key stays the issuer's own, as CircleCI's organizations
// have the same.
func Organization(id string) func(Claims) {
	return func(c Claims) {
		circleCIMode("Organization", c)
		old, _ := c[circleCIPrefix+"org-id"].(string)
		if iss, ok := c["iss"].(string); ok {
			if root, _, found := strings.Cut(iss, "/org/"); found {
				c["iss"] = root + "/org/" + id
			}
		}
		if sub, ok := c["sub"].(string); ok {
			if _, rest, found := strings.Cut(strings.TrimPrefix(sub, "org/"), "/"); found {
				c["sub"] = "org/" + id + "/" + rest
			}
		}
		if c["aud"] == old {
			c["aud"] = id
		}
		c[circleCIPrefix+"org-id"] = id
	}
}

// CustomWebhook makes the token one of a pipeline that a custom webhook
// started: it names no repository and no ref, and its subject has the first
// form even in CIRCLE_OIDC_TOKEN_V2.
func CustomWebhook(c Claims) {
	circleCIMode("CustomWebhook", c)
	delete(c, circleCIPrefix+"vcs-origin")
	delete(c, circleCIPrefix+"vcs-ref")
	if sub, ok := c["sub"].(string); ok {
		c["sub"] = subjectV1(sub)
	}
}

// ForkPullRequest makes the token one of a pull request from a fork, in a
// project that passes secrets to such builds: organization and project are the
// upstream's, only the repository ([CircleCIForkOrigin]) and the ref
// ([CircleCIForkRef]) tell.
func ForkPullRequest(c Claims) {
	circleCIMode("ForkPullRequest", c)
	c[circleCIPrefix+"vcs-origin"] = CircleCIForkOrigin
	c[circleCIPrefix+"vcs-ref"] = CircleCIForkRef
	refreshCircleCISubject(c)
}

// SSHRerun makes the token one of a job that was rerun with SSH: a person has
// a shell in it.
func SSHRerun(c Claims) {
	circleCIMode("SSHRerun", c)
	c[circleCIPrefix+"ssh-rerun"] = true
}

// BeforeNovember2025 leaves out the claims CircleCI has added since: org-id,
// pipeline-id, pipeline-definition-id, workflow-id and job-id.
func BeforeNovember2025(c Claims) {
	circleCIMode("BeforeNovember2025", c)
	for _, name := range []string{"org-id", "pipeline-id", "pipeline-definition-id", "workflow-id", "job-id"} {
		delete(c, circleCIPrefix+name)
	}
}

// Contexts sets the IDs of the contexts the job uses. Without any, the array
// is empty.
func Contexts(ids ...string) func(Claims) {
	return func(c Claims) {
		circleCIMode("Contexts", c)
		c[circleCIPrefix+"context-ids"] = append([]string{}, ids...)
	}
}

// AuditLogStream makes the token the one with which CircleCI itself delivers
// an organization's audit log: a job's issuer and audience, but no job. Of the
// claims of a job only org-id stays. Ask for it with an empty audience, which
// is the one it has.
func AuditLogStream(c Claims) {
	circleCIMode("AuditLogStream", c)
	sub, _ := c["sub"].(string)
	organization, _, _ := strings.Cut(strings.TrimPrefix(sub, "org/"), "/")
	if id, ok := c[circleCIPrefix+"org-id"].(string); ok {
		organization = id
	}
	for name := range c {
		if strings.HasPrefix(name, circleCIPrefix) && name != circleCIPrefix+"org-id" {
			delete(c, name)
		}
	}
	c["sub"] = "org/" + organization + "/file-streaming/audit-logs"
}

// FiveHours makes the token live for five hours, the default of CircleCI
// server and, by one of CircleCI's pages, of its cloud.
func FiveHours(c Claims) { Lifetime(5 * time.Hour)(c) }
