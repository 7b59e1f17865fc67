package policy

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGlob(t *testing.T) {
	for _, tc := range []struct {
		pattern, s string
		want       bool
	}{
		{"refs/tags/v*", "refs/tags/v1.2", true}, {"refs/tags/v*", "refs/tags/v", true},
		{"refs/tags/v*", "refs/tags/v1/x", false}, {"a*", "a:b", false}, {"a**c", "a/b:c", true},
		{"a*b*c", "axbxbc", true}, {"", "", true}, {"*", "", true}, {"a?", "ab", false}, {"*/x", "a/x", true},
	} {
		assert.Equal(t, tc.want, glob(tc.pattern, tc.s, false), "%q %q", tc.pattern, tc.s)
	}
	assert.True(t, glob("acme/*", "ACME/Pay", true))
}

func FuzzGlob(f *testing.F) {
	f.Add("refs/tags/v*", "refs/tags/v1")
	f.Add("**a*:***", "b/a:x")
	runs := regexp.MustCompile(`\*+|[^*]+`)
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if len(pattern) > maxGlob || strings.ContainsFunc(pattern+s, func(r rune) bool { return r > 126 }) {
			return // regular expressions read characters, not bytes
		}
		oracle := runs.ReplaceAllStringFunc(pattern, func(part string) string {
			switch {
			case part == "*":
				return `[^/:]*`
			case part[0] == '*':
				return `(?s:.*)`
			}
			return regexp.QuoteMeta(part)
		})
		re, err := regexp.Compile(`\A` + oracle + `\z`)
		require.NoError(t, err)
		require.Equal(t, re.MatchString(s), glob(pattern, s, false))
	})
}
