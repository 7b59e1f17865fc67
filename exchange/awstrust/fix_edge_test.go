package awstrust

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
)

func findingOf(t *testing.T, doc *Document, id string, o *LintOptions) Finding {
	t.Helper()
	found, err := Lint(doc, o)
	require.NoError(t, err)
	i := slices.IndexFunc(found, func(f Finding) bool { return f.ID == id })
	require.GreaterOrEqual(t, i, 0, "%v", idsOf(found))
	return found[i]
}

// Where there is no fix, the error says why and what to do.
func TestNoFix(t *testing.T) {
	job := &LintOptions{Token: legitimate(t, gitLab)}
	both := strings.Replace(statementOf(gitLab, `{"StringEquals":{"@:aud":"https://deploy.example"}}`), `"Effect"`, `"Sid":"A","Effect"`, 1)
	for name, tt := range map[string]struct {
		id      string
		doc     *Document
		o       *LintOptions
		problem string
	}{
		"a note":           {"GL015", documentOf(t, statementOf(gitLab, tightGitLab)), nil, "there is nothing to change"},
		"no token":         {"AWS001", documentOf(t, statementOf(gitLab, `{}`)), nil, "LintOptions.Token"},
		"two stars":        {"CC004", documentOf(t, statementOf(circleCI, like(circleSub+"*/vcs-origin/*/vcs-ref/refs/heads/main"))), nil, "LintOptions.Token"},
		"no known account": {"AWS014", documentOf(t, `{"Effect":"Allow","NotPrincipal":{"AWS":"1"},"Action":"sts:AssumeRoleWithWebIdentity"}`), job, "LintOptions.Providers"},
		"another way in":   {"AWS002", documentOf(t, both, strings.Replace(both, `"A"`, `"B"`, 1)), job, "let in by another statement"},
		"an unset key":     {"AWS017", documentOf(t, statementOf(gitLab, and(`"StringLike":{"@:ref":"main"}`))), job, "AWS sees nothing"},
		"there already": {"AWS010", documentOf(t, statementOf(gitLab, and(`"ForAnyValue:StringEquals":{"@:project_id":"67890"}`))), nil,
			"is there already"},
	} {
		_, err := Fix(tt.doc, findingOf(t, tt.doc, tt.id, tt.o), tt.o)
		var no *NoFixError
		if assert.ErrorAs(t, err, &no, name) {
			assert.Equal(t, tt.id, no.ID)
			assert.Contains(t, no.Problem, tt.problem, name)
			assert.Contains(t, err.Error(), "awstrust: no fix of "+tt.id+": ")
		}
	}
	var no *NoFixError
	_, err := Fix(nil, Finding{ID: "X", Position: Position{Line: 1, Column: 1}}, nil)
	assert.ErrorAs(t, err, &no)
	_, err = Fix(documentOf(t, statementOf(gitLab, `{}`)), Finding{ID: "X"}, nil)
	assert.ErrorAs(t, err, &no)
	_, err = Fix(documentOf(t, statementOf(gitLab, `{}`)), Finding{ID: "X", Position: Position{Line: 9, Column: 9}}, &LintOptions{Token: &claims.Registered{}})
	require.ErrorAs(t, err, &no)
	assert.Contains(t, no.Problem, "LintOptions.Token")
}

// The document that is fixed stays as it was, and so does a value of the list
// that the finding is not about.
func TestFixKeepsTheRest(t *testing.T) {
	job := &LintOptions{Token: legitimate(t, gitLab)}
	doc := documentOf(t, statementOf(gitLab, `{"StringEquals":{"@:aud":"https://deploy.example","@:project_id":"67890"},
		"StringLike":{"@:sub":["project_path:acme/payments:ref_type:branch:ref:release","project_path:acme/payments:ref_type:branch:ref:main*"]}}`))
	before, err := doc.MarshalJSON()
	require.NoError(t, err)
	fixed, err := Fix(doc, findingOf(t, doc, "AWS008", job), job)
	require.NoError(t, err)
	assert.False(t, fixed.Certain)
	after, err := doc.MarshalJSON()
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after))
	text, err := fixed.Document.MarshalJSON()
	require.NoError(t, err)
	// The witness is of a branch that is not protected, so that is pinned too.
	assert.Equal(t, strings.NewReplacer("ref:main*", "ref:main", `"67890"`, `"67890","gitlab.com:ref_protected":"true"`).Replace(string(before)), string(text))
}

// A role without conditions gets all that names the job: who it is for, and what
// the witness differs in.
func TestFixOfNothing(t *testing.T) {
	for name, tt := range map[string]struct {
		provider Provider
		want     string
	}{
		"GitLab":   {gitLab, `{"StringEquals":{"@:sub":"` + sub + `","@:aud":"https://deploy.example","@:namespace_id":"12345","@:project_id":"67890"}}`},
		"CircleCI": {circleCI, `{"StringLike":{"@:sub":"` + circleSub + `????????-????-????-????-????????????` + branchSuffix + `"},"StringEquals":{"@:aud":"https://deploy.example","@:oidc.circleci.com/project-id":"` + project + `"}}`},
	} {
		o := &LintOptions{Token: legitimate(t, tt.provider)}
		doc := documentOf(t, statementOf(tt.provider, `{}`))
		fixed, err := Fix(doc, findingOf(t, doc, "AWS001", o), o)
		require.NoError(t, err)
		assert.Equal(t, plain(documentOf(t, statementOf(tt.provider, tt.want))), plain(fixed.Document), name)
	}
}

// A value of the token that would be a variable or a wildcard is written so that
// it is itself.
func TestFixEscapes(t *testing.T) {
	token := legitimateWith(t, claimSet{"sub": "project_path:acme/payments:ref_type:branch:ref:a${x}", "ref": "a${x}"})
	o := &LintOptions{Token: token}
	for _, conditions := range []string{`{}`, like("project_path:acme/payments:*")} {
		for _, version := range []string{"2012-10-17", "2008-10-17"} {
			doc := versioned(t, version, statementOf(gitLab, conditions))
			found, err := Lint(doc, o)
			require.NoError(t, err)
			for _, f := range found {
				fixed, err := Fix(doc, f, o)
				if err == nil {
					assert.NotEqual(t, Rejected, fixed.simulate(token.RegisteredClaims().Payload(), o), "%s %s", f.ID, version)
					continue
				}
				var no *NoFixError
				assert.ErrorAs(t, err, &no)
			}
		}
	}
	doc := documentOf(t, statementOf(gitLab, `{}`))
	fixed, err := Fix(doc, findingOf(t, doc, "AWS001", o), o)
	require.NoError(t, err)
	text, err := fixed.Document.MarshalJSON()
	require.NoError(t, err)
	assert.Contains(t, string(text), "ref:a${$}{x}")
}

func legitimateWith(t *testing.T, changes claimSet) claims.Model {
	t.Helper()
	m, err := claims.Decode[claims.GitLab](tokenOf(t, gitLab, changes))
	require.NoError(t, err)
	return m
}

func TestEditsOfAnotherText(t *testing.T) {
	doc := documentOf(t, statementOf(gitLab, withSub(tightGitLab, sub[:len(sub)-4]+"refs/heads/main")))
	fixed, err := Fix(doc, findingOf(t, doc, "GL014", nil), nil)
	require.NoError(t, err)
	require.True(t, fixed.Certain)
	var syntax *ParseError
	_, err = fixed.Edits([]byte(`{`))
	assert.ErrorAs(t, err, &syntax)
	_, err = fixed.Edits([]byte("\n" + `{"Statement":{"Effect":"Allow","Principal":"*","Action":"*"}}`))
	require.ErrorAs(t, err, &syntax)
	assert.Contains(t, syntax.Problem, "not that of the document")

	assert.Equal(t, "aXcd", string(ApplyEdits([]byte("abcd"), []Edit{{Start: 1, End: 2, Text: "X"}, {Start: 0, End: 1}, {Start: 3, End: 2}, {Start: 3, End: 9}})))
}

// Fixing what is certain, one after the other, comes to an end.
func TestFixUntilNothingIsCertain(t *testing.T) {
	text := []byte(roleFile(gitLab, "arn:aws:iam::123456789012:oidc-provider/https://gitlab.com", "sts:AssumeRole",
		strings.NewReplacer("StringEquals", "ForAnyValue:StringEquals", "ref:main", "ref:refs/heads/main").Replace(gitLabLayout)))
	edited := 0
	for range 20 {
		doc, err := Parse(text)
		require.NoError(t, err)
		found, err := Lint(doc, nil)
		require.NoError(t, err)
		i := slices.IndexFunc(found, func(f Finding) bool {
			fixed, err := Fix(doc, f, nil)
			if err != nil || !fixed.Certain {
				return false
			}
			edits, err := fixed.Edits(text)
			require.NoError(t, err)
			text = ApplyEdits(text, edits)
			return true
		})
		if i < 0 {
			break
		}
		edited++
	}
	assert.Equal(t, 7, edited)
	doc, err := Parse(text)
	require.NoError(t, err, string(text))
	assert.Equal(t, Accepted, Simulate(doc, tokenOf(t, gitLab, nil), gitLab, nil).Outcome, string(text))
}
