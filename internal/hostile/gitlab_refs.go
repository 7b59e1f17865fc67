package hostile

func gitLabRefs() []edit {
	return []edit{
		{"other-branch", Hostile, "Any developer pushes to a branch of his own, which is not protected.", func(c *set) { c.branch("feature/checkout") }},
		{"other-protected-branch", Hostile, "Another branch of the project is protected as well, but reviewed by others.", func(c *set) {
			c.put("ref", "protected-other")
			c.put("ref_type", "branch")
		}},
		{"branch-suffix", Hostile, "A branch has a name that begins with the ref's: a pattern that ends in * takes it.", func(c *set) { c.branch(c.text("ref") + "-evil") }},
		{"branch-prefix", Hostile, "A branch has a name that ends with the ref's: a pattern that begins with * takes it.", func(c *set) { c.branch("evil/" + c.text("ref")) }},
		{"branch-named-like-ref-path", Hostile, "A branch is called refs/heads/ and the ref's name: whatever compares the short name with the long one takes it.", func(c *set) {
			c.branch(c.was.refPath())
		}},
		{"branch-made-to-deceive", Hostile, "A branch is called x@ and the full ref: ci_config_ref_uri ends as it should.", func(c *set) { c.branch("x@" + c.was.refPath()) }},
		{"unprotected-ref", Hostile, "The ref is no longer protected, so any developer may push to it.", func(c *set) {
			if c.text("ref_protected") == "true" {
				c.put("ref_protected", "false")
			}
		}},
		{"namesake-ref", Hostile, "A tag is called like the branch, or a branch like the tag. Any developer may make one.", func(c *set) {
			c.namesake()
			c.replace("ref_protected", "false")
		}},
		{"protected-namesake-ref", Hostile, "A tag is called like the branch, or a branch like the tag, and a wildcard protects it.", (*set).namesake},
		{"now-protected-ref", Routine, "The ref was not protected, and is now.", func(c *set) {
			if c.text("ref_protected") == "false" {
				c.put("ref_protected", "true")
			}
		}},
	}
}

// namesake makes a tag of a branch, and the other way round.
func (c *set) namesake() {
	if !c.has("ref") {
		return
	}
	if c.text("ref_type") == "tag" {
		c.put("ref_type", "branch")
	} else {
		c.put("ref_type", "tag")
	}
}

func gitLabTriggers() []edit {
	var all []edit
	for _, e := range []struct {
		id, source string
		kind       Kind
		story      string
	}{
		{"merge-request", "merge_request_event", Hostile, "A merge request has the ref as its source: what runs is not what was merged."},
		{"scheduled", "schedule", Debatable, "A schedule starts the pipeline, under the rights of whoever owns the schedule."},
		{"trigger-token", "trigger", Debatable, "Whoever has a trigger token of the project starts the pipeline, with variables of his choice."},
		{"started-by-api", "api", Debatable, "Somebody starts the pipeline through the API, with variables of his choice."},
		{"started-by-hand", "web", Debatable, "Somebody starts the pipeline in the browser, with variables of his choice."},
		{"child-pipeline", "parent_pipeline", Hostile, "A job of the pipeline makes the configuration of a child pipeline up while it runs."},
		{"multi-project-pipeline", "pipeline", Debatable, "A pipeline of another project starts this one, with variables of its choice."},
		{"pushed", "push", Routine, "A push starts the pipeline."},
	} {
		all = append(all, edit{e.id, e.kind, e.story, func(c *set) { c.source(e.source) }})
	}
	return append(all, edit{"merge-request-of-branch", Hostile, "A merge request of an unprotected branch of the project runs a pipeline.", func(c *set) {
		c.branch("feature/checkout")
		c.source("merge_request_event")
	}})
}

func gitLabEnvironments() []edit {
	return []edit{
		{"other-environment", Hostile, "A job of the same pipeline deploys to another protected environment.", func(c *set) {
			if c.has("environment") {
				c.put("environment", "other-"+c.text("environment"))
			}
		}},
		{"environment-suffix", Hostile, "A job deploys to an environment whose name begins with the environment's, such as a review app's.", func(c *set) {
			if c.has("environment") {
				c.put("environment", c.text("environment")+"/evil")
				c.replace("environment_protected", "false")
			}
		}},
		{"unprotected-environment", Hostile, "The environment is no longer protected, so any job may name it.", func(c *set) {
			if c.text("environment_protected") == "true" {
				c.put("environment_protected", "false")
			}
		}},
		{"environment-from-branch", Hostile, "A job of an unprotected branch names the environment, which is free text while it is not protected.", func(c *set) {
			if c.has("environment") {
				c.branch("feature/checkout")
				c.replace("environment_protected", "false")
			}
		}},
		{"environment-claimed", Debatable, "A job that had no environment names one that is not protected.", func(c *set) {
			if !c.has("environment") {
				c.put("environment", "production")
				c.put("environment_protected", "false")
				c.put("deployment_tier", "production")
				c.put("environment_action", "start")
			}
		}},
		{"environment-now-protected", Routine, "The environment was not protected, and is now.", func(c *set) {
			if c.text("environment_protected") == "false" {
				c.put("environment_protected", "true")
			}
		}},
		{"other-tier", Debatable, "The configuration gives the environment another tier.", func(c *set) {
			if c.has("environment") {
				c.replace("deployment_tier", pick(c.text("deployment_tier"), "development", "production"))
			}
		}},
		{"other-environment-action", Debatable, "A job stops the environment instead of deploying to it.", func(c *set) {
			c.replace("environment_action", pick(c.text("environment_action"), "stop", "start"))
		}},
		{"no-environment", Missing, "A job of the same pipeline names no environment.", func(c *set) {
			c.drop("environment", "environment_protected", "deployment_tier", "environment_action")
		}},
	}
}

// pick returns first, or second if that is what there is.
func pick(now, first, second string) string {
	if now == first {
		return second
	}
	return first
}
