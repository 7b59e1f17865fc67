package googlests

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/privatefile"
)

var errExpired = errors.New("the source's token has expired")

const (
	// keepEarly is how long before its end a token file is renewed. A client
	// may read it just before that and present it a little later. It is less
	// than the five minutes that a CircleCI token must have left to be taken
	// from the job's environment, so that then a new one is minted.
	keepEarly = 4 * time.Minute
	// keepRetry is the pause after a renewal that brought nothing newer.
	keepRetry = 30 * time.Second
)

// Keep keeps the token file that [CredentialFile.Write] made in dir fresh until
// ctx ends, and then returns nil. It asks the source from four minutes before
// the token's end on, every 30 seconds, until there is a newer one. Clients
// read the file for every exchange, once an hour as a rule.
//
// GitLab makes no second token in a job. There, and wherever the source has no
// newer one and does not call its error retryable, Keep returns once the token
// in the file has expired: the error is an *[exchange.Error] of
// [exchange.StageSource]. What the clients have exchanged by then serves on, for
// up to an hour. A file that cannot be replaced ends it at the same time, with a
// file system error. Keep may be called again.
//
// With Endpoint or Executable there is no token file, and Keep does nothing but
// wait.
func (f CredentialFile) Keep(ctx context.Context, dir string) error {
	p, err := f.provider()
	if err != nil {
		return err
	}
	if f.Endpoint != nil || f.Executable != nil {
		<-ctx.Done()
		return nil
	}
	if absolute, err := filepath.Abs(dir); err == nil {
		dir = absolute // wherever the process goes meanwhile
	}
	path := filepath.Join(dir, TokenFileName)
	expires := expiryOf(ctx, path)
	wait := time.Until(expires.Add(-keepEarly)) // the sum first: for no token it would overflow otherwise
	for sleep(ctx, wait) {
		wait = keepRetry
		raw, until, err := p.freshSubject(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil && until.After(expires):
			err = privatefile.Replace(path, []byte(raw))
			if err == nil {
				expires = until
				// A token that has little left is all the source has: the pause
				// keeps it from being asked without end.
				wait = max(time.Until(expires.Add(-keepEarly)), keepRetry)
			}
		}
		if err != nil && !time.Now().Before(expires) && !again(err) {
			return err
		}
	}
	return nil
}

// again reports whether the error of a renewal may be gone the next time.
func again(err error) bool {
	var failed *exchange.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &failed) && failed.Retryable()
}

// expiryOf returns the end of the token in the file at path. It is in the past
// if there is none.
func expiryOf(ctx context.Context, path string) time.Time {
	raw, err := exchange.File(path).IDToken(ctx, "")
	if err != nil {
		return time.Time{}
	}
	token, err := peek.Parse(raw)
	if err != nil {
		return time.Time{}
	}
	return token.ExpiresAt.Time()
}

// sleep waits for d and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
