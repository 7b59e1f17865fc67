package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	needed := []string{"--upstream", "http://127.0.0.1:3000", "--gitlab", "https://gitlab.com", "--audience", "a", "--policy", "p"}
	with := func(more ...string) []string { return append(append([]string{}, needed...), more...) }
	for _, flags := range [][]string{
		needed, with("--circleci", "x"), with("--tls-cert", "c", "--tls-key", "k", "--listen", ":443"), with("--plain-http", "--listen", ":80"),
		with("--listen", "localhost:80"), with("--listen", "[::1]:80"), {"--fake"}, with("--replay", "0"), with("--redis", "127.0.0.1:1"),
	} {
		_, err := parse(flags, io.Discard)
		assert.NoError(t, err, flags)
	}
	for _, c := range []struct {
		flags []string
		text  string
	}{
		{nil, "--upstream wants"},
		{[]string{"--upstream", "127.0.0.1:3000"}, "--upstream wants"},
		{[]string{"--upstream", "ftp://x"}, "--upstream wants"},
		{needed[:2], "--gitlab or --circleci is required"},
		{needed[:4], "--audience is required"},
		{needed[:6], "--policy is required"},
		{with("--listen", ":8080"), "over plain http"},
		{with("--listen", "10.0.0.1:8080"), "over plain http"},
		{with("--listen", "8080"), "over plain http"},
		{with("--tls-cert", "c"), "--tls-cert and --tls-key go together"},
		{with("--tls-key", "c"), "--tls-cert and --tls-key go together"},
		{with("--replay", "-1"), "--replay is negative"},
		{with("--replay", "0", "--redis", "x:1"), "--replay 0 remembers nothing"},
		{with("--replay", "0", "--replay-fail-open"), "--replay 0 remembers nothing"},
		{with("--timeout", "0s"), "--timeout wants"},
		{with("--drain", "-1s"), "--drain not negative"},
		{with("--max-body", "0"), "--max-body wants"},
		{with("more"), `"more" is none`},
		{with("--unknown"), "flag provided but not defined"},
	} {
		_, err := parse(c.flags, io.Discard)
		assert.ErrorContains(t, err, c.text, c.flags)
	}
}

func TestRunFails(t *testing.T) {
	var out strings.Builder
	assert.Zero(t, run(t.Context(), []string{"--help"}, io.Discard, &out))
	assert.Contains(t, out.String(), "-upstream URL")
	out.Reset()
	assert.Equal(t, 2, run(t.Context(), nil, io.Discard, &out))
	assert.Contains(t, out.String(), "gateway: --upstream wants")

	policy := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(policy, []byte(strings.ReplaceAll(fakePolicy, "%s", "https://gitlab.com")), 0o600))
	for text, flags := range map[string][]string{
		"oidc: ":                            {"--gitlab", "http://gitlab.com"},
		"wants the organization's UUID":     {"--circleci", "acme"},
		"no place for a password":           {"--gitlab", "https://gitlab.com", "--redis", "redis://:hunter2@127.0.0.1:1"},
		"wants host:port, or a URL such as": {"--gitlab", "https://gitlab.com", "--redis", "http://:hunter2@127.0.0.1:1"},
	} {
		log := &buffer{}
		assert.Equal(t, 1, run(t.Context(), append(flags, "--upstream", "http://127.0.0.1:1", "--audience", "a", "--policy", policy), io.Discard, log))
		r, ok := log.find(t, "gateway failed")
		require.True(t, ok, text)
		assert.Contains(t, r["error"], text)
		assert.NotContains(t, r["error"], "hunter2")
	}
}

// Redis that is away: no request passes, or every one that is otherwise good.
func TestRedisAway(t *testing.T) {
	for flag, want := range map[string]int{"--replay-fail-open=false": 503, "--replay-fail-open": 200} {
		s := newSite(t, nil, "--redis", "127.0.0.1:1", flag)
		status, _ := s.ask(t, "Bearer "+s.token())
		assert.Equal(t, want, status, flag)
		r := s.audit.last(t)
		assert.Contains(t, r[map[int]string{503: "error", 200: "replay_error"}[want]], "redisreplay: ", r)
		status, _ = s.ask(t, "Bearer x")
		assert.Equal(t, 401, status, flag)
	}
}

func TestRedisOptions(t *testing.T) {
	t.Setenv("REDIS_USERNAME", "gateway")
	t.Setenv("REDIS_PASSWORD", "hunter2")
	for address, want := range map[string]struct {
		address, username string
		database          int
		tls               bool
	}{
		"redis.internal:6379":                 {"redis.internal:6379", "gateway", 0, false},
		"redis://redis.internal:6379/2":       {"redis.internal:6379", "gateway", 2, false},
		"rediss://other@redis.internal:6380/": {"redis.internal:6380", "other", 0, true},
	} {
		o, err := redisOptions(address)
		require.NoError(t, err, address)
		assert.Equal(t, want.address, o.Addr)
		assert.Equal(t, want.username, o.Username)
		assert.Equal(t, "hunter2", o.Password)
		assert.Equal(t, want.database, o.DB)
		assert.Equal(t, want.tls, o.TLSConfig != nil)
		assert.True(t, o.ContextTimeoutEnabled)
	}
}
