package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// The policy follows its file; a file that is broken or gone changes nothing, and
// is in the log once.
func TestReload(t *testing.T) {
	s := newSite(t, nil)
	write := func(text string) {
		require.NoError(t, os.WriteFile(s.policy+".next", []byte(text), 0o600))
		require.NoError(t, os.Rename(s.policy+".next", s.policy))
	}
	both := func(main, other int) {
		t.Helper()
		for branch, want := range map[string]int{"main": main, "other": other} {
			status, _ := s.ask(t, "Bearer "+s.token(fakeissuer.ProtectedBranch(branch)))
			assert.Equal(t, want, status, branch)
		}
	}
	complaints := func() (n int) {
		for _, r := range s.log.records(t) {
			if strings.HasPrefix(r["msg"].(string), "policy not read") {
				n++
			}
		}
		return n
	}
	both(200, 403)
	first := s.audit.last(t)["policy_digest"]
	require.NotEmpty(t, first)
	good := fmt.Sprintf(fakePolicy, s.issuer.URL())
	write(strings.ReplaceAll(good, "ref: main", "ref: other"))
	both(403, 200)
	second := s.audit.last(t)["policy_digest"]
	assert.NotEqual(t, first, second)
	write("rules: []\n")
	both(403, 200)
	assert.Equal(t, second, s.audit.last(t)["policy_digest"])
	assert.Equal(t, 1, complaints())
	require.NoError(t, os.Remove(s.policy))
	both(403, 200)
	assert.Equal(t, 2, complaints())
	write(good)
	both(200, 403)
	assert.Equal(t, first, s.audit.last(t)["policy_digest"])
	assert.Equal(t, 2, complaints())
}

// A gateway does not start without a policy.
func TestNoPolicy(t *testing.T) {
	for _, text := range []string{"", "rules: []\n"} {
		path := t.TempDir() + "/policy.yaml"
		if text != "" {
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		}
		log := &buffer{}
		assert.Equal(t, 1, run(t.Context(), []string{"--upstream", "http://127.0.0.1:1", "--gitlab", "https://gitlab.com", "--audience", "a", "--policy", path}, &buffer{}, log))
		r, ok := log.find(t, "gateway failed")
		require.True(t, ok)
		assert.Contains(t, r["error"], "policy.yaml")
	}
}

// A policy with conditions in CEL is taken; one that fails its own tests is not,
// and the one before stays in force.
func TestPolicyWithItsOwnTests(t *testing.T) {
	s := newSite(t, nil)
	text := fmt.Sprintf(fakePolicy, s.issuer.URL()) + `
deny:
  - name: never-by-trigger
    gitlab: {project_id: {present: true}}
    when: [{cel: "claims.ref == 'main'", message: "main is closed"}]
tests:
  - name: a job without claims
    claims: {project_id: "1"}
    expect: deny
`
	ask := func(want int) {
		t.Helper()
		status, _ := s.ask(t, "Bearer "+s.token(fakeissuer.ProtectedBranch("main")))
		assert.Equal(t, want, status)
	}
	ask(200)
	require.NoError(t, os.WriteFile(s.policy, []byte(strings.Replace(text, "expect: deny", "expect: allow", 1)), 0o600))
	ask(200)
	require.NoError(t, os.WriteFile(s.policy, []byte(text), 0o600))
	ask(403)
	assert.Equal(t, "never-by-trigger", s.audit.last(t)["rule"])
}
