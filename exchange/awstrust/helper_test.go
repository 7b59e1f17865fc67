package awstrust

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
	user         = "0d4f1c9a-5a51-4b6e-9a53-1f5f1d7a6c21"
	gitLabSub    = "project_path:acme/payments:ref_type:branch:ref:main"
	circleCISub  = "org/" + organization + "/project/" + project + "/user/" + user
)

// gitLab, selfManaged, circleCI and root are providers, each with one client ID.
var (
	gitLab      = Provider{URL: "https://gitlab.com", ClientIDs: []string{"https://deploy.example"}, AccountID: "123456789012"}
	selfManaged = Provider{URL: "https://git.acme.example/gitlab", ClientIDs: []string{"https://deploy.example"}, AccountID: "123456789012"}
	circleCI    = Provider{URL: "https://oidc.circleci.com/org/" + organization, ClientIDs: []string{organization}, AccountID: "123456789012"}
	root        = Provider{URL: "https://oidc.circleci.com", ClientIDs: []string{organization}, AccountID: "123456789012"}
)

type claimSet map[string]any

// tokenOf returns the claims of a job's token, as the provider's platform sends
// them, with changes: nil leaves a claim out.
func tokenOf(t *testing.T, p Provider, changes claimSet) []byte {
	t.Helper()
	c := claimSet{"iss": p.URL, "aud": p.ClientIDs[0], "iat": 1790000000, "exp": 1790003600}
	if strings.Contains(p.URL, "circleci") {
		maps.Copy(c, claimSet{
			"sub": circleCISub, "oidc.circleci.com/project-id": project, "oidc.circleci.com/org-id": organization,
			"oidc.circleci.com/context-ids": []string{}, "oidc.circleci.com/ssh-rerun": false,
			"oidc.circleci.com/vcs-ref": "refs/heads/main", "oidc.circleci.com/vcs-origin": "github.com/acme/payments",
		})
	} else {
		maps.Copy(c, claimSet{
			"sub": gitLabSub, "nbf": 1790000000, "project_id": "67890", "project_path": "acme/payments", "namespace_id": "12345",
			"user_id": "7", "user_login": "chris", "user_email": "chris@acme.example", "user_access_level": "maintainer",
			"pipeline_source": "push", "ref": "main", "ref_type": "branch", "ref_protected": "true", "runner_environment": "gitlab-hosted",
			"runner_id": 3, "environment": "production",
		})
	}
	for name, value := range changes {
		if value == nil {
			delete(c, name)
			continue
		}
		c[name] = value
	}
	payload, err := json.Marshal(c)
	require.NoError(t, err)
	return payload
}

// statementOf returns an Allow for the provider under conditions, which are JSON
// in which "@:" stands for what the provider's keys begin with.
func statementOf(p Provider, conditions string) string {
	return `{"Effect":"Allow","Principal":{"Federated":"` + p.ARN() + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":` +
		strings.ReplaceAll(conditions, "@:", p.prefix()+":") + `}`
}

// documentOf returns a trust policy of these statements.
func documentOf(t *testing.T, statements ...string) *Document {
	t.Helper()
	return versioned(t, "2012-10-17", statements...)
}

func versioned(t *testing.T, version string, statements ...string) *Document {
	t.Helper()
	d, err := Parse([]byte(`{"Version":"` + version + `","Statement":[` + strings.Join(statements, ",") + `]}`))
	require.NoError(t, err)
	return d
}
