// Package policy decides what the job that a verified token speaks for may do,
// and says why.
//
//	p, err := policy.Parse(file, nil)
//	verifier, err := oidc.NewVerifier(oidc.Config{..., Authorize: p.Authorize})
//
// A [File] does the same, and follows its file while the service runs.
//
// A policy allows by rules and denies by others. All conditions of a rule must
// hold, one allow rule is enough, a deny rule overrides, and order never
// matters. A rule names whose tokens it is for (a project or a namespace and an
// issuer, or an organization and a project), or it does not compile. Values are
// compared exactly unless a condition says otherwise, and a claim that is
// absent satisfies nothing, a negated condition included. Forks, SSH reruns,
// refs without their type and environments without protection are refused
// unless a rule gives a written reason to allow them.
//
// Suggest writes the narrowest policy for a token in hand, and Probe shows what a
// policy would let in beside the job that was meant. For conditions that exact
// values and patterns cannot say, package celcond compiles CEL. A policy brings
// its own tests, which package policytest runs as Go tests.
package policy
