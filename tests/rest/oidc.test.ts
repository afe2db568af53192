/**
 * Signing in with a provider of OpenID Connect, on two servers: with a real provider, whose pages
 * are filled in, and with one that lies, is ill or is away.
 */
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { Secret, TOTP } from "otpauth";
import { apiClient, type Client, type RestResponse } from "../helpers/client.ts";
import { travel } from "../helpers/clock.ts";
import { testDatabase } from "../helpers/database.ts";
import { type Marketplace, openMarketplace, waitUntil } from "../helpers/marketplace.ts";
import { drawPkce, type OidcBrowser, openOidcBrowser, type Pkce } from "../helpers/oidcBrowser.ts";
import {
  CLIENT,
  type Liar,
  type Lie,
  type Listening,
  startLiar,
  startOidcProvider,
  startSilence,
} from "../helpers/oidcProvider.ts";
import { PASSWORD, signUp } from "../story/people.ts";

const database = testDatabase();
/** Where browsers think that the servers are, both of them. */
const HOME = "http://localhost:4999";
const CALLBACK = `${HOME}/v1/auth/oidc/real/callback`;
const JSON_ONLY = { headers: { accept: "application/json" } };

/** What the real provider knows of whom. */
const accounts = new Map<string, object>();
let marketplace: Marketplace;
let [one, two] = ["", ""];
let client: Client;
let real: Listening;
let liar: Liar;
let silence: Listening;

beforeAll(async () => {
  [real, liar, silence] = await Promise.all([
    startOidcProvider(accounts, () => CALLBACK),
    startLiar(),
    startSilence(),
  ]);
  const providers = [
    ["real", "Real", real.issuer],
    ["liar", "Liar", liar.issuer],
    ["silence", "Silence", silence.issuer],
    ["dead", "Dead", "http://127.0.0.1:1"],
  ].map(([name, title, issuer]) => ({ name, title, issuer, ...CLIENT }));
  marketplace = await openMarketplace(database, 2, {
    PUBLIC_URL: HOME,
    OIDC_PROVIDERS: JSON.stringify(providers),
  });
  marketplace.startWorker();
  [one = "", two = ""] = marketplace.servers;
  client = apiClient(one);
});

afterAll(async () => {
  await marketplace?.dispose();
  await Promise.all([real?.close(), liar?.close(), silence?.close()]);
});

afterEach(() => travel(database, null));

interface Way {
  readonly browser: OidcBrowser;
  readonly pkce: Pkce;
  /** Where the provider is. */
  readonly address: URL;
}

/** Begins at the first server. */
async function begin(provider = "real", browser = openOidcBrowser(HOME)): Promise<Way> {
  const pkce = drawPkce();
  const address = `${HOME}/v1/auth/oidc/${provider}?codeChallenge=${pkce.codeChallenge}`;
  const response = await browser.visit(address, { at: one });
  expect(response.status).toBe(302);
  return { browser, pkce, address: new URL(response.headers.get("location") ?? "") };
}

/** Comes back at the second server; gives the parameters with which the app is opened. */
async function comeBack(address: string, browser: OidcBrowser): Promise<URLSearchParams> {
  const response = await browser.visit(address, { at: two });
  expect([response.status, await response.text()]).toEqual([302, ""]);
  const location = new URL(response.headers.get("location") ?? "");
  expect(location.origin + location.pathname).toBe(`${HOME}/sign-in`);
  return location.searchParams;
}

const shownCode = (shown: URLSearchParams, { codeVerifier }: Pkce) => ({
  code: shown.get("code"),
  codeVerifier,
});

/** With the real provider, up to the code; `login` is the account there. */
async function codeOf(login: string) {
  const { browser, pkce, address } = await begin();
  const back = await browser.passProvider(address.href, login);
  return shownCode(await comeBack(back, browser), pkce);
}

const session = (shown: object): Promise<RestResponse> =>
  client.post("/v1/auth/oidc/session", shown);

const signIn = async (login: string): Promise<RestResponse> => session(await codeOf(login));

/** Comes back from the liar, who says this. */
async function hear(lie: Lie, browser = openOidcBrowser(HOME)) {
  const { address, pkce } = await begin("liar", browser);
  const { searchParams } = address;
  liar.lie(searchParams.get("nonce") ?? "", lie);
  const query = new URLSearchParams({ code: "any", state: searchParams.get("state") ?? "" });
  const back = `${HOME}/v1/auth/oidc/liar/callback?${query}`;
  return { back, browser, pkce };
}

async function signInWithLiar(lie: Lie): Promise<RestResponse> {
  const { back, browser, pkce } = await hear(lie);
  return session(shownCode(await comeBack(back, browser), pkce));
}

/** Somebody at the real provider; gives their account and their address. */
function somebodyThere(claims: object = {}): { login: string; email: string } {
  const login = randomUUID();
  const email = `${login}@example.com`;
  accounts.set(login, { email, email_verified: true, name: "Ora", ...claims });
  return { login, email };
}

/** Somebody who has registered here. */
async function somebodyHere(name: string) {
  const person = await signUp(marketplace, one, name);
  return { ...person, login: randomUUID() };
}

const count = async (table: string): Promise<number> =>
  Number((await database.owner.query(`select count(*) from app_private.${table}`)).rows[0]?.count);

describe("a sign-in with a provider", () => {
  test("is offered by name, and nothing secret is", async () => {
    const { status, text, body } = await client.get("/v1/auth/oidc");
    expect([status, (body.items as object[])[0]]).toEqual([200, { name: "real", title: "Real" }]);
    expect(text).not.toContain(CLIENT.clientId);
  });

  test("makes somebody new, then knows them, whatever their address becomes", async () => {
    const { login, email } = somebodyThere();
    const first = await signIn(login);
    expect(first.status).toBe(201);
    const me = await client.withToken(String(first.body.accessToken)).get("/v1/me");
    expect(me.body).toMatchObject({ displayName: "Ora", email, isOperator: false });
    accounts.set(login, { email: "another@example.com", email_verified: false });
    const second = await signIn(login);
    expect([second.status, second.body.userId]).toEqual([200, first.body.userId]);
  });

  test("takes no part of an address, and no odd signs, for a name", async () => {
    const names: unknown[] = [];
    for (const name of [undefined, " \u200b\n", "A\u202eda\tLove\u0000lace", "x".repeat(100)]) {
      const { body } = await signInWithLiar({ claims: { name } });
      const { body: me } = await client.withToken(String(body.accessToken)).get("/v1/me");
      names.push(me.displayName);
    }
    expect(names).toEqual(["Guest", "Guest", "A da Love lace", "x".repeat(80)]);
  });

  test("joins the account with the same address, and says so by mail", async () => {
    const { email, userId, login } = await somebodyHere("Abel");
    accounts.set(login, { email: "ABEL@EXAMPLE.COM", email_verified: true });
    const { status, body } = await signIn(login);
    expect([status, body.userId]).toEqual([200, userId]);
    await waitUntil("a mail", async () =>
      (await marketplace.mails()).some(
        ({ to, subject }) => to.includes(email) && subject === "A way to sign in was added",
      ),
    );
    expect((await client.post("/v1/auth/login", { email, password: PASSWORD })).status).toBe(200);
    // Another account there with that address may be another person.
    const other = somebodyThere({ email });
    expect((await signIn(other.login)).body.code).toBe("OIDC_EMAIL_TAKEN");
  });

  test("joins no account whose address one of the two does not know to be theirs", async () => {
    const { email, userId, login } = await somebodyHere("Bela");
    for (const verified of [false, undefined, null, "no", 1]) {
      accounts.set(login, { email, email_verified: verified });
      expect(await signIn(login)).toMatchObject({
        status: 409,
        body: { code: "OIDC_EMAIL_UNVERIFIED" },
      });
    }
    // Nobody is told whether there is such an account.
    const stranger = somebodyThere({ email_verified: false });
    expect((await signIn(stranger.login)).body.code).toBe("OIDC_EMAIL_UNVERIFIED");

    accounts.set(login, { email, email_verified: true });
    await database.owner.query(
      "update app_public.user_contacts set email_verified_at = null where user_id = $1",
      [userId],
    );
    expect((await signIn(login)).body.code).toBe("OIDC_EMAIL_TAKEN");
    await database.owner.query(
      "update app_public.user_contacts set email_verified_at = now() where user_id = $1",
      [userId],
    );
    expect((await signIn(login)).body.userId).toBe(userId);
  });

  test.each([
    undefined,
    "",
    7,
    "no address",
    "a@b",
    "two\u0000@example.com",
    `${"x".repeat(250)}@example.com`,
  ])("without an address that mail goes to makes nobody: %j", async (email) => {
    const before = await count("identities");
    expect(await signInWithLiar({ claims: { email } })).toMatchObject({
      status: 409,
      body: { code: "OIDC_EMAIL_MISSING" },
    });
    expect(await count("identities")).toBe(before);
  });

  test("makes one account of many at once, and of a registration that is confirmed", async () => {
    const { login, email } = somebodyThere();
    const register = { email, password: PASSWORD, displayName: "Ora" };
    await client.post("/v1/auth/register", register);
    let token = "";
    await waitUntil("the mail", async () => {
      const mail = (await marketplace.mails()).find(({ to }) => to.includes(email));
      token = new URL(mail?.links[0] ?? "x:").searchParams.get("token") ?? "";
      return token !== "";
    });
    const codes = await Promise.all(Array.from({ length: 6 }, () => codeOf(login)));
    const [confirmed, ...others] = await Promise.all([
      client.post("/v1/auth/confirm", { token, password: PASSWORD }),
      ...codes.map(session),
    ]);
    expect([201, 410]).toContain(confirmed?.status);
    expect(others.map(({ status }) => status).filter((status) => status > 201)).toEqual([]);
    expect(new Set(others.map(({ body }) => body.userId)).size).toBe(1);
    const { rows } = await database.owner.query(
      "select user_id from app_public.user_contacts where email = $1",
      [email],
    );
    expect(rows).toEqual([{ user_id: others[0]?.body.userId }]);
  });
});

describe("a callback", () => {
  test("works once, at whatever server, and in no other browser", async () => {
    const { browser, pkce, address } = await begin();
    const { login } = somebodyThere();
    const back = await browser.passProvider(address.href, login);
    const stranger = openOidcBrowser(HOME);
    const elsewhere = await comeBack(back, stranger);
    expect(elsewhere.get("error")).toBe("OIDC_STATE_INVALID");
    // Nor in one that has begun something itself.
    await begin("real", stranger);
    expect((await comeBack(back, stranger)).get("error")).toBe("OIDC_STATE_INVALID");
    const shown = await comeBack(back, browser);
    expect((await session(shownCode(shown, pkce))).status).toBe(201);
    for (const at of [one, two]) {
      const again = await browser.visit(back, { at, ...JSON_ONLY });
      expect([again.status, await again.json()]).toEqual([
        410,
        expect.objectContaining({ code: "OIDC_STATE_INVALID" }),
      ]);
    }
  });

  test("goes with its provider, its state and its ten minutes", async () => {
    const { back, browser } = await hear({});
    for (const wrong of [
      back.replace("/liar/", "/real/"),
      back.replace(/state=.*/, `state=${"x".repeat(43)}`),
      back.replace(/state=.*/, ""),
    ]) {
      expect((await comeBack(wrong, browser)).get("error")).toBe("OIDC_STATE_INVALID");
    }
    await travel(database, "11 minutes");
    expect((await comeBack(back, browser)).get("error")).toBe("OIDC_STATE_INVALID");
    await travel(database, null);
    expect((await comeBack(back, browser)).get("code")).not.toBe("");
  });

  test("of two tabs leads both on", async () => {
    const browser = openOidcBrowser(HOME);
    const ways = [await hear({}, browser), await hear({}, browser)];
    const [first] = ways;
    const nonces = await Promise.all(
      ways.map(async ({ back }) => (await comeBack(back, browser)).get("error")),
    );
    // The liar gives both the nonce of the second.
    expect(nonces).toEqual(["OIDC_ANSWER_INVALID", null]);
    expect(first?.browser.cookies(HOME).size).toBe(1);
  });

  test("of somebody who gave up at the provider says so", async () => {
    const { browser, address } = await begin();
    const back = await browser.passProvider(address.href, "cancel");
    const shown = await comeBack(back, browser);
    expect([shown.get("error"), shown.get("code")]).toEqual(["OIDC_CANCELLED", ""]);
    const page = await fetch(`${one}/sign-in?${shown}`);
    expect(await page.text()).toContain("was not allowed to say who you are");
  });

  const now = Math.floor(Date.now() / 1000);
  test.each<[string, Lie]>([
    ["of another issuer", { claims: { iss: "https://accounts.example.com" } }],
    ["for another client", { claims: { aud: "somebody else" } }],
    ["for several clients, by another", { claims: { aud: [CLIENT.clientId, "b"], azp: "b" } }],
    ["with another nonce", { claims: { nonce: "of yesterday" } }],
    ["without a nonce", { claims: { nonce: undefined } }],
    ["without a subject", { claims: { sub: undefined } }],
    ["that has expired", { claims: { iat: now - 900, exp: now - 600 } }],
    ["with another's signature", { otherKey: true }],
    ["without a signature", { algorithm: "none" }],
    ["signed with the secret of the client", { algorithm: "HS256" }],
    ["that is missing", { noToken: true }],
    ["with a secret that the provider refuses", { status: 401 }],
  ])("believes no id token %s", async (_what, lie) => {
    const { back, browser } = await hear(lie);
    const answer = await browser.visit(back, { at: two, ...JSON_ONLY });
    expect([answer.status, await answer.json()]).toEqual([
      502,
      expect.objectContaining({ code: "OIDC_ANSWER_INVALID" }),
    ]);
    // The way is used up.
    expect((await comeBack(back, browser)).get("error")).toBe("OIDC_STATE_INVALID");
  });

  test("of a subject that cannot be kept is refused", async () => {
    for (const sub of ["x".repeat(300), "a\u0000b"]) {
      const { back, browser } = await hear({ claims: { sub } });
      expect((await comeBack(back, browser)).get("error")).toBe("OIDC_ANSWER_INVALID");
    }
  });

  test("waits no longer than a few seconds for the provider", async () => {
    for (const status of [0, 503]) {
      const { back, browser } = await hear({ status });
      const began = Date.now();
      const answer = await browser.visit(back, { at: two, ...JSON_ONLY });
      expect([answer.status, await answer.json()]).toEqual([
        503,
        expect.objectContaining({ code: "OIDC_UNAVAILABLE" }),
      ]);
      expect(Date.now() - began).toBeLessThan(12_000);
    }
  });
});

describe("a provider that is away", () => {
  test.each(["dead", "silence"])("is said to be, soon, and hinders nobody: %s", async (name) => {
    const { codeChallenge } = drawPkce();
    const path = `/v1/auth/oidc/${name}?codeChallenge=${codeChallenge}`;
    const began = Date.now();
    const asked = client.get(path);
    const many = Array.from({ length: 20 }, () =>
      client.get(`/v1/auth/oidc/${name}?codeChallenge=${drawPkce().codeChallenge}`),
    );
    expect((await client.get("/v1/amenities")).status).toBe(200);
    expect(await asked).toMatchObject({ status: 503, body: { code: "OIDC_UNAVAILABLE" } });
    expect(new Set((await Promise.all(many)).map(({ status }) => status))).toEqual(new Set([503]));
    expect(Date.now() - began).toBeLessThan(12_000);
    const browser = openOidcBrowser(HOME);
    const shown = await comeBack(`${HOME}${path}`, browser);
    expect(shown.get("error")).toBe("OIDC_UNAVAILABLE");
  });
});

describe("a code", () => {
  test("works once, for a minute, with its verifier", async () => {
    const { login } = somebodyThere();
    const shown = await codeOf(login);
    const other = { ...shown, codeVerifier: drawPkce().codeVerifier };
    const refused = { status: 410, body: { code: "OIDC_CODE_INVALID" } };
    expect(await session(other)).toMatchObject(refused);
    await travel(database, "61 seconds");
    expect(await session(shown)).toMatchObject(refused);
    await travel(database, null);
    const both = await Promise.all([session(shown), session(shown)]);
    expect(both.map(({ status }) => status).sort()).toEqual([201, 410]);
    expect(await session(shown)).toMatchObject(refused);
  });

  test("and all that goes with it is forgotten when it is over", async () => {
    await codeOf(somebodyThere().login);
    await begin();
    await travel(database, "11 minutes");
    await database.owner.query("select app_private.purge_expired_identity()");
    expect([await count("oidc_sign_ins"), await count("oidc_proofs")]).toEqual([0, 0]);
  });
});

describe("the ways to sign in", () => {
  test("can be added by who is signed in, and taken away", async () => {
    const { client: person, userId } = await somebodyHere("Cora");
    // Another address, and not even a verified one: who is signed in says that it is theirs.
    const { login } = somebodyThere({ email_verified: false });
    const shown = await codeOf(login);
    expect((await session(shown)).body.code).toBe("OIDC_EMAIL_UNVERIFIED");
    const add = (body: object) => person.post("/v1/me/identities", body);
    expect(await add({ ...shown, password: "another" })).toMatchObject({ status: 401 });
    expect((await add({ ...shown, password: PASSWORD })).status).toBe(204);
    expect((await add({ ...(await codeOf(login)), password: PASSWORD })).status).toBe(204);
    expect((await signIn(login)).body.userId).toBe(userId);

    const second = { ...(await codeOf(somebodyThere().login)), password: PASSWORD };
    expect(await add(second)).toMatchObject({ status: 409, body: { code: "IDENTITY_TAKEN" } });

    const { body } = await person.get("/v1/me/identities");
    const [item] = body.items as { id: string }[];
    expect(body.items).toEqual([
      expect.objectContaining({ provider: "real", issuer: real.issuer }),
    ]);
    const stranger = await somebodyHere("Dora");
    const path = `/v1/me/identities/${item?.id}`;
    expect((await stranger.client.delete(path)).status).toBe(404);
    expect((await person.delete(path)).status).toBe(204);
    expect((await person.delete(path)).status).toBe(404);
    expect((await person.get("/v1/me/identities")).body.items).toEqual([]);
    expect((await signIn(login)).body.code).toBe("OIDC_EMAIL_UNVERIFIED");
  });

  test("of another are not for the taking", async () => {
    const { login } = somebodyThere();
    expect((await signIn(login)).status).toBe(201);
    const { client: person } = await somebodyHere("Enid");
    const body = { ...(await codeOf(login)), password: PASSWORD };
    expect(await person.post("/v1/me/identities", body)).toMatchObject({
      status: 409,
      body: { code: "IDENTITY_TAKEN" },
    });
  });

  test("of who has no password are kept until they have one", async () => {
    const { login, email } = somebodyThere();
    const { body } = await signIn(login);
    const person = client.withToken(String(body.accessToken));
    expect((await client.post("/v1/auth/login", { email, password: PASSWORD })).status).toBe(401);
    const missing = { status: 409, body: { code: "PASSWORD_MISSING" } };
    const change = { currentPassword: "none", password: PASSWORD };
    expect(await person.rest("PUT", "/v1/me/password", change)).toMatchObject(missing);
    const move = { email: "moved@example.com", password: "none" };
    expect(await person.rest("PUT", "/v1/me/email", move)).toMatchObject(missing);
    const [item] = (await person.get("/v1/me/identities")).body.items as { id: string }[];
    const path = `/v1/me/identities/${item?.id}`;
    expect(await person.delete(path)).toMatchObject({
      status: 409,
      body: { code: "LAST_SIGN_IN" },
    });
    expect((await signIn(login)).status).toBe(200);

    await client.post("/v1/auth/password/forgot", { email });
    let token = "";
    await waitUntil("the mail", async () => {
      const mail = (await marketplace.mails()).find(({ to }) => to.includes(email));
      token = new URL(mail?.links[0] ?? "x:").searchParams.get("token") ?? "";
      return token !== "";
    });
    const reset = await client.post("/v1/auth/password/reset", { token, password: PASSWORD });
    expect([reset.status, reset.body.userId]).toEqual([200, body.userId]);
    expect((await client.post("/v1/auth/login", { email, password: PASSWORD })).status).toBe(200);
    const now = client.withToken(String(reset.body.accessToken));
    expect((await now.delete(path)).status).toBe(204);
  });
});

test("who has a second factor shows a code of it, and the provider's stays good until then", async () => {
  const { login } = somebodyThere();
  const first = await signIn(login);
  const person = client.withToken(String(first.body.accessToken));
  const begun = await person.post("/v1/me/second-factor");
  const totp = new TOTP({ secret: Secret.fromBase32(String(begun.body.secret)) });
  const codeAt = (steps: number): string =>
    totp.generate({ timestamp: Date.now() + steps * 30_000 });
  const enable = await person.post("/v1/me/second-factor/enable", { code: codeAt(-1) });
  expect(enable.status).toBe(200);
  const shown = await codeOf(login);
  expect(await session(shown)).toMatchObject({
    status: 401,
    body: { code: "SECOND_FACTOR_REQUIRED", fields: ["factorCode"] },
  });
  const [recoveryCode = ""] = enable.body.recoveryCodes as string[];
  const wrong = recoveryCode.replace(/.$/, (last) => (last === "A" ? "B" : "A"));
  expect(await session({ ...shown, factorCode: wrong })).toMatchObject({
    status: 401,
    body: { code: "INVALID_CREDENTIALS" },
  });
  expect((await session({ ...shown, factorCode: codeAt(0) })).status).toBe(200);
  expect((await session({ ...shown, factorCode: recoveryCode })).status).toBe(410);
  const { items } = (await person.get("/v1/audit-entries")).body;
  const actions = (items as { action: string }[]).map(({ action }) => action);
  expect(actions).toEqual(expect.arrayContaining(["identity_linked", "signed_in"]));
});

test("what is no provider, no challenge or no code is refused", async () => {
  const { codeChallenge } = drawPkce();
  const refusals = await Promise.all([
    client.get(`/v1/auth/oidc/nobody?codeChallenge=${codeChallenge}`),
    client.get("/v1/auth/oidc/real"),
    client.get(`/v1/auth/oidc/real?codeChallenge=${codeChallenge}x`),
    client.get(`/v1/auth/oidc/real?codeChallenge=${codeChallenge}&redirect=https://evil.example`),
    session({ code: "x".repeat(43), codeVerifier: "short" }),
    client.get("/v1/me/identities"),
  ]);
  expect(refusals.map(({ status }) => status)).toEqual([404, 400, 400, 400, 400, 401]);
});

test("the cookie is for this origin alone, and no secret or address is in a log", async () => {
  const { browser, address, pkce } = await begin();
  const [[name, key]] = [...browser.cookies(HOME)] as [[string, string]];
  expect(name).toBe("__Host-oidc");
  const response = await browser.visit(
    `${HOME}/v1/auth/oidc/real?codeChallenge=${pkce.codeChallenge}`,
    { at: one },
  );
  expect(response.headers.get("set-cookie")).toBe(
    `__Host-oidc=${key}; Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax`,
  );
  expect(Object.fromEntries(address.searchParams)).toMatchObject({
    response_type: "code",
    code_challenge_method: "S256",
    redirect_uri: CALLBACK,
    scope: "openid email profile",
  });
  const email = "who-lies@example.com";
  const { back, browser: other } = await hear({ claims: { email, nonce: "of yesterday" } });
  await comeBack(back, other);
  await waitUntil("the log", () => marketplace.output().includes('"claim":"nonce"'));
  const secrets = [CLIENT.clientSecret, key, email, back.replace(/^.*state=/, "")];
  for (const secret of secrets) expect(marketplace.output()).not.toContain(secret);
});
