package googletrust

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	organization = "4ada2c32-1ef9-4f4c-8b0e-9d1b3c1f2a10"
	project      = "cb279ff5-9dcc-4d6a-8b5c-7b9f7a2d1e33"
	poolPath     = "iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ci"
)

type claimSet map[string]any

// gitLabToken returns the claims of a job of gitlab.com with changes: nil leaves a
// claim out.
func gitLabToken(t *testing.T, changes claimSet) []byte {
	t.Helper()
	return encode(t, claimSet{
		"iss": "https://gitlab.com", "aud": "https://deploy.example", "iat": 1790000000, "nbf": 1790000000, "exp": 1790003600,
		"sub":        "project_path:acme/payments:ref_type:branch:ref:main",
		"project_id": "67890", "project_path": "acme/payments", "namespace_id": "12345", "namespace_path": "acme",
		"user_id": "7", "user_login": "chris", "pipeline_id": "1", "pipeline_source": "push", "job_id": "5",
		"ref": "main", "ref_type": "branch", "ref_path": "refs/heads/main", "ref_protected": "true",
		"runner_environment": "gitlab-hosted", "runner_id": 3, "groups_direct": []string{"acme"}, "job_project_id": "67890",
		"environment": "production", "environment_protected": "true",
	}, changes)
}

func circleCIToken(t *testing.T, changes claimSet) []byte {
	t.Helper()
	return encode(t, claimSet{
		"iss": "https://oidc.circleci.com/org/" + organization, "aud": "https://deploy.example", "iat": 1790000000, "exp": 1790003600,
		"sub":                          "org/" + organization + "/project/" + project + "/user/0d4f1c9a-5a51-4b6e-9a53-1f5f1d7a6c21",
		"oidc.circleci.com/project-id": project, "oidc.circleci.com/org-id": organization,
		"oidc.circleci.com/job-id": "0d4f1c9a-5a51-4b6e-9a53-1f5f1d7a6c22", "oidc.circleci.com/context-ids": []string{"c1", "c2"}, "oidc.circleci.com/ssh-rerun": false,
		"oidc.circleci.com/vcs-ref": "refs/heads/main", "oidc.circleci.com/vcs-origin": "github.com/acme/payments",
	}, changes)
}

func encode(t *testing.T, c, changes claimSet) []byte {
	t.Helper()
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	payload, err := json.Marshal(c)
	require.NoError(t, err)
	return payload
}

// providerOf returns a provider for gitlab.com, or for CircleCI if the condition
// is about that, with a condition and pairs of attributes and expressions.
func providerOf(condition string, mapping ...string) *Provider {
	p := &Provider{
		ProjectNumber: "123456789012", Pool: "ci", ID: "gitlab", IssuerURI: Value{Text: "https://gitlab.com"},
		AllowedAudiences: []Value{{Text: "https://deploy.example"}}, Condition: Value{Text: condition, Position: Position{Line: 2, Column: 3}},
	}
	if strings.Contains(condition+strings.Join(mapping, ""), "circleci") {
		p.IssuerURI.Text = "https://oidc.circleci.com/org/" + organization
	}
	if len(mapping) == 0 {
		mapping = []string{"google.subject", "assertion.sub"}
	}
	for i := 0; i < len(mapping); i += 2 {
		p.Mapping = append(p.Mapping, Attribute{Name: mapping[i], Expression: Value{Text: mapping[i+1], Position: Position{Line: i + 3, Column: 9}}})
	}
	return p
}

// bound returns one binding with these members of the pool of [providerOf].
func bound(members ...string) []Binding {
	b := Binding{Role: "roles/iam.workloadIdentityUser"}
	for _, m := range members {
		b.Members = append(b.Members, Value{Text: strings.ReplaceAll(m, "POOL", poolPath), Position: Position{Line: 1, Column: 7}})
	}
	return []Binding{b}
}
