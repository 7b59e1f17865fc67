package fakeissuer

import (
	"encoding/json"
	"strings"
	"time"
)

// AudienceArray sends the audience as an array: the token's own first, then
// these. Without any, it is an array of one.
func AudienceArray(more ...string) func(Claims) {
	return func(c Claims) {
		var all []any
		if aud, ok := c["aud"]; ok {
			all = append(all, aud)
		}
		for _, aud := range more {
			all = append(all, aud)
		}
		c["aud"] = all
	}
}

// Branch makes the token one of a push to this branch; on GitLab, to one that
// is not protected.
func Branch(name string) func(Claims) {
	return func(c Claims) { setRef(c, "branch", name, "false") }
}

// ProtectedBranch is like [Branch], for one that GitLab protects. CircleCI's
// tokens do not tell the difference.
func ProtectedBranch(name string) func(Claims) {
	return func(c Claims) { setRef(c, "branch", name, "true") }
}

// Tag makes the token one of a push of this tag; on GitLab, of one that is not
// protected.
func Tag(name string) func(Claims) {
	return func(c Claims) { setRef(c, "tag", name, "false") }
}

// setRef names the ref wherever the platform's tokens do.
func setRef(c Claims, kind, name, protected string) {
	path := "refs/heads/" + name
	if kind == "tag" {
		path = "refs/tags/" + name
	}
	if isCircleCI(c) {
		c[circleCIPrefix+"vcs-ref"] = path
		refreshCircleCISubject(c)
		return
	}
	c["ref"], c["ref_type"], c["ref_protected"] = name, kind, protected
	if _, ok := c["ref_path"]; ok { // not in legacy tokens
		c["ref_path"] = path
	}
	if uri, ok := c["ci_config_ref_uri"].(string); ok {
		if at := strings.LastIndex(uri, "@refs/"); at >= 0 {
			c["ci_config_ref_uri"] = uri[:at+1] + path
		}
	}
	refreshGitLabSubject(c)
}

// Lifetime makes the token expire this long after it was issued, in whole
// seconds.
func Lifetime(d time.Duration) func(Claims) {
	return func(c Claims) {
		if iat, ok := seconds(c["iat"]); ok {
			c["exp"] = iat + int64(d/time.Second)
		}
	}
}

// timeMargin is more than any clock skew a verifier tolerates.
const timeMargin = 600

// Expired makes the token one that expired ten minutes ago; its lifetime stays
// the same.
func Expired(c Claims) {
	iat, _ := seconds(c["iat"])
	if exp, ok := seconds(c["exp"]); ok {
		shift(c, iat-exp-timeMargin)
	}
}

// NotYet makes the token one that is issued ten minutes from now. On GitLab
// nbf says so, on CircleCI only iat does.
func NotYet(c Claims) { shift(c, timeMargin+5) } // nbf is five seconds early

func shift(c Claims, by int64) {
	for _, name := range []string{"iat", "nbf", "exp"} {
		if v, ok := seconds(c[name]); ok {
			c[name] = v + by
		}
	}
}

// seconds reads a time that is still a number; an edit may have put anything
// in its place.
func seconds(v any) (int64, bool) {
	switch v := v.(type) {
	case int:
		return int64(v), true
	case int64:
		return v, true
	case float64:
		return int64(v), true
	case json.Number:
		n, err := v.Int64()
		return n, err == nil
	}
	return 0, false
}
