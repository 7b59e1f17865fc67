package hostile

import (
	"slices"
	"strings"

	"github.com/cioidc/cioidc/claims"
)

const (
	prefix       = "oidc.circleci.com/"
	root         = "https://oidc.circleci.com"
	organization = prefix + "org-id"
	project      = prefix + "project-id"
	contexts     = prefix + "context-ids"
	definition   = prefix + "pipeline-definition-id"
	pipeline     = prefix + "pipeline-id"
	workflow     = prefix + "workflow-id"
	job          = prefix + "job-id"
	sshRerun     = prefix + "ssh-rerun"
	origin       = prefix + "vcs-origin"
	ref          = prefix + "vcs-ref"
)

// finishCircleCI makes the subject follow the claims it repeats, in the form
// it has. What an edit has set itself stays.
func finishCircleCI(c *set) {
	if c.has("sub") && c.same("sub") {
		c.put("sub", c.subject(strings.Contains(c.text("sub"), "/vcs-origin/")))
	}
}

// subject returns the subject with what the claims say in place of what the
// identity's said. A form that is not a job's stays as it is.
func (c *set) subject(second bool) string {
	was, _ := claims.ParseCircleCISubject(c.was.text("sub")) // Of an ambiguous one, the IDs are right.
	if was.ProjectID == "" {
		return c.text("sub")
	}
	user := was.UserID
	if c.user != "" {
		user = c.user
	}
	org := changed(c, organization, was.OrganizationID)
	if c.organization != "" {
		org = c.organization
	}
	sub := "org/" + org + "/project/" + changed(c, project, was.ProjectID) + "/user/" + user
	if second && c.has(origin) && c.has(ref) {
		sub += "/vcs-origin/" + c.text(origin) + "/vcs-ref/" + c.text(ref)
	}
	return sub
}

// changed returns the claim if it was changed, else what the subject had.
func changed(c *set, name, had string) string {
	if c.has(name) && !c.same(name) {
		return c.text(name)
	}
	return had
}

// theProject names another project; its repository too, unless that is empty.
func (c *set) theProject(use, repository string) {
	c.put(project, otherUUID(c.text(project), use))
	c.replace(definition, otherUUID(c.text(definition), use))
	if repository != "" {
		c.replace(origin, repository)
	}
}

// theOrganization names another organization, wherever the token does.
func (c *set) theOrganization(use string) {
	old := c.text(organization)
	if old == "" {
		s, _ := claims.ParseCircleCISubject(c.text("sub"))
		old = s.OrganizationID
	}
	id := otherUUID(old, use)
	if iss := c.text("iss"); strings.HasSuffix(iss, "/org/"+old) {
		c.put("iss", strings.TrimSuffix(iss, old)+id)
	}
	if aud := c.audiences(); len(aud) == 1 && aud[0] == old {
		c.put("aud", id)
	}
	c.replace(organization, id)
	c.organization = id // A token of before November 2025 says it in the subject only.
}

// repository returns the identity's in parts, such as github.com, acme and app.
func (c *set) repository() (host, owner, name string) {
	host, path, ok := strings.Cut(c.text(origin), "/")
	if !ok {
		return "github.com", "acme", "repository"
	}
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return host, path[:i], path[i+1:]
	}
	return host, "stranger", path
}

func (c *set) newRun(pipelineToo bool) {
	if pipelineToo {
		c.replace(pipeline, otherUUID(c.text(pipeline), "run"))
	}
	c.replace(workflow, otherUUID(c.text(workflow), "run"))
	c.replace(job, otherUUID(c.text(job), "run"))
	c.shift("iat", 600)
	c.shift("exp", 600)
}

func circleCIEdits() []edit {
	return slices.Concat(circleCIProjects(), circleCIRefs(), circleCITokens(), circleCIForms())
}

func circleCIProjects() []edit {
	at := func(c *set, owner, name string) string {
		host, _, _ := c.repository()
		return host + "/" + owner + "/" + name
	}
	return []edit{
		{"other-project", Hostile, "Another project of the same organization runs the same configuration on its own branch of that name.", func(c *set) {
			_, owner, _ := c.repository()
			c.theProject("other-project", at(c, owner, "other-project"))
		}},
		{"sibling-suffix", Hostile, "A project of the same organization has a repository whose name begins with the project's: a pattern that ends in * takes it.", func(c *set) {
			_, owner, name := c.repository()
			c.theProject("sibling-suffix", at(c, owner, name+"-evil"))
		}},
		{"owner-suffix", Hostile, "Somebody registers an owner whose name begins with the repository's owner, and an organization of his own: a prefix without / takes it.", func(c *set) {
			_, owner, name := c.repository()
			c.theOrganization("owner-suffix")
			c.theProject("owner-suffix", at(c, owner+"-evil", name))
		}},
		{"other-organization", Hostile, "Another customer of CircleCI builds a repository of his own. All organizations have the same keys.", func(c *set) {
			_, _, name := c.repository()
			c.theOrganization("other-organization")
			c.theProject("other-organization", at(c, "stranger", name))
		}},
		{"same-repository-other-organization", Hostile, "Another customer of CircleCI follows the same public repository.", func(c *set) {
			c.theOrganization("same-repository-other-organization")
			c.theProject("same-repository-other-organization", "")
		}},
		{"same-path-new-id", Hostile, "Another project of the organization builds the same repository, with a configuration of its own.", func(c *set) {
			c.theProject("same-path-new-id", "")
		}},
		{"moved-repository", Hostile, "The repository was transferred to others, who now push to it. The project is the same.", func(c *set) {
			_, _, name := c.repository()
			c.replace(origin, at(c, "stranger", name))
		}},
		{"subgroup", Hostile, "The repository is one of the same name in a subgroup.", func(c *set) {
			_, owner, name := c.repository()
			c.theProject("subgroup", at(c, owner+"/subgroup", name))
		}},
		{"renamed-repository", Routine, "The repository was renamed. It is the same one.", func(c *set) {
			_, owner, name := c.repository()
			c.replace(origin, at(c, owner, name+"-renamed"))
		}},
		{"fork-pull-request", Hostile, "A pull request from a fork is built in a project that passes secrets to such builds. Organization and project are the upstream's.", func(c *set) {
			_, _, name := c.repository()
			c.put(origin, at(c, "contributor", name))
			c.put(ref, "refs/heads/pull/17")
		}},
		{"fork-branch", Hostile, "A fork triggers the project's pipeline from a branch named like the project's.", func(c *set) {
			_, _, name := c.repository()
			c.put(origin, at(c, "contributor", name))
		}},
		{"mirror", Hostile, "A mirror of the repository at another host is built by a project of its own.", func(c *set) {
			host, owner, name := c.repository()
			c.theProject("mirror", pick(host, "gitlab.com", "github.com")+"/"+owner+"/"+name)
		}},
		{"other-definition", Hostile, "Another pipeline definition of the project runs: another configuration, which may be another repository's.", func(c *set) {
			c.put(definition, otherUUID(c.text(definition), "other-definition"))
		}},
	}
}
