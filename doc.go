// Package cioidc is the root of a module that makes the identity of CI jobs
// useful and safe. It holds no code: import the packages below.
//
// A job of CircleCI or GitLab CI carries a short-lived token that the platform
// has signed. With it, the job gets temporary AWS, Google Cloud or Okta
// credentials, and no long-lived secret exists anywhere. The same token proves to
// your own services which project, branch and environment is calling.
//
//	I want to...                                        package
//	get the job's token, on whichever platform it runs  ciplatform
//	exchange it for AWS credentials                     exchange/awssts
//	exchange it for Google Cloud credentials            exchange/googlests
//	act as a Google service account                     exchange/googlests/impersonate
//	exchange it at Vault, Entra, npm, any endpoint      exchange/oauth
//	be a client of Okta, without a secret               exchange/okta
//	send it to a service of mine                        exchange (Transport)
//	verify it in that service                           oidc, oidc/oidcgrpc
//	decide what the job may do, and see who else may    oidc/policy
//	take each token once                                oidc/replay
//	test a role's trust policy, a Google provider       exchange/awstrust, exchange/googletrust
//	read its claims as Go types                         claims
//	test any of this without a platform                 oidc/oidctest
//
// # Trust
//
// The platform signs; nothing else in a job is believed. A verifier trusts the
// issuers, audiences and keys that its owner configured, and nothing that a
// token says about where to find them. The exchanges send a token to the
// endpoint that was configured, and follow no redirect with it. Tokens and
// credentials are never logged and appear in no error text.
//
// # Compatibility
//
// Before version 1.0 the API may change, with a line in CHANGELOG.md for each
// change. From then on it follows semantic versioning. What a verifier refuses
// is not part of the promise: it will refuse more as attacks become known.
package cioidc
