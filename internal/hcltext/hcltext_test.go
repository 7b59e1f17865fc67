package hcltext

import (
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Terraform's own parser gives every text back.
func TestQuote(t *testing.T) {
	for _, text := range []string{
		"", "main", `a"b\c`, "tab\tline\nbell\a\x00\x7f\u0080é\U0001F600\u2028",
		"${x}", "$${x}", "$$${x}", "%{ if true }x%{ endif }", "%%{y}", "$", "%", "{", "$%{", `\${x}`,
	} {
		e, diagnostics := hclsyntax.ParseExpression([]byte(Quote(text)), "x.tf", hcl.InitialPos)
		require.False(t, diagnostics.HasErrors(), "%q: %v", text, diagnostics)
		value, diagnostics := e.Value(nil)
		require.False(t, diagnostics.HasErrors(), "%q: %v", text, diagnostics)
		assert.Equal(t, text, value.AsString())
	}
}
