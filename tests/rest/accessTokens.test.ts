/**
 * Claims about access tokens over real HTTP: what is not entirely ours is refused by REST and by
 * GraphQL with 401, and changes nothing.
 */
import {
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  randomUUID,
  sign,
  verify,
} from "node:crypto";
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { loadConfig } from "../../src/config/index.ts";
import { openTokenKey } from "../../src/resources/tokenKeys.ts";
import { createRandomToken, createTokens, type Tokens } from "../../src/resources/tokens.ts";
import {
  makeKey,
  partsOf,
  signedWith,
  type TokenParts,
  unsigned,
} from "../helpers/accessTokens.ts";
import { apiClient } from "../helpers/client.ts";
import { testDatabase } from "../helpers/database.ts";
import { somebody } from "../helpers/factories.ts";
import { type Marketplace, openMarketplace } from "../helpers/marketplace.ts";

const [FIRST, SECOND, REMOVED] = [makeKey(), makeKey(), makeKey()];
const [first, second, removed] = [FIRST, SECOND, REMOVED].map(openTokenKey);
if (!first || !second || !removed) throw new Error("There are no keys.");
const pem = first.publicKey.export({ format: "pem", type: "spki" }).toString();

const database = testDatabase();
let marketplace: Marketplace;
let server: string;
let userId: string;
const tokensOf = (keys: string): Tokens =>
  createTokens(loadConfig({ NODE_ENV: "test", JWT_KEYS: keys }));

beforeAll(async () => {
  marketplace = await openMarketplace(database, 1, { JWT_KEYS: `${FIRST},${SECOND}` });
  [server = ""] = marketplace.servers;
  userId = await somebody(database, "Before");
});

afterAll(async () => {
  await marketplace?.dispose();
});

const goodToken = (keys = FIRST): string =>
  tokensOf(keys).signAccessToken({ userId, sessionId: userId, role: "visitor" }).token;

interface Outcome {
  readonly rest: readonly [number, unknown];
  readonly graphql: readonly [number, unknown];
  /** What the person is called after both faces were asked to change it. */
  readonly name: unknown;
}

const UPDATE = `mutation ($userId: UUID!) {
  updateUser(input: { id: $userId, patch: { displayName: "After" } }) { user { id } }
}`;

/** Every token that was sent. */
const sent: string[] = [];

async function outcomeOf(token: string): Promise<Outcome> {
  sent.push(token);
  await database.owner.query(
    "update app_public.users set display_name = 'Before' where id = $1 and display_name <> 'Before'",
    [userId],
  );
  const client = apiClient(server, token);
  const rest = await client.rest("PATCH", `/v1/users/${userId}`, { displayName: "After" });
  const graphql = await client.send(UPDATE, { userId });
  const { rows } = await database.owner.query(
    "select display_name as name from app_public.users where id = $1",
    [userId],
  );
  return {
    rest: [rest.status, rest.body.code],
    graphql: [graphql.status, graphql.errors[0]?.extensions?.code],
    name: rows[0]?.name,
  };
}

const refused = (code: string): Outcome => ({
  rest: [401, code],
  graphql: [401, code],
  name: "Before",
});
const taken: Outcome = { rest: [200, undefined], graphql: [200, undefined], name: "After" };

/** A token that differs in its header or its payload, signed well; `undefined` takes away. */
const but = (change: Partial<TokenParts>, key = FIRST): string => {
  const { header, payload } = partsOf(goodToken());
  return signedWith(key, {
    header: { ...header, ...change.header },
    payload: { ...payload, ...change.payload },
  });
};
const header = (change: object, key?: string) => () => but({ header: { ...change } }, key);
const payload = (change: object) => () => but({ payload: { ...change } });

/** A good token whose signature was made otherwise. */
const signedBy = (alg: string, make: (text: string) => string) => () => {
  const { header, payload } = partsOf(goodToken());
  const text = unsigned({ header: { ...header, alg }, payload });
  return `${text}.${make(text)}`;
};
const hmac = (secret: string | Buffer, hash = "sha256") => {
  return (text: string) => createHmac(hash, secret).update(text).digest("base64url");
};
const pieces = (change: (head: string, body: string, signature: string) => string) => () => {
  const [head = "", body = "", signature = ""] = goodToken().split(".");
  return change(head, body, signature);
};
const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const now = (): number => Math.floor(Date.now() / 1000);

const attacker = generateKeyPairSync("ec", { namedCurve: "P-256" });
const attackers = attacker.privateKey.export({ format: "der", type: "pkcs8" }).toString("base64");
const ownJwk = attacker.publicKey.export({ format: "jwk" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey;

const FORGED: readonly (readonly [what: string, make: () => string])[] = [
  ...["none", "None", "NONE", "nOnE", ""].flatMap((alg) => [
    [`alg "${alg}" without a signature`, signedBy(alg, () => "")] as const,
    [
      `alg "${alg}" with an old signature`,
      signedBy(alg, () => goodToken().split(".")[2] ?? ""),
    ] as const,
  ]),
  ["no alg", header({ alg: undefined })],
  ["alg none, two parts", () => unsigned({ ...partsOf(goodToken()), header: { alg: "none" } })],
  ["HS256 with the public key as PEM", signedBy("HS256", hmac(pem))],
  ["HS256 with the public key as PEM, trimmed", signedBy("HS256", hmac(pem.trim()))],
  ["HS256 with the published key as JSON", signedBy("HS256", hmac(JSON.stringify(first.jwk)))],
  [
    "HS256 with the public key as DER",
    signedBy("HS256", hmac(first.publicKey.export({ format: "der", type: "spki" }))),
  ],
  ["HS512 with the public key as PEM", signedBy("HS512", hmac(pem, "sha512"))],
  ["HS256 with an empty secret", signedBy("HS256", hmac(""))],
  ["an HMAC in place of a signature of ES256", signedBy("ES256", hmac(pem))],
  [
    "RS256 with a key of somebody",
    signedBy("RS256", (text) => sign("sha256", Buffer.from(text), rsa).toString("base64url")),
  ],
  [
    "ES384 with a key of somebody",
    signedBy("ES384", (text) =>
      sign("sha384", Buffer.from(text), { key: p384, dsaEncoding: "ieee-p1363" }).toString(
        "base64url",
      ),
    ),
  ],
  ["the key of somebody under our kid", header({}, attackers)],
  ["the second key under the kid of the first", header({}, SECOND)],
  ["the first key under the kid of the second", header({ kid: second.jwk.kid })],
  ["a key that was removed", header({ kid: removed.jwk.kid }, REMOVED)],
  ["no kid", header({ kid: undefined })],
  ["an empty kid", header({ kid: "" })],
  ["a kid that is null", header({ kid: null })],
  ["a kid that is a list", header({ kid: [first.jwk.kid] })],
  ["an unknown kid", header({ kid: "another" })],
  ["a kid that every object has", header({ kid: "constructor" })],
  ["a kid that is a path", header({ kid: "../../../../../../dev/null" })],
  ["a kid that is SQL", header({ kid: `${first.jwk.kid}' or '1'='1` })],
  ["a kid that is a command", header({ kid: `${first.jwk.kid}|sleep 10` })],
  ["a kid that is an address", header({ kid: "http://127.0.0.1:1/key" })],
  ["an embedded key that signed it", header({ jwk: ownJwk }, attackers)],
  ["an embedded key in place of the kid", header({ kid: undefined, jwk: ownJwk }, attackers)],
  ["an embedded key that is ours", header({ jwk: first.jwk })],
  ["the address of keys", header({ jku: "http://127.0.0.1:1/jwks.json" }, attackers)],
  ["the address of a certificate", header({ x5u: "http://127.0.0.1:1/x.pem" }, attackers)],
  ["an embedded certificate", header({ x5c: ["MIIB"] })],
  ["an extension that must be understood", header({ crit: ["exp2"], exp2: 1 })],
  ["a payload that is not encoded", header({ b64: false, crit: ["b64"] })],
  ["typ JWT", header({ typ: "JWT" })],
  ["no typ", header({ typ: undefined })],
  ["the typ of a logout token", header({ typ: "logout+jwt" })],
  ["no end", payload({ exp: undefined })],
  ["an end that is text", payload({ exp: String(now() + 600) })],
  ["an end in an hour, when nobody remembers that it was revoked", payload({ exp: now() + 3600 })],
  ["an end in ten years", payload({ exp: now() + 315_360_000 })],
  ["an end that is null", payload({ exp: null })],
  ["an end that is a list", payload({ exp: [now() + 600] })],
  ["a beginning in the future", payload({ nbf: now() + 300 })],
  ["a beginning that is text", payload({ nbf: "yesterday" })],
  ["no audience", payload({ aud: undefined })],
  ["another audience", payload({ aud: "another-api" })],
  ["our audience among others", payload({ aud: ["staybase-api", "another-api"] })],
  ["no issuer", payload({ iss: undefined })],
  ["another issuer", payload({ iss: "https://staybase.example" })],
  ["our issuer among others", payload({ iss: ["staybase"] })],
  ["an unknown role", payload({ role: "staybase_owner" })],
  ["two roles", payload({ role: ["visitor", "operator"] })],
  ["no role", payload({ role: undefined })],
  ["no user", payload({ sub: undefined })],
  ["a user that is no UUID", payload({ sub: "1 or 1=1" })],
  ["a user and more", () => but({ payload: { sub: `${userId}\n` } })],
  ["a list of users", () => but({ payload: { sub: [userId] } })],
  ["no session", payload({ sid: undefined })],
  ["a session that is no UUID", payload({ sid: "any" })],
  ["a payload that is a text", pieces((head) => `${head}.${encode(["x"])}.AAAA`)],
  [
    "the role of an operator, forged after signing",
    pieces((head, body, signature) => {
      const { payload } = partsOf(`${head}.${body}`);
      return `${head}.${encode({ ...payload, role: "operator" })}.${signature}`;
    }),
  ],
  [
    "an end put off after signing",
    pieces((head, body, signature) => {
      const { payload } = partsOf(`${head}.${body}`);
      return `${head}.${encode({ ...payload, exp: now() + 86_400 })}.${signature}`;
    }),
  ],
  ["a refresh token in its place", () => createRandomToken().token],
  ["a refresh token as a payload", pieces((head) => `${head}.${createRandomToken().token}.AAAA`)],
  [
    "a signature as DER",
    signedBy("ES256", (text) =>
      sign("sha256", Buffer.from(text), first.privateKey).toString("base64url"),
    ),
  ],
  ["a signature of zeros", signedBy("ES256", () => Buffer.alloc(64).toString("base64url"))],
  ["a signature that is cut", pieces((...all) => all.join(".").slice(0, -2))],
  ["half a signature", pieces((...all) => all.join(".").slice(0, -43))],
  ["no signature", pieces((head, body) => `${head}.${body}.`)],
  ["no header", pieces((_head, body, signature) => `.${body}.${signature}`)],
  ["no payload", pieces((head, _body, signature) => `${head}..${signature}`)],
  ["three empty parts", () => ".."],
  [
    "the same member twice in its header",
    () => {
      const { header: good, payload: claims } = partsOf(goodToken());
      const members = JSON.stringify(good).slice(1);
      const twice = Buffer.from(`{"alg":"none",${members}`).toString("base64url");
      const text = `${twice}.${encode(claims)}`;
      return `${text}.${hmac(pem)(text)}`;
    },
  ],
  ["two parts", pieces((head, body) => `${head}.${body}`)],
  ["four parts", pieces((...all) => `${all.join(".")}.x`)],
  ["five parts, as if encrypted", pieces((...all) => `${all.join(".")}.x.y`)],
  ["a dot before it", pieces((...all) => `.${all.join(".")}`)],
  ["padding", pieces((...all) => `${all.join(".")}==`)],
  ["a blank in it", pieces((head, body, signature) => `${head}. ${body}.${signature}`)],
  ["a tab in it", pieces((head, body, signature) => `${head}.\t${body}.${signature}`)],
  ["a hard blank after it", pieces((...all) => `${all.join(".")}\u00a0`)],
  ["a line feed, encoded", pieces((...all) => `${all.join(".")}%0A`)],
  ["quotes around it", pieces((...all) => `"${all.join(".")}"`)],
  ["two tokens with a blank", () => `${goodToken()} ${goodToken()}`],
  ["two tokens with a comma", () => `${goodToken()},${goodToken()}`],
  ["two headers in one", () => `${goodToken()}, Bearer ${goodToken()}`],
  ["twice Bearer", () => `Bearer ${goodToken()}`],
  ["a JWS as JSON", pieces((head, body, sig) => encode({ protected: head, payload: body, sig }))],
  ["10,000 characters", payload({ more: "x".repeat(7000) })],
  ["nothing but letters", () => "a".repeat(10_000)],
];

describe("a token", () => {
  test("of the first key is taken, and so is one of the second", async () => {
    expect(await outcomeOf(goodToken(FIRST))).toEqual(taken);
    expect(await outcomeOf(goodToken(SECOND))).toEqual(taken);
    // What is forged below is right but for one thing: without it, it is taken.
    expect(await outcomeOf(but({}))).toEqual(taken);
    expect(await outcomeOf(but({ header: { kid: second.jwk.kid } }, SECOND))).toEqual(taken);
    const { header, payload } = partsOf(goodToken());
    expect(header).toEqual({ alg: "ES256", typ: "at+jwt", kid: first.jwk.kid });
    expect(Number(payload.exp)).toBeLessThanOrEqual(now() + 15 * 60);
  });

  test.each(FORGED)("with %s is refused, and changes nothing", async (_what, make) => {
    expect(await outcomeOf(make())).toEqual(refused("TOKEN_INVALID"));
  });

  test.each([1, 60, 86_400])("that ended %d seconds ago is refused as expired", async (seconds) => {
    const token = but({ payload: { exp: now() - seconds } });
    expect(await outcomeOf(token)).toEqual(refused("TOKEN_EXPIRED"));
  });

  test("that ended is no more than invalid where it is forged as well", async () => {
    const token = header({}, attackers)();
    const { payload } = partsOf(token);
    const old = { ...partsOf(token), payload: { ...payload, exp: now() - 60 } };
    expect(await outcomeOf(signedWith(attackers, old))).toEqual(refused("TOKEN_INVALID"));
  });

  test("of nobody changes nothing, also as an operator's", async () => {
    for (const role of ["visitor", "operator"]) {
      const nobody = randomUUID();
      const { rest, graphql, name } = await outcomeOf(
        but({ payload: { sub: nobody, sid: nobody, role } }),
      );
      expect([rest[0] >= 400, graphql[1] !== undefined, name]).toEqual([true, true, "Before"]);
    }
  });

  test("that comes in two headers is refused, whichever is good", async () => {
    const path = `/v1/users/${userId}`;
    for (const pair of [
      [goodToken(), "x"],
      ["x", goodToken()],
      [goodToken(), goodToken()],
    ]) {
      const status = await new Promise<unknown>((resolve, reject) => {
        const headers = ["Host", "localhost", "Content-Type", "application/json"];
        const both = pair.flatMap((token) => ["Authorization", `Bearer ${token}`]);
        const options = { method: "PATCH", headers: [...headers, ...both] };
        const asked = request(`${server}${path}`, options, (response) =>
          resolve(response.resume().statusCode),
        );
        asked.on("error", reject).end(JSON.stringify({ displayName: "After" }));
      });
      expect(status).toBe(400);
    }
    expect(await outcomeOf("x")).toEqual(refused("TOKEN_INVALID"));
  });

  test("of a megabyte is refused before it is read, and the server goes on", async () => {
    const token = but({ payload: { more: "x".repeat(750_000) } });
    expect(token.length).toBeGreaterThan(1_000_000);
    const path = `/v1/users/${userId}`;
    const status = await new Promise<unknown>((resolve) => {
      const asked = request(`${server}${path}`, {
        method: "PATCH",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      });
      // Node hangs up while we still send.
      asked.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
      asked.on("response", (response) => resolve(response.resume().statusCode));
      asked.end(JSON.stringify({ displayName: "After" }));
    });
    expect([431, "ECONNRESET", "EPIPE"]).toContain(status);
    expect(await outcomeOf("x")).toEqual(refused("TOKEN_INVALID"));
    expect(await outcomeOf(goodToken())).toEqual(taken);
  });
});

describe("/.well-known/jwks.json", () => {
  const address = (): string => `${server}/.well-known/jwks.json`;

  test("has both public keys, and no private one", async () => {
    const response = await fetch(address());
    expect(response.headers.get("cache-control")).toBe("public, max-age=300");
    expect(response.headers.get("content-type")).toMatch(/^application\/jwk-set\+json/);
    const members = { kty: "EC", crv: "P-256", use: "sig", alg: "ES256" };
    const text = expect.stringMatching(/^[\w-]{43}$/);
    expect(await response.json()).toEqual({
      keys: [first, second].map(({ jwk }) => ({ ...members, x: text, y: text, kid: jwk.kid })),
    });
  });

  test("is enough to verify a token of ours", async () => {
    const { keys } = (await (await fetch(address())).json()) as { keys: Record<string, string>[] };
    for (const [index, own] of [FIRST, SECOND].entries()) {
      const [head, body, signature = ""] = goodToken(own).split(".");
      const key = createPublicKey({ key: keys[index] ?? {}, format: "jwk" });
      const options = { key, dsaEncoding: "ieee-p1363" } as const;
      const text = Buffer.from(`${head}.${body}`);
      expect(verify("sha256", text, options, Buffer.from(signature, "base64url"))).toBe(true);
    }
  });
});

test("neither the keys nor a token is in the log", () => {
  const log = marketplace.output();
  expect(log).toContain(userId);
  for (const key of [first, second]) {
    const { d = "?" } = key.privateKey.export({ format: "jwk" });
    expect(log).not.toContain(d);
  }
  for (const secret of [FIRST, SECOND, ...sent]) expect(log).not.toContain(secret);
});
