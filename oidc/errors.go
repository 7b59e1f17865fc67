package oidc

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cioidc/cioidc/claims"
)

// What is wrong with a token: the Reason of a [TokenError]. Match with
// [errors.Is].
var (
	// ErrMalformed: not a compact JWT that every reader reads the same way.
	ErrMalformed = errors.New("malformed token")
	// ErrUnsupported: an algorithm or header feature that is not accepted.
	ErrUnsupported = errors.New("unsupported token")
	// ErrIssuer: the issuer, or the organization at a shared issuer, is not one
	// of [Config.Issuers].
	ErrIssuer = errors.New("issuer not trusted")
	// ErrUnknownKey: the issuer publishes no usable key with the token's kid.
	ErrUnknownKey = errors.New("unknown key")
	// ErrSignature: the key did not make this signature.
	ErrSignature = errors.New("wrong signature")
	// ErrExpired: the time is exp and [Config.Leeway] or later.
	ErrExpired = errors.New("token expired")
	// ErrNotYet: nbf or iat lies ahead, by more than [Config.Leeway].
	ErrNotYet = errors.New("token not valid yet")
	// ErrTooOld: exp minus iat is more than [Config.MaxLifetime].
	ErrTooOld = errors.New("lifetime too long")
	// ErrAudience: aud has none of the accepted audiences, or others beside.
	ErrAudience = errors.New("audience not accepted")
	// ErrClaim: a claim is missing or has a type or value that none can have.
	ErrClaim = errors.New("unacceptable claim")
	// ErrModel: the token's issuer was declared with another claims model than
	// the one that [Verify] or [As] was asked for.
	ErrModel = errors.New("issuer declared with another claims model")
)

// Why a valid token is denied whatever [Config.Authorize] says: the Err of a
// [DeniedError]. Match with [errors.Is].
var (
	// ErrSSHRerun: a CircleCI job that was rerun with SSH, so that a person may
	// be typing in it, or a token that does not say whether it was.
	ErrSSHRerun = errors.New("job rerun with SSH")
	// ErrFork: commit and configuration may come from a fork.
	ErrFork = errors.New("job of a fork")
	// ErrReplayed: the token was used before, and [Config.Replay] is set. Unlike
	// the other denials it is answered like a token that is not valid: HTTP
	// status 401, gRPC code Unauthenticated. Another token of the same job would
	// pass.
	ErrReplayed = errors.New("token used before")
)

// TokenError reports a token that is not valid: the caller's fault, HTTP status
// 401, gRPC code Unauthenticated.
type TokenError struct {
	// Reason is one of ErrMalformed to ErrModel.
	Reason error
	// Issuer is the token's iss, not verified; empty if it could not be read, and
	// at most 256 bytes of one that is not configured.
	Issuer string
	// Claim is the claim at fault, as the platform spells it; empty if there is
	// none.
	Claim string
	// Detail says what was expected and what came. It can quote claims that
	// name no person; never the token.
	Detail string
}

// Error returns the reason and the detail in one line.
func (e *TokenError) Error() string {
	s := fmt.Sprintf("oidc: %v", e.Reason)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// Unwrap returns the reason.
func (e *TokenError) Unwrap() error { return e.Reason }

// DeniedError reports a valid token that may not do what it was sent for: HTTP
// status 403, gRPC code PermissionDenied; with [ErrReplayed] 401 and
// Unauthenticated.
type DeniedError struct {
	// Claims are the verified claims.
	Claims claims.Model
	// Err is [ErrSSHRerun], [ErrFork], [ErrReplayed] or the error of
	// [Config.Authorize].
	Err error
	// Detail says what refused and why; empty if Authorize refused.
	Detail string
}

// Error returns the cause and the detail in one line. It can hold details of
// the policy: it is for logs, not for the caller.
func (e *DeniedError) Error() string {
	s := fmt.Sprintf("oidc: denied: %v", e.Err)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// Unwrap returns the cause.
func (e *DeniedError) Unwrap() error { return e.Err }

// The Op of an [UnavailableError].
const (
	OpDiscovery = "discovery" // the issuer's discovery document
	OpKeys      = "keys"      // the issuer's keys
	OpAuthorize = "authorize" // what Config.Authorize asked
	OpReplay    = "replay"    // what Config.Replay asked
)

// UnavailableError reports that nothing could be said of the token because
// something that is needed for it could not be had: HTTP status 503, gRPC code
// Unavailable. The same token may be valid later.
type UnavailableError struct {
	// Op is what failed: one of the Op constants.
	Op string
	// Issuer is the issuer whose tokens cannot be judged; empty for a key set
	// that was made without one.
	Issuer string
	// URL is what was asked; empty if nothing was.
	URL string
	// StatusCode is the HTTP status of the answer; zero if there was none.
	StatusCode int
	// RetryAfter is how long to wait before the next try; zero if not known.
	RetryAfter time.Duration
	// Err is the cause.
	Err error
}

// Error returns what failed, where and why in one line.
func (e *UnavailableError) Error() string {
	var b strings.Builder
	b.WriteString("oidc: " + e.Op + " unavailable")
	if e.Issuer != "" {
		b.WriteString(" for issuer " + quote(e.Issuer))
	}
	if e.URL != "" && (e.Issuer == "" || !strings.HasPrefix(e.URL, strings.TrimSuffix(e.Issuer, "/")+"/")) {
		b.WriteString(" from " + quote(e.URL))
	}
	if e.StatusCode != 0 {
		b.WriteString(": HTTP status " + strconv.Itoa(e.StatusCode))
	}
	if e.Err != nil {
		b.WriteString(": " + oneLine(e.Err.Error()))
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// maxQuoted is how many bytes of a text from outside an error text repeats.
const maxQuoted = 256

// quote quotes text from outside for an error text, cut and in ASCII, so that
// it cannot fake another line or field of a log.
func quote(s string) string {
	if len(s) > maxQuoted {
		return strconv.QuoteToASCII(s[:maxQuoted]) + "..."
	}
	return strconv.QuoteToASCII(s)
}

// maxCause is how many bytes of the text of a cause an error text repeats.
const maxCause = 1024

// oneLine returns the text of a cause, which may repeat what a server sent, cut
// and without what could begin another line of a log.
func oneLine(s string) string {
	more := ""
	if len(s) > maxCause {
		s, more = s[:maxCause], "..."
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, s) + more
}

// quoteURL quotes a URL that was refused, without the user information that
// may be why.
func quoteURL(s string) string {
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		return quote("..." + s[at:])
	}
	return quote(s)
}

// quoteAll quotes the members of a list, at most five of them and fewer if they
// are long.
func quoteAll(list []string) string {
	var b strings.Builder
	for i, s := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		if i == 5 || b.Len() > 4*maxQuoted {
			fmt.Fprintf(&b, "and %d more", len(list)-i)
			break
		}
		b.WriteString(quote(s))
	}
	return b.String()
}
