package awstrust

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Mistakes that can only be meant one way are put right without knowing the job:
// the finding is gone, and the document is as it should have been.
func TestCertainRepairs(t *testing.T) {
	const action = `"Action":"sts:AssumeRoleWithWebIdentity"`
	principal := func(arn string) string {
		return `{"Effect":"Allow","Principal":{"Federated":"` + arn + `"},` + action + `,"Condition":` + tightGitLab + `}`
	}
	and := func(more string) string { return tightGitLab[:len(tightGitLab)-1] + "," + more + "}" }
	for name, test := range map[string]struct {
		id         string
		provider   Provider
		conditions string
		want       string // a part of the repaired document
	}{
		"star":           {"AWS005", gitLab, `{"StringEquals":{"@:aud":"https://deploy.example","@:sub":"project_path:acme/payments:*"}}`, `"StringEquals":{"gitlab.com:aud":"https://deploy.example"},"StringLike":{"gitlab.com:sub":"project_path:acme/payments:*"}`},
		"all values":     {"AWS009", gitLab, and(`"ForAllValues:StringEquals":{"@:namespace_id":"12345"}`), `"pipeline_source":["push","web"],"gitlab.com:namespace_id":"12345"}}}`},
		"any value":      {"AWS010", gitLab, and(`"ForAnyValue:StringEquals":{"@:namespace_id":"12345"}`), `"pipeline_source":["push","web"],"gitlab.com:namespace_id":"12345"}}}`},
		"never there":    {"AWS013", gitLab, and(`"Null":{"@:sub":"true"}`), `"pipeline_source":["push","web"]}}}`},
		"another prefix": {"AWS015", gitLab, strings.Replace(tightGitLab, "@:project_id", "gitlab.example.com:project_id", 1), `"gitlab.com:project_id":"67890"`},
		"scheme":         {"AWS016", gitLab, principal("arn:aws:iam::123456789012:oidc-provider/https://gitlab.com"), `"arn:aws:iam::123456789012:oidc-provider/gitlab.com"`},
		"slash":          {"AWS016", gitLab, principal("arn:aws:iam::123456789012:oidc-provider/gitlab.com/"), `"arn:aws:iam::123456789012:oidc-provider/gitlab.com"`},
		"upper case":     {"AWS016", gitLab, principal("arn:aws:iam::123456789012:oidc-provider/GitLab.com"), `"arn:aws:iam::123456789012:oidc-provider/gitlab.com"`},
		"boolean":        {"AWS019", gitLab, and(`"Bool":{"@:ref_protected":true}`), `"pipeline_source":["push","web"]}}}`},
		"new boolean":    {"AWS019", gitLab, strings.Replace(and(`"Bool":{"@:ref_protected":true}`), `"@:ref_protected":"true",`, "", 1), `"pipeline_source":["push","web"],"gitlab.com:ref_protected":"true"}}}`},
		"action":         {"AWS021", gitLab, `{"Effect":"Allow","Principal":{"Federated":"ARN"},"Action":"sts:AssumeRole","Condition":` + tightGitLab + `}`, `"Action":"sts:AssumeRoleWithWebIdentity"`},
		"commas":         {"AWS023", gitLab, strings.Replace(tightGitLab, sub, sub+", "+sub+"line", 1), `["` + sub + `","` + sub + `line"]`},
		"long ref":       {"GL014", gitLab, strings.Replace(tightGitLab, ":ref:main", ":ref:refs/heads/main", 1), `"gitlab.com:sub":"` + sub + `"`},
		"starred user":   {"CC004", circleCI, strings.Replace(tightCircleCI, userMask, "*", 1), "/user/" + userMask + "/vcs-origin/"},
	} {
		t.Run(name, func(t *testing.T) {
			doc := lintCase{provider: test.provider, conditions: test.conditions}.document(t)
			before, err := doc.MarshalJSON()
			require.NoError(t, err)
			found, err := Lint(doc, nil)
			require.NoError(t, err)
			i := slices.IndexFunc(found, func(f Finding) bool { return f.ID == test.id })
			require.GreaterOrEqual(t, i, 0, "%v", idsOf(found))
			fixed, certain, err := Repair(doc, found[i], nil)
			require.NoError(t, err)
			assert.True(t, certain)
			text, err := fixed.MarshalJSON()
			require.NoError(t, err)
			assert.Contains(t, strings.ReplaceAll(string(text), "gitlab.com:pipeline_source", "pipeline_source"), strings.ReplaceAll(test.want, "gitlab.com:pipeline_source", "pipeline_source"))
			left, err := Lint(fixed, nil)
			require.NoError(t, err)
			assert.NotContains(t, idsOf(left), test.id)
			again, err := doc.MarshalJSON()
			require.NoError(t, err)
			assert.Equal(t, string(before), string(again), "the document itself is as it was")
		})
	}
}

// What cannot be known is not made up.
func TestNoRepair(t *testing.T) {
	for name, test := range map[string]struct{ id, conditions string }{
		"whose role it is":           {"AWS001", `{}`},
		"which value is meant":       {"AWS012", `{"StringNotEquals":{"@:project_id":"1"}}`},
		"a key that AWS never sets":  {"AWS009", `{"ForAllValues:StringEquals":{"@:iss":"x"}}`},
		"which of two is meant":      {"AWS019", `{"StringEquals":{"@:sub":"x","@:ref_protected":"false"},"Bool":{"@:ref_protected":true}}`},
		"a claim that AWS never has": {"AWS017", `{"StringEquals":{"@:sub":"x","@:ref_path":"x"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			doc := lintCase{provider: gitLab, conditions: test.conditions}.document(t)
			found, err := Lint(doc, nil)
			require.NoError(t, err)
			i := slices.IndexFunc(found, func(f Finding) bool { return f.ID == test.id })
			require.GreaterOrEqual(t, i, 0, "%v", idsOf(found))
			_, _, err = Repair(doc, found[i], nil)
			assert.ErrorIs(t, err, ErrNoRepair)
		})
	}
	_, _, err := Repair(&Document{}, Finding{}, nil)
	assert.ErrorIs(t, err, ErrNoRepair)
}

// The catalogue is whole: each rule of it that an AWS document can break is
// looked for, and of the others it is said who sees them.
func TestCatalogue(t *testing.T) {
	elsewhere := map[string]string{
		"AWS028": "the age of a role is not in its document",
		"AWS030": "it takes the documents of several roles",
		"GL004":  "startsWith is of Google's conditions",
		"GL011":  "AWS031 is it, for AWS",
		"GL013":  "AWS016 and AWS024 find an issuer that is spelled otherwise",
		"GL015":  "AWS sees nothing of a pipeline's configuration",
		"GL016":  "it says that GitLab's subjects cannot be made to deceive",
		"GL017":  "it is about the token, not the document",
		"CC008":  "context-ids is no condition key",
		"CC010":  "a pipeline without a repository has the first form of sub: CC003 finds a document that refuses it",
		"CC013":  "pipeline-definition-id is no condition key",
	}
	has := map[string]bool{}
	for _, r := range rules() {
		has[r.id] = true
	}
	has["CC003"] = true // of a token that is refused
	for prefix, n := range map[string]int{"AWS": 31, "GL": 17, "CC": 13} {
		for i := 1; i <= n; i++ {
			id := prefix + string([]byte{byte('0' + i/100), byte('0' + i/10%10), byte('0' + i%10)})
			_, other := elsewhere[id]
			assert.True(t, has[id] != other, "%s: found here %v, elsewhere %v", id, has[id], other)
		}
	}
}
