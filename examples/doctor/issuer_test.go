package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/examples/doctor/internal/checkup"
	"github.com/cioidc/cioidc/examples/internal/fakejob"
	"github.com/cioidc/cioidc/internal/cloudnames"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// selfManaged makes the world a job of a GitLab at url.
func selfManaged(t *testing.T, url string) *world {
	t.Helper()
	w := newWorld(t)
	var err error
	w.issuer, err = fakeissuer.New(fakeissuer.Options{URL: url, Platform: fakeissuer.GitLabPlatform})
	require.NoError(t, err)
	w.issuers = fakeissuer.Client(w.issuer)
	w.env = fakejob.GitLabEnviron(w.issuer, map[string]string{"AWS_ID_TOKEN": fakejob.GitLabAWSAudience})
	return w
}

// find returns the check of that name.
func find(t *testing.T, r *checkup.Report, name string) checkup.Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	require.Fail(t, "no check "+name, text(r, false))
	return checkup.Check{}
}

// say makes the issuer answer requests whose path ends in suffix with body.
func (w *world) say(suffix, body string) {
	w.issuer.Misbehave(func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, suffix) {
			return false
		}
		fmt.Fprint(rw, body)
		return true
	})
}

func TestThumbprintOfAnInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := selfManaged(t, "https://gitlab.example")
		report := w.run()
		c := find(t, report, "tls")
		assert.Equal(t, checkup.Info, c.State)
		assert.Contains(t, c.Words, "only if it does not know the authority")
		assert.Contains(t, c.Evidence, checkup.Evidence{Name: "thumbprint", Value: cloudnames.Thumbprint(w.chain[1])})
		w.golden("gitlab-self-managed", text(report, false))
	})
}

// A certificate that this machine does not trust comes with the error, and no
// further request is made for it.
func TestThumbprintOfAnUntrustedInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := selfManaged(t, "https://gitlab.example")
		asked := 0
		w.cfg.Issuers = &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			asked++
			return nil, &tls.CertificateVerificationError{UnverifiedCertificates: w.chain, Err: x509.UnknownAuthorityError{}}
		})}
		report := w.run()
		assert.Equal(t, 1, asked)
		assert.Equal(t, checkup.Unreachable, report.Class)
		assert.Contains(t, find(t, report, "discovery").Words, "certificate signed by unknown authority")
		c := find(t, report, "tls")
		assert.Equal(t, checkup.Warn, c.State)
		assert.Contains(t, c.Evidence, checkup.Evidence{Name: "thumbprint", Value: cloudnames.Thumbprint(w.chain[1])})
		assert.Contains(t, c.Action, "update-open-id-connect-provider-thumbprint")
	})
}

func TestWhatTheIssuerAnswers(t *testing.T) {
	for _, tt := range []struct {
		name, suffix, body string
		check              string
		state              checkup.State
		words              string
		class              checkup.Class
	}{
		{"final slash", "openid-configuration", `{"issuer":"https://gitlab.example/","jwks_uri":"https://gitlab.example/oauth/discovery/keys"}`,
			"discovery", checkup.Fail, "differ by a final slash", checkup.Problem},
		{"another issuer", "openid-configuration", `{"issuer":"https://git.example","jwks_uri":"https://gitlab.example/oauth/discovery/keys"}`,
			"discovery", checkup.Fail, "another issuer than the token", checkup.Problem},
		{"a login page", "openid-configuration", `<html>`, "discovery", checkup.Fail, "no discovery document", checkup.Unreachable},
		{"keys elsewhere", "openid-configuration", `{"issuer":"https://gitlab.example","jwks_uri":"https://keys.example/keys"}`,
			"issuer-keys", checkup.Warn, "at another host", checkup.Healthy},
		{"keys without TLS", "openid-configuration", `{"issuer":"https://gitlab.example","jwks_uri":"http://gitlab.example/keys"}`,
			"issuer-keys", checkup.Fail, "no https URL", checkup.Problem},
		{"no key set", "/keys", `[]`, "issuer-keys", checkup.Fail, "no key set", checkup.Unreachable},
		{"no keys", "/keys", `{"keys":[]}`, "issuer-keys", checkup.Fail, "no key that can be used", checkup.Problem},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := selfManaged(t, "https://gitlab.example")
				w.say(tt.suffix, tt.body)
				report := w.run()
				c := find(t, report, tt.check)
				assert.Equal(t, tt.state, c.State)
				assert.Contains(t, c.Words, tt.words)
				assert.Equal(t, tt.class, report.Class)
			})
		})
	}
}

// An issuer that no cloud takes is not asked at all.
func TestPlainIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := gitLab(t)
		w.env["AWS_ID_TOKEN"] = w.issuer.GitLab("x", func(c fakeissuer.Claims) { c["iss"] = "http://gitlab.example" })
		report := w.run()
		assert.Contains(t, find(t, report, "issuer").Words, "no https URL")
		assert.Equal(t, checkup.Problem, report.Class)
		assert.Empty(t, w.asked)
	})
}

func TestWhatTheTokenIs(t *testing.T) {
	for _, tt := range []struct {
		name  string
		job   func(*testing.T) *world
		plant func(*world)
		check string
		words string
	}{
		{"several tokens", gitLab, func(w *world) { w.env["X_ID_TOKEN"] = w.issuer.GitLab("x") }, "token-choice", `the rest is about "AWS_ID_TOKEN"`},
		{"fork", gitLab, func(w *world) { w.env["AWS_ID_TOKEN"] = w.issuer.GitLab("x", fakeissuer.ForkMergeRequestInParent) }, "fork", "a fork brings"},
		{"rerun", circleCI, func(w *world) { w.env["CIRCLE_OIDC_TOKEN"] = w.issuer.CircleCI("", fakeissuer.SSHRerun) }, "ssh-rerun", "rerun with SSH"},
		{"several audiences", gitLab, func(w *world) { w.env["AWS_ID_TOKEN"] = w.issuer.GitLab("x", fakeissuer.AudienceArray("y")) }, "several-audiences", "AWS refuses it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := tt.job(t)
				tt.plant(w)
				report := w.run()
				assert.Contains(t, find(t, report, tt.check).Words, tt.words)
				assert.Equal(t, checkup.Healthy, report.Class, "there is something to look at, and nothing failed")
			})
		})
	}
}

// GitLab's own credentials are no ID tokens, also where they have the form of one.
func TestLegacyTokensAreNotListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := gitLab(t)
		delete(w.env, "AWS_ID_TOKEN")
		w.env["CI_JOB_JWT_V2"] = w.issuer.GitLab("https://gitlab.com", fakeissuer.LegacyV2)
		report := w.run()
		assert.Equal(t, checkup.NoToken, report.Class)
		assert.NotContains(t, text(report, false), `"CI_JOB_JWT_V2" holds`)
		assert.Empty(t, w.asked)
	})
}
