package awstrust

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ruleCase is a document in which a rule finds something, and the one beside it
// in which it does not.
type ruleCase struct {
	provider      Provider
	fires, silent string // as in lintCase
}

// notOfAWS are the rules of the catalogue that a single trust policy of AWS
// cannot show, and why.
func notOfAWS() map[string]string {
	return map[string]string{
		"AWS028": "that the role is older than a control of IAM is a date of the role, which is not in its policy",
		"AWS030": "one identity for roles of different weight shows in two policies side by side",
		"GL004":  "startsWith is a function of Google's and Azure's conditions; the same mistake with a star is AWS008",
		"GL011":  "it is about a principalSet of Google's; the same mistake with a key is AWS031",
		"GL013":  "the issuer's spelling is a setting of the provider; what shows of it in an ARN is AWS016",
		"GL016":  "it says that a subject of GitLab cannot be forged, so there is nothing to find",
		"CC008":  "context-ids is no key of AWS; a condition on it is AWS017, and expressions are Google's",
	}
}

// catalogue returns the IDs of all rules there are.
func catalogue() (ids []string) {
	for prefix, n := range map[string]int{"AWS": 31, "GL": 17, "CC": 13} {
		for i := range n {
			ids = append(ids, fmt.Sprintf("%s%03d", prefix, i+1))
		}
	}
	return ids
}

func withSub(conditions, subject string) string { return strings.Replace(conditions, sub, subject, 1) }

func and(more string) string { return tightGitLab[:len(tightGitLab)-1] + "," + more + "}" }

func like(subject string) string {
	return `{"StringEquals":{"@:aud":"https://deploy.example"},"StringLike":{"@:sub":"` + subject + `"}}`
}

const anyAction = `{"Effect":"Allow","Principal":{"Federated":"ARN"},"Action":`

func ruleCases() map[string]ruleCase {
	cases := map[string]ruleCase{
		"AWS001": {gitLab, `{}`, tightGitLab},
		"AWS002": {gitLab, `{"StringEquals":{"@:aud":"https://deploy.example"}}`, tightGitLab},
		"AWS003": {gitLab, strings.Replace(tightGitLab, `"@:aud":"https://deploy.example",`, "", 1), tightGitLab},
		"AWS004": {gitLab, like("project_path:acme/*"), like("project_path:acme/payments:*")},
		"AWS005": {gitLab, withSub(tightGitLab, "project_path:acme/payments:ref_type:branch:ref:mai?"), tightGitLab},
		"AWS006": {gitLab, like("project_path:acme/*payments:ref_type:branch:ref:main"), like("project_path:acme/payments:ref_type:branch:ref:*")},
		"AWS007": {gitLab, like("project_path:acme/payments:*"), like(sub)},
		"AWS008": {gitLab, like("project_path:acme/payments*"), like("project_path:acme/payments:*")},
		"AWS009": {gitLab, `{"ForAllValues:StringEquals":{"@:iss":"https://gitlab.com"}}`, tightGitLab},
		"AWS010": {gitLab, strings.Replace(tightGitLab, "StringEquals", "ForAnyValue:StringEquals", 1), and(`"ForAnyValue:StringEquals":{"@:amr":"x"}`)},
		"AWS011": {gitLab, `{"StringEqualsIfExists":{"@:ref":"main"}}`, and(`"IpAddressIfExists":{"aws:SourceIp":"192.0.2.0/24"}`)},
		"AWS012": {gitLab, `{"StringNotEquals":{"@:ref":"dev"}}`, tightGitLab},
		"AWS013": {gitLab, and(`"Null":{"@:sub":"true"}`), and(`"Null":{"@:sub":"false"}`)},
		"AWS014": {gitLab, `{"Effect":"Allow","NotPrincipal":{"AWS":"1"},"Action":"sts:AssumeRoleWithWebIdentity"}`, tightGitLab},
		"AWS015": {gitLab, strings.Replace(tightGitLab, "@:sub", "git.example:sub", 1), tightGitLab},
		"AWS016": {gitLab, `{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/https://GitLab.com/"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + tightGitLab + `}`, tightGitLab},
		"AWS017": {gitLab, and(`"StringLike":{"@:ref":"main"}`), tightGitLab},
		"AWS018": {selfManaged, strings.Replace(tightInstance, "}}", `,"@:project_id":"67890"}}`, 1), tightInstance},
		"AWS019": {gitLab, strings.Replace(and(`"Bool":{"@:ref_protected":true}`), `"@:ref_protected":"true",`, "", 1), tightGitLab},
		"AWS020": {gitLab, and(`"StringLike":{"@:namespace_id":"${var.namespace}"}`), and(`"StringLike":{"@:user_login":"${@:user_email}"}`)},
		"AWS021": {gitLab, anyAction + `"sts:AssumeRole","Condition":` + tightGitLab + `}`, tightGitLab},
		"AWS022": {gitLab, `{"StringEquals":{"@:sub":"` + sub + `"},"StringEquals":{"@:aud":"https://deploy.example"}}`, tightGitLab},
		"AWS023": {gitLab, withSub(tightGitLab, sub+",dev"), tightGitLab},
		"AWS024": {gitLab, strings.Replace(tightGitLab, "https://deploy.example", "https://other.example", 1), tightGitLab},
		"AWS025": {gitLab, `{"Effect":"Allow","Principal":{"Federated":"*"},"Action":"sts:AssumeRoleWithWebIdentity"}`, tightGitLab},
		"AWS026": {gitLab, strings.Replace(tightGitLab, "StringEquals", "StringEqualsIgnoreCase", 1), tightGitLab},
		"AWS027": {gitLab, anyAction + `["sts:TagSession","sts:AssumeRoleWithWebIdentity"],"Condition":` + tightGitLab + `}`, tightGitLab},
		"AWS029": {gitLab, strings.Replace(tightGitLab, `"https://deploy.example"`, `["https://deploy.example","`+strings.Repeat("x", 2048)+`"]`, 1), tightGitLab},
		"AWS031": {gitLab, `{"StringEquals":{"@:user_login":"chris"}}`, and(`"StringLike":{"@:user_login":"chris"}`)},
	}
	maps.Copy(cases, platformRuleCases())
	return cases
}

func platformRuleCases() map[string]ruleCase {
	const mask, origin = "????????-????-????-????-????????????", "/vcs-origin/github.com/acme/payments/vcs-ref/"
	without := func(member string) string { return strings.Replace(tightGitLab, member, "", 1) }
	return map[string]ruleCase{
		"GL001": {gitLab, like("project_path:acme/payments:*:ref:main"), like("project_path:acme/payments:ref_type:branch:*ref:main")},
		"GL002": {gitLab, without(`"@:project_id":"67890",`), tightGitLab},
		"GL003": {gitLab, `{"StringEquals":{"@:aud":"https://deploy.example","@:namespace_id":"12345"}}`, and(`"StringLike":{"@:namespace_id":"12345"}`)},
		"GL005": {gitLab, without(`"@:ref_protected":"true",`), tightGitLab},
		"GL006": {gitLab, like("project_path:acme/payments:ref_type:tag:ref:v*"), strings.Replace(like("project_path:acme/payments:ref_type:tag:ref:v*"), `"@:aud"`, `"@:ref_protected":"true","@:aud"`, 1)},
		"GL007": {gitLab, withSub(tightGitLab, "project_path:acme/payments:ref_type:mr:ref:main"), tightGitLab},
		"GL008": {gitLab, and(`"StringLike":{"@:environment":"production"}`), tightGitLab},
		"GL009": {selfManaged, tightInstance, `{"StringEquals":{"@:sub":"` + sub + `"}}`},
		"GL010": {gitLab, without(`,"@:pipeline_source":["push","web"]`), tightGitLab},
		"GL012": {gitLab, without(`"@:runner_environment":"gitlab-hosted",`), tightGitLab},
		"GL014": {gitLab, withSub(tightGitLab, sub[:len(sub)-4]+"refs/heads/main"), tightGitLab},
		"GL015": {gitLab, tightGitLab, withSub(tightGitLab, sub+":ci_config_ref_uri:gitlab.com/acme/payments//.gitlab-ci.yml@refs/heads/main")},
		"GL017": {gitLab, strings.Replace(tightGitLab, `"https://deploy.example"`, `["https://deploy.example","https://deploy.example-other"]`, 1), tightGitLab},
		"CC001": {circleCI, like("org/" + organization + "/*"), tightCircleCI},
		"CC002": {circleCI, like(circleCISub + origin + "refs/heads/main"), tightCircleCI},
		"CC004": {circleCI, like(circleSub + "*" + branchSuffix), tightCircleCI},
		"CC005": {circleCI, like(circleSub + "*"), tightCircleCI},
		"CC006": {root, like("org/*"), tightCircleCI},
		"CC007": {circleCI, tightCircleCI, `{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}`},
		"CC009": {circleCI, `{"StringEquals":{"@:aud":"` + organization + `"}}`, tightCircleCI},
		"CC010": {circleCI, like(circleSub + "*"), tightCircleCI},
		"CC011": {circleCI, like("project/" + project + "/user/" + mask), tightCircleCI},
		"CC012": {circleCI, like(circleSub + mask + origin + "refs/*"), tightCircleCI},
		"CC013": {circleCI, tightCircleCI, tightGitLab},
		// CC003 takes a token: TestLintRefusesToken.
	}
}

// One document per rule in which it finds something, and one in which it does
// not: for every rule of the catalogue that a document of AWS can show.
func TestRules(t *testing.T) {
	cases, exceptions := ruleCases(), notOfAWS()
	for _, id := range catalogue() {
		_, tested := cases[id]
		reason, excepted := exceptions[id]
		if id == "CC003" {
			tested = true
		}
		assert.NotEqual(t, tested, excepted, "%s is either tested or listed as not AWS's", id)
		assert.Equal(t, excepted, reason != "", id)
	}
	for _, r := range rules() {
		assert.Contains(t, cases, r.id)
		assert.Contains(t, catalogue(), r.id)
	}
	// Where another provider is what keeps the rule silent.
	others := map[string]Provider{"CC006": circleCI, "CC013": gitLab, "GL009": gitLab}
	for id, tt := range cases {
		o := &LintOptions{}
		if id == "AWS024" {
			o.Providers = []Provider{tt.provider}
		}
		for conditions, fires := range map[string]bool{tt.fires: true, tt.silent: false} {
			provider := tt.provider
			if p, ok := others[id]; ok && !fires {
				provider = p
			}
			found, err := Lint(lintCase{provider: provider, conditions: conditions}.document(t), o)
			require.NoError(t, err)
			assert.Equal(t, fires, slices.ContainsFunc(found, func(f Finding) bool { return f.ID == id }), "%s on %s: %v", id, conditions, idsOf(found))
		}
	}
}
