package main

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// What gateway --fake says of itself is true.
func TestFake(t *testing.T) {
	s := &site{}
	s.start(t, "--fake")
	told, ok := s.log.find(t, "fake world")
	require.True(t, ok)
	assert.FileExists(t, told["policy"].(string))
	try := regexp.MustCompile(`^curl -H "Authorization: Bearer \$\(curl -s (http://127\.0\.0\.1:\d+/token)\)" GATEWAY$`).FindStringSubmatch(told["try"].(string))
	require.NotNil(t, try, told["try"])
	for url, want := range map[string]int{try[1]: 200, told["denied"].(string): 403} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		require.NoError(t, err)
		_, token := send(t, r)
		status, body := s.ask(t, "Bearer "+token)
		assert.Equal(t, want, status)
		if want == 200 {
			assert.Contains(t, body, "POST /deploy?to=prod&secret=1\n")
			assert.Contains(t, body, "\nX-Ci-Project: "+fakeissuer.GitLabProjectID+"\n")
			assert.NotContains(t, body, "Authorization")
		}
		s.nowhere(t, token)
	}
	require.Zero(t, s.stop())
	assert.NoFileExists(t, told["policy"].(string))
}
