package googletrust

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a template with other than one name means is not documented: nothing is
// claimed.
func TestOtherTemplates(t *testing.T) {
	env, err := newEnvironment()
	require.NoError(t, err)
	for _, template := range []string{"{a}/{b}", "none", "{}", "{a b}", "a{b"} {
		e, err := compile(env, "assertion.sub.extract('"+template+"')")
		require.NoError(t, err)
		_, err = e.eval(map[string]any{"assertion": map[string]any{"sub": "x"}, "google": map[string]any{}, "attribute": map[string]string{}})
		var unsure *unsure
		assert.ErrorAs(t, err, &unsure, template)
	}
}
