package trustfile

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange/awstrust"
)

// read returns the documents of a file in testdata.
func read(t *testing.T, name string) []Document {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	docs, err := Read(name, data)
	require.NoError(t, err)
	return docs
}

// line returns what stands at a position of a file in testdata.
func line(t *testing.T, name string, p Position) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	lines := strings.Split(string(data), "\n")
	require.LessOrEqual(t, p.Line, len(lines))
	text := []rune(lines[p.Line-1])
	require.LessOrEqual(t, p.Column-1, len(text))
	return string(text[p.Column-1:])
}

// Every file has the one role, whose sub condition is found in the file again.
func TestWhereConditionsStand(t *testing.T) {
	for name, want := range map[string]string{
		"policy.json":           `"gitlab.com:sub": "project_path:acme/app:ref_type:branch:ref:main"`,
		"get-role.json":         `"gitlab.com:sub": "project_path:acme/app:ref_type:branch:ref:main"`,
		"get-role-escaped.json": `"%7B%22Version%22`,
		"plan.json":             `"{\"Statement\":`,
		"template.json":         `"gitlab.com:sub": "project_path:acme/app:ref_type:branch:ref:main"`,
		"template.yaml":         `gitlab.com:sub: project_path:acme/app:ref_type:branch:ref:main`,
		"template-text.yaml":    `"gitlab.com:sub": "project_path:acme/app:ref_type:branch:ref:main"`,
		"template-role.yaml":    `gitlab.com:sub: project_path:acme/app:ref_type:branch:ref:main`,
	} {
		t.Run(name, func(t *testing.T) {
			var roles []Document
			for _, d := range read(t, name) {
				if d.Kind == AWSRole && len(d.Text) > 0 {
					roles = append(roles, d)
				}
			}
			require.Len(t, roles, 1)
			d := roles[0]
			require.Empty(t, d.Unresolved)
			assert.Equal(t, name, d.File)
			policy, err := awstrust.Parse(d.Text)
			require.NoError(t, err, string(d.Text))
			require.Len(t, policy.Statements, 1)
			assert.Equal(t, "arn:aws:iam::000000000000:oidc-provider/gitlab.com", policy.Statements[0].Principals[0].Name)
			require.Len(t, policy.Statements[0].Conditions, 2)
			sub := policy.Statements[0].Conditions[1]
			assert.Equal(t, "project_path:acme/app:ref_type:branch:ref:main", sub.Values[0].Text)
			got := line(t, name, d.At(Position(sub.Position)))
			assert.True(t, strings.HasPrefix(got, want), got)
		})
	}
}

func TestNames(t *testing.T) {
	docs := read(t, "plan.json")
	var names []string
	for _, d := range docs {
		names = append(names, string(d.Kind)+" "+d.Name)
	}
	assert.Equal(t, []string{
		"aws-role aws_iam_role.deploy",
		"aws-provider aws_iam_openid_connect_provider.gitlab",
		"aws-role module.ci.aws_iam_role.late[0]",
		"google-provider module.ci.google_iam_workload_identity_pool_provider.gitlab",
		"google-bindings module.ci.google_service_account_iam_member.deploy",
	}, names, "other resources, data sources and members that are no pool's are left out")
	assert.JSONEq(t, `{"Url":"gitlab.com","ClientIDList":["https://deploy.example"]}`, string(docs[1].Text), "as the API has it")

	late := docs[2]
	assert.Empty(t, late.Text)
	require.Len(t, late.Unresolved, 1)
	assert.Equal(t, "module.ci.aws_iam_role.late[0].assume_role_policy, known after apply", late.Unresolved[0].Name)

	assert.JSONEq(t, `{"attributeMapping": {"google.subject": "assertion.sub"}, "attributeCondition": "assertion.project_id == '1'",
		"oidc": {"issuerUri": "https://gitlab.com", "allowedAudiences": ["https://deploy.example"]}}`, string(docs[3].Text))
	assert.Empty(t, docs[3].Unresolved, "a name that is known after apply decides nothing")

	require.Len(t, docs[4].Unresolved, 1)
	assert.Contains(t, docs[4].Unresolved[0].Name, "members, known after apply")
}

// What a template does not say is named, and what stands in for it is said.
func TestTemplateFunctions(t *testing.T) {
	docs := read(t, "template-provider.yaml")
	require.Len(t, docs, 3)
	assert.Equal(t, AWSProvider, docs[0].Kind)
	assert.JSONEq(t, `{"Url":"gitlab.com","ClientIDList":["https://deploy.example"]}`, string(docs[0].Text))
	assert.Equal(t, []string{"parameter Audience has its default"}, docs[0].Assumptions)
	assert.Equal(t, []string{"000000000000 stands for the number of the account", "the partition is aws", "parameter Audience has its default"}, docs[1].Assumptions)

	open := docs[2]
	assert.Equal(t, "Open", open.Name)
	assert.Equal(t, AWSRole, open.Kind)
	var names []string
	for _, r := range open.Unresolved {
		names = append(names, r.Name)
		assert.Contains(t, line(t, "template-provider.yaml", r.Position), "!")
	}
	assert.Equal(t, []string{"Fn::ImportValue", "Group", "Fn::If"}, names)
	assert.Contains(t, string(open.Text), `"project_path:${Group}/app:*"`)
}

// Texts of Fn::Sub take values of their own, and pass ${!x} on to AWS.
func TestSub(t *testing.T) {
	for text, want := range map[string]string{
		`!Sub "a-${AWS::AccountId}-${AWS::Partition}"`: "a-000000000000-aws",
		`!Sub ["${x}-${P}", {x: !Ref P}]`:              "default-default",
		`!Sub "${!aws:username}"`:                      "${aws:username}",
		`!Sub "${P"`:                                   "${P",
		`!Sub "${Missing.Arn}/${Missing}"`:             "${Missing.Arn}/${Missing}",
		`!Join [":", [a, !Sub "b", 3]]`:                "a:b:3",
		`!GetAtt [Provider, Arn]`:                      "arn:aws:iam::000000000000:oidc-provider/gitlab.com",
		`!Ref Provider`:                                "arn:aws:iam::000000000000:oidc-provider/gitlab.com",
		`!Base64 x`:                                    "${Fn::Base64}",
		`!Ref Circle`:                                  "${Circle}",
		`0x1F`:                                         "0x1F",
	} {
		docs, err := Read("t.yaml", []byte(`
Parameters: {P: {Default: default}, Circle: {Default: [!Ref Circle]}}
Resources:
  Provider: {Type: "AWS::IAM::OIDCProvider", Properties: {Url: "https://gitlab.com"}}
  Role: {Type: "AWS::IAM::Role", Properties: {AssumeRolePolicyDocument: {Sid: `+text+`}}}
`))
		require.NoError(t, err, text)
		require.Len(t, docs, 2)
		var got struct{ Sid any }
		require.NoError(t, json.Unmarshal(docs[1].Text, &got))
		for list, ok := got.Sid.([]any); ok; list, ok = got.Sid.([]any) {
			got.Sid = list[0] // the circle is one of lists
		}
		assert.Equal(t, want, got.Sid, text)
		assert.Equal(t, strings.Contains(want, "${") && !strings.Contains(text, "!aws") && text != `!Sub "${P"`, len(docs[1].Unresolved) > 0, text)
	}
}

func TestGoogle(t *testing.T) {
	for _, name := range []string{"provider.json", "provider.yaml"} {
		docs := read(t, name)
		require.Len(t, docs, 1, name)
		assert.Equal(t, GoogleProvider, docs[0].Kind)
		assert.Equal(t, "projects/1/locations/global/workloadIdentityPools/ci/providers/gitlab", docs[0].Name)
		assert.Contains(t, string(docs[0].Text), `"attributeCondition"`)
	}
	docs := read(t, "provider.yaml")
	assert.JSONEq(t, string(read(t, "provider.json")[0].Text), string(docs[0].Text), "both are the same provider")
	column := strings.Index(string(docs[0].Text), `"attributeCondition":`) + 1
	assert.Equal(t, "attributeCondition: assertion.project_id == '1'", line(t, "provider.yaml", docs[0].At(Position{1, column})))

	two, err := Read("list.yaml", []byte("---\noidc: {issuerUri: https://a.example}\n---\noidc: {issuerUri: https://b.example}\n"))
	require.NoError(t, err)
	require.Len(t, two, 2, "as gcloud prints a list")
	assert.Equal(t, Position{Line: 4, Column: 1}, two[1].Position)

	bindings, err := Read("iam.json", []byte(`{"bindings":[{"role":"roles/iam.workloadIdentityUser","members":["principalSet://x"]}],"etag":"x","version":1}`))
	require.NoError(t, err)
	require.Len(t, bindings, 1)
	assert.Equal(t, GoogleBindings, bindings[0].Kind)
}

// Members that come twice are what a linter has to see.
func TestDuplicatesAreKept(t *testing.T) {
	for name, text := range map[string]string{
		"a.json": `{"Statement": [{"Action": ["sts:AssumeRole"], "Condition": {"StringEquals": {"a": "1"}, "StringEquals": {"a": "2"}}}]}`,
		"b.json": `{"RoleName": "x", "AssumeRolePolicyDocument": {"Condition": {"StringEquals": {"a": "1"}, "StringEquals": {"a": "2"}}}}`,
		"c.json": `{"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"StringEquals": {"Ref": "AWS::AccountId"}, "StringEquals": {"a": "2"}}}}}}`,
	} {
		docs, err := Read(name, []byte(text))
		require.NoError(t, err)
		require.Len(t, docs, 1)
		assert.Equal(t, 2, strings.Count(string(docs[0].Text), "StringEquals"), name)
	}
}

func TestOtherFiles(t *testing.T) {
	for name, text := range map[string]string{
		"package.json": `{"name": "x", "version": "1"}`,
		"list.json":    `[1, "x", null, {"Resources": 3}]`,
		"text.json":    `"Statement"`,
		"bucket.json":  `{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "sts:x"}]}`,
		"empty.yaml":   ``,
		"ci.yml":       "build:\n  script: [make]\n",
	} {
		docs, err := Read(name, []byte(text))
		assert.NoError(t, err, name)
		assert.Empty(t, docs, name)
	}
}

func TestErrors(t *testing.T) {
	deep := strings.Repeat("[", 80) + strings.Repeat("]", 80)
	for name, c := range map[string]struct {
		text, problem string
		line, column  int
	}{
		"broken.json": {"{\n  \"a\": 1,}", "not JSON", 2, 10},
		"deep.json":   {deep, "nested deeper than 64 levels", 1, 65},
		"deep.yaml":   {deep, "nested deeper than 64 levels", 1, 66},
		"broken.yaml": {"a: 1\nb: [", "not YAML", 2, 1},
		"alias.yaml":  {"a: &x 1\nb: *x", "an alias", 2, 4},
		"main.tf":     {"", "terraform show -json", 1, 1},
		"long.json":   {strings.Repeat(" ", MaxBytes+1), "more than the", 1, 1},
	} {
		_, err := Read(name, []byte(c.text))
		var e *Error
		require.True(t, errors.As(err, &e), name)
		assert.Equal(t, name, e.File)
		assert.Contains(t, e.Problem, c.problem)
		assert.Equal(t, []int{c.line, c.column}, []int{e.Line, e.Column}, "%s: %v", name, e)
	}
}
