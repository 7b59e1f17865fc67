package googletrust

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The eight examples of Google's page on the attributes of conditions.
func TestExtractGoogleDocumentedExamples(t *testing.T) {
	const name = "projects/_/buckets/acme-orders-aaa/objects/data_lake/orders/order_date=2019-11-03/aef87g87ae0876"
	env, err := newEnvironment()
	require.NoError(t, err)
	for _, tt := range []struct{ template, want string }{
		{"/order_date={date}/", "2019-11-03"},
		{"buckets/{name}/", "acme-orders-aaa"},
		{"/orders/{empty}order_date", ""},
		{"{start}/objects/data_lake", "projects/_/buckets/acme-orders-aaa"},
		{"orders/{end}", "order_date=2019-11-03/aef87g87ae0876"},
		{"{all}", name},
		{"/orders/{none}/order_date=", ""},
		{"/orders/order_date=2019-11-03/{id}/data_lake", ""},
	} {
		e, err := compile(env, "assertion.name.extract('"+tt.template+"')")
		require.NoError(t, err)
		got, err := e.eval(map[string]any{"assertion": map[string]any{"name": name}})
		require.NoError(t, err)
		assert.Equal(t, tt.want, got.Value(), tt.template)
	}
}

// The table of CEL expressions and what they come to, tried with claims of both
// platforms.
func TestExpressions(t *testing.T) {
	for _, tt := range []struct {
		condition string
		outcome   Outcome
		why       string // of the check that decided
	}{
		{"assertion['oidc.circleci.com/project-id'] == '" + project + "'", Accepted, ""},
		{"'oidc.circleci.com/vcs-ref' in assertion", Accepted, ""},
		{"!('oidc.circleci.com/vcs-ref' in assertion)", Rejected, "assertion['oidc.circleci.com/vcs-ref'] is \"refs/heads/main\""},
		{"has(assertion['oidc.circleci.com/vcs-ref'])", Rejected, "does not compile: invalid argument to has() macro at 1:14 of the expression"},
		{"assertion.oidc.circleci.com/vcs-ref == 'x'", Rejected, "does not compile: undeclared reference to 'vcs'"},
		{"assertion['oidc.circleci.com/ssh-rerun'] == false", Accepted, ""},
		{"'c1' in assertion['oidc.circleci.com/context-ids']", Accepted, ""},
		{"has(assertion.environment) && assertion.environment == 'production'", Accepted, ""},
		{"assertion.absent == 'prod'", Rejected, "is an error (no such key: absent): assertion.absent is absent"},
		{"assertion.absent == 'prod' || assertion.ref == 'main'", Accepted, ""},
		{"assertion.ref_protected == true", Rejected, `assertion.ref_protected == true is false: assertion.ref_protected is "true"`},
		{"!assertion.ref_protected", Rejected, "no such overload"},
		{"assertion.ref == 'main' && assertion.ref_protected", Rejected, "assertion.ref_protected is of the type string, not true or false"},
		{"assertion.namespace_id == 12345", Rejected, "is false"},
		{"'c1' in assertion.nothing", Rejected, "no such overload"},
		{"assertion.sub.split(':')[5] == 'main'", Accepted, ""},
		{"['a','b'].join('::') == 'a::b'", Accepted, ""},
		{"assertion.ref.lowerAscii() == 'main' && size(assertion.ref) == 4", Accepted, ""},
		{"assertion.ref.matches('ai')", Accepted, ""},
		{"(assertion.ref == 'main' ? 'x' : 'y') == 'x' && assertion.ref in ['main', 'next']", Accepted, ""},
		{"assertion.sub.extract('project_path:{path}:') == 'acme/payments'", Accepted, ""},
		{"assertion.sub.extract('{a}:{b}') == 'x'", Indeterminate, "it is not known whether Google gives a meaning to the template"},
		{"assertion.ref == 'main' || assertion.sub.extract('{a}:{b}') == 'x'", Accepted, ""},
		{"assertion.ref", Rejected, "of the type string, not true or false"},
		{"'x'", Rejected, "of the type string"},
		{"google.subject == 'x'", Rejected, "google.subject is"},
		{"attribute.ref == 'main'", Rejected, "no such key: ref"},
	} {
		payload := gitLabToken(t, claimSet{"nothing": nil})
		p := providerOf(tt.condition)
		if p.IssuerURI.Text != "https://gitlab.com" {
			payload = circleCIToken(t, nil)
		}
		if tt.condition == "'c1' in assertion.nothing" {
			payload = append(payload[:len(payload)-1], `,"nothing":null}`...)
		}
		r := Simulate(&Document{Provider: p}, payload, nil)
		assert.Equal(t, tt.outcome, r.Outcome, "%s\n%v", tt.condition, r)
		c, decided := r.Deciding()
		assert.Equal(t, tt.why != "", decided, tt.condition)
		assert.Contains(t, c.Why, tt.why, tt.condition)
	}
}

func TestFunctionsThatAreNotDocumented(t *testing.T) {
	for condition, want := range map[string][]string{
		"assertion.ref == 'main'":                                       nil,
		"assertion.groups_direct.exists(g, g == 'acme')":                {"exists in the expression of condition may be rejected by Google, whose documentation does not name it"},
		"assertion.ref.upperAscii() == 'MAIN' && assertion.exp - 1 > 0": {"- in the expression of condition may be rejected", "upperAscii in the expression of condition may be rejected"},
	} {
		r := Simulate(&Document{Provider: providerOf(condition)}, gitLabToken(t, nil), nil)
		assert.Equal(t, Accepted, r.Outcome, "%v", r)
		require.Len(t, r.Notes, len(want), "%v", r.Notes)
		for i := range want {
			assert.Contains(t, r.Notes[i], want[i])
		}
	}
}
