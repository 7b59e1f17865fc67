package tokensource_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cioidc/cioidc/internal/tokensource"
)

func TestMistake(t *testing.T) {
	for raw, want := range map[string]string{
		"": "empty", " \n": "empty", "$ID_TOKEN": "not expanded", "\"${ID_TOKEN}\"": "not expanded", "%ID_TOKEN%": "not expanded", "$a.b.c": "",
		"glcbt-64_x": "CI_JOB_TOKEN", `"a.b.c"`: "in quotes", "'a.b.c'": "in quotes", "a.b.c\n": "line break", "\ta.b.c": "white space",
		"a.b": "not a JWT", "a b.c.d": "not a JWT", "a.b.c.d.e": "not a JWT", "a.b.c": "",
	} {
		what, action := tokensource.Mistake(raw)
		if want == "" {
			assert.Empty(t, what, raw)
			continue
		}
		assert.Contains(t, what, want, raw)
		assert.NotEmpty(t, action)
	}
}
