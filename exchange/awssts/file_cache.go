package awssts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/privatefile"
)

const (
	// cacheWindow is botocore's: with less than 15 minutes left it runs a
	// credential_process again before each request.
	cacheWindow = 15 * time.Minute
	// cacheAge is after how long a file is of no use to anyone: a session has
	// 12 hours at most.
	cacheAge = 24 * time.Hour
)

// FileCache keeps the credentials of a [Provider] in a file, for programs that
// are run again and again for the same credentials, as a credential_process is.
// Nothing uses it unless a program does. Provider is required. It is an
// [aws.CredentialsProvider], safe for concurrent use.
//
// The file's name is a hash of what the credentials depend on: the role and all
// else in the provider's [Config], and all claims of the token but its times and
// its jti. So a job never gets what another one left behind, which includes
// another project on the same runner.
// The token is asked of the source at every run, and is not kept.
//
// The file and its directory must belong to this user and be closed to all
// others (0600 and 0700, which is how they are made); otherwise, and if the
// file does not hold whole credentials, it is not used. On Windows the
// directory's own access control has to see to that. Where jobs of different
// projects run as one user they can read each other's files, as they can read
// all that is the user's: set Dir to a directory that ends with the job, or do
// without the cache.
//
// Runs at the same time make one exchange: the others wait for it by a lock on
// a file (flock). Where there is none (Windows, Solaris, AIX) each may make its
// own, and the last one is kept. Files of more than a day ago are removed when
// a new one is written.
type FileCache struct {
	// Provider makes the exchanges. It must have no Client of its own, as the
	// cache could not tell whose credentials it keeps. Required.
	Provider *Provider
	// Dir is the directory of the file; it is made if it does not exist. Empty
	// means "cioidc/aws" in [os.UserCacheDir]. It must not be in a folder that the
	// job saves, by GitLab's cache and artifacts or CircleCI's save_cache: whoever
	// restores that has the credentials.
	Dir string
	// Window is how long credentials in the file must still be good to be
	// used. Zero means 15 minutes, which is when botocore asks again, or half
	// of the provider's [Config.Duration] if that is less.
	Window time.Duration
	// Logger is told why a file is not used, as a warning. Nil means nobody is.
	Logger *slog.Logger
}

var _ aws.CredentialsProvider = (*FileCache)(nil)

// Retrieve implements [aws.CredentialsProvider]: it returns the credentials in
// the file, or exchanges and writes them there. If STS cannot answer now, it
// returns what is in the file until the end of that. What keeps it from using a
// file is not an error. Its errors are those of [Provider.Retrieve], or an
// *[exchange.ConfigError]. It takes a minute at most.
func (c *FileCache) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if err := c.validate(); err != nil {
		return aws.Credentials{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, retrieveTimeout)
	defer cancel()
	token, failed := c.Provider.token(ctx)
	if failed != nil {
		return final(failed)
	}
	path, err := c.path(token)
	if err != nil {
		c.warn(ctx, path, err)
		return c.exchange(ctx, token)
	}
	if creds, ok := c.read(ctx, path, c.window()); ok {
		return creds, nil
	}
	unlock, err := lockFile(ctx, path+".lock")
	if err != nil {
		c.warn(ctx, path, err)
	} else {
		defer unlock()
		if creds, ok := c.read(ctx, path, c.window()); ok {
			return creds, nil
		}
	}
	creds, err := c.exchange(ctx, token)
	var refused *exchange.Error
	switch {
	case err == nil:
		c.write(ctx, path, creds)
	case errors.As(err, &refused) && refused.Retryable():
		// STS may answer the next run. What is in the file is good until then.
		if old, ok := c.read(ctx, path, 0); ok {
			c.warn(ctx, path, err)
			return old, nil
		}
	}
	return creds, err
}

func (c *FileCache) validate() error {
	invalid := func(field, problem string) error {
		return &exchange.ConfigError{Package: "awssts", Field: "FileCache." + field, Problem: problem}
	}
	switch {
	case c == nil:
		return &exchange.ConfigError{Package: "awssts", Field: "FileCache", Problem: "it is nil: make one with a Provider"}
	case c.Provider == nil:
		return invalid("Provider", "required: the provider that makes the exchanges, the result of New")
	case c.Provider.cfg.Client != nil:
		return invalid("Provider", "it has a Client of its own, whose endpoint is not known here: configure it with Endpoint and HTTPClient instead")
	case c.Window < 0:
		return invalid("Window", fmt.Sprintf("%v is negative; zero gives 15 minutes", c.Window))
	}
	return nil
}

func (c *FileCache) exchange(ctx context.Context, token string) (aws.Credentials, error) {
	creds, failed := c.Provider.exchange(ctx, token)
	if failed != nil {
		return final(failed)
	}
	return creds, nil
}

// path returns the file for what the provider and the token make of it.
func (c *FileCache) path(token string) (string, error) {
	seen, err := peek.Parse(token)
	if err != nil {
		return "", fmt.Errorf("the token cannot be read: %w", err)
	}
	dir := c.Dir
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(cache, "cioidc", "aws")
	}
	if err := privatefile.Dir(dir); err != nil {
		return dir, err
	}
	// What the token says decides what STS grants: tags, for one. A new token of
	// the same job differs in these four alone.
	var said map[string]json.RawMessage
	if err := json.Unmarshal(seen.Claims.RegisteredClaims().Payload(), &said); err != nil {
		return dir, errors.New("the token's claims cannot be read")
	}
	for _, name := range [...]string{"exp", "iat", "nbf", "jti"} {
		delete(said, name)
	}
	cfg := &c.Provider.cfg
	key, err := json.Marshal(struct {
		Format                                                int
		RoleARN, Region, Endpoint, SessionName, Asked, Policy string
		Duration                                              time.Duration
		PolicyARNs                                            []string
		Claims                                                map[string]json.RawMessage
	}{2, cfg.RoleARN, cfg.Region, cfg.Endpoint, cfg.SessionName, cfg.Audience, cfg.Policy, cfg.Duration, cfg.PolicyARNs, said})
	if err != nil {
		return dir, err
	}
	sum := sha256.Sum256(key)
	return filepath.Join(dir, "aws-"+hex.EncodeToString(sum[:])+".json"), nil
}

// read returns the credentials in the file, if they are good for long enough.
func (c *FileCache) read(ctx context.Context, path string, window time.Duration) (aws.Credentials, bool) {
	data, err := privatefile.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return aws.Credentials{}, false
	}
	var creds aws.Credentials
	if err == nil {
		creds, err = unmarshalProcess(data)
	}
	if err != nil {
		c.warn(ctx, path, err)
		return aws.Credentials{}, false
	}
	left := creds.Expires.Sub(c.Provider.cfg.Now())
	return creds, left > 0 && left >= window
}

func (c *FileCache) window() time.Duration {
	if c.Window > 0 {
		return c.Window
	}
	if d := c.Provider.cfg.Duration; d > 0 {
		return min(cacheWindow, d/2)
	}
	return cacheWindow
}

func (c *FileCache) write(ctx context.Context, path string, creds aws.Credentials) {
	data, err := marshalProcess(creds)
	if err == nil {
		err = privatefile.Replace(path, data)
	}
	if err != nil {
		c.warn(ctx, path, err)
		return
	}
	c.sweep(filepath.Dir(path))
}

// cacheFile matches the names of this cache's files, its locks, and what a run
// that was killed has left of one.
var cacheFile = regexp.MustCompile(`^\.?aws-[0-9a-f]{64}\.json(\.lock|-[0-9]+)?$`)

// sweep removes old files: on a runner that is not made anew for each job,
// every job leaves one.
func (c *FileCache) sweep(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	before := c.Provider.cfg.Now().Add(-cacheAge)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && cacheFile.MatchString(e.Name()) && info.ModTime().Before(before) {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

func (c *FileCache) warn(ctx context.Context, path string, err error) {
	if c.Logger != nil {
		c.Logger.WarnContext(ctx, "awssts: credentials are not kept in a file", "path", path, "err", err)
	}
}
