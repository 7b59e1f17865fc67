package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

func TestParsePolicy(t *testing.T) {
	const good = `{"name": "a", "issuer": "i", "project": "1", "ref": "r"}`
	p, err := parsePolicy([]byte(`{"rules": [` + good + `]}`))
	require.NoError(t, err)
	assert.Equal(t, []rule{{Name: "a", Issuer: "i", Project: "1", Ref: "r"}}, p.Rules)
	for text, want := range map[string]string{
		``:                           "EOF",
		`{"rules": []}`:              "no rules",
		`{}`:                         "no rules",
		`{"rules": [{}]}`:            "rule 1 wants",
		`{"rules": [` + good + `]}x`: "more than one JSON value",
		`{"rules": [` + good + `, {"name": "b", "issuer": "i", "project": "1"}]}`: "rule 2 wants",
		`{"rules": [{"name": "b", "issuer": "i", "project": "1", "rev": "r"}]}`:   `unknown field "rev"`,
		`{"rules": [{"name": "b", "issuer": "i", "project": 1, "ref": "r"}]}`:     "cannot unmarshal number",
	} {
		_, err := parsePolicy([]byte(text))
		assert.ErrorContains(t, err, want, text)
	}
}

func TestRule(t *testing.T) {
	gitlab := rule{Name: "g", Issuer: "https://gitlab.com", Project: "1", Ref: "refs/heads/main"}
	circle := rule{Name: "c", Issuer: "https://oidc.circleci.com/org/x", Project: "p", Ref: "refs/heads/main", Repository: "github.com/acme/webshop"}
	job := func(edit func(*claims.GitLab)) *claims.GitLab {
		c := &claims.GitLab{ProjectID: "1", ProjectPath: "acme/webshop", Ref: "main", RefType: "branch", RefPath: "refs/heads/main", RefProtected: claims.True}
		c.Issuer = "https://gitlab.com"
		if edit != nil {
			edit(c)
		}
		return c
	}
	circleJob := func(edit func(*claims.CircleCI)) *claims.CircleCI {
		c := &claims.CircleCI{ProjectID: "p", VCSRef: "refs/heads/main", VCSOrigin: "github.com/acme/webshop"}
		c.Issuer = circle.Issuer
		if edit != nil {
			edit(c)
		}
		return c
	}
	for name, c := range map[string]struct {
		rule    rule
		claims  claims.Model
		allowed bool
	}{
		"job":                 {gitlab, job(nil), true},
		"other issuer":        {gitlab, job(func(c *claims.GitLab) { c.Issuer += "/" }), false},
		"other project":       {gitlab, job(func(c *claims.GitLab) { c.ProjectID = "11" }), false},
		"tag":                 {gitlab, job(func(c *claims.GitLab) { c.RefType, c.RefPath = "tag", "refs/tags/main" }), false},
		"not protected":       {gitlab, job(func(c *claims.GitLab) { c.RefProtected = claims.False }), false},
		"does not say":        {gitlab, job(func(c *claims.GitLab) { c.RefProtected = claims.Absent }), false},
		"need not be":         {rule{Issuer: gitlab.Issuer, Project: "1", Ref: gitlab.Ref, Unprotected: true}, job(func(c *claims.GitLab) { c.RefProtected = claims.False }), true},
		"repository":          {rule{Issuer: gitlab.Issuer, Project: "1", Ref: gitlab.Ref, Repository: "gitlab.com/acme/webshop"}, job(nil), true},
		"other repository":    {rule{Issuer: gitlab.Issuer, Project: "1", Ref: gitlab.Ref, Repository: "gitlab.com/acme/other"}, job(nil), false},
		"CircleCI":            {circle, circleJob(nil), true},
		"CircleCI, other":     {circle, circleJob(func(c *claims.CircleCI) { c.VCSOrigin = "github.com/evil/webshop" }), false},
		"CircleCI, anything":  {rule{Issuer: circle.Issuer, Project: "p", Ref: circle.Ref}, circleJob(nil), false},
		"CircleCI, other ref": {circle, circleJob(func(c *claims.CircleCI) { c.VCSRef = "refs/heads/x" }), false},
	} {
		assert.Equal(t, c.allowed, c.rule.allows(c.claims), name)
	}
}

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
	write(strings.ReplaceAll(good, "refs/heads/main", "refs/heads/other"))
	both(403, 200)
	second := s.audit.last(t)["policy_digest"]
	assert.NotEqual(t, first, second)
	write(`{"rules": []}`)
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
	for _, text := range []string{"", `{"rules": []}`} {
		path := t.TempDir() + "/policy.json"
		if text != "" {
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		}
		log := &buffer{}
		assert.Equal(t, 1, run(t.Context(), []string{"--upstream", "http://127.0.0.1:1", "--gitlab", "https://gitlab.com", "--audience", "a", "--policy", path}, &buffer{}, log))
		r, ok := log.find(t, "gateway failed")
		require.True(t, ok)
		assert.Contains(t, r["error"], "policy.json")
	}
}
