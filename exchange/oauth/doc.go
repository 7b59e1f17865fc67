// Package oauth exchanges CI identity tokens at any token endpoint: by RFC 8693
// (token exchange), by RFC 7523 (JWT bearer grant, client assertion), or by a
// service's own rules. Where there is a ready configuration, take it:
//
//	cfg := oauth.Vault(oauth.VaultOptions{
//		Address: "https://vault.example", Mount: "jwt", Role: "deploy", Audience: "https://vault.example",
//	}, ci)
//	client := cfg.Client() // sends the token, and renews it
//
// There is one for [Vault] and OpenBao, Microsoft [Entra], [Keycloak], [Auth0],
// [Databricks], [JFrog], [Cloudsmith], [PyPI] and [NPM]. Each returns a [Config],
// a plain value whose fields may be changed before its use. Every other endpoint
// is a Config of your own:
//
//	cfg := oauth.Config{
//		TokenURL:       "https://sts.example/token",
//		Source:         ci,
//		SourceAudience: "https://sts.example",
//		Audiences:      []string{"https://api.example"},
//	}
//
// [Config.Token] makes one exchange; [Config.TokenSource] and [Config.Client]
// keep the token and exchange anew before it ends, one exchange at a time.
// [Assertion] is for clients that make the exchange themselves, such as Azure's
// SDK. For AWS and Google see the packages awssts and googlests.
//
// # What the other side must know
//
// The token's issuer, and an audience by which it knows that the token is meant
// for it: SourceAudience. Whom it lets in is for claims that name your own
// projects. On a public issuer anyone can get a token for any audience.
//
// # Errors
//
// A configuration that cannot work is an *[exchange.ConfigError], before
// anything is sent; [Config.Validate] returns it alone. A failed exchange is an
// *[exchange.Error] whose Service is the endpoint's host. Code and Description
// are read from where RFC 6749 has them (error, error_description), from errors
// as Vault, PyPI and JFrog send them, from message and detail, or from where
// Response says; an Entra code, such as AADSTS700213, goes to Code. Causes
// compare what is known of a refusal with what the token says, which is read
// without being verified, for explanation only. No error holds a token or a
// secret, whatever the endpoint repeats.
//
// # Requests
//
// An exchange is one POST. It is repeated, up to three requests with a growing
// pause, after a 429, a 5xx or a dropped connection; a refusal is never
// repeated. A redirect is not followed, an answer of more than 1 MiB is not
// read, and what is not a JWT, or expired more than ten minutes ago, is not sent.
//
// # What this package does not do
//
// It does not verify the CI token, nor the token that comes back. It uses no
// refresh token: the job exchanges again. It has no registration, discovery or
// interactive grants.
package oauth
