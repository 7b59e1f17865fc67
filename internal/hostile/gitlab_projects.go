package hostile

import "strings"

func gitLabProjects() []edit {
	return []edit{
		{"other-project", Hostile, "Another project of the same namespace runs the same configuration on its own branch of that name.", func(c *set) {
			namespace, _ := c.path()
			c.project("other-project", namespace+"/other-project", true, false)
		}},
		{"sibling-suffix", Hostile, "A project of the same namespace has a name that begins with the project's: a pattern that ends in * takes it.", func(c *set) {
			c.project("sibling-suffix", c.text("project_path")+"-evil", true, false)
		}},
		{"namespace-suffix", Hostile, "Somebody registers a group whose name begins with the group's, and in it a project of the same name: a prefix without / takes it.", func(c *set) {
			root, rest, _ := strings.Cut(c.text("project_path"), "/")
			c.project("namespace-suffix", root+"-evil/"+rest, true, true)
		}},
		{"other-namespace", Hostile, "Anybody on the instance makes a project of the same name in a group of his own.", func(c *set) {
			_, name := c.path()
			c.project("other-namespace", "stranger/"+name, true, true)
		}},
		{"subgroup", Hostile, "A project of the same name is in a subgroup, which others may administer.", func(c *set) {
			namespace, name := c.path()
			c.project("subgroup", namespace+"/subgroup/"+name, true, true)
		}},
		{"same-path-new-id", Hostile, "The project was deleted, and another one took its path.", func(c *set) {
			c.project("same-path-new-id", "", true, false)
		}},
		{"same-path-new-namespace", Hostile, "The group was deleted or renamed, and a stranger registered its path and a project in it.", func(c *set) {
			c.project("same-path-new-namespace", "", true, true)
		}},
		{"moved-project", Hostile, "The project was transferred to a namespace of others, who now administer it. Its ID stays the same.", func(c *set) {
			_, name := c.path()
			c.project("moved-project", "stranger/"+name, false, true)
		}},
		{"renamed-project", Routine, "The project was renamed. It is the same one.", func(c *set) {
			namespace, name := c.path()
			c.project("renamed-project", namespace+"/"+name+"-renamed", false, false)
		}},
		{"renamed-namespace", Routine, "The namespace was renamed. It is the same one.", func(c *set) {
			namespace, name := c.path()
			c.project("renamed-namespace", namespace+"-renamed/"+name, false, false)
		}},
	}
}

// ownProject keeps what names the project whose runners and variables a job
// uses, while the rest names another.
func ownProject(c *set, change func()) {
	names := []string{"job_project_id", "job_project_path", "job_namespace_id", "job_namespace_path"}
	before := map[string]any{}
	for _, name := range names {
		before[name] = c.values[name]
	}
	change()
	for _, name := range names {
		c.replace(name, before[name])
	}
}

func gitLabForks() []edit {
	fork := func(c *set) {
		_, name := c.path()
		c.project("fork", "contributor/"+name, true, true)
	}
	return []edit{
		{"fork-merge-request", Hostile, "A merge request from a fork runs its pipeline in the fork, on a branch named like the project's.", func(c *set) {
			fork(c)
			c.source("merge_request_event")
			c.replace("ref_protected", "false")
		}},
		{"fork-merge-request-in-parent", Hostile, "A member runs the pipeline of a fork's merge request in the project: the fork's configuration with the project's runners and variables.", func(c *set) {
			if !c.has("job_project_id") {
				return // Before GitLab 18.4 nothing but the source tells: see merge-request.
			}
			ownProject(c, func() { fork(c) })
			c.source("merge_request_event")
			c.replace("ref_protected", "false")
			// It names the project's path and the fork's branch.
			if uri := c.was.text("ci_config_ref_uri"); uri != "" {
				c.put("ci_config_ref_uri", uri)
			}
		}},
		{"fork-protected", Hostile, "The owner of a fork protects its branch and its environment, and pushes.", fork},
		{"mirror", Hostile, "A mirror of the repository in another group runs the same configuration for the same commits.", func(c *set) {
			_, name := c.path()
			c.project("mirror", "mirrors/"+name, true, true)
		}},
		{"runs-elsewhere", Hostile, "A merge request of the project's branch runs in another project, with that one's runners and variables.", func(c *set) {
			if !c.has("job_project_id") {
				return
			}
			c.put("job_project_id", otherNumber(c.text("job_project_id"), "runs-elsewhere"))
			c.replace("job_namespace_id", otherNumber(c.text("job_namespace_id"), "runs-elsewhere"))
			c.replace("job_namespace_path", "upstream")
			_, name := c.path()
			c.replace("job_project_path", "upstream/"+name)
			c.source("merge_request_event")
		}},
	}
}
