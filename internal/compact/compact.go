// Package compact takes a JWS in compact serialization (RFC 7515 section 3.1)
// apart, strictly: three parts, canonical base64url, a header that asks for
// nothing this module does not do. It checks no signature; it is what comes
// before one, and what a job uses to see what its own token says.
package compact

import (
	"errors"
	"fmt"
	"strings"
)

// MaxSize is the size in bytes above which a token is refused unread. GitLab's
// tokens have about 2 KiB; the paths of 200 groups of the user, the most that it
// sends, rarely need more than 12 KiB on top.
const MaxSize = 16 << 10

const maxHeaderSize = 4 << 10

// The two kinds of error this package returns, wrapped in an [Error].
var (
	// ErrMalformed: not a compact JWS in the one form that is accepted.
	ErrMalformed = errors.New("malformed token")
	// ErrUnsupported: well formed, but it asks for a feature that is refused.
	ErrUnsupported = errors.New("unsupported token")
)

// Error says what is wrong with a token. It never holds any part of it but the
// names of header members, and what its header says of alg, typ and crit.
type Error struct {
	Kind   error // ErrMalformed or ErrUnsupported
	Detail string
}

// Error returns the detail.
func (e *Error) Error() string { return e.Detail }

// Unwrap returns the kind.
func (e *Error) Unwrap() error { return e.Kind }

func malformed(format string, args ...any) error {
	return &Error{Kind: ErrMalformed, Detail: fmt.Sprintf(format, args...)}
}

func unsupported(format string, args ...any) error {
	return &Error{Kind: ErrUnsupported, Detail: fmt.Sprintf(format, args...)}
}

// Parts are the pieces of a token, still encoded.
type Parts struct {
	Header, Payload, Signature string
	// SigningInput is what the signature covers: header, dot, payload.
	SigningInput string
}

// Split takes raw, a JWT, apart. Nothing is decoded, but for the header of a
// token without a signature or with five parts: it tells one that was never
// signed, or is encrypted, from one that is broken.
func Split(raw string) (Parts, error) {
	return split(raw, false)
}

// SplitJWS is Split for a JWS that need not be a JWT: its payload may be empty
// (RFC 7515 section 7.1), which a set of claims never is.
func SplitJWS(raw string) (Parts, error) {
	return split(raw, true)
}

func split(raw string, emptyPayload bool) (Parts, error) {
	switch {
	case raw == "":
		return Parts{}, malformed("the token is empty")
	case len(raw) > MaxSize:
		return Parts{}, malformed("the token has %d bytes, more than the %d that are accepted", len(raw), MaxSize)
	case raw[0] == '{':
		return Parts{}, malformed("JSON serialization; only the compact one is accepted")
	}
	first := strings.IndexByte(raw, '.')
	last := first + 1 + strings.IndexByte(raw[first+1:], '.')
	if first < 0 || first == last {
		return Parts{}, malformed("not a signed token: it does not have three parts separated by dots")
	}
	if strings.IndexByte(raw[last+1:], '.') >= 0 {
		const detail = "more than three parts; encrypted tokens (JWE) are not accepted"
		if strings.Count(raw, ".") == 4 && encrypted(raw[:first]) {
			return Parts{}, unsupported(detail)
		}
		return Parts{}, malformed(detail)
	}
	p := Parts{Header: raw[:first], Payload: raw[first+1 : last], Signature: raw[last+1:], SigningInput: raw[:last]}
	switch {
	case p.Header == "":
		return Parts{}, malformed("the header is empty")
	case p.Payload == "" && !emptyPayload:
		return Parts{}, malformed("the payload is empty")
	case p.Signature == "":
		// RFC 7519 section 6: so ends an unsecured JWT, which says what it is.
		if h, err := ParseHeader(p.Header); err == nil && strings.EqualFold(h.Algorithm, "none") {
			return Parts{}, unsupported("alg is none; only signed tokens are accepted")
		}
		return Parts{}, malformed("the signature is empty")
	}
	return p, nil
}

// Decode decodes one part. Name says which one, for the error.
func Decode(name, part string) ([]byte, error) { return AppendDecode(nil, name, part) }

// notBase64 says why part cannot be decoded.
func notBase64(name, part string) error {
	for i := range len(part) {
		if c := part[i]; sextets[3][c] == notSextet {
			return malformed("the %s is not base64url: unexpected %q at byte %d", name, c, i)
		}
	}
	return malformed("the %s is not canonical base64url", name)
}
