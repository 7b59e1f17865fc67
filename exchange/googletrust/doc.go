// Package googletrust reads the providers of Google Cloud's workload identity
// pools and the role bindings of their members, and says without asking Google
// which tokens of a CI job they let in.
//
//	provider, err := googletrust.ParseProvider(text) // of gcloud ... providers describe --format=json
//	...
//	result := googletrust.Simulate(&googletrust.Document{Provider: provider}, payload, nil)
//	fmt.Println(result) // each stage, with the part of the condition that failed
//
// Mapping and condition are evaluated as Google documents it: in CEL, with claims
// that have no types, so that a text is never equal to a boolean, and with extract.
// The result is Accepted, Rejected or Indeterminate: where Google's behaviour is
// not documented the simulation does not guess but names the assumption. With
// role bindings it says which members the token is, and what it is called in a
// binding (Result.Principals).
//
// Render writes the provider for a rule of package policy. Google sees all claims
// of a token, so little is ever lost; what is, is a Gap.
//
// # What is not simulated
//
// The signature of the token, which is taken to be good. Policies of organizations
// and conditions of bindings. The minutes that a change takes to be seen.
package googletrust
