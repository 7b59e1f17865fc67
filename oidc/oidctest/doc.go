// Package oidctest is a fake issuer of GitLab and CircleCI identity tokens,
// for the tests of programs that verify or exchange such tokens.
//
//	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
//	verifier, err := oidc.NewVerifier(oidc.Config{
//		Issuers:    []oidc.Issuer{oidc.GitLab(issuer.URL())},
//		Audiences:  []string{"https://deploy.example.com"},
//		HTTPClient: oidctest.Client(issuer),
//	})
//	raw := issuer.GitLab("https://deploy.example.com", oidctest.Tag("v1.2.0"))
//
// An [Issuer] stands for one issuer URL, any one: a client made by [Client]
// reaches it there without a network or a listener, and reaches nothing else.
// For programs that need an address, an Issuer is an [http.Handler]: serve it
// with net/http/httptest, at the address that is its URL:
//
//	server := httptest.NewUnstartedServer(nil)
//	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "http://" + server.Listener.Addr().String()})
//	server.Config.Handler = issuer
//	server.Start()
//	defer server.Close()
//
// # Tokens
//
// [Issuer.GitLab] and [Issuer.CircleCI] return tokens whose claims have the
// names, the JSON types and the order of the platforms' own. The functions of
// type func([Claims]) make them the unusual ones that a service meets:
// [SSHRerun], [ForkPullRequest], [ForkMergeRequestInParent], [Expired],
// [Environment] and many more; they can be given one after the other, together
// with functions of your own. [Project] names the project that your policy is
// about, in each of the claims that name it. Claims is a map: assign to change a
// claim, delete to leave one out. A mode of the other platform's tokens fails
// the test, for such a token would verify, and a test of its refusal would test
// nothing; so does asking an issuer of one platform for the other's tokens.
// [Issuer.Sign], [Issuer.SignWith] and [Issuer.SignRaw] sign
// anything else, well formed or not.
//
// # Trouble
//
// [Issuer.Rotate] changes the key, [Issuer.Fail] makes the issuer unavailable,
// [Issuer.Misbehave] lets it hang, stop half way or answer with anything, and
// [Issuer.Publish] adds keys to the set. [Issuer.Requests] counts.
//
// # Limits
//
// What a platform does that no public source documents is not imitated: see
// the comments. No two open issuers have the same key, unless
// [Options.KeysOf] asks for it, but keys come back in later issuers of the
// same process: they are for tests, and protect nothing. The package imports
// testing: do not import it in a program.
package oidctest
