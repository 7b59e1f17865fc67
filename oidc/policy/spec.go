package policy

import "io/fs"

// The platforms a rule can be written for.
const (
	GitLab   = "gitlab"
	CircleCI = "circleci"
)

// The names in [Rule.Allow]: each switches one safe default off.
const (
	AllowSSHRerun             = "ssh-rerun"               // CircleCI jobs that were rerun with SSH, or do not say
	AllowFork                 = "fork"                    // pipelines whose code is a fork's, or that cannot tell
	AllowRefWithoutType       = "ref-without-type"        // ref without ref_type or ref_path beside it
	AllowOpenEnvironment      = "unprotected-environment" // environment without a protection beside it
	AllowRefFromAnyRepository = "ref-without-origin"      // vcs-ref without an exact vcs-origin beside it
)

// Spec is a policy as its author writes it. Its file form is described at
// [Parse].
type Spec struct {
	// Name is the policy's name, for logs. Required.
	Name string
	// Audiences are the accepted values of aud, compared byte for byte; a token
	// needs one of them. Required.
	Audiences []string
	// Rules allow: a token passes that one of them matches. Required.
	Rules []Rule
	// Deny overrides: a token that one of them matches does not pass.
	Deny []Rule
	// Tests are the policy's own, run by [Policy.Test]. They decide nothing, and
	// are no part of [Policy.Digest].
	Tests []Test
}

// Rule matches a token all of whose conditions hold. Their order is without
// meaning.
type Rule struct {
	// Name is the rule's name, for logs; unique within the policy. Required.
	Name string
	// Platform is [GitLab] or [CircleCI]. Required.
	Platform string
	// Claims are the conditions, by the name of the claim: GitLab's own names,
	// CircleCI's without the prefix oidc.circleci.com/, and issuer and subject.
	Claims map[string]Matcher
	// When are conditions in the language of [Options.Conditions].
	When []When
	// Allow switches safe defaults off: one of the Allow constants to the reason
	// why, which must not be empty. Not for deny rules, which have no defaults.
	Allow map[string]string
	// Position is where the rule starts in its file; zero for Go values.
	Position Position
}

// When is a condition in an expression language.
type When struct {
	// CEL is the expression. Required.
	CEL string
	// Message is what a decision says if the condition does not hold. Required.
	Message string
	// Position is where it is written; zero for Go values.
	Position Position
}

// Op is how a [Matcher] compares.
type Op string

const (
	// Equal: the claim is one of Values. A list has one of them.
	Equal Op = "equal"
	// Glob: the claim matches one of Values, in which * is any text without /
	// and :, and ** is any text. Only for text that is no identifier.
	Glob Op = "glob"
	// Regex: one of Values, a regular expression, matches the whole claim.
	Regex Op = "regex"
	// AllOf: the list has all of Values.
	AllOf Op = "all_of"
	// Present and Absent: the claim was sent and is not empty, or not.
	Present Op = "present"
	Absent  Op = "absent"
)

// Matcher is the condition on one claim. A claim that is absent or empty
// satisfies none but [Absent], with Not or without.
type Matcher struct {
	// Op says how; empty means [Equal].
	Op Op
	// Values are what the claim is compared with: for a boolean "true" or
	// "false". Required, but not for Present and Absent.
	Values []string
	// Not turns the outcome round for a claim that is there.
	Not bool
	// Position is where it is written; zero for Go values.
	Position Position
}

// Position is a place in a policy file, counted from 1; zero means none.
type Position struct{ Line, Column int }

// Options are what a policy needs beside its text. Nil means the zero value.
type Options struct {
	// Conditions compiles [Rule.When]. Nil means that a policy with such
	// conditions is refused.
	Conditions Compiler
	// AuditOnly evaluates and records, and lets every token pass.
	AuditOnly bool
	// Files holds the files that the policy's own tests name, such as
	// os.DirFS of the policy's folder. Nil means that a test which names one
	// fails. Nothing is read but by [Policy.Test].
	Files fs.FS
}
