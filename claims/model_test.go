package claims_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
)

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return data
}

func TestDecodeGitLab(t *testing.T) {
	data := read(t, "gitlab-branch.json")
	got, err := claims.Decode[claims.GitLab](data)
	require.NoError(t, err)

	tomorrow, ok := got.Lookup("tomorrows_claim")
	require.True(t, ok)
	assert.JSONEq(t, `{"kept":["as","sent"]}`, string(tomorrow))
	_, ok = got.Lookup("yesterdays_claim")
	assert.False(t, ok)

	want := &claims.GitLab{
		Registered: claims.Registered{
			Issuer: "https://gitlab.com", Subject: "project_path:acme/platform/deployer:ref_type:branch:ref:main",
			Audience: claims.Audience{"https://deploy.acme.example"}, IssuedAt: 1790000000, NotBefore: 1789999995,
			ExpiresAt: 1790003600, JWTID: "6c1f4b52-3e0e-4f0b-9a34-0d6c4d6f7a11",
		},
		ProjectID: "90210", ProjectPath: "acme/platform/deployer", NamespaceID: "4711", NamespacePath: "acme/platform",
		JobProjectID: "90210", JobProjectPath: "acme/platform/deployer", JobNamespaceID: "4711", JobNamespacePath: "acme/platform",
		Ref: "main", RefType: "branch", RefPath: "refs/heads/main", RefProtected: claims.True,
		SHA:         "1111111111222222222233333333334444444444",
		Environment: "production", EnvironmentProtected: claims.False, EnvironmentAction: "start", DeploymentTier: "production",
		PipelineID: "100200", PipelineSource: "push", JobID: "100200300", JobSource: "push",
		JobConfig: &claims.GitLabJobConfig{
			URL: "https://gitlab.com/acme/policies/-/blob/0f1e/policy.yml", SHA: "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c",
		},
		ConfigRefURI: "gitlab.com/acme/platform/deployer//.gitlab-ci.yml@refs/heads/main",
		ConfigSHA:    "1111111111222222222233333333334444444444",
		RunnerID:     "31337", RunnerEnvironment: "gitlab-hosted", ProjectVisibility: "private",
		UserID: "77", UserLogin: "ada", UserEmail: "ada@acme.example", UserAccessLevel: "maintainer",
		UserIdentities: []claims.GitLabIdentity{{Provider: "saml", UID: "ada-1815"}},
		GroupsDirect:   []string{"acme/platform", "acme/ops"},
	}
	assert.Equal(t, mustJSON(t, want), mustJSON(t, got))
}

func TestDecodeCircleCI(t *testing.T) {
	got, err := claims.Decode[claims.CircleCI](read(t, "circleci-v2.json"))
	require.NoError(t, err)
	const org, project = "2f1a9e5c-6a53-4f2b-8b63-0c6d1d8e4f01", "66666666-aaaa-4bbb-8ccc-000000000006"
	want := &claims.CircleCI{
		Registered: claims.Registered{
			Issuer:   "https://oidc.circleci.com/org/" + org,
			Subject:  "org/" + org + "/project/" + project + "/user/88888888-aaaa-4bbb-8ccc-000000000008/vcs-origin/github.com/acme/deployer/vcs-ref/refs/heads/main",
			Audience: claims.Audience{org, "https://deploy.acme.example"}, IssuedAt: 1790000000, ExpiresAt: 1790003600,
		},
		OrganizationID: org, ProjectID: project,
		ContextIDs:           []string{"11111111-aaaa-4bbb-8ccc-000000000001", "11111111-aaaa-4bbb-8ccc-000000000002"},
		PipelineDefinitionID: "44444444-aaaa-5bbb-8ccc-000000000004", PipelineID: "55555555-aaaa-4bbb-8ccc-000000000005",
		WorkflowID: "77777777-aaaa-4bbb-8ccc-000000000007", JobID: "33333333-aaaa-4bbb-8ccc-000000000003",
		SSHRerun: claims.False, VCSOrigin: "github.com/acme/deployer", VCSRef: "refs/heads/main",
	}
	assert.Equal(t, mustJSON(t, want), mustJSON(t, got))
	assert.Equal(t, "88888888-aaaa-4bbb-8ccc-000000000008", got.UserID())
	assert.False(t, got.ForkPullRequest())
}

// Every claim of the fixtures has a field, but for the one that is there to
// have none: decoding and encoding gives the fixture again.
func TestModelsDeclareEveryClaim(t *testing.T) {
	for name, decode := range map[string]func([]byte) (any, error){
		"gitlab-branch.json": func(b []byte) (any, error) { return claims.Decode[claims.GitLab](b) },
		"circleci-v2.json":   func(b []byte) (any, error) { return claims.Decode[claims.CircleCI](b) },
	} {
		data := read(t, name)
		model, err := decode(data)
		require.NoError(t, err)
		var sent, kept map[string]any
		require.NoError(t, json.Unmarshal(data, &sent))
		require.NoError(t, json.Unmarshal([]byte(mustJSON(t, model)), &kept))
		for claim := range sent {
			if claim != "tomorrows_claim" {
				assert.Contains(t, kept, claim, name)
			}
		}
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

func TestPresence(t *testing.T) {
	decode := func(text string) *claims.GitLab {
		c, err := claims.Decode[claims.GitLab]([]byte(text))
		require.NoError(t, err)
		return c
	}
	for text, want := range map[string]claims.Bool{
		`{}`: claims.Absent, `{"ref_protected":null}`: claims.Absent, `{"ref_protected":""}`: claims.Absent,
		`{"ref_protected":"false"}`: claims.False, `{"ref_protected":false}`: claims.False,
		`{"ref_protected":"true"}`: claims.True, `{"ref_protected":true}`: claims.True,
	} {
		assert.Equal(t, want, decode(text).RefProtected, text)
	}
	absent, empty := decode(`{}`), decode(`{"job_project_id":""}`)
	_, ok := absent.Lookup("job_project_id")
	assert.False(t, ok)
	raw, ok := empty.Lookup("job_project_id")
	assert.True(t, ok)
	assert.Equal(t, `""`, string(raw))

	var literal claims.GitLab
	_, ok = literal.Lookup("iss")
	assert.False(t, ok, "a struct that Decode did not make has nothing to look up")
}

func TestFork(t *testing.T) {
	for text, want := range map[string]claims.Bool{
		`{"project_id":"1","job_project_id":"1","pipeline_source":"merge_request_event"}`: claims.False,
		`{"project_id":"2","job_project_id":"1","pipeline_source":"merge_request_event"}`: claims.True,
		`{"project_id":"2","job_project_id":"1","pipeline_source":"push"}`:                claims.True,
		`{"project_id":2,"job_project_id":"2"}`:                                           claims.False,
		`{"job_project_id":"1"}`:                                                          claims.Absent,
		`{"project_id":"1","pipeline_source":"push"}`:                                     claims.False,
		`{"project_id":"1","pipeline_source":"web"}`:                                      claims.False,
		`{"project_id":"1","pipeline_source":"schedule"}`:                                 claims.False,
		`{"project_id":"1","pipeline_source":"api"}`:                                      claims.False,
		`{"project_id":"1","pipeline_source":"trigger"}`:                                  claims.False,
		`{"project_id":"1","pipeline_source":"merge_request_event"}`:                      claims.Absent,
		`{"project_id":"1","pipeline_source":"parent_pipeline"}`:                          claims.Absent,
		`{"project_id":"1"}`: claims.Absent,
		`{"project_id":"1","job_project_id":"","pipeline_source":"push"}`:   claims.Absent,
		`{"project_id":"1","job_project_id":null,"pipeline_source":"push"}`: claims.Absent,
	} {
		c, err := claims.Decode[claims.GitLab]([]byte(text))
		require.NoError(t, err)
		assert.Equal(t, want, c.Fork(), text)
	}
}

func TestIdentity(t *testing.T) {
	g, err := claims.Decode[claims.GitLab](read(t, "gitlab-branch.json"))
	require.NoError(t, err)
	assert.Equal(t, claims.Identity{
		Platform: "gitlab", Project: "90210", Repository: "gitlab.com/acme/platform/deployer", Ref: "refs/heads/main",
		Pipeline: "100200", Run: "100200300", Actor: "77",
	}, g.Identity())
	assert.Equal(t, "gitlab project=90210 repository=gitlab.com/acme/platform/deployer ref=refs/heads/main pipeline=100200 run=100200300 actor=77",
		g.Identity().String())
	for issuer, want := range map[string]string{
		"https://git.acme.example:8443/": "git.acme.example:8443/acme/platform/deployer",
		"git.acme.example":               "git.acme.example/acme/platform/deployer", // before GitLab 15.7
	} {
		g.Issuer = issuer
		assert.Equal(t, want, g.Identity().Repository)
	}
	path := g.ProjectPath
	g.ProjectPath = ""
	assert.Empty(t, g.Identity().Repository)
	g.ProjectPath = path
	g.Issuer = "https://git.acme.example/gitlab"
	assert.Equal(t, "git.acme.example/gitlab/acme/platform/deployer", g.Identity().Repository)
	assert.NotContains(t, g.Identity().String(), "ada", "the identity names no person")

	c, err := claims.Decode[claims.CircleCI](read(t, "circleci-v2.json"))
	require.NoError(t, err)
	assert.Equal(t, "github.com/acme/deployer", c.Identity().Repository)
	assert.Equal(t, "33333333-aaaa-4bbb-8ccc-000000000003", c.Identity().Run)

	assert.Equal(t, "", claims.Identity{}.String())
	assert.Empty(t, claims.Identity{}.LogValue().Group())
	for ref, want := range map[string]string{
		"refs/heads/main": "ref=refs/heads/main", "a~b!": "ref=a~b!", "a b": `ref="a b"`, `a"b`: `ref="a\"b"`, "a=b": `ref="a=b"`,
		"a\x7fb": `ref="a\x7fb"`, "aéb": `ref="a\u00e9b"`, "a\x1b[0m": `ref="a\x1b[0m"`,
	} {
		assert.Equal(t, "circleci "+want, claims.Identity{Platform: "circleci", Ref: ref}.String())
	}

	hostile := claims.Identity{Platform: "gitlab", Ref: "refs/heads/x project=1\nfake"}
	assert.Equal(t, `gitlab ref="refs/heads/x project=1\nfake"`, hostile.String())
	var attrs []string
	for _, a := range hostile.LogValue().Group() {
		attrs = append(attrs, a.Key)
	}
	assert.Equal(t, "platform ref", strings.Join(attrs, " "))
}

func TestSet(t *testing.T) {
	const text = ` {"iss":"i","n":null,"e":"","x":{"y":[1]},"u":"\u00e9"} `
	s, err := claims.Parse([]byte(text))
	require.NoError(t, err)
	for name, want := range map[string]string{"iss": "i", "e": "", "u": "é"} {
		got, ok := s.String(name)
		assert.True(t, ok, name)
		assert.Equal(t, want, got)
	}
	for _, name := range []string{"n", "x", "absent", "ISS", ""} {
		got, ok := s.String(name)
		assert.False(t, ok, name)
		assert.Empty(t, got)
	}
	raw, ok := s.Lookup("x")
	assert.True(t, ok)
	assert.Equal(t, `{"y":[1]}`, string(raw))
	raw, ok = s.Lookup("n")
	assert.True(t, ok)
	assert.Equal(t, "null", string(raw))
	_, ok = s.Lookup("absent")
	assert.False(t, ok)

	payload := s.Payload()
	assert.Equal(t, text, string(payload))
	payload[1] = 'x'
	assert.Equal(t, text, string(s.Payload()), "a copy")

	_, err = claims.Parse([]byte(`{"a":tru}`))
	var e *claims.SyntaxError
	require.ErrorAs(t, err, &e)
	assert.Equal(t, claims.SyntaxError{Offset: 5, Problem: "not a JSON value"}, *e)
	assert.EqualError(t, e, "claims: not a JSON value at byte 5")
}

// What a model is encoded as can be decoded again, whatever was absent.
func TestModelsSurviveEncoding(t *testing.T) {
	var c claims.CircleCI
	require.NoError(t, json.Unmarshal([]byte(mustJSON(t, &claims.CircleCI{})), &c))
	assert.Equal(t, claims.CircleCI{}, c)
	again, err := claims.Decode[claims.GitLab]([]byte(mustJSON(t, &claims.GitLab{})))
	require.NoError(t, err)
	assert.Zero(t, again.ExpiresAt)
	got, err := claims.Decode[claims.GitLab](read(t, "gitlab-branch.json"))
	require.NoError(t, err)
	again, err = claims.Decode[claims.GitLab]([]byte(mustJSON(t, got)))
	require.NoError(t, err)
	assert.Equal(t, mustJSON(t, got), mustJSON(t, again))
}
