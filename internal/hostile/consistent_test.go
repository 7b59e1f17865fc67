package hostile_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/hostile"
)

// What a token says twice, a variant says twice alike.
func TestVariantsAreConsistent(t *testing.T) {
	for name, identity := range identities(t) {
		if strings.HasSuffix(name, "audit log") {
			continue // no job's
		}
		all, err := hostile.Variants(identity)
		require.NoError(t, err)
		for _, v := range all {
			id := name + ": " + v.ID
			if strings.HasPrefix(v.ID, "changed/") {
				continue // of a claim that such a token never had
			}
			switch c := v.Claims.(type) {
			case *claims.GitLab:
				checkGitLab(t, id, c, v.Kind)
			case *claims.CircleCI:
				checkCircleCI(t, id, c)
			}
		}
	}
}

func checkGitLab(t *testing.T, id string, c *claims.GitLab, kind hostile.Kind) {
	t.Helper()
	subject, err := claims.ParseGitLabSubject(c.Subject)
	own := strings.HasSuffix(id, "login-token") || strings.HasPrefix(id, "GitLab, own sub") || c.Subject == ""
	if !own && !strings.HasPrefix(subject0(c.Subject), "ref") { // absent/project_path
		assert.NoError(t, err, "%s: %s", id, c.Subject)
	}
	for _, part := range subject {
		want := map[string]string{
			"project_path": c.ProjectPath, "project_id": string(c.ProjectID), "ref": c.Ref, "ref_type": c.RefType,
			"ref_protected": c.RefProtected.String(), "environment_protected": c.EnvironmentProtected.String(), "deployment_tier": c.DeploymentTier,
		}
		if kind == hostile.Missing && want[part.Name] == "" {
			continue // The subject has no other part, and cannot be empty.
		}
		assert.Equal(t, want[part.Name], part.Value, "%s: %s of %s", id, part.Name, c.Subject)
	}
	if kind == hostile.Missing {
		return
	}
	if c.RefPath != "" {
		assert.Equal(t, map[string]string{"branch": "refs/heads/", "tag": "refs/tags/"}[c.RefType]+c.Ref, c.RefPath, id)
	}
	if c.NamespacePath != "" && c.ProjectPath != "" {
		assert.Equal(t, c.NamespacePath, c.ProjectPath[:strings.LastIndexByte(c.ProjectPath, '/')], id)
	}
	if c.JobNamespacePath != "" {
		assert.Equal(t, c.JobNamespacePath, c.JobProjectPath[:strings.LastIndexByte(c.JobProjectPath, '/')], id)
	}
	if (c.JobProjectPath == c.ProjectPath) != (c.JobProjectID == c.ProjectID) && c.JobProjectPath != "" {
		t.Errorf("%s: job_project_path and job_project_id do not agree: %s %s", id, c.Subject, c.JobProjectPath)
	}
	if c.ExpiresAt != 0 && c.IssuedAt != 0 {
		assert.Greater(t, c.ExpiresAt, c.IssuedAt, id)
	}
}

func subject0(subject string) string {
	first, _, _ := strings.Cut(subject, ":")
	return first
}

func checkCircleCI(t *testing.T, id string, c *claims.CircleCI) {
	t.Helper()
	s, err := claims.ParseCircleCISubject(c.Subject)
	if c.Subject == "" {
		return
	}
	if err != nil {
		require.ErrorIs(t, err, claims.ErrAmbiguousSubject, id)
	}
	if c.OrganizationID != "" {
		assert.Equal(t, c.OrganizationID, s.OrganizationID, id)
	}
	if _, organization, ok := strings.Cut(c.Issuer, "/org/"); ok {
		assert.Equal(t, organization, s.OrganizationID, id)
	}
	if c.ProjectID != "" {
		assert.Equal(t, c.ProjectID, s.ProjectID, id)
	}
	if _, vcs, second := strings.Cut(c.Subject, "/vcs-origin/"); second {
		assert.Equal(t, c.VCSOrigin+"/vcs-ref/"+c.VCSRef, vcs, id)
	}
}

func TestOrganizationsOfOthers(t *testing.T) {
	for name, identity := range map[string]claims.Model{
		"now":   identities(t)["CircleCI, second form"],
		"older": identities(t)["CircleCI, older"],
		"own":   identities(t)["CircleCI, default audience"],
	} {
		was := identity.(*claims.CircleCI)
		all, err := hostile.Variants(identity)
		require.NoError(t, err)
		for _, id := range []string{"other-organization", "owner-suffix", "same-repository-other-organization", "root-issuer-other-organization"} {
			c := find(t, all, id).Claims.(*claims.CircleCI)
			s, err := claims.ParseCircleCISubject(c.Subject)
			require.NoError(t, err)
			before, _ := claims.ParseCircleCISubject(was.Subject)
			assert.NotEqual(t, before.OrganizationID, s.OrganizationID, "%s: %s", name, id)
			assert.NotEqual(t, was.ProjectID, c.ProjectID, "%s: %s", name, id)
			if id == "root-issuer-other-organization" {
				assert.Equal(t, "https://oidc.circleci.com", c.Issuer)
			} else {
				assert.Equal(t, "https://oidc.circleci.com/org/"+s.OrganizationID, c.Issuer)
			}
			if name == "own" {
				assert.Equal(t, claims.Audience{s.OrganizationID}, c.Audience)
			}
		}
	}
}
