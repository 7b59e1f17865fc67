// Package servers holds exchange/oauth against token endpoints that other
// people wrote. The whole package is tests, and none of it is linked by the
// library; it is a module of its own so that what these servers need does not
// change the versions that package interop tests with.
//
//   - zitadel/oidc takes the job's token by token exchange (RFC 8693).
//   - ory/fosite takes it as a JWT bearer grant (RFC 7523), and checks it with
//     the key set that the issuer serves at that moment.
//   - The JWT auth method of HashiCorp Vault runs in process: the plugin's own
//     code, behind a handler that answers as Vault's HTTP layer does.
//   - Google's library for Node.js, and the Python library of gcloud where there
//     is one, make the same exchange at zitadel/oidc.
//
// All servers fetch keys from fake issuers on loopback, as they would from GitLab
// and CircleCI.
package servers
