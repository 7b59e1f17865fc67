package ciplatform_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/ciplatform"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// newIssuer returns an issuer on the real clock.
func newIssuer(t *testing.T, url string) *fakeissuer.Issuer {
	t.Helper()
	issuer, err := fakeissuer.New(fakeissuer.Options{URL: url})
	require.NoError(t, err)
	t.Cleanup(issuer.Close)
	return issuer
}

// The zero values, in the process's own environment, with whole tokens.
func TestZeroValuesReadTheProcess(t *testing.T) {
	for _, name := range []string{"CIRCLECI", "GITLAB_CI", "CI_JOB_ID", "CI_JOB_TOKEN"} {
		t.Setenv(name, "")
	}
	t.Run("CircleCI", func(t *testing.T) {
		token := newIssuer(t, fakeissuer.CircleCIURL(orgID)).CircleCI(orgID)
		t.Setenv("CIRCLECI", "true")
		t.Setenv("CIRCLE_OIDC_TOKEN", token)
		ci, err := ciplatform.Detect()
		require.NoError(t, err)
		assert.Equal(t, &ciplatform.CircleCI{}, ci)
		got, err := ci.IDToken(t.Context(), "")
		require.NoError(t, err)
		assert.Equal(t, token, got)
	})
	t.Run("GitLab", func(t *testing.T) {
		token := newIssuer(t, "https://gitlab.com").GitLab(service)
		t.Setenv("GITLAB_CI", "true")
		t.Setenv("DEPLOY_ID_TOKEN", token)
		ci, err := ciplatform.Detect()
		require.NoError(t, err)
		assert.Equal(t, &ciplatform.GitLab{}, ci)
		got, err := ci.IDToken(t.Context(), service)
		require.NoError(t, err)
		assert.Equal(t, token, got)
	})
}

func TestGitLabTakesEveryKindOfJobsIDToken(t *testing.T) {
	issuer := newIssuer(t, "https://gitlab.com")
	for name, token := range map[string]string{
		"a list of audiences":                issuer.GitLab(service, fakeissuer.AudienceArray("other")),
		"before GitLab 18.4":                 issuer.GitLab(service, fakeissuer.BeforeGitLab184),
		"a fork's merge request, in parent":  issuer.GitLab(service, fakeissuer.ForkMergeRequestInParent),
		"another subject":                    issuer.GitLab(service, fakeissuer.Subject("project_id", "ref_type", "ref")),
		"null user_access_level":             issuer.GitLab(service, fakeissuer.NullUserAccessLevel),
		"a job of a security policy":         issuer.GitLab(service, fakeissuer.PolicyJob),
		"an issuer with a trailing slash":    newIssuer(t, "https://keys.example.com/").GitLab(service),
		"an issuer below a path, over HTTP":  newIssuer(t, "http://localhost/gitlab").GitLab(service),
		"groups, identities and environment": issuer.GitLab(service, fakeissuer.GroupsDirect("a/b"), fakeissuer.UserIdentity("x", "y"), fakeissuer.Environment("production", "production")),
	} {
		t.Run(name, func(t *testing.T) {
			p := &ciplatform.GitLab{Environ: environ(map[string]string{"GITLAB_CI": "true", "T": token})}
			got, err := p.IDToken(t.Context(), service)
			require.NoError(t, err)
			assert.Equal(t, token, got)
		})
	}
}

func TestGitLabTakesNoOtherTokenOfTheInstance(t *testing.T) {
	issuer := newIssuer(t, "https://gitlab.com")
	for name, env := range map[string]map[string]string{
		"a login token": {"LOGIN_ID_TOKEN": issuer.Login(service)},
		"the legacy token without an audience": {
			"CI_JOB_JWT": issuer.GitLab(service, fakeissuer.LegacyV1),
		},
		"the legacy token, for the instance": {
			"CI_JOB_JWT_V2": issuer.GitLab("https://gitlab.com", fakeissuer.LegacyV2),
		},
		"another platform's": {"CIRCLE_OIDC_TOKEN": newIssuer(t, fakeissuer.CircleCIURL(orgID)).CircleCI(service)},
	} {
		t.Run(name, func(t *testing.T) {
			env["GITLAB_CI"] = "true"
			p := &ciplatform.GitLab{Environ: environ(env)}
			for _, audience := range []string{"", service, "https://gitlab.com"} {
				got, err := p.IDToken(t.Context(), audience)
				assert.Empty(t, got)
				onlyReason(t, err, ciplatform.ErrNoToken)
			}
		})
	}
}
