package awstrust

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const explained = `{
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "Other", "Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/git.example"},
     "Action": "sts:AssumeRoleWithWebIdentity"},
    {"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/gitlab.com"},
     "Action": "sts:AssumeRoleWithWebIdentity",
     "Condition": {
       "StringEquals": {
         "gitlab.com:aud": "https://deploy.example",
         "gitlab.com:sub": "project_path:acme/payments:*"
       },
       "StringLike": {"gitlab.com:ref": "main"}
     }}
  ]
}`

// A refusal names the condition that decides it, of the statement that came
// nearest, and shows all others.
func TestExplained(t *testing.T) {
	d, err := Parse([]byte(explained))
	require.NoError(t, err)
	got := Simulate(d, tokenOf(t, gitLab, nil), gitLab, nil)
	statement, check, ok := got.Deciding()
	require.True(t, ok)
	assert.Equal(t, 1, statement.Index)
	assert.Equal(t, Position{Line: 6, Column: 5}, statement.Position)
	assert.Equal(t, Check{
		Position: Position{Line: 11, Column: 10}, Operator: "StringEquals", Key: "gitlab.com:sub",
		Expected: []string{"project_path:acme/payments:*"}, Actual: []string{gitLabSub}, Present: true, Holds: False,
		Why: `"gitlab.com:sub" is "project_path:acme/payments:ref_type:branch:ref:main", and StringEquals wants "project_path:acme/payments:*"; it takes * and ? as they are`,
	}, check)
	assert.Equal(t, `rejected
token: passed: it has the claims that AWS requires
provider: passed: the provider is for "https://gitlab.com"
signature: not checked: the signature is taken to be good
time: not checked: the time of the request is not known
audience: passed: "https://deploy.example" is a client ID of the provider
trust policy: refused: no statement allows sts:AssumeRoleWithWebIdentity
  4:5: statement "Other" Allow: applies: false
    4:68: false: the principal is not "arn:aws:iam::123456789012:oidc-provider/gitlab.com"
    5:16: true: the action is sts:AssumeRoleWithWebIdentity
  6:5: statement 2 Allow: applies: false
    6:52: true: the principal is the provider
    7:16: true: the action is sts:AssumeRoleWithWebIdentity
    10:10: true: "gitlab.com:aud" is "https://deploy.example", and StringEquals wants "https://deploy.example"
    11:10: false: "gitlab.com:sub" is "project_path:acme/payments:ref_type:branch:ref:main", and StringEquals wants "project_path:acme/payments:*"; it takes * and ? as they are
    13:23: false: there is no "gitlab.com:ref" (AWS makes no condition key of this claim), and StringLike wants "main"
`, got.String())
}

// What decided, for each outcome.
func TestDeciding(t *testing.T) {
	payload := tokenOf(t, gitLab, nil)
	accepted := Simulate(documentOf(t, statementOf(gitLab, `{}`)), payload, gitLab, nil)
	_, _, ok := accepted.Deciding()
	assert.False(t, ok)
	_, _, ok = new(Result).Deciding()
	assert.False(t, ok)

	denied := Simulate(documentOf(t, statementOf(gitLab, `{}`),
		strings.Replace(statementOf(gitLab, `{"StringEquals":{"@:user_login":"chris"}}`), "Allow", "Deny", 1)), payload, gitLab, nil)
	st, check, ok := denied.Deciding()
	assert.True(t, ok)
	assert.Equal(t, Deny, st.Effect)
	assert.Equal(t, "gitlab.com:user_login", check.Key)
	assert.Contains(t, denied.String(), "denies sts:AssumeRoleWithWebIdentity")

	open := Simulate(documentOf(t, statementOf(gitLab, `{"StringEquals":{"@:aud":"https://deploy.example"},"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`)), payload, gitLab, nil)
	_, check, ok = open.Deciding()
	assert.True(t, ok)
	assert.Equal(t, "aws:SourceIp", check.Key)
	assert.Equal(t, Unknown, check.Holds)
	assert.Contains(t, open.String(), "it cannot be told whether statement 1 at 1:38 allows sts:AssumeRoleWithWebIdentity")
	assert.Contains(t, open.String(), "\ndepends on whether the source address of the request fits\n")
	assert.Equal(t, "indeterminate", open.Outcome.String())
}

// A check says why it holds where one would not think so.
func TestWhy(t *testing.T) {
	for conditions, want := range map[string]string{
		`{"StringNotEquals":{"@:ref":"x"}}`:              `there is no "gitlab.com:ref" (AWS makes no condition key of this claim), and StringNotEquals wants "x"; without the key it holds`,
		`{"Null":{"@:ref":"true"}}`:                      `there is no "gitlab.com:ref" (AWS makes no condition key of this claim), and Null wants "true"`,
		`{"ForAllValues:StringEquals":{"@:email":"x"}}`:  `there is no "gitlab.com:email" (the token has no claim "email"), and ForAllValues:StringEquals wants "x"; without the key it holds`,
		`{"ForAllValues:StringEquals":{"@:user_id":""}}`: "ForAllValues of no values is true",
		`{"StringEquals":{"@:sub":["a","b","c","d"]}}`:   `"gitlab.com:sub" is "` + gitLabSub + `", and StringEquals wants "a" or "b" or "c" or "d"`,
		`{"StringLike":{"@:sub":["a","b","c","d","e"]}}`: `"gitlab.com:sub" is "` + gitLabSub + `", and StringLike wants "a" or "b" or "c" or 2 more`,
	} {
		got := Simulate(documentOf(t, statementOf(gitLab, conditions)), tokenOf(t, gitLab, claimSet{"user_id": ""}), gitLab, nil)
		checks := got.Stages[5].Statements[0].Checks
		assert.Equal(t, want, checks[len(checks)-1].Why)
	}
}

// What AWS drops does not count, and is shown.
func TestSuperseded(t *testing.T) {
	twice := statementOf(gitLab, `{"StringEquals":{"@:sub":"project_path:other/project:ref_type:branch:ref:main"},"StringEquals":{"@:aud":"https://deploy.example"}}`)
	got := Simulate(documentOf(t, twice), tokenOf(t, gitLab, nil), gitLab, nil)
	assert.Equal(t, Accepted, got.Outcome, "the condition on sub is gone")
	assert.Contains(t, got.String(), ": dropped: \"gitlab.com:sub\" is ")

	// The last of two is what counts, not both.
	last := statementOf(gitLab, `{"StringEquals":{"@:sub":"x","@:sub":"`+gitLabSub+`"}}`)
	assert.Equal(t, Accepted, Simulate(documentOf(t, last), tokenOf(t, gitLab, nil), gitLab, nil).Outcome)

	// Two spellings of one key: which one AWS keeps matters if they differ.
	for conditions, want := range map[string]Outcome{
		`{"StringEquals":{"@:sub":"` + gitLabSub + `","@:SUB":"x"}}`: Indeterminate,
		`{"StringEquals":{"@:sub":"x","@:SUB":"y"}}`:                 Rejected,
		`{"StringLike":{"@:sub":"*","@:SUB":"project_path:*"}}`:      Accepted,
		`{"StringLike":{"@:sub":"*"},"StringEquals":{"@:SUB":"x"}}`:  Rejected, // two operators, both count
	} {
		got := Simulate(documentOf(t, statementOf(gitLab, conditions)), tokenOf(t, gitLab, nil), gitLab, nil)
		assert.Equal(t, want, got.Outcome, conditions)
		if want == Indeterminate {
			assert.Equal(t, []string{`AWS keeps both of "gitlab.com:sub" and "gitlab.com:SUB", which it takes for one key`}, got.Assumptions)
		}
	}
}

// A branch may be called so that the subject ends in what a star before a fixed
// part asks for. A mask of the length of an ID leaves no room for that.
func TestCraftedBranch(t *testing.T) {
	const suffix = "/vcs-origin/github.com/acme/payments/vcs-ref/refs/heads/main"
	genuine := circleCISub + suffix
	crafted := circleCISub + "/vcs-origin/github.com/acme/payments/vcs-ref/refs/heads/x" + suffix
	fixed := "org/" + organization + "/project/" + project + "/user/"
	for user, want := range map[string]Outcome{"*": Accepted, "????????-????-????-????-????????????": Rejected} {
		d := documentOf(t, statementOf(circleCI, `{"StringLike":{"@:sub":"`+fixed+user+suffix+`"}}`))
		assert.Equal(t, Accepted, Simulate(d, tokenOf(t, circleCI, claimSet{"sub": genuine}), circleCI, nil).Outcome)
		assert.Equal(t, want, Simulate(d, tokenOf(t, circleCI, claimSet{"sub": crafted}), circleCI, nil).Outcome)
	}
}

// Nothing of a token that would be a line of its own gets into the text.
func TestResultTextIsSafe(t *testing.T) {
	d := documentOf(t, statementOf(gitLab, `{"StringEquals":{"@:sub":"x"}}`))
	got := Simulate(d, tokenOf(t, gitLab, claimSet{"sub": "a\nforged: passed\x1b[0m" + strings.Repeat("y", 400)}), gitLab, nil).String()
	assert.NotContains(t, got, "\nforged")
	assert.NotContains(t, got, "\x1b")
	assert.NotContains(t, got, strings.Repeat("y", 300))
}
