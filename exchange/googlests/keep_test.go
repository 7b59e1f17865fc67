package googlests_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/internal/fakeissuer"
	"github.com/cioidc/cioidc/internal/peek"
)

// kept is a token file that Keep looks after in the background.
type kept struct {
	path string
	err  error // read it after the end
	end  chan struct{}
}

func (k *kept) done() bool {
	select {
	case <-k.end:
		return true
	default:
		return false
	}
}

func keep(ctx context.Context, t *testing.T, file googlests.CredentialFile, dir string) *kept {
	t.Helper()
	k := &kept{path: filepath.Join(dir, "token"), end: make(chan struct{})}
	go func() {
		defer close(k.end)
		k.err = file.Keep(ctx, dir)
	}()
	synctest.Wait()
	return k
}

// left is how long the token in the file is still valid.
func (k *kept) left(t *testing.T) time.Duration {
	t.Helper()
	token, err := peek.Parse(read(t, k.path))
	require.NoError(t, err)
	return time.Until(token.ExpiresAt.Time())
}

// wait lets d pass and everything that is due in it happen.
func wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestTokenFileIsKeptFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.source.mint = func(aud string) string { return w.circleci.CircleCI(aud) }
		cfg := w.config()
		cfg.Provider = circleCIProvider
		file, dir := googlests.CredentialFile{Config: cfg}, t.TempDir()
		_, err := file.Write(t.Context(), dir)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		k := keep(ctx, t, file, dir)
		for range 6 * 60 {
			wait(time.Minute)
			require.Greater(t, k.left(t), 3*time.Minute)
		}
		assert.Len(t, w.source.asked(), 7, "the first, and one for each of the 56 minutes that followed")
		assert.Equal(t, []string{"credentials.json", "token"}, entries(t, dir))
		cancel()
		synctest.Wait()
		assert.True(t, k.done())
		assert.NoError(t, k.err)
	})
}

func TestTokenThatCannotBeRenewedIsKeptToItsEnd(t *testing.T) {
	gone := errors.New("no second token in a job")
	for name, source := range map[string]func(raw string, asked int) (string, error){
		"the source says so":           func(raw string, asked int) (string, error) { return raw, map[bool]error{true: gone}[asked > 1] },
		"the source gives it as it is": func(raw string, _ int) (string, error) { return raw, nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				raw := w.gitlab.GitLab("https:" + gitLabProvider)
				var asked atomic.Int64
				cfg := w.config()
				cfg.Source = exchange.TokenSourceFunc(func(context.Context, string) (string, error) {
					return source(raw, int(asked.Add(1)))
				})
				file, dir := googlests.CredentialFile{Config: cfg}, t.TempDir()
				_, err := file.Write(t.Context(), dir)
				require.NoError(t, err)
				k := keep(t.Context(), t, file, dir)
				life := k.left(t)
				wait(life - 4*time.Minute - time.Second)
				assert.EqualValues(t, 1, asked.Load())
				wait(4 * time.Minute)
				assert.False(t, k.done(), "it is valid for another second")
				assert.EqualValues(t, 9, asked.Load(), "asked every 30 seconds")
				wait(30 * time.Second)
				require.True(t, k.done())
				var failed *exchange.Error
				require.ErrorAs(t, k.err, &failed)
				assert.Equal(t, exchange.StageSource, failed.Stage)
				if name == "the source says so" {
					assert.ErrorIs(t, k.err, gone)
				} else {
					require.Len(t, failed.Causes, 1)
					assert.Contains(t, failed.Causes[0].Action, "timeout")
				}
				assert.Equal(t, raw, read(t, k.path))
			})
		})
	}
}

// retryable is an error of a source that is worth another try.
type retryable struct{ error }

func (retryable) Retryable() bool { return true }

func TestOutageDoesNotEndTheKeeping(t *testing.T) {
	for name, outage := range map[string]error{
		"retryable": retryable{errors.New("the service is down")},
		"too slow":  context.DeadlineExceeded,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				var mu sync.Mutex
				var down error
				set := func(err error) {
					mu.Lock()
					defer mu.Unlock()
					down = err
				}
				cfg := w.config()
				cfg.Source = exchange.TokenSourceFunc(func(_ context.Context, aud string) (string, error) {
					mu.Lock()
					defer mu.Unlock()
					if down != nil {
						return "", down
					}
					return w.gitlab.GitLab(aud), nil
				})
				file, dir := googlests.CredentialFile{Config: cfg}, t.TempDir()
				_, err := file.Write(t.Context(), dir)
				require.NoError(t, err)
				k := keep(t.Context(), t, file, dir)
				set(outage)
				wait(2 * time.Hour)
				require.False(t, k.done())
				assert.Negative(t, k.left(t))
				set(nil)
				wait(time.Minute)
				assert.Greater(t, k.left(t), 50*time.Minute)
			})
		})
	}
}

func TestKeepingBeginsWithWhatIsThere(t *testing.T) {
	for name, content := range map[string]string{"nothing": "", "no token": "x", "no file": "-"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				dir := t.TempDir()
				if content != "-" {
					require.NoError(t, os.WriteFile(filepath.Join(dir, "token"), []byte(content), 0o600))
				}
				k := keep(t.Context(), t, googlests.CredentialFile{Config: w.config()}, dir)
				assert.Greater(t, k.left(t), 50*time.Minute, "there is a token at once")
			})
		})
	}
}

// A token of a few minutes must not make the source be asked without end.
func TestShortTokensAreNotAskedForWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.source.mint = func(aud string) string {
			return w.gitlab.GitLab(aud, func(c fakeissuer.Claims) { c["exp"] = time.Now().Add(2 * time.Minute).Unix() })
		}
		file, dir := googlests.CredentialFile{Config: w.config()}, t.TempDir()
		_, err := file.Write(t.Context(), dir)
		require.NoError(t, err)
		keep(t.Context(), t, file, dir)
		wait(10 * time.Minute)
		assert.LessOrEqual(t, len(w.source.asked()), 22)
	})
}

func TestFolderThatIsGoneEndsTheKeeping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		dir := filepath.Join(t.TempDir(), "out")
		file := googlests.CredentialFile{Config: w.config()}
		_, err := file.Write(t.Context(), dir)
		require.NoError(t, err)
		k := keep(t.Context(), t, file, dir)
		require.NoError(t, os.RemoveAll(dir))
		wait(2 * time.Hour)
		require.True(t, k.done())
		assert.ErrorIs(t, k.err, os.ErrNotExist)
	})
}

func TestWithoutATokenFileThereIsNothingToKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithCancel(t.Context())
		k := keep(ctx, t, googlests.CredentialFile{Config: w.config(), Executable: &googlests.Executable{Command: "ci-token"}}, t.TempDir())
		wait(6 * time.Hour)
		assert.False(t, k.done())
		assert.Empty(t, w.source.asked())
		cancel()
		synctest.Wait()
		assert.True(t, k.done())
		assert.NoError(t, k.err)
	})
}

func TestTokenThatEndsSoonerDoesNotReplaceAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		file, dir := googlests.CredentialFile{Config: w.config()}, t.TempDir()
		_, err := file.Write(t.Context(), dir)
		require.NoError(t, err)
		k := keep(t.Context(), t, file, dir)
		w.source.give(func(aud string) string { return w.gitlab.GitLab(aud, livesFor(time.Minute)) })
		wait(57 * time.Minute)
		assert.Greater(t, len(w.source.asked()), 1)
		assert.Equal(t, w.source.tokens[0], read(t, k.path))
	})
}
