package hostile

import (
	"slices"
	"strings"

	"github.com/cioidc/cioidc/claims"
)

// finishGitLab makes the claims that repeat others follow them: the paths'
// parts, ref_path, ci_config_ref_uri and the subject, in the form it has. What
// an edit has set itself stays.
func finishGitLab(c *set) {
	was := c.was
	if ref, kind := c.text("ref"), c.text("ref_type"); ref != "" && kind != "" && (ref != was.text("ref") || kind != was.text("ref_type")) && c.same("ref_path") {
		c.replace("ref_path", refPath(kind, ref))
	}
	if uri := c.text("ci_config_ref_uri"); uri != "" && c.same("ci_config_ref_uri") {
		c.put("ci_config_ref_uri", c.configRefURI(uri))
	}
	if components := was.subjectComponents(); components != nil && c.has("sub") && c.same("sub") {
		if sub := c.subjectOf(components); sub != "" {
			c.put("sub", sub)
		}
	}
}

// same reports whether the claim is as the identity has it.
func (c *set) same(name string) bool { return c.text(name) == c.was.text(name) }

func refPath(kind, name string) string {
	if kind == "tag" {
		return "refs/tags/" + name
	}
	return "refs/heads/" + name
}

// configRefURI returns the identity's HOST/PATH//FILE@REF with the project's
// path and the ref of c where they were the identity's.
func (c *set) configRefURI(uri string) string {
	host, rest, ok := strings.Cut(uri, "/")
	if !ok {
		return uri
	}
	if file, ok := strings.CutPrefix(rest, c.was.text("project_path")+"//"); ok && c.has("project_path") {
		rest = c.text("project_path") + "//" + file
	}
	if file, ok := strings.CutSuffix(rest, "@"+c.was.refPath()); ok {
		rest = file + "@" + c.refPath()
	}
	return host + "/" + rest
}

// refPath returns ref_path, or what it would be.
func (c *set) refPath() string {
	if c.has("ref_path") {
		return c.text("ref_path")
	}
	return refPath(c.text("ref_type"), c.text("ref"))
}

// subjectComponents returns the components of the subject, or nil if it is not
// made of the other claims.
func (c *set) subjectComponents() []string {
	subject, err := claims.ParseGitLabSubject(c.text("sub"))
	if err != nil {
		return nil
	}
	var names []string
	for _, part := range subject {
		names = append(names, part.Name)
	}
	if c.subjectOf(names) != c.text("sub") {
		return nil
	}
	return names
}

// subjectOf makes a subject of components; one that the token does not have is
// left out.
func (c *set) subjectOf(components []string) string {
	var parts []string
	for _, name := range components {
		claim := name
		if name == "source_project_id" {
			claim = "project_id"
		}
		if value := c.text(claim); value != "" {
			parts = append(parts, name, value)
		}
	}
	return strings.Join(parts, ":")
}

// project names another project, wherever the token names the project.
func (c *set) project(use, path string, newProject, newNamespace bool) {
	namespace := ""
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		namespace = path[:i]
	}
	prefixes := []string{"", "job_"}
	if c.was.text("job_project_id") != c.was.text("project_id") {
		prefixes = prefixes[:1] // The identity is a fork's already: its job is the parent's.
	}
	for _, p := range prefixes {
		if newProject {
			c.replace(p+"project_id", otherNumber(c.was.text("project_id"), use))
		}
		if newNamespace {
			c.replace(p+"namespace_id", otherNumber(c.was.text("namespace_id"), use))
		}
		if path != "" {
			c.replace(p+"project_path", path)
			c.replace(p+"namespace_path", namespace)
		}
	}
}

// path returns the namespace and the name of the project.
func (c *set) path() (namespace, name string) {
	path := c.text("project_path")
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return c.text("namespace_path"), "project"
	}
	return path[:i], path[i+1:]
}

// run gives the token what each run has of its own.
func (c *set) run(pipeline bool) {
	if pipeline {
		c.replace("pipeline_id", otherNumber(c.text("pipeline_id"), "run"))
	}
	c.replace("job_id", otherNumber(c.text("job_id"), "run"))
	c.replace("jti", otherUUID(c.text("jti"), "run"))
	for _, name := range []string{"iat", "nbf", "exp"} {
		c.shift(name, 600)
	}
}

func (c *set) source(how string) {
	c.replace("pipeline_source", how)
	c.replace("job_source", how)
}

// branch names another branch of the same project, which is not protected.
func (c *set) branch(name string) {
	c.put("ref", name)
	c.put("ref_type", "branch")
	c.replace("ref_protected", "false")
}

func gitLabEdits() []edit {
	return slices.Concat(gitLabProjects(), gitLabForks(), gitLabRefs(), gitLabTriggers(), gitLabEnvironments(),
		gitLabPeople(), gitLabTokens(), gitLabConfigurations(), gitLabForms())
}
