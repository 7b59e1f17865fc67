package ciplatform

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cioidc/cioidc/internal/safetext"
)

// The reasons of a [TokenError], for errors.Is. [ErrNotDetected] is one more:
// there is no token, and this is no job of the platform.
var (
	// ErrNoToken says that the job has no token for the audience, and that
	// none can be made for it.
	ErrNoToken = errors.New("ciplatform: the job has no such token")
	// ErrAmbiguous says that the job has several tokens and no audience tells
	// which is meant.
	ErrAmbiguous = errors.New("ciplatform: several tokens and no audience to choose by")
	// ErrExpired says that the job's token for the audience has expired, and
	// that the platform makes no new one.
	ErrExpired = errors.New("ciplatform: the job's token has expired")
	// ErrCommand says that the circleci command is missing, failed or did not
	// end in time. A missing command also matches [os/exec.ErrNotFound].
	ErrCommand = errors.New("ciplatform: the circleci command gave no token")
	// ErrUnusable says that what was found or minted is not the token asked
	// for: no JWT, another audience or issuer, or expired on arrival.
	ErrUnusable = errors.New("ciplatform: unusable token")
)

// TokenError reports a token that could not be obtained. Its text says why, and
// what to add to the pipeline's configuration or settings; it never holds a
// token.
type TokenError struct {
	// Platform is the platform's name, such as "gitlab".
	Platform string
	// Audience is the audience asked for. Empty means the default token.
	Audience string
	// Hint says what to change, in whole lines, YAML included. Empty means
	// there is nothing to change.
	Hint string
	// Found lists the identity tokens that were seen, by what they say of
	// themselves. Empty means none was.
	Found []FoundToken
	// Err is the reason. It wraps one of this package's reasons and, where
	// there is one, the underlying cause, such as a context's error.
	Err error
}

// FoundToken is an identity token that was seen but did not serve. Nothing in
// it is verified.
type FoundToken struct {
	// Variable is the environment variable that holds the token. Empty means
	// that the token was not in the environment.
	Variable string
	// Audiences are the token's aud values.
	Audiences []string
	// ExpiresAt is the token's exp. Zero means it has none.
	ExpiresAt time.Time
}

// Error returns the reason in one line, and the hint in the lines after it.
func (e *TokenError) Error() string {
	var b strings.Builder
	b.WriteString("ciplatform: ")
	b.WriteString(e.Platform)
	if e.Audience == "" {
		b.WriteString(": no default token")
	} else {
		b.WriteString(": no token for audience " + safetext.Quote(e.Audience))
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Hint != "" {
		b.WriteString("\n" + e.Hint)
	}
	return b.String()
}

// Unwrap returns Err.
func (e *TokenError) Unwrap() error { return e.Err }

// reason is a kind to match and the words for it. It keeps the package's name
// out of the middle of a TokenError's text.
type reason struct {
	kind  error
	text  string
	cause error // may be nil
}

func (r *reason) Error() string { return r.text }

func (r *reason) Unwrap() []error {
	if r.cause == nil {
		return []error{r.kind}
	}
	return []error{r.kind, r.cause}
}

// because returns a reason of this kind.
func because(kind error, format string, args ...any) *reason {
	return &reason{kind: kind, text: fmt.Sprintf(format, args...)}
}

// maxListed bounds how many tokens an error's text lists; Found has them all.
const maxListed = 8

// listFound names the tokens and their audiences.
func listFound(found []FoundToken) string {
	var parts []string
	for i, f := range found {
		if i == maxListed {
			parts = append(parts, fmt.Sprintf("and %d more", len(found)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%s has %s", quoteName(f.Variable), quoteList(f.Audiences)))
	}
	return strings.Join(parts, "; ")
}

// quoteList quotes audiences for an error's text.
func quoteList(audiences []string) string {
	if len(audiences) == 0 {
		return "no audience"
	}
	var parts []string
	for i, a := range audiences {
		if i == maxListed {
			parts = append(parts, fmt.Sprintf("and %d more", len(audiences)-i))
			break
		}
		parts = append(parts, safetext.Quote(a))
	}
	return strings.Join(parts, ", ")
}

// nilPlatform refuses a nil pointer to one of this package's platforms.
func nilPlatform(platform, audience, typeName string) error {
	return &TokenError{
		Platform: platform, Audience: audience,
		Err: because(ErrNoToken, "the *ciplatform.%[1]s is nil: use &ciplatform.%[1]s{}, which is ready to use", typeName),
	}
}

// notUTF8 refuses an audience that JSON, and so a token, cannot carry.
func notUTF8(platform, audience string) error {
	return &TokenError{
		Platform: platform, Audience: audience,
		Err: because(ErrNoToken, "the audience is not valid UTF-8, so no token can carry it"),
	}
}
