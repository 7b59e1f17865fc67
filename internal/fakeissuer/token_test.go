package fakeissuer

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const uuidPattern = `^"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"$`

// The goldens fix names, order and JSON types: ids and booleans are strings on
// GitLab, except runner_id; ssh-rerun is a boolean on CircleCI.
const goldenGitLab = `{"project_id":"58210","project_path":"acme/webshop","namespace_id":"917","namespace_path":"acme",` +
	`"user_id":"2304","user_login":"jdoe","user_email":"jdoe@acme.example","user_access_level":"maintainer",` +
	`"job_project_id":"58210","job_project_path":"acme/webshop","job_namespace_id":"917","job_namespace_path":"acme",` +
	`"pipeline_id":"1190377","pipeline_source":"push","job_id":"7730412",` +
	`"ref":"main","ref_type":"branch","ref_path":"refs/heads/main","ref_protected":"true","job_source":"push",` +
	`"runner_id":12071,"runner_environment":"self-hosted","sha":"3f9d0c6e51b7a2848c1e0f6d9b35a7720de4c18a","project_visibility":"private",` +
	`"ci_config_ref_uri":"gitlab.acme.test/acme/webshop//.gitlab-ci.yml@refs/heads/main","ci_config_sha":"3f9d0c6e51b7a2848c1e0f6d9b35a7720de4c18a",` +
	`"jti":JTI,"iat":1772366400,"nbf":1772366395,"exp":1772370000,` +
	`"iss":"https://gitlab.acme.test","sub":"project_path:acme/webshop:ref_type:branch:ref:main","aud":"https://deploy.example.com"}`

const goldenCircleCI = `{"aud":"https://deploy.example.com","exp":1772370000,"iat":1772366400,` +
	`"iss":"https://oidc.circleci.com/org/b5f2a1c4-6d3e-4f80-9a1b-2c7d8e9f0a13",` +
	`"oidc.circleci.com/context-ids":["e61c03fa-92d7-4b15-a8c4-5f0b7d3e2a86"],` +
	`"oidc.circleci.com/job-id":"c0586f3d-7e91-4ab2-8d54-e6f19b0a7c38",` +
	`"oidc.circleci.com/org-id":"b5f2a1c4-6d3e-4f80-9a1b-2c7d8e9f0a13",` +
	`"oidc.circleci.com/pipeline-definition-id":"7c3f58d2-e0a9-5b41-96d8-1a4e6c0b2f75",` +
	`"oidc.circleci.com/pipeline-id":"4a8b6e10-5d7c-4f29-b3e1-c92f08d7a654",` +
	`"oidc.circleci.com/project-id":"0d94e7b8-1c52-4a6f-8e3d-7b60f5a2c491",` +
	`"oidc.circleci.com/ssh-rerun":false,` +
	`"oidc.circleci.com/vcs-origin":"github.com/acme/webshop",` +
	`"oidc.circleci.com/vcs-ref":"refs/heads/main",` +
	`"oidc.circleci.com/workflow-id":"92e7d15b-0c4a-4863-bf9e-3d6a81c5f720",` +
	`"sub":"org/b5f2a1c4-6d3e-4f80-9a1b-2c7d8e9f0a13/project/0d94e7b8-1c52-4a6f-8e3d-7b60f5a2c491/user/15d9a7e2-48b3-4c06-9f7a-80c2e5b6d314"}`

func TestGitLabTokenIsGolden(t *testing.T) {
	i := open(t, Options{URL: "https://gitlab.acme.test"})
	tok := take(t, i.GitLab(aud))
	assert.Equal(t, `{"kid":"`+i.KeyID()+`","typ":"JWT","alg":"RS256"}`, tok.header)
	jti := tok.claims["jti"]
	assert.Regexp(t, uuidPattern, jti)
	assert.Equal(t, strings.Replace(goldenGitLab, "JTI", jti, 1), tok.payload)
	assert.NotEqual(t, jti, take(t, i.GitLab(aud)).claims["jti"], "each token has its own jti")
}

func TestCircleCITokenIsGolden(t *testing.T) {
	i := open(t, Options{URL: CircleCIURL(CircleCIOrganizationID)})
	tok := take(t, i.CircleCI(aud))
	assert.Equal(t, `{"kid":"`+i.KeyID()+`","alg":"RS256"}`, tok.header)
	assert.Equal(t, goldenCircleCI, tok.payload)
}

func TestGitLabComHostsItsRunners(t *testing.T) {
	for url, want := range map[string]string{
		"https://gitlab.com":         `"gitlab-hosted"`,
		"https://GitLab.com:443":     `"gitlab-hosted"`,
		"https://gitlab.com.test":    `"self-hosted"`,
		"https://issuer.test/gitlab": `"self-hosted"`,
	} {
		i := open(t, Options{URL: url})
		assert.Equal(t, want, take(t, i.GitLab(aud)).claims["runner_environment"], url)
	}
}

func TestCircleCIDefaultAudienceIsTheOrganization(t *testing.T) {
	const other = "00000000-1111-4222-8333-444444444444"
	i := open(t, Options{URL: CircleCIURL(other)})
	tok := take(t, i.CircleCI(""))
	assert.Equal(t, `"`+other+`"`, tok.claims["aud"])
	assert.Equal(t, `"`+other+`"`, tok.claims["oidc.circleci.com/org-id"])
	assert.True(t, strings.HasPrefix(tok.claims["sub"], `"org/`+other+`/project/`), tok.claims["sub"])

	root := open(t, Options{URL: CircleCIRootURL})
	assert.Equal(t, `"`+CircleCIOrganizationID+`"`, take(t, root.CircleCI("")).claims["aud"])
}

// change is what a mode does to the golden token: new values as JSON, or gone.
type change map[string]string

const gone = ""

func TestModesChangeThisAndNothingElse(t *testing.T) {
	const (
		p    = circleCIPrefix
		sub1 = "org/" + CircleCIOrganizationID + "/project/" + CircleCIProjectID + "/user/" + CircleCIUserID
		org2 = "00000000-1111-4222-8333-444444444444"
	)
	quote := func(s string) string { return `"` + s + `"` }
	cfg := func(path string) string { return quote("gitlab.acme.test/" + path) }
	noJobProject := change{"job_project_id": gone, "job_project_path": gone, "job_namespace_id": gone, "job_namespace_path": gone, "job_source": gone}
	inParent := change{
		"project_id": `"60977"`, "project_path": `"contributor/webshop"`, "namespace_id": `"1543"`, "namespace_path": `"contributor"`,
		"user_access_level": "null", "pipeline_source": `"merge_request_event"`, "job_source": `"merge_request_event"`,
		"ref": `"feature/checkout"`, "ref_path": `"refs/heads/feature/checkout"`, "ref_protected": `"false"`,
		"ci_config_ref_uri": cfg("acme/webshop//.gitlab-ci.yml@refs/heads/feature/checkout"),
		"sub":               `"project_path:contributor/webshop:ref_type:branch:ref:feature/checkout"`,
	}
	inFork := change{
		"job_project_id": `"60977"`, "job_project_path": `"contributor/webshop"`, "job_namespace_id": `"1543"`, "job_namespace_path": `"contributor"`,
		"user_access_level": `"owner"`,
		"ci_config_ref_uri": cfg("contributor/webshop//.gitlab-ci.yml@refs/heads/feature/checkout"),
	}
	legacy := change{
		"user_access_level": gone, "ref_path": gone, "runner_id": gone, "runner_environment": gone, "sha": gone,
		"project_visibility": gone, "ci_config_ref_uri": gone, "ci_config_sha": gone, "aud": `"https://gitlab.acme.test"`,
	}
	ed := func(fs ...func(Claims)) []func(Claims) { return fs }

	gitLab := open(t, Options{URL: "https://gitlab.acme.test"})
	circleCI := open(t, Options{URL: CircleCIURL(CircleCIOrganizationID)})
	tests := []struct {
		name string
		mint func(string, ...func(Claims)) string
		edit []func(Claims)
		want change
	}{
		{"circleci root issuer", circleCI.CircleCI, ed(RootIssuer), change{"iss": `"https://oidc.circleci.com"`}},
		{"circleci other organization", circleCI.CircleCI, ed(Organization(org2)), change{
			"iss": quote(CircleCIURL(org2)), p + "org-id": quote(org2), "sub": quote(strings.Replace(sub1, CircleCIOrganizationID, org2, 1))}},
		{"circleci other organization at root", circleCI.CircleCI, ed(RootIssuer, Organization(org2)), change{
			"iss": `"https://oidc.circleci.com"`, p + "org-id": quote(org2), "sub": quote(strings.Replace(sub1, CircleCIOrganizationID, org2, 1))}},
		{"circleci subject v2", circleCI.CircleCI, ed(SubjectV2), change{"sub": quote(sub1 + "/vcs-origin/github.com/acme/webshop/vcs-ref/refs/heads/main")}},
		{"circleci subject v2 twice", circleCI.CircleCI, ed(SubjectV2, SubjectV2), change{"sub": quote(sub1 + "/vcs-origin/github.com/acme/webshop/vcs-ref/refs/heads/main")}},
		{"circleci custom webhook", circleCI.CircleCI, ed(CustomWebhook), change{p + "vcs-origin": gone, p + "vcs-ref": gone}},
		{"circleci custom webhook, v2", circleCI.CircleCI, ed(CustomWebhook, SubjectV2), change{p + "vcs-origin": gone, p + "vcs-ref": gone}},
		{"circleci v2, custom webhook", circleCI.CircleCI, ed(SubjectV2, CustomWebhook), change{p + "vcs-origin": gone, p + "vcs-ref": gone}},
		{"circleci fork pull request", circleCI.CircleCI, ed(ForkPullRequest), change{p + "vcs-origin": `"github.com/contributor/webshop"`, p + "vcs-ref": `"refs/heads/pull/17"`}},
		{"circleci v2, fork pull request", circleCI.CircleCI, ed(SubjectV2, ForkPullRequest), change{
			p + "vcs-origin": `"github.com/contributor/webshop"`, p + "vcs-ref": `"refs/heads/pull/17"`,
			"sub": quote(sub1 + "/vcs-origin/github.com/contributor/webshop/vcs-ref/refs/heads/pull/17")}},
		{"circleci ssh rerun", circleCI.CircleCI, ed(SSHRerun), change{p + "ssh-rerun": "true"}},
		{"circleci before 2025-11", circleCI.CircleCI, ed(BeforeNovember2025), change{
			p + "org-id": gone, p + "pipeline-id": gone, p + "pipeline-definition-id": gone, p + "workflow-id": gone, p + "job-id": gone}},
		{"circleci no contexts", circleCI.CircleCI, ed(Contexts()), change{p + "context-ids": "[]"}},
		{"circleci two contexts", circleCI.CircleCI, ed(Contexts("a", "b")), change{p + "context-ids": `["a","b"]`}},
		{"circleci audit log", circleCI.CircleCI, ed(AuditLogStream), change{
			p + "project-id": gone, p + "context-ids": gone, p + "pipeline-id": gone, p + "pipeline-definition-id": gone, p + "workflow-id": gone,
			p + "job-id": gone, p + "ssh-rerun": gone, p + "vcs-origin": gone, p + "vcs-ref": gone,
			"sub": quote("org/" + CircleCIOrganizationID + "/file-streaming/audit-logs")}},
		{"circleci five hours", circleCI.CircleCI, ed(FiveHours), change{"exp": "1772384400"}},
		{"circleci audience array", circleCI.CircleCI, ed(AudienceArray("b")), change{"aud": `["https://deploy.example.com","b"]`}},
		{"circleci tag", circleCI.CircleCI, ed(Tag("v1")), change{p + "vcs-ref": `"refs/tags/v1"`}},
		{"circleci v2, branch", circleCI.CircleCI, ed(SubjectV2, Branch("x")), change{p + "vcs-ref": `"refs/heads/x"`,
			"sub": quote(sub1 + "/vcs-origin/github.com/acme/webshop/vcs-ref/refs/heads/x")}},
		{"circleci expired", circleCI.CircleCI, ed(Expired), change{"iat": "1772362200", "exp": "1772365800"}},
		{"circleci not yet", circleCI.CircleCI, ed(NotYet), change{"iat": "1772367005", "exp": "1772370605"}},

		{"gitlab audience array of one", gitLab.GitLab, ed(AudienceArray()), change{"aud": `["https://deploy.example.com"]`}},
		{"gitlab audience array", gitLab.GitLab, ed(AudienceArray("b", "c")), change{"aud": `["https://deploy.example.com","b","c"]`}},
		{"gitlab before 18.4", gitLab.GitLab, ed(BeforeGitLab184), noJobProject},
		{"gitlab before 18.9", gitLab.GitLab, ed(PolicyJob, BeforeGitLab189), change{"job_source": gone}},
		{"gitlab no config ref", gitLab.GitLab, ed(NoConfigRef), change{"ci_config_ref_uri": gone, "ci_config_sha": gone}},
		{"gitlab fork merge request in parent", gitLab.GitLab, ed(ForkMergeRequestInParent), inParent},
		{"gitlab fork merge request in parent, before 18.4", gitLab.GitLab, ed(ForkMergeRequestInParent, BeforeGitLab184), merge(inParent, noJobProject)},
		{"gitlab fork merge request", gitLab.GitLab, ed(ForkMergeRequest), merge(inParent, inFork)},
		{"gitlab fork merge request, before 18.4", gitLab.GitLab, ed(BeforeGitLab184, ForkMergeRequest), merge(inParent, inFork, noJobProject)},
		{"gitlab merge request", gitLab.GitLab, ed(MergeRequest), change{
			"pipeline_source": `"merge_request_event"`, "job_source": `"merge_request_event"`,
			"ref": `"feature/checkout"`, "ref_path": `"refs/heads/feature/checkout"`, "ref_protected": `"false"`,
			"ci_config_ref_uri": cfg("acme/webshop//.gitlab-ci.yml@refs/heads/feature/checkout"),
			"sub":               `"project_path:acme/webshop:ref_type:branch:ref:feature/checkout"`}},
		{"gitlab schedule", gitLab.GitLab, ed(PipelineSource("schedule")), change{"pipeline_source": `"schedule"`, "job_source": `"schedule"`}},
		{"gitlab schedule, before 18.9", gitLab.GitLab, ed(BeforeGitLab189, PipelineSource("schedule")), change{"pipeline_source": `"schedule"`, "job_source": gone}},
		{"gitlab tag", gitLab.GitLab, ed(Tag("main")), change{
			"ref_type": `"tag"`, "ref_path": `"refs/tags/main"`, "ref_protected": `"false"`,
			"ci_config_ref_uri": cfg("acme/webshop//.gitlab-ci.yml@refs/tags/main"),
			"sub":               `"project_path:acme/webshop:ref_type:tag:ref:main"`}},
		{"gitlab protected branch", gitLab.GitLab, ed(NoConfigRef, ProtectedBranch("stable")), change{
			"ref": `"stable"`, "ref_path": `"refs/heads/stable"`, "ci_config_ref_uri": gone, "ci_config_sha": gone,
			"sub": `"project_path:acme/webshop:ref_type:branch:ref:stable"`}},
		{"gitlab sub path only", gitLab.GitLab, ed(Subject("project_path")), change{"sub": `"project_path:acme/webshop"`}},
		{"gitlab sub by id, then branch", gitLab.GitLab, ed(Subject("project_id", "ref", "ref_protected"), ProtectedBranch("stable")), change{
			"ref": `"stable"`, "ref_path": `"refs/heads/stable"`,
			"ci_config_ref_uri": cfg("acme/webshop//.gitlab-ci.yml@refs/heads/stable"),
			"sub":               `"project_id:58210:ref:stable:ref_protected:true"`}},
		{"gitlab sub without environment", gitLab.GitLab, ed(Subject("project_path", "environment_protected", "deployment_tier")), change{"sub": `"project_path:acme/webshop"`}},
		{"gitlab made-up sub stays", gitLab.GitLab, ed(func(c Claims) { c["sub"] = "who:knows" }, PipelineSource("push"), Environment("e", "other"), NoEnvironment), change{"sub": `"who:knows"`}},
		{"gitlab sub with environment", gitLab.GitLab, ed(ProtectedEnvironment("live", "production"), Subject("project_path", "environment_protected", "deployment_tier")), change{
			"environment": `"live"`, "environment_protected": `"true"`, "deployment_tier": `"production"`, "environment_action": `"start"`,
			"sub": `"project_path:acme/webshop:environment_protected:true:deployment_tier:production"`}},
		{"gitlab environment", gitLab.GitLab, ed(Environment("live", "production")), change{
			"environment": `"live"`, "environment_protected": `"false"`, "deployment_tier": `"production"`, "environment_action": `"start"`}},
		{"gitlab no environment", gitLab.GitLab, ed(Environment("live", "production"), NoEnvironment), change{}},
		{"gitlab community edition", gitLab.GitLab, ed(PolicyJob, ProtectedEnvironment("live", "production"), CommunityEdition), change{
			"environment": `"live"`, "environment_protected": `"false"`, "deployment_tier": `"production"`, "environment_action": `"start"`}},
		{"gitlab community edition, no environment", gitLab.GitLab, ed(CommunityEdition), change{}},
		{"gitlab null access level", gitLab.GitLab, ed(NullUserAccessLevel), change{"user_access_level": "null"}},
		{"gitlab no user", gitLab.GitLab, ed(NoUser), change{"user_id": `""`, "user_login": "null", "user_email": "null", "user_access_level": "null"}},
		{"gitlab policy job", gitLab.GitLab, ed(PolicyJob), change{"job_config": `{"sha":"a8d27f4b0c93e61582fd47e9b6013c5a9d20e7f4",` +
			`"url":"https://gitlab.acme.test/acme/policies/-/blob/a8d27f4b0c93e61582fd47e9b6013c5a9d20e7f4/.gitlab/security-policies/policy.yml"}`}},
		{"gitlab groups", gitLab.GitLab, ed(GroupsDirect("acme", "acme/ops")), change{"groups_direct": `["acme","acme/ops"]`}},
		{"gitlab identities", gitLab.GitLab, ed(UserIdentity("saml", "1"), UserIdentity("github", "2")), change{
			"user_identities": `[{"extern_uid":"1","provider":"saml"},{"extern_uid":"2","provider":"github"}]`}},
		{"gitlab hosted runner", gitLab.GitLab, ed(HostedRunner), change{"runner_environment": `"gitlab-hosted"`}},
		{"gitlab self-hosted runner", gitLab.GitLab, ed(HostedRunner, SelfHostedRunner), change{}},
		{"gitlab legacy v2", gitLab.GitLab, ed(LegacyV2), merge(legacy, noJobProject)},
		{"gitlab legacy v1", gitLab.GitLab, ed(LegacyV1), merge(legacy, noJobProject, change{"aud": gone, "iss": `"gitlab.acme.test"`, "sub": `"job_7730412"`})},
		{"gitlab legacy v1, tag", gitLab.GitLab, ed(LegacyV1, Tag("v1")), merge(legacy, noJobProject, change{"aud": gone, "iss": `"gitlab.acme.test"`, "sub": `"job_7730412"`,
			"ref": `"v1"`, "ref_type": `"tag"`, "ref_protected": `"false"`})},
		{"gitlab expired", gitLab.GitLab, ed(Expired), change{"iat": "1772362200", "nbf": "1772362195", "exp": "1772365800"}},
		{"gitlab not yet", gitLab.GitLab, ed(NotYet), change{"iat": "1772367005", "nbf": "1772367000", "exp": "1772370605"}},
		{"times that are no numbers", gitLab.GitLab, ed(func(c Claims) { c["iat"], c["exp"] = "soon", nil }, Expired, FiveHours), change{"iat": `"soon"`, "exp": "null"}},
	}
	keys := append(servedKeys(t, Client(gitLab), gitLab.URL()), servedKeys(t, Client(circleCI), circleCI.URL())...)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			golden := goldenCircleCI
			if !strings.HasPrefix(test.name, "circleci") {
				golden = strings.Replace(goldenGitLab, "JTI", "0", 1)
			}
			_, want := members(t, golden)
			raw := test.mint(aud, test.edit...)
			require.NoError(t, verify(keys, raw))
			got := take(t, raw)
			for name, value := range test.want {
				if want[name] == value {
					t.Errorf("%s: the test expects no change", name)
				}
				want[name] = value
				if value == gone {
					delete(want, name)
				}
			}
			if _, ok := want["jti"]; ok {
				want["jti"] = got.claims["jti"]
			}
			assert.Equal(t, want, got.claims)
			assertOrder(t, got.names, golden)
		})
	}
}

func TestOrganizationTakesItsDefaultAudienceAlong(t *testing.T) {
	i := open(t, Options{URL: CircleCIRootURL, Algorithm: EdDSA})
	assert.Equal(t, `"o"`, take(t, i.CircleCI("", Organization("o"))).claims["aud"])
	assert.Equal(t, `["`+CircleCIOrganizationID+`","x"]`, take(t, i.CircleCI("", AudienceArray("x"), Organization("o"))).claims["aud"])
}

func TestLifetimeTakesAnyNumber(t *testing.T) {
	for _, iat := range []any{7, int64(7), 7.0, json.Number("7")} {
		c := Claims{"iat": iat}
		Lifetime(90500 * time.Millisecond)(c)
		assert.Equal(t, int64(97), c["exp"], "%T", iat)
	}
	for _, iat := range []any{nil, "7", json.Number("x")} {
		c := Claims{"iat": iat}
		Lifetime(time.Minute)(c)
		assert.NotContains(t, c, "exp")
	}
}

func merge(all ...change) change {
	m := change{}
	for _, c := range all {
		for name, value := range c {
			m[name] = value
		}
	}
	return m
}

// assertOrder checks that the names both have come in the same order.
func assertOrder(t *testing.T, names []string, golden string) {
	t.Helper()
	order, _ := members(t, golden)
	has := func(all []string, name string) bool {
		for _, n := range all {
			if n == name {
				return true
			}
		}
		return false
	}
	both := func(all, other []string) (kept []string) {
		for _, n := range all {
			if has(other, n) {
				kept = append(kept, n)
			}
		}
		return kept
	}
	assert.Equal(t, both(order, names), both(names, order))
}

func TestLoginTokenHasTheOtherKeyAndNoJob(t *testing.T) {
	i := open(t, Options{URL: "https://gitlab.acme.test/sub"})
	keys := servedKeys(t, Client(i), i.URL())
	require.Len(t, keys, 2)
	raw := i.Login("client-1", func(c Claims) { c["name"] = "N" })
	require.NoError(t, verify(keys, raw))
	require.NoError(t, verify(keys, i.GitLab(aud)))
	tok := take(t, raw)
	assert.Equal(t, keys[0]["kid"], tok.kid)
	assert.Equal(t, keys[1]["kid"], i.KeyID())
	assert.Equal(t, `{"iss":"https://gitlab.acme.test/sub","sub":"2304","aud":"client-1","exp":1772366520,"iat":`+iat+`,`+
		`"name":"N","nickname":"jdoe","preferred_username":"jdoe","email":"jdoe@acme.example","email_verified":true,`+
		`"profile":"https://gitlab.acme.test/sub/jdoe","groups_direct":["acme"]}`, tok.payload)
}
