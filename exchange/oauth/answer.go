package oauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/reply"
)

// maxLifetime bounds what an answer may say, in years that nobody means.
const maxLifetime = 10 * 365 * 24 * time.Hour

// unixFrom is the number from which an end is a Unix time: as a lifetime it
// would be 31 years.
const unixFrom = 1_000_000_000

// read reads a successful answer, whose request was sent at sent.
func (r Response) read(body []byte, sent time.Time) (*oauth2.Token, error) {
	var members map[string]any
	if err := reply.Object(body, &members); err != nil {
		return nil, fmt.Errorf("the token endpoint's answer is unusable: %w", err)
	}
	path := r.TokenPath
	if path == "" {
		path = "access_token"
	}
	token, _ := lookup(members, path).(string)
	switch {
	case token == "":
		return nil, errors.New("the token endpoint's answer has no " + path)
	case strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }):
		return nil, errors.New("the token endpoint's answer has a " + path + " that cannot be a token")
	}
	t := &oauth2.Token{AccessToken: token, TokenType: "Bearer"}
	// Outside of OAuth's own shape a token_type is something else.
	if path == "access_token" {
		if kind, _ := lookup(members, "token_type").(string); kind != "" && !strings.EqualFold(kind, "Bearer") {
			if strings.ContainsFunc(kind, notToken) {
				return nil, errors.New("the token endpoint's answer has a token_type that is none")
			}
			t.TokenType = kind
		}
	}
	var err error
	if t.Expiry, err = r.end(members, token, sent); err != nil {
		return nil, err
	}
	return t.WithExtra(members), nil
}

// notToken reports whether c is outside the names of token types (RFC 6749,
// appendix A.13).
func notToken(c rune) bool {
	return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("-._:/", c))
}

// end returns when the token ends. It is counted from before the request, so it
// is never later than the other side's own. The zero time means unknown.
func (r Response) end(members map[string]any, token string, sent time.Time) (time.Time, error) {
	path := r.ExpiresPath
	if path == "" {
		path = "expires_in"
	}
	unusable := errors.New("the token endpoint's answer has no usable " + path)
	var text string
	switch v := lookup(members, path).(type) {
	case nil:
		return ownEnd(token), nil
	case json.Number:
		text = v.String()
	case string: // Entra's older endpoints, and others, quote the number.
		text = v
	default:
		return time.Time{}, unusable
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	seconds, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil, seconds < 0, seconds != seconds, seconds > 1<<40:
		return time.Time{}, unusable
	case seconds == 0: // Vault's lease_duration of a token that has no end
		return ownEnd(token), nil
	case seconds >= unixFrom:
		return time.Unix(int64(seconds), 0), nil
	case seconds > maxLifetime.Seconds():
		return time.Time{}, unusable
	}
	return sent.Add(time.Duration(seconds * float64(time.Second))), nil
}

// ownEnd returns the exp of a token that is a JWT, unverified: it only says
// when to ask for the next one.
func ownEnd(token string) time.Time {
	if t, err := peek.Parse(token); err == nil && t.ExpiresAt != 0 {
		return t.ExpiresAt.Time()
	}
	return time.Time{}
}

// lookup follows path, names and indexes joined by dots, and returns nil where
// nothing is.
func lookup(members map[string]any, path string) any {
	var at any = members
	for name := range strings.SplitSeq(path, ".") {
		switch v := at.(type) {
		case map[string]any:
			at = v[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			at = v[i]
		default:
			return nil
		}
	}
	return at
}

// lookupText returns the string or the number at path, and "" for all else.
func lookupText(members map[string]any, path string) string {
	switch v := lookup(members, path).(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}
