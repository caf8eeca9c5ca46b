// A real OpenID Connect provider on a free port of this machine: `oidc-provider`, as its users run it, behind TLS. It says on which
// port it listens. What it is given: issuer, audience, JWKs with their private halves, and the certificate with its key.

import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import Provider from "oidc-provider";

const given = JSON.parse(readFileSync(process.argv[2], "utf8"));

// A resource https://broker.example/RS256 has access tokens that are signed so.
const resource = (url) => ({
  scope: "assume",
  audience: given.audience,
  accessTokenFormat: "jwt",
  jwt: { sign: { alg: new URL(url).pathname.slice(1) } },
});

const provider = new Provider(given.issuer, {
  clients: [
    {
      client_id: "pipeline",
      client_secret: given.secret,
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
    },
    {
      client_id: given.audience,
      client_secret: given.secret,
      redirect_uris: ["https://app.example.test/callback"],
      id_token_signed_response_alg: "PS256",
    },
  ],
  jwks: { keys: given.keys },
  cookies: { keys: ["for a test"] },
  enabledJWA: { idTokenSigningAlgValues: ["RS256", "PS256"] },
  pkce: { required: () => false },
  claims: { openid: ["sub"], profile: ["department"] },
  conformIdTokenClaims: false,
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, department: "sales" }) }),
  extraTokenClaims: () => ({ environment: "prod", "https://aws.amazon.com/tags": { principal_tags: { team: ["blue"] } } }),
  features: {
    clientCredentials: { enabled: true },
    resourceIndicators: { enabled: true, getResourceServerInfo: (_, url) => resource(url) },
  },
});

const server = createServer({ key: given.tls_key, cert: given.tls_certificate }, provider.callback());
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
