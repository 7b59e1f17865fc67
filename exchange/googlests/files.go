package googlests

import (
	"os"
	"path/filepath"
	"strings"
)

// makeFolder makes dir, for this user alone, unless it exists, and returns its
// absolute path.
func makeFolder(dir string) (string, error) {
	if dir == "" {
		return "", configError("dir", "it is required: name the folder to write to")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o700)
}

// replaceFile makes content the content of the file at path, readable by this
// user alone. Whoever reads the file meanwhile sees the old content or the new,
// never a part.
func replaceFile(path string, content []byte) (err error) {
	// The same folder, for a rename is atomic only within a file system.
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name()) // it may hold a token
		}
	}()
	if _, err = file.Write(content); err != nil {
		_ = file.Close()
		return err
	}
	if err = file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

func trimSlash(url string) string { return strings.TrimSuffix(url, "/") }
