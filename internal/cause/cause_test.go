package cause

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// update rewrites the page: go test ./internal/cause -update
var update = flag.Bool("update", false, "rewrite TROUBLESHOOTING.md")

func TestTroubleshootingIsTheTable(t *testing.T) {
	const page = "../../TROUBLESHOOTING.md"
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(Markdown()), 0o644))
	}
	have, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, Markdown(), string(have), "if the change is meant: go test ./internal/cause -update")
}

func TestRowsAreWhole(t *testing.T) {
	seen := map[string]bool{}
	sentences := regexp.MustCompile(`^[A-Z].*\.$`)
	for _, r := range Rows() {
		assert.False(t, seen[r.ID], "%s is there twice", r.ID)
		seen[r.ID] = true
		assert.Regexp(t, `^[AGEVOKNRXJ][1-9][0-9]?$`, r.ID)
		assert.NotEmpty(t, r.Service, r.ID)
		assert.True(t, len(r.Answers) > 0 || r.Sign != "", "%s has no words", r.ID)
		assert.Regexp(t, sentences, r.Means, r.ID)
		assert.Regexp(t, sentences, r.Do, r.ID)
		for _, a := range r.Answers {
			assert.True(t, a.Code != "" || a.Text != "", "%s has an answer without words", r.ID)
		}
	}
	// The rows that were set out to be covered.
	for letter, n := range map[string]int{"A": 21, "G": 15, "E": 5, "V": 2, "O": 2, "N": 1, "X": 2} {
		for i := 1; i <= n; i++ {
			id := letter + strings.TrimLeft(string([]byte{byte('0' + i/10), byte('0' + i%10)}), "0")
			assert.True(t, seen[id], "%s is missing", id)
		}
	}
}

// An answer is found by its own row, whatever else comes before it.
func TestFind(t *testing.T) {
	for _, r := range Rows() {
		for _, a := range r.Answers {
			if a.Elsewhere {
				continue
			}
			found, ok := Find(r.Service, a.Code, "text before, "+a.Text+" and after")
			if assert.True(t, ok, "%s %+v", r.ID, a) {
				assert.Equal(t, r.ID, found.ID, "%+v", a)
			}
			want := a.Cause
			if want == "" && len(r.Causes) > 0 {
				want = r.Causes[0]
			}
			assert.Equal(t, want, Of(r.Service, a.Code, a.Text), "%s %+v", r.ID, a)
			assert.True(t, a.Cause == "" || slices.Contains(r.Causes, a.Cause), "%s %+v: the row does not have the cause", r.ID, a)
		}
	}
	_, ok := Find(AWS, "SomethingNew", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	assert.False(t, ok, "the code comes first")
	assert.Empty(t, Of(AWS, "SomethingNew", "x"))
	_, ok = Find(Google, "invalid_grant", "something new")
	assert.False(t, ok)
}

// used are the ways in which the exchanges name a cause.
var used = regexp.MustCompile(`(?:\bID:\s*|\bID(?:, [\w.]+)? = |\bcase )"([a-z][a-z0-9]*(?:-[a-z0-9]+)+)"`)

// Every cause that the exchanges give is in the table, and no other.
func TestCausesAreThoseOfTheCode(t *testing.T) {
	given := map[string]bool{}
	for _, root := range []string{"../../exchange", "../unreached", "../notoken"} {
		require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, m := range used.FindAllSubmatch(text, -1) {
				given[string(m[1])] = true
			}
			return err
		}))
	}
	for _, no := range []string{"aws-audience-example", "okta-deploy-2026", "deploy-2026"} {
		delete(given, no) // key IDs in documentation
	}
	var table []string
	for _, r := range Rows() {
		for _, id := range r.Causes {
			table = append(table, id)
			assert.True(t, given[id], "%s: no exchange gives the cause %s", r.ID, id)
		}
	}
	for id := range given {
		assert.True(t, slices.Contains(table, id), "no row has the cause %s", id)
	}
	assert.Greater(t, len(given), 50, "causes found in the code")
}

// Each row that an exchange can meet is tested under its name in one of them, or
// by what is named here. The rest is for people, about other programs.
func TestEveryRowHasItsCase(t *testing.T) {
	var rows, tests strings.Builder
	require.NoError(t, filepath.WalkDir("../../exchange", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		tests.Write(text)
		if d.Name() == "rows_test.go" {
			rows.Write(text)
		}
		return err
	}))
	forPeople := []string{"G12", "G13", "G14", "G15"}
	elsewhere := map[string]string{
		"K1": `"kms-permission"`, "J2": `"token-not-renewed"`, "J3": `"token-signature"`, "J4": "func TestLongExpiredTokenIsNotSent(", "X3": "func TestBareRefusal(",
	}
	for _, r := range Rows() {
		switch words, ok := elsewhere[r.ID]; {
		case ok:
			assert.True(t, strings.Contains(tests.String(), words), "%s: no test has %s", r.ID, words)
		case slices.Contains(forPeople, r.ID):
			assert.Empty(t, r.Causes, "%s: an exchange gives its cause", r.ID)
		default:
			named := regexp.MustCompile(`"` + r.ID + `[",]|func TestRow` + r.ID + `\b`)
			assert.True(t, named.MatchString(rows.String()), "%s has no case", r.ID)
		}
	}
}
