// Package okta gets access tokens from Okta for a CI job, without a secret.
//
// # What Okta does not do
//
// Okta's token endpoint takes no CI token, in any of the ways in which others
// take one, and no setting changes that:
//
//   - Token exchange (RFC 8693): the subject token must be one that an
//     authorization server of the same Okta org has issued.
//   - The JWT bearer grant (RFC 7523, section 2.1): at Okta this is for
//     assertions that an Okta org has issued (ID-JAG, "Cross App Access").
//   - A CI token as the client assertion (RFC 7523, section 2.2): the assertion's
//     iss and sub must be the client's ID. A CI token says its platform and its
//     job.
//
// So a CI token is not sent there. This package, and package oauth for the
// domains that are known to be Okta's, refuse it with an error that says so.
//
// # What works
//
// A client that authenticates by private_key_jwt, with a key that the job does
// not have but may use: the CI token gives the job an identity at AWS or at
// Google, that identity may sign with a key of the cloud's, and the signed
// assertion is what Okta takes. The key cannot be copied out of a job, and who
// may use it is decided by the cloud's conditions on the CI token's claims.
//
//	signer, err := kmssigner.New(kmssigner.Config{ ... })
//	if err != nil { ... }
//	access, err := okta.New(okta.Config{
//		Domain:   "acme.okta.com",
//		ClientID: "0oa1b2c3d4e5f6g7h8i9",
//		Signer:   signer,
//		Scopes:   []string{"deploy"},
//	})
//	if err != nil { ... }
//	client := access.Client()
//
// Signers are packages of their own, so that a program links only its cloud:
//
//	exchange/okta/kmssigner     a key of AWS KMS; its public half is uploaded to Okta
//	exchange/okta/googlesigner  a Google service account's key; Okta fetches its public half
//
// Okta needs an API services app with the client authentication "Public key /
// Private key" and without the requirement of DPoP, which is on by default and
// which this package does not do. A custom authorization server also needs an
// access policy with a rule that allows the app the client credentials grant.
//
// [Workload] is the other way: Okta Privileged Access, a product of its own,
// takes the tokens of GitLab and of CircleCI as they are.
//
// # Errors
//
// New and NewWorkload return an *[exchange.ConfigError]. Everything else returns
// an *[exchange.Error]: of Stage [exchange.StageSign], or with the signer's own
// stage, if there is no assertion, and of [exchange.StageExchange] with Okta's
// code and text if Okta refused it, with the likely cause where Okta's words are
// known.
//
// Each request carries a new assertion, also where one is repeated: Okta takes
// an assertion once. It is repeated twice at most, after a 429, a 5xx or a
// dropped connection; any other refusal is final.
//
// # What has been seen
//
// Nothing here was run against Okta. The requests are those that Okta documents,
// and they are tested against a certified OpenID provider that does the same
// checks.
package okta
