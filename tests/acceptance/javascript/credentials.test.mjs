// How the AWS SDK for JavaScript finds its credentials, as far as a provider needs nothing but the broker.

import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import {
  CreateAccessKeyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  DisableOutboundWebIdentityFederationCommand,
  EnableOutboundWebIdentityFederationCommand,
  PutUserPolicyCommand,
} from "@aws-sdk/client-iam";
import {
  AssumeRoleCommand,
  GetCallerIdentityCommand,
  GetSessionTokenCommand,
  GetWebIdentityTokenCommand,
  OutboundWebIdentityFederationDisabledException,
  STSServiceException,
} from "@aws-sdk/client-sts";
import { fromEnv, fromIni, fromNodeProviderChain, fromProcess, fromTemporaryCredentials } from "@aws-sdk/credential-providers";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";
import { allow, arn, given, iamClient, policy, stsClient, trust } from "./broker.mjs";

const folder = mkdtempSync(join(tmpdir(), "brevet-js-"));
const files = { filepath: join(folder, "credentials"), configFilepath: join(folder, "config") };
const ROLE = arn("role", "js-role");
const SESSION = `arn:aws:sts::${given.account}:assumed-role/js-role/`;
let key;

const who = async (credentials) => (await stsClient({ credentials }).send(new GetCallerIdentityCommand({}))).Arn;

before(async () => {
  const iam = iamClient();
  await iam.send(new CreateUserCommand({ UserName: "js" }));
  await iam.send(new PutUserPolicyCommand({ UserName: "js", PolicyName: "assume", PolicyDocument: policy(allow("sts:AssumeRole", ROLE)) }));
  await iam.send(new CreateRoleCommand({ RoleName: "js-role", AssumeRolePolicyDocument: trust({ AWS: arn("user", "js") }) }));
  key = (await iam.send(new CreateAccessKeyCommand({ UserName: "js" }))).AccessKey;
  const endpoint = `endpoint_url = ${process.env.AWS_ENDPOINT_URL}\nregion = us-east-1\n`;
  const program = join(folder, "credentials.sh");
  const printed = JSON.stringify({ Version: 1, AccessKeyId: key.AccessKeyId, SecretAccessKey: key.SecretAccessKey });
  writeFileSync(program, `#!/bin/sh\necho '${printed}'\n`);
  chmodSync(program, 0o700);
  writeFileSync(files.filepath, `[js]\naws_access_key_id = ${key.AccessKeyId}\naws_secret_access_key = ${key.SecretAccessKey}\n`);
  const role = `[profile js-role]\nrole_arn = ${ROLE}\nsource_profile = js\nrole_session_name = of-profile\n${endpoint}`;
  writeFileSync(files.configFilepath, `[profile js]\n${endpoint}${role}[profile process]\ncredential_process = ${program}\n${endpoint}`);
});

test("the environment's, and the chain that every client has", async () => {
  const root = `arn:aws:iam::${given.account}:root`;
  assert.equal(await who(fromEnv()), root);
  assert.equal(await who(fromNodeProviderChain()), root);
});

test("a profile's key, a profile's process, a profile's role", async () => {
  assert.equal(await who(fromIni({ profile: "js", ...files })), arn("user", "js"));
  assert.equal(await who(fromProcess({ profile: "process", ...files })), arn("user", "js"));
  assert.equal(await who(fromIni({ profile: "js-role", ...files })), `${SESSION}of-profile`);
});

test("a role, assumed and renewed by the SDK itself", async () => {
  const masterCredentials = { accessKeyId: key.AccessKeyId, secretAccessKey: key.SecretAccessKey };
  const provider = fromTemporaryCredentials({ masterCredentials, params: { RoleArn: ROLE, RoleSessionName: "temporary", DurationSeconds: 900 } });
  assert.equal(await who(provider), `${SESSION}temporary`);
  const { expiration, sessionToken } = await provider();
  assert.ok(sessionToken && expiration > new Date());
});

test("a session of the caller's own, and errors with a name", async () => {
  const { Credentials } = await stsClient().send(new GetSessionTokenCommand({ DurationSeconds: 900 }));
  assert.ok(Credentials.Expiration instanceof Date);
  const stranger = stsClient({ credentials: { accessKeyId: key.AccessKeyId, secretAccessKey: "wrong".repeat(8) } });
  const named = (name, status) => (error) =>
    error instanceof STSServiceException && error.name === name && error.$metadata.httpStatusCode === status && error.$fault === "client";
  await assert.rejects(stranger.send(new GetCallerIdentityCommand({})), named("SignatureDoesNotMatch", 403));
  const assume = new AssumeRoleCommand({ RoleArn: arn("role", "nobodys"), RoleSessionName: "x".repeat(8) });
  await assert.rejects(stsClient().send(assume), named("AccessDenied", 403));
});

test("a web identity token, which jose verifies by the issuer's discovery", async () => {
  const audience = "https://api.example.com";
  const ask = (SigningAlgorithm) => stsClient().send(new GetWebIdentityTokenCommand({ Audience: [audience], SigningAlgorithm, Tags: [{ Key: "job", Value: "7" }] }));
  await assert.rejects(ask("ES384"), OutboundWebIdentityFederationDisabledException);
  const issuer = (await iamClient().send(new EnableOutboundWebIdentityFederationCommand({}))).IssuerIdentifier;
  const discovered = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
  assert.equal(discovered.issuer, issuer);
  const keys = createRemoteJWKSet(new URL(discovered.jwks_uri));
  for (const algorithm of ["ES384", "ES256", "EdDSA"]) {
    const { WebIdentityToken, Expiration } = await ask(algorithm);
    const expected = { issuer, audience, typ: "JWT", algorithms: [algorithm], requiredClaims: ["iss", "sub", "aud", "iat", "exp", "jti"] };
    const { payload } = await jwtVerify(WebIdentityToken, keys, expected);
    assert.equal(payload.sub, `arn:aws:iam::${given.account}:root`);
    assert.equal(payload.exp * 1000, Expiration.getTime());
    assert.deepEqual(payload["https://sts.amazonaws.com/"].request_tags, { job: "7" });
    await assert.rejects(jwtVerify(WebIdentityToken, keys, { ...expected, audience: "https://elsewhere.example" }), errors.JWTClaimValidationFailed);
  }
  // A session's token is for nobody: its key is not among these.
  const { Credentials } = await stsClient().send(new GetSessionTokenCommand({ DurationSeconds: 900 }));
  await assert.rejects(jwtVerify(Credentials.SessionToken, keys), errors.JWKSNoMatchingKey);
  await iamClient().send(new DisableOutboundWebIdentityFederationCommand({}));
});
