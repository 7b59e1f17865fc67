package awstrust

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Conditions of documents as they should be.
const (
	tightGitLab = `{"StringEquals":{"@:aud":"https://deploy.example","@:sub":"project_path:acme/payments:ref_type:branch:ref:main",
		"@:project_id":"67890","@:ref_protected":"true","@:runner_environment":"gitlab-hosted","@:pipeline_source":["push","web"]}}`
	tightCircleCI = `{"StringEquals":{"@:aud":"https://deploy.example","@:oidc.circleci.com/project-id":"` + project + `"},
		"StringLike":{"@:sub":"org/` + organization + `/project/` + project + `/user/????????-????-????-????-????????????/vcs-origin/github.com/acme/payments/vcs-ref/refs/heads/main"}}`
	tightInstance = `{"StringEquals":{"@:aud":"https://deploy.example","@:sub":"project_id:67890:ref_type:branch:ref:main:ref_protected:true"}}`
	sub           = "project_path:acme/payments:ref_type:branch:ref:main"
	circleSub     = "org/" + organization + "/project/" + project + "/user/"
)

// lintCase is a document and all that is found in it, without a token.
type lintCase struct {
	name     string
	provider Provider
	// conditions are of one Allow; or statements if they begin so.
	conditions string
	want       []string // IDs, sorted
}

func (c lintCase) document(t *testing.T) *Document {
	t.Helper()
	if strings.HasPrefix(c.conditions, `{"Effect"`) {
		text := strings.NewReplacer("@:", c.provider.prefix()+":", "ARN", c.provider.ARN()).Replace(c.conditions)
		return documentOf(t, text)
	}
	return documentOf(t, statementOf(c.provider, c.conditions))
}

// idsOf returns the rules, without those that find what no document can help,
// in nearly every one: TestRules has these.
func idsOf(found []Finding) (ids []string) {
	for _, f := range found {
		if f.ID != "GL015" && f.ID != "CC013" {
			ids = append(ids, f.ID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Each rule fires where it should and nowhere else: what is found in each
// document is listed in full.
func TestLint(t *testing.T) {
	fired, silent := map[string]int{}, map[string]int{}
	for _, tt := range slices.Concat(lintStructureCases(), lintOperatorCases(), lintGitLabCases(), lintCircleCICases()) {
		t.Run(tt.name, func(t *testing.T) {
			found, err := Lint(tt.document(t), nil)
			require.NoError(t, err)
			got := idsOf(found)
			assert.Equal(t, tt.want, got, "%+v", found)
			for _, f := range found {
				assert.NotEmpty(t, f.Problem)
				assert.NotEmpty(t, f.Story)
				assert.NotEmpty(t, f.Fix)
				assert.Positive(t, f.Position.Line)
				assert.Nil(t, f.Witness)
			}
			assert.True(t, slices.IsSortedFunc(found, func(a, b Finding) int { return int(b.Severity) - int(a.Severity) }))
			for _, r := range rules() {
				if slices.Contains(got, r.id) {
					fired[r.id]++
				} else {
					silent[r.id]++
				}
			}
		})
	}
	for _, r := range rules() {
		if !slices.Contains([]string{"AWS024", "GL015", "GL017", "CC013"}, r.id) { // TestRules has them
			assert.Positive(t, fired[r.id], "no document for %s", r.id)
		}
		assert.Positive(t, silent[r.id], "%s is never silent", r.id)
	}
}

func lintStructureCases() []lintCase {
	const action = `"Action":"sts:AssumeRoleWithWebIdentity"`
	principal := func(arns string) string {
		return `{"Effect":"Allow","Principal":{"Federated":` + arns + `},` + action + `,"Condition":` + tightGitLab + `}`
	}
	with := func(action string) string {
		return `{"Effect":"Allow","Principal":{"Federated":"ARN"},"Action":` + action + `,"Condition":` + tightGitLab + `}`
	}
	deny := func(conditions string) string {
		return with(`"sts:AssumeRoleWithWebIdentity"`) + `,{"Effect":"Deny","Principal":{"Federated":"ARN"},"Action":"*","Condition":` + conditions + `}`
	}
	return []lintCase{
		{"tight", gitLab, tightGitLab, nil},
		{"tight instance", selfManaged, tightInstance, []string{"GL009"}},
		{"tight CircleCI", circleCI, tightCircleCI, []string{"CC007"}},
		{"for others", gitLab, `{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}`, nil},
		{"nothing", gitLab, `{}`, []string{"AWS001"}},
		{"nothing on an instance", selfManaged, `{}`, []string{"AWS001"}},
		{"deny of a key that may be missing", gitLab, deny(`{"StringEquals":{"@:ref_protected":"false"}}`), []string{"AWS014"}},
		{"deny of all but a key that may be missing", gitLab, deny(`{"StringNotEquals":{"@:project_id":"67890"}}`), []string{"AWS014"}},
		{"deny with a guard", gitLab, deny(`{"StringEquals":{"@:ref_protected":"false"},"Null":{"@:ref_protected":"false"}}`), nil},
		{"deny of a subject", gitLab, deny(`{"StringLike":{"@:sub":"*:dev"}}`), nil},
		{"allow to all but", gitLab, `{"Effect":"Allow","NotPrincipal":{"AWS":"123456789012"},` + action + `}`, []string{"AWS014"}},
		{"scheme", gitLab, principal(`"arn:aws:iam::123456789012:oidc-provider/https://gitlab.com"`), []string{"AWS016"}},
		{"slash", gitLab, principal(`"arn:aws:iam::123456789012:oidc-provider/gitlab.com/"`), []string{"AWS016"}},
		{"upper case", gitLab, principal(`["ARN","arn:aws:iam::123456789012:oidc-provider/GitLab.com"]`), []string{"AWS016", "AWS025"}},
		{"account", gitLab, principal(`"arn:aws:iam::1234:oidc-provider/gitlab.com"`), []string{"AWS016"}},
		{"another action", gitLab, with(`"sts:AssumeRole"`), []string{"AWS021"}},
		{"both actions", gitLab, with(`["sts:AssumeRole","sts:AssumeRoleWithWebIdentity"]`), nil},
		{"every action", gitLab, with(`"sts:*"`), []string{"AWS021"}},
		{"tags", gitLab, with(`["sts:TagSession","sts:AssumeRoleWithWebIdentity"]`), []string{"AWS027"}},
		{"members twice", gitLab, strings.Replace(tightGitLab, `{"StringEquals"`, `{"StringEquals":{"@:aud":"x"},"StringEquals"`, 1), []string{"AWS022"}},
		{"keys in two spellings", gitLab, strings.Replace(tightGitLab, `"@:aud"`, `"@:AUD":"x","@:aud"`, 1), []string{"AWS022"}},
		{"every provider", gitLab, principal(`"*"`), []string{"AWS025"}},
		{"everybody", gitLab, `{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRoleWithWebIdentity"}`, []string{"AWS025"}},
		{"every user of AWS", gitLab, `{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRoleWithWebIdentity"}`, nil},
		{"two providers", gitLab, principal(`["ARN","arn:aws:iam::123456789012:oidc-provider/git.example"]`), []string{"AWS025"}},
		{"long", gitLab, strings.Replace(tightGitLab, `"https://deploy.example"`, `["https://deploy.example","`+strings.Repeat("x", 2048)+`"]`, 1), []string{"AWS029", "GL017"}},
	}
}

func lintOperatorCases() []lintCase {
	and := func(more string) string { return tightGitLab[:len(tightGitLab)-1] + "," + more + "}" }
	return []lintCase{
		{"stars that are none", gitLab, strings.Replace(tightGitLab, "ref:main", "ref:*", 1), []string{"AWS005"}},
		{"stars that are meant", gitLab, strings.Replace(tightGitLab, "ref:main", "ref:${*}", 1), nil},
		{"all values", gitLab, and(`"ForAllValues:StringEquals":{"@:namespace_id":"12345"}`), []string{"AWS009"}},
		{"any value", gitLab, and(`"ForAnyValue:StringEquals":{"@:namespace_id":"12345"}`), []string{"AWS010"}},
		{"any value of a list", gitLab, and(`"ForAnyValue:StringEquals":{"@:amr":"x"}`), nil},
		{"if it exists", gitLab, and(`"StringEqualsIfExists":{"@:namespace_id":"12345"}`), []string{"AWS011"}},
		{"address, if it exists", gitLab, and(`"IpAddressIfExists":{"aws:SourceIp":"192.0.2.0/24"}`), nil},
		{"not", gitLab, and(`"StringNotEquals":{"@:pipeline_source":"schedule"}`), []string{"AWS012"}},
		{"no subject", gitLab, and(`"Null":{"@:sub":"true"}`), []string{"AWS013"}},
		{"any namespace", gitLab, and(`"Null":{"@:namespace_id":"false"}`), []string{"AWS013"}},
		{"a namespace that is there", gitLab, and(`"Null":{"@:namespace_id":"false"},"StringLike":{"@:namespace_id":"12345"}`), nil},
		{"boolean", gitLab, and(`"Bool":{"@:ref_protected":true}`), []string{"AWS019"}},
		{"template", gitLab, and(`"StringLike":{"@:namespace_id":"${var.namespace}"}`), []string{"AWS020"}},
		{"variable without a value", gitLab, and(`"StringLike":{"@:user_login":"${@:project_path}"}`), []string{"AWS020"}},
		{"variable", gitLab, and(`"StringLike":{"@:user_login":"${@:user_email}"}`), nil},
		{"any case", gitLab, strings.Replace(tightGitLab, "StringEquals", "StringEqualsIgnoreCase", 1), []string{"AWS026"}},
		{"another provider's key", gitLab, and(`"StringLike":{"git.example:sub":"*"}`), []string{"AWS015"}},
		{"scheme in a key", gitLab, and(`"StringLike":{"https://gitlab.com:sub":"*"}`), []string{"AWS015"}},
		{"no key", gitLab, and(`"StringLike":{"@:ref":"main"}`), []string{"AWS017"}},
		{"gitlab.com's key", selfManaged, strings.Replace(tightInstance, "}}", `,"@:project_id":"67890"}}`, 1), []string{"AWS018", "GL009"}},
		{"environment", gitLab, and(`"StringLike":{"@:environment":"production"}`), []string{"GL008"}},
		{"CircleCI's claims", circleCI, strings.Replace(tightCircleCI, `"@:aud"`, `"@:oidc.circleci.com/vcs-ref":"x","@:aud"`, 1), []string{"AWS017", "CC007"}},
	}
}

func lintGitLabCases() []lintCase {
	subject := func(s string) string {
		return strings.Replace(strings.Replace(tightGitLab, `"@:sub":"`+sub+`",`, "", 1), `{"StringEquals"`, `{"StringLike":{"@:sub":"`+s+`"},"StringEquals"`, 1)
	}
	without := func(conditions string, claims ...string) string {
		for _, claim := range claims {
			i := strings.Index(conditions, `"@:`+claim+`"`)
			end := i + strings.IndexAny(conditions[i:], ",}")
			if strings.HasPrefix(conditions[i:], `"@:pipeline_source":[`) {
				end = i + strings.IndexByte(conditions[i:], ']') + 1
			}
			if conditions[end] == ',' {
				end++
			}
			conditions = conditions[:i] + conditions[end:]
		}
		return strings.NewReplacer(",}", "}", ",\n\t\t}", "}").Replace(conditions)
	}
	free := func(s string) string { return without(subject(s), "project_id") }
	return []lintCase{
		{"audience only", gitLab, `{"StringEquals":{"@:aud":"https://deploy.example"}}`, []string{"AWS002"}},
		{"every subject", gitLab, `{"StringEquals":{"@:aud":"https://deploy.example"},"StringLike":{"@:sub":"*"}}`, []string{"AWS002", "AWS004"}},
		{"protected only", gitLab, `{"StringEquals":{"@:ref_protected":"true"}}`, []string{"AWS002", "AWS003"}},
		{"no audience", gitLab, without(tightGitLab, "aud"), []string{"AWS003"}},
		{"every project", gitLab, free("project_path:*:ref_type:branch:ref:main"), []string{"AWS004", "AWS006", "GL002"}},
		{"every project, but its ID", gitLab, subject("project_path:*:ref_type:branch:ref:main"), nil},
		{"every project of a group", gitLab, free("project_path:acme/*"), []string{"AWS004", "GL002"}},
		{"open ref", gitLab, without(subject("project_path:acme/payments:*"), "ref_protected"), []string{"AWS007", "GL005"}},
		{"open branch", gitLab, without(subject("project_path:acme/payments:ref_type:branch:ref:*"), "ref_protected"), []string{"AWS007", "GL005"}},
		{"open, but protected", gitLab, subject("project_path:acme/payments:*"), nil},
		{"project only", gitLab, without(tightGitLab, "sub", "ref_protected"), []string{"AWS007", "GL005"}},
		{"prefix", gitLab, free("project_path:acme*"), []string{"AWS004", "AWS008", "GL002"}},
		{"prefix of a project", gitLab, free("project_path:acme/pay*"), []string{"AWS008", "GL002"}},
		{"prefix of a branch", gitLab, subject("project_path:acme/payments:ref_type:branch:ref:main*"), []string{"AWS008"}},
		{"list in a string", gitLab, strings.Replace(tightGitLab, "ref:main", "ref:main,dev", 1), []string{"AWS023"}},
		{"login", gitLab, `{"StringEquals":{"@:aud":"a","@:user_login":"chris","@:ref_protected":"true","@:runner_environment":"gitlab-hosted","@:pipeline_source":"push"}}`, []string{"AWS031"}},
		{"no ref type", gitLab, subject("project_path:acme/payments:*:ref:v1.0"), []string{"GL001"}},
		{"any ref type", gitLab, subject("project_path:acme/payments:ref_type:*:ref:v1.0"), []string{"GL001"}},
		{"path", gitLab, without(tightGitLab, "project_id"), []string{"GL002"}},
		{"path on an instance", selfManaged, `{"StringEquals":{"@:aud":"a","@:sub":"` + sub + `:ref_protected:true"}}`, []string{"GL002", "GL009"}},
		{"namespace", gitLab, strings.Replace(without(tightGitLab, "sub"), "project_id", "namespace_id", 1), []string{"GL003"}},
		{"not protected", gitLab, without(tightGitLab, "ref_protected"), []string{"GL005"}},
		{"tags", gitLab, without(subject("project_path:acme/payments:ref_type:tag:ref:v*"), "ref_protected"), []string{"GL005", "GL006"}},
		{"protected tags", gitLab, subject("project_path:acme/payments:ref_type:tag:ref:v*"), nil},
		{"merge requests", gitLab, subject("project_path:acme/payments:ref_type:mr:ref:main"), []string{"GL007"}},
		{"environment in the subject", gitLab, subject("project_path:acme/payments:environment:prod"), []string{"GL008", "GL009"}},
		{"any source", gitLab, without(tightGitLab, "pipeline_source"), []string{"GL010"}},
		{"any runner", gitLab, without(tightGitLab, "runner_environment"), []string{"GL012"}},
		{"long ref", gitLab, strings.Replace(tightGitLab, "ref:main", "ref:refs/heads/main", 1), []string{"GL014"}},
	}
}

func lintCircleCICases() []lintCase {
	const suffix = "/vcs-origin/github.com/acme/payments/vcs-ref/refs/heads/main"
	const mask = "????????-????-????-????-????????????"
	conditions := func(sub string) string {
		return `{"StringEquals":{"@:aud":"https://deploy.example"},"StringLike":{"@:sub":"` + sub + `"}}`
	}
	return []lintCase{
		{"organization by audience", circleCI, `{"StringEquals":{"@:aud":"` + organization + `"}}`, []string{"CC001", "CC007", "CC009"}},
		{"every project of the organization", circleCI, conditions("org/" + organization + "/project/*"), []string{"CC001", "CC005", "CC007", "CC010"}},
		{"project by its subject", circleCI, conditions(circleSub + mask + suffix), []string{"CC007"}},
		{"one user", circleCI, conditions(circleSub + user + suffix), []string{"CC002", "CC007"}},
		{"star before the branch", circleCI, conditions(circleSub + "*" + suffix), []string{"CC004", "CC007"}},
		{"any branch", circleCI, conditions(circleSub + "*"), []string{"CC005", "CC007", "CC010"}},
		{"open ref", circleCI, conditions(circleSub + mask + "/vcs-origin/github.com/acme/payments/vcs-ref/*"), []string{"CC007", "CC012"}},
		{"root", root, conditions(circleSub + mask + suffix), []string{"CC006", "CC007"}},
		{"root for everybody", root, conditions("org/*"), []string{"AWS004", "CC005", "CC006", "CC007", "CC010"}},
		{"root by audience", root, `{"StringEquals":{"@:aud":"a"}}`, []string{"AWS002", "CC006", "CC007"}},
		{"another form", circleCI, conditions("project/" + project + "/user/*" + suffix), []string{"CC004", "CC007", "CC011"}},
		{"a name for an ID", circleCI, strings.Replace(conditions("org/"+organization+"/project/payments/user/"+mask+suffix), `"StringEquals":{`,
			`"StringEquals":{"@:oidc.circleci.com/project-id":"`+project+`",`, 1), []string{"CC007", "CC011"}},
	}
}
