package trusthcl

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange/awstrust"
	"github.com/cioidc/cioidc/exchange/trustfile"
)

// testdata returns the files in testdata, which are one module, and the documents
// in them by name.
func testdata(t testing.TB, o *Options) (map[string]string, map[string]trustfile.Document) {
	t.Helper()
	texts, docs := map[string]string{}, map[string]trustfile.Document{}
	var files []File
	for _, name := range []string{"main.tf", "other.tf"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		texts[name] = string(data)
		files = append(files, File{name, data})
	}
	list, err := Read(files, o)
	require.NoError(t, err)
	for _, d := range list {
		docs[d.Name] = d
	}
	require.Len(t, docs, len(list))
	return texts, docs
}

// at returns what stands at a place of a document's text, in the file.
func at(t *testing.T, texts map[string]string, d trustfile.Document, p awstrust.Position) string {
	t.Helper()
	where := d.At(trustfile.Position(p))
	lines := strings.Split(texts[d.File], "\n")
	require.LessOrEqual(t, where.Line, len(lines))
	text := []rune(lines[where.Line-1])
	require.LessOrEqual(t, where.Column-1, len(text))
	return string(text[where.Column-1:])
}

func parse1(t *testing.T, d trustfile.Document) *awstrust.Document {
	t.Helper()
	policy, err := awstrust.Parse(d.Text)
	require.NoError(t, err, string(d.Text))
	return policy
}

// Two blocks of one test and variable are one list for AWS, and the reader says so.
func TestPolicyDocument(t *testing.T) {
	texts, docs := testdata(t, nil)
	d := docs["aws_iam_role.a"]
	policy := parse1(t, d)
	assert.Equal(t, "2012-10-17", policy.Version)
	s := policy.Statements[0]
	assert.Equal(t, awstrust.Allow, s.Effect, "the default")
	assert.Equal(t, "arn:aws:iam::000000000000:oidc-provider/gitlab.com", s.Principals[0].Name)
	require.Len(t, s.Conditions, 1)
	sub := s.Conditions[0]
	assert.Equal(t, "StringEquals gitlab.com:sub", sub.Operator.String()+" "+sub.Key)
	require.Len(t, sub.Values, 2)
	assert.Equal(t, `"project_path:acme/other:ref_type:branch:ref:main"]`, at(t, texts, d, sub.Values[1].Position))
	require.Len(t, d.Remarks, 1)
	assert.Contains(t, d.Remarks[0].Name, "a second condition block with StringEquals and gitlab.com:sub")
	assert.Equal(t, trustfile.Position{Line: 24, Column: 5}, d.Remarks[0].Position)
	assert.Equal(t, []string{"000000000000 stands for the number of the account", "the partition is aws"}, d.Assumptions)
}

// A role in another file than its document is found where the document is.
func TestOtherFile(t *testing.T) {
	texts, docs := testdata(t, nil)
	d := docs["aws_iam_role.elsewhere"]
	assert.Equal(t, "main.tf", d.File)
	assert.Equal(t, trustfile.Position{Line: 12, Column: 1}, d.Position)
	assert.Contains(t, at(t, texts, d, parse1(t, d).Statements[0].Conditions[0].Position), "aws_iam_openid_connect_provider.gitlab.url")

	// One that is made of it stands where it is made, in all its parts.
	for name, want := range map[string]trustfile.Position{"aws_iam_role.trimmed": {Line: 26, Column: 24}, "aws_iam_role.joined": {Line: 30, Column: 27}} {
		d = docs[name]
		assert.Equal(t, "other.tf", d.File)
		assert.Equal(t, want, d.At(trustfile.Position(parse1(t, d).Statements[0].Conditions[0].Position)), name)
	}

	d = docs["aws_iam_role.shared_values"]
	assert.Equal(t, "other.tf", d.File)
	assert.JSONEq(t, `{"Statement": [{"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/gitlab.com"},
		"Action": "sts:AssumeRoleWithWebIdentity",
		"Condition": {"StringEquals": {"gitlab.com:aud": "https://deploy.example"}, "4ada": {"${var.unknown}": "a:b"}}}]}`, string(d.Text))
	assert.Equal(t, []trustfile.Reference{{Name: "var.unknown", Position: trustfile.Position{Line: 15, Column: 29}}}, d.Unresolved)
	assert.Equal(t, []string{"var.aud has its default"}, d.Assumptions)
}

func TestJSONEncode(t *testing.T) {
	texts, docs := testdata(t, nil)
	d := docs["aws_iam_role.b"]
	assert.Equal(t, []trustfile.Reference{{Name: "var.group", Position: trustfile.Position{Line: 41, Column: 76}}}, d.Unresolved)
	sub := parse1(t, d).Statements[0].Conditions[0]
	assert.Equal(t, "project_path:${var.group}/*", sub.Values[0].Text)
	assert.Equal(t, `"${local.issuer}:sub" = "project_path:${var.group}/*" } }`, at(t, texts, d, sub.Position))

	_, docs = testdata(t, &Options{Variables: map[string]string{"group": "acme"}})
	d = docs["aws_iam_role.b"]
	assert.Empty(t, d.Unresolved)
	assert.Equal(t, "project_path:acme/*", parse1(t, d).Statements[0].Conditions[0].Values[0].Text)
}

// The lines of a heredoc are found in spite of its indentation and of what was
// put in before.
func TestHeredoc(t *testing.T) {
	texts, docs := testdata(t, nil)
	d := docs["aws_iam_role.c"]
	require.Empty(t, d.Unresolved)
	s := parse1(t, d).Statements[0]
	assert.Equal(t, `"gitlab.com:aud": "a"}}}]`, at(t, texts, d, s.Conditions[0].Position))
	assert.Equal(t, `"sts:AssumeRoleWithWebIdentity",`, at(t, texts, d, s.Actions[0].Position))
}

func TestNotInTheFiles(t *testing.T) {
	_, docs := testdata(t, nil)
	d := docs["aws_iam_role.d"]
	assert.Empty(t, d.Text)
	assert.Equal(t, []trustfile.Reference{{Name: `file("x.json")`, Position: trustfile.Position{Line: 55, Column: 24}}}, d.Unresolved)

	d = docs["google_service_account_iam_member.m"]
	assert.Equal(t, trustfile.GoogleBindings, d.Kind)
	require.Len(t, d.Unresolved, 1)
	assert.Equal(t, "google_iam_workload_identity_pool.p.name", d.Unresolved[0].Name)

	d = docs["google_service_account_iam_binding.known"]
	assert.Empty(t, d.Unresolved)
	const pool = "://iam.googleapis.com/projects/000000000000/locations/global/workloadIdentityPools/ci/"
	assert.JSONEq(t, `{"bindings": [{"role": "roles/iam.workloadIdentityUser", "members": ["principalSet`+pool+`attribute.project_id/1", "principal`+pool+`subject/x"]}]}`, string(d.Text))
	assert.Equal(t, []string{"000000000000 stands for the number of the project"}, d.Assumptions)

	d = docs["google_iam_workload_identity_pool_provider.p"]
	assert.NotContains(t, string(d.Text), `"name"`, "of a project that is known by its ID, if at all")
	d = docs["google_iam_workload_identity_pool_provider.named"]
	assert.Contains(t, string(d.Text), `"name":"projects/123/locations/global/workloadIdentityPools/ci/providers/gitlab"`)

	for text, want := range map[string]string{
		`assume_role_policy = var.a ? "x" : "y"`:                                      `var.a ? "x" : "y"`,
		`assume_role_policy = jsonencode({ for k, v in {} : k => v })`:                `jsonencode({ for k, v in {} : k => v })`,
		`assume_role_policy = replace("abc", "/b/", "x")`:                             `replace("abc", "/b/", "x")`,
		`assume_role_policy = data.aws_iam_policy_document.gone.json`:                 `data.aws_iam_policy_document.gone.json`,
		`assume_role_policy = "${"${local.loop}"}"`:                                   "",
		`assume_role_policy = "{%{ if true }%{ endif }}"`:                             "",
		`assume_role_policy = jsonencode([local.many])`:                               "",
		`assume_role_policy = data.aws_iam_policy_document.base.json`:                 "source_policy_documents",
		`assume_role_policy = data.aws_iam_policy_document.dynamic.json`:              "dynamic condition",
		`assume_role_policy = data.aws_iam_policy_document.dynamic[0].json`:           "dynamic condition",
		`assume_role_policy = data.aws_iam_policy_document.dynamic[count.index].json`: `data.aws_iam_policy_document.dynamic[count.index].json`,
	} {
		module := "resource \"aws_iam_role\" \"r\" {\n" + text + "\n}\n" + `
			locals {
				loop = local.loop
				many = [local.many2, local.many2, local.many2]
				many2 = [local.many3, local.many3, local.many3]
				many3 = [local.many, local.many, local.many]
			}
			data "aws_iam_policy_document" "base" {
				source_policy_documents = ["{}"]
			}
			data "aws_iam_policy_document" "dynamic" {
				statement {
					dynamic "condition" {
						for_each = []
						content {}
					}
				}
			}`
		list, err := Read([]File{{"x.tf", []byte(module)}}, nil)
		require.NoError(t, err, text)
		require.Len(t, list, 1)
		require.NotEmpty(t, list[0].Unresolved, text)
		if want != "" {
			assert.Equal(t, want, list[0].Unresolved[0].Name)
		}
	}
}

func TestErrors(t *testing.T) {
	for want, c := range map[string]struct {
		text         string
		line, column int
	}{
		"not Terraform: ":              {"a = 1\nb = [", 2, 6},
		"nested deeper than 64 levels": {"\na = " + strings.Repeat("[", 70), 2, 69},
		"nested deeper than 64":        {"a = " + strings.Repeat("!", maxChained+1) + "true", 1, 5 + maxChained},
		"more than the 524288":         {strings.Repeat(" ", MaxBytes+1), 1, 1},
	} {
		_, err := Read([]File{{"ok.tf", nil}, {"x.tf", []byte(c.text)}}, nil)
		var e *trustfile.Error
		require.True(t, errors.As(err, &e), want)
		assert.Equal(t, "x.tf", e.File)
		assert.Contains(t, e.Problem, want)
		assert.Equal(t, []int{c.line, c.column}, []int{e.Line, e.Column}, want)
	}
}

// Whatever a file holds, the answer is documents that lie in the file, or a typed
// error.
func FuzzRead(f *testing.F) {
	texts, _ := testdata(f, nil)
	for _, text := range texts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		docs, err := Read([]File{{"x.tf", []byte(text)}}, nil)
		if err != nil {
			var e *trustfile.Error
			require.True(t, errors.As(err, &e))
			require.Positive(t, e.Line)
			require.Positive(t, e.Column)
		}
		for _, d := range docs {
			require.Positive(t, d.At(trustfile.Position{Line: 1, Column: 1}).Line)
			require.LessOrEqual(t, d.At(trustfile.Position{Line: 1, Column: 1}).Line, strings.Count(text, "\n")+1)
		}
	})
}
