package hostile_test

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/fakeissuer"
	"github.com/cioidc/cioidc/internal/hostile"
)

// payload returns the claims of a token of the fake issuer.
func payload(t *testing.T, url string, edits ...func(fakeissuer.Claims)) string {
	t.Helper()
	issuer, err := fakeissuer.New(fakeissuer.Options{URL: url, Algorithm: fakeissuer.ES256})
	require.NoError(t, err)
	t.Cleanup(issuer.Close)
	var out []byte
	edits = append(edits, func(c fakeissuer.Claims) { out, err = json.Marshal(c) })
	if issuer.Platform() == fakeissuer.GitLabPlatform {
		require.NotEmpty(t, issuer.GitLab("https://deploy.acme.example", edits...))
	} else {
		require.NotEmpty(t, issuer.CircleCI("https://deploy.acme.example", edits...))
	}
	require.NoError(t, err)
	return string(out)
}

func decoded[T any, P claims.ModelOf[T]](t *testing.T, payload string) P {
	t.Helper()
	c, err := claims.Decode[T, P]([]byte(payload))
	require.NoError(t, err)
	return c
}

func file(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("../../claims/testdata/" + name)
	require.NoError(t, err)
	return string(data)
}

// identities are tokens of every shape the platforms have, by name.
func identities(t *testing.T) map[string]claims.Model {
	t.Helper()
	const gitlab = "https://gitlab.com"
	circle := fakeissuer.CircleCIURL(fakeissuer.CircleCIOrganizationID)
	out := map[string]claims.Model{
		"GitLab, every claim":   decoded[claims.GitLab](t, file(t, "gitlab-branch.json")),
		"CircleCI, every claim": decoded[claims.CircleCI](t, file(t, "circleci-v2.json")),
		"GitLab, literal": &claims.GitLab{
			Registered: claims.Registered{Issuer: gitlab, Subject: "project_path:a/b:ref_type:branch:ref:main", Audience: claims.Audience{"x"}, ExpiresAt: 1790003600},
			ProjectID:  "1", ProjectPath: "a/b", Ref: "main", RefType: "branch", RefProtected: claims.True, RunnerID: "12",
		},
		"CircleCI, literal": &claims.CircleCI{Registered: claims.Registered{Issuer: circle}, ProjectID: fakeissuer.CircleCIProjectID, SSHRerun: claims.False},
		"GitLab, empty":     decoded[claims.GitLab](t, `{}`),
		"CircleCI, empty":   decoded[claims.CircleCI](t, `{}`),
	}
	for name, edits := range map[string][]func(fakeissuer.Claims){
		"plain": nil, "tag": {fakeissuer.Tag("v1.0")}, "environment": {fakeissuer.ProtectedEnvironment("production", "production")},
		"before 18.4": {fakeissuer.BeforeGitLab184}, "no configuration": {fakeissuer.NoConfigRef}, "no user": {fakeissuer.NoUser},
		"legacy": {fakeissuer.LegacyV2}, "merge request": {fakeissuer.MergeRequest}, "fork": {fakeissuer.ForkMergeRequestInParent},
		"by id":         {fakeissuer.Subject("project_id", "ref_type", "ref", "ref_protected")},
		"path":          {fakeissuer.Subject("project_path")},
		"own sub":       {func(c fakeissuer.Claims) { c["sub"] = "whatever" }},
		"hosted":        {fakeissuer.HostedRunner},
		"scheduled":     {fakeissuer.PipelineSource("schedule")},
		"two audiences": {fakeissuer.AudienceArray("other")},
	} {
		out["GitLab, "+name] = decoded[claims.GitLab](t, payload(t, gitlab, edits...))
	}
	for name, edits := range map[string][]func(fakeissuer.Claims){
		"plain": nil, "second form": {fakeissuer.SubjectV2}, "webhook": {fakeissuer.CustomWebhook}, "no contexts": {fakeissuer.Contexts()},
		"older": {fakeissuer.BeforeNovember2025, fakeissuer.SubjectV2}, "root": {fakeissuer.RootIssuer}, "SSH": {fakeissuer.SSHRerun},
		"audit log": {fakeissuer.AuditLogStream}, "fork": {fakeissuer.ForkPullRequest}, "tag": {fakeissuer.SubjectV2, fakeissuer.Tag("v1.0")},
		"default audience": {func(c fakeissuer.Claims) { c["aud"] = fakeissuer.CircleCIOrganizationID }},
	} {
		out["CircleCI, "+name] = decoded[claims.CircleCI](t, payload(t, circle, edits...))
	}
	return out
}

// declared returns the claims that a model declares.
func declared(m claims.Model) []string {
	var names []string
	for _, f := range reflect.VisibleFields(reflect.TypeOf(m).Elem()) {
		if tag := f.Tag.Get("json"); tag != "" {
			names = append(names, tag)
		}
	}
	return names
}

// sent returns the claims of m that have a value.
func sent(t *testing.T, m claims.Model) map[string]string {
	t.Helper()
	data := m.RegisteredClaims().Payload()
	if data == nil {
		var err error
		data, err = json.Marshal(m)
		require.NoError(t, err)
	}
	all := map[string]json.RawMessage{}
	require.NoError(t, json.Unmarshal(data, &all))
	out := map[string]string{}
	for name, v := range all {
		var value any
		require.NoError(t, json.Unmarshal(v, &value))
		again, err := json.Marshal(value)
		require.NoError(t, err)
		if s := string(again); s != "null" && s != `""` && s != "[]" && s != "{}" {
			out[name] = s
		}
	}
	return out
}

// Each variant is whole, differs in the claims it says and in no other, and
// has an ID and a story of its own.
func TestVariants(t *testing.T) {
	for name, identity := range identities(t) {
		t.Run(name, func(t *testing.T) {
			got, err := hostile.Variants(identity)
			require.NoError(t, err)
			require.NotEmpty(t, got)
			again, err := hostile.Variants(identity)
			require.NoError(t, err)
			was := sent(t, identity)
			ids := map[string]bool{}
			for i, v := range got {
				assert.False(t, ids[v.ID], v.ID)
				ids[v.ID] = true
				assert.Regexp(t, `^[a-z0-9.-]+(/[a-z_-]+)?$`, v.ID)
				assert.Contains(t, []hostile.Kind{hostile.Hostile, hostile.Debatable, hostile.Missing, hostile.Routine}, v.Kind, v.ID)
				assert.Regexp(t, regexp.MustCompile(`^\S.*\.$`), v.Story, v.ID)
				require.IsType(t, identity, v.Claims, v.ID)
				require.NotNil(t, v.Claims.RegisteredClaims().Payload(), v.ID)
				assert.Equal(t, v, again[i], "made twice: %s", v.ID)

				now := sent(t, v.Claims)
				var changed []string
				for _, claim := range slices.Sorted(maps.Keys(union(was, now))) {
					if !same(was[claim], now[claim]) {
						changed = append(changed, claim)
					}
				}
				assert.NotEmpty(t, changed, v.ID)
				assert.Equal(t, changed, v.Changed, v.ID)
			}
		})
	}
}

// same also takes true for "true" and 12 for "12": a literal knows no types.
func same(a, b string) bool { return strings.Trim(a, `"`) == strings.Trim(b, `"`) }

func union(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// For each claim that a model declares there is a variant in which it has
// another value and, if the identity has it, one without it.
func TestEveryClaimIsVaried(t *testing.T) {
	for name, identity := range identities(t) {
		got, err := hostile.Variants(identity)
		require.NoError(t, err)
		was := sent(t, identity)
		varied := map[string]bool{}
		for _, v := range got {
			now := sent(t, v.Claims)
			for _, claim := range v.Changed {
				varied[claim] = varied[claim] || v.Kind != hostile.Missing && now[claim] != ""
			}
		}
		for _, claim := range declared(identity) {
			assert.True(t, varied[claim], "%s: no other %s", name, claim)
			at := slices.IndexFunc(got, func(v hostile.Variant) bool { return v.ID == "absent/"+strings.TrimPrefix(claim, "oidc.circleci.com/") })
			if _, has := was[claim]; !has {
				assert.Negative(t, at, "%s: %s was absent before", name, claim)
				continue
			}
			if assert.GreaterOrEqual(t, at, 0, "%s: none without %s", name, claim) {
				assert.NotContains(t, sent(t, got[at].Claims), claim)
				assert.Equal(t, hostile.Missing, got[at].Kind)
			}
		}
	}
}

func TestVariantsRefusesModels(t *testing.T) {
	type own struct{ claims.Registered }
	for _, m := range []claims.Model{nil, (*claims.GitLab)(nil), (*claims.CircleCI)(nil), &own{}, &claims.Registered{}} {
		got, err := hostile.Variants(m)
		assert.ErrorIs(t, err, hostile.ErrModel)
		assert.Nil(t, got)
	}
}

// What was changed in the struct after decoding counts, not the old payload.
func TestChangedFieldsCount(t *testing.T) {
	c := decoded[claims.GitLab](t, file(t, "gitlab-branch.json"))
	c.ProjectPath, c.ProjectID, c.RefProtected = "acme/own", "5", claims.False
	got, err := hostile.Variants(c)
	require.NoError(t, err)
	v := find(t, got, "sibling-suffix").Claims.(*claims.GitLab)
	assert.Equal(t, "acme/own-evil", v.ProjectPath)
	assert.Equal(t, claims.False, v.RefProtected)
	raw, _ := v.Lookup("ref_protected")
	assert.Equal(t, `"false"`, string(raw), "as GitLab sends it")
	raw, _ = v.Lookup("runner_id")
	assert.Equal(t, "31337", string(raw))
}

func find(t *testing.T, all []hostile.Variant, id string) hostile.Variant {
	t.Helper()
	i := slices.IndexFunc(all, func(v hostile.Variant) bool { return v.ID == id })
	require.GreaterOrEqual(t, i, 0, id)
	return all[i]
}
