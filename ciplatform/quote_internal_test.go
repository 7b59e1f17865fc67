package ciplatform

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unquoteYAML is a decoder for YAML double-quoted scalars on one line, written
// from YAML 1.2.2 sections 5.1, 5.7 and 7.3.1. It refuses what a YAML parser
// would refuse.
func unquoteYAML(s string) (string, error) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return "", fmt.Errorf("no double quotes around %q", s)
	}
	rest := s[1 : len(s)-1]
	simple := map[byte]string{
		'0': "\x00", 'a': "\a", 'b': "\b", 't': "\t", 'n': "\n", 'v': "\v", 'f': "\f", 'r': "\r", 'e': "\x1b",
		' ': " ", '"': `"`, '/': "/", '\\': `\`, 'N': "\u0085", '_': "\u00a0", 'L': "\u2028", 'P': "\u2029",
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}
	var b strings.Builder
	for rest != "" {
		r, size := utf8.DecodeRuneInString(rest)
		switch {
		case r == utf8.RuneError && size == 1:
			return "", fmt.Errorf("invalid UTF-8")
		case r == '"':
			return "", fmt.Errorf("a quote within the quotes")
		case r != '\\':
			if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0xfeff || r >= 0xd800 && r < 0xe000 || r >= 0xfffe && r <= 0xffff || r == 0x2028 || r == 0x2029 {
				return "", fmt.Errorf("%U may not stand unescaped", r)
			}
			b.WriteRune(r)
			rest = rest[size:]
			continue
		case len(rest) < 2:
			return "", fmt.Errorf("a backslash at the end")
		}
		c := rest[1]
		if v, ok := simple[c]; ok {
			b.WriteString(v)
			rest = rest[2:]
			continue
		}
		n, ok := digits[c]
		if !ok || len(rest) < 2+n {
			return "", fmt.Errorf("no such escape: %q", rest)
		}
		code, err := strconv.ParseUint(rest[2:2+n], 16, 32)
		if err != nil || !utf8.ValidRune(rune(code)) {
			return "", fmt.Errorf("no such character: %q", rest[:2+n])
		}
		b.WriteRune(rune(code))
		rest = rest[2+n:]
	}
	return b.String(), nil
}

var audiences = []string{
	"", "sts.amazonaws.com", "https://deploy.example.com", "yes", "~", "0x1F", "a: b", "- a", "#", "it's", `"`, `\`, `\"`, `\u0041`,
	"a\nb", "\t\r\n", "\x00\x01\x1f\x7f\u0080\u0085\u009f\u00a0\u00ad", "\u2028\u2029\ufeff\ufffd\ufffe\uffff", "\u202eabc\u2066",
	"é日本😀", "\U000E0001\U0010FFFF", "${jndi}", "'; $(id) `id` &",
}

func TestQuotedAudiencesReadBack(t *testing.T) {
	for _, a := range audiences {
		checkQuoting(t, a)
	}
	assert.Equal(t, `"\"\\\n\t\r\u0000\u202E\U000E0001é😀"`, yamlString("\"\\\n\t\r\x00\u202e\U000E0001é😀"))
	assert.Equal(t, `"\"\\\n\t\r\u0000\u202E\uDB40\uDC01é😀"`, jsonString("\"\\\n\t\r\x00\u202e\U000E0001é😀"))
}

// checkQuoting asserts that a reads back from its quoted forms, and that those
// show all there is on one line.
func checkQuoting(t *testing.T, a string) {
	t.Helper()
	inYAML, inJSON := yamlString(a), jsonString(a)
	back, err := unquoteYAML(inYAML)
	require.NoError(t, err, "%q", a)
	require.Equal(t, a, back)
	var decoded string
	require.NoError(t, json.Unmarshal([]byte(inJSON), &decoded), "%q", a)
	require.Equal(t, a, decoded)
	for _, text := range []string{inYAML, inJSON} {
		for _, r := range text {
			require.True(t, unicode.IsPrint(r), "%q shows %U as it is", a, r)
		}
	}
}

func FuzzQuotedAudiencesReadBack(f *testing.F) {
	for _, a := range audiences {
		f.Add(a)
	}
	f.Fuzz(func(t *testing.T, a string) {
		if !utf8.ValidString(a) {
			return // IDToken refuses it before it is quoted.
		}
		checkQuoting(t, a)
	})
}
