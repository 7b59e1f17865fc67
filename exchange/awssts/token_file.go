package awssts

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/peek"
)

const (
	// tokenMargin is when the token in a file is replaced: package ciplatform's
	// CircleCI gives the job's first token again until it has less than five
	// minutes left.
	tokenMargin = 4 * time.Minute
	// tokenPause is the pause between attempts to replace one.
	tokenPause = 30 * time.Second
)

// TokenFile keeps the CI token in a file, for programs that exchange it
// themselves, as AWS's SDKs, command line and terraform do (AWS SDKs and Tools
// Reference Guide, "Assume role credential provider"). They read it again
// whenever their credentials are about to expire.
//
// On CircleCI, where a job can have new tokens, [TokenFile.Keep] puts a new one
// there in time. A GitLab job has one token, which is as old as the job can be:
// it needs no Keep, and nothing that outlives it.
type TokenFile struct {
	provider *Provider
	path     string
}

// NewTokenFile returns a token file at path for the role, the source and the
// audience of p. The directory must exist, and should be the job's own. A
// provider with session policies is refused: there is no variable for them, and
// the programs would be given more than the provider is. [Config.Duration] has
// no variable either, and they ask for one hour. It does no I/O. Its error is an
// *[exchange.ConfigError].
func NewTokenFile(p *Provider, path string) (*TokenFile, error) {
	switch {
	case p == nil:
		return nil, invalid("NewTokenFile", "required: the provider for whose role the file is, the result of New")
	case path == "":
		return nil, invalid("NewTokenFile", "required: the path of the file")
	case p.cfg.Policy != "":
		return nil, invalid("Policy", "a session policy cannot be given to programs that exchange the token themselves: use an Endpoint")
	case len(p.cfg.PolicyARNs) > 0:
		return nil, invalid("PolicyARNs", "session policies cannot be given to programs that exchange the token themselves: use an Endpoint")
	}
	return &TokenFile{provider: p, path: path}, nil
}

// Write gets a token from the source, puts it into the file and returns the
// variables, each as "NAME=value", that lead programs there:
// AWS_WEB_IDENTITY_TOKEN_FILE (as an absolute path), AWS_ROLE_ARN,
// AWS_ROLE_SESSION_NAME, AWS_REGION and AWS_DEFAULT_REGION, and
// AWS_ENDPOINT_URL_STS if the provider has an Endpoint.
//
// The file has mode 0600 and no line break at its end, which would be sent to
// STS. It is replaced whole, so that no reader sees a part of a token.
//
// SDKs prefer other variables to these; see [ShadowingVariables]. The error is
// an *[exchange.Error] if there is no token, else a file system error.
func (f *TokenFile) Write(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, retrieveTimeout)
	defer cancel()
	token, failed := f.provider.token(ctx)
	if failed != nil {
		return nil, failed
	}
	path, err := f.put(token)
	if err != nil {
		return nil, err
	}
	cfg := &f.provider.cfg
	seen, _ := peek.Parse(token)
	env := []string{
		"AWS_WEB_IDENTITY_TOKEN_FILE=" + path,
		"AWS_ROLE_ARN=" + cfg.RoleARN,
		"AWS_ROLE_SESSION_NAME=" + f.provider.sessionName(seen),
		"AWS_REGION=" + cfg.Region,
		"AWS_DEFAULT_REGION=" + cfg.Region, // version 1 of the command line reads this one only
	}
	if cfg.Endpoint != "" {
		env = append(env, "AWS_ENDPOINT_URL_STS="+cfg.Endpoint)
	}
	return env, nil
}

// Keep replaces the token in the file when less than four minutes of it remain,
// until ctx ends, which is no error. Without a file it writes one. If the
// source gives the same token again, or fails, Keep asks every 30 seconds until
// the token in the file has expired; then it returns, at once, the source's
// *[exchange.Error], or one with the cause "token-not-renewed". A file that
// cannot be written is a file system error, at once.
func (f *TokenFile) Keep(ctx context.Context) error {
	now := f.provider.cfg.Now
	for {
		expires, known := f.expires()
		if wait := expires.Add(-tokenMargin).Sub(now()); known && wait > 0 {
			if !sleep(ctx, wait) {
				return nil
			}
			continue // the clock may have been set, the file replaced
		}
		failed, err := f.renew(ctx, expires)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case failed == nil:
			if next, ok := f.expires(); !ok || !next.Add(-tokenMargin).After(now()) {
				// Not even the new token has four minutes, or it does not say.
				if !sleep(ctx, tokenPause) {
					return nil
				}
			}
			continue
		case !now().Before(expires):
			return failed
		}
		if !sleep(ctx, min(tokenPause, expires.Sub(now()))) {
			return nil
		}
	}
}

// renew puts a token that lives longer than old into the file.
func (f *TokenFile) renew(ctx context.Context, old time.Time) (failed *exchange.Error, err error) {
	ctx, cancel := context.WithTimeout(ctx, retrieveTimeout)
	defer cancel()
	token, failed := f.provider.token(ctx)
	if failed != nil {
		return failed, nil
	}
	if seen, err := peek.Parse(token); err == nil && seen.ExpiresAt != 0 && !seen.ExpiresAt.Time().After(old) {
		return f.notRenewed(seen), nil
	}
	_, err = f.put(token)
	return nil, err
}

func (f *TokenFile) notRenewed(seen *peek.Token) *exchange.Error {
	c := exchange.Cause{
		ID: "token-not-renewed", Certain: true, Evidence: []exchange.Evidence{stamp("exp", seen.ExpiresAt.Time())},
		Summary: "the source gives the same token again, and it expires",
		Action:  "use a source that can make new ones, or a token that lives longer",
	}
	if seen.Identity.Platform == "gitlab" {
		c.Action = "raise the job's `timeout`: GitLab does not renew a token during a job"
	}
	return &exchange.Error{Service: service, Stage: exchange.StageSource, Causes: []exchange.Cause{c}}
}

// Remove removes the file; one that is not there is no error.
func (f *TokenFile) Remove() error {
	if err := os.Remove(f.path); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("awssts: token file: %w", err)
	}
	return nil
}

func (f *TokenFile) put(token string) (string, error) {
	path, err := filepath.Abs(f.path)
	if err == nil {
		err = replaceFile(path, []byte(token))
	}
	if err != nil {
		return "", fmt.Errorf("awssts: token file: %w", err)
	}
	return path, nil
}

// expires returns when the token in the file expires; false means that there is
// none, or that it does not say.
func (f *TokenFile) expires() (time.Time, bool) {
	data, err := os.ReadFile(f.path)
	if err != nil {
		return time.Time{}, false
	}
	seen, err := peek.Parse(string(data))
	if err != nil || seen.ExpiresAt == 0 {
		return time.Time{}, false
	}
	return seen.ExpiresAt.Time(), true
}

// sleep waits, and reports false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
