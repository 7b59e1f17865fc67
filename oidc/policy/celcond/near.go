package celcond

import (
	"fmt"
	"strings"

	"github.com/cioidc/cioidc/internal/nearname"
)

// unknown explains that the platform has no claim called name, and says which
// one may have been meant. It returns false if there is one.
func (p *platform) unknown(name string) (string, bool) {
	known := p.types[p.root]
	if _, ok := known[name]; ok {
		return "", false
	}
	names := known.names()
	if near := nearest(name, names); near != "" {
		return fmt.Sprintf("there is no claim %q; is %q meant?", name, near), true
	}
	return fmt.Sprintf("there is no claim %q, only %s", name, strings.Join(names, ", ")), true
}

// nearest returns the one of names that differs least from name, or "" if all
// differ too much.
func nearest(name string, names []string) string {
	plain := plainly(name)
	best, bestAt := "", 1+len(plain)/3
	for _, n := range names {
		if d := nearname.Distance(plain, plainly(n)); d < bestAt {
			best, bestAt = n, d
		}
	}
	if best != "" {
		return best
	}
	// claims.org-id is read as claims.org minus id.
	for _, n := range names {
		if strings.HasPrefix(n, name+"_") {
			return n
		}
	}
	return ""
}

// plainly drops what names of the same thing differ by, such as projectID and
// project_id, and the long form of an abbreviation.
func plainly(name string) string {
	name = strings.ReplaceAll(strings.ToLower(name), "_", "")
	name = strings.TrimPrefix(name, "circleci")
	return strings.Replace(name, "organization", "org", 1)
}
