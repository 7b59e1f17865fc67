package hostile

import "strings"

func circleCIRefs() []edit {
	to := func(kind, prefix, suffix string) func(c *set) {
		return func(c *set) {
			if _, name, ok := cutRef(c.text(ref)); ok {
				c.put(ref, kind+prefix+name+suffix)
			}
		}
	}
	const heads = "refs/heads/"
	return []edit{
		{"other-branch", Hostile, "Anybody who may push to the repository pushes to a branch of his own.", func(c *set) { c.put(ref, heads+"feature/checkout") }},
		{"branch-suffix", Hostile, "A branch has a name that begins with the ref's: a pattern that ends in * takes it.", to(heads, "", "-evil")},
		{"branch-prefix", Hostile, "A branch has a name that ends with the ref's: a pattern that begins with * takes it.", to(heads, "evil/", "")},
		{"pull-request-ref", Hostile, "The ref has the form of a fork's pull request.", func(c *set) { c.put(ref, heads+"pull/17") }},
		{"namesake-ref", Hostile, "A tag is called like the branch, or a branch like the tag. Anybody who may push can make one.", func(c *set) {
			if kind, name, ok := cutRef(c.text(ref)); ok {
				c.put(ref, pick(kind, "refs/tags/", heads)+name)
			}
		}},
		{"branch-made-to-deceive", Hostile, "A branch is called x/vcs-ref/ and the full ref: the second form of the subject ends as it should, and has two readings.", func(c *set) {
			if full := c.text(ref); full != "" {
				c.put(ref, heads+"x/vcs-ref/"+full)
			}
		}},
		{"branch-made-to-deceive-origin", Hostile, "A branch is called x/vcs-origin/ and what follows in the second form of the subject: a pattern with * before it takes it.", deceive},
		{"other-project-made-to-deceive", Hostile, "Another project of the organization has such a branch: a pattern with * for the project or the user takes it.", func(c *set) {
			deceive(c)
			host, owner, _ := c.repository()
			c.theProject("made-to-deceive", host+"/"+owner+"/other-project")
		}},
	}
}

func deceive(c *set) {
	if from, full := c.text(origin), c.text(ref); from != "" && full != "" {
		c.put(ref, "refs/heads/x/vcs-origin/"+from+"/vcs-ref/"+full)
	}
}

func cutRef(full string) (kind, name string, ok bool) {
	for _, kind := range []string{"refs/heads/", "refs/tags/"} {
		if name, ok := strings.CutPrefix(full, kind); ok {
			return kind, name, true
		}
	}
	return "", "", false
}

func circleCITokens() []edit {
	return []edit{
		{"ssh-rerun", Hostile, "Somebody reruns the job with SSH, and has a shell in it.", func(c *set) { c.put(sshRerun, true) }},
		{"other-context", Hostile, "The job uses another context, which others may use.", func(c *set) {
			c.put(contexts, []any{otherUUID("", "context")})
		}},
		{"fewer-contexts", Hostile, "The job uses only the last of the contexts.", func(c *set) {
			if list, _ := c.values[contexts].([]any); len(list) > 1 {
				c.put(contexts, list[len(list)-1:])
			}
		}},
		{"more-contexts", Debatable, "The job uses one more context.", func(c *set) {
			if list, _ := c.values[contexts].([]any); len(list) > 0 {
				c.put(contexts, append(append([]any{}, list...), otherUUID("", "context")))
			}
		}},
		{"other-user", Debatable, "Another user causes the job to run.", func(c *set) { c.user = otherUUID(c.text("sub"), "user") }},
		{"other-audience", Hostile, "The job asks for a token for another service, which passes it on.", func(c *set) { c.put("aud", "https://other-service.example") }},
		{"audience-suffix", Hostile, "The token is for a service whose name begins with this one's.", audienceSuffix},
		{"default-audience", Hostile, "The token is the one that every job has, whose audience is the organization. Other services take it as well.", func(c *set) {
			if id := c.text(organization); id != "" {
				c.put("aud", id)
			}
		}},
		{"two-audiences", Debatable, "The token is for this service and another one, which may pass it on.", twoAudiences},
		{"root-issuer", Hostile, "The job asks the issuer that all customers of CircleCI share.", rootIssuer},
		{"root-issuer-other-organization", Hostile, "Another customer's job asks the issuer that all customers share.", func(c *set) {
			_, _, name := c.repository()
			c.theOrganization("root-issuer")
			c.theProject("root-issuer", "github.com/stranger/"+name)
			rootIssuer(c)
		}},
		{"other-issuer", Hostile, "A self-hosted server, whose administrator may say anything, issues the same claims.", func(c *set) {
			iss := c.text("iss")
			if i := strings.Index(iss, "/org/"); i >= 0 {
				c.put("iss", "https://circleci.stranger.example"+iss[i:])
			}
		}},
		{"issuer-suffix", Hostile, "An issuer's name begins with this one's: whoever compares prefixes takes it.", func(c *set) {
			if iss, ok := strings.CutPrefix(c.text("iss"), root); ok {
				c.put("iss", root+".stranger.example"+iss)
			}
		}},
		{"audit-log-stream", Hostile, "CircleCI itself delivers the organization's audit log: a job's issuer and audience, and no job.", func(c *set) {
			sub, _, _ := strings.Cut(c.text("sub"), "/project/")
			for name := range c.values {
				if strings.HasPrefix(name, prefix) && name != organization {
					c.drop(name)
				}
			}
			if c.has("sub") {
				c.put("sub", sub+"/file-streaming/audit-logs")
			}
		}},
		{"long-lived", Debatable, "The organization's setting makes tokens live ten hours longer.", func(c *set) { c.shift("exp", 10*3600) }},
		{"next-run", Routine, "The same job runs in the next pipeline.", func(c *set) { c.newRun(true) }},
		{"rerun-workflow", Routine, "The workflow is rerun.", func(c *set) { c.newRun(false) }},
	}
}

func rootIssuer(c *set) {
	if iss, _, ok := strings.Cut(c.text("iss"), "/org/"); ok {
		c.put("iss", iss)
	}
}

func circleCIForms() []edit {
	return []edit{
		{"subject-first-form", Routine, "It is the token CIRCLE_OIDC_TOKEN of the same job, which differs in the subject only.", func(c *set) { c.put("sub", c.subject(false)) }},
		{"subject-second-form", Routine, "It is the token CIRCLE_OIDC_TOKEN_V2 of the same job, which differs in the subject only.", func(c *set) { c.put("sub", c.subject(true)) }},
		{"custom-webhook", Missing, "A custom webhook starts the pipeline, which then names no repository and no ref.", func(c *set) { c.drop(origin, ref) }},
		{"no-contexts", Missing, "A job of the same workflow uses no context.", func(c *set) {
			if c.has(contexts) {
				c.put(contexts, []any{})
			}
		}},
		{"before-november-2025", Missing, "An older CircleCI says less of the run.", func(c *set) { c.drop(organization, pipeline, definition, workflow, job) }},
	}
}
