package claims

import (
	"errors"
	"strings"
)

// What can be wrong with a subject. Match with [errors.Is].
var (
	// ErrSubject: the text has none of the documented forms.
	ErrSubject = errors.New("claims: not a documented subject")
	// ErrAmbiguousSubject: the text can be read in more than one way. The
	// claims that say the same in one piece are not ambiguous: use those.
	ErrAmbiguousSubject = errors.New("claims: the subject can be read in more than one way")
)

// CircleCISubject is a CircleCI subject in parts.
type CircleCISubject struct {
	OrganizationID string
	ProjectID      string // empty in audit-log streaming tokens
	UserID         string // empty in audit-log streaming tokens
	// VCSOrigin and VCSRef are empty in the first form of the subject.
	VCSOrigin, VCSRef string
	// AuditLog says that this is the subject of a token that CircleCI uses to
	// stream audit logs. It is no job's.
	AuditLog bool
}

// ParseCircleCISubject takes a subject apart that has one of CircleCI's forms:
//
//	org/UUID/project/UUID/user/UUID
//	org/UUID/project/UUID/user/UUID/vcs-origin/ORIGIN/vcs-ref/REF
//	org/UUID/file-streaming/audit-logs
//
// The second form does not quote its parts, and slashes are legal in a branch's
// name: a branch called x/vcs-ref/refs/heads/main makes a subject with two
// readings. For such a subject the error is [ErrAmbiguousSubject] and VCSOrigin
// and VCSRef are empty; the IDs, which come first, are still right. Use the
// vcs-origin and vcs-ref claims instead. Any other text is [ErrSubject].
func ParseCircleCISubject(subject string) (CircleCISubject, error) {
	var s CircleCISubject
	rest, ok := strings.CutPrefix(subject, "org/")
	if !ok || !cutUUID(&rest, &s.OrganizationID) {
		return CircleCISubject{}, ErrSubject
	}
	if rest == "/file-streaming/audit-logs" {
		s.AuditLog = true
		return s, nil
	}
	if rest, ok = strings.CutPrefix(rest, "/project/"); !ok || !cutUUID(&rest, &s.ProjectID) {
		return CircleCISubject{}, ErrSubject
	}
	if rest, ok = strings.CutPrefix(rest, "/user/"); !ok || !cutUUID(&rest, &s.UserID) {
		return CircleCISubject{}, ErrSubject
	}
	if rest == "" {
		return s, nil
	}
	if rest, ok = strings.CutPrefix(rest, "/vcs-origin/"); !ok {
		return CircleCISubject{}, ErrSubject
	}
	readings := 0
	for i := range rest {
		origin, ref := rest[:i], rest[i:]
		if ref, ok = strings.CutPrefix(ref, "/vcs-ref/"); ok && isOrigin(origin) && isFullRef(ref) {
			s.VCSOrigin, s.VCSRef = origin, ref
			readings++
		}
	}
	switch readings {
	case 0:
		return CircleCISubject{}, ErrSubject
	case 1:
		return s, nil
	}
	s.VCSOrigin, s.VCSRef = "", ""
	return s, ErrAmbiguousSubject
}

// isOrigin reports whether s is a host and a path.
func isOrigin(s string) bool {
	host, path, ok := strings.Cut(s, "/")
	return ok && host != "" && path != ""
}

func isFullRef(s string) bool {
	for _, prefix := range []string{"refs/heads/", "refs/tags/"} {
		if name, ok := strings.CutPrefix(s, prefix); ok && name != "" {
			return true
		}
	}
	return false
}

// cutUUID moves the UUID at the start of *rest to *id.
func cutUUID(rest, id *string) bool {
	const length = 36
	if len(*rest) < length || !IsUUID((*rest)[:length]) {
		return false
	}
	*id, *rest = (*rest)[:length], (*rest)[length:]
	return true
}

// IsUUID reports whether s is a UUID in its usual form: 36 characters, lower or
// upper case, no braces (RFC 9562 section 4). It does not ask which version.
func IsUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
				return false
			}
		}
	}
	return true
}

// GitLabSubject is a GitLab subject in parts, in the order in which the
// project's setting ci_id_token_sub_claim_components has them.
type GitLabSubject []GitLabSubjectComponent

// GitLabSubjectComponent is one part of a [GitLabSubject].
type GitLabSubjectComponent struct{ Name, Value string }

// Get returns the value of the component called name, such as project_path,
// and whether the subject has it.
func (s GitLabSubject) Get(name string) (string, bool) {
	for _, c := range s {
		if c.Name == name {
			return c.Value, true
		}
	}
	return "", false
}

// ParseGitLabSubject takes a subject apart that has the form of a GitLab CI/CD
// ID token's: pairs of name and value, all separated by colons, by default
//
//	project_path:GROUP/PROJECT:ref_type:branch:ref:NAME
//
// A maintainer can choose other components and another order; the first is a
// path or an ID of the project, such as project_path or project_id. Neither
// paths nor git's ref names can hold a colon, so there is one reading; a text
// with an odd number of parts, with a part that is no name where one should be,
// with a name twice, or with more than 32 components is [ErrSubject], and so are
// the subjects of GitLab's login tokens and of the tokens of before GitLab 15.7.
func ParseGitLabSubject(subject string) (GitLabSubject, error) {
	const most = 32 // GitLab knows fewer than ten.
	if strings.Count(subject, ":") >= 2*most {
		return nil, ErrSubject
	}
	parts := strings.Split(subject, ":")
	if len(parts)%2 != 0 || !strings.Contains(parts[0], "project_") || parts[1] == "" {
		return nil, ErrSubject
	}
	s := make(GitLabSubject, 0, len(parts)/2)
	for i := 0; i < len(parts); i += 2 {
		if _, twice := s.Get(parts[i]); twice || !isComponentName(parts[i]) {
			return nil, ErrSubject
		}
		s = append(s, GitLabSubjectComponent{Name: parts[i], Value: parts[i+1]})
	}
	return s, nil
}

func isComponentName(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '_' && (c < 'a' || c > 'z') {
			return false
		}
	}
	return s != ""
}
