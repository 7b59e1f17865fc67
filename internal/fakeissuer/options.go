package fakeissuer

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// The platforms whose issuers can be imitated, for [Options.Platform].
const (
	GitLabPlatform   = "gitlab"
	CircleCIPlatform = "circleci"
)

// The signature algorithms, for [Options.Algorithm].
const (
	RS256 = "RS256"
	ES256 = "ES256"
	EdDSA = "EdDSA"
)

// DefaultURL is the issuer URL used when [Options.URL] is empty. The domain is
// reserved for tests (RFC 6761, section 6.2).
const DefaultURL = "https://issuer.test"

// Options configures an [Issuer].
type Options struct {
	// URL is the issuer URL, exactly as in iss, a trailing slash included.
	// Empty means [DefaultURL].
	URL string
	// Platform says whose discovery document, paths and key set to serve, and
	// whose tokens to sign: [GitLabPlatform] or [CircleCIPlatform]. Empty means
	// CircleCI if the host is oidc.circleci.com or the path ends in /org/ and a
	// UUID, else GitLab.
	Platform string
	// Algorithm signs the tokens: [RS256], [ES256] or [EdDSA]. Empty means
	// RS256, the one both platforms use.
	Algorithm string
	// Now is the clock of iat, nbf and exp. Nil means [time.Now].
	Now func() time.Time
	// LoginKeyBits is the size of the RSA key that signs GitLab's login tokens.
	// Zero means 2048, which is quick to make; gitlab.com has 4096.
	LoginKeyBits int
	// X5C adds a self-signed certificate of each key to the key set; see
	// [Issuer.Thumbprints]. False means none, as on the real platforms.
	X5C bool
	// KeysOf makes the issuer sign with the keys of another one, as CircleCI's
	// organizations do. It must outlive this one. Nil means keys of its own,
	// which no other open issuer of the process has.
	KeysOf *Issuer
	// Fatal is told of a mistake in the use of the issuer, such as claims that
	// JSON cannot hold or a mode of the other platform; it must not return. Nil
	// means panic.
	Fatal func(error)
}

// OptionError reports options that no issuer can be made of.
type OptionError struct {
	Field  string // of [Options]
	Detail string // what is wrong with it, and what it must be
}

func (e *OptionError) Error() string {
	return fmt.Sprintf("fakeissuer: Options.%s: %s", e.Field, e.Detail)
}

func parseIssuerURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, &OptionError{"URL", fmt.Sprintf("%q is not a URL", raw)}
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, &OptionError{"URL", fmt.Sprintf("%q must be absolute, with the scheme https or http", raw)}
	}
	// OpenID Connect Discovery 1.0, section 3 (issuer).
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(raw, "#") {
		return nil, &OptionError{"URL", "an issuer has no user, query or fragment"}
	}
	return u, nil
}

// platformOf tells CircleCI's issuers by the two things that mark them.
func platformOf(u *url.URL) string {
	if canonicalHost(u) == "oidc.circleci.com" || organizationOf(u.Path) != "" {
		return CircleCIPlatform
	}
	return GitLabPlatform
}

// organizationOf returns the UUID at the end of a path such as /org/<uuid>, or
// an empty string.
func organizationOf(path string) string {
	i := strings.LastIndex(path, "/org/")
	if i < 0 || !isUUID(path[i+len("/org/"):]) {
		return ""
	}
	return path[i+len("/org/"):]
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case !('0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'):
			return false
		}
	}
	return true
}
