package notoken_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/notoken"
)

func TestCauses(t *testing.T) {
	for raw, want := range map[string]struct{ id, summary, action string }{
		"":                        {"token-empty", "the token is empty", "set in this job"},
		" \n":                     {"token-empty", "the token is empty", "set in this job"},
		"glcbt-64_hidden":         {"token-malformed", "it looks like CI_JOB_TOKEN", "id_tokens of the job"},
		"${ID_TOKEN}":             {"token-malformed", "was not expanded", "the variable's name"},
		`"hidden.hidden.hidden"`:  {"token-malformed", "it is in quotes", "take the quotes off"},
		"hidden":                  {"token-malformed", "it is not a JWT", "whole and unchanged"},
		"hidden.hidden.hidden":    {"token-malformed", "cannot be read as one", "whole and unchanged"},
		" hidden.hidden.hidden\n": {"token-malformed", "white space", "printf"},
	} {
		causes := notoken.Causes(raw)
		require.Len(t, causes, 1)
		c := causes[0]
		assert.Equal(t, want.id, c.ID, raw)
		assert.True(t, c.Certain)
		assert.Contains(t, c.Summary, want.summary)
		assert.Contains(t, c.Action, want.action)
		assert.NotContains(t, c.Summary+c.Action, "hidden", raw)
		assert.NotContains(t, c.Summary+c.Action, "ID_TOKEN}", raw)
	}
}
