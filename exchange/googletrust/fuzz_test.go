package googletrust

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is read is written and read again the same; what is not is a *ParseError
// with a place.
func FuzzParseProvider(f *testing.F) {
	for _, seed := range []string{described, policyText, `{"oidc":{"issuerUri":"https://x"},"attributeMapping":{"google.subject":"assertion.sub"}}`, "[", ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParseProvider(data)
		if err != nil {
			var parse *ParseError
			require.True(t, errors.As(err, &parse))
			require.Positive(t, parse.Line)
			return
		}
		text, err := p.MarshalJSON()
		require.NoError(t, err)
		again, err := ParseProvider(text)
		require.NoError(t, err, "%s", text)
		assert.Len(t, again.Mapping, len(p.Mapping))
		assert.Equal(t, p.Condition.Text, again.Condition.Text)
	})
}

// Whatever the expressions and the claims, there is an answer that explains itself.
func FuzzSimulate(f *testing.F) {
	f.Add("assertion.ref == 'main' || attribute.x != ''", "assertion.sub.extract('a{b}c')", []byte(`{"iss":"https://gitlab.com","aud":"https://deploy.example","iat":1,"exp":2,"sub":"x","ref":null}`))
	f.Add("[1,2].exists(x, x == 1)", "string(assertion.iat)", []byte(`{"iss":"https://gitlab.com","aud":["https://deploy.example","y"],"iat":1e400,"exp":2}`))
	f.Add("assertion.ref.matches('(')", "google.subject", []byte(`[]`))
	f.Fuzz(func(t *testing.T, condition, expression string, payload []byte) {
		doc := &Document{Provider: providerOf(condition, "google.subject", "'x'", "attribute.x", expression), Bindings: bound("principalSet://POOL/attribute.x/x")}
		r := Simulate(doc, payload, nil)
		require.NotEmpty(t, r.Stages)
		assert.Equal(t, r.Outcome == Indeterminate, len(r.Assumptions) > 0, "%v", r)
		assert.Equal(t, r.Outcome == Rejected, r.Stages[len(r.Stages)-1].Passed == False, "%v", r)
		assert.NotEmpty(t, r.String())
		_, err := Lint(doc, nil)
		require.NoError(t, err)
	})
}
