// Package oidc verifies the identity tokens of CI jobs, for services that have
// to know which project, branch and environment is calling.
//
//	verifier, err := oidc.NewVerifier(oidc.Config{
//		Issuers:   []oidc.Issuer{oidc.GitLab("https://gitlab.com"), oidc.CircleCI(organizationID)},
//		Audiences: []string{"https://deploy.acme.example"},
//		Authorize: mayDeploy,
//	})
//	http.Handle("/deploy", oidc.Middleware(verifier, nil)(handler))
//
// One [Verifier] takes any number of issuers, each with the model of its
// claims: a *[claims.GitLab], a *[claims.CircleCI], or a struct of yours with
// [IssuerOf]. In the handler, [ClaimsFromContext] returns them; elsewhere, the
// function [Verify] does.
//
// # Three errors, three answers
//
// A *[TokenError] says that the token is not valid (HTTP status 401), a
// *[DeniedError] that it is valid and may not do this (403, and 401 if it was
// used before), and an *[UnavailableError] that nothing can be said now, mostly because the issuer's
// keys cannot be fetched (503). Their text is for your log: it says what was
// expected and what came, and never holds the token. [WriteError] tells the
// caller nothing but the status.
//
// # What is not left to the configuration
//
// Signature, issuer, audience and times are always checked. A token of an
// issuer that is not configured causes no network request. Only RS256, ES256
// and EdDSA exist here. A claims set with a name twice, or with names that
// differ only by case, is refused, and so is everything in a header that would
// change where the key comes from. Login tokens of GitLab users and CircleCI's
// audit log tokens, which share issuer and keys with job tokens, are refused.
//
// # What is refused unless you ask for it
//
// Jobs rerun with SSH ([Config.AllowSSHRerun]) and jobs whose commit or
// configuration may come from a fork ([Config.AllowForks]).
//
// # What you still have to decide
//
// A valid token says who is calling, not what they may do. On a public issuer
// such as https://gitlab.com, everybody can get a valid token for your audience:
// decide in [Config.Authorize] on the project's ID first, then on the ref and
// whether it is protected. Never decide on the subject's form, and never on
// [claims.GitLab.Environment] without EnvironmentProtected or RefProtected.
// A token is valid until it expires, which can be after its job has ended, and
// passes any number of times until then unless [Config.Replay] is set.
//
// # Keys
//
// Discovery documents and keys are fetched when a token first needs them,
// cached, refreshed ahead of time on use, and kept through an issuer's outage:
// see [RemoteKeySet] for the times. No goroutine runs between calls. For pinned
// keys and for networks without a way to the issuer, set [Issuer.Keys] to a
// [StaticKeySet].
package oidc
