package oidctest

import (
	"time"

	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// AudienceArray sends the audience as an array: the token's own first, then
// these. Without any, it is an array of one.
func AudienceArray(more ...string) func(Claims) {
	return fakeissuer.AudienceArray(more...)
}

// Branch makes the token one of a push to this branch; on GitLab, to one that
// is not protected.
func Branch(name string) func(Claims) {
	return fakeissuer.Branch(name)
}

// ProtectedBranch is like [Branch], for one that GitLab protects. CircleCI's
// tokens do not tell the difference.
func ProtectedBranch(name string) func(Claims) {
	return fakeissuer.ProtectedBranch(name)
}

// Tag makes the token one of a push of this tag; on GitLab, of one that is not
// protected.
func Tag(name string) func(Claims) {
	return fakeissuer.Tag(name)
}

// Lifetime makes the token expire this long after it was issued, in whole
// seconds.
func Lifetime(d time.Duration) func(Claims) {
	return fakeissuer.Lifetime(d)
}

// Expired makes the token one that expired ten minutes ago; its lifetime stays
// the same.
func Expired(c Claims) { fakeissuer.Expired(c) }

// NotYet makes the token one that is issued ten minutes from now. On GitLab
// nbf says so, on CircleCI only iat does.
func NotYet(c Claims) { fakeissuer.NotYet(c) }
