package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/examples/doctor/internal/checkup"
	"github.com/cioidc/cioidc/examples/internal/fakejob"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// trustPolicy is one statement for the tokens of provider, with this condition.
func trustPolicy(provider, condition string) []byte {
	return fmt.Appendf(nil, `{
  "Version": "2012-10-17",
  "Statement": [{
    "Effect": "Allow",
    "Principal": {"Federated": "arn:aws:iam::%s:oidc-provider/%s"},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {%s}
  }]
}`, fakejob.AWSAccount, provider, condition)
}

const circleCIProvider = "oidc.circleci.com/org/" + fakejob.OrganizationID

// trustFaults are faults of a trust policy that doctor was given.
var trustFaults = []fault{
	{"gitlab-trust-subject", gitLab, func(w *world) {
		w.cfg.AWSKnown = &awssts.Known{TrustPolicy: trustPolicy("gitlab.com", `"StringLike": {"gitlab.com:sub": "project_path:acme/other:*"}`)}
	}, "aws-trust", checkup.Fail, []string{"line 7, column 34", "gitlab.com:sub", "project_path:acme/webshop:ref_type:branch:ref:main", "project_path:acme/other:*"}, checkup.Problem},
	{"gitlab-trust-star", gitLab, func(w *world) {
		w.cfg.AWSKnown = &awssts.Known{TrustPolicy: trustPolicy("gitlab.com", `"StringEquals": {"gitlab.com:sub": "project_path:acme/*"}`)}
	}, "aws-trust", checkup.Fail, []string{"StringEquals", "project_path:acme/*"}, checkup.Problem},
	{"gitlab-trust-key", gitLab, func(w *world) {
		w.cfg.AWSKnown = &awssts.Known{TrustPolicy: trustPolicy("gitlab.com", `"StringEquals": {"gitlab.com:environment": "production"}`)}
	}, "aws-trust", checkup.Fail, []string{"gitlab.com:environment"}, checkup.Problem},
	{"circleci-trust-v2", circleCI, func(w *world) {
		w.cfg.AWSKnown = &awssts.Known{TrustPolicy: trustPolicy(circleCIProvider, `"StringLike": {"`+circleCIProvider+`:sub": "org/*/vcs-ref/refs/heads/main"}`)}
	}, "aws-trust", checkup.Fail, []string{"vcs-ref/refs/heads/main"}, checkup.Problem},
	{"gitlab-trust-no-provider", gitLab, func(w *world) {
		w.cfg.AWSKnown = &awssts.Known{TrustPolicy: trustPolicy("gitlab.com", ""), Providers: []awssts.KnownProvider{{URL: "gitlab.com/"}}}
	}, "aws-trust", checkup.Fail, []string{"no provider for the token's issuer", "https://gitlab.com/"}, checkup.Problem},
	{"gitlab-trust-audience", gitLab, func(w *world) {
		w.cfg.AWSKnown = &awssts.Known{TrustPolicy: trustPolicy("gitlab.com", ""), Providers: []awssts.KnownProvider{{URL: "gitlab.com", ClientIDs: []string{"other"}}}}
	}, "aws-trust", checkup.Fail, []string{"before it looks at the trust policy", "sts.amazonaws.com"}, checkup.Problem},
	{"gitlab-trust-unknown", gitLab, func(w *world) {
		w.cfg.AWSKnown = &awssts.Known{TrustPolicy: trustPolicy("gitlab.com", `"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}`)}
	}, "aws-trust", checkup.Warn, []string{"cannot be told", "aws:SourceIp"}, checkup.Healthy},
	{"gitlab-trust-unreadable", gitLab, func(w *world) {
		w.cfg.AWSKnown = &awssts.Known{TrustPolicy: []byte(`{"Statement": [}`)}
	}, "aws-trust", checkup.Fail, []string{"would not take the trust policy", "line 1, column 16"}, checkup.Problem},
	{"gitlab-trust-refused", gitLab, func(w *world) {
		// Asked, AWS does not say why; the document does.
		w.tryAWS(fakejob.CircleCIRole)
		w.cfg.AWSKnown = &awssts.Known{TrustPolicy: trustPolicy(circleCIProvider, "")}
	}, "aws-exchange", checkup.Fail, []string{"AccessDenied", "oidc-provider/gitlab.com"}, checkup.Refused},
}

// googleProvider is a pool provider for this condition, as gcloud describes it.
func googleProvider(audience, subject, condition string) []byte {
	return fmt.Appendf(nil, `{
  "attributeCondition": %q,
  "attributeMapping": {"google.subject": %q, "attribute.project_id": "assertion.project_id"},
  "name": "projects/123456789012/locations/global/workloadIdentityPools/ci/providers/gitlab",
  "oidc": {"allowedAudiences": [%q], "issuerUri": "https://gitlab.com"},
  "state": "ACTIVE"
}`, condition, subject, audience)
}

var googleFaults = []fault{
	{"gitlab-google-condition", gitLab, func(w *world) {
		w.cfg.GoogleProvider = googleProvider("sts.amazonaws.com", "assertion.sub", "assertion.ref_type == 'branch' && assertion.ref_protected == true")
	}, "google-trust", checkup.Fail, []string{"attribute condition", "line 2, column", "ref_protected == true", `assertion.ref_protected is "true"`, "unauthorized_client"}, checkup.Problem},
	{"gitlab-google-audience", gitLab, func(w *world) {
		w.cfg.GoogleProvider = googleProvider("https://deploy.example", "assertion.sub", "")
	}, "google-trust", checkup.Fail, []string{"audience", "invalid_grant"}, checkup.Problem},
	{"gitlab-google-subject", gitLab, func(w *world) {
		w.cfg.GoogleProvider = googleProvider("sts.amazonaws.com", "assertion.environment", "")
	}, "google-trust", checkup.Fail, []string{"google.subject", "no such key"}, checkup.Problem},
	{"gitlab-google-unreadable", gitLab, func(w *world) { w.cfg.GoogleProvider = []byte("{}") },
		"google-trust", checkup.Fail, []string{"cannot be read"}, checkup.Problem},
	{"gitlab-google-person", gitLab, func(w *world) {
		w.cfg.GoogleProvider = googleProvider("sts.amazonaws.com", "assertion.sub", "assertion.user_login == 'somebody'")
	}, "google-trust", checkup.Fail, []string{"assertion.user_login == 'somebody'"}, checkup.Problem},
}

func TestGoogleFaults(t *testing.T) {
	for _, f := range googleFaults {
		t.Run(f.name, func(t *testing.T) { f.test(t) })
	}
}

func TestGoogleProviderThatAccepts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := gitLab(t)
		w.cfg.GoogleProvider = googleProvider("sts.amazonaws.com", "assertion.sub", "assertion.project_id == '"+fakeissuer.GitLabProjectID+"'")
		report := w.run()
		c := find(t, report, "google-trust")
		assert.Equal(t, checkup.OK, c.State)
		assert.Contains(t, c.Evidence, checkup.Evidence{Name: "member", Value: "principalSet://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ci/attribute.project_id/" + fakeissuer.GitLabProjectID})
		assert.Equal(t, checkup.Healthy, report.Class)
	})
}

func TestTrustFaults(t *testing.T) {
	for _, f := range trustFaults {
		t.Run(f.name, func(t *testing.T) { f.test(t) })
	}
}

func TestTrustPolicyThatAccepts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := gitLab(t)
		w.tryAWS(fakejob.GitLabRole)
		w.cfg.AWSKnown = &awssts.Known{
			TrustPolicy: trustPolicy("gitlab.com", `"StringEquals": {"gitlab.com:project_id": "`+fakeissuer.GitLabProjectID+`"}`),
			Providers:   []awssts.KnownProvider{{URL: "gitlab.com", ClientIDs: []string{fakejob.GitLabAWSAudience}}},
		}
		report := w.run()
		assert.Equal(t, checkup.OK, find(t, report, "aws-trust").State)
		assert.Equal(t, checkup.Healthy, report.Class)
	})
}

// Who started the job is not shown for a trust policy that asks for it either.
func TestTrustPolicyOnAPerson(t *testing.T) {
	for _, show := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := gitLab(t)
			w.cfg.ShowUser = show
			w.cfg.AWSKnown = &awssts.Known{TrustPolicy: trustPolicy("gitlab.com", `"StringEquals": {"gitlab.com:USER_Login": "somebody"}`)}
			report := w.run()
			assert.Equal(t, checkup.Fail, find(t, report, "aws-trust").State)
			said := text(&checkup.Report{Checks: []checkup.Check{find(t, report, "aws-trust")}}, false)
			if show {
				assert.Contains(t, said, fakeissuer.GitLabUserLogin)
			} else {
				assert.NotContains(t, said, fakeissuer.GitLabUserLogin)
				assert.Contains(t, said, "--show-user")
			}
		})
	}
}

// Nor for a pool provider, by whatever name it knows the person.
func TestGoogleProviderOnAPerson(t *testing.T) {
	for name, provider := range map[string][]byte{
		"claim":               googleProvider("sts.amazonaws.com", "assertion.sub", "assertion.user_login == 'somebody'"),
		"subject":             googleProvider("sts.amazonaws.com", "assertion.user_login", "google.subject == 'somebody'"),
		"accepted subject":    googleProvider("sts.amazonaws.com", "'user:' + assertion['user_login']", "true"),
		"too long a subject":  googleProvider("sts.amazonaws.com", "assertion.user_login + assertion.sub + assertion.sub + assertion.sub", "true"),
		"attribute":           []byte(strings.Replace(string(googleProvider("sts.amazonaws.com", "assertion.sub", "attribute['who'] == 'somebody'")), `"attribute.project_id": "`, `"attribute.who": "assertion.user_email", "attribute.project_id": "`, 1)),
		"identities":          googleProvider("sts.amazonaws.com", "assertion.sub", "assertion.user_identities == []"),
		"inside another part": googleProvider("sts.amazonaws.com", "assertion.user_login", "assertion.ref == 'main' && !(google['subject'] != 'somebody')"),
	} {
		for _, show := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				w := gitLab(t)
				w.env["AWS_ID_TOKEN"] = w.issuer.GitLab(fakejob.GitLabAWSAudience, func(c fakeissuer.Claims) {
					c["user_identities"] = []map[string]string{{"provider": "github", "extern_uid": fakeissuer.GitLabUserLogin}}
				})
				w.cfg.ShowUser = show
				w.cfg.GoogleProvider = provider
				said := text(&checkup.Report{Checks: []checkup.Check{find(t, w.run(), "google-trust")}}, false)
				if show {
					assert.Contains(t, said, fakeissuer.GitLabUserLogin, name)
				} else {
					assert.NotContains(t, said, fakeissuer.GitLabUserLogin, name)
					assert.Contains(t, said, "--show-user", name)
				}
			})
		}
	}
}

// The files are what the clouds' own tools print.
func TestFilesOfTheClouds(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	policy := file("trust.json", "{}")
	one := file("one.json", `{"Url": "gitlab.com", "ClientIDList": ["a", "b"], "ThumbprintList": [], "CreateDate": "2026-01-01T00:00:00+00:00"}`)
	two := file("two.json", `{"Url": "oidc.circleci.com/org/x", "ClientIDList": []}`)
	google := file("google.json", `{"name": "projects/1/locations/global/workloadIdentityPools/ci/providers/gitlab", "state": "ACTIVE", "oidc": {"issuerUri": "https://gitlab.com", "allowedAudiences": ["c"]},
		"attributeMapping": {"google.subject": "assertion.sub"}, "attributeCondition": "true"}`) // as gcloud prints it
	o, err := parseOptions([]string{
		"--aws-trust-policy", policy, "--aws-provider", one, "--aws-provider", two, "--google-provider", "p", "--google-configuration", google,
	}, nil, nil)
	require.NoError(t, err)
	cfg, err := o.config(nil)
	require.NoError(t, err)
	assert.Equal(t, &awssts.Known{TrustPolicy: []byte("{}"), Providers: []awssts.KnownProvider{
		{URL: "gitlab.com", ClientIDs: []string{"a", "b"}}, {URL: "oidc.circleci.com/org/x", ClientIDs: []string{}},
	}}, cfg.AWSKnown)
	assert.Equal(t, &googlests.Known{
		IssuerURL: "https://gitlab.com", AllowedAudiences: []string{"c"}, Mapping: map[string]string{"google.subject": "assertion.sub"}, Condition: "true",
	}, cfg.GoogleKnown)

	for want, args := range map[string][]string{
		"holds no Url":              {"--aws-trust-policy", policy, "--aws-provider", policy},
		"must be what gcloud":       {"--google-configuration", policy},
		"invalid character":         {"--aws-trust-policy", policy, "--aws-provider", file("bad", "x")},
		"larger than any provider":  {"--aws-trust-policy", policy, "--aws-provider", file("large", string(make([]byte, maxFile+1)))},
		"add one of these":          {"--aws-provider", one},
		"no such file or directory": {"--aws-trust-policy", filepath.Join(dir, "none")},
	} {
		status, _, errs := command(t, nil, args...)
		assert.Equal(t, exitUsage, status, want)
		assert.Contains(t, errs, want)
	}
}
