package hostile

import (
	"encoding/json"
	"strings"
)

func gitLabPeople() []edit {
	return []edit{
		{"other-user", Debatable, "Another member of the project runs the job.", func(c *set) {
			c.put("user_id", otherNumber(c.text("user_id"), "other-user"))
			c.put("user_login", "someone-else")
			c.put("user_email", "someone-else@acme.example")
		}},
		{"renamed-user", Routine, "The user has another name and address. It is the same one.", func(c *set) {
			c.replace("user_login", c.text("user_login")+"-renamed")
			c.replace("user_email", "renamed."+c.text("user_email"))
		}},
		{"same-login-new-user", Debatable, "The user gave the name up, and somebody else took it.", func(c *set) {
			c.replace("user_id", otherNumber(c.text("user_id"), "same-login"))
		}},
		{"other-access-level", Debatable, "The user has another role in the project.", func(c *set) {
			c.put("user_access_level", pick(c.text("user_access_level"), "developer", "maintainer"))
		}},
		{"other-identities", Debatable, "The user has added an external identity.", func(c *set) {
			list, _ := c.values["user_identities"].([]any)
			c.put("user_identities", append(append([]any{}, list...), map[string]any{"provider": "github", "extern_uid": "1000001"}))
		}},
		{"other-groups", Debatable, "The user belongs to another group.", func(c *set) { c.put("groups_direct", []any{"stranger"}) }},
		{"more-groups", Debatable, "The user belongs to one more group.", func(c *set) {
			if list, _ := c.values["groups_direct"].([]any); len(list) > 0 {
				c.put("groups_direct", append(append([]any{}, list...), "stranger"))
			}
		}},
	}
}

func gitLabTokens() []edit {
	return []edit{
		{"other-audience", Hostile, "The job asks for a token for another service, which passes it on.", func(c *set) { c.put("aud", "https://other-service.example") }},
		{"audience-suffix", Hostile, "The token is for a service whose name begins with this one's.", audienceSuffix},
		{"two-audiences", Debatable, "The token is for this service and another one, which may pass it on.", twoAudiences},
		{"other-issuer", Hostile, "Another GitLab instance, whose administrator may say anything, issues the same claims.", func(c *set) {
			c.put("iss", "https://gitlab.stranger.example")
		}},
		{"issuer-suffix", Hostile, "An issuer's name begins with this one's: whoever compares prefixes takes it.", func(c *set) {
			if c.has("iss") {
				c.put("iss", strings.TrimSuffix(c.text("iss"), "/")+".stranger.example")
			}
		}},
		{"login-token", Hostile, "Somebody logs in to an application through the same GitLab: the same issuer and key set, and no job.", func(c *set) {
			sub := c.text("user_id")
			if sub == "" {
				sub = otherNumber("", "login")
			}
			for name := range c.values {
				switch name {
				case "iss", "aud", "exp", "iat":
				default:
					c.drop(name)
				}
			}
			c.put("sub", sub)
		}},
		{"next-run", Routine, "The same job runs in the next pipeline.", func(c *set) {
			c.run(true)
			for _, name := range []string{"sha", "ci_config_sha"} {
				c.replace(name, "f00df00df00df00df00df00df00df00df00df00d")
			}
		}},
		{"retried-job", Routine, "The same job is retried.", func(c *set) { c.run(false) }},
		{"long-lived", Debatable, "The job's timeout is a week, and so long lives its token.", func(c *set) { c.shift("exp", 7*24*3600) }},
		{"for-google", Debatable, "The token is one for GitLab's own integration with Google Cloud.", func(c *set) {
			c.put("target_audience", "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q")
		}},
	}
}

func gitLabConfigurations() []edit {
	return []edit{
		{"self-hosted-runner", Hostile, "A runner that somebody registered for the project takes the job, and keeps what it sees.", func(c *set) {
			if c.text("runner_environment") == "gitlab-hosted" {
				c.put("runner_environment", "self-hosted")
				c.replace("runner_id", json.Number(otherNumber(c.text("runner_id"), "self-hosted")))
			}
		}},
		{"hosted-runner", Debatable, "A runner that GitLab hosts, and others use as well, takes the job.", func(c *set) {
			if c.text("runner_environment") == "self-hosted" {
				c.put("runner_environment", "gitlab-hosted")
			}
		}},
		{"other-runner", Debatable, "Another runner of the same kind takes the job.", func(c *set) {
			c.put("runner_id", json.Number(otherNumber(c.text("runner_id"), "other-runner")))
		}},
		{"other-configuration", Hostile, "The project's setting names another file as the pipeline's configuration.", func(c *set) {
			if before, ref, ok := strings.Cut(c.text("ci_config_ref_uri"), "@"); ok {
				path, _, _ := strings.Cut(before, "//")
				c.put("ci_config_ref_uri", path+"//evil.gitlab-ci.yml@"+ref)
			}
		}},
		{"configuration-of-other-project", Hostile, "The pipeline's configuration is another project's, which others may change.", func(c *set) {
			if _, file, ok := strings.Cut(c.text("ci_config_ref_uri"), "//"); ok {
				host, _, _ := strings.Cut(c.text("ci_config_ref_uri"), "/")
				c.put("ci_config_ref_uri", host+"/stranger/templates//"+file)
			}
		}},
		{"policy-job", Debatable, "A security policy of another project has added the job to the pipeline.", func(c *set) {
			const sha = "a8d27f4b0c93e61582fd47e9b6013c5a9d20e7f4"
			c.put("job_config", map[string]any{"sha": sha, "url": "https://gitlab.com/stranger/policies/-/blob/" + sha + "/policy.yml"})
		}},
		{"public-project", Debatable, "The project has become visible to others.", func(c *set) {
			c.replace("project_visibility", pick(c.text("project_visibility"), "public", "private"))
		}},
		{"before-gitlab-18.4", Missing, "An older GitLab does not say which project runs the job.", func(c *set) {
			c.drop("job_project_id", "job_project_path", "job_namespace_id", "job_namespace_path", "job_source", "job_config")
		}},
		{"no-configuration", Missing, "GitLab does not say where the configuration is from, as for one that is no file of the repository.", func(c *set) {
			c.drop("ci_config_ref_uri", "ci_config_sha")
		}},
		{"no-user", Missing, "The job has no user.", func(c *set) {
			c.drop("user_id", "user_login", "user_email", "user_access_level", "user_identities", "groups_direct")
		}},
	}
}

// gitLabForms are the forms that a project's setting gives the subject.
func gitLabForms() []edit {
	form := func(id string, components ...string) edit {
		return edit{"subject-" + id, Routine, "The project's setting gives the subject another form. The other claims are the same.", func(c *set) {
			if c.has("sub") && c.has(components[0]) {
				c.put("sub", c.subjectOf(components))
			}
		}}
	}
	return []edit{
		form("default", "project_path", "ref_type", "ref"),
		form("by-id", "project_id", "ref_type", "ref"),
		form("of-project", "project_path"),
		form("of-project-id", "project_id"),
		form("long", "project_id", "ref_type", "ref", "ref_protected", "environment_protected", "deployment_tier"),
	}
}

func audienceSuffix(c *set) {
	if aud := c.audiences(); len(aud) > 0 {
		c.put("aud", aud[0]+".stranger.example")
	}
}

func twoAudiences(c *set) {
	list := []any{}
	for _, aud := range c.audiences() {
		list = append(list, aud)
	}
	c.put("aud", append(list, "https://other-service.example"))
}

// audiences returns aud as a list.
func (c *set) audiences() []string {
	switch aud := c.values["aud"].(type) {
	case string:
		return []string{aud}
	case []any:
		var out []string
		for _, a := range aud {
			if s, ok := a.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}
