// Package hcltext writes texts of Terraform's language.
package hcltext

import (
	"fmt"
	"strings"
)

// Plain returns text in which no template begins, for a place where `\u007b` is
// read as an opening brace: a quoted text, or JSON in a heredoc. Neither language
// looks for templates behind its escapes, and doubling the sign, the other way to
// say it, is ambiguous after one more of them.
func Plain(text string) string {
	return strings.NewReplacer("${", `$\u007b`, "%{", `%\u007b`).Replace(text)
}

// Quote returns s in quotes, without templates in it. Of the escapes of Go,
// Terraform has some only.
func Quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return Plain(b.String())
}
