package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
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

// command runs doctor with these arguments in this environment.
func command(t *testing.T, environ []string, args ...string) (status int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	status = run(t.Context(), args, environ, &o, &e)
	return status, o.String(), e.String()
}

func TestFake(t *testing.T) {
	status, out, errs := command(t, nil, "--fake")
	assert.Equal(t, 0, status, out)
	assert.Empty(t, errs)
	assert.Contains(t, out, "AWS gave credentials for the role")
	assert.Contains(t, out, "nothing is wrong")
	assert.NotContains(t, out, "\x1b", "colours are for terminals")
}

func TestJSON(t *testing.T) {
	status, out, _ := command(t, nil, "--fake", "--json", "--audience", "https://deploy.example")
	require.Equal(t, int(checkup.Refused), status, out)
	var report checkup.Report
	d := json.NewDecoder(strings.NewReader(out))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&report))
	names := map[string]checkup.State{}
	for _, c := range report.Checks {
		names[c.Name] = c.State
	}
	assert.Equal(t, checkup.Refused, report.Class)
	assert.Equal(t, checkup.Fail, names["aws-exchange"], "AWS trusts another audience")
	assert.Equal(t, checkup.OK, names["google-exchange"], "the provider's own audience was asked for")
	assert.Equal(t, checkup.OK, names["issuer-keys"])
	assert.Contains(t, out, `"the circleci command\" holds`, "a token for the audience was minted")
}

func TestUsage(t *testing.T) {
	for want, args := range map[string][]string{
		"flag provided but not defined": {"--tokn-file", "x"},
		"never on the command line":     {"eyJ"},
		"no --aws-role":                 {"--aws-region", "eu-west-1"},
		"no --google-provider":          {"--google-audience", "x"},
		"--aws-role needs --aws-region": {"--aws-role", fakejob.RoleARN("x")},
		"clouds of its own":             {"--fake", "--aws-role", fakejob.RoleARN("x"), "--aws-region", "eu-west-1"},
		"no such file":                  {"--token-file", filepath.Join(t.TempDir(), "none")},
		"presented as it is":            {"--token-file", "x", "--google-provider", "x", "--google-audience", "y"},
	} {
		status, out, errs := command(t, nil, args...)
		assert.Equal(t, exitUsage, status, want)
		assert.Contains(t, errs, want)
		assert.Empty(t, out)
	}
	status, out, _ := command(t, nil, "-h")
	assert.Equal(t, 0, status)
	assert.Contains(t, out, "-token-file")
}

func TestNoJob(t *testing.T) {
	status, out, _ := command(t, []string{"PATH=/usr/bin"})
	assert.Equal(t, int(checkup.NoToken), status)
	assert.Contains(t, out, "this is no CI job")
}

// A token file outside of a job: what is in it is judged as a job's token is.
func TestTokenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	for content, want := range map[string]string{
		"":                         "is empty",
		"$CIRCLE_OIDC_TOKEN\n":     "not expanded",
		jobTokenValue:              "CI_JOB_TOKEN",
		`"eyJhbGciOiJSUzI1NiJ9.e"`: "in quotes",
		"eyJhbGciOiJSUzI1NiJ9.e30": "holds no token",
	} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		status, out, _ := command(t, nil, "--token-file", path)
		assert.Equal(t, int(checkup.NoToken), status)
		assert.Contains(t, out, want)
		assert.NotContains(t, out, "eyJ")
	}
	require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte("x"), maxFile+1), 0o600))
	status, _, errs := command(t, nil, "--token-file", path)
	assert.Equal(t, exitUsage, status)
	assert.Contains(t, errs, "larger than any token")
}

func TestGivenToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := gitLab(t)
		w.cfg.Token, w.cfg.TokenName, w.cfg.Audience = w.env["AWS_ID_TOKEN"]+"\n", "token", "https://deploy.example"
		w.env = nil
		w.tryAWS(fakejob.GitLabRole)
		report := w.run()
		assert.Equal(t, checkup.Problem, report.Class)
		w.golden("token-file", text(report, false))
	})
}

// hang answers when the request's time is up.
func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// An issuer that is slow and then never answers costs five seconds in all, and
// leaves time for AWS.
func TestIssuerHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := gitLab(t)
		w.cfg.Issuers = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/keys") {
				return hang(r)
			}
			time.Sleep(4 * time.Second)
			return w.askIssuer(r)
		})}
		w.tryAWS(fakejob.GitLabRole)
		began := time.Now()
		report := w.run()
		assert.Equal(t, 5*time.Second, time.Since(began))
		assert.Equal(t, checkup.Unreachable, report.Class)
		assert.Contains(t, find(t, report, "issuer-keys").Words, "no answer within 5s")
		assert.Equal(t, checkup.OK, find(t, report, "aws-exchange").State)
	})
}

// With nobody answering, doctor ends after ten seconds.
func TestEverythingHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := gitLab(t)
		w.env["GOOGLE_ID_TOKEN"] = w.issuer.GitLab("https:" + fakejob.GoogleProvider("gitlab"))
		w.cfg.Audience = fakejob.GitLabAWSAudience
		w.cfg.Issuers = &http.Client{Transport: roundTrip(hang)}
		w.cfg.Clouds = w.cfg.Issuers
		w.tryAWS(fakejob.GitLabRole)
		w.tryGoogle(fakejob.GoogleProvider("gitlab"))
		began := time.Now()
		report := w.run()
		assert.Equal(t, 10*time.Second, time.Since(began))
		assert.Equal(t, checkup.Refused, report.Class)
		assert.Contains(t, find(t, report, "aws-exchange").Words, "AWS did not answer")
		assert.Contains(t, find(t, report, "google-exchange").Words, "the 10s for everything were over")
	})
}

// Nothing that is secret is printed, whatever happens, and no person is named
// unless that is asked for.
func TestNothingSecretIsPrinted(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := f.job(t)
				f.plant(w)
				report := w.run()
				data, err := json.Marshal(report)
				require.NoError(t, err)
				for _, out := range []string{text(report, true), string(data)} {
					for name, value := range w.env {
						if strings.Contains(name, "TOKEN") && len(value) > 40 {
							for _, part := range strings.Split(value, ".") {
								assert.NotContains(t, out, part[:20], name)
							}
						}
					}
					for _, secret := range []string{jobTokenValue, w.env["AWS_SECRET_ACCESS_KEY"], w.env["AWS_ACCESS_KEY_ID"]} {
						if secret != "" {
							assert.NotContains(t, out, secret)
						}
					}
					assert.NotContains(t, out, "@acme.example")
					assert.NotContains(t, out, fakeissuer.GitLabUserLogin)
				}
			})
		})
	}
}

func TestShowUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := gitLab(t)
		w.cfg.ShowUser = true
		out := text(w.run(), false)
		assert.Contains(t, out, "user_login: "+fakeissuer.GitLabUserLogin)
		assert.Contains(t, out, "user_email: "+fakeissuer.GitLabUserLogin+"@acme.example")
	})
}

// A source that repeats its token in an error's text meets the scrubbing.
func TestScrubbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := circleCI(t)
		secret := w.env["CIRCLE_OIDC_TOKEN"]
		w.cfg.Audience = "x"
		w.cfg.Command = func(context.Context, ...string) ([]byte, error) { return nil, errorText("it is not " + secret[4:60]) }
		out := text(w.run(), false)
		assert.Contains(t, out, "it is not")
		assert.NotContains(t, out, secret[10:40])
	})
}

type errorText string

func (e errorText) Error() string { return string(e) }

func TestColours(t *testing.T) {
	r := &checkup.Report{Checks: []checkup.Check{{State: checkup.Fail, Words: "no \x1b[2J escape\nand no line"}}}
	assert.Equal(t, "\x1b[31mfail  \x1b[0mno ?[2J escape?and no line\n\n1 of these checks failed, the first of them: no ?[2J escape?and no line\n", text(r, true))
	assert.False(t, colourful(&bytes.Buffer{}, nil))
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0) // a character device, as a terminal is
	require.NoError(t, err)
	defer null.Close()
	assert.True(t, colourful(null, nil))
	assert.False(t, colourful(null, []string{"NO_COLOR=1"}))
}
