/**
 * Claims about tokens and passwords: what is not entirely ours is refused, and nobody learns from
 * the time or the load who is registered.
 */
import { createHmac } from "node:crypto";
import { describe, expect, jest, test } from "@jest/globals";
import jwt from "jsonwebtoken";
import { openPasswords } from "../../src/resources/passwords.ts";
import { codeOf } from "../../src/resources/resourceError.ts";
import { createRandomToken, createTokens, hashToken } from "../../src/resources/tokens.ts";

const secret = "a secret of the tests with enough characters";
const tokens = createTokens({ tokens: { secret, accessMinutes: 15, refreshDays: 30 } });
const claims = {
  userId: "0190aaaa-0000-7000-8000-000000000001",
  sessionId: "0190aaaa-0000-7000-8000-000000000002",
  role: "visitor",
} as const;

const payload = { sub: claims.userId, sid: claims.sessionId, role: "visitor" };
const options = { algorithm: "HS256", issuer: "staybase", audience: "staybase-api" } as const;
const code = (promise: Promise<unknown>): Promise<string | undefined> =>
  promise.then(() => undefined, codeOf);

function forge(header: object, body: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part(header)}.${part(body)}`;
}

describe("access tokens", () => {
  test("are read as they were signed", () => {
    const { token, expiresAt } = tokens.signAccessToken(claims);
    expect(tokens.verifyAccessToken(token)).toEqual({ ok: true, claims, expiresAt });
    expect(expiresAt.getTime() - Date.now()).toBeGreaterThan(14 * 60_000);
  });

  const soon = Math.floor(Date.now() / 1000) + 600;
  const whole = { ...payload, iss: "staybase", aud: "staybase-api", exp: soon };
  const none = forge({ alg: "none", typ: "JWT" }, whole);
  const asPublicKey = forge({ alg: "RS256", typ: "JWT" }, whole);
  const signature = createHmac("sha256", secret).update(asPublicKey).digest("base64url");
  const sign = (body: object, more: jwt.SignOptions = {}, key = secret): string =>
    jwt.sign(body, key, { ...options, expiresIn: 600, ...more });

  test.each([
    ["an empty text", ""],
    ["garbage", "a.b.c"],
    ["a very long text", "a".repeat(100_000)],
    ["alg none", `${none}.`],
    ["alg none with a signature", `${none}.${signature}`],
    ["another algorithm in the header", `${asPublicKey}.${signature}`],
    ["HS512", sign(payload, { algorithm: "HS512" })],
    ["another secret", sign(payload, {}, "another secret, just as long as the first")],
    ["another issuer", sign(payload, { issuer: "somebody" })],
    ["another audience", sign(payload, { audience: "something" })],
    ["an unknown role", sign({ ...payload, role: "owner" })],
    ["a user that is no UUID", sign({ ...payload, sub: "1 or 1=1" })],
    ["no session", sign({ sub: claims.userId, role: "visitor" })],
    ["no end", jwt.sign(payload, secret, options)],
  ])("refuse %s as invalid", (_what, token) => {
    expect(tokens.verifyAccessToken(token)).toEqual({ ok: false, reason: "invalid" });
  });

  test("are expired after their end", () => {
    const token = sign(payload, { expiresIn: -1 });
    expect(tokens.verifyAccessToken(token)).toEqual({ ok: false, reason: "expired" });
  });
});

describe("refresh tokens", () => {
  test("differ each time and are stored as a hash", () => {
    const [one, two] = [createRandomToken(), createRandomToken()];
    expect(one.token).not.toBe(two.token);
    expect(hashToken(one.token)).toEqual(one.hash);
    expect(one.hash).toHaveLength(32);
  });
});

describe("passwords", () => {
  test("are hashed with argon2id at the strength that OWASP asks for", async () => {
    const passwords = await openPasswords();
    const stored = await passwords.hash("correct horse");
    expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await passwords.verifyOrDummy(stored, "correct horse")).toBe(true);
    expect(await passwords.verifyOrDummy(stored, "wrong horse")).toBe(false);
  });

  test("are compared with a hash of the same cost for nobody as for somebody", async () => {
    const argon2 = await import("@node-rs/argon2");
    const compared: unknown[] = [];
    const verify: typeof argon2.verify = (hash, ...rest) => {
      compared.push(hash);
      return argon2.verify(hash, ...rest);
    };
    jest.resetModules();
    jest.unstable_mockModule("@node-rs/argon2", () => ({ ...argon2, verify }));
    const spied = await import("../../src/resources/passwords.ts");

    const passwords = await spied.openPasswords();
    const stored = await passwords.hash("correct horse");
    for (const hash of [stored, undefined, null, ""]) {
      expect(await passwords.verifyOrDummy(hash, "wrong horse")).toBe(false);
    }
    const [somebody, ...nobody] = compared;
    expect(somebody).toBe(stored);
    const cost = expect.stringMatching(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(nobody).toEqual([cost, cost, cost]);
  });

  test("refuse with a code when too many wait, and work again afterwards", async () => {
    const passwords = await openPasswords({ concurrency: 1, waiting: 2 });
    const attempts = Array.from({ length: 10 }, () => code(passwords.hash("x")));
    const outcomes = await Promise.all(attempts);
    expect(outcomes.filter((outcome) => outcome === "PASSWORDS_BUSY")).toHaveLength(7);
    expect(outcomes.filter((outcome) => outcome === undefined)).toHaveLength(3);
    expect(await code(passwords.hash("x"))).toBeUndefined();
  });

  test("may not be megabytes", async () => {
    const passwords = await openPasswords();
    expect(await code(passwords.hash("x".repeat(1025)))).toBe("PASSWORD_TOO_LONG");
    const stored = await passwords.hash("");
    expect(await passwords.verifyOrDummy(stored, "x".repeat(5_000_000))).toBe(false);
  });
});
