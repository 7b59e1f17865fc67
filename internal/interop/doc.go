// Package interop holds the project's exchanges against programs that other
// people wrote: nothing here is linked by the library, and the whole package
// is tests.
//
//   - Ceph's RADOS Gateway is a real STS, IAM and S3 whose role trust policies
//     are enforced: tokens are exchanged through exchange/awssts.
//
//   - Fulcio checks the fake issuer's tokens with the claim templates that its
//     public instance uses for GitLab and CircleCI.
//
//   - aws, gcloud and Google's Go library are the clients to which the fake
//     clouds of internal/fakecloud must be good enough.
//
//   - npm publishes to a registry of this package, by trusted publishing, and
//     the exchange of exchange/oauth is to be the one that it makes.
//
//   - oidc-provider, a certified OpenID provider, stands in for Okta: it takes
//     the client assertions that exchange/okta signs, once each.
//
//   - redis-server remembers which tokens were used, for oidc/replay/redisreplay,
//     and is killed meanwhile.
//
//   - toxiproxy is the network between the exchanges and the clouds' fakes, with
//     latency, resets, black holes and answers that are cut.
//
// One more program is this module's own: examples/gateway, in a process of its
// own and under load for a minute (CIOIDC_GATEWAY_LOAD says how long).
//
// What needs a server that is a Go library is in the module servers beside this.
//
// Run them with
//
//	bash install.sh && go test -count=1 -v
//
// install.sh installs what can be installed; a test that needs such a program
// fails without it. aws, gcloud and npm come with the machine or not at all:
// without one, its tests print MISSING and its name and end early, and the last
// line of the run counts them. Without -v, `go test ./...` does not show that line.
//
// The tests run on Linux only: a started program is tied to the life of the
// test process by a Linux system call.
package interop
