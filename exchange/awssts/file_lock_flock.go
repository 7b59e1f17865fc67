//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package awssts

import (
	"context"
	"os"
	"syscall"
	"time"

	"github.com/cioidc/cioidc/internal/privatefile"
)

// lockPause is the pause between attempts at a lock that somebody holds.
const lockPause = 50 * time.Millisecond

// lockFile locks the file at path, which it makes, until unlock is called or
// the process ends. It waits as long as ctx allows.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|privatefile.NoFollow, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		// Without LOCK_NB a thread would wait that no context reaches.
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch err {
		case nil:
			return func() { _ = f.Close() }, nil
		case syscall.EWOULDBLOCK, syscall.EINTR:
		default:
			_ = f.Close()
			return nil, &os.PathError{Op: "lock", Path: path, Err: err}
		}
		timer := time.NewTimer(lockPause)
		select {
		case <-ctx.Done():
			timer.Stop()
			_ = f.Close()
			return nil, ctx.Err()
		case <-timer.C:
		}
	}
}
