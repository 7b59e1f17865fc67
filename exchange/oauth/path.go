package oauth

import (
	"net/url"
	"strings"
)

// base returns a base URL without the slash at its end.
func base(raw string) string { return strings.TrimRight(raw, "/") }

// segments escapes each part of a path of a server.
func segments(path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}
