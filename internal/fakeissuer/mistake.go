package fakeissuer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrNoAudience is the mistake of asking for a GitLab token without saying for
// whom: every id_tokens entry names an audience.
var ErrNoAudience = errors.New("fakeissuer: GitLab: the audience is empty, and GitLab has no default one: name one, or edit aud")

// ModeError reports a mode that the token cannot have. A token that came out
// unchanged would verify, and a test of its refusal would test nothing.
type ModeError struct {
	Mode   string // the function's name, such as "SSHRerun"
	Detail string // what is wrong, to be read after the name
}

func (e *ModeError) Error() string { return e.Mode + " " + e.Detail }

// PlatformError reports that an issuer of one platform was asked for a token
// of the other.
type PlatformError struct {
	URL      string // of the issuer
	Platform string // of the issuer: [GitLabPlatform] or [CircleCIPlatform]
	Token    string // the platform of the token asked for
}

func (e *PlatformError) Error() string {
	return fmt.Sprintf("fakeissuer: %[3]s: the issuer %[1]s is %[2]s's: set Options.Platform to %[3]sPlatform, or edit iss to have it sign for another issuer",
		e.URL, platformName(e.Platform), platformName(e.Token))
}

func platformName(platform string) string {
	if platform == CircleCIPlatform {
		return "CircleCI"
	}
	return "GitLab"
}

// edit makes the edits of a token that method is about to sign, and checks
// that the token is this issuer's to sign. False means that there is a mistake,
// of which Fatal knows.
func (i *Issuer) edit(method, platform string, c Claims, edits []func(Claims)) bool {
	for _, f := range edits {
		if f == nil {
			continue
		}
		if err := apply(f, c); err != nil {
			i.fatal(fmt.Errorf("fakeissuer: %s: %w", method, err))
			return false
		}
	}
	if platform == i.platform {
		return true
	}
	// A token in another issuer's name, with a key that is not that issuer's,
	// is a forgery, and worth a test.
	if iss, ok := c["iss"].(string); ok && iss != i.raw {
		return true
	}
	i.fatal(&PlatformError{URL: i.raw, Platform: i.platform, Token: platform})
	return false
}

// apply runs f on c and returns the *ModeError that it panics with: an edit
// has no result to return one by.
func apply(f func(Claims), c Claims) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case *ModeError:
			err = p
		default:
			panic(p)
		}
	}()
	f(c)
	return nil
}

// gitLabMode begins a mode that only GitLab's tokens have: it panics with a
// *[ModeError] if c are claims of CircleCI.
func gitLabMode(name string, c Claims) {
	if isCircleCI(c) && !isGitLab(c) {
		panic(&ModeError{name, "is a mode of GitLab's tokens, and this token is CircleCI's"})
	}
}

// circleCIMode is gitLabMode the other way round.
func circleCIMode(name string, c Claims) {
	if isGitLab(c) && !isCircleCI(c) {
		panic(&ModeError{name, "is a mode of CircleCI's tokens, and this token is GitLab's"})
	}
}

func isCircleCI(c Claims) bool {
	for name := range c {
		if strings.HasPrefix(name, circleCIPrefix) {
			return true
		}
	}
	return false
}

// isGitLab knows both job and login tokens; groups_direct is in both.
func isGitLab(c Claims) bool {
	for name := range c {
		if !registered[name] && slices.Contains(gitLabOrder, name) {
			return true
		}
	}
	return false
}

// registered are the claims of RFC 7519, which any token may have.
var registered = map[string]bool{"iss": true, "sub": true, "aud": true, "exp": true, "nbf": true, "iat": true, "jti": true}
