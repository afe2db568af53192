/** How often one may try, from where: what stops a guesser and does not stop a person. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Secret, TOTP } from "otpauth";
import { networkOf } from "../../src/resources/network.ts";
import { testDatabase } from "../helpers/database.ts";
import { type Marketplace, openMarketplace } from "../helpers/marketplace.ts";
import { PASSWORD, signUp } from "../story/people.ts";

const database = testDatabase();
let marketplace: Marketplace;
let server: string;

beforeAll(async () => {
  // The test is the one proxy in front, which says where a request comes from.
  marketplace = await openMarketplace(database, 1, { TRUST_PROXY: "1" });
  server = marketplace.servers[0] ?? "";
});

afterAll(async () => {
  await marketplace?.dispose();
});

async function post(from: string, path: string, body: object): Promise<Response> {
  return fetch(`${server}/v1/auth/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-forwarded-for": from },
    body: JSON.stringify(body),
  });
}

async function logIn(from: string, email: string, password = "a guess"): Promise<number> {
  return (await post(from, "login", { email, password })).status;
}

async function register(from: string, email: string): Promise<number> {
  const person = { email, password: PASSWORD, displayName: "Nele" };
  return (await post(from, "register", person)).status;
}

/** The statuses of so many tries one after the other. */
async function repeat(times: number, attempt: (index: number) => Promise<number>) {
  const statuses: number[] = [];
  for (let index = 0; index < times; index += 1) statuses.push(await attempt(index));
  return statuses;
}

const refusedTenTimes = Array.from({ length: 10 }, () => 401);

describe("a mail to an address", () => {
  test("is limited by who causes it, and not by the address that is named", async () => {
    const email = "named@example.com";
    const statuses = await repeat(11, () => register("192.0.2.8", email));
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 202), 429]);
    expect(await register("192.0.2.9", email)).toBe(202);
    // However it is spelled, it is one address.
    const spelled = ["odd@\uff45xample.com", "ODD@example.com", "odd@EXAMPLE.com"];
    const same = await repeat(11, (index) => register("192.0.2.10", spelled[index % 3] ?? ""));
    expect(same.at(-1)).toBe(429);
    const forgot = async (from: string): Promise<number> =>
      (await post(from, "password/forgot", { email: "odd@example.com" })).status;
    expect([await forgot("192.0.2.10"), await forgot("192.0.2.11")]).toEqual([429, 202]);
  });
});

describe("signing in", () => {
  test("takes ten tries for one account from one address, then says how long to wait", async () => {
    const email = "target@example.com";
    expect(await repeat(10, () => logIn("192.0.2.1", email))).toEqual(refusedTenTimes);
    const refusal = await post("192.0.2.1", "login", { email, password: "a guess" });
    expect(refusal.status).toBe(429);
    expect(await refusal.json()).toMatchObject({ code: "RATE_LIMITED" });
    expect(Number(refusal.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  test("is not kept from the owner elsewhere by who guesses, however long", async () => {
    const email = "owner@example.com";
    await repeat(120, () => logIn("192.0.2.2", email));
    expect(await logIn("192.0.2.2", email)).toBe(429);
    expect(await logIn("192.0.2.3", email)).toBe(401);
  });

  test("takes a hundred tries for one account from all addresses together", async () => {
    const email = "hunted@example.com";
    const guesses = Array.from({ length: 10 }, (_, index) =>
      repeat(10, () => logIn(`198.51.100.${index}`, email)),
    );
    expect((await Promise.all(guesses)).flat()).toEqual(Array.from({ length: 100 }, () => 401));
    expect(await logIn("198.51.100.10", email)).toBe(429);
  });

  test("lets its person in from where they signed in before, while others guess", async () => {
    marketplace.startWorker();
    const { email } = await signUp(marketplace, server, "Quarry");
    expect(await logIn("203.0.113.1", email, PASSWORD)).toBe(200);
    const guesses = Array.from({ length: 10 }, (_, index) =>
      repeat(10, () => logIn(`198.51.101.${index}`, email)),
    );
    await Promise.all(guesses);
    // From anywhere else not even the right password helps, nor does that network help others.
    expect(await logIn("198.51.101.10", email, PASSWORD)).toBe(429);
    expect(await logIn("203.0.113.1", email, PASSWORD)).toBe(200);
    expect(await repeat(10, () => logIn("203.0.113.1", email))).toEqual(refusedTenTimes);
    expect(await logIn("203.0.113.1", email, PASSWORD)).toBe(429);
  });

  test("lets its person in with their second factor, while who has the password guesses", async () => {
    marketplace.startWorker();
    const { email, client } = await signUp(marketplace, server, "Factor");
    const begun = await client.post("/v1/me/second-factor");
    const totp = new TOTP({ secret: Secret.fromBase32(String(begun.body.secret)) });
    const codeAt = (steps: number): string =>
      totp.generate({ timestamp: Date.now() + steps * 30_000 });
    const enabled = await client.post("/v1/me/second-factor/enable", { code: codeAt(-1) });
    const [one = "", two = ""] = enabled.body.recoveryCodes as string[];
    const logInWith = async (from: string, code: string): Promise<number> =>
      (await post(from, "login", { email, password: PASSWORD, code })).status;
    expect(await logInWith("203.0.113.20", one)).toBe(200);
    for (const from of ["198.51.102.1", "198.51.102.2", "198.51.102.3"]) {
      const guesses = await repeat(10, () => logInWith(from, "AAAA-AAAA-AAAA-AAAA"));
      expect(guesses).toEqual(refusedTenTimes);
    }
    expect(await logInWith("198.51.102.4", two)).toBe(429);
    expect(await logInWith("203.0.113.20", two)).toBe(200);
  });

  test("counts failures alone: who knows the password signs in as often as they like", async () => {
    marketplace.startWorker();
    const { email } = await signUp(marketplace, server, "Busy");
    const often = await repeat(110, () => logIn("203.0.113.2", email, PASSWORD));
    expect(new Set(often)).toEqual(new Set([200]));
    expect(await logIn("203.0.113.3", email, PASSWORD)).toBe(200);
  });

  test("counts an account once, however its address is spelled", async () => {
    const spellings = ["blank@example.com", " blank@example.com", "BLANK@example.com\t \n"];
    const statuses = await repeat(10, (index) =>
      logIn("192.0.2.4", `${" ".repeat(index)}${spellings[index % 3]}`),
    );
    expect(statuses).toEqual(refusedTenTimes);
    expect(await logIn("192.0.2.4", `${spellings[0]}${" ".repeat(20)}`)).toBe(429);
  });

  test("forgets the tries of a person who has remembered the password", async () => {
    marketplace.startWorker();
    const person = await signUp(marketplace, server, "Forgetful");
    for (let round = 0; round < 2; round += 1) {
      await repeat(9, () => logIn("192.0.2.5", person.email));
      expect(await logIn("192.0.2.5", `${person.email} `, PASSWORD)).toBe(200);
    }
  });

  test("counts a network of IPv6 as one address", async () => {
    const email = "six@example.com";
    const statuses = await repeat(10, (index) => logIn(`2001:db8:0:1::${index}`, email));
    expect(statuses).toEqual(refusedTenTimes);
    expect(await logIn("2001:db8:0:1:ffff::1", email)).toBe(429);
    expect(await logIn("2001:db8:0:2::1", email)).toBe(401);
  });

  test("and registering are counted apart", async () => {
    const email = "apart@example.com";
    await repeat(11, () => logIn("192.0.2.6", email));
    const statuses = await repeat(11, () => register("192.0.2.6", email));
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 202), 429]);
    const other = "other-way@example.com";
    await repeat(11, () => register("192.0.2.7", other));
    expect(await logIn("192.0.2.7", other)).toBe(401);
  });
});

test.each([
  ["192.0.2.1", "192.0.2.1"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["::FFFF:c000:201", "192.0.2.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:0DB8:1:2::", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["", ""],
])("the address %j counts as %j", (ip, network) => {
  expect(networkOf(ip)).toBe(network);
});
