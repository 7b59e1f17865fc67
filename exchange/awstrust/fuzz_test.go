package awstrust

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whatever the text is, it is read or refused with its place. What was read and
// written again is the same document, and no token makes Simulate panic.
func FuzzParse(f *testing.F) {
	f.Add([]byte(laidOut))
	f.Add([]byte(`{"Statement":[{"Effect":"Allow","Principal":"*","Action":["*"],"Condition":{"Null":{"a:b":[]}}}]}`))
	f.Add([]byte(`{"Statement":{"Effect":"Deny","Principal":{"AWS":["1","2"],"Federated":"x","AWS":"3"},"NotAction":"sts:x","Condition":{"StringLike":{"x:a":"${x:b, 'c'}*","x:a":1},"Condition":{}}}}`))
	f.Add([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":"*"},"Action":"sts:*","Condition":{"ForAllValues:ArnNotLikeIfExists":{"aws:userid":"arn:${aws:CurrentTime}:?*::"},"DateLessThan":{"aws:CurrentTime":"x"}}}}`))
	payload := []byte(`{"iss":"https://gitlab.com","aud":"a","sub":"s","iat":1,"exp":2,"amr":["x","y"]}`)
	provider := Provider{URL: "https://gitlab.com", ClientIDs: []string{"a"}}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Parse(data)
		if err != nil {
			var e *ParseError
			require.ErrorAs(t, err, &e)
			assert.Positive(t, e.Line)
			assert.Positive(t, e.Column)
			assert.NotEmpty(t, e.Problem)
			assert.NotContains(t, e.Error(), "\n")
			return
		}
		text, err := d.MarshalJSON()
		require.NoError(t, err)
		require.True(t, json.Valid(text), "%s", text)
		again, err := Parse(text)
		if err != nil && d.Characters*2 > maxQuota { // escapes may have made it longer
			return
		}
		require.NoError(t, err, "%s", text)
		assert.Equal(t, plain(d), plain(again))
		result := Simulate(d, payload, provider, nil)
		assert.Equal(t, result.Outcome, Simulate(again, payload, provider, nil).Outcome)
		assert.Equal(t, result.Outcome == Indeterminate, len(result.Assumptions) > 0)
		assert.NotEmpty(t, result.String())
		_, err = Lint(d, nil)
		assert.NoError(t, err)
	})
}

// plain returns the statements without places and without what AWS drops.
func plain(d *Document) []Statement {
	values := func(list []Value) (out []Value) {
		for _, v := range list {
			out = append(out, Value{Text: v.Text})
		}
		return out
	}
	principals := func(list []Principal) (out []Principal) {
		for _, p := range list {
			out = append(out, Principal{Kind: p.Kind, Name: p.Name})
		}
		return out
	}
	var all []Statement
	for _, st := range d.Statements {
		s := Statement{
			Sid: st.Sid, Effect: st.Effect, Principals: principals(st.Principals), NotPrincipals: principals(st.NotPrincipals),
			Actions: values(st.Actions), NotActions: values(st.NotActions),
		}
		for _, c := range st.Conditions {
			if !c.Superseded {
				s.Conditions = append(s.Conditions, Condition{Operator: c.Operator, Key: c.Key, Values: values(c.Values)})
			}
		}
		all = append(all, s)
	}
	return all
}

// StringLike against the regular expression that it stands for.
func FuzzStringLike(f *testing.F) {
	for _, s := range [][2]string{{"*", ""}, {"a*b?c", "aXXbYc"}, {"**a", "aa"}, {"?", "é"}, {"x*", "y"}, {"a*a*a*b", "aaaaaaaaaaaaaaaa"}, {"\n?*", "\n\n"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if !utf8.ValidString(pattern) || !utf8.ValidString(text) || len(pattern) > 200 || len(text) > 200 {
			return
		}
		expression := regexp.QuoteMeta(pattern)
		expression = strings.ReplaceAll(strings.ReplaceAll(expression, `\*`, `.*`), `\?`, `.`)
		want := regexp.MustCompile(`(?s)^(?:` + expression + `)$`).MatchString(text)
		assert.Equal(t, want, wildcards(pattern).match(text), "%q %q", pattern, text)
		assert.Equal(t, pattern == text, literal(pattern).match(text))
	})
}
