//go:build unix

package awssts_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// cacheDir returns a directory that does not exist yet.
func cacheDir(t *testing.T) string { return filepath.Join(t.TempDir(), "a", "b") }

// cached runs a program that uses the cache once, and returns the access key.
func cached(t *testing.T, c *awssts.FileCache) string {
	t.Helper()
	creds, err := c.Retrieve(context.Background())
	require.NoError(t, err)
	require.True(t, creds.HasKeys())
	assert.True(t, creds.CanExpire)
	assert.Equal(t, account, creds.AccountID)
	return creds.AccessKeyID
}

// only returns the path of the one file with credentials in dir.
func only(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	require.NoError(t, err)
	require.Len(t, names, 1)
	return names[0]
}

func TestFileCacheKeepsCredentialsAcrossRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		dir := cacheDir(t)
		raw := w.gitlab.GitLab(audience)
		run := func() string { return cached(t, &awssts.FileCache{Provider: w.provider(t, raw), Dir: dir}) }

		first := run()
		time.Sleep(44 * time.Minute)
		assert.Equal(t, first, run())
		assert.Equal(t, 1, w.exchanges())
		time.Sleep(61 * time.Second)
		second := run()
		assert.NotEqual(t, first, second, "under 15 minutes clients would ask for every request")
		assert.Equal(t, second, run())
		assert.Equal(t, 2, w.exchanges())

		info, err := os.Stat(only(t, dir))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode())
		info, err = os.Stat(dir)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o700)|os.ModeDir, info.Mode())
		data, err := os.ReadFile(only(t, dir))
		require.NoError(t, err)
		assert.NotContains(t, string(data), strings.Split(raw, ".")[2], "the token is not kept")
	})
}

func TestFileCacheWindow(t *testing.T) {
	for _, tt := range []struct {
		name             string
		window, duration time.Duration
		kept             time.Duration
	}{
		{"given", 40 * time.Minute, 0, 20 * time.Minute},
		{"long session", 0, time.Hour, 45 * time.Minute},
		{"short session", 0, 15 * time.Minute, 7*time.Minute + 30*time.Second},
		{"longer than the session", 2 * time.Hour, 0, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				c := &awssts.FileCache{Dir: cacheDir(t), Window: tt.window, Provider: w.provider(t, w.gitlab.GitLab(audience), func(c *awssts.Config) { c.Duration = tt.duration })}
				first := cached(t, c)
				if tt.kept > 0 {
					time.Sleep(tt.kept)
					assert.Equal(t, first, cached(t, c))
					time.Sleep(time.Second)
				}
				assert.NotEqual(t, first, cached(t, c))
			})
		})
	}
}

// Nothing that was made for another job, role or setting is handed out.
func TestFileCacheKeepsJobsApart(t *testing.T) {
	w := newWorld(t)
	dir := cacheDir(t)
	gitlab, circleci := w.gitlab.GitLab(audience), w.circleci.CircleCI("")
	claim := func(name string, value any) string {
		return w.gitlab.GitLab(audience, func(c fakeissuer.Claims) { c[name] = value })
	}
	seen := map[string]string{}
	for _, tt := range []struct {
		name, raw string
		edit      func(*awssts.Config)
	}{
		{"GitLab", gitlab, func(*awssts.Config) {}},
		{"CircleCI", circleci, func(*awssts.Config) {}},
		{"another job", claim("job_id", "99"), func(*awssts.Config) {}},
		{"another pipeline", claim("pipeline_id", "99"), func(*awssts.Config) {}},
		{"another subject", claim("sub", "project_path:acme/webshop:ref_type:branch:ref:other"), func(*awssts.Config) {}},
		{"another user", claim("user_id", "99"), func(*awssts.Config) {}},
		{"other tags", claim("https://aws.amazon.com/tags", map[string]any{"principal_tags": map[string]any{"stage": []string{"dev"}}}), func(*awssts.Config) {}},
		{"a claim that nobody knows", claim("context", "production"), func(*awssts.Config) {}},
		{"session name", gitlab, func(c *awssts.Config) { c.SessionName = "me" }},
		{"session policy", gitlab, func(c *awssts.Config) { c.Policy = `{"Version":"2012-10-17"}` }},
		{"managed policy", gitlab, func(c *awssts.Config) { c.PolicyARNs = []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"} }},
		{"duration", gitlab, func(c *awssts.Config) { c.Duration = 50 * time.Minute }},
		{"region", gitlab, func(c *awssts.Config) { c.Region = "eu-central-1" }},
		{"endpoint", gitlab, func(c *awssts.Config) { c.Endpoint = "https://sts.eu-west-1.amazonaws.com" }},
		{"audience asked for", gitlab, func(c *awssts.Config) { c.Audience = audience }},
	} {
		p := w.provider(t, tt.raw, tt.edit)
		key := cached(t, &awssts.FileCache{Provider: p, Dir: dir})
		assert.Equal(t, key, cached(t, &awssts.FileCache{Provider: p, Dir: dir}), tt.name)
		assert.Empty(t, seen[key], tt.name)
		seen[key] = tt.name
	}

	// Another project, whose token the role refuses, gets that refusal.
	other := claim("project_id", "1")
	_, err := (&awssts.FileCache{Provider: w.provider(t, other), Dir: dir}).Retrieve(context.Background())
	var e *exchange.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "AccessDenied", e.Code)

	// Another role.
	_, err = (&awssts.FileCache{Provider: w.provider(t, gitlab, func(c *awssts.Config) { c.RoleARN += "er" }), Dir: dir}).Retrieve(context.Background())
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "AccessDenied", e.Code)
}

// A new token of the same job finds what an older one left.
func TestFileCacheIsTheJobs(t *testing.T) {
	w := newWorld(t)
	dir := cacheDir(t)
	again := w.gitlab.GitLab(audience, func(c fakeissuer.Claims) { c["jti"], c["iat"] = "another", c["iat"].(int64)-60 })
	first := cached(t, &awssts.FileCache{Provider: w.provider(t, w.gitlab.GitLab(audience)), Dir: dir})
	assert.Equal(t, first, cached(t, &awssts.FileCache{Provider: w.provider(t, again), Dir: dir}))
}

// While STS cannot answer, what is in the file serves to its end, and no longer.
func TestFileCacheWhileSTSIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		dir := cacheDir(t)
		raw := w.gitlab.GitLab(audience, fakeissuer.Lifetime(3*time.Hour))
		first := cached(t, &awssts.FileCache{Provider: w.provider(t, raw), Dir: dir})
		time.Sleep(50 * time.Minute)
		always(503, "ServiceUnavailable", "later")(w)
		var log bytes.Buffer
		run := &awssts.FileCache{Provider: w.provider(t, raw), Dir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))}
		assert.Equal(t, first, cached(t, run))
		assert.Contains(t, log.String(), "ServiceUnavailable")
		time.Sleep(11 * time.Minute)
		_, err := run.Retrieve(t.Context())
		var e *exchange.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, 503, e.StatusCode)
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		dir := cacheDir(t)
		raw := w.gitlab.GitLab(audience, fakeissuer.Lifetime(3*time.Hour))
		cached(t, &awssts.FileCache{Provider: w.provider(t, raw), Dir: dir})
		time.Sleep(50 * time.Minute)
		always(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")(w)
		_, err := (&awssts.FileCache{Provider: w.provider(t, raw), Dir: dir}).Retrieve(t.Context())
		var e *exchange.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, "AccessDenied", e.Code, "a refusal is one")
	})
}

func TestFileCacheThatIsNil(t *testing.T) {
	var c *awssts.FileCache
	_, err := c.Retrieve(t.Context())
	var config *exchange.ConfigError
	require.ErrorAs(t, err, &config)
	assert.Equal(t, "FileCache", config.Field)
	assert.ErrorAs(t, awssts.WriteProcessCredentials(t.Context(), new(bytes.Buffer), c), &config)
}

// A file that others may have read or written, or that is damaged, is left
// alone, and the credentials are had all the same.
func TestFileCacheDoesNotTrustTheFile(t *testing.T) {
	type harm struct {
		name string
		harm func(t *testing.T, path string)
		warn string
	}
	tests := []harm{
		{"readable by others", func(t *testing.T, path string) { require.NoError(t, os.Chmod(path, 0o640)) }, "its mode is 0640"},
		{"directory open to others", func(t *testing.T, path string) { require.NoError(t, os.Chmod(filepath.Dir(path), 0o755)) }, "its mode is 0755"},
		{"empty", func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 0)) }, "it is not JSON"},
		{"cut", func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 100)) }, "it is not JSON"},
		{"not whole", func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte(`{"Version":1,"AccessKeyId":"ASIAPLANTED","SecretAccessKey":"s"}`), 0o600))
		}, "it does not hold whole credentials"},
		{"of a later version", func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte(`{"Version":2,"AccessKeyId":"a","SecretAccessKey":"s","SessionToken":"t","Expiration":"2099-01-01T00:00:00Z"}`), 0o600))
		}, "it does not hold whole credentials"},
		{"huge", func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, make([]byte, 1<<20), 0o600)) }, "it is too large"},
		{"symbolic link", func(t *testing.T, path string) {
			require.NoError(t, os.Rename(path, path+".x"))
			require.NoError(t, os.Symlink(path+".x", path))
		}, "too many levels of symbolic links"},
		{"directory in its place", func(t *testing.T, path string) {
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.Mkdir(path, 0o700))
		}, "it is not a regular file"},
		{"lock that cannot be made", func(t *testing.T, path string) {
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.Remove(path+".lock"))
			require.NoError(t, os.Mkdir(path+".lock", 0o700))
		}, ".lock: is a directory"},
	}
	if os.Geteuid() == 0 { // nobody else can give a file away
		tests = append(tests, harm{"of another user", func(t *testing.T, path string) { require.NoError(t, os.Chown(path, 65534, -1)) }, "it belongs to user 65534"})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			dir := cacheDir(t)
			var log bytes.Buffer
			c := &awssts.FileCache{Provider: w.provider(t, w.gitlab.GitLab(audience)), Dir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))}
			first := cached(t, c)
			assert.Empty(t, log.String())
			tt.harm(t, only(t, dir))
			assert.NotEqual(t, first, cached(t, c))
			assert.Equal(t, 2, w.exchanges())
			assert.Contains(t, log.String(), tt.warn)
			assert.Contains(t, log.String(), "level=WARN")

			c.Logger = nil
			cached(t, c)
		})
	}
}

func TestFileCacheWithoutADirectory(t *testing.T) {
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(t.TempDir(), link))
	for name, dir := range map[string]string{"a file": file, "in a file": filepath.Join(file, "x"), "a link": link} {
		var log bytes.Buffer
		c := &awssts.FileCache{Provider: w.provider(t, w.gitlab.GitLab(audience)), Dir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))}
		assert.NotEqual(t, cached(t, c), cached(t, c), name)
		assert.Contains(t, log.String(), "not a directory", name)
	}

	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	c := &awssts.FileCache{Provider: w.provider(t, w.gitlab.GitLab(audience))}
	assert.Equal(t, cached(t, c), cached(t, c))
	dir, err := os.UserCacheDir()
	require.NoError(t, err)
	only(t, filepath.Join(dir, "cioidc", "aws"))
}

func TestFileCacheWithATokenItCannotRead(t *testing.T) {
	w := newWorld(t)
	var log bytes.Buffer
	c := &awssts.FileCache{Provider: w.provider(t, "a.b.c"), Dir: cacheDir(t), Logger: slog.New(slog.NewTextHandler(&log, nil))}
	_, err := c.Retrieve(context.Background())
	var e *exchange.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "InvalidIdentityToken", e.Code, "STS judges it")
	assert.Contains(t, log.String(), "the token cannot be read")
	assert.NoDirExists(t, c.Dir)
}

func TestFileCacheErrors(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	for _, tt := range []struct {
		field string
		c     *awssts.FileCache
	}{
		{"FileCache.Provider", &awssts.FileCache{}},
		{"FileCache.Provider", &awssts.FileCache{Provider: w.provider(t, "", func(c *awssts.Config) { c.HTTPClient, c.Client = nil, sts.New(sts.Options{Region: region}) })}},
		{"FileCache.Window", &awssts.FileCache{Provider: w.provider(t, ""), Window: -1}},
	} {
		_, err := tt.c.Retrieve(ctx)
		var config *exchange.ConfigError
		require.ErrorAs(t, err, &config)
		assert.Equal(t, tt.field, config.Field)
	}

	dir := cacheDir(t)
	_, err := (&awssts.FileCache{Dir: dir, Provider: w.provider(t, "", func(c *awssts.Config) {
		c.Source = exchange.TokenSourceFunc(func(context.Context, string) (string, error) { return "", errors.New("no token here") })
	})}).Retrieve(ctx)
	var e *exchange.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, exchange.StageSource, e.Stage)
	assert.NoDirExists(t, dir)

	_, err = (&awssts.FileCache{Dir: dir, Provider: w.provider(t, w.gitlab.GitLab("other"))}).Retrieve(ctx)
	require.ErrorAs(t, err, &e)
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	require.NoError(t, err)
	assert.Empty(t, names, "a failure is not kept")
}

// Each run is a cache of its own, as each process has one.
func TestFileCacheRunsAtTheSameTimeMakeOneExchange(t *testing.T) {
	w := newWorld(t)
	dir := cacheDir(t)
	raw := w.gitlab.GitLab(audience)
	keys := make([]string, 20)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			creds, err := (&awssts.FileCache{Provider: w.provider(t, raw), Dir: dir}).Retrieve(context.Background())
			assert.NoError(t, err)
			keys[i] = creds.AccessKeyID
		})
	}
	wg.Wait()
	for _, k := range keys {
		assert.Equal(t, keys[0], k)
	}
	assert.Equal(t, 1, w.exchanges())
}

func TestFileCacheWaitsNoLongerThanItsContext(t *testing.T) {
	w := newWorld(t)
	dir := cacheDir(t)
	raw := w.gitlab.GitLab(audience)
	holding, release := make(chan struct{}), make(chan struct{})
	slow := w.provider(t, raw, func(c *awssts.Config) {
		next := c.HTTPClient.Transport
		c.HTTPClient.Transport = holdFirst{next, holding, release}
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := (&awssts.FileCache{Provider: slow, Dir: dir}).Retrieve(context.Background())
		assert.NoError(t, err)
	})
	<-holding
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, err := (&awssts.FileCache{Provider: w.provider(t, raw), Dir: dir}).Retrieve(ctx)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	close(release)
	wg.Wait()
	assert.Equal(t, 1, w.exchanges())
}

func TestFileCacheRemovesOldFiles(t *testing.T) {
	w := newWorld(t)
	dir := cacheDir(t)
	require.NoError(t, os.MkdirAll(dir, 0o700))
	hash := strings.Repeat("0a", 32)
	old := time.Now().Add(-25 * time.Hour)
	put := func(name string, at time.Time) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
		require.NoError(t, os.Chtimes(path, at, at))
		return path
	}
	gone := []string{put("aws-"+hash+".json", old), put("aws-"+hash+".json.lock", old), put(".aws-"+hash+".json-123", old)}
	kept := []string{put("aws-"+strings.Repeat("0b", 32)+".json", time.Now().Add(-23*time.Hour)), put("notes.json", old), put("aws-"+hash+".json.bak", old)}
	cached(t, &awssts.FileCache{Provider: w.provider(t, w.gitlab.GitLab(audience)), Dir: dir})
	for _, path := range gone {
		assert.NoFileExists(t, path)
	}
	for _, path := range kept {
		assert.FileExists(t, path)
	}
}
