package googletrust

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The examples of extract in Google's documentation of conditions.
func TestDocumentedExamplesOfExtract(t *testing.T) {
	const object = "projects/_/buckets/acme-orders-aaa/objects/data_lake/orders/order_date=2019-11-03/aef87g87ae0876"
	env, err := newEnvironment()
	require.NoError(t, err)
	for template, want := range map[string]string{
		"/order_date={date}/":               "2019-11-03",
		"buckets/{name}/":                   "acme-orders-aaa",
		"/orders/{empty}order_date":         "",
		"{start}/objects/data_lake":         "projects/_/buckets/acme-orders-aaa",
		"orders/{end}":                      "order_date=2019-11-03/aef87g87ae0876",
		"{all}":                             object,
		"/orders/{none}/order_date=":        "",
		"/orders/order_date={id}/data_lake": "",
	} {
		e, err := compile(env, "assertion.sub.extract('"+template+"')")
		require.NoError(t, err, template)
		got, err := e.eval(map[string]any{"assertion": map[string]any{"sub": object}, "google": map[string]any{}, "attribute": map[string]string{}})
		require.NoError(t, err, template)
		assert.Equal(t, want, got.Value(), template)
		assert.Empty(t, e.unlisted)
	}
}

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
