package awstrust

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// roleFile is a document as people lay it out, with what stands in it for $P,
// $A and $C.
func roleFile(p Provider, principal, action, conditions string) string {
	if principal == "" {
		principal = p.ARN()
	}
	text := strings.NewReplacer("$P", principal, "$A", action, "$C", conditions).Replace(`{
  "Version": "2012-10-17",
  "Statement": {
    "Effect": "Allow",
    "Principal": { "Federated": "$P" },
    "Action": "$A",
    "Condition": $C
  }
}
`)
	return strings.ReplaceAll(text, "@:", p.prefix()+":")
}

const (
	gitLabRest   = `"@:aud": "https://deploy.example", "@:project_id": "67890", "@:ref_protected": "true"`
	gitLabLayout = "{\n      \"StringEquals\": {\n        \"@:sub\": \"" + sub + "\",\n        " + gitLabRest + "\n      }\n    }"
)

// repairCase is a fix that what is written suffices for.
type repairCase struct {
	name, id   string
	provider   Provider
	principal  string
	action     string // empty: the right one
	conditions string
	certain    bool
	// old is what the edits take away and new is what comes for it, in the text;
	// for a fix that is not certain, in the document's JSON.
	old, new string
}

func repairCases() []repairCase {
	with := func(more string) string {
		return strings.TrimSuffix(gitLabLayout, "\n    }") + ",\n      " + more + "\n    }"
	}
	layout := func(old, new string) string { return strings.Replace(gitLabLayout, old, new, 1) }
	boolean := strings.Replace(with(`"Bool": {"@:ref_protected": true}`), `, "@:ref_protected": "true"`, "", 1)
	circle := func(subject string) string {
		return `{"StringEquals": {"@:oidc.circleci.com/project-id": "` + project + `", "@:aud": "a"}, "StringLike": {"@:sub": "` + subject + `"}}`
	}
	const tail = "/vcs-origin/github.com/acme/payments/vcs-ref/refs/heads/main"
	return []repairCase{
		{"star in StringEquals", "AWS005", gitLab, "", "", `{"StringEquals": {"@:sub": "project_path:acme/payments:ref_type:tag:ref:v*"}, "StringLike": {` + gitLabRest + `}}`, true,
			`"StringEquals": {"gitlab.com:sub": "project_path:acme/payments:ref_type:tag:ref:v*"}, "StringLike": {`, `"StringLike": {"gitlab.com:sub": "project_path:acme/payments:ref_type:tag:ref:v*",`},
		{"star among others", "AWS005", gitLab, "", "", layout("branch:ref:main", "tag:ref:v*"), true,
			"\"StringEquals\": {\n        \"gitlab.com:sub\": \"project_path:acme/payments:ref_type:tag:ref:v*\",\n        ", "\"StringLike\": {\"gitlab.com:sub\": \"project_path:acme/payments:ref_type:tag:ref:v*\"},\n      \"StringEquals\": {\n        "},
		{"star that would let everybody in", "AWS005", gitLab, "", "", `{"StringEquals": {"@:sub": "project_path:*:ref_type:branch:ref:main"}}`, false,
			`"StringEquals":{"gitlab.com:sub"`, `"StringLike":{"gitlab.com:sub"`},
		{"all values", "AWS009", gitLab, "", "", with(`"ForAllValues:StringLike": {"@:runner_environment": "gitlab-hosted"}`), true, `"ForAllValues:StringLike"`, `"StringLike"`},
		{"all of a key that is there", "AWS009", gitLab, "", "", with(`"ForAllValues:StringEquals": {"@:namespace_id": "1"}`), true,
			"\n        \"gitlab.com:sub\"", "\n        \"gitlab.com:namespace_id\": \"1\",\n        \"gitlab.com:sub\""},
		{"all of a login", "AWS009", gitLab, "", "", with(`"ForAllValues:StringLike": {"@:user_login": "chris"}`), false, `"ForAllValues:StringLike"`, `"StringLike"`},
		{"any value", "AWS010", gitLab, "", "", with(`"ForAnyValue:StringLike": {"@:namespace_id": "1"}`), true, `"ForAnyValue:StringLike"`, `"StringLike"`},
		{"if it exists", "AWS011", gitLab, "", "", layout("StringEquals", "StringEqualsIfExists"), true, `"StringEqualsIfExists": {
        "gitlab.com:sub": "` + sub + `",`, `"StringEquals": {"gitlab.com:sub": "` + sub + `"},
      "StringEqualsIfExists": {`},
		{"login, if it exists", "AWS011", gitLab, "", "", with(`"StringLikeIfExists": {"@:user_login": "chris"}`), false, `"StringLikeIfExists"`, `"StringLike"`},
		{"no subject", "AWS013", gitLab, "", "", with(`"Null": {"@:sub": "true"}`), true, `,
      "Null": {"gitlab.com:sub": "true"}`, ""},
		{"no subject and no condition", "AWS013", gitLab, "", "", `{"Null": {"@:sub": "true"}}`, false, `,"Condition":{"Null":{"gitlab.com:sub":"true"}}`, ""},
		{"another prefix", "AWS015", gitLab, "", "", layout("@:sub", "https://gitlab.com:sub"), true, `"https://gitlab.com:sub"`, `"gitlab.com:sub"`},
		{"another prefix with Not", "AWS015", gitLab, "", "", with(`"StringNotEquals": {"x:namespace_id": "1"}`), false, `"x:namespace_id"`, `"gitlab.com:namespace_id"`},
		{"scheme", "AWS016", gitLab, "arn:aws:iam::123456789012:oidc-provider/https://GitLab.com/", "", gitLabLayout, true, "https://GitLab.com/", "gitlab.com"},
		{"boolean", "AWS019", gitLab, "", "", boolean, true, `,
      "Bool": {"gitlab.com:ref_protected": true}`, ""},
		{"another action", "AWS021", gitLab, "", "sts:AssumeRole", gitLabLayout, true, `"sts:AssumeRole"`, `"sts:AssumeRoleWithWebIdentity"`},
		{"another action, and too broad", "AWS021", gitLab, "", "sts:AssumeRole", `{"StringEquals": {"@:aud": "a"}}`, false, `"sts:AssumeRole"`, `"sts:AssumeRoleWithWebIdentity"`},
		{"every action", "AWS021", gitLab, "", "sts:*", gitLabLayout, true, `"sts:*"`, `"sts:AssumeRoleWithWebIdentity"`},
		{"every action of an unknown issuer", "AWS021", selfManaged, "", "sts:*", `{"StringEquals": {"@:aud": "a", "@:sub": "b"}}`, false, `"sts:*"`, `"sts:AssumeRoleWithWebIdentity"`},
		{"any case", "AWS026", gitLab, "", "", layout("StringEquals", "StringEqualsIgnoreCase"), false, "", ""},
		{"one user", "CC002", circleCI, "", "", circle(circleCISub + tail), false, user, "????????-????-????-????-????????????"},
		{"star before the branch", "CC004", circleCI, "", "", circle(circleSub + "*" + tail), true, "/user/*/", "/user/????????-????-????-????-????????????/"},
		{"type of ref", "GL007", gitLab, "", "", layout("ref_type:branch", "ref_type:mr"), false, "ref_type:mr", "ref_type:branch"},
		{"long ref", "GL014", gitLab, "", "", layout("ref:main", "ref:refs/heads/main"), true, "refs/heads/main", "main"},
		{"long ref of a tag", "GL014", gitLab, "", "", layout("ref:main", "ref:refs/tags/v1"), false, "refs/tags/v1", "v1"},
	}
}

// A certain fix is made in the text, of which all else stays; the text is then
// the document of the fix. One that is not certain makes no edits.
func TestRepair(t *testing.T) {
	for _, tt := range repairCases() {
		t.Run(tt.id+" "+tt.name, func(t *testing.T) {
			if tt.action == "" {
				tt.action = webIdentity
			}
			text := roleFile(tt.provider, tt.principal, tt.action, tt.conditions)
			doc, err := Parse([]byte(text))
			require.NoError(t, err)
			found, err := Lint(doc, nil)
			require.NoError(t, err)
			i := slices.IndexFunc(found, func(f Finding) bool { return f.ID == tt.id })
			require.GreaterOrEqual(t, i, 0, "%v", idsOf(found))
			fixed, err := Fix(doc, found[i], nil)
			require.NoError(t, err)
			assert.Equal(t, tt.certain, fixed.Certain)
			written, err := fixed.Document.MarshalJSON()
			require.NoError(t, err)
			again, err := Lint(fixed.Document, nil)
			require.NoError(t, err)
			count := func(list []Finding) (n int) {
				for _, f := range list {
					if f.ID == tt.id {
						n++
					}
				}
				return n
			}
			assert.Less(t, count(again), count(found), "%s", written)
			edits, err := fixed.Edits([]byte(text))
			if !tt.certain {
				assert.ErrorIs(t, err, ErrNotCertain)
				assert.Contains(t, string(written), tt.new)
				if tt.old != "" {
					assert.NotContains(t, string(written), tt.old)
				}
				return
			}
			require.NoError(t, err)
			result := string(ApplyEdits([]byte(text), edits))
			if tt.id != "AWS019" && tt.name != "all of a key that is there" {
				assert.Equal(t, strings.Replace(text, tt.old, tt.new, 1), result)
			}
			assert.Contains(t, result, tt.new)
			reread, err := Parse([]byte(result))
			require.NoError(t, err, result)
			assert.ElementsMatch(t, plain(fixed.Document)[0].Conditions, plain(reread)[0].Conditions, result)
			for _, e := range edits {
				assert.Positive(t, e.From.Line)
				assert.LessOrEqual(t, e.From.Line, e.To.Line)
			}
		})
	}
}
