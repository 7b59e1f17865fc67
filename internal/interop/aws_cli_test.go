//go:build linux

package interop

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/fakecloud/fakeaws"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// The fake STS is good enough for AWS's own command line: it reads its answers,
// signs with the credentials in them, and reports its refusals.
func TestAWSCommandLine(t *testing.T) {
	program, ok := optional(t, "aws")
	if !ok {
		return
	}
	const (
		account  = "123456789012"
		audience = "https://deploy.example"
	)
	gitLab := newIssuer(t, "https://gitlab.example.com")
	circleCI := newIssuer(t, fakeissuer.CircleCIURL(fakeissuer.CircleCIOrganizationID))
	gitLabTrust, err := trustPolicy(account, gitLab.URL(), conditions{
		"StringEquals": {"aud": audience},
		"StringLike":   {"sub": "project_path:" + fakeissuer.GitLabProjectPath + ":*"},
	})
	require.NoError(t, err)
	circleCITrust, err := trustPolicy(account, circleCI.URL(), conditions{
		"StringEquals": {"aud": audience, "oidc.circleci.com/project-id": fakeissuer.CircleCIProjectID},
	})
	require.NoError(t, err)
	server, err := fakeaws.New(fakeaws.Config{
		Fetch:     fakeissuer.Client(gitLab, circleCI),
		AccountID: account,
		Providers: []fakeaws.Provider{
			{URL: gitLab.URL(), ClientIDs: []string{audience}},
			{URL: circleCI.URL(), ClientIDs: []string{audience}},
		},
		Roles: []fakeaws.Role{
			{Name: "gitlab-deploy", TrustPolicy: gitLabTrust},
			{Name: "circleci-deploy", TrustPolicy: circleCITrust},
		},
	})
	require.NoError(t, err)

	for _, tt := range []struct {
		name, role, token string
		refused           string // the error code; empty means that the identity is told
		text              string // in the error, besides the code
	}{
		{"GitLab", "gitlab-deploy", gitLab.GitLab(audience), "", ""},
		{"CircleCI", "circleci-deploy", circleCI.CircleCI(audience), "", ""},
		{"another project", "gitlab-deploy", gitLab.GitLab(audience, with("project_path", "acme/other"), with("sub", "project_path:acme/other:ref_type:branch:ref:main")), "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		{"another CircleCI project", "circleci-deploy", circleCI.CircleCI(audience, with("oidc.circleci.com/project-id", newUUID())), "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		{"another audience", "gitlab-deploy", gitLab.GitLab("https://other.example"), "InvalidIdentityToken", "could not be validated"},
		{"expired", "gitlab-deploy", gitLab.GitLab(audience, fakeissuer.Expired), "ExpiredTokenException", "Token expired"},
		{"tampered", "circleci-deploy", tampered(t, circleCI.CircleCI(audience, with("oidc.circleci.com/project-id", newUUID())), "oidc.circleci.com/project-id", fakeissuer.CircleCIProjectID), "InvalidIdentityToken", "could not be validated"},
		{"no token", "gitlab-deploy", "not.a.token", "InvalidIdentityToken", "not a valid JWT"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tally.real(t)
			box := newSandbox(t) // the command line keeps sessions in its home
			identities := server.Requests(fakeaws.GetCallerIdentity)
			res := box.Run(t, []string{
				"AWS_ENDPOINT_URL=" + box.Serve(t, server),
				"AWS_ROLE_ARN=arn:aws:iam::" + account + ":role/" + tt.role,
				"AWS_ROLE_SESSION_NAME=interop-1",
				"AWS_WEB_IDENTITY_TOKEN_FILE=" + box.Write(t, "token", tt.token),
				"AWS_DEFAULT_REGION=eu-west-1",
				"AWS_EC2_METADATA_DISABLED=true",
			}, program, "sts", "get-caller-identity", "--output", "json")
			told := server.Requests(fakeaws.GetCallerIdentity) - identities
			if tt.refused != "" {
				assert.NotZero(t, res.code)
				assert.Contains(t, res.stderr, "("+tt.refused+") when calling the AssumeRoleWithWebIdentity operation")
				assert.Contains(t, res.stderr, tt.text)
				assert.Zero(t, told, "there was nothing to sign with")
				return
			}
			require.Zero(t, res.code, res.stderr)
			var who struct{ UserID, Account, ARN string }
			require.NoError(t, json.Unmarshal([]byte(strings.NewReplacer(`"UserId"`, `"UserID"`, `"Arn"`, `"ARN"`).Replace(res.stdout)), &who))
			assert.Equal(t, account, who.Account)
			assert.Equal(t, "arn:aws:sts::"+account+":assumed-role/"+tt.role+"/interop-1", who.ARN)
			assert.Regexp(t, `^AROA\w+:interop-1$`, who.UserID)
			assert.Equal(t, 1, told)
		})
	}
}
