package googletrust

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const inPool = "iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ci/"

// job is a token of GitLab that the documents of the tests are for.
func job(edit ...func(map[string]any)) []byte {
	c := map[string]any{
		"iss": "https://gitlab.com", "aud": "https://deploy.example", "sub": "project_path:acme/payments:ref_type:branch:ref:main", "iat": 1, "exp": 3601,
		"project_id": "67890", "namespace_id": "12345", "ref": "main", "ref_type": "branch", "ref_protected": "true", "runner_id": 7, "job_id": "9",
	}
	for _, f := range edit {
		f(c)
	}
	payload, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	return payload
}

func set(name string, value any) func(map[string]any) {
	return func(c map[string]any) {
		if value == nil {
			delete(c, name)
		} else {
			c[name] = value
		}
	}
}

// provider is a provider with this condition and mapping.
func provider(t testing.TB, condition string, mapping map[string]string) *Provider {
	t.Helper()
	all := map[string]string{"google.subject": "assertion.sub"}
	maps.Copy(all, mapping)
	text, err := json.Marshal(map[string]any{
		"name":  "projects/123456789012/locations/global/workloadIdentityPools/ci/providers/gitlab",
		"state": "ACTIVE", "attributeMapping": all, "attributeCondition": condition,
		"oidc": map[string]any{"issuerUri": "https://gitlab.com", "allowedAudiences": []string{"https://deploy.example"}},
	})
	require.NoError(t, err)
	p, err := ParseProvider(text)
	require.NoError(t, err)
	return p
}

func TestSimulate(t *testing.T) {
	long := strings.Repeat("b", 128)
	members := func(m ...string) []Binding {
		b := Binding{Role: "roles/iam.workloadIdentityUser"}
		for _, text := range m {
			b.Members = append(b.Members, Value{Text: text})
		}
		return []Binding{b}
	}
	for name, test := range map[string]struct {
		condition string
		mapping   map[string]string
		edit      func(*Provider)
		bindings  []Binding
		payload   []byte
		now       int64
		outcome   Outcome
		stage     StageName // the last, of a refusal
		code      string
		words     string // of the stage, or an assumption
	}{
		"accepted":              {payload: job(), outcome: Accepted},
		"condition true":        {condition: "assertion.project_id == '67890' && assertion.ref_protected == 'true'", payload: job(), outcome: Accepted},
		"condition false":       {condition: "assertion.project_id == '1' && assertion.ref == 'main'", payload: job(), outcome: Rejected, stage: StageCondition, code: "unauthorized_client", words: "false"},
		"boolean as a string":   {condition: "assertion.ref_protected == true", payload: job(), outcome: Rejected, stage: StageCondition, code: "unauthorized_client"},
		"not of a string":       {condition: "!assertion.ref_protected", payload: job(), outcome: Rejected, stage: StageCondition, words: "no such overload"},
		"number as a string":    {condition: "assertion.namespace_id == 12345", payload: job(), outcome: Rejected, stage: StageCondition},
		"absent claim":          {condition: "assertion.environment == 'prod'", payload: job(), outcome: Rejected, stage: StageCondition, words: "no such key"},
		"absent, masked":        {condition: "assertion.environment == 'prod' || assertion.ref == 'main'", payload: job(), outcome: Accepted},
		"presence":              {condition: "has(assertion.environment) && assertion.environment == 'prod'", payload: job(), outcome: Rejected, stage: StageCondition},
		"presence by name":      {condition: "'ref' in assertion", payload: job(), outcome: Accepted},
		"mapped attribute":      {condition: "attribute.project == '67890' && google.subject.startsWith('project_path:acme/')", mapping: map[string]string{"attribute.project": "assertion.project_id"}, payload: job(), outcome: Accepted},
		"attribute not mapped":  {condition: "attribute.project == '67890'", payload: job(), outcome: Rejected, stage: StageCondition, words: "no such key"},
		"no text":               {condition: "assertion.project_id", payload: job(), outcome: Rejected, stage: StageCondition, words: "not true or false"},
		"functions":             {condition: "assertion.sub.split(':')[1] == 'acme/payments' && ['a','b'].join('::') == 'a::b' && assertion.ref.lowerAscii().matches('^main$') && size(assertion.ref) == 4 && assertion.ref in ['main']", payload: job(), outcome: Accepted},
		"has() of a bracket":    {condition: "has(assertion['a/b'])", payload: job(), outcome: Rejected, stage: StageProvider, code: "invalid_target", words: "does not compile"},
		"issuer":                {payload: job(set("iss", "https://gitlab.com/")), outcome: Rejected, stage: StageIssuer, code: "invalid_grant", words: `"https://gitlab.com/"`},
		"audience":              {payload: job(set("aud", "https://gitlab.com")), outcome: Rejected, stage: StageAudience, code: "invalid_grant"},
		"default audience":      {edit: func(p *Provider) { p.AllowedAudiences = nil }, payload: job(set("aud", "https://"+inPool+"providers/gitlab")), outcome: Accepted},
		"without the default":   {edit: func(p *Provider) { p.AllowedAudiences = nil }, payload: job(), outcome: Rejected, stage: StageAudience},
		"name not known":        {edit: func(p *Provider) { p.AllowedAudiences, p.Pool = nil, "" }, payload: job(), outcome: Indeterminate, words: "the provider's own name"},
		"disabled":              {edit: func(p *Provider) { p.Disabled = true }, payload: job(), outcome: Rejected, stage: StageProvider, code: "invalid_target"},
		"deleted":               {edit: func(p *Provider) { p.State = "DELETED" }, payload: job(), outcome: Rejected, stage: StageProvider},
		"subject too long":      {mapping: map[string]string{"google.subject": "assertion.ref"}, payload: job(set("ref", long)), outcome: Rejected, stage: StageMapping, code: "invalid_request", words: "128 bytes"},
		"subject of 127 bytes":  {mapping: map[string]string{"google.subject": "assertion.ref"}, payload: job(set("ref", long[:127])), outcome: Accepted},
		"subject from nothing":  {mapping: map[string]string{"google.subject": "assertion.environment"}, payload: job(), outcome: Rejected, stage: StageMapping, code: "unauthorized_client", words: "google.subject has no value"},
		"subject of a number":   {mapping: map[string]string{"google.subject": "assertion.runner_id"}, payload: job(), outcome: Rejected, stage: StageMapping, words: "google.subject"},
		"attribute of a number": {mapping: map[string]string{"attribute.runner": "assertion.runner_id"}, payload: job(), outcome: Rejected, stage: StageMapping, words: "attribute.runner"},
		"attribute of nothing":  {mapping: map[string]string{"attribute.env": "assertion.environment"}, payload: job(), outcome: Indeterminate, words: "attribute.env has no value"},
		"expired":               {payload: job(), now: 3601 + 3600, outcome: Rejected, stage: StageTime},
		"hardly expired":        {payload: job(), now: 3601 + 60, outcome: Indeterminate},
		"lives too long":        {payload: job(set("exp", 1+25*3600)), outcome: Rejected, stage: StageTime},
		"binding of a subject":  {bindings: members("principal://" + inPool + "subject/project_path:acme/payments:ref_type:branch:ref:main"), payload: job(), outcome: Accepted},
		"binding of another":    {bindings: members("principal://" + inPool + "subject/project_path:acme/other:ref_type:branch:ref:main"), payload: job(), outcome: Rejected, stage: StageMembers, code: "PERMISSION_DENIED", words: "no binding is for the token"},
		"binding by attribute":  {bindings: members("principalSet://" + inPool + "attribute.project/67890"), mapping: map[string]string{"attribute.project": "assertion.project_id"}, payload: job(), outcome: Accepted},
		"members are or":        {bindings: members("principalSet://"+inPool+"attribute.project/1", "principalSet://"+inPool+"*"), payload: job(), outcome: Accepted},
		"chained attribute":     {bindings: members("principalSet://" + inPool + "attribute.project/67890/attribute.ref/main"), mapping: map[string]string{"attribute.project": "assertion.project_id"}, payload: job(), outcome: Rejected, stage: StageMembers},
		"of another pool":       {bindings: members("principalSet://" + strings.Replace(inPool, "/ci/", "/other/", 1) + "*"), payload: job(), outcome: Rejected, stage: StageMembers},
		"nobody":                {bindings: []Binding{}, payload: job(), outcome: Rejected, stage: StageMembers},
		"no JSON":               {payload: []byte("x"), outcome: Rejected, stage: StageToken},
		"no aud":                {payload: job(set("aud", nil)), outcome: Rejected, stage: StageToken},
	} {
		t.Run(name, func(t *testing.T) {
			p := provider(t, test.condition, test.mapping)
			if test.edit != nil {
				test.edit(p)
			}
			var r *Request
			if test.now != 0 {
				r = &Request{Time: time.Unix(test.now, 0)}
			}
			got := Simulate(&Document{Provider: p, Bindings: test.bindings}, test.payload, r)
			require.Equal(t, test.outcome, got.Outcome, got)
			last := got.Stages[len(got.Stages)-1]
			switch test.outcome {
			case Rejected:
				assert.Equal(t, test.stage, last.Name)
				assert.Equal(t, False, last.Passed)
				if test.code != "" {
					assert.Equal(t, test.code, got.Code)
				}
				assert.Contains(t, got.String(), test.words)
				assert.Empty(t, got.Assumptions)
			case Indeterminate:
				require.NotEmpty(t, got.Assumptions)
				assert.Contains(t, got.String(), test.words)
			case Accepted:
				assert.Empty(t, got.Code)
				assert.NotEmpty(t, got.Principals)
			}
		})
	}
}

func TestPrincipals(t *testing.T) {
	p := provider(t, "", map[string]string{"attribute.project": "assertion.project_id", "google.groups": "['a', 'b']"})
	got := Simulate(&Document{Provider: p, Bindings: []Binding{{Members: []Value{{Text: "group:x"}, {Text: "principalSet://" + inPool + "group/b"}}}}}, job(), nil)
	assert.Equal(t, Accepted, got.Outcome)
	assert.ElementsMatch(t, []string{
		"principal://" + inPool + "subject/project_path:acme/payments:ref_type:branch:ref:main",
		"principalSet://" + inPool + "attribute.project/67890", "principalSet://" + inPool + "group/a", "principalSet://" + inPool + "group/b", "principalSet://" + inPool + "*",
	}, got.Principals)
	assert.Equal(t, []Grant{{0, 1}}, got.Granted)
}

// The part of a condition that failed is named, with what it read.
func TestDecidingPart(t *testing.T) {
	p := provider(t, "assertion.project_id == '67890' && assertion.ref == 'stable'", nil)
	got := Simulate(&Document{Provider: p}, job(), nil)
	c, ok := got.Deciding()
	require.True(t, ok)
	assert.Contains(t, c.Expected, "stable")
	assert.Contains(t, c.Actual, `assertion.ref is "main"`)
	assert.Equal(t, p.Condition.Position, c.Position)
}

// A function that Google's pages do not name is a note and no refusal.
func TestUndocumentedFunctions(t *testing.T) {
	got := Simulate(&Document{Provider: provider(t, "assertion.ref.replace('a', 'b') == 'mbin'", nil)}, job(), nil)
	assert.Equal(t, Accepted, got.Outcome)
	require.Len(t, got.Notes, 1)
	assert.Contains(t, got.Notes[0], "replace")
}

func TestNothing(t *testing.T) {
	assert.Equal(t, Rejected, Simulate(nil, job(), nil).Outcome)
	assert.Equal(t, Rejected, Simulate(&Document{}, job(), nil).Outcome)
}
