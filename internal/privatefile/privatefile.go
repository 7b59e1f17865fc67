// Package privatefile writes and reads small files that nobody but this user may
// see or change: credentials, tokens, and what leads to them.
package privatefile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// maxSize is more than any such file holds: a session token of AWS has 4 KiB at
// most, a CI token 16.
const maxSize = 64 << 10

// Replace puts data into the file at path, with mode 0600. A reader sees
// the old file or the new one, never a part.
func Replace(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// Dir makes dir if need be, with mode 0700, and reports what keeps it from being
// this user's alone.
func Dir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	return private(info)
}

// SafeDir makes dir if need be, with mode 0700, and reports who else could
// replace a file in it: others may look, but not write.
func SafeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	if err := safe(info); err != nil {
		return fmt.Errorf("%s: %w: name a folder that is this user's alone, or one that does not exist yet", dir, err)
	}
	return nil
}

// Read reads a file that nobody else can have read or written.
func Read(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|NoFollow, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	if err := private(info); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err == nil && len(data) > maxSize {
		err = errors.New("it is too large")
	}
	return data, err
}
