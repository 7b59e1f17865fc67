package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange/trustfile"
)

func put(t *testing.T, name, text string) string {
	t.Helper()
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

// A report goes to logs and code hosts: it does not say who started the job.
func TestPersonsAreNotShown(t *testing.T) {
	dir := t.TempDir()
	token := put(t, filepath.Join(dir, "token"), `{"iss":"https://gitlab.com","aud":"https://gitlab.com","sub":"project_path:g/p:ref_type:branch:ref:main","project_id":"42","project_path":"g/p","namespace_id":"7","namespace_path":"g","ref":"main","ref_type":"branch","ref_protected":"true","user_login":"janedoe","user_email":"jane@x.org","user_id":"99341","pipeline_source":"push","iat":1700000000,"nbf":1700000000,"exp":1700003600,"jti":"a"}`)
	role := put(t, filepath.Join(dir, "role.json"), `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::000000000000:oidc-provider/gitlab.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{"gitlab.com:sub":"*"}}}]}`)
	for _, form := range []string{"--json", "--sarif", "--strict"} {
		status, out, _ := trust(t, "lint", "--token-file", token, form, role)
		assert.Equal(t, exitDanger, status)
		assert.Contains(t, out, withheld, form)
		for _, name := range []string{"janedoe", "jane@x.org", "99341"} {
			assert.NotContains(t, out, name, form)
		}
	}
}

// A folder by a link is a folder, and what it has that cannot be opened is told:
// a report that is clean says that all was read.
func TestLinksInFolders(t *testing.T) {
	dir := t.TempDir()
	real := filepath.Join(dir, "real")
	require.NoError(t, os.Mkdir(real, 0o700))
	put(t, filepath.Join(real, "role.json"), read(t, "tight.json"))
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink(real, link))
	status, out, errs := trust(t, "lint", link)
	assert.Equal(t, exitClean, status, errs)
	assert.Contains(t, out, "1 document")

	require.NoError(t, os.Symlink("nowhere", filepath.Join(real, "gone.json")))
	status, out, _ = trust(t, "lint", real)
	assert.Equal(t, exitUsage, status)
	assert.Contains(t, out, "not read: ")
	assert.Contains(t, out, "gone.json")
}

// What an error quotes moves no cursor.
func TestErrorsArePrintable(t *testing.T) {
	status, _, errs := trust(t, "simulate", "--token-file", "testdata/\x1b[2Jgone", "testdata/tight.json")
	assert.Equal(t, exitUsage, status)
	assert.Contains(t, errs, "testdata/?[2Jgone")
	assert.NotContains(t, errs, "\x1b")
}

// A fix that the notation around it takes otherwise is not written.
func TestReread(t *testing.T) {
	text := []byte(`{"Statement": [{"Action": "sts:AssumeRole"}]}`)
	docs, err := trustfile.Read("x.json", text)
	require.NoError(t, err)
	require.Len(t, docs, 1)
	require.NoError(t, reread(text, docs, 0, docs[0].Text))
	require.ErrorContains(t, reread(text, docs, 0, []byte("{}")), "x.json:1:1: the file would not say the same")
	require.ErrorContains(t, reread([]byte("{"), docs, 0, docs[0].Text), "the file would not say the same")
}
