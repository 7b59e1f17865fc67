package main

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/examples/internal/fakejob"
	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

var stepNames = []string{
	"detected", "token", "verified claims", "AWS identity", "Google identity", "Google service account", "service answer",
	"refused: tampered", "refused: other audience", "refused: other project",
}

func TestRun(t *testing.T) {
	w, err := newWorld()
	require.NoError(t, err)
	var out strings.Builder
	require.Zero(t, run(t.Context(), &out, w), out.String())
	for _, title := range []string{"GitLab CI", "CircleCI"} {
		_, part, found := strings.Cut(out.String(), "\n"+title)
		require.True(t, found)
		part, _, _ = strings.Cut(part, "\n\n")
		for _, name := range stepNames {
			assert.Regexp(t, `(?m)^  ok  `+regexp.QuoteMeta(name)+` +[0-9.]+[mµ]?s  \S`, part, title)
		}
	}
	for _, told := range []string{
		"arn:aws:sts::123456789012:assumed-role/deploy-from-gitlab/gitlab-", "arn:aws:sts::123456789012:assumed-role/deploy-from-circleci/circleci-",
		"project_id=" + fakeissuer.GitLabProjectID, "project-id=" + fakeissuer.CircleCIProjectID, `"release 42"`, `200 "deploying for`,
		"wrong signature", "audience not accepted", "only the deployer's main branch may deploy",
	} {
		assert.Contains(t, out.String(), told)
	}
	for _, j := range w.jobs {
		for name, value := range j.env {
			if strings.Count(value, ".") == 2 {
				assert.NotContains(t, out.String(), value, "the token %s is shown", name)
			}
		}
		assert.NotContains(t, out.String(), j.token)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Each part that is broken is noticed, by the step that uses it.
func TestRunNoticesWhatIsBroken(t *testing.T) {
	all := func(status int) func(string, http.ResponseWriter, *http.Request) bool {
		return func(_ string, w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(status); return true }
	}
	google := func(broken fakegoogle.Endpoint) func(*world) {
		return func(w *world) {
			w.google.Misbehave(func(e fakegoogle.Endpoint, w http.ResponseWriter, _ *http.Request) bool {
				if e == broken {
					http.Error(w, "no", http.StatusForbidden)
				}
				return e == broken
			})
		}
	}
	gitlab, circleci := "GitLab CI", "CircleCI"
	for name, c := range map[string]struct {
		breaks func(*world)
		job    string
		step   string
		told   string
	}{
		"no platform": {func(w *world) { delete(w.jobs[0].env, "GITLAB_CI") }, gitlab, "detected", "no CI platform"},
		"the other platform": {
			func(w *world) { delete(w.jobs[1].env, "CIRCLECI"); w.jobs[1].env["GITLAB_CI"] = "true" }, circleci, "detected", "detected gitlab, not circleci",
		},
		"no token for the service": {func(w *world) { delete(w.jobs[0].env, "DEPLOY_ID_TOKEN") }, gitlab, "token", "id_tokens:"},
		"no circleci command":      {func(w *world) { w.jobs[1].command = nil }, circleci, "token", "there is no circleci command here"},
		"GitLab's key changed":     {func(w *world) { w.gitlab.Rotate(false) }, gitlab, "verified claims", "unknown key"},
		"GitLab's keys are away":   {func(w *world) { w.gitlab.Fail(500) }, gitlab, "verified claims", "HTTP status 500"},
		"GitLab token expired": {
			func(w *world) {
				w.jobs[0].env["DEPLOY_ID_TOKEN"] = w.gitlab.GitLab(serviceAudience, fakeissuer.Expired)
			}, gitlab, "token", "expired",
		},
		"wrong branch": {
			func(w *world) {
				w.jobs[0].env["DEPLOY_ID_TOKEN"] = w.gitlab.GitLab(serviceAudience, fakeissuer.Branch("other"))
			},
			gitlab, "verified claims", "only the deployer's main branch",
		},
		"no token for AWS": {func(w *world) { delete(w.jobs[0].env, "AWS_ID_TOKEN") }, gitlab, "AWS identity", "sts.amazonaws.com"},
		"audience AWS does not know": {
			func(w *world) { w.jobs[1].awsAudience = "https://elsewhere.example" }, circleci, "AWS identity", "InvalidIdentityToken",
		},
		"role of the other project": {func(w *world) { w.jobs[0].awsRole = "deploy-from-circleci" }, gitlab, "AWS identity", "AccessDenied"},
		"dead STS":                  {func(w *world) { w.aws.Misbehave(all(500)) }, gitlab, "AWS identity", "500"},
		"API call with a wrong signature": {
			func(w *world) {
				w.awsTransport = roundTripper(func(r *http.Request) (*http.Response, error) {
					r.Header.Set("X-Amz-Date", "20200101T000000Z")
					return http.DefaultTransport.RoundTrip(r)
				})
			}, gitlab, "AWS identity", "SignatureDoesNotMatch",
		},
		"API call with other credentials": {
			func(w *world) {
				w.awsTransport = roundTripper(func(r *http.Request) (*http.Response, error) {
					r.Header.Set("X-Amz-Security-Token", "x")
					return http.DefaultTransport.RoundTrip(r)
				})
			}, gitlab, "AWS identity", "StatusCode: 403",
		},
		"dead Google STS":       {google(fakegoogle.Token), gitlab, "Google identity", "403"},
		"provider of the other": {func(w *world) { w.jobs[0].googleProvider = fakejob.GoogleProvider("circleci") }, gitlab, "Google identity", "google"},
		"no access to storage":  {google(fakegoogle.Storage), gitlab, "Google identity", "403"},
		"no impersonation":      {google(fakegoogle.GenerateAccessToken), gitlab, "Google service account", "403"},
		"dead service":          {func(w *world) { w.service = http.NotFoundHandler() }, gitlab, "service answer", "the service answered 404"},
		"service without a guard": {
			func(w *world) { w.service = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}) }, gitlab, "refused: tampered", "answered 200",
		},
		"service that takes any audience": {
			func(w *world) { w.jobs[0].elsewhere = func() string { return w.gitlab.GitLab(serviceAudience) } }, gitlab, "refused: other audience", "answered 200",
		},
		"service that takes any project": {
			func(w *world) { w.jobs[1].foreign = func() string { return w.circleci.CircleCI(serviceAudience) } }, circleci, "refused: other project", "answered 200",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := newWorld()
			require.NoError(t, err)
			c.breaks(w)
			var out strings.Builder
			require.Equal(t, 1, run(t.Context(), &out, w), out.String())
			assert.Regexp(t, `(?m)^`+c.job+`.*: the step "`+regexp.QuoteMeta(c.step)+`" failed\.$`, out.String())
			assert.Contains(t, out.String(), c.told)
		})
	}
}
