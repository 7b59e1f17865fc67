package awstrust

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestVariables(t *testing.T) {
	const accepted, rejected, open = Accepted, Rejected, Indeterminate
	changes := claimSet{"user_login": "payments", "user_email": "a*b"}
	for _, tt := range []struct {
		condition        string
		want, before2012 Outcome
	}{
		{`{"StringLike":{"@:sub":"project_path:acme/${@:user_login}:*"}}`, accepted, rejected},
		{`{"StringEquals":{"@:sub":"project_path:acme/${@:user_login}:ref_type:branch:ref:main"}}`, accepted, rejected},
		{`{"StringEqualsIgnoreCase":{"@:user_login":"${ @:USER_LOGIN }"}}`, accepted, rejected},
		{`{"StringLike":{"@:sub":"project_path:${@:user_login}/*"}}`, rejected, rejected},
		// A key without a value: the condition does not match, its opposite does.
		{`{"StringLike":{"@:sub":"*${@:project_path}*"}}`, rejected, rejected},
		{`{"StringNotLike":{"@:sub":"*${@:project_path}*"}}`, accepted, accepted},
		{`{"StringLike":{"@:sub":["*${@:project_path}*","*"]}}`, accepted, accepted},
		{`{"StringLike":{"@:sub":"*acme/${@:project_path, 'payments'}:*"}}`, accepted, rejected},
		{`{"StringLike":{"@:sub":"*acme/${@:project_path, 'p*'}:*"}}`, rejected, rejected},
		{`{"StringLike":{"@:sub":"*acme/${@:user_login, 'other'}:*"}}`, accepted, rejected},
		{`{"StringLike":{"@:sub":"*${@:project_path, other}*"}}`, open, rejected},
		{`{"StringLike":{"@:sub":"project${@:project_path, ''}*"}}`, accepted, rejected},
		{`{"StringLike":{"@:sub":"*${@:project_path, 'x}*"}}`, open, rejected},
		{`{"StringLike":{"@:sub":"*${@:project_path, '}*"}}`, open, rejected},
		// Characters that mean themselves.
		{`{"StringLike":{"@:user_email":"a${*}b"}}`, accepted, rejected},
		{`{"StringLike":{"@:sub":"project_path:${*}"}}`, rejected, rejected},
		{`{"StringEquals":{"@:user_email":"a${*}b"}}`, accepted, rejected},
		{`{"StringLike":{"@:user_email":"a${?}b"}}`, rejected, rejected},
		{`{"StringLike":{"@:user_email":"${$}*"}}`, rejected, rejected},
		{`{"StringLike":{"@:user_email":"a${@:user_email}"}}`, open, rejected}, // has a * in it
		{`{"StringEquals":{"@:user_email":"${@:user_email}"}}`, accepted, rejected},
		{`{"StringLike":{"@:sub":"${@:amr}"}}`, rejected, rejected},
		{`{"StringLike":{"@:sub":"${aws:PrincipalTag/team}*"}}`, open, rejected},
		{`{"StringLike":{"@:sub":"${@:sub"}}`, open, rejected},
		// Another program's, which it should have filled in.
		{`{"StringLike":{"@:sub":"project_path:${var.path}:*"}}`, open, open},
		{`{"StringEquals":{"@:sub":["${local.sub}","` + gitLabSub + `"]}}`, accepted, accepted},
		{`{"StringNotEquals":{"@:sub":"${local.sub}"}}`, open, open},
		{`{"NumericEquals":{"aws:EpochTime":"${var.time}"}}`, open, open},
	} {
		payload := tokenOf(t, gitLab, changes)
		for version, want := range map[string]Outcome{"2012-10-17": tt.want, "2008-10-17": tt.before2012} {
			got := Simulate(versioned(t, version, statementOf(gitLab, tt.condition)), payload, gitLab, nil)
			assert.Equal(t, want, got.Outcome, "%s in %s: %v", tt.condition, version, got)
		}
	}
	none, err := Parse([]byte(`{"Statement":` + statementOf(gitLab, `{"StringLike":{"@:user_login":"${@:user_login}"}}`) + `}`))
	assert.NoError(t, err)
	assert.Equal(t, Rejected, Simulate(none, tokenOf(t, gitLab, nil), gitLab, nil).Outcome, "without a Version")

	list := claimSet{"amr": []string{"a"}}
	got := Simulate(documentOf(t, statementOf(gitLab, `{"StringLike":{"@:sub":"${@:amr}"}}`)), tokenOf(t, gitLab, list), gitLab, nil)
	assert.Equal(t, []string{`AWS fills in "${gitlab.com:amr}", which is a list`}, got.Assumptions)
	got = Simulate(documentOf(t, statementOf(gitLab, `{"StringLike":{"@:sub":"a${var.x}"}}`)), tokenOf(t, gitLab, nil), gitLab, nil)
	assert.Equal(t, []string{`"${var.x}", which is a template that nobody filled in, stands for what the token has`}, got.Assumptions)
}
