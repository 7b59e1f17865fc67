package celcond_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc/policy/celcond"
)

func TestEvaluate(t *testing.T) {
	g, c := gitLab(t), circleCI(t)
	for expr, want := range map[string]bool{
		"claims.ref == 'main'":         true,
		"claims.ref == 'Main'":         false,
		"claims.ref_protected":         true,
		"claims.environment_protected": false,
		"!claims.environment_protected && has(claims.environment_protected)":                    true,
		"claims.runner_id in ['1', '31337']":                                                    true,
		"claims.exp - claims.iat <= duration('1h')":                                             true,
		"claims.exp - claims.iat < duration('1h')":                                              false,
		"claims.iat == timestamp('2026-09-21T14:13:20Z')":                                       true,
		"claims.iat.getDayOfWeek() in [1, 2, 3, 4, 5]":                                          true,
		"'https://deploy.acme.example' in claims.aud":                                           true,
		"claims.aud.size() == 1":                                                                true,
		"claims.groups_direct.exists(g, g.startsWith('acme/'))":                                 true,
		"claims.groups_direct.all(g, g.matches('^acme/(ops|platform)$'))":                       true,
		"claims.groups_direct.filter(g, g == 'acme/ops').size() == 1":                           true,
		"claims.groups_direct.map(g, g + '!')[1] == 'acme/ops!'":                                true,
		"claims.groups_direct.exists_one(g, g == 'acme/ops')":                                   true,
		"claims.job_config.url.startsWith('https://gitlab.com/acme/policies/')":                 true,
		"has(claims.job_config.sha)":                                                            true,
		"claims.user_identities.exists(i, i.provider == 'saml' && i.extern_uid == 'ada-1815')":  true,
		"claims.project_path.lowerAscii().split('/')[0] == 'acme'":                              true,
		"claims.project_path.substring(claims.project_path.lastIndexOf('/') + 1) == 'deployer'": true,
		"{'acme/platform/deployer': 'production'}[claims.project_path] == claims.environment":   true,
		"claims.ref_protected ? claims.ref == 'main' : false":                                   true,
		"claims == claims":            true,
		"has(claims.target_audience)": false,
		"has(claims.target_audience) && claims.target_audience == ''": false,
		"claims.ref == 'main' || claims.target_audience == 'x'":       true,
		"claims.target_audience == 'x' || claims.ref == 'main'":       true,
		"claims.ref == 'x' && claims.target_audience == 'x'":          false,
	} {
		got, err := compile(t, "gitlab", expr).Evaluate(t.Context(), g)
		require.NoError(t, err, expr)
		assert.Equal(t, want, got, expr)
	}
	for expr, want := range map[string]bool{
		"claims.workflow_id != ''": true,
		"!claims.ssh_rerun":        true,
		"claims.context_ids.exists(c, c.startsWith('11111111-'))":           true,
		"claims.vcs_ref.startsWith('refs/tags/v')":                          false,
		"claims.org_id in claims.aud":                                       true,
		"has(claims.nbf) || has(claims.jti)":                                false,
		"claims.iss.endsWith('/org/' + claims.org_id)":                      true,
		"claims.sub.contains('/user/88888888-aaaa-4bbb-8ccc-000000000008')": true,
	} {
		got, err := compile(t, "circleci", expr).Evaluate(t.Context(), c)
		require.NoError(t, err, expr)
		assert.Equal(t, want, got, expr)
	}
}

// Each claim that is absent, empty or null makes whatever reads it fail, the
// negation included.
func TestAbsentClaims(t *testing.T) {
	for platform, payloads := range map[string][]string{
		"gitlab": {`{}`, `{"environment":null,"ref_protected":null,"groups_direct":null,"exp":null,"project_id":null,"job_config":null}`,
			`{"environment":"","ref_protected":"","groups_direct":[],"project_id":"","aud":[],"job_config":{}}`, `{"groups_direct":[""]}`},
		"circleci": {`{}`, `{"oidc.circleci.com/vcs-ref":null,"oidc.circleci.com/ssh-rerun":null,"oidc.circleci.com/context-ids":null}`,
			`{"oidc.circleci.com/vcs-ref":"","oidc.circleci.com/ssh-rerun":"","oidc.circleci.com/context-ids":[]}`},
	} {
		expressions := map[string][]string{
			"gitlab": {"environment: claims.environment == 'x'", "environment: !(claims.environment == 'x')", "environment: claims.environment != 'x'",
				"ref_protected: claims.ref_protected", "ref_protected: !claims.ref_protected", "ref_protected: claims.ref_protected == false",
				"groups_direct: 'a' in claims.groups_direct", "groups_direct: !('a' in claims.groups_direct)", "groups_direct: claims.groups_direct.all(g, true)",
				"groups_direct: claims.groups_direct.size() == 0", "exp: claims.exp > claims.iat", "project_id: claims.project_id in ['']",
				"job_config: claims.job_config.url == ''", "job_config: has(claims.job_config.url)", "user_identities: claims.user_identities.exists(i, true)"},
			"circleci": {"vcs_ref: claims.vcs_ref == ''", "vcs_ref: claims.vcs_ref != 'refs/heads/main'", "ssh_rerun: !claims.ssh_rerun", "ssh_rerun: claims.ssh_rerun == false",
				"context_ids: !('c' in claims.context_ids)", "context_ids: claims.context_ids == []"},
		}[platform]
		for _, payload := range payloads {
			m := model(t, platform, payload)
			for _, e := range expressions {
				claim, expr, _ := strings.Cut(e, ": ")
				got, err := compile(t, platform, expr).Evaluate(t.Context(), m)
				assert.False(t, got, expr)
				var failed *celcond.EvaluationError
				if assert.ErrorAs(t, err, &failed, "%s of %s", expr, payload) {
					assert.Equal(t, claim, failed.Claim, expr)
					assert.ErrorIs(t, err, celcond.ErrAbsent, expr)
				}
				if strings.HasPrefix(expr, "has(") {
					continue
				}
				got, err = compile(t, platform, "has(claims."+claim+")").Evaluate(t.Context(), m)
				require.NoError(t, err)
				assert.False(t, got, "%s of %s", claim, payload)
			}
		}
	}
	// A member of a claim that is there.
	g, err := claims.Decode[claims.GitLab]([]byte(`{"job_config":{"sha":"1"},"user_identities":[{"provider":"saml"}]}`))
	require.NoError(t, err)
	for expr, claim := range map[string]string{
		"claims.job_config.url == ''":                        "job_config.url",
		"claims.user_identities.all(i, i.extern_uid == 'x')": "user_identities.extern_uid",
		"claims.user_identities[0].extern_uid != 'x'":        "user_identities.extern_uid",
	} {
		_, err := compile(t, "gitlab", expr).Evaluate(t.Context(), g)
		var failed *celcond.EvaluationError
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, celcond.EvaluationError{Claim: claim, Err: celcond.ErrAbsent}, *failed)
	}
}

func model(t *testing.T, platform, payload string) claims.Model {
	t.Helper()
	if platform == "gitlab" {
		c, err := claims.Decode[claims.GitLab]([]byte(payload))
		require.NoError(t, err)
		return c
	}
	c, err := claims.Decode[claims.CircleCI]([]byte(payload))
	require.NoError(t, err)
	return c
}

func TestFailures(t *testing.T) {
	g := gitLab(t)
	for expr, text := range map[string]string{
		"1 / 0 == 1":                     "celcond: division by zero",
		"claims.ref.split('/')[3] == ''": "celcond: index out of bounds: 3",
		"int(claims.ref) == 1":           "celcond: type conversion error from 'string' to 'int'",
		"{'a': true}[claims.ref]":        "celcond: no such key: main",
		"claims.ref.substring(9) == ''":  "celcond: index out of range: 9",
		"9223372036854775807 + 1 == 1":   "celcond: integer overflow",
	} {
		got, err := compile(t, "gitlab", expr).Evaluate(t.Context(), g)
		assert.False(t, got)
		assert.EqualError(t, err, text, expr)
		var failed *celcond.EvaluationError
		assert.ErrorAs(t, err, &failed)
	}
}

func TestFailuresQuoteInOneLine(t *testing.T) {
	g := gitLab(t)
	g.Ref = "x\nlevel=INFO msg=allowed \x1b[2J" + strings.Repeat("y", 10_000)
	_, err := compile(t, "gitlab", "{'a': true}[claims.ref]").Evaluate(t.Context(), g)
	require.Error(t, err)
	assert.Less(t, len(err.Error()), 300)
	assert.Regexp(t, `^celcond: no such key: x\\nlevel=INFO msg=allowed \\x1b\[2Jy+\.\.\.$`, err.Error())
}

func TestOtherModels(t *testing.T) {
	always := compile(t, "gitlab", "true")
	type own struct{ claims.Registered }
	for _, m := range []claims.Model{circleCI(t), (*claims.GitLab)(nil), &own{}, &claims.Registered{}, nil} {
		got, err := always.Evaluate(t.Context(), m)
		assert.False(t, got)
		assert.ErrorIs(t, err, celcond.ErrModel)
	}
	_, err := compile(t, "circleci", "true").Evaluate(t.Context(), gitLab(t))
	assert.ErrorIs(t, err, celcond.ErrModel)
	got, err := compile(t, "circleci", "true").Evaluate(t.Context(), circleCI(t))
	require.NoError(t, err)
	assert.True(t, got)
}

func TestContext(t *testing.T) {
	stop := errors.New("stopped")
	ctx, end := context.WithCancelCause(t.Context())
	end(stop)
	got, err := compile(t, "gitlab", "true").Evaluate(ctx, gitLab(t))
	assert.False(t, got)
	assert.ErrorIs(t, err, stop)

	// One that ends while the expression goes through a list.
	g := gitLab(t)
	g.GroupsDirect = strings.Split(strings.Repeat("a,", 1000)+"a", ",")
	inner, cancel := context.WithCancelCause(t.Context())
	late := &lateContext{Context: inner, end: func() { cancel(stop) }}
	_, err = compile(t, "gitlab", "claims.groups_direct.all(g, g == 'a')").Evaluate(late, g)
	assert.ErrorIs(t, err, stop)
	got, err = compile(t, "gitlab", "claims.groups_direct.all(g, g == 'a')").Evaluate(t.Context(), g)
	require.NoError(t, err)
	assert.True(t, got)
}

// lateContext ends when it is first listened to, and not before.
type lateContext struct {
	context.Context
	once sync.Once
	end  func()
}

func (c *lateContext) Done() <-chan struct{} {
	c.once.Do(c.end)
	return c.Context.Done()
}

func TestConcurrentUse(t *testing.T) {
	compiler := new(celcond.Compiler)
	shared, err := compiler.Compile("gitlab", "claims.groups_direct.exists(g, g.matches('^acme/o.*$')) && claims.ref == 'main'")
	require.NoError(t, err)
	main, other := gitLab(t), gitLab(t)
	other.Ref = "dev"
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 50 {
				got, err := shared.Evaluate(t.Context(), main)
				assert.NoError(t, err)
				assert.True(t, got)
				got, err = shared.Evaluate(t.Context(), other)
				assert.NoError(t, err)
				assert.False(t, got)
			}
			_, err := compiler.Compile([]string{"gitlab", "circleci"}[i%2], "has(claims.sub)")
			assert.NoError(t, err)
		})
	}
	wg.Wait()
}
