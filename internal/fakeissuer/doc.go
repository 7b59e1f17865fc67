// Package fakeissuer is an issuer of GitLab and CircleCI identity tokens that
// runs inside the program: discovery, keys and signing, with no listener of
// its own.
//
// An [Issuer] stands for one issuer URL. [Issuer.GitLab] and [Issuer.CircleCI]
// mint tokens whose claims have the names, the JSON types and the order of the
// real platforms' tokens; functions of type func([Claims]), such as [SSHRerun]
// or [ForkMergeRequestInParent], turn them into the unusual ones a verifier
// meets, and [Project] names the project that a policy is about. What would
// leave a test without effect, such as a mode of the other platform, is a
// mistake that [Options.Fatal] is told of. [Client] reaches the issuers without a network; Issuer is also an
// [http.Handler], for programs of other people that need an address.
//
// It is for tests and for the quickstart. Package oidc/oidctest is the same
// thing for users' tests; this package does not import testing, so that a
// program may link it.
package fakeissuer
