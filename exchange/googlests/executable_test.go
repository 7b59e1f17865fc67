package googlests_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/internal/fakeissuer"
	"github.com/cioidc/cioidc/internal/peek"
)

func respond(t *testing.T, cfg googlests.Config) string {
	t.Helper()
	var out strings.Builder
	require.NoError(t, googlests.WriteExecutableResponse(t.Context(), &out, cfg))
	assert.Equal(t, 1, strings.Count(out.String(), "\n"))
	return out.String()
}

func TestExecutableResponse(t *testing.T) {
	w := newWorld(t)
	got := respond(t, w.config())
	token, err := peek.Parse(w.source.tokens[0])
	require.NoError(t, err)
	want, err := json.Marshal(map[string]any{
		"version": 1, "success": true,
		"token_type":      "urn:ietf:params:oauth:token-type:jwt",
		"id_token":        w.source.tokens[0],
		"expiration_time": token.ExpiresAt,
	})
	require.NoError(t, err)
	assert.JSONEq(t, string(want), got)
}

func TestExecutableResponseOfAFailure(t *testing.T) {
	const secret = "glcbt-64_a-job-token-of-gitlab"
	for name, tt := range map[string]struct {
		edit           func(*world, *googlests.Config)
		code, contains string
	}{
		"a wrong provider": {
			func(_ *world, c *googlests.Config) { c.Provider = "projects/1" }, "CONFIG", "googlests: Provider: it must begin with //iam.googleapis.com/",
		},
		"no source": {func(_ *world, c *googlests.Config) { c.Source = nil }, "CONFIG", "googlests: Source: it is required"},
		"a hint of several lines": {
			func(_ *world, c *googlests.Config) {
				c.Source = exchange.TokenSourceFunc(func(context.Context, string) (string, error) {
					return "", errors.New("no such token\nadd to the job:\n\n  id_tokens:")
				})
			}, "SOURCE", "exchange: google: no CI token: no such token | add to the job: | id_tokens:",
		},
		"no token": {func(w *world, _ *googlests.Config) { w.source.mint = func(string) string { return secret } }, "SOURCE", "not a JWT"},
		"expired": {
			func(w *world, _ *googlests.Config) {
				w.source.mint = func(aud string) string { return w.gitlab.GitLab(aud, fakeissuer.Expired) }
			}, "SOURCE", "raise the job's timeout",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			cfg := w.config()
			tt.edit(w, &cfg)
			got := respond(t, cfg)
			var response map[string]any
			require.NoError(t, json.Unmarshal([]byte(got), &response))
			message, _ := response["message"].(string)
			assert.Contains(t, message, tt.contains)
			assert.NotContains(t, message, "\n")
			delete(response, "message")
			assert.Equal(t, map[string]any{"version": 1.0, "success": false, "code": tt.code}, response, "nothing else, and no token")
			for _, raw := range append(w.source.tokens, secret) {
				assert.NotContains(t, got, raw[:20])
			}
		})
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("closed pipe") }

func TestExecutableResponseThatCannotBeWritten(t *testing.T) {
	w := newWorld(t)
	assert.EqualError(t, googlests.WriteExecutableResponse(t.Context(), broken{}, w.config()), "closed pipe")
}
