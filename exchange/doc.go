// Package exchange holds what all exchanges of CI identity tokens share: where
// a token comes from, what an exchange's failure looks like, and a transport
// that presents the token itself.
//
// A [TokenSource] supplies tokens. Every platform of package ciplatform is one;
// [File] and [TokenSourceFunc] make others. The exchanges are packages of their
// own, so that a program links only the cloud it uses:
//
//	exchange/awssts     AWS, by AssumeRoleWithWebIdentity
//	exchange/googlests  Google Cloud, by workload identity federation
//	exchange/oauth      any token endpoint, by RFC 8693 or RFC 7523
//	exchange/okta       Okta, by a client whose key is in AWS or Google Cloud
//
// A service that verifies CI tokens itself, as package oidc does, needs no
// exchange: [Transport] sends it the token.
//
//	client := &http.Client{Transport: &exchange.Transport{
//		Source:   ci,
//		Audience: "https://deploy.example.com",
//	}}
//
// # Errors
//
// Every exchange that fails returns an *[Error]. Its Error method gives one
// line with the other side's own words and the likeliest cause. Printed with
// %+v, or logged with log/slog, it gives all causes with what the token says
// beside what was configured. The SDKs of the clouds wrap it and print its one
// line alone: find it with errors.As, and print or log what that gives. The
// claims are read from the token without verifying it, which is enough to
// explain a refusal and never used for more.
//
// Neither a token nor a credential is ever part of an error, in whatever form
// it is printed, even if the other side repeated it in its answer.
//
// # What this package does not do
//
// It does not verify tokens; that is package oidc's. [Transport] trusts the
// hosts it is told to: whoever runs one of them can use the token, until it
// expires, at every service that accepts the same audience.
package exchange
