// STS's operations, once each, and the answer of those that are not built.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CreateUserCommand, ListUsersCommand } from "@aws-sdk/client-iam";
import * as sdk from "@aws-sdk/client-sts";
import { allow, arn, given, iamClient, policy, stsClient, succeeded } from "./broker.mjs";

const { user, partner, elsewhere } = given;
const credentials = { accessKeyId: user.AccessKeyId, secretAccessKey: user.SecretAccessKey };
const client = stsClient({ credentials });
const sts = (name, input = {}, by = client) => by.send(new sdk[`${name}Command`](input));
const holder = ({ Credentials }) => ({
  credentials: { accessKeyId: Credentials.AccessKeyId, secretAccessKey: Credentials.SecretAccessKey, sessionToken: Credentials.SessionToken },
});
const named = (name, status) => (error) => error.name === name && error.$metadata.httpStatusCode === status;
const Policy = policy(allow("reports:Read"));
const ROLE = { RoleArn: arn("role", "js-worker"), RoleSessionName: "work", Policy };

test("every kind of session", async () => {
  assert.equal((await sts("GetCallerIdentity")).Arn, arn("user", "js-ann"));
  assert.equal((await sts("GetAccessKeyInfo", { AccessKeyId: user.AccessKeyId })).Account, given.account);

  const role = await sts("AssumeRole", ROLE);
  assert.equal(role.AssumedRoleUser.Arn, `arn:aws:sts::${given.account}:assumed-role/js-worker/work`);
  await assert.rejects(sts("GetFederationToken", { Name: "Eve" }, stsClient(holder(role))), named("AccessDenied", 403));

  const plain = await sts("GetSessionToken", { DurationSeconds: 900 });
  await assert.rejects(iamClient(holder(plain)).send(new ListUsersCommand({})), named("InvalidClientTokenId", 403));

  const bob = await sts("GetFederationToken", { Name: "Bob", Policy });
  assert.deepEqual(bob.FederatedUser, { FederatedUserId: `${given.account}:Bob`, Arn: `arn:aws:sts::${given.account}:federated-user/Bob` });
  assert.equal((await sts("GetCallerIdentity", {}, stsClient(holder(bob)))).UserId, `${given.account}:Bob`);

  const denial = await iamClient({ credentials }).send(new CreateUserCommand({ UserName: "mole" })).catch((error) => error.message);
  const EncodedMessage = denial.split("Encoded authorization failure message: ")[1].trim();
  assert.equal(JSON.parse((await sts("DecodeAuthorizationMessage", { EncodedMessage })).DecodedMessage).allowed, false);

  const task = { arn: "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials" };
  const root = await sts("AssumeRoot", { TargetPrincipal: partner, TaskPolicyArn: task });
  assert.equal((await sts("GetCallerIdentity", {}, stsClient(holder(root)))).Arn, `arn:aws:iam::${partner}:root`);
});

test("what is not built says so", async () => {
  const SAML = { RoleArn: ROLE.RoleArn, PrincipalArn: arn("saml-provider", "corp"), SAMLAssertion: "PHNhbWw+PC9zYW1sPg==" };
  for (const [name, input] of [["AssumeRoleWithSAML", SAML], ["GetDelegatedAccessToken", { TradeInToken: "token-1" }]]) {
    if (given.sts.includes(name)) continue;
    const told = (error) => named("NotImplemented", 501)(error) && error.message === `sts:${name} is declared by AWS and not built in this broker yet.`;
    await assert.rejects(sts(name, input), told, name);
  }
});

test("no operation was left out", () => {
  assert.deepEqual(given.sts.filter((name) => !succeeded.has(name) && !elsewhere.includes(name)), []);
});
