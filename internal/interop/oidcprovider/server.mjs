// An OpenID provider for the tests: npm's oidc-provider, as its authors ship it,
// with one client that authenticates by private_key_jwt. Everything comes by the
// environment:
//
//   OIDC_PROVIDER  the directory of the package oidc-provider
//   PORT           the loopback port to listen on
//   ISSUER         its own URL for others
//   CLIENTS        the clients, as JSON
//
// What the provider refuses is told in one JSON line each on standard output,
// with the reason that it does not send to the client.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const { OIDC_PROVIDER, PORT, ISSUER, CLIENTS } = process.env;
const { default: Provider } = await import(pathToFileURL(join(OIDC_PROVIDER, 'lib', 'index.js')));

const provider = new Provider(ISSUER, {
  clients: JSON.parse(CLIENTS),
  clientAuthMethods: ['private_key_jwt'],
  scopes: ['deploy', 'read'],
  routes: { token: '/oauth2/default/v1/token' },
  features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
  // The provider's own dispatcher connects to no loopback address.
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
});
const tell = (_ctx, err) => {
  console.log(JSON.stringify({
    error: err.error, description: err.error_description, detail: err.error_detail,
    cause: err.cause?.message, causeOfCause: err.cause?.cause?.message,
  }));
};
for (const event of ['grant.error', 'server_error', 'client_authentication.error']) provider.on(event, tell);

const server = createServer(provider.callback());
server.listen(Number(PORT), '127.0.0.1');
await once(server, 'listening');
console.log(JSON.stringify({ listening: PORT }));
