package awssts

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// maxPrivateFile is more than any file of this package holds: a session token
// has 4 KiB at most.
const maxPrivateFile = 64 << 10

// replaceFile puts data into the file at path, with mode 0600. A reader sees
// the old file or the new one, never a part.
func replaceFile(path string, data []byte) error {
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

// privateDir makes dir if need be, and reports what keeps it from being this
// user's alone.
func privateDir(dir string) error {
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

// readPrivate reads a file that nobody else can have read or written.
func readPrivate(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0)
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
	data, err := io.ReadAll(io.LimitReader(f, maxPrivateFile+1))
	if err == nil && len(data) > maxPrivateFile {
		err = errors.New("it is too large")
	}
	return data, err
}
