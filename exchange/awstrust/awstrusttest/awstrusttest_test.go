package awstrusttest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/exchange/awstrust"
)

// recorder is a test that notes what it is told.
type recorder struct {
	testing.TB
	errors, logs []string
}

func (r *recorder) Helper()           {}
func (r *recorder) Error(args ...any) { r.errors = append(r.errors, fmt.Sprint(args...)) }
func (r *recorder) Errorf(f string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(f, args...))
}
func (r *recorder) Log(args ...any)            { r.logs = append(r.logs, fmt.Sprint(args...)) }
func (r *recorder) Logf(f string, args ...any) { r.logs = append(r.logs, fmt.Sprintf(f, args...)) }

const project = "cb279ff5-9dcc-4d6a-8b5c-7b9f7a2d1e33"

func job(t *testing.T) claims.Model {
	t.Helper()
	m, err := claims.Decode[claims.CircleCI]([]byte(`{"iss":"https://oidc.circleci.com/org/4ada2c32-1ef9-4f4c-8b0e-9d1b3c1f2a10","aud":"https://deploy.example",
		"sub":"org/4ada2c32-1ef9-4f4c-8b0e-9d1b3c1f2a10/project/` + project + `/user/0d4f1c9a-5a51-4b6e-9a53-1f5f1d7a6c21/vcs-origin/github.com/acme/payments/vcs-ref/refs/heads/main",
		"iat":1790000000,"exp":1790003600,"oidc.circleci.com/project-id":"` + project + `","oidc.circleci.com/org-id":"4ada2c32-1ef9-4f4c-8b0e-9d1b3c1f2a10",
		"oidc.circleci.com/vcs-origin":"github.com/acme/payments","oidc.circleci.com/vcs-ref":"refs/heads/main","oidc.circleci.com/ssh-rerun":false}`))
	require.NoError(t, err)
	return m
}

func policy(user, ref string) []byte {
	const host = "oidc.circleci.com/org/4ada2c32-1ef9-4f4c-8b0e-9d1b3c1f2a10"
	return []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity",
"Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/` + host + `"},
"Condition":{"StringEquals":{"` + host + `:aud":"https://deploy.example","` + host + `:oidc.circleci.com/project-id":"` + project + `"},
"StringLike":{"` + host + `:sub":"org/4ada2c32-1ef9-4f4c-8b0e-9d1b3c1f2a10/project/` + project + `/user/` + user + `/vcs-origin/github.com/acme/payments/vcs-ref/` + ref + `"}}}]}`)
}

const mask = "????????-????-????-????-????????????"

func TestTest(t *testing.T) {
	var r recorder
	Test(&r, policy(mask, "refs/heads/main"), job(t), nil)
	assert.Empty(t, r.errors)
	require.Len(t, r.logs, 2)
	assert.Contains(t, r.logs[0], "CC007 (note, info)")
	assert.Contains(t, r.logs[1], "CC013 (note, info)")

	r = recorder{}
	Test(&r, policy("*", "refs/heads/main"), job(t), nil)
	require.Len(t, r.errors, 1)
	assert.Contains(t, r.errors[0], "4:80: CC004 (too broad, high): a star in ")
	assert.Contains(t, r.errors[0], "\n\tFix: put the mask ")
	assert.Contains(t, r.errors[0], "\n\tProof: a token of \"branch-made-to-deceive-origin\" is let in. ")

	r = recorder{}
	Test(&r, policy(mask, "refs/heads/release"), job(t), nil)
	require.Len(t, r.errors, 1)
	assert.Contains(t, r.errors[0], "TRUST001 (broken, high): the legitimate token is refused: ")
}

// What is accepted has a reason, and is still there.
func TestAccept(t *testing.T) {
	var r recorder
	Test(&r, policy("*", "refs/heads/main"), job(t), &Options{Accept: map[string]string{"CC004": "only bots push here"}})
	assert.Empty(t, r.errors)
	assert.Contains(t, r.logs[0], "accepted, because only bots push here: 4:80: CC004")

	r = recorder{}
	Test(&r, policy(mask, "refs/heads/main"), job(t), &Options{Accept: map[string]string{"CC004": "only bots push here"}})
	assert.Equal(t, []string{`awstrusttest: Accept["CC004"]: there is no such finding any more`}, r.errors)

	r = recorder{}
	Test(&r, policy("*", "refs/heads/main"), job(t), &Options{Accept: map[string]string{"CC004": ""}})
	require.Len(t, r.errors, 2)
	assert.Equal(t, `awstrusttest: Accept["CC004"] gives no reason`, r.errors[1])

	r = recorder{}
	Test(&r, policy("*", "refs/heads/main"), job(t), &Options{Least: awstrust.Critical})
	assert.Empty(t, r.errors)
	assert.Len(t, r.logs, 3)
}

func TestBadInput(t *testing.T) {
	var r recorder
	Test(&r, []byte(`{`), job(t), nil)
	Test(&r, policy(mask, "refs/heads/main"), nil, nil)
	Test(&r, policy(mask, "refs/heads/main"), &claims.Registered{}, nil)
	require.Len(t, r.errors, 3)
	assert.Equal(t, "awstrust: line 1, column 1: not JSON: unexpected end of JSON input", r.errors[0])
	assert.Equal(t, "awstrusttest: no job: Test needs the claims of one that the role is for", r.errors[1])
	assert.Contains(t, r.errors[2], "awstrust: LintOptions.Token: hostile: variants are made of a *claims.GitLab or a *claims.CircleCI")
}
