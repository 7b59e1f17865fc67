package celcond_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/oidc/policy/celcond"
)

func TestCompileRefuses(t *testing.T) {
	const gitlab, circleci = "gitlab", "circleci"
	for _, c := range []struct {
		platform, expr string
		want           celcond.Error
	}{
		// Claims and their names.
		{gitlab, "claims.projct_id == '1'", celcond.Error{Line: 1, Column: 7, Problem: `there is no claim "projct_id"; is "project_id" meant?`}},
		{gitlab, "has(claims.enviroment)", celcond.Error{Line: 1, Column: 4, Problem: `there is no claim "enviroment"; is "environment" meant?`}},
		{gitlab, "claims.ref == 'a' ||\n  claims.reff == 'b'", celcond.Error{Line: 2, Column: 9, Problem: `there is no claim "reff"; is "ref" meant?`}},
		{circleci, "claims.org-id == ''", celcond.Error{Line: 1, Column: 7, Problem: `there is no claim "org"; is "org_id" meant?`}},
		{circleci, "claims.`workflow-id` == ''", celcond.Error{Line: 1, Column: 7, Problem: `there is no claim "workflow-id"; is "workflow_id" meant?`}},
		{circleci, "claims.organization_id == ''", celcond.Error{Line: 1, Column: 7, Problem: `there is no claim "organization_id"; is "org_id" meant?`}},
		{circleci, "claims.vcsRef == ''", celcond.Error{Line: 1, Column: 7, Problem: `there is no claim "vcsRef"; is "vcs_ref" meant?`}},
		{circleci, "claims.actor == ''", celcond.Error{Line: 1, Column: 7, Problem: `there is no claim "actor", only aud, context_ids, exp, iat, iss, job_id, jti, nbf, org_id, pipeline_definition_id, pipeline_id, project_id, ssh_rerun, sub, vcs_origin, vcs_ref, workflow_id`}},
		{gitlab, "claims.user_identities[0].uid == 'x'", celcond.Error{Line: 1, Column: 26, Problem: "undefined field 'uid'"}},
		{gitlab, "ref == 'main'", celcond.Error{Line: 1, Column: 1, Problem: "there is no 'ref'; what a token says is under claims"}},
		{"github", "true", celcond.Error{Problem: `there are no conditions for the platform "github", only for "gitlab" and "circleci"`}},
		// Types.
		{gitlab, "claims.ref_protected == 'true'", celcond.Error{Line: 1, Column: 22, Problem: "== cannot be applied to (bool, string)"}},
		{gitlab, "claims.runner_id == 31337", celcond.Error{Line: 1, Column: 18, Problem: "== cannot be applied to (string, int)"}},
		{circleci, "claims.ssh_rerun == 'false'", celcond.Error{Line: 1, Column: 18, Problem: "== cannot be applied to (bool, string)"}},
		{circleci, "claims.context_ids == 'x'", celcond.Error{Line: 1, Column: 20, Problem: "== cannot be applied to (list(string), string)"}},
		{gitlab, "'ref' in claims", celcond.Error{Line: 1, Column: 7, Problem: "in cannot be applied to (string, gitlab.claims)"}},
		{gitlab, "claims['ref'] == 'main'", celcond.Error{Line: 1, Column: 7, Problem: "[ ] cannot be applied to (gitlab.claims, string)"}},
		{gitlab, "claims.ref", celcond.Error{Line: 1, Column: 1, Problem: "the expression comes to a string, and must come to true or false"}},
		{gitlab, "[claims.ref, 1] == []", celcond.Error{Line: 1, Column: 14, Problem: "expected type 'string' but found 'int'"}},
		// Syntax.
		{gitlab, " \n", celcond.Error{Problem: "the expression is empty"}},
		{gitlab, "claims.ref ==", celcond.Error{Line: 1, Column: 14, Problem: "the expression ends too early"}},
		{gitlab, "claims.ref = 'x'", celcond.Error{Line: 1, Column: 12, Problem: "syntax error: token recognition error at: '= '"}},
		{gitlab, "claims.ref == 'x' 'y'", celcond.Error{Line: 1, Column: 19, Problem: "syntax error: extraneous input ''y'' expecting <EOF>"}},
		{gitlab, "'ü' == claims.ref &&& true", celcond.Error{Line: 1, Column: 21, Problem: "syntax error: token recognition error at: '& '"}},
		{gitlab, "claims.?ref == 'a'", celcond.Error{Line: 1, Column: 7, Problem: "unsupported syntax '.?'"}},
		// What CEL has and conditions have not.
		{gitlab, "dyn(claims.ref) == 1", celcond.Error{Line: 1, Column: 4, Problem: "conditions cannot use dyn"}},
		{gitlab, "type(claims.ref) == string", celcond.Error{Line: 1, Column: 5, Problem: "conditions cannot use type"}},
		{gitlab, "claims.ref.replace('', 'aa') == ''", celcond.Error{Line: 1, Column: 19, Problem: "conditions cannot use replace"}},
		{gitlab, "['a'].join('b') == ''", celcond.Error{Line: 1, Column: 11, Problem: "conditions cannot use join"}},
		{gitlab, "'%s'.format(['a']) == ''", celcond.Error{Line: 1, Column: 12, Problem: "conditions cannot use format"}},
		{gitlab, "['a'] + ['b'] == []", celcond.Error{Line: 1, Column: 7, Problem: "conditions cannot join lists"}},
		{gitlab, "[['a']].map(x, x + x) == []", celcond.Error{Line: 1, Column: 18, Problem: "conditions cannot join lists"}},
		{gitlab, "gitlab.claims{} == claims", celcond.Error{Line: 1, Column: 14, Problem: "conditions cannot make objects"}},
		{gitlab, "claims.iat.getHours('Europe/Berlin') == 3", celcond.Error{Line: 1, Column: 20, Problem: "conditions know no time zone but UTC: leave out the argument of getHours"}},
		// Patterns.
		{gitlab, "claims.ref.matches('main')", celcond.Error{Line: 1, Column: 20, Problem: `the pattern of matches must cover the whole text: write "^(?:main)$"`}},
		{gitlab, "claims.ref.matches('^main')", celcond.Error{Line: 1, Column: 20, Problem: `the pattern of matches must cover the whole text: write "^(?:^main)$"`}},
		{gitlab, "claims.ref.matches('^main|dev$')", celcond.Error{Line: 1, Column: 20, Problem: `the pattern of matches must cover the whole text: write "^(?:^main|dev$)$"`}},
		{gitlab, "matches(claims.ref, '(?m)^main$')", celcond.Error{Line: 1, Column: 21, Problem: `the pattern of matches must cover the whole text: write "^(?:(?m)^main$)$"`}},
		{gitlab, "claims.ref.matches(claims.environment)", celcond.Error{Line: 1, Column: 26, Problem: "the pattern of matches must be a literal text, not computed"}},
		{gitlab, "claims.ref.matches('^(' + 'a' + ')$')", celcond.Error{Line: 1, Column: 31, Problem: "the pattern of matches must be a literal text, not computed"}},
		{gitlab, "claims.ref.matches('^(a$')", celcond.Error{Line: 1, Column: 20, Problem: "the pattern of matches is no regular expression: error parsing regexp: missing closing ): `^(a$`"}},
		{gitlab, "claims.ref.matches('^(a{500}){500}$')", celcond.Error{Line: 1, Column: 20, Problem: "the pattern of matches is no regular expression: error parsing regexp: invalid repeat count: `{500}`"}},
	} {
		got, err := new(celcond.Compiler).Compile(c.platform, c.expr)
		assert.Nil(t, got, c.expr)
		var e *celcond.Error
		if assert.ErrorAs(t, err, &e, c.expr) {
			assert.Equal(t, c.want, *e, c.expr)
		}
	}
}

func TestErrorText(t *testing.T) {
	assert.Equal(t, "celcond: line 2, column 7: no", (&celcond.Error{Line: 2, Column: 7, Problem: "no"}).Error())
	assert.Equal(t, "celcond: no", (&celcond.Error{Problem: "no"}).Error())
	assert.Equal(t, "celcond: ref: the claim was not sent", (&celcond.EvaluationError{Claim: "ref", Err: celcond.ErrAbsent}).Error())
	assert.Equal(t, "celcond: the expression costs more than its limit", (&celcond.EvaluationError{Err: celcond.ErrCost}).Error())
}

func TestSizeIsBounded(t *testing.T) {
	for name, c := range map[string]struct{ expr, problem string }{
		"length":      {"claims.ref == '" + strings.Repeat("x", celcond.MaxLength) + "'", "the expression has 4112 bytes, and may have 4096; make several conditions of it"},
		"parentheses": {strings.Repeat("(", 1000) + "true" + strings.Repeat(")", 1000), "expression recursion limit exceeded"},
		"brackets":    {strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + " == []", "expression recursion limit exceeded"},
		"ternaries":   {strings.Repeat("true?true:", 400) + "true", "expression recursion limit exceeded"},
		"selections":  {"claims.job_config" + strings.Repeat(".url", 900), "max recursion depth exceeded"},
		"sum":         {"1" + strings.Repeat("+1", 2000) + " == 1", "max recursion depth exceeded"},
		"nodes":       {"1 in [1" + strings.Repeat(",1", 2000) + "]", "expression node count exceeds limit: count 2004, limit 2000"},
		"macros":      {"[1].all(a, [1].all(b, [1].all(c, [1].all(d, true))))", "at most 3 of all, exists, exists_one, filter and map may be in or after one another"},
		"pattern":     {"claims.ref.matches('^(a{30}){20}$')", "the pattern of matches takes 644 instructions, and may take 500: repeat less"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := new(celcond.Compiler).Compile("gitlab", c.expr)
			var e *celcond.Error
			require.ErrorAs(t, err, &e)
			assert.Contains(t, e.Problem, c.problem)
		})
	}
	compile(t, "gitlab", "true"+strings.Repeat(" || claims.ref == 'x'", 150))
	compile(t, "gitlab", "claims.ref in ['a'"+strings.Repeat(", 'b'", 700)+"]")
	compile(t, "gitlab", "claims.ref.matches('^(a{30}){10}$')")
}
