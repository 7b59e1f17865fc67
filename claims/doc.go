// Package claims models the claims of CI identity tokens as Go types.
//
// [GitLab] and [CircleCI] have a field for every documented claim, under the
// platform's own name for it. [Decode] fills one from a claims set:
//
//	c, err := claims.Decode[claims.GitLab](payload)
//	if c.RefProtected == claims.True && c.ProjectID == "42" { ... }
//
// It does not verify anything. A claims set is only worth believing after its
// signature, issuer, audience and times were checked: package oidc does that
// and returns these types.
//
// # Strict where it matters, tolerant where platforms vary
//
// A claims set must be one JSON object in which no name appears twice and no
// two names differ only by case, a declared name included: a claim that two
// readers read differently is refused ([SyntaxError]). A claim of the wrong
// type is refused as well ([ValueError]). But where the platforms themselves
// vary, the types here take each documented form: [Bool] takes GitLab's
// "true" and CircleCI's true, [ID] takes "42" and 42, [Audience] takes one
// string or several.
//
// # Absent is not empty
//
// A claim that was not sent satisfies nothing. [Bool] has three values, so that
// an absent ssh-rerun is not mistaken for a false one. Where a string or an
// [ID] is empty and the difference matters, [Registered.Lookup] tells whether
// the claim was sent. It also reaches claims that the model does not declare,
// such as those that a platform adds later.
//
// # Models of your own
//
// Any struct that embeds [Registered] is a model, for a third platform or for
// claims of a self-hosted issuer:
//
//	type Buildkite struct {
//		claims.Registered
//		Pipeline string `json:"pipeline_slug"`
//	}
//
// Fields of this package's types, strings, string slices and nested structs
// are filled by this package; any other type by encoding/json, which sees the
// value of that one claim and nothing else.
//
// The package uses only the standard library.
package claims
