package googletrust

import (
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
