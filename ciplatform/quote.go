package ciplatform

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/cioidc/cioidc/internal/safetext"
)

// plainName matches the names that shells and pipelines give to variables.
var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)

// quoteName returns a variable's name for an error, quoted if it is none that a
// reader would take for a name.
func quoteName(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	return safetext.Quote(name)
}

// jsonString encodes s as a JSON string in which nothing is invisible, so that
// an error shows the very bytes that the command gets. s is valid UTF-8.
func jsonString(s string) string {
	return escape(s, func(b *strings.Builder, r rune) {
		if r > 0xFFFF {
			high, low := utf16.EncodeRune(r)
			writeHex(b, `\u`, high, 4)
			writeHex(b, `\u`, low, 4)
			return
		}
		writeHex(b, `\u`, r, 4)
	})
}

// yamlString encodes s as a YAML double-quoted scalar (YAML 1.2.2 section
// 7.3.1), always quoted, so that no audience reads as a number, a boolean or a
// piece of YAML. It differs from jsonString above U+FFFF only: YAML has no
// surrogate pairs. s is valid UTF-8.
func yamlString(s string) string {
	return escape(s, func(b *strings.Builder, r rune) {
		if r > 0xFFFF {
			writeHex(b, `\U`, r, 8)
			return
		}
		writeHex(b, `\u`, r, 4)
	})
}

// escape quotes s, with other for what does not print.
func escape(s string, other func(*strings.Builder, rune)) string {
	var b strings.Builder
	b.Grow(len(s) + 2)
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			other(&b, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// writeHex writes r in upper-case hexadecimal, in this many digits.
func writeHex(b *strings.Builder, prefix string, r rune, digits int) {
	b.WriteString(prefix)
	hex := strings.ToUpper(strconv.FormatInt(int64(r), 16))
	b.WriteString(strings.Repeat("0", digits-len(hex)))
	b.WriteString(hex)
}

// shellString quotes s for a POSIX shell.
func shellString(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
