// Package googletrust reads the providers of Google Cloud's workload identity
// pools, and the role bindings of their members, and says, without asking Google,
// which tokens of a CI job they let in.
//
//	provider, err := googletrust.ParseProvider(text)
//	...
//	bindings, err := googletrust.ParseBindings(policy)
//	...
//	doc := &googletrust.Document{Provider: provider, Bindings: bindings}
//	fmt.Println(googletrust.Simulate(doc, payload, nil)) // each check, with its place
//
// Both readers are strict, and keep where everything stands. [Simulate] makes the
// checks that Google makes in the order in which it makes them: the audience, the
// attribute mapping and condition, which are evaluated as CEL, and the members. The
// result is [Accepted], [Rejected] or [Indeterminate]: where Google's behaviour is
// not documented, or depends on what is not given, the simulation does not guess
// but names the assumption. A condition that cannot be evaluated rejects.
//
// # Findings
//
// [Lint] looks for what makes a provider or a binding too broad or broken: G001 to
// G025 are about Google's side, GL... about GitLab's tokens and CC... about
// CircleCI's. Given the claims of a job that the provider is for, it holds every
// finding that it is too broad against the tokens of others, and leaves out what
// none of them proves; TRUST001 is a document that refuses the job itself, and
// TRUST002 a token of others that is let in for a reason that has no rule. [Fix]
// narrows the condition by what such a token differs in.
//
// The package googletrusttest makes a test of that, in one line.
//
// # From a policy
//
// [Render] writes the provider and its binding for a rule of package policy. Google
// sees all claims of a token, so little is lost; what is, is a [Gap].
//
// # What is not simulated
//
// The signature of the token, which is taken to be good. Policies of organizations,
// and conditions of bindings. Limits of Google's CEL that are not documented. The
// minutes that a change takes to be seen everywhere.
package googletrust
