package okta_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/okta"
)

const workloadAudience = "https://acme.pam.okta.com"

func workloadConfig(raw string) okta.WorkloadConfig {
	return okta.WorkloadConfig{
		Address: "https://acme.pam.okta.com", Team: "acme", Connection: "gitlab jobs",
		Audience: workloadAudience,
		Source:   exchange.TokenSourceFunc(func(context.Context, string) (string, error) { return raw, nil }),
	}
}

// Source: Okta's page "CLI command for workload authentication".
func TestTheCommandIsTheDocumentedOne(t *testing.T) {
	raw := ciToken(t, workloadAudience)
	for hint, args := range map[string][]string{
		"":       {"wl", "authenticate", "--team", "acme", "--connection", "gitlab jobs", "--jwt-env", "CIOIDC_WORKLOAD_JWT"},
		"deploy": {"wl", "authenticate", "--team", "acme", "--connection", "gitlab jobs", "--jwt-env", "CIOIDC_WORKLOAD_JWT", "--role-hint", "deploy"},
	} {
		cfg := workloadConfig(raw)
		cfg.RoleHint = hint
		var asked string
		cfg.Source = exchange.TokenSourceFunc(func(_ context.Context, audience string) (string, error) {
			asked = audience
			return raw, nil
		})
		cfg.Run = func(_ context.Context, env []string, got ...string) ([]byte, error) {
			assert.Equal(t, args, got)
			assert.Equal(t, []string{"OPA_ADDR=https://acme.pam.okta.com", "CIOIDC_WORKLOAD_JWT=" + raw}, env)
			return []byte("opa-token-0123456789abcdef\n"), nil
		}
		w, err := okta.NewWorkload(cfg)
		require.NoError(t, err)
		token, err := w.Token(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "opa-token-0123456789abcdef", token)
		assert.Equal(t, workloadAudience, asked)
	}
}

// onPath puts a shell script called sft on PATH, before what else is there.
func onPath(t *testing.T, script string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sft"), []byte("#!/bin/sh\n"+script), 0o700))
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return dir
}

// The whole way, with a child process: what every user of the machine can see
// of it holds no token.
func TestTheTokenIsInTheEnvironmentOfTheChildAlone(t *testing.T) {
	raw := ciToken(t, workloadAudience)
	dir := onPath(t, `d="${0%/*}"
cat /proc/$$/cmdline > "$d/cmdline"
printf %s "$CIOIDC_WORKLOAD_JWT" > "$d/jwt"
printf %s "$OPA_ADDR" > "$d/addr"
echo a note >&2
echo opa-token-0123456789abcdef
`)
	w, err := okta.NewWorkload(workloadConfig(raw))
	require.NoError(t, err)
	token, err := w.Token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "opa-token-0123456789abcdef", token)

	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		return string(b)
	}
	assert.Equal(t, raw, read("jwt"))
	assert.Equal(t, "https://acme.pam.okta.com", read("addr"))
	cmdline := read("cmdline")
	assert.Contains(t, cmdline, "authenticate\x00--team\x00acme\x00")
	for _, secret := range []string{raw, token} {
		assert.NotContains(t, cmdline, secret[:20])
		for _, variable := range os.Environ() {
			assert.NotContains(t, variable, secret)
		}
	}
	_, set := os.LookupEnv("CIOIDC_WORKLOAD_JWT")
	assert.False(t, set)
}

func TestWorkloadErrors(t *testing.T) {
	raw := ciToken(t, workloadAudience)
	const printed = "opa-token-that-must-not-be-shown-0001"
	none := errors.New("no token here")
	exit := func(t *testing.T, stderr string) error {
		_, err := exec.Command("sh", "-c", "exit 3").Output()
		var e *exec.ExitError
		require.ErrorAs(t, err, &e)
		e.Stderr = []byte(stderr)
		return e
	}
	type result struct {
		out string
		err error
	}
	tests := map[string]struct {
		edit  func(*okta.WorkloadConfig)
		run   func(*testing.T) result
		stage string
		words string
		cause string
		is    error
	}{
		"no CI token": {
			edit: func(c *okta.WorkloadConfig) {
				c.Source = exchange.TokenSourceFunc(func(context.Context, string) (string, error) { return "", none })
			}, stage: exchange.StageSource, words: "no token here", is: none,
		},
		"another secret": {
			edit: func(c *okta.WorkloadConfig) {
				c.Source = exchange.TokenSourceFunc(func(context.Context, string) (string, error) { return printed, nil })
			}, stage: exchange.StageSource, words: "something that is not a JWT", cause: "token-malformed",
		},
		"refused": {
			run: func(t *testing.T) result {
				return result{printed, exit(t, "error: connection is draft, jwt "+raw+"\n")}
			},
			stage: exchange.StageExchange, words: `"error: connection is draft, jwt [redacted]": cannot tell which of 2 causes, the likeliest: the workload connection is still a draft`, cause: "okta-workload",
		},
		"nothing printed": {run: func(*testing.T) result { return result{"\n", nil} }, stage: exchange.StageExchange, words: "printed nothing"},
		"a page printed":  {run: func(*testing.T) result { return result{"Welcome!\n" + printed, nil} }, stage: exchange.StageExchange, words: "something that is not a token"},
		"a seam's error":  {run: func(*testing.T) result { return result{"", errors.New("in a container: " + raw)} }, stage: exchange.StageExchange, words: "the sft command failed: in a container: [redacted]"},
		"no command":      {run: func(*testing.T) result { return result{"", &exec.Error{Name: "sft", Err: exec.ErrNotFound}} }, stage: exchange.StageExchange, words: "there is no sft command on PATH", cause: "okta-no-sft", is: exec.ErrNotFound},
		"no end":          {run: func(*testing.T) result { return result{"", context.DeadlineExceeded} }, stage: exchange.StageExchange, words: "deadline exceeded", is: context.DeadlineExceeded},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := workloadConfig(raw)
			ran := false
			cfg.Run = func(context.Context, []string, ...string) ([]byte, error) {
				ran = true
				r := tt.run(t)
				return []byte(r.out), r.err
			}
			if tt.edit != nil {
				tt.edit(&cfg)
			}
			w, err := okta.NewWorkload(cfg)
			require.NoError(t, err)
			got, err := w.Token(t.Context())
			assert.Empty(t, got)
			var failed *exchange.Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, tt.stage, failed.Stage)
			assert.Equal(t, tt.run != nil, ran)
			assert.Equal(t, "acme.pam.okta.com", failed.Service)
			assert.ErrorContains(t, failed, tt.words)
			if tt.cause == "" {
				assert.Empty(t, failed.Causes)
			} else {
				require.NotEmpty(t, failed.Causes)
				assert.Equal(t, tt.cause, failed.Causes[0].ID)
			}
			if tt.is != nil {
				assert.ErrorIs(t, err, tt.is)
			}
			var held *exec.ExitError
			assert.False(t, errors.As(err, &held), "it would hold all of standard error")
			assertNoSecret(t, err, raw, printed)
		})
	}
}

func TestWorkloadEvidenceIsWhatTheConnectionAsksFor(t *testing.T) {
	raw := ciToken(t, workloadAudience)
	onPath(t, "echo 'error: unauthorized' >&2; exit 1\n")
	w, err := okta.NewWorkload(workloadConfig(raw))
	require.NoError(t, err)
	_, err = w.Token(t.Context())
	var failed *exchange.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "error: unauthorized", failed.Description)
	require.Len(t, failed.Causes, 2)
	assert.Equal(t, []exchange.Evidence{{Name: "connection", Configured: "gitlab jobs"}}, failed.Causes[0].Evidence)
	assert.Equal(t, []exchange.Evidence{
		{Name: "connection", Configured: "gitlab jobs"},
		{Name: "iss", Token: "https://gitlab.com"},
		{Name: "aud", Token: workloadAudience},
		{Name: "sub", Token: "project_path:acme/webshop:ref_type:branch:ref:main"},
	}, failed.Causes[1].Evidence)
}

func TestWorkloadEndsWithItsContext(t *testing.T) {
	raw := ciToken(t, workloadAudience)
	dir := onPath(t, "touch \"${0%/*}/started\"; exec sleep 600\n")
	w, err := okta.NewWorkload(workloadConfig(raw))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := w.Token(ctx)
		done <- err
	}()
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(dir, "started"))
		return err == nil
	}, 30*time.Second, 10*time.Millisecond)
	cancel()
	var failed *exchange.Error
	require.ErrorAs(t, <-done, &failed)
	assert.ErrorIs(t, failed, context.Canceled)
}

func TestWorkloadConfigIsRefused(t *testing.T) {
	tests := map[string]struct {
		edit           func(*okta.WorkloadConfig)
		field, problem string
	}{
		"no address":   {func(c *okta.WorkloadConfig) { c.Address = "" }, "Address", "no scheme"},
		"plain http":   {func(c *okta.WorkloadConfig) { c.Address = "http://acme.pam.okta.com" }, "Address", "plain http"},
		"no team":      {func(c *okta.WorkloadConfig) { c.Team = "" }, "Team", "it is required"},
		"no name":      {func(c *okta.WorkloadConfig) { c.Connection = "" }, "Connection", "it is required"},
		"an option":    {func(c *okta.WorkloadConfig) { c.Connection = "--help" }, "Connection", "take for an option"},
		"a hint":       {func(c *okta.WorkloadConfig) { c.RoleHint = "-x" }, "RoleHint", "take for an option"},
		"a line break": {func(c *okta.WorkloadConfig) { c.Team = "a\nb" }, "Team", "control character"},
		"no source":    {func(c *okta.WorkloadConfig) { c.Source = nil }, "Source", "it is required"},
		"nil function": {func(c *okta.WorkloadConfig) { c.Source = exchange.TokenSourceFunc(nil) }, "Source", "it is required"},
		"no audience":  {func(c *okta.WorkloadConfig) { c.Audience = "" }, "Audience", "it is required"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := workloadConfig("x")
			tt.edit(&cfg)
			_, err := okta.NewWorkload(cfg)
			var bad *exchange.ConfigError
			require.ErrorAs(t, err, &bad)
			assert.Equal(t, "okta", bad.Package)
			assert.Equal(t, tt.field, bad.Field)
			assert.Contains(t, bad.Problem, tt.problem)
			assert.False(t, strings.Contains(err.Error(), "\n"))
		})
	}
}
