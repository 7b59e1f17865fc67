package celcond_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc/policy/celcond"
)

// Every claim that a model declares has a field of its type, and none else has.
func TestFieldsAreTheModels(t *testing.T) {
	for platform, model := range map[string]reflect.Type{
		"gitlab": reflect.TypeFor[claims.GitLab](), "circleci": reflect.TypeFor[claims.CircleCI](),
	} {
		names := map[string]bool{}
		for _, f := range reflect.VisibleFields(model) {
			tag := f.Tag.Get("json")
			if tag == "" {
				continue
			}
			name := strings.ReplaceAll(strings.TrimPrefix(tag, "oidc.circleci.com/"), "-", "_")
			names[name] = true
			typed := map[string]string{
				"string": "claims.X == 'a'", "claims.ID": "claims.X == 'a'", "claims.Bool": "claims.X == true",
				"claims.NumericDate": "claims.X > timestamp('2026-01-01T00:00:00Z')",
				"[]string":           "claims.X == ['a']", "claims.Audience": "claims.X == ['a']",
				"*claims.GitLabJobConfig": "claims.X.url == claims.X.sha", "[]claims.GitLabIdentity": "claims.X[0].provider == claims.X[0].extern_uid",
			}[f.Type.String()]
			require.NotEmpty(t, typed, "%s is a %s", name, f.Type)
			compile(t, platform, strings.ReplaceAll(typed, "claims.X", "claims."+name))
		}
		_, err := new(celcond.Compiler).Compile(platform, "has(claims.zzzzzzzzzzzz)")
		var e *celcond.Error
		require.ErrorAs(t, err, &e)
		_, list, found := strings.Cut(e.Problem, ", only ")
		require.True(t, found, e.Problem)
		assert.Len(t, strings.Split(list, ", "), len(names))
		for name := range strings.SplitSeq(list, ", ") {
			assert.True(t, names[name], name)
		}
	}
}

// Each field reads the claim of its name and no other.
func TestFieldsReadTheirClaims(t *testing.T) {
	for platform, model := range map[string]claims.Model{"gitlab": gitLab(t), "circleci": circleCI(t)} {
		payload := model.RegisteredClaims().Payload()
		v := reflect.ValueOf(model).Elem()
		for _, f := range reflect.VisibleFields(v.Type()) {
			tag := f.Tag.Get("json")
			if tag == "" {
				continue
			}
			has := compile(t, platform, "has(claims."+strings.ReplaceAll(strings.TrimPrefix(tag, "oidc.circleci.com/"), "-", "_")+")")
			value := v.FieldByIndex(f.Index)
			got, err := has.Evaluate(t.Context(), model)
			require.NoError(t, err)
			_, sent := model.RegisteredClaims().Lookup(tag)
			assert.Equal(t, sent, got, "%s of %s", tag, payload)
			before := reflect.ValueOf(value.Interface())
			value.SetZero()
			got, err = has.Evaluate(t.Context(), model)
			require.NoError(t, err)
			assert.False(t, got, tag)
			value.Set(before)
		}
	}
}
