package main

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/examples/doctor/internal/checkup"
	"github.com/cioidc/cioidc/examples/internal/fakejob"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// tryAWS and tryGoogle ask the clouds of the world.
func (w *world) tryAWS(role string) {
	w.cfg.AWS = &checkup.AWS{Role: fakejob.RoleARN(role), Region: fakejob.AWSRegion}
}

func (w *world) tryGoogle(provider string) { w.cfg.Google = &checkup.Google{Provider: provider} }

// fault is one thing that is wrong with a job, and how doctor names it.
type fault struct {
	name  string
	job   func(*testing.T) *world
	plant func(*world)
	check string        // the check that names it
	state checkup.State // of that check
	words []string      // what the check says, its evidence and action included
	class checkup.Class
}

var faults = []fault{
	{"gitlab-no-token", gitLab, func(w *world) { delete(w.env, "AWS_ID_TOKEN") },
		"token", checkup.Fail, []string{"no ID token", "id_tokens:"}, checkup.NoToken},
	{"circleci-no-token", circleCI, func(w *world) {
		delete(w.env, "CIRCLE_OIDC_TOKEN")
		delete(w.env, "CIRCLE_OIDC_TOKEN_V2")
		w.env["CIRCLE_PR_NUMBER"] = "7"
	}, "token", checkup.Fail, []string{"CIRCLE_OIDC_TOKEN is not set", "forked pull request"}, checkup.NoToken},
	{"gitlab-unexpanded", gitLab, func(w *world) { w.env["AWS_ID_TOKEN"] = "${MY_ID_TOKEN}" },
		"token-value", checkup.Fail, []string{`"AWS_ID_TOKEN" holds the text "${MY_ID_TOKEN}"`, "not expanded"}, checkup.NoToken},
	{"gitlab-job-token", gitLab, func(w *world) { w.env["AWS_ID_TOKEN"] = jobTokenValue },
		"token-value", checkup.Fail, []string{`"AWS_ID_TOKEN" holds CI_JOB_TOKEN`, "id_tokens"}, checkup.NoToken},
	{"gitlab-expired", gitLab, func(w *world) { w.env["AWS_ID_TOKEN"] = w.issuer.GitLab("sts.amazonaws.com", fakeissuer.Expired) },
		"time", checkup.Fail, []string{"expired 10m0s ago", "timeout"}, checkup.Problem},
	{"circleci-expired", circleCI, func(w *world) { w.env["CIRCLE_OIDC_TOKEN"] = w.issuer.CircleCI("", fakeissuer.Expired) },
		"time", checkup.Fail, []string{"expired 10m0s ago"}, checkup.Problem},
	{"gitlab-other-audience", gitLab, func(w *world) { w.cfg.Audience = "https://deploy.example" },
		"token-audience", checkup.Fail, []string{"https://deploy.example", "sts.amazonaws.com", "id_tokens:"}, checkup.Problem},
	{"gitlab-unreachable", gitLab, func(w *world) { w.issuer.Fail(http.StatusBadGateway) },
		"discovery", checkup.Fail, []string{"HTTP status 502", "https://gitlab.com/.well-known/openid-configuration"}, checkup.Unreachable},
	{"circleci-keys-unreachable", circleCI, func(w *world) {
		w.issuer.Misbehave(func(rw http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "jwks-pub.json") {
				return false
			}
			http.Redirect(rw, r, "https://login.example/", http.StatusFound)
			return true
		})
	}, "issuer-keys", checkup.Fail, []string{"HTTP status 302", "jwks-pub.json"}, checkup.Unreachable},
	{"gitlab-key-not-in-set", gitLab, func(w *world) { w.env["AWS_ID_TOKEN"] = withKeyID(w.issuer, "old-key") },
		"issuer-keys", checkup.Fail, []string{"not among", "old-key"}, checkup.Problem},
	{"gitlab-clock-behind", gitLab, func(w *world) { w.skew = 7 * time.Minute },
		"clock", checkup.Fail, []string{"7m0s behind"}, checkup.Problem},
	{"circleci-clock-ahead", circleCI, func(w *world) { w.skew = -time.Minute },
		"clock", checkup.Warn, []string{"1m0s ahead"}, checkup.Healthy},
	{"circleci-long-subject", circleCI, func(w *world) { w.env["CIRCLE_OIDC_TOKEN"] = w.env["CIRCLE_OIDC_TOKEN_V2"] },
		"google-subject", checkup.Warn, []string{"186 bytes", "127", "CIRCLE_OIDC_TOKEN"}, checkup.Healthy},
	{"gitlab-static-keys", gitLab, func(w *world) {
		w.env["AWS_ACCESS_KEY_ID"], w.env["AWS_SECRET_ACCESS_KEY"] = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
		w.tryAWS(fakejob.GitLabRole)
	}, "aws-static-keys", checkup.Fail, []string{"AWS_ACCESS_KEY_ID", "unset"}, checkup.Problem},
	{"circleci-root-issuer", circleCI, func(w *world) {
		w.env["CIRCLE_OIDC_TOKEN"] = w.issuer.CircleCI("", fakeissuer.RootIssuer)
		w.tryAWS(fakejob.CircleCIRole)
	}, "root-issuer", checkup.Warn, []string{"all of its customers share", "--root-issuer"}, checkup.Refused},
	{"gitlab-provider-name", gitLab, func(w *world) { w.tryGoogle("projects/1/locations/global/workloadIdentityPools/ci/providers/gitlab") },
		"google-exchange", checkup.Fail, []string{"was not asked", "//iam.googleapis.com/"}, checkup.Problem},
	{"circleci-provider-missing", circleCI, func(w *world) {
		w.cfg.Command = func(_ context.Context, args ...string) ([]byte, error) {
			return fakejob.CircleCICommand(w.issuer, args)
		}
		w.tryGoogle(fakejob.GoogleProvider("circle"))
	}, "google-exchange", checkup.Fail, []string{"invalid_target"}, checkup.Refused},
	{"gitlab-wrong-role", gitLab, func(w *world) { w.tryAWS(fakejob.CircleCIRole) },
		"aws-exchange", checkup.Fail, []string{"AccessDenied", "trust policy"}, checkup.Refused},
}

// withKeyID returns a job's token whose header names another key.
func withKeyID(issuer *fakeissuer.Issuer, id string) string {
	token := map[string]any{}
	raw := issuer.GitLab("sts.amazonaws.com", func(c fakeissuer.Claims) {
		for name, value := range c {
			token[name] = value
		}
	})
	if raw == "" {
		return ""
	}
	return issuer.SignWith(func(h fakeissuer.Header) { h["kid"] = id }, token)
}

func TestFaults(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) { f.test(t) })
	}
}

// test plants the fault, and sees that the report names it.
func (f *fault) test(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := f.job(t)
		f.plant(w)
		report := w.run()
		assert.Equal(t, f.class, report.Class)
		printed := text(report, false)
		w.golden(f.name, printed)

		var named *checkup.Check
		for i, c := range report.Checks {
			if c.Name == f.check && c.State == f.state {
				named = &report.Checks[i]
			}
		}
		require.NotNil(t, named, "no check %s has the state %s:\n%s", f.check, f.state, printed)
		only := strings.Join(strings.Fields(text(&checkup.Report{Checks: []checkup.Check{*named}}, false)), " ")
		for _, words := range f.words {
			assert.Contains(t, only, words)
		}
	})
}

func TestHealthy(t *testing.T) {
	for name, job := range map[string]func(*testing.T) *world{"gitlab": gitLab, "circleci": circleCI} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := job(t)
				if name == "gitlab" {
					w.env["GOOGLE_ID_TOKEN"] = w.issuer.GitLab("https:" + fakejob.GoogleProvider("gitlab"))
					w.cfg.Audience = fakejob.GitLabAWSAudience
					w.tryAWS(fakejob.GitLabRole)
				} else {
					w.cfg.Command = func(_ context.Context, args ...string) ([]byte, error) {
						return fakejob.CircleCICommand(w.issuer, args)
					}
					w.tryAWS(fakejob.CircleCIRole)
				}
				w.tryGoogle(fakejob.GoogleProvider(name))
				report := w.run()
				assert.Equal(t, checkup.Healthy, report.Class)
				for _, c := range report.Checks {
					assert.Contains(t, []checkup.State{checkup.OK, checkup.Info}, c.State, "%+v", c)
				}
				assert.Equal(t, []string{"sts.eu-west-1.amazonaws.com", "sts.googleapis.com"}, w.tried)
				w.golden(name+"-healthy", text(report, false))
			})
		})
	}
}
