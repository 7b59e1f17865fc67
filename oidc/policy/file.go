package policy

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cioidc/cioidc/claims"
)

const (
	// settled is how old a file's time must be when it is read for the time to
	// tell the next change: file systems keep it in steps, of two seconds at most.
	settled = 2 * time.Second
	// retry is how long the outcome of a reading that failed stands while the
	// file stays as it is: what it failed of may lie elsewhere.
	retry = 10 * time.Second
)

// File is a policy that follows its file. Path alone makes it ready for use, and
// it must not be changed or copied once used. It is safe for concurrent use.
//
//	file := &policy.File{Path: "/etc/deploy/policy.yaml"}
//	verifier, err := oidc.NewVerifier(oidc.Config{..., Authorize: file.Authorize})
//
// The file is read on first use and looked at on each: nothing runs in between.
// One that has changed is in force from then on. If it is broken, fails a test
// of its own, or is gone, the last good policy stays in force, and Logger is
// told once for each change. Replace it by renaming another over it, lest half
// of it be read. While one call looks at the file, others that come at the same
// time decide by the policy at hand.
type File struct {
	// Path is the file, as [Parse] describes it. Required.
	Path string
	// Options are those of [Parse]. If their Files are nil, the policy's tests
	// find their files beside Path. Nil means the zero value.
	Options *Options
	// Logger is told of each policy that comes into force, and of each change
	// that does not and why. Nil means [slog.Default].
	Logger *slog.Logger
	// Now is the clock. Nil means time.Now.
	Now func() time.Time

	reading sync.Mutex
	current atomic.Pointer[Policy] // nil: none was good yet

	// Of the last reading, guarded by reading.
	info fs.FileInfo // nil: the file was not there
	at   time.Time
	data []byte
	err  error
}

// FileError reports that no policy could be read from a file: nothing can be
// decided, and that is the service's fault, not the caller's.
type FileError struct {
	// Path is the file.
	Path string
	// Err says why: a *[ParseError], the joined errors of the policy's own tests,
	// or an error of the file system.
	Err error
}

// Error returns the path and why, with one line for each test that failed.
func (e *FileError) Error() string { return "policy: " + e.Path + ": " + e.Err.Error() }

// Unwrap returns Err.
func (e *FileError) Unwrap() error { return e.Err }

// Unavailable returns true: package oidc answers 503 for it, not 403.
func (e *FileError) Unavailable() bool { return true }

// Authorize decides by the policy that the file holds now; it fits
// oidc.Config.Authorize. Where no policy has been good yet, the error is a
// *[FileError] and the decision nil, in audit-only mode too; otherwise both are
// those of [Policy.Authorize].
func (f *File) Authorize(ctx context.Context, c claims.Model) (slog.LogValuer, error) {
	p, err := f.Policy(ctx)
	if err != nil {
		return nil, err
	}
	return p.Authorize(ctx, c)
}

// Policy returns the policy in force. The error is a *[FileError]: no policy has
// been good yet. Call it at the start of a service that must not start without.
func (f *File) Policy(ctx context.Context) (*Policy, error) {
	p := f.current.Load()
	if p == nil {
		f.reading.Lock()
	} else if !f.reading.TryLock() {
		return p, nil
	}
	defer f.reading.Unlock()
	f.follow(ctx)
	if p = f.current.Load(); p != nil {
		return p, nil
	}
	return nil, &FileError{Path: f.Path, Err: f.err}
}

// follow reads the file if it is another than at the last reading.
func (f *File) follow(ctx context.Context) {
	now := f.now()
	info, err := os.Stat(f.Path)
	if err == nil && f.stands(info, now) {
		return
	}
	var data []byte
	if err == nil {
		data, err = f.read()
	}
	if err == nil && f.info != nil && f.err == nil && bytes.Equal(data, f.data) {
		f.info, f.at = info, now
		return
	}
	var p *Policy
	if err == nil {
		p, err = f.compile(ctx, data)
	}
	known := err != nil && f.err != nil && f.err.Error() == err.Error() && bytes.Equal(data, f.data)
	f.info, f.data, f.at, f.err = info, data, now, err
	switch {
	case err == nil:
		f.current.Store(p)
		f.logger().InfoContext(ctx, "policy read", "path", f.Path, "policy", p.spec.Name, "policy_digest", p.digest)
	case !known:
		f.complain(ctx)
	}
}

// stands tells whether the outcome of the last reading holds for the file that
// is there now.
func (f *File) stands(info fs.FileInfo, now time.Time) bool {
	if f.info == nil || !os.SameFile(f.info, info) || f.info.Size() != info.Size() || !f.info.ModTime().Equal(info.ModTime()) {
		return false
	}
	if f.at.Sub(info.ModTime()) <= settled {
		return false
	}
	age := now.Sub(f.at)
	return f.err == nil || age >= 0 && age < retry
}

// read returns the file, as far as one of maxFile bytes goes: Parse refuses the
// rest.
func (f *File) read() ([]byte, error) {
	file, err := os.Open(f.Path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxFile+1))
}

// compile returns the policy, if it passes its own tests.
func (f *File) compile(ctx context.Context, data []byte) (*Policy, error) {
	var o Options
	if f.Options != nil {
		o = *f.Options
	}
	if o.Files == nil {
		o.Files = os.DirFS(filepath.Dir(f.Path))
	}
	p, err := Parse(data, &o)
	if err != nil {
		return nil, err
	}
	// A caller that leaves must not fail the policy's tests for all others.
	var failed []error
	for _, r := range p.Test(context.WithoutCancel(ctx)) {
		if r.Err != nil {
			failed = append(failed, r.Err)
		}
	}
	return p, errors.Join(failed...)
}

// complain logs that the last reading failed.
func (f *File) complain(ctx context.Context) {
	text := "policy not read, and there is none before it"
	attrs := []any{"path", f.Path, "error", f.err.Error()}
	if p := f.current.Load(); p != nil {
		text = "policy not read; the last good one stays in force"
		attrs = append(attrs, "policy_digest", p.digest)
	}
	f.logger().ErrorContext(ctx, text, attrs...)
}

func (f *File) logger() *slog.Logger { return cmp.Or(f.Logger, slog.Default()) }

func (f *File) now() time.Time {
	if f.Now != nil {
		return f.Now()
	}
	return time.Now()
}
