package policy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
	"github.com/cioidc/cioidc/oidc/policy"
)

// followed is a policy.File under test, with its clock and its log.
type followed struct {
	*policy.File
	now time.Time
	log bytes.Buffer
}

func follow(t *testing.T, text string) *followed {
	f := &followed{now: time.Now().Add(time.Hour)}
	f.File = &policy.File{
		Path:   filepath.Join(t.TempDir(), "policy.yaml"),
		Logger: slog.New(slog.NewJSONHandler(&f.log, nil)),
		Now:    func() time.Time { return f.now },
	}
	if text != "" {
		f.write(t, text)
	}
	return f
}

func (f *followed) write(t *testing.T, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(f.Path+".next", []byte(text), 0o600))
	require.NoError(t, os.Rename(f.Path+".next", f.Path))
}

// records returns what was logged since it was last called.
func (f *followed) records(t *testing.T) (out []map[string]any) {
	t.Helper()
	for line := range strings.Lines(f.log.String()) {
		var r map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &r))
		out = append(out, r)
	}
	f.log.Reset()
	return out
}

func branchPolicy(ref string) string {
	return fmt.Sprintf(`
apiVersion: trust/v1
name: deployer
audiences: [a]
rules:
  - name: branch
    gitlab: {issuer: "https://gitlab.com", project_id: "1", ref: %s, ref_type: branch}
`, ref)
}

func branchOf(ref string) *claims.GitLab {
	return &claims.GitLab{
		Registered: claims.Registered{Issuer: "https://gitlab.com", Audience: claims.Audience{"a"}},
		ProjectID:  "1", Ref: ref, RefType: "branch", PipelineSource: "push",
	}
}

func (f *followed) allows(t *testing.T, ref string) bool {
	t.Helper()
	d, err := f.Authorize(context.Background(), branchOf(ref))
	require.NotNil(t, d, "%v", err)
	assert.Equal(t, err == nil, d.(*policy.Decision).Allowed)
	return err == nil
}

func TestFileFollows(t *testing.T) {
	f := follow(t, branchPolicy("main"))
	assert.True(t, f.allows(t, "main"))
	assert.False(t, f.allows(t, "stable"))
	read := f.records(t)
	require.Len(t, read, 1)
	assert.Equal(t, "policy read", read[0]["msg"])
	first := read[0]["policy_digest"]
	assert.NotEmpty(t, first)

	f.write(t, branchPolicy("stable"))
	assert.False(t, f.allows(t, "main"))
	assert.True(t, f.allows(t, "stable"))
	read = f.records(t)
	require.Len(t, read, 1)
	second := read[0]["policy_digest"]
	assert.NotEqual(t, first, second)

	kept := func(problem string) {
		t.Helper()
		for range 3 {
			assert.True(t, f.allows(t, "stable"))
			f.now = f.now.Add(time.Minute) // It is read again, and says nothing new.
		}
		read := f.records(t)
		require.Len(t, read, 1)
		assert.Equal(t, "policy not read; the last good one stays in force", read[0]["msg"])
		assert.Equal(t, second, read[0]["policy_digest"])
		assert.Contains(t, read[0]["error"], problem)
	}
	f.write(t, "rules: []\n")
	kept("line 1, column 1")
	f.write(t, branchPolicy("main")+"tests: [{name: open, claims: {project_id: '1'}, expect: allow}]\n")
	kept(`test "open"`)
	require.NoError(t, os.Remove(f.Path))
	kept("no such file")
	require.NoError(t, os.Mkdir(f.Path, 0o700))
	kept("is a directory")
	require.NoError(t, os.Remove(f.Path))
	kept("no such file")

	f.write(t, branchPolicy("main"))
	assert.True(t, f.allows(t, "main"))
	assert.False(t, f.allows(t, "stable"))
	assert.Len(t, f.records(t), 1)
}

// A change that neither the size nor the time of the file shows is seen too.
func TestFileChangedWithinItsTime(t *testing.T) {
	f := follow(t, branchPolicy("one1"))
	at := f.now
	stamp := func() { require.NoError(t, os.Chtimes(f.Path, at, at)) }
	stamp()
	assert.True(t, f.allows(t, "one1"))
	require.NoError(t, os.WriteFile(f.Path, []byte(branchPolicy("two2")), 0o600))
	stamp()
	assert.True(t, f.allows(t, "two2"))
	assert.Len(t, f.records(t), 2)
	f.now = f.now.Add(time.Minute)
	assert.True(t, f.allows(t, "two2"))
	assert.Empty(t, f.records(t), "the same text is not news")
}

// What fails beside the file is tried again after a while.
func TestFileFailsForNow(t *testing.T) {
	f := follow(t, branchPolicy("main")+"tests: [{name: elsewhere, token: job.json, expect: allow}]\n")
	_, err := f.Policy(t.Context())
	var file *policy.FileError
	require.ErrorAs(t, err, &file)
	require.ErrorIs(t, err, fs.ErrNotExist)
	job := `{"iss":"https://gitlab.com","aud":"a","project_id":"1","ref":"main","ref_type":"branch","pipeline_source":"push"}`
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(f.Path), "job.json"), []byte(job), 0o600))
	_, err = f.Policy(t.Context())
	require.ErrorIs(t, err, fs.ErrNotExist)
	f.now = f.now.Add(10 * time.Second)
	p, err := f.Policy(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "deployer", p.Spec().Name)
	assert.Len(t, f.records(t), 2)
}

// Without a policy nothing can be decided: 503, in audit-only mode too. The
// caller does not learn why, the owner does.
func TestFileThatWasNeverGood(t *testing.T) {
	f := follow(t, "")
	f.Options = &policy.Options{AuditOnly: true}
	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	v, err := oidc.NewVerifier(oidc.Config{
		Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{"a"}, HTTPClient: oidctest.Client(issuer), Authorize: f.Authorize,
	})
	require.NoError(t, err)
	token := issuer.GitLab("a", oidctest.Project("1", "acme/deployer"))
	_, err = v.Verify(t.Context(), token)
	var unavailable *oidc.UnavailableError
	require.ErrorAs(t, err, &unavailable)
	assert.Equal(t, oidc.OpAuthorize, unavailable.Op)
	var file *policy.FileError
	require.ErrorAs(t, err, &file)
	assert.Equal(t, f.Path, file.Path)
	require.ErrorIs(t, err, fs.ErrNotExist)
	read := f.records(t)
	require.Len(t, read, 1)
	assert.Equal(t, "policy not read, and there is none before it", read[0]["msg"])

	f.write(t, "apiVersion: trust/v1\n")
	_, err = v.Verify(t.Context(), token)
	var parse *policy.ParseError
	require.ErrorAs(t, err, &parse)
	require.ErrorAs(t, err, &unavailable)

	f.write(t, branchPolicy("stable"))
	_, err = v.Verify(t.Context(), token)
	require.NoError(t, err, "audit-only")
}

// Changes under load: every call gets a decision, and each change comes into force.
func TestFileUnderLoad(t *testing.T) {
	f := follow(t, branchPolicy("main"))
	f.Logger = slog.New(slog.DiscardHandler)
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for !stop.Load() {
				main, err1 := f.Authorize(context.Background(), branchOf("main"))
				stable, err2 := f.Authorize(context.Background(), branchOf("stable"))
				if main == nil || stable == nil {
					assert.NoError(t, err1)
					assert.NoError(t, err2)
					return
				}
			}
		})
	}
	for i := range 50 {
		refs := []string{"main", "stable"}
		f.write(t, branchPolicy(refs[i%2]))
		assert.Eventually(t, func() bool {
			_, err := f.Authorize(t.Context(), branchOf(refs[i%2]))
			return err == nil
		}, 10*time.Second, time.Millisecond)
	}
	stop.Store(true)
	wg.Wait()
}
