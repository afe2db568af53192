/** A secret in a log is found, whatever kind it is; what is none is not. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, test } from "@jest/globals";
import { createRandomToken } from "../../src/resources/tokens.ts";
import { makeKey, signedWith } from "./accessTokens.ts";
import { findSecrets, keepLog, keepSecret, keepSecrets } from "./logs.ts";

const ofRun = globalThis.staybaseTestLogs;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "staybase-logs-"));
  globalThis.staybaseTestLogs = folder;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
afterAll(() => {
  globalThis.staybaseTestLogs = ofRun;
});

const refreshToken = createRandomToken().token;
const secrets: Readonly<Record<string, string>> = {
  "a refresh token": refreshToken,
  "a password": "two words, or more",
  "a recovery code, one of several": "k7f2q-9qpxm-3mztw",
  "an address": "log.reader+1@example.com",
  "a JWT that nobody has kept": signedWith(makeKey(), {
    header: { alg: "ES256" },
    payload: { sub: "somebody" },
  }),
};

test.each(Object.entries(secrets))("%s is found, and not told", (_what, secret) => {
  keepSecrets({ session: [{ refreshToken }], password: secrets["a password"] });
  keepSecrets({ recoveryCodes: ["other-other-other", secrets["a recovery code, one of several"]] });
  keepSecret(secrets["an address"] ?? "");
  keepLog("server", `{"msg":"all is well"}\n{"msg":"asked by (${secret})"}\n`);
  const found = findSecrets(folder);
  expect(found).toEqual([expect.stringMatching(/^server-.*\.log, line 2$/)]);
  expect(found.join()).not.toContain(secret);
});

test("what is no secret is left alone", () => {
  keepSecrets({ email: "log.reader+2@example.com", password: "short", id: "0198c0de-0000-7000" });
  keepLog("server", `{"msg":"short 0198c0de-0000-7000 reader@example.com ${refreshToken}x"}\n`);
  expect(findSecrets(folder)).toEqual([]);
});

test("the logs of this run are kept", () => {
  expect(ofRun).toMatch(/staybase-test-/);
});
