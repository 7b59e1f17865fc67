package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// short is everything once, as quickly as it goes.
func short() plan {
	return plan{
		Rounds: 1, Passes: 1, Slice: 2 * time.Millisecond,
		Behaviour: true, Callers: 100, Unknown: 100, Flood: 100 * time.Millisecond,
		MaxWait: 300 * time.Millisecond, Delay: 2 * time.Millisecond, Deadline: 5 * time.Second,
	}
}

// The whole command: every contestant takes every token, refuses what it must
// (run would fail otherwise), and is measured. No speed is asserted.
func TestRun(t *testing.T) {
	r, err := run(t.Context(), short(), io.Discard)
	require.NoError(t, err)

	entries := len(r.Contestants) + 2                      // the references
	require.Len(t, r.Speed, len(processors)*(3*entries+2)) // and what decides
	for _, s := range r.Speed {
		assert.Empty(t, s.Refusal, "%s, %s", s.Name, s.Workload.Name)
		require.Len(t, s.Ratio, 1, "%s, %s", s.Name, s.Workload.Name)
		assert.Positive(t, s.Ratio[0])
		assert.Positive(t, s.ToHash[0])
		if s.Name == floorName {
			assert.Equal(t, 1.0, s.Ratio[0], "the floor is its own measure")
		}
		if s.Name != hashName {
			assert.GreaterOrEqual(t, s.Allocs[0], 1.0, "%s, %s", s.Name, s.Workload.Name)
			assert.Positive(t, s.Bytes[0])
		}
		switch s.Workload.Issuer.Platform() {
		case "gitlab":
			assert.Equal(t, 35, s.Workload.Claims)
		case "circleci":
			assert.Equal(t, 15, s.Workload.Claims)
		}
	}

	guards := 0
	for _, s := range r.Speed {
		if s.Guard {
			guards++
			assert.Len(t, r.toVerify(s), 1, s.Name)
			if s.Name == policyName {
				assert.LessOrEqual(t, s.Allocs[0], 5.0)
			}
		}
	}
	assert.Equal(t, 2*len(processors), guards)

	fetching := 0
	for _, c := range r.Contestants {
		if c.FetchesKeys {
			fetching++
		}
	}
	require.Len(t, r.Behaviours, fetching)
	for _, b := range r.Behaviours {
		assert.GreaterOrEqual(t, b.StartRequests+b.FirstRequests, 1, b.Name)
		assert.Zero(t, b.HerdFailed, b.Name)
	}
	own := r.Behaviours[0]
	require.Equal(t, "cioidc", own.Name)
	assert.Equal(t, 0, own.StartRequests, "a constructor does no I/O")
	assert.Equal(t, 2, own.FirstRequests, "discovery and keys")
	assert.Equal(t, 2, own.HerdRequests, "the same for many callers at once")
	assert.LessOrEqual(t, own.FloodRequests, 3)
	assert.True(t, own.Failing.Accepted)
	assert.True(t, own.Hanging.Accepted)

	text := r.markdown()
	for _, c := range r.Contestants {
		// The list, the summary, six tables, and behaviour.
		assert.Equal(t, 9, strings.Count(text, "\n| "+c.Name+" |"), c.Name)
	}
	assert.NotContains(t, text, "NaN")
	assert.NotContains(t, text, "%!")
	for _, w := range r.Speed {
		assert.NotContains(t, text, w.Workload.Good[0][:40], "no token in the report")
	}
	for _, name := range []string{policyName, middlewareName} {
		assert.Equal(t, len(processors), strings.Count(text, "\n| "+name+" |"), name)
	}
	columns := 0
	for line := range strings.Lines(text) {
		switch n := strings.Count(line, "|"); {
		case n == 0:
			columns = 0
		case columns == 0:
			columns = n
		default:
			assert.Equal(t, columns, n, "a table's line with other columns than the first: %s", line)
		}
	}
}

func TestCommandWritesTheReport(t *testing.T) {
	out := filepath.Join(t.TempDir(), "RESULTS.md")
	p := short()
	p.Rounds, p.Behaviour = 0, false
	require.NoError(t, command(t.Context(), p, out))
	text, err := os.ReadFile(out)
	require.NoError(t, err)
	assert.Contains(t, string(text), "go run . -o RESULTS.md")
	assert.NotContains(t, string(text), "## Speed", "not asked for")
	assert.NotContains(t, string(text), "## Behaviour", "not asked for")
}

// Every module that a contestant names is one that the program is built of.
func TestVersionsAreKnown(t *testing.T) {
	known := versions()
	for _, c := range contestants() {
		for _, path := range c.Modules {
			assert.NotEmpty(t, known[path], "%s of %s", path, c.Name)
		}
	}
}
