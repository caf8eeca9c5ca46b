// The clients of these tests, what they were given, and which operations have succeeded.

import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { IAMClient } from "@aws-sdk/client-iam";
import { STSClient } from "@aws-sdk/client-sts";

// Certificates, keys and metadata that the suite has made, the account, and the names of all operations that the broker has.
export const given = JSON.parse(readFileSync(process.env.BREVET_TEST_GIVEN, "utf8"));
export const arn = (kind, name) => `arn:aws:iam::${given.account}:${kind}/${name}`;

export const succeeded = new Set();

function watched(client) {
  const remember = (next, context) => async (request) => {
    const answer = await next(request);
    succeeded.add(context.commandName.replace(/Command$/, ""));
    return answer;
  };
  client.middlewareStack.add(remember, { step: "initialize", name: "remember" });
  return client;
}

// No endpoint, region or key is said: the SDK finds them in its environment. One attempt, so that no error is tried away.
export const iamClient = (config = {}) => watched(new IAMClient({ maxAttempts: 1, ...config }));
export const stsClient = (config = {}) => watched(new STSClient({ maxAttempts: 1, ...config }));

export const policy = (...statements) => JSON.stringify({ Version: "2012-10-17", Statement: statements });
export const allow = (Action, Resource = "*") => ({ Effect: "Allow", Action, Resource });
export const trust = (Principal) => policy({ Effect: "Allow", Principal, Action: "sts:AssumeRole" });

// The one-time code (RFC 6238) of the step that is `ahead` of this one.
export function code(base32, ahead) {
  const bits = [...base32.replace(/=+$/, "")].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  const seed = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + ahead));
  const digest = createHmac("sha1", seed).update(step).digest();
  const number = digest.readUInt32BE(digest.at(-1) & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

// Every page of a paginator, and what they list. A paginator writes into its input, so it gets its own.
export async function pages(paginate, client, input, pick) {
  const found = [];
  for await (const page of paginate({ client, pageSize: 1 }, { ...input })) {
    found.push(page);
  }
  return { count: found.length, listed: found.flatMap(pick) };
}
