package googlests

import (
	"path/filepath"
	"strings"

	"github.com/cioidc/cioidc/internal/privatefile"
)

// makeFolder makes dir, for this user alone, unless it exists, and returns its
// absolute path. One in which others could put another configuration is refused:
// that would lead the token to them.
func makeFolder(dir string) (string, error) {
	if dir == "" {
		return "", configError("dir", "it is required: name the folder to write to")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return dir, privatefile.SafeDir(dir)
}

func trimSlash(url string) string { return strings.TrimSuffix(url, "/") }
