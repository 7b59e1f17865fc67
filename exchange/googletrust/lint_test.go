package googletrust

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
)

const (
	cc        = "assertion['oidc.circleci.com/"
	tightGL   = "assertion.project_id == '67890' && assertion.namespace_id == '12345' && assertion.ref == 'main' && assertion.ref_type == 'branch' && assertion.ref_protected == 'true' && assertion.pipeline_source == 'push'"
	tightCC   = cc + "project-id'] == '" + project + "' && " + cc + "vcs-origin'] == 'github.com/acme/payments' && " + cc + "vcs-ref'] == 'refs/heads/main' && " + cc + "ssh-rerun'] == false && " + cc + "pipeline-definition-id'] == 'x'"
	idSubject = "assertion.project_id + '::' + assertion.job_id"
	ccSubject = cc + "project-id'] + '::' + " + cc + "job-id']"
)

// lintCase is a document and all that is found in it, without a token.
type lintCase struct {
	name     string
	provider *Provider
	members  []string
	want     []string // IDs, sorted
}

// gl and circle return providers with a condition, and what is mapped beside a
// subject of IDs.
func gl(condition string, mapping ...string) *Provider {
	return providerOf(condition, append([]string{"google.subject", idSubject}, mapping...)...)
}

func circle(condition string, mapping ...string) *Provider {
	return providerOf(condition, append([]string{"google.subject", ccSubject}, mapping...)...)
}

func edited(p *Provider, f func(*Provider)) *Provider {
	f(p)
	return p
}

func lintCases() []lintCase {
	members := func(m ...string) []string { return m }
	return []lintCase{
		{"tight GitLab", gl(tightGL), nil, nil},
		{"tight CircleCI", circle(tightCC), nil, nil},
		{"tight, with a member", gl(tightGL, "attribute.project_id", "assertion.project_id"), members("principalSet://POOL/attribute.project_id/67890"), nil},
		{"no condition", gl(""), nil, []string{"G001"}},
		{"no condition, CircleCI", circle(""), nil, []string{"CC001", "CC005", "CC007", "G001"}},
		{"whole pool", gl(tightGL), members("principalSet://POOL/*"), []string{"G002"}},
		{"namespace", gl(tightGL, "attribute.ns", "assertion.namespace_path"), members("principalSet://POOL/attribute.ns/acme"), []string{"G003"}},
		{"organization", circle(tightCC, "attribute.org", cc+"org-id']"), members("principalSet://POOL/attribute.org/" + organization), []string{"G003"}},
		{"condition on what is not mapped", gl(tightGL + " && attribute.tag == 'x'"), nil, []string{"G004"}},
		{"member of what is not mapped", gl(tightGL), members("principalSet://POOL/attribute.tag/x"), []string{"G004"}},
		{"boolean", gl(tightGL + " && assertion.environment_protected == true"), nil, []string{"G005"}},
		{"boolean in a condition's place", gl(tightGL + " && !assertion.environment_protected"), nil, []string{"G005"}},
		{"text for a boolean", circle(tightCC + " && " + cc + "ssh-rerun'] == 'false'"), nil, []string{"G005"}},
		{"number", gl(tightGL + " && assertion.user_id == 7"), nil, []string{"G006"}},
		{"numbers", gl(tightGL + " && assertion.user_id in [7, 8]"), nil, []string{"G006"}},
		{"runner", gl(tightGL, "attribute.runner", "assertion.runner_id"), nil, []string{"G007"}},
		{"contexts", circle(tightCC, "attribute.contexts", cc+"context-ids']"), nil, []string{"G007"}},
		{"runner as text", gl(tightGL, "attribute.runner", "string(assertion.runner_id)"), nil, nil},
		{"sub", providerOf(tightGL), nil, []string{"G008"}},
		{"sub, CircleCI", providerOf(tightCC), nil, []string{"G008"}},
		{"constant subject", providerOf(tightGL, "google.subject", "assertion.aud"), nil, []string{"G009"}},
		{"no audience", edited(gl(tightGL), func(p *Provider) { p.AllowedAudiences = nil }), nil, []string{"G010"}},
		{"slash", edited(gl(tightGL), func(p *Provider) { p.IssuerURI.Text = "https://gitlab.com/" }), nil, []string{"G011"}},
		{"github.com", edited(gl(tightGL), func(p *Provider) { p.IssuerURI.Text = "https://github.com" }), nil, []string{"G011"}},
		{"claim of another platform", gl(tightGL, "attribute.repo", "assertion.repository"), nil, []string{"G012"}},
		{"org_id", circle(tightCC, "attribute.org", "assertion.org_id"), nil, []string{"G012"}},
		{"of itself", gl(tightGL, "attribute.sub", "attribute.sub"), nil, []string{"G013"}},
		{"tautology", gl("assertion.sub != ''"), nil, []string{"G014", "GL010"}},
		{"true", gl("true"), nil, []string{"G014", "GL010"}},
		{"or", gl(tightGL + " && (assertion.environment == 'production' || assertion.user_id == '7')"), nil, []string{"G015"}},
		{"or with a guard", gl(tightGL + " && (!has(assertion.job_project_id) || assertion.job_project_id == '67890')"), nil, nil},
		{"prefix", gl(tightGL + " && assertion.project_path.startsWith('acme')"), nil, []string{"G016"}},
		{"prefix with a slash", gl(tightGL + " && assertion.project_path.startsWith('acme/')"), nil, nil},
		{"pattern", gl(tightGL + " && assertion.project_path.matches('acme/.*')"), nil, []string{"G016"}},
		{"anchored pattern", gl(tightGL + " && assertion.project_path.matches('^acme/.*$')"), nil, nil},
		{"extract", gl(tightGL, "attribute.u", "assertion.sub.extract('/user/{u}/')"), nil, []string{"G017"}},
		{"chained", gl(tightGL, "attribute.ref", "assertion.ref"), members("principalSet://POOL/attribute.ref/main/attribute.x/y"), []string{"G019"}},
		{"does not compile", gl("has(assertion['x'])"), nil, []string{"G022"}},
		{"two kinds", gl(tightGL, "attribute.ref", "assertion.ref", "attribute.p", "assertion.project_id"), members("principalSet://POOL/attribute.ref/main", "principalSet://POOL/attribute.p/67890"), []string{"G023"}},
		{"macro", gl(tightGL + " && assertion.groups_direct.exists(g, g == 'acme')"), nil, []string{"G024"}},
		{"member of no pool", gl(tightGL), members("principalSet://x/y"), []string{"G025"}},
		{"ref without type", gl("assertion.project_id == '67890' && assertion.ref == 'main' && assertion.ref_protected == 'true' && assertion.pipeline_source == 'push'"), nil, []string{"GL001"}},
		{"path", gl("assertion.project_path == 'acme/payments' && assertion.pipeline_source == 'push'"), nil, []string{"GL002"}},
		{"not protected", gl("assertion.project_id == '67890' && assertion.ref_path == 'refs/heads/main' && assertion.pipeline_source == 'push'"), nil, []string{"GL005"}},
		{"environment", gl("assertion.project_id == '67890' && assertion.environment == 'production' && assertion.pipeline_source == 'push'"), nil, []string{"GL008"}},
		{"any pipeline", gl("assertion.project_id == '67890'"), nil, []string{"GL010"}},
		{"user", gl(tightGL, "attribute.user", "assertion.user_login"), members("principalSet://POOL/attribute.user/chris"), []string{"GL011"}},
		{"long ref", gl("assertion.project_id == '67890' && assertion.ref == 'refs/heads/main' && assertion.ref_type == 'branch' && assertion.ref_protected == 'true' && assertion.pipeline_source == 'push'"), nil, []string{"GL014"}},
		{"subgroups", gl("assertion.namespace_path.startsWith('acme/') && assertion.ref_path == 'refs/heads/main' && assertion.ref_protected == 'true' && assertion.pipeline_source == 'push'"), nil, []string{"GL002", "GL003"}},
		{"subgroups of the project's group", gl("assertion.project_path.startsWith('acme/') && assertion.ref_path == 'refs/heads/main' && assertion.ref_protected == 'true' && assertion.pipeline_source == 'push'"), nil, []string{"GL002", "GL003"}},
		{"merge request as a type", gl("assertion.project_id == '67890' && assertion.ref == 'main' && assertion.ref_type in ['branch', 'mr'] && assertion.ref_protected == 'true' && assertion.pipeline_source == 'push'"), nil, []string{"GL007"}},
		{"user in the subject", circle(tightCC + " && assertion.sub == 'org/o/project/p/user/u'"), nil, []string{"CC002"}},
		{"member with a user", providerOf(tightCC), members("principal://POOL/subject/org/o/project/p/user/u"), []string{"CC002", "G008"}},
		{"any branch", circle(strings.Replace(tightCC, "vcs-ref'] == 'refs/heads/main'", "vcs-ref'].startsWith('refs/heads/')", 1)), nil, []string{"CC012"}},
		{"context by place", circle(tightCC + " && " + cc + "context-ids'][0] == 'c1'"), nil, []string{"CC008"}},
		{"root issuer", edited(circle(cc+"vcs-origin'] == 'github.com/acme/payments' && "+cc+"vcs-ref'] == 'refs/heads/main' && "+cc+"ssh-rerun'] == false"), func(p *Provider) { p.IssuerURI.Text = "https://oidc.circleci.com" }), nil, []string{"CC001", "CC006"}},
		{"definition", circle(cc + "project-id'] == '" + project + "' && " + cc + "vcs-origin'] == 'github.com/acme/payments' && " + cc + "vcs-ref'] == 'refs/heads/main' && " + cc + "ssh-rerun'] == false"), nil, []string{"CC013"}},
	}
}

func (c lintCase) document() *Document {
	d := &Document{Provider: c.provider}
	if c.members != nil {
		d.Bindings = bound(c.members...)
	}
	return d
}

func idsOf(found []Finding) (ids []string) {
	for _, f := range found {
		ids = append(ids, f.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Each rule fires where it should and nowhere else: what is found in each document
// is listed in full.
func TestLint(t *testing.T) {
	fired := map[string]bool{}
	for _, tt := range lintCases() {
		t.Run(tt.name, func(t *testing.T) {
			found, err := Lint(tt.document(), nil)
			require.NoError(t, err)
			assert.Equal(t, tt.want, idsOf(found), "%+v", found)
			for _, f := range found {
				assert.NotEmpty(t, f.Problem)
				assert.NotEmpty(t, f.Story)
				assert.NotEmpty(t, f.Fix)
				assert.Nil(t, f.Witness)
				fired[f.ID] = true
			}
		})
	}
	for _, r := range slices.Concat(expressionRules(), conditionRules(), memberRules(), gitLabRules(), circleCIRules()) {
		if r.id != "G018" && r.id != "G021" { // tests of their own
			assert.True(t, fired[r.id], "no document for %s", r.id)
		}
	}
}

// Every rule of the catalogue is here, or is not for the reason given.
func TestCatalogue(t *testing.T) {
	elsewhere := map[string]string{
		"G020":  "the case of a value shows beside a token only: it is TRUST001",
		"GL004": "a prefix without its slash is G016",
		"GL006": "what protects tags is ref_protected: GL005",
		"GL009": "the form of sub is a setting of the project: compared with a token, TRUST001",
		"GL012": "whether jobs run on runners of their own is not in the document",
		"GL013": "an issuer's slash is G011; its host is compared with a token, TRUST001",
		"GL015": "whether configuration is included is not in the document",
		"GL016": "GitLab's subjects cannot be made to deceive",
		"GL017": "two audiences are the job's choice: Simulate says what depends on them",
		"CC003": "which of the two tokens a job sends shows beside a token only: TRUST001",
		"CC004": "a pattern that leaves the beginning open is G016",
		"CC009": "the default audience is in every job's token: which one is meant is not in the document",
		"CC010": "tokens of webhooks lack the claims: the condition is then an error, which rejects",
		"CC011": "claims that do not exist are G012",
	}
	have := map[string]bool{}
	for _, r := range slices.Concat(expressionRules(), conditionRules(), memberRules(), gitLabRules(), circleCIRules()) {
		assert.False(t, have[r.id], "%s is there twice", r.id)
		have[r.id] = true
	}
	have["G022"] = true // It is what Lint says of a provider that does not compile.
	for prefix, last := range map[string]int{"G": 25, "GL": 17, "CC": 13} {
		for i := 1; i <= last; i++ {
			id := fmt.Sprintf("%s%03d", prefix, i)
			assert.NotEqual(t, have[id], elsewhere[id] != "", "%s: a rule, or a reason for none", id)
		}
	}
}

func TestLintOfThePool(t *testing.T) {
	doc := lintCase{provider: gl(tightGL, "attribute.project_id", "assertion.project_id"), members: []string{"principalSet://POOL/attribute.project_id/67890"}}.document()
	other := edited(gl(tightGL, "attribute.project_id", "assertion.project_id"), func(p *Provider) { p.IssuerURI.Text = "https://git.acme.example" })
	found, err := Lint(doc, &LintOptions{Pool: []*Provider{doc.Provider, gl(tightGL), other}})
	require.NoError(t, err)
	assert.Equal(t, []string{"G018"}, idsOf(found))

	doc.Bindings[0].Role = "roles/owner"
	found, err = Lint(doc, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"G021"}, idsOf(found))
}

// Every finding that a document is too broad is proven by a token that it accepts,
// which it refuses after the proposed fix; and the legitimate token is still taken.
func TestWitnessesAndFixes(t *testing.T) {
	proven := map[string]bool{}
	more := []lintCase{
		{"prefix alone", gl("assertion.project_path.startsWith('acme')"), nil, nil},
		{"or alone", gl("assertion.ref == 'main' || assertion.project_id == '67890'"), nil, nil},
		{"whole pool alone", gl(""), []string{"principalSet://POOL/*"}, nil},
		{"namespace alone", gl("true", "attribute.ns", "assertion.namespace_path"), []string{"principalSet://POOL/attribute.ns/acme"}, nil},
		{"user alone", gl("true", "attribute.user", "assertion.user_login"), []string{"principalSet://POOL/attribute.user/chris"}, nil},
		{"two kinds alone", gl("true", "attribute.ref", "assertion.ref", "attribute.p", "assertion.project_id"), []string{"principalSet://POOL/attribute.ref/main", "principalSet://POOL/attribute.p/67890"}, nil},
	}
	for _, tt := range slices.Concat(lintCases(), more) {
		if slices.Contains(tt.want, "CC006") { // its token is the root issuer's: TestRootIssuer
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			doc := tt.document()
			payload := gitLabToken(t, nil)
			decode := func(p []byte) (claims.Model, error) { return claims.Decode[claims.GitLab](p) }
			if doc.Provider.IssuerURI.Text != "https://gitlab.com" {
				payload = circleCIToken(t, claimSet{"oidc.circleci.com/pipeline-definition-id": "x"})
				decode = func(p []byte) (claims.Model, error) { return claims.Decode[claims.CircleCI](p) }
			}
			token, err := decode(payload)
			require.NoError(t, err)
			o := &LintOptions{Token: token}
			found, err := Lint(doc, o)
			require.NoError(t, err)
			for _, f := range found {
				// A document that refuses the job itself has nothing to keep.
				if f.Kind != TooBroad || f.Witness == nil || Simulate(doc, payload, nil).Outcome != Accepted {
					continue
				}
				assert.Equal(t, Accepted, Simulate(doc, f.Witness.Claims, nil).Outcome, f.ID)
				fixed, err := Fix(doc, f, o)
				require.NoError(t, err, "%s: %+v", f.ID, f.Witness)
				assert.Equal(t, Rejected, Simulate(fixed.Document, f.Witness.Claims, nil).Outcome, f.ID)
				assert.Equal(t, Accepted, Simulate(fixed.Document, payload, nil).Outcome, "%s: %s", f.ID, fixed.Document.Provider.Condition.Text)
				assert.False(t, fixed.Certain)
				proven[f.ID] = true
			}
		})
	}
	for _, r := range slices.Concat(conditionRules(), memberRules(), gitLabRules(), circleCIRules()) {
		if r.kind == TooBroad && r.id != "G018" && r.id != "CC006" {
			assert.True(t, proven[r.id], "no witness for %s", r.id)
		}
	}
}

// What refuses the job that it is for is broken, and says where.
func TestRefusedToken(t *testing.T) {
	token, err := claims.Decode[claims.GitLab](gitLabToken(t, nil))
	require.NoError(t, err)
	found, err := Lint(&Document{Provider: gl("assertion.project_id == '1' && assertion.pipeline_source == 'push'")}, &LintOptions{Token: token})
	require.NoError(t, err)
	require.Equal(t, []string{"TRUST001"}, idsOf(found))
	assert.Equal(t, Position{Line: 2, Column: 3}, found[0].Position)
	assert.Contains(t, found[0].Problem, `assertion.project_id == "1" is false: assertion.project_id is "67890"`)
	_, err = Fix(&Document{Provider: gl("true")}, found[0], &LintOptions{Token: token})
	var no *NoFixError
	require.ErrorAs(t, err, &no)
	assert.Equal(t, "TRUST001", no.ID)
	_, err = Lint(&Document{Provider: gl("true")}, &LintOptions{Token: (*claims.GitLab)(nil)})
	require.ErrorContains(t, err, "LintOptions.Token")
}

// The root issuer is that of every customer: another one's job proves it.
func TestRootIssuer(t *testing.T) {
	p := edited(circle(cc+"ssh-rerun'] == false"), func(p *Provider) { p.IssuerURI.Text = "https://oidc.circleci.com" })
	token, err := claims.Decode[claims.CircleCI](circleCIToken(t, claimSet{"iss": "https://oidc.circleci.com"}))
	require.NoError(t, err)
	o := &LintOptions{Token: token}
	found, err := Lint(&Document{Provider: p}, o)
	require.NoError(t, err)
	i := slices.IndexFunc(found, func(f Finding) bool { return f.ID == "CC006" })
	require.GreaterOrEqual(t, i, 0, "%v", idsOf(found))
	require.NotNil(t, found[i].Witness)
	fixed, err := Fix(&Document{Provider: p}, found[i], o)
	require.NoError(t, err)
	assert.Equal(t, Rejected, Simulate(fixed.Document, found[i].Witness.Claims, nil).Outcome)
}
