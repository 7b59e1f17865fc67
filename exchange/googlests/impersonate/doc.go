// Package impersonate trades federated Google credentials for those of a
// service account.
//
// It is for APIs that do not take federated identities, for access that was
// granted to a service account, and for ID tokens, which a federated identity
// cannot have. Its credentials stand on others, which are those of package
// googlests as a rule:
//
//	base, err := googlests.Credentials(googlests.Config{ ... })
//	creds, err := impersonate.Credentials(impersonate.Config{
//		ServiceAccount: "deployer@my-project.iam.gserviceaccount.com",
//		Base:           base,
//	})
//	client, err := storage.NewClient(ctx, option.WithAuthCredentials(creds))
//
// [IDToken] gives ID tokens for a service that verifies Google's, such as one
// on Cloud Run. [SignJWT] and [SignBlob] sign with the account's key, which never
// leaves Google: a client assertion for another service, or a signed URL.
//
// # What Google must know
//
// The service account grants roles/iam.workloadIdentityUser to the principal or
// principalSet that the provider makes of the CI token; to sign as it takes
// roles/iam.serviceAccountTokenCreator instead. With Delegates, each
// account in the chain grants roles/iam.serviceAccountTokenCreator to the one
// before it. Changes of roles take effect within minutes.
//
// # Errors
//
// A configuration that cannot work is refused with an *[exchange.ConfigError].
// A refused impersonation is an *[exchange.Error] with Service "google" and
// Stage [exchange.StageImpersonate]; if the base credentials could not be had,
// the error is theirs, with its own stage.
//
// # Requests
//
// Credentials are kept and renewed like those of package googlests: in the
// background while the old ones serve, in one request that is repeated up to
// three in all after a 429, a 5xx or a dropped connection, within 10 seconds.
//
// The package calls the IAM Credentials API through Google's own client, over
// HTTP. That links gRPC, which is why this is a package of its own. Nothing
// needs to be closed.
package impersonate
