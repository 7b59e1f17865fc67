package trustgap

import (
	"fmt"
	"strings"
)

// NoTemplates takes the beginnings of templates out of what Terraform reads in
// quotes, or JSON in a heredoc. JSON and Terraform both read the escape, and
// neither looks for a template in it; a doubled sign would be one more sign where
// there is one before it.
func NoTemplates(s string) string {
	return strings.NewReplacer("${", `$\u007b`, "%{", `%\u007b`).Replace(s)
}

// Quote returns s as a text of Terraform's language, in quotes and without
// templates. Of the escapes of Go, Terraform has some only.
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
	return NoTemplates(b.String())
}

// Comment returns s as a comment of Terraform's language, on one line.
func Comment(s string) string {
	return "# " + strings.NewReplacer("\n", " ", "\r", " ").Replace(s) + "\n"
}
