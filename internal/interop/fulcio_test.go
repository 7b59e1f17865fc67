//go:build linux

package interop

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// fulcioAudience is the audience that Fulcio's configuration demands of every
// token.
const fulcioAudience = "sigstore"

// fulcioWorld is a certificate authority that trusts two fake issuers.
type fulcioWorld struct {
	ca               *fulcio
	gitLab, circleCI *fakeissuer.Issuer
}

func newFulcioWorld(t *testing.T) fulcioWorld {
	t.Helper()
	program := required(t, "fulcio")
	w := fulcioWorld{
		gitLab:   startIssuer(t, issuerOptions{}),
		circleCI: startIssuer(t, issuerOptions{organization: fakeissuer.CircleCIOrganizationID}),
	}
	base, _, _ := strings.Cut(w.circleCI.URL(), "/org/")
	var err error
	w.ca, err = startFulcio(t.Context(), t.TempDir(), program, w.gitLab.URL(), base)
	if w.ca != nil {
		t.Cleanup(func() { w.ca.proc.Stop(0) })
	}
	require.NoError(t, err)
	return w
}

// certify presents a token with the proof for its own subject.
func (w fulcioWorld) certify(t *testing.T, token string) (map[string]string, error) {
	t.Helper()
	tally.real(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	return w.ca.sign(ctx, token, subjectOf(t, token))
}

// A job's token is enough for a certificate, and what the certificate says of
// the build is what the claims mean.
func TestFulcioCertifiesJobs(t *testing.T) {
	w := newFulcioWorld(t)
	type edits = []func(fakeissuer.Claims)
	host := strings.TrimPrefix(w.gitLab.URL(), "http://")
	const (
		api     = "https://circleci.com/api/v2"
		project = api + "/projects/" + fakeissuer.CircleCIProjectID + "/pipeline-definitions/" + fakeissuer.CircleCIPipelineDefinitionID
	)
	for _, tt := range []struct {
		name  string
		mint  func(string, ...func(fakeissuer.Claims)) string
		edits edits
		want  map[string]string // among what the certificate says
		lacks []string
	}{
		{"GitLab push", w.gitLab.GitLab, nil, map[string]string{
			certName:                                  "https://" + host + "/acme/webshop//.gitlab-ci.yml@refs/heads/main",
			"issuer":                                  w.gitLab.URL(),
			"subject":                                 "project_path:acme/webshop:ref_type:branch:ref:main",
			"build-signer-digest":                     fakeissuer.GitLabSHA,
			"build-trigger":                           "push",
			"run-invocation-uri":                      "https://gitlab.com/acme/webshop/-/jobs/" + fakeissuer.GitLabJobID,
			"runner-environment":                      "self-hosted",
			"source-repository-uri":                   "https://gitlab.com/acme/webshop",
			"source-repository-digest":                fakeissuer.GitLabSHA,
			"source-repository-ref":                   "refs/heads/main",
			"source-repository-identifier":            fakeissuer.GitLabProjectID,
			"source-repository-owner-identifier":      fakeissuer.GitLabNamespaceID,
			"source-repository-owner-uri":             "https://gitlab.com/acme",
			"source-repository-visibility-at-signing": "private",
		}, []string{"deployment-environment"}},
		{"GitLab tag", w.gitLab.GitLab, edits{fakeissuer.Tag("v1.4.0")}, map[string]string{"source-repository-ref": "refs/tags/v1.4.0"}, nil},
		{"GitLab deployment", w.gitLab.GitLab, edits{fakeissuer.ProtectedEnvironment("production/eu", "production")}, map[string]string{"deployment-environment": "production/eu"}, nil},
		{"GitLab hosted runner", w.gitLab.GitLab, edits{fakeissuer.HostedRunner}, map[string]string{"runner-environment": "gitlab-hosted"}, nil},
		{"GitLab subject by project ID", w.gitLab.GitLab, edits{fakeissuer.Subject("project_id", "ref_type", "ref")}, map[string]string{"subject": "project_id:" + fakeissuer.GitLabProjectID + ":ref_type:branch:ref:main"}, nil},
		{"GitLab audience in an array", w.gitLab.GitLab, edits{fakeissuer.AudienceArray("https://deploy.example")}, map[string]string{"build-trigger": "push"}, nil},
		{"GitLab before 18.4", w.gitLab.GitLab, edits{fakeissuer.BeforeGitLab184}, map[string]string{"build-trigger": "push"}, nil},
		{"GitLab job without a user", w.gitLab.GitLab, edits{fakeissuer.NoUser}, map[string]string{"build-trigger": "push"}, nil},
		{"GitLab fork in the parent", w.gitLab.GitLab, edits{fakeissuer.ForkMergeRequestInParent}, map[string]string{"source-repository-identifier": fakeissuer.GitLabForkProjectID}, nil},
		{"CircleCI push", w.circleCI.CircleCI, nil, map[string]string{
			certName:                project,
			"issuer":                w.circleCI.URL(),
			"subject":               "org/" + fakeissuer.CircleCIOrganizationID + "/project/" + fakeissuer.CircleCIProjectID + "/user/" + fakeissuer.CircleCIUserID,
			"build-config-uri":      api + "/pipeline/" + fakeissuer.CircleCIPipelineID + "/config",
			"build-signer-uri":      project,
			"run-invocation-uri":    "https://app.circleci.com//workflow/" + fakeissuer.CircleCIWorkflowID + "/job/" + fakeissuer.CircleCIJobID,
			"runner-environment":    `""`,
			"source-repository-ref": "refs/heads/main",
			"source-repository-uri": fakeissuer.CircleCIVCSOrigin,
		}, nil},
		{"CircleCI second form of the subject", w.circleCI.CircleCI, edits{fakeissuer.SubjectV2}, map[string]string{
			"subject": "org/" + fakeissuer.CircleCIOrganizationID + "/project/" + fakeissuer.CircleCIProjectID + "/user/" + fakeissuer.CircleCIUserID +
				"/vcs-origin/" + fakeissuer.CircleCIVCSOrigin + "/vcs-ref/refs/heads/main",
		}, nil},
		{"CircleCI rerun with SSH", w.circleCI.CircleCI, edits{fakeissuer.SSHRerun}, map[string]string{"runner-environment": "ssh-rerun"}, nil},
		{"CircleCI pull request of a fork", w.circleCI.CircleCI, edits{fakeissuer.ForkPullRequest}, map[string]string{"source-repository-uri": fakeissuer.CircleCIForkOrigin, "source-repository-ref": fakeissuer.CircleCIForkRef}, nil},
		{"CircleCI custom webhook", w.circleCI.CircleCI, edits{fakeissuer.CustomWebhook}, map[string]string{certName: project}, []string{"source-repository-uri", "source-repository-ref"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			facts, err := w.certify(t, tt.mint(fulcioAudience, tt.edits...))
			require.NoError(t, err)
			for name, want := range tt.want {
				assert.Equal(t, want, facts[name], name)
			}
			for _, name := range tt.lacks {
				assert.NotContains(t, facts, name)
			}
		})
	}
}

// Every claim that Fulcio's template for GitLab reads is in our tokens: it
// names the one that is taken away.
func TestFulcioNamesAMissingGitLabClaim(t *testing.T) {
	w := newFulcioWorld(t)
	reads := w.ca.GitLab.required()
	for _, claim := range []string{"project_path", "ci_config_sha", "ci_config_ref_uri", "runner_environment"} {
		require.Contains(t, reads, claim, "the template is not read rightly")
	}
	for _, claim := range slices.Sorted(maps.Keys(reads)) {
		t.Run(claim, func(t *testing.T) {
			_, err := w.certify(t, w.gitLab.GitLab(fulcioAudience, without(claim)))
			var refusal *fulcioError
			require.ErrorAs(t, err, &refusal)
			assert.Equal(t, http.StatusBadRequest, refusal.StatusCode)
			// "value <claim> not present" or "no entry for key "claim"".
			assert.Regexp(t, `value <`+claim+`> not present|no entry for key "`+claim+`"`, refusal.Message)
		})
	}
}

// Fulcio's template for CircleCI leaves a claim that is missing empty, so the
// certificate tells: each extension that the claim goes into loses its value,
// and no other changes.
func TestFulcioCertificateLacksAMissingCircleCIClaim(t *testing.T) {
	w := newFulcioWorld(t)
	whole, err := w.certify(t, w.circleCI.CircleCI(fulcioAudience))
	require.NoError(t, err)
	reads := w.ca.CircleCI.required()
	require.Contains(t, reads, "oidc.circleci.com/ssh-rerun", "the template is not read rightly")
	delete(reads, "oidc.circleci.com/ssh-rerun") // the template tells only true from the rest: see "rerun with SSH" above
	for _, name := range []string{"project-id", "pipeline-definition-id", "pipeline-id", "workflow-id", "job-id", "vcs-origin", "vcs-ref"} {
		require.Contains(t, reads, "oidc.circleci.com/"+name, "the template is not read rightly")
	}
	for _, claim := range slices.Sorted(maps.Keys(reads)) {
		t.Run(claim, func(t *testing.T) {
			var value string
			facts, err := w.certify(t, w.circleCI.CircleCI(fulcioAudience, func(c fakeissuer.Claims) {
				value, _ = c[claim].(string)
				delete(c, claim)
			}))
			require.NoError(t, err)
			require.NotEmpty(t, value, "our tokens do not have the claim")
			for name, was := range whole {
				if !slices.Contains(reads[claim], name) {
					assert.Equal(t, was, facts[name], name)
					continue
				}
				assert.Contains(t, was, value, name)
				assert.Equal(t, strings.Replace(was, value, "", 1), facts[name], name)
			}
		})
	}
}

// Fulcio says only that the token is bad; its log says why.
func TestFulcioRefusesBadTokens(t *testing.T) {
	w := newFulcioWorld(t)
	for _, tt := range []struct {
		name, token, because string
	}{
		{"tampered GitLab", tampered(t, w.gitLab.GitLab(fulcioAudience), "project_id", "1"), "failed to verify signature"},
		{"tampered CircleCI", tampered(t, w.circleCI.CircleCI(fulcioAudience), "oidc.circleci.com/project-id", "1"), "failed to verify signature"},
		{"expired GitLab", w.gitLab.GitLab(fulcioAudience, fakeissuer.Expired), "token is expired"},
		{"expired CircleCI", w.circleCI.CircleCI(fulcioAudience, fakeissuer.Expired), "token is expired"},
		{"GitLab token for another audience", w.gitLab.GitLab("https://deploy.example"), `expected audience \"sigstore\"`},
		{"CircleCI token for its default audience", w.circleCI.CircleCI(""), `expected audience \"sigstore\"`},
		{"GitLab token of CircleCI's key", w.circleCI.GitLab(fulcioAudience, with("iss", w.gitLab.URL())), "failed to verify signature"},
		{"issuer that nobody trusts", w.circleCI.CircleCI(fulcioAudience, with("iss", "http://127.0.0.1:1")), "failed to match issuer URL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before, err := os.ReadFile(w.ca.proc.log)
			require.NoError(t, err)
			_, err = w.certify(t, tt.token)
			var refusal *fulcioError
			require.ErrorAs(t, err, &refusal)
			assert.Equal(t, http.StatusBadRequest, refusal.StatusCode)
			assert.Contains(t, refusal.Message, "identity token")
			after, err := os.ReadFile(w.ca.proc.log)
			require.NoError(t, err)
			assert.Contains(t, string(bytes.TrimPrefix(after, before)), tt.because)
		})
	}
}
