// Package googlests exchanges CI identity tokens for Google Cloud credentials,
// by workload identity federation.
//
// [Credentials] returns what Google's own clients take. It exchanges on first
// use, keeps the result, and exchanges anew before it expires:
//
//	creds, err := googlests.Credentials(googlests.Config{
//		Provider: googlests.ProviderName("123456789012", "ci", "gitlab"),
//		Source:   ci,
//	})
//	client, err := storage.NewClient(ctx, option.WithAuthCredentials(creds))
//
// [TokenSource] returns the same for older clients. Whoever needs a service
// account, because the API does not take federated identities or because access
// was granted to the account, puts package impersonate on top.
//
// # Other programs
//
// [CredentialFile] writes the configuration with which gcloud, terraform and
// programs with any of Google's client libraries make the exchange themselves.
// They get the CI token from a file that [CredentialFile.Keep] renews, from a
// [SubjectEndpoint] that this process serves on loopback, or from a program that
// calls [WriteExecutableResponse]. With the last two no token is on disk, and
// where there is none its reason reaches the user of each of these programs.
//
// # What Google must know
//
// A pool, and in it an OIDC provider whose issuer is the token's iss, byte for
// byte: https://gitlab.com, or https://oidc.circleci.com/org/ and the
// organization's ID. Unless Config.Audience says otherwise the token is asked
// for the audience that a provider accepts without any being configured. The
// provider maps a claim to google.subject, which has at most 127 bytes; what it
// makes of the token, a principal or principalSet, is granted roles.
//
// The provider's attribute condition decides who gets in. For an issuer that
// serves many tenants it is the only thing that keeps the others out: pin it to
// claims that name your own projects.
//
// # Errors
//
// A configuration that cannot work is refused by the constructor with an
// *[exchange.ConfigError]. A failed exchange is an *[exchange.Error] with
// Service "google": its Stage tells whether the source gave no usable token or
// Google did not take it. Google's clients wrap it, so errors.As finds
// it in the error of whatever call needed the credentials. Its Causes compare
// what Google said with what the token says, and with [Config.Known] with what
// the provider has; the claims are read without verifying them, for explanation
// only. TROUBLESHOOTING.md has them all.
//
// # Requests
//
// An exchange is one request. It is repeated, up to three requests with a
// growing pause, after a 429, a 5xx or a dropped connection; a refusal is never
// repeated. Obtaining the token has 10 seconds, and so has the exchange,
// whatever time the caller's context leaves beyond that. The endpoint's
// redirects are not followed: the token goes to the configured host only.
//
// The credentials are renewed from five minutes before their end, in the
// background, while the old ones serve. That is the only goroutine, and it ends
// with the exchange. They are said to end ten seconds before they do, so that
// what is handed out last still arrives in time. While a first exchange runs,
// other callers wait for it, even past the end of their own contexts.
//
// # What this package does not do
//
// It does not verify the CI token, and it does not limit what the credentials
// may do beyond Scopes: that is for the roles granted. Workforce pools, which
// are for people, are refused.
package googlests
