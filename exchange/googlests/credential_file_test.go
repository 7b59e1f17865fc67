package googlests_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

const deployer = "deployer@shop-prod.iam.gserviceaccount.com"

func TestCredentialFileOfATokenFile(t *testing.T) {
	w := newWorld(t)
	dir := filepath.Join(t.TempDir(), "a", "b")
	path, err := googlests.CredentialFile{Config: w.config()}.Write(t.Context(), dir)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir, "credentials.json"), path)
	assert.JSONEq(t, `{
		"type": "external_account",
		"audience": "`+gitLabProvider+`",
		"subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
		"token_url": "https://sts.googleapis.com/v1/token",
		"token_info_url": "https://sts.googleapis.com/v1/introspect",
		"credential_source": {"file": "`+filepath.Join(dir, "token")+`", "format": {"type": "text"}}
	}`, read(t, path))
	assert.Equal(t, w.source.tokens[0], read(t, filepath.Join(dir, "token")), "the token and nothing else: Python's client sends what is after it")
	assert.Equal(t, []string{"https:" + gitLabProvider}, w.source.asked())

	// Written again, both are replaced.
	_, err = googlests.CredentialFile{Config: w.config(), ServiceAccount: deployer}.Write(t.Context(), dir)
	require.NoError(t, err)
	assert.Contains(t, read(t, path), `"service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/`+deployer+`:generateAccessToken"`)
	assert.Equal(t, w.source.tokens[1], read(t, filepath.Join(dir, "token")))

	assert.Equal(t, []string{"credentials.json", "token"}, entries(t, dir), "nothing is left beside them")
	for name, mode := range map[string]fs.FileMode{dir: 0o700, path: 0o600, filepath.Join(dir, "token"): 0o600} {
		info, err := os.Stat(name)
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode().Perm(), name)
	}
}

func TestCredentialFileWithEverything(t *testing.T) {
	w := newWorld(t)
	cfg := w.config()
	cfg.UniverseDomain, cfg.QuotaProject, cfg.Audience = "universe.example", "billing-1", "https://ci.example"
	file := googlests.CredentialFile{
		Config: cfg, ServiceAccount: deployer, Lifetime: 2 * time.Hour,
		Executable: &googlests.Executable{Command: "/usr/local/bin/ci-token google", Timeout: 12 * time.Second},
	}
	dir := t.TempDir()
	path, err := file.Write(t.Context(), dir)
	require.NoError(t, err)
	assert.JSONEq(t, `{
		"type": "external_account",
		"universe_domain": "universe.example",
		"audience": "`+gitLabProvider+`",
		"subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
		"token_url": "https://sts.universe.example/v1/token",
		"token_info_url": "https://sts.universe.example/v1/introspect",
		"service_account_impersonation_url": "https://iamcredentials.universe.example/v1/projects/-/serviceAccounts/`+deployer+`:generateAccessToken",
		"service_account_impersonation": {"token_lifetime_seconds": 7200},
		"quota_project_id": "billing-1",
		"credential_source": {"executable": {"command": "/usr/local/bin/ci-token google", "timeout_millis": 12000}}
	}`, read(t, path))
	assert.Equal(t, []string{"credentials.json"}, entries(t, dir), "no token on disk")
	assert.Empty(t, w.source.asked())

	file.Executable.Timeout = 0
	file.Config.Endpoint = "http://127.0.0.1:8080/v1/token"
	file.ImpersonationEndpoint, file.IntrospectionEndpoint = "http://127.0.0.1:8080/", "http://127.0.0.1:8080/v1/introspect"
	file.Config.Source = nil // the executable has its own
	path, err = file.Write(t.Context(), dir)
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(read(t, path)), &got))
	assert.Equal(t, "http://127.0.0.1:8080/v1/token", got["token_url"])
	assert.Equal(t, "http://127.0.0.1:8080/v1/introspect", got["token_info_url"])
	assert.Equal(t, "http://127.0.0.1:8080/v1/projects/-/serviceAccounts/"+deployer+":generateAccessToken", got["service_account_impersonation_url"])
	assert.Equal(t, map[string]any{"executable": map[string]any{"command": "/usr/local/bin/ci-token google"}}, got["credential_source"])
	assert.Equal(t, []string{
		"GOOGLE_APPLICATION_CREDENTIALS=" + path,
		"CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE=" + path,
		"CLOUDSDK_AUTH_TOKEN_INTROSPECTION_ENDPOINT=http://127.0.0.1:8080/v1/introspect",
		"GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1",
	}, file.Environ(path))
	assert.Equal(t, []string{
		"GOOGLE_APPLICATION_CREDENTIALS=/x/credentials.json",
		"CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE=/x/credentials.json",
	}, googlests.CredentialFile{}.Environ("/x/credentials.json"), "programs are run only if there is one")
}

func TestRelativeFolderIsWrittenAbsolute(t *testing.T) {
	w := newWorld(t)
	t.Chdir(t.TempDir())
	path, err := googlests.CredentialFile{Config: w.config()}.Write(t.Context(), "out")
	require.NoError(t, err)
	assert.True(t, filepath.IsAbs(path), path)
	here, err := os.Getwd()
	require.NoError(t, err)
	assert.Contains(t, read(t, path), `"file": "`+filepath.Join(here, "out", "token")+`"`)
}

func TestCredentialFileThatCannotWorkIsNotWritten(t *testing.T) {
	w := newWorld(t)
	endpoint, err := googlests.NewSubjectEndpoint(w.config())
	require.NoError(t, err)
	other := w.config()
	other.Audience = "https://other.example"
	otherEndpoint, err := googlests.NewSubjectEndpoint(other)
	require.NoError(t, err)
	tests := map[string]struct {
		edit           func(*googlests.CredentialFile)
		field, problem string
	}{
		"a wrong provider":             {func(f *googlests.CredentialFile) { f.Config.Provider = "https:" + gitLabProvider }, "Provider", "leave out the scheme"},
		"no source":                    {func(f *googlests.CredentialFile) { f.Config.Source = nil }, "Source", "it is required"},
		"scopes":                       {func(f *googlests.CredentialFile) { f.Config.Scopes = []string{"x"} }, "Scopes", "each client asks for its own"},
		"a member":                     {func(f *googlests.CredentialFile) { f.ServiceAccount = "serviceAccount:" + deployer }, "ServiceAccount", "leave out serviceAccount:"},
		"a lifetime for nobody":        {func(f *googlests.CredentialFile) { f.Lifetime = time.Hour }, "Lifetime", "set ServiceAccount"},
		"a short lifetime":             {func(f *googlests.CredentialFile) { f.ServiceAccount, f.Lifetime = deployer, 9*time.Minute }, "Lifetime", "10 minutes to 12 hours"},
		"a long lifetime":              {func(f *googlests.CredentialFile) { f.ServiceAccount, f.Lifetime = deployer, 13*time.Hour }, "Lifetime", "10 minutes to 12 hours"},
		"half a second":                {func(f *googlests.CredentialFile) { f.ServiceAccount, f.Lifetime = deployer, time.Hour+time.Second/2 }, "Lifetime", "whole seconds"},
		"plain http for impersonation": {func(f *googlests.CredentialFile) { f.ImpersonationEndpoint = "http://iam.example" }, "ImpersonationEndpoint", "plain http is for loopback"},
		"plain http for introspection": {func(f *googlests.CredentialFile) { f.IntrospectionEndpoint = "http://sts.example" }, "IntrospectionEndpoint", "plain http is for loopback"},
		"two sources": {func(f *googlests.CredentialFile) {
			f.Endpoint, f.EndpointURL, f.Executable = endpoint, "http://127.0.0.1:1/", &googlests.Executable{Command: "x"}
		}, "Executable", "one source"},
		"a URL without an endpoint": {func(f *googlests.CredentialFile) { f.EndpointURL = "http://127.0.0.1:1/" }, "Endpoint", "it is missing"},
		"an endpoint without a URL": {func(f *googlests.CredentialFile) { f.Endpoint = endpoint }, "EndpointURL", "no scheme"},
		"an endpoint on the network": {func(f *googlests.CredentialFile) {
			f.Endpoint, f.EndpointURL = endpoint, "http://10.0.0.1/token"
		}, "EndpointURL", "plain http is for loopback"},
		"an empty endpoint": {func(f *googlests.CredentialFile) {
			f.Endpoint, f.EndpointURL = new(googlests.SubjectEndpoint), "http://127.0.0.1:1/"
		}, "Endpoint", "NewSubjectEndpoint"},
		"an endpoint for another audience": {func(f *googlests.CredentialFile) {
			f.Endpoint, f.EndpointURL = otherEndpoint, "http://127.0.0.1:1/"
		}, "Endpoint", "another audience"},
		"no command":   {func(f *googlests.CredentialFile) { f.Executable = &googlests.Executable{} }, "Executable.Command", "it is required"},
		"quotes":       {func(f *googlests.CredentialFile) { f.Executable = &googlests.Executable{Command: `sh -c "ci-token"`} }, "Executable.Command", "quotes"},
		"two spaces":   {func(f *googlests.CredentialFile) { f.Executable = &googlests.Executable{Command: "ci-token  google"} }, "Executable.Command", "single spaces"},
		"a line break": {func(f *googlests.CredentialFile) { f.Executable = &googlests.Executable{Command: "ci-token\ngoogle"} }, "Executable.Command", "single spaces"},
		"a short timeout": {func(f *googlests.CredentialFile) {
			f.Executable = &googlests.Executable{Command: "x", Timeout: time.Second}
		}, "Executable.Timeout", "5 seconds to 2 minutes"},
		"a long timeout": {func(f *googlests.CredentialFile) {
			f.Executable = &googlests.Executable{Command: "x", Timeout: time.Hour}
		}, "Executable.Timeout", "5 seconds to 2 minutes"},
		"a broken timeout": {func(f *googlests.CredentialFile) {
			f.Executable = &googlests.Executable{Command: "x", Timeout: 6*time.Second + 1}
		}, "Executable.Timeout", "whole milliseconds"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "out")
			file := googlests.CredentialFile{Config: w.config()}
			tt.edit(&file)
			for _, err := range []error{errOf(file.Write(t.Context(), dir)), file.Keep(t.Context(), dir)} {
				var wrong *exchange.ConfigError
				require.ErrorAs(t, err, &wrong)
				assert.Equal(t, "googlests", wrong.Package)
				assert.Equal(t, tt.field, wrong.Field)
				assert.Contains(t, wrong.Problem, tt.problem)
			}
			assert.NoDirExists(t, dir)
			assert.Empty(t, w.source.asked())
		})
	}
	_, err = googlests.CredentialFile{Config: w.config()}.Write(t.Context(), "")
	var wrong *exchange.ConfigError
	require.ErrorAs(t, err, &wrong)
	assert.Equal(t, "dir", wrong.Field)
}

func TestUnusableTokenIsNotWritten(t *testing.T) {
	for name, tt := range map[string]struct {
		mint func(w *world, audience string) string
		says string
		hint string
	}{
		"nothing":   {func(*world, string) string { return "" }, "not a JWT", ""},
		"truncated": {func(w *world, aud string) string { return w.gitlab.GitLab(aud)[:300] }, "not a JWT", ""},
		"expired":   {func(w *world, aud string) string { return w.gitlab.GitLab(aud, fakeissuer.Expired) }, "the source's token has expired", "raise the job's timeout"},
		"expired, of CircleCI": {func(w *world, aud string) string {
			return w.circleci.CircleCI(aud, fakeissuer.Expired)
		}, "the source's token has expired", "let the source get a fresh one"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.source.mint = func(aud string) string { return tt.mint(w, aud) }
			dir := filepath.Join(t.TempDir(), "out")
			_, err := googlests.CredentialFile{Config: w.config()}.Write(t.Context(), dir)
			var failed *exchange.Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, exchange.StageSource, failed.Stage)
			assert.ErrorContains(t, failed, tt.says)
			if tt.hint != "" {
				require.Len(t, failed.Causes, 1)
				assert.Equal(t, "google-expired", failed.Causes[0].ID)
				assert.Contains(t, failed.Causes[0].Action, tt.hint)
			}
			assertNoSecret(t, err, w.source.tokens...)
			assert.NoDirExists(t, dir)
		})
	}
}

func TestFolderThatIsAFile(t *testing.T) {
	w := newWorld(t)
	dir := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(dir, nil, 0o600))
	_, err := googlests.CredentialFile{Config: w.config()}.Write(t.Context(), dir)
	var path *fs.PathError
	require.True(t, errors.As(err, &path), "%v", err)
	assert.Equal(t, dir, path.Path)
}

// In a folder that others can write to, another configuration could take the
// place of this one, and lead the token elsewhere.
func TestFolderOfOthersIsRefused(t *testing.T) {
	w := newWorld(t)
	dir := filepath.Join(t.TempDir(), "shared")
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, os.Chmod(dir, 0o777))
	_, err := googlests.CredentialFile{Config: w.config()}.Write(t.Context(), dir)
	assert.ErrorContains(t, err, "others can write to it: name a folder that is this user's alone")
	assert.Empty(t, entries(t, dir))
	require.NoError(t, os.Chmod(dir, 0o755))
	_, err = googlests.CredentialFile{Config: w.config()}.Write(t.Context(), dir)
	assert.NoError(t, err)
}

func TestWriteWithoutAFolderAsksNobody(t *testing.T) {
	w := newWorld(t)
	_, err := googlests.CredentialFile{Config: w.config()}.Write(t.Context(), "")
	var wrong *exchange.ConfigError
	require.ErrorAs(t, err, &wrong)
	assert.Equal(t, "dir", wrong.Field)
	assert.Empty(t, w.source.asked())
}

// A folder in the token's place keeps it from being replaced.
func TestFileThatCannotBeReplacedLeavesNothing(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "token", "x"), 0o700))
	_, err := googlests.CredentialFile{Config: w.config()}.Write(t.Context(), dir)
	var link *os.LinkError
	require.True(t, errors.As(err, &link), "%v", err)
	assert.Equal(t, []string{"token"}, entries(t, dir), "the new token is not left under another name")
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	names := make([]string, 0, len(list))
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func errOf(_ string, err error) error { return err }
