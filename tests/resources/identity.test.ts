/**
 * Claims about tokens and passwords: what is not entirely ours is refused, and nobody learns from
 * the time or the load who is registered.
 */
import { describe, expect, jest, test } from "@jest/globals";
import { DEVELOPMENT_JWT_KEY } from "../../src/config/index.ts";
import { openPasswords } from "../../src/resources/passwords.ts";
import { codeOf } from "../../src/resources/resourceError.ts";
import { createRandomToken, createTokens, hashToken } from "../../src/resources/tokens.ts";
import { makeKey, partsOf } from "../helpers/accessTokens.ts";

const [first, second] = [makeKey(), makeKey()];
const tokensOf = (...keys: string[]) =>
  createTokens({ tokens: { keys, accessMinutes: 15, refreshDays: 30 } });
const tokens = tokensOf(first);
const claims = {
  userId: "0190aaaa-0000-7000-8000-000000000001",
  sessionId: "0190aaaa-0000-7000-8000-000000000002",
  role: "visitor",
} as const;

const code = (promise: Promise<unknown>): Promise<string | undefined> =>
  promise.then(() => undefined, codeOf);

describe("access tokens", () => {
  test("are read as they were signed", () => {
    const { token, expiresAt } = tokens.signAccessToken(claims);
    expect(tokens.verifyAccessToken(token)).toEqual({ ok: true, claims, expiresAt });
    expect(expiresAt.getTime() - Date.now()).toBeGreaterThan(14 * 60_000);
  });

  test("are named by the thumbprint of their key", () => {
    const { header } = partsOf(tokensOf(DEVELOPMENT_JWT_KEY).signAccessToken(claims).token);
    // As jose 6 computes it of this key.
    const kid = "-NFblEZ3Cntxkir0kKsRICZwh8foQypM2xeO0cnC0Fk";
    expect(header).toEqual({ alg: "ES256", typ: "at+jwt", kid });
  });

  test("outlive the replacing of a key in two steps, and not its removal", () => {
    const token = tokens.signAccessToken(claims).token;
    for (const keys of [
      [first, second],
      [second, first],
    ]) {
      expect(tokensOf(...keys).verifyAccessToken(token)).toMatchObject({ ok: true, claims });
    }
    const replaced = tokensOf(second, first).signAccessToken(claims).token;
    expect(tokensOf(second).verifyAccessToken(replaced)).toMatchObject({ ok: true, claims });
    expect(tokensOf(second).verifyAccessToken(token)).toEqual({ ok: false, reason: "invalid" });
  });
});

describe("refresh tokens", () => {
  test("differ each time and are stored as a hash", () => {
    const [one, two] = [createRandomToken(), createRandomToken()];
    expect(one.token).not.toBe(two.token);
    expect(hashToken(one.token)).toEqual(one.hash);
    expect(one.hash).toHaveLength(32);
  });

  test("have one successor, in every process, which only the key gives away", () => {
    const { token } = createRandomToken();
    const next = tokens.successorOf(token);
    expect(next).toEqual({ token: next.token, hash: hashToken(next.token) });
    expect(next.token).toMatch(/^[\w-]{43}$/);
    expect(tokensOf(first, second).successorOf(token)).toEqual(next);
    expect(tokensOf(second).successorOf(token).token).not.toBe(next.token);
    expect(tokens.successorOf(next.token).token).not.toBe(next.token);
    expect(tokens.successorOf(createRandomToken().token).token).not.toBe(next.token);
  });

  test("have nothing to do with what else is derived from the key", () => {
    const [one, same, other] = ["a", "a", "b"].map((purpose) => tokens.secretFor(purpose));
    expect(one).toHaveLength(32);
    expect(one).toEqual(same);
    expect(one).not.toEqual(other);
    expect(tokensOf(second).secretFor("a")).not.toEqual(one);
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

  test("are hashed and compared by other threads, so many at a time and no more", async () => {
    const argon2 = await import("@node-rs/argon2");
    let [running, most] = [0, 0];
    const counted =
      <A extends unknown[], T>(work: (...args: A) => Promise<T>) =>
      async (...args: A): Promise<T> => {
        running += 1;
        most = Math.max(most, running);
        return work(...args).finally(() => {
          running -= 1;
        });
      };
    const [hash, verify] = [counted(argon2.hash), counted(argon2.verify)];
    jest.resetModules();
    jest.unstable_mockModule("@node-rs/argon2", () => ({ ...argon2, hash, verify }));
    const spied = await import("../../src/resources/passwords.ts");
    const passwords = await spied.openPasswords({ concurrency: 3 });

    let turns = 0;
    let isOver = false;
    const turn = (): void => {
      turns += 1;
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    const work = Array.from({ length: 12 }, (_, index) =>
      index % 2 === 0 ? passwords.hash("x") : passwords.verifyOrDummy(undefined, "x"),
    );
    await Promise.all(work);
    isOver = true;
    expect(most).toBe(3);
    // Work on the main thread would end before the event loop comes round once.
    expect(turns).toBeGreaterThan(work.length);
  });

  test("may not be megabytes", async () => {
    const passwords = await openPasswords();
    expect(await code(passwords.hash("x".repeat(1025)))).toBe("PASSWORD_TOO_LONG");
    const stored = await passwords.hash("");
    expect(await passwords.verifyOrDummy(stored, "x".repeat(5_000_000))).toBe(false);
  });
});
