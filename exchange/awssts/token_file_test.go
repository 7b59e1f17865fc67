//go:build unix

package awssts_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

func tokenFile(t *testing.T, p *awssts.Provider) (*awssts.TokenFile, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	f, err := awssts.NewTokenFile(p, path)
	require.NoError(t, err)
	assert.NoFileExists(t, path, "constructors do no I/O")
	return f, path
}

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

func TestTokenFile(t *testing.T) {
	w := newWorld(t)
	raw := w.gitlab.GitLab(audience)
	f, path := tokenFile(t, w.provider(t, raw))
	env, err := f.Write(context.Background())
	require.NoError(t, err)
	assert.Equal(t, []string{
		"AWS_WEB_IDENTITY_TOKEN_FILE=" + path, "AWS_ROLE_ARN=" + role, "AWS_ROLE_SESSION_NAME=gitlab-58210-1190377-7730412",
		"AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-1",
	}, env)
	assert.Equal(t, raw, content(t, path), "and no line break")
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
	assert.Zero(t, w.exchanges())

	// A file that was there is replaced, not written into.
	require.NoError(t, os.Remove(path))
	bait := filepath.Join(t.TempDir(), "bait")
	require.NoError(t, os.WriteFile(bait, []byte("bait"), 0o644))
	require.NoError(t, os.Symlink(bait, path))
	_, err = f.Write(context.Background())
	require.NoError(t, err)
	assert.Equal(t, "bait", content(t, bait))
	assert.Equal(t, raw, content(t, path))
	names, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, names, 1, "nothing else is left")

	require.NoError(t, f.Remove())
	assert.NoFileExists(t, path)
	require.NoError(t, f.Remove())

	t.Chdir(filepath.Dir(path))
	f, err = awssts.NewTokenFile(w.provider(t, raw, func(c *awssts.Config) { c.SessionName, c.Endpoint = "me", "https://sts.vpc.example" }), "relative")
	require.NoError(t, err)
	env, err = f.Write(context.Background())
	require.NoError(t, err)
	assert.Equal(t, "AWS_WEB_IDENTITY_TOKEN_FILE="+filepath.Join(filepath.Dir(path), "relative"), env[0])
	assert.Equal(t, "AWS_ROLE_SESSION_NAME=me", env[2])
	assert.Equal(t, "AWS_ENDPOINT_URL_STS=https://sts.vpc.example", env[5])
}

func TestTokenFileErrors(t *testing.T) {
	w := newWorld(t)
	p := w.provider(t, w.gitlab.GitLab(audience))
	for field, make := range map[string]func() (*awssts.TokenFile, error){
		"NewTokenFile": func() (*awssts.TokenFile, error) { return awssts.NewTokenFile(nil, "x") },
		"Policy": func() (*awssts.TokenFile, error) {
			return awssts.NewTokenFile(w.provider(t, "", func(c *awssts.Config) { c.Policy = "{}" }), "x")
		},
		"PolicyARNs": func() (*awssts.TokenFile, error) {
			return awssts.NewTokenFile(w.provider(t, "", func(c *awssts.Config) { c.PolicyARNs = tenPolicies }), "x")
		},
	} {
		_, err := make()
		var config *exchange.ConfigError
		require.ErrorAs(t, err, &config)
		assert.Equal(t, field, config.Field)
	}
	_, err := awssts.NewTokenFile(p, "")
	assert.EqualError(t, err, "awssts: NewTokenFile: required: the path of the file")

	f, err := awssts.NewTokenFile(p, filepath.Join(t.TempDir(), "missing", "token"))
	require.NoError(t, err)
	_, err = f.Write(context.Background())
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorIs(t, f.Keep(context.Background()), fs.ErrNotExist)

	f, path := tokenFile(t, w.provider(t, ""))
	_, err = f.Write(context.Background())
	var e *exchange.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, []string{"token-empty"}, causes(e))
	require.ErrorAs(t, f.Keep(context.Background()), &e)
	assert.Equal(t, []string{"token-empty"}, causes(e))
	assert.NoFileExists(t, path)
	require.NoError(t, os.MkdirAll(filepath.Join(path, "x"), 0o700))
	assert.ErrorContains(t, f.Remove(), "awssts: token file: ")
}

// Whenever a program reads the file in six hours, the token in it is good.
func TestTokenFileIsKeptFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		source := &minter{w: w}
		f, path := tokenFile(t, w.provider(t, "", func(c *awssts.Config) { c.Source = source }))
		_, err := f.Write(t.Context())
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- f.Keep(ctx) }()
		for range 6 * 60 {
			_, err := w.provider(t, content(t, path)).Retrieve(t.Context())
			require.NoError(t, err)
			time.Sleep(time.Minute)
		}
		cancel()
		require.NoError(t, <-done)
		assert.Equal(t, 7, source.mints)
	})
}

func TestTokenFileThatIsLostIsWrittenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		f, path := tokenFile(t, w.provider(t, "", func(c *awssts.Config) { c.Source = &minter{w: w} }))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.NoError(t, f.Keep(ctx))
		assert.NotEmpty(t, content(t, path))
	})
}

// The source fails for a while, or for good.
func TestTokenFileWithoutASource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		source := &minter{w: w}
		f, path := tokenFile(t, w.provider(t, "", func(c *awssts.Config) { c.Source = source }))
		_, err := f.Write(t.Context())
		require.NoError(t, err)
		end := time.Now().Add(time.Hour)
		done := make(chan error, 1)
		go func() { done <- f.Keep(t.Context()) }()

		down := errors.New("the command failed")
		source.fail(down)
		time.Sleep(time.Until(end) - time.Minute)
		old := content(t, path)
		source.fail(nil)
		time.Sleep(31 * time.Second)
		assert.NotEqual(t, old, content(t, path))

		end = source.fail(down)
		err = <-done
		assert.Equal(t, end, time.Now(), "when the token has expired, and not later")
		var e *exchange.Error
		require.ErrorAs(t, err, &e)
		assert.ErrorIs(t, e, down)
		assert.Equal(t, exchange.StageSource, e.Stage)
	})
}

func TestTokenFileOfASourceThatCannotRenew(t *testing.T) {
	for _, tt := range []struct {
		name   string
		token  func(w *world) string
		action string
	}{
		{"GitLab", func(w *world) string { return w.gitlab.GitLab(audience, fakeissuer.Lifetime(2*time.Hour)) }, "raise the job's `timeout`"},
		{"another", func(w *world) string { return w.circleci.CircleCI("", fakeissuer.Lifetime(2*time.Hour)) }, "use a source that can make new ones"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				raw := tt.token(w)
				f, path := tokenFile(t, w.provider(t, raw))
				_, err := f.Write(t.Context())
				require.NoError(t, err)
				start := time.Now()
				err = f.Keep(t.Context())
				assert.Equal(t, 2*time.Hour, time.Since(start))
				var e *exchange.Error
				require.ErrorAs(t, err, &e)
				assertNoToken(t, e, raw)
				require.Equal(t, []string{"token-not-renewed"}, causes(e))
				assert.Contains(t, e.Causes[0].Action, tt.action)
				assert.Contains(t, e.Error(), "exchange: aws: no CI token: cause: the source gives the same token again, and it expires; ")
				assert.Equal(t, raw, content(t, path))
			})
		})
	}
}

// A token that does not live for four minutes, or does not say how long, is
// replaced all the time, and not more often than that.
func TestTokenFileOfShortTokens(t *testing.T) {
	for name, edit := range map[string]func(fakeissuer.Claims){
		"short":  fakeissuer.Lifetime(3 * time.Minute),
		"no exp": func(c fakeissuer.Claims) { delete(c, "exp") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				asked := 0
				f, _ := tokenFile(t, w.provider(t, "", func(c *awssts.Config) {
					c.Source = exchange.TokenSourceFunc(func(context.Context, string) (string, error) { asked++; return w.gitlab.GitLab(audience, edit), nil })
				}))
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute+time.Second)
				defer cancel()
				require.NoError(t, f.Keep(ctx))
				assert.Equal(t, 21, asked)
			})
		})
	}
}

// The file is where it was, wherever the process goes.
func TestTokenFileWithARelativePath(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	t.Chdir(dir)
	f, err := awssts.NewTokenFile(w.provider(t, w.gitlab.GitLab(audience)), "token")
	require.NoError(t, err)
	_, err = f.Write(t.Context())
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(dir, "token"))
	t.Chdir(t.TempDir())
	require.NoError(t, f.Remove())
	assert.NoFileExists(t, filepath.Join(dir, "token"))
}
