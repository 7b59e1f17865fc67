package celcond_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/oidc/policy/celcond"
)

func BenchmarkEvaluate(b *testing.B) {
	g := gitLab(b)
	g.GroupsDirect = strings.Split(strings.Repeat("acme/none,", 99)+"acme/ops", ",")
	for name, expr := range map[string]string{
		"equal":  "claims.ref == 'main' && claims.ref_protected",
		"regexp": "claims.ref.matches('^(main|release/[0-9]+)$')",
		"list":   "claims.groups_direct.exists(g, g == 'acme/ops')",
		// As much as the limit allows, or nearly.
		"dear": "claims.groups_direct.exists(g, claims.groups_direct[0].split('').map(c, c + c).exists(c, c == g))",
	} {
		b.Run(name, func(b *testing.B) {
			c, err := (&celcond.Compiler{MaxCost: 1 << 40}).Compile("gitlab", expr)
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Evaluate(b.Context(), g); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	compiler := new(celcond.Compiler)
	for b.Loop() {
		if _, err := compiler.Compile("gitlab", "claims.ref == 'main' && claims.groups_direct.exists(g, g == 'acme/ops')"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEnvironment(b *testing.B) {
	for b.Loop() {
		if _, err := new(celcond.Compiler).Compile("gitlab", "true"); err != nil {
			b.Fatal(err)
		}
	}
}
