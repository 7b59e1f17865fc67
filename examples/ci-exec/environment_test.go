//go:build linux

package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/examples/internal/fakejob"
	"github.com/cioidc/cioidc/exchange/awssts"
)

// child returns the environment that the command got.
func child(t *testing.T, o outcome) map[string]string {
	t.Helper()
	require.Zero(t, o.status, o.stderr)
	env := map[string]string{}
	for line := range strings.Lines(o.stdout) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		require.NotContains(t, env, name, "it is there twice")
		env[name] = value
	}
	return env
}

func TestEnvironment(t *testing.T) {
	w := newWorld(t)
	w.environ["AWS_PAGER"], w.environ["AWS_REGION"] = "cat", "us-east-1"
	for _, name := range append(insteadOfAWS, insteadOfGoogle...) {
		w.environ[name] = "of another identity"
	}
	w.environ["AWS_SHARED_CREDENTIALS_FILE"] = "/home/keys"
	w.environ["GOOGLE_APPLICATION_CREDENTIALS"] = "/home/key.json"
	w.environ["HTTP_PROXY"], w.environ["NO_PROXY"] = "http://proxy.example", "acme.example"
	got := w.run(t, w.line(as(t, "environ")...)...)
	env := child(t, got)

	delete(env, "CI_EXEC_TEST")
	added := map[string]string{}
	for name, value := range env {
		if w.environ[name] != value {
			added[name] = value
		}
	}
	folder := strings.TrimSuffix(added["GOOGLE_APPLICATION_CREDENTIALS"], "/credentials.json")
	assert.Regexp(t, "^"+w.temp+"/ci-exec-[0-9]+$", folder)
	assert.Regexp(t, `^http://127\.0\.0\.1:\d+/aws/credentials$`, added["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
	assert.Regexp(t, `^[A-Z2-7]{26}$`, added["AWS_CONTAINER_AUTHORIZATION_TOKEN"])
	assert.Empty(t, awssts.ShadowingVariables(strings.Split(got.stdout, "\n"), []string{
		"AWS_CONTAINER_CREDENTIALS_FULL_URI=", "AWS_CONTAINER_AUTHORIZATION_TOKEN=",
	}))
	delete(added, "AWS_CONTAINER_CREDENTIALS_FULL_URI")
	delete(added, "AWS_CONTAINER_AUTHORIZATION_TOKEN")
	assert.Equal(t, map[string]string{
		"AWS_REGION": fakejob.AWSRegion, "AWS_DEFAULT_REGION": fakejob.AWSRegion,
		"AWS_SHARED_CREDENTIALS_FILE":                folder + "/aws-credentials",
		"GOOGLE_APPLICATION_CREDENTIALS":             folder + "/credentials.json",
		"CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE":     folder + "/credentials.json",
		"CLOUDSDK_AUTH_TOKEN_INTROSPECTION_ENDPOINT": w.google + "/v1/introspect",
		"NO_PROXY": "acme.example,127.0.0.1",
	}, added, "the documented variables and no other")

	gone := append(append([]string{"AWS_ID_TOKEN", "GOOGLE_ID_TOKEN"}, insteadOfAWS...), insteadOfGoogle...)
	first, _, _ := strings.Cut(got.stderr, " (other credentials")
	for name := range w.environ {
		if _, stays := env[name]; !stays {
			assert.Contains(t, gone, name)
		}
	}
	for _, name := range gone {
		assert.NotContains(t, env, name)
		assert.Contains(t, first, name, "it is said")
	}
	assert.Equal(t, "cat", env["AWS_PAGER"])
	assert.Equal(t, w.environ["OTHER_ID_TOKEN"], env["OTHER_ID_TOKEN"], "a token for something else stays")
}

// One cloud's variables are left alone if only the other is asked for.
func TestEnvironmentOfOneCloud(t *testing.T) {
	w := newWorld(t)
	w.environ["AWS_ACCESS_KEY_ID"], w.environ["GOOGLE_CREDENTIALS"] = "AKIAOTHER", "{}"
	env := child(t, w.run(t, append(append(w.awsFlags(), "--"), as(t, "environ")...)...))
	assert.NotContains(t, env, "AWS_ACCESS_KEY_ID")
	assert.Equal(t, "{}", env["GOOGLE_CREDENTIALS"])
	assert.NotContains(t, env, "GOOGLE_APPLICATION_CREDENTIALS")
	assert.NotContains(t, env, "no_proxy", "there is no proxy")
	env = child(t, w.run(t, append(append(w.googleFlags(), "--"), as(t, "environ")...)...))
	assert.Equal(t, "AKIAOTHER", env["AWS_ACCESS_KEY_ID"])
	assert.NotContains(t, env, "GOOGLE_CREDENTIALS")
	assert.NotContains(t, env, "AWS_CONTAINER_CREDENTIALS_FULL_URI")
}

func TestKeepEnvironment(t *testing.T) {
	w := newWorld(t)
	w.environ["AWS_PROFILE"], w.environ["AWS_ROLE_ARN"] = "mine", "theirs"
	w.environ["AWS_SHARED_CREDENTIALS_FILE"] = "/home/keys"
	args := []string{"--keep-env", "AWS_ID_TOKEN", "--keep-env", "AWS_PROFILE", "--keep-env", "AWS_SHARED_CREDENTIALS_FILE", "--keep-env", "AWS_UNSET"}
	got := w.run(t, append(append(append(args, w.awsFlags()...), "--"), as(t, "environ")...)...)
	env := child(t, got)
	assert.Equal(t, w.environ["AWS_ID_TOKEN"], env["AWS_ID_TOKEN"])
	assert.Equal(t, "mine", env["AWS_PROFILE"])
	assert.Equal(t, "/home/keys", env["AWS_SHARED_CREDENTIALS_FILE"])
	assert.NotContains(t, env, "AWS_ROLE_ARN")
	assert.NotContains(t, env, "AWS_UNSET")
	assert.True(t, strings.HasPrefix(got.stderr, "ci-exec: not in the command's environment: AWS_ROLE_ARN ("), got.stderr)
}

// CircleCI's two tokens are the same to the clouds: neither stays.
func TestEnvironmentOnCircleCI(t *testing.T) {
	w := newWorld(t)
	path, temp := w.environ["PATH"], w.environ["TMPDIR"]
	w.environ = fakejob.CircleCIEnviron(w.clouds.CircleCI)
	w.environ["PATH"], w.environ["TMPDIR"] = path, temp
	w.environ["COPY"] = w.environ["CIRCLE_OIDC_TOKEN"]
	w.environ["AWS_DEFAULT_REGION"] = fakejob.AWSRegion
	env := child(t, w.run(t, append([]string{"--aws-role", fakejob.RoleARN(fakejob.CircleCIRole), "--aws-sts-endpoint", w.aws, "--"}, as(t, "environ")...)...))
	for _, name := range []string{"CIRCLE_OIDC_TOKEN", "CIRCLE_OIDC_TOKEN_V2", "COPY"} {
		assert.NotContains(t, env, name)
	}
	assert.Equal(t, fakejob.AWSRegion, env["AWS_REGION"], "the region of the environment serves")
}

func TestNoProxy(t *testing.T) {
	for name, c := range map[string]struct {
		inherited, want []string
	}{
		"no proxy":      {[]string{"NO_PROXY=a"}, nil},
		"nothing yet":   {[]string{"http_proxy=p"}, []string{"no_proxy=127.0.0.1", "NO_PROXY=127.0.0.1"}},
		"one":           {[]string{"ALL_PROXY=p", "no_proxy=a,b"}, []string{"no_proxy=a,b,127.0.0.1"}},
		"both":          {[]string{"HTTP_PROXY=p", "no_proxy=a", "NO_PROXY=b"}, []string{"no_proxy=a,127.0.0.1", "NO_PROXY=b,127.0.0.1"}},
		"an empty one":  {[]string{"all_proxy=p", "no_proxy=", "NO_PROXY=b"}, []string{"NO_PROXY=b,127.0.0.1"}},
		"https, unused": {[]string{"HTTPS_PROXY=p"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnvironment(c.inherited)
			e.withoutProxy()
			assert.Equal(t, c.want, e.add)
		})
	}
}
