package fakeissuer

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	ownProject = "66666666-aaaa-4bbb-8ccc-000000000006"
	ownOrigin  = "github.com/acme/deployer"
)

// differ returns what b says otherwise than a, jti aside.
func differ(t *testing.T, a, b string) change {
	t.Helper()
	was, is := take(t, a).claims, take(t, b).claims
	d := change{}
	for name, value := range is {
		if name != "jti" && was[name] != value {
			d[name] = value
		}
	}
	for name := range was {
		if _, ok := is[name]; !ok {
			d[name] = gone
		}
	}
	return d
}

func TestProjectOfGitLab(t *testing.T) {
	i := open(t, Options{URL: "https://gitlab.acme.test"})
	project := Project("90210", "acme/deployer")
	sameNamespace := change{
		"project_id": `"90210"`, "project_path": `"acme/deployer"`, "job_project_id": `"90210"`, "job_project_path": `"acme/deployer"`,
		"ci_config_ref_uri": `"gitlab.acme.test/acme/deployer//.gitlab-ci.yml@refs/heads/main"`,
		"sub":               `"project_path:acme/deployer:ref_type:branch:ref:main"`,
	}
	assert.Equal(t, sameNamespace, differ(t, i.GitLab(aud), i.GitLab(aud, project)))
	assert.Equal(t, sameNamespace, differ(t, i.GitLab(aud), i.GitLab(aud, project, project)))

	nested := take(t, i.GitLab(aud, Project("90210", "acme/ops/deployer"))).claims
	for _, prefix := range []string{"", "job_"} {
		assert.Equal(t, `"acme/ops"`, nested[prefix+"namespace_path"])
		assert.NotEqual(t, `"`+GitLabNamespaceID+`"`, nested[prefix+"namespace_id"], "another namespace has another ID")
		assert.Equal(t, nested["namespace_id"], nested[prefix+"namespace_id"])
	}
	assert.Regexp(t, `^"[1-9][0-9]+"$`, nested["namespace_id"])
	again := take(t, i.GitLab(aud, Project("90211", "acme/ops/other"))).claims
	assert.Equal(t, nested["namespace_id"], again["namespace_id"], "one namespace has one ID")
	third := take(t, i.GitLab(aud, Project("90211", "acme/dev/other"))).claims
	assert.NotEqual(t, nested["namespace_id"], third["namespace_id"])
	fork := take(t, i.GitLab(aud, Project(GitLabForkProjectID, GitLabForkProjectPath))).claims
	assert.Equal(t, `"`+GitLabForkNamespaceID+`"`, fork["namespace_id"])
	assert.Equal(t, fork["project_id"], fork["job_project_id"])

	assert.Equal(t, change{"project_id": `"90210"`, "job_project_id": `"90210"`},
		differ(t, i.GitLab(aud), i.GitLab(aud, Project("90210", ""))), "an empty path stays as it was")
	assert.Equal(t, `"project_id:90210:ref:main"`,
		take(t, i.GitLab(aud, Subject("project_id", "ref"), project)).claims["sub"])
	assert.Equal(t, `"who:knows"`,
		take(t, i.GitLab(aud, func(c Claims) { c["sub"] = "who:knows" }, project)).claims["sub"])
}

func TestProjectOfCircleCI(t *testing.T) {
	i := open(t, Options{URL: CircleCIURL(CircleCIOrganizationID)})
	sub := "org/" + CircleCIOrganizationID + "/project/" + ownProject + "/user/" + CircleCIUserID
	assert.Equal(t, change{circleCIPrefix + "project-id": `"` + ownProject + `"`, "sub": `"` + sub + `"`},
		differ(t, i.CircleCI(aud), i.CircleCI(aud, Project(ownProject, ""))))
	assert.Equal(t, change{
		circleCIPrefix + "project-id": `"` + ownProject + `"`, circleCIPrefix + "vcs-origin": `"` + ownOrigin + `"`,
		"sub": `"` + sub + "/vcs-origin/" + ownOrigin + `/vcs-ref/refs/heads/main"`,
	}, differ(t, i.CircleCI(aud), i.CircleCI(aud, SubjectV2, Project(ownProject, ownOrigin))))
	for _, sub := range []string{"who/o/project/x/user/u", "org/o/team/x/user/u", "org/o/project/x/runner/r", "org/o/project/x", "x"} {
		assert.Equal(t, `"`+sub+`"`,
			take(t, i.CircleCI(aud, func(c Claims) { c["sub"] = sub }, Project(ownProject, ""))).claims["sub"], "made up by a test")
	}
}

// Project says whose token it is and leaves alone what the other modes are
// about, so it may come before or after them.
func TestProjectGoesBeforeAndAfterOtherModes(t *testing.T) {
	gitLab := open(t, Options{URL: "https://gitlab.acme.test"})
	circleCI := open(t, Options{URL: CircleCIURL(CircleCIOrganizationID)})
	project := Project("90210", "acme/deployer")
	for name, mode := range map[string]func(Claims){
		"ForkMergeRequest": ForkMergeRequest, "ForkMergeRequestInParent": ForkMergeRequestInParent, "MergeRequest": MergeRequest,
		"Tag": Tag("v1"), "Subject": Subject("project_id", "ref"), "BeforeGitLab184": BeforeGitLab184, "NoConfigRef": NoConfigRef,
		"PolicyJob": PolicyJob, "LegacyV2": LegacyV2, "LegacyV1": LegacyV1,
		"ForkMergeRequestInParent before 18.4": func(c Claims) { ForkMergeRequestInParent(c); BeforeGitLab184(c) },
		"no project":                           func(c Claims) { delete(c, "project_id") },
	} {
		assert.Empty(t, differ(t, gitLab.GitLab(aud, project, mode), gitLab.GitLab(aud, mode, project)), name)
	}
	for name, mode := range map[string]func(Claims){
		"ForkPullRequest": ForkPullRequest, "CustomWebhook": CustomWebhook, "SubjectV2": SubjectV2, "AuditLogStream": AuditLogStream,
		"Organization": Organization("o"), "Branch": Branch("b"), "BeforeNovember2025": BeforeNovember2025,
		"no project": func(c Claims) { delete(c, circleCIPrefix+"project-id") },
	} {
		p := Project(ownProject, ownOrigin)
		assert.Empty(t, differ(t, circleCI.CircleCI(aud, p, mode), circleCI.CircleCI(aud, mode, p)), name)
	}

	inParent := take(t, gitLab.GitLab(aud, ForkMergeRequestInParent, project)).claims
	assert.Equal(t, `"`+GitLabForkProjectID+`"`, inParent["project_id"])
	assert.Equal(t, `"90210"`, inParent["job_project_id"])
	assert.True(t, strings.HasPrefix(inParent["ci_config_ref_uri"], `"gitlab.acme.test/acme/deployer//`))
	pull := take(t, circleCI.CircleCI(aud, ForkPullRequest, Project(ownProject, ownOrigin))).claims
	assert.Equal(t, `"`+ownProject+`"`, pull[circleCIPrefix+"project-id"])
	assert.Equal(t, `"`+CircleCIForkOrigin+`"`, pull[circleCIPrefix+"vcs-origin"])
}

func TestProjectRefusesWhatIsNone(t *testing.T) {
	gitLab, mistakeOfGitLab := listen(t, Options{})
	circleCI, mistakeOfCircleCI := listen(t, Options{URL: CircleCIRootURL})
	var e *ModeError
	require.ErrorAs(t, mistakeOfGitLab(func() string { return gitLab.GitLab(aud, Project("", "acme/deployer")) }), &e)
	assert.Equal(t, &ModeError{Mode: "Project", Detail: "needs the ID of the project"}, e)
	require.ErrorAs(t, mistakeOfCircleCI(func() string { return circleCI.CircleCI(aud, Project("", ownOrigin)) }), &e)
	assert.Equal(t, "needs the ID of the project", e.Detail)
	for _, path := range []string{"deployer", "/deployer", "acme/"} {
		require.ErrorAs(t, mistakeOfGitLab(func() string { return gitLab.GitLab(aud, Project("1", path)) }), &e)
		assert.Equal(t, `needs a path such as "acme/deployer" for a GitLab token, not "`+path+`"`, e.Detail)
	}
	require.ErrorAs(t, mistakeOfGitLab(func() string { return gitLab.Login(aud, Project("1", "a/b")) }), &e)
	assert.Equal(t, "is for the tokens of jobs", e.Detail)
}
