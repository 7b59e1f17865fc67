//go:build linux || darwin

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
)

// folder holds the files of one run. It has mode 0700 and is locked for as long
// as the run lives: the kernel drops the lock however the run ends, and by that
// other runs tell what they may remove.
type folder struct {
	path string
	lock *os.File // the folder itself; not inherited by the command
}

// folderPattern is a name that makeFolder gives.
var folderPattern = regexp.MustCompile(`^ci-exec-[0-9]+$`)

// makeFolder makes a folder in dir.
func makeFolder(dir string) (*folder, error) {
	// Another run may take a folder that is not locked yet for a dead one's. It
	// is as good as impossible for that to happen again and again.
	for range 10 {
		path, err := os.MkdirTemp(dir, "ci-exec-") // with mode 0700 and digits
		if err != nil {
			return nil, fmt.Errorf("no folder for this run: %w", err)
		}
		lock, err := lockFolder(path)
		switch {
		case err == nil && sameFile(lock, path):
			return &folder{path: path, lock: lock}, nil
		case err == nil:
			lock.Close()
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, os.ErrNotExist):
			os.RemoveAll(path)
			return nil, fmt.Errorf("no folder for this run: lock %s: %w", path, err)
		}
	}
	return nil, fmt.Errorf("no folder for this run: others keep removing it from %s", dir)
}

// Remove removes the folder and ends the lock.
func (f *folder) Remove() error {
	err := os.RemoveAll(f.path)
	f.lock.Close()
	return err
}

// sweep removes what runs that were killed left in dir: folders of the name
// and mode that makeFolder gives, of this user, that nobody has locked.
func sweep(dir string) {
	entries, _ := os.ReadDir(dir) // with an error: what could be read
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Lstat(path)
		if err != nil || !folderPattern.MatchString(e.Name()) || info.Mode() != os.ModeDir|0o700 || !ours(info) {
			continue
		}
		lock, err := lockFolder(path)
		if err != nil {
			continue // it is alive, or another run is removing it
		}
		if sameFile(lock, path) {
			os.RemoveAll(path) // what remains is for the next run
		}
		lock.Close()
	}
}

// lockFolder opens and locks path, without waiting and without following a
// link. The error is syscall.EWOULDBLOCK if another process has it.
func lockFolder(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// sameFile reports whether path still names f.
func sameFile(f *os.File, path string) bool {
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Lstat(path)
	return err == nil && os.SameFile(opened, named)
}

func ours(info os.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid()
}
