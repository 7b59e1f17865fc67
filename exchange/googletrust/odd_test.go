package googletrust

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An empty list of values is nothing that a rule can look at, and no reason to
// panic.
func TestLintOfAnEmptyList(t *testing.T) {
	for _, p := range []*Provider{gl("assertion.ref in []"), gl("assertion.ref_type in [] && assertion.project_path in []"), circle(cc + "vcs-ref'] in [] && assertion.sub in []")} {
		_, err := Lint(&Document{Provider: p}, nil)
		require.NoError(t, err)
		assert.Equal(t, Rejected, Simulate(&Document{Provider: p}, gitLabToken(t, nil), nil).Outcome)
	}
}

// Values of a token begin no line of their own, and are cut.
func TestResultsAreQuoted(t *testing.T) {
	odd := "x\n\x1b[31maccepted" + strings.Repeat("y", 4000)
	for name, test := range map[string]struct {
		condition string
		changes   claimSet
	}{
		"member":       {"", claimSet{"ref": odd}},
		"list":         {"'a' in assertion.groups_direct", claimSet{"ref": odd, "groups_direct": []string{odd}}},
		"object":       {"'a' in assertion.job_config", claimSet{"ref": odd, "job_config": claimSet{odd: 1}}},
		"key of error": {"assertion[assertion.ref] == 'a'", claimSet{"ref": odd}},
	} {
		t.Run(name, func(t *testing.T) {
			p := providerOf(test.condition, "google.subject", "assertion.project_id", "attribute.ref", "assertion.ref")
			got := Simulate(&Document{Provider: p, Bindings: bound("principalSet://POOL/attribute.ref/main")}, gitLabToken(t, test.changes), nil)
			assert.Equal(t, Rejected, got.Outcome)
			assert.NotContains(t, got.String(), "\x1b")
			for line := range strings.Lines(got.String()) {
				assert.LessOrEqual(t, len(line), 2000)
			}
		})
	}
}

// A sentence lists some of many values, not all.
func TestManyGroups(t *testing.T) {
	p := providerOf("", "google.subject", "assertion.project_id", "google.groups", "assertion.groups_direct")
	got := Simulate(&Document{Provider: p, Bindings: bound("principalSet://POOL/group/acme")}, gitLabToken(t, claimSet{"groups_direct": make([]string, 5000)}), nil)
	assert.Equal(t, Rejected, got.Outcome)
	assert.Contains(t, got.String(), "and 4984 more")
	assert.Less(t, len(got.String()), 10_000)
}

// An expression of a few lines must not take all memory: a text that would grow
// large is not made, and format, whose work has no bound, is not called.
func TestWorkIsBounded(t *testing.T) {
	for name, test := range map[string]struct{ condition, assumption string }{
		"replace": {"['aaaaaaaaaa'].map(x, x.replace('', x)).map(x, x.replace('', x)).map(x, x.replace('', x)).size() == 1", "so much work"},
		"times":   {"['aaaaaaaaaa'].map(x, x.replace('', x)).map(x, x.replace('', x, 10000)).map(x, x.replace('', x, 10000)).size() == 1", "so much work"},
		"join":    {"['aaaaaaaaaa']" + strings.Repeat(".map(x, ["+strings.Repeat("x,", 99)+"x].join(x.substring(1)))", 4) + ".size() == 1", "so much work"},
		"format":  {"'%s'.format(['x']) == 'x'", "the function format"},
	} {
		t.Run(name, func(t *testing.T) {
			doc := &Document{Provider: providerOf(test.condition)}
			require.NoError(t, doc.Validate())
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got := Simulate(doc, gitLabToken(t, nil), nil)
			runtime.ReadMemStats(&after)
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20))
			assert.Equal(t, Indeterminate, got.Outcome)
			require.Len(t, got.Assumptions, 1)
			assert.Contains(t, got.Assumptions[0], test.assumption)
		})
	}
	// What they make is what CEL makes.
	for _, condition := range []string{
		"'hello hello'.replace('he', 'we') == 'wello wello'", "'hello hello'.replace('he', 'we', -1) == 'wello wello'",
		"'hello hello'.replace('he', 'we', 1) == 'wello hello'", "'hello hello'.replace('', '_', 2) == '_h_ello hello'",
		"['a', 'b'].join('::') == 'a::b'", "['a', 'b'].join() == 'ab'", "[].join('x') == ''",
	} {
		assert.Equal(t, Accepted, Simulate(&Document{Provider: providerOf(condition)}, gitLabToken(t, nil), nil).Outcome, condition)
	}
	assert.Equal(t, Rejected, Simulate(&Document{Provider: providerOf("assertion.groups_direct.join() == 'acme'")}, gitLabToken(t, claimSet{"groups_direct": []any{1}}), nil).Outcome)
}

// An attribute that may have any value is not read as absent, however it is named.
func TestOpenAttributeByAnyName(t *testing.T) {
	for _, condition := range []string{
		"attribute.tag == 'x'", "attribute['tag'] == 'x'", "attribute['t' + 'ag'] == 'x'", "attribute.exists(k, k == 'tag')", "size(attribute) == 1",
		"assertion.ref == 'main' && attribute[assertion.ref] == 'x'",
	} {
		p := providerOf(condition, "google.subject", "assertion.project_id", "attribute.tag", "assertion.sub.extract('{a}:{b}')")
		got := Simulate(&Document{Provider: p}, gitLabToken(t, nil), nil)
		assert.Equal(t, Indeterminate, got.Outcome, "%s: %v", condition, got)
	}
	p := providerOf("assertion.ref == 'x' && google.subject == '67890'", "google.subject", "assertion.project_id", "attribute.tag", "assertion.sub.extract('{a}:{b}')")
	assert.Equal(t, Rejected, Simulate(&Document{Provider: p}, gitLabToken(t, nil), nil).Outcome)
}
