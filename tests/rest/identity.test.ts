import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { apiClient, type Client, type RestResponse } from "../helpers/client.ts";
import { testDatabase } from "../helpers/database.ts";
import { type Marketplace, openMarketplace, waitUntil } from "../helpers/marketplace.ts";
import { hasRedisServer, type RedisServer, startRedisServer } from "../helpers/redisServer.ts";
import { signUp } from "../story/people.ts";

const database = testDatabase();
let marketplace: Marketplace;
let redis: RedisServer | undefined;
let server: string;

beforeAll(async () => {
  redis = hasRedisServer ? await startRedisServer() : undefined;
  marketplace = await openMarketplace(database, 2, { REDIS_URL: redis?.url ?? "" });
  marketplace.startWorker();
  server = marketplace.servers[0] ?? "";
});

afterAll(async () => {
  await marketplace?.dispose();
  await redis?.close();
});

const newcomer = { password: "correct horse battery", displayName: "Nele" };

function register(email: string, chosen: object = {}): Promise<RestResponse> {
  return apiClient(server).post("/v1/auth/register", { ...newcomer, email, ...chosen });
}

function confirm(token: string, password = newcomer.password): Promise<RestResponse> {
  return apiClient(server).post("/v1/auth/confirm", { token, password });
}

/** Registers and waits for the token that is mailed for it. */
async function mailedToken(email: string, chosen: object = {}): Promise<string> {
  const tokens = async (): Promise<string[]> => {
    const mails = await marketplace.mails();
    const links = mails.filter((mail) => mail.to.includes(email)).flatMap((mail) => mail.links);
    return links.map((link) => new URL(link).searchParams.get("token") ?? "");
  };
  const before = await tokens();
  await register(email, chosen);
  let token: string | undefined;
  await waitUntil(`a mail to ${email}`, async () => {
    token = (await tokens()).find((found) => !before.includes(found));
    return token !== undefined;
  });
  return token ?? "";
}

const tokenIn = (link: string): string => new URL(link).searchParams.get("token") ?? "";

/** What the form of the confirm page sends. */
async function sendForm(token: string, password: string): Promise<[number, string, Headers]> {
  const response = await fetch(`${server}/confirm-registration`, {
    method: "POST",
    body: new URLSearchParams({ token, password }),
  });
  return [response.status, await response.text(), response.headers];
}

function logIn(email: string, password = newcomer.password): Promise<RestResponse> {
  return apiClient(server).post("/v1/auth/login", { email, password });
}

describe("registering", () => {
  test("answers the same for a known and an unknown address, and only the mail tells", async () => {
    const known = await signUp(marketplace, server, "Known");
    const [again, fresh] = [await register(known.email), await register("unknown@example.com")];
    const key = { registrationKey: expect.stringMatching(/^[\w-]{43}$/) };
    for (const { status, body } of [again, fresh]) {
      expect({ status, body }).toEqual({ status: 202, body: { ...fresh.body, ...key } });
    }
    await waitUntil("both have mail", async () => {
      const mails = await marketplace.mails();
      const told = mails.some((mail) => /already have/.test(mail.subject));
      return told && mails.some((mail) => mail.to.includes("unknown@example.com"));
    });
  });

  test("gives nobody an account before the mailed link was used", async () => {
    const email = "early@example.com";
    await register(email);
    expect(await logIn(email)).toMatchObject({
      status: 401,
      body: { code: "INVALID_CREDENTIALS" },
    });
  });

  test("takes a link once", async () => {
    const email = "once@example.com";
    const token = await mailedToken(email);
    expect((await confirm(token)).status).toBe(201);
    expect(await confirm(token)).toMatchObject({
      status: 410,
      body: { code: "REGISTRATION_INVALID" },
    });
  });

  test("needs no password again of who has the key that registering gave", async () => {
    const email = "keys@example.com";
    const stranger = await register(email, { password: "known to Mallory" });
    const asked = await register(email);
    let tokens: string[] = [];
    await waitUntil("both mails", async () => {
      const mails = (await marketplace.mails()).filter(({ to }) => to.includes(email));
      tokens = mails.flatMap(({ links }) => links).map((each) => tokenIn(each));
      return tokens.length === 2;
    });
    const confirmWith = (token: string, body: object): Promise<RestResponse> =>
      apiClient(server).post("/v1/auth/confirm", { token, ...body });
    for (const token of tokens) {
      // Of two registrations, the key of one does not open the other; no key at all opens neither.
      expect(await confirmWith(token, {})).toMatchObject({
        status: 401,
        body: { code: "INVALID_CREDENTIALS", fields: ["password"] },
      });
      const other = { registrationKey: "x".repeat(43) };
      expect((await confirmWith(token, other)).status).toBe(401);
    }
    const { registrationKey } = asked.body;
    const statuses: number[] = [];
    for (const token of tokens)
      statuses.push((await confirmWith(token, { registrationKey })).status);
    expect(statuses.toSorted()).toEqual([201, 401]);
    expect((await logIn(email)).status).toBe(200);
    expect((await logIn(email, "known to Mallory")).status).toBe(401);
    expect(stranger.body.registrationKey).not.toBe(registrationKey);
  });

  test("goes straight in where the link is opened in the browser that registered", async () => {
    const email = "browser.key@example.com";
    const asked = await register(email);
    const cookie = asked.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(
      /^__Host-registration=[\w-]{43}; Path=\/; Max-Age=86400; Secure; HttpOnly; SameSite=Lax$/,
    );
    let link = "";
    await waitUntil("the mail", async () => {
      const mail = (await marketplace.mails()).find(({ to }) => to.includes(email));
      link = mail?.links[0] ?? "";
      return link !== "";
    });
    const url = `${server}/confirm-registration`;
    const show = async (headers = {}): Promise<string> =>
      (await fetch(url + new URL(link).search, { headers })).text();
    const sent = (headers = {}): Promise<Response> =>
      fetch(url, { method: "POST", headers, body: new URLSearchParams({ token: tokenIn(link) }) });
    expect(await show()).toContain('name="password"');
    const [known = ""] = cookie.split(";");
    expect(await show({ cookie: `a=b; ${known}` })).not.toContain('name="password"');
    // A key of another registration: the page asks for the password after all.
    const wrong = await sent({ cookie: "__Host-registration=other" });
    expect([wrong.status, await wrong.text()]).toEqual([
      401,
      expect.stringContaining('name="password"'),
    ]);
    expect((await sent({ cookie: known })).status).toBe(200);
    expect((await logIn(email)).status).toBe(200);
  });

  test("makes no account that opens to the password of somebody else", async () => {
    const email = "alice@example.com";
    const hers = await mailedToken(email, { password: "known to Mallory", displayName: "Alice" });
    const own = await mailedToken(email);
    // The two mails look alike: she opens the wrong one, and gives the password that she chose.
    expect(await confirm(hers)).toMatchObject({
      status: 401,
      body: { code: "INVALID_CREDENTIALS", fields: ["password"] },
    });
    expect((await confirm(own)).status).toBe(201);
    expect((await logIn(email, "known to Mallory")).status).toBe(401);
    expect((await logIn(email)).status).toBe(200);
    // Nor does the other registration change the account later.
    expect((await confirm(hers, "known to Mallory")).status).toBe(410);
    expect((await logIn(email, "known to Mallory")).status).toBe(401);
  });

  test("takes ten passwords for a link, the right one still after a wrong one", async () => {
    const [once, often] = [await mailedToken("typo@example.com"), await mailedToken("guess@e.com")];
    expect((await confirm(once, "correct horse batery")).status).toBe(401);
    expect((await confirm(once)).status).toBe(201);
    for (let attempt = 0; attempt < 10; attempt += 1) await confirm(often, `guess ${attempt}`);
    expect(await confirm(often)).toMatchObject({ status: 429, body: { code: "RATE_LIMITED" } });
  });

  test("puts nothing that was typed in into the mail", async () => {
    const email = "bait@example.com";
    await mailedToken(email, { displayName: "You have won, see evil.example" });
    const mail = (await marketplace.mails()).find(({ to }) => to.includes(email));
    expect(mail?.text).toContain("/confirm-registration?token=");
    expect(mail?.text).not.toContain("evil.example");
  });

  test("refuses what is no address, a short password and unknown members", async () => {
    const client = apiClient(server);
    for (const wrong of [
      { email: "nobody" },
      { email: "a@b.example", password: "short" },
      { email: "a@b.example", isOperator: true },
    ]) {
      const answer = await client.post("/v1/auth/register", { ...newcomer, ...wrong });
      expect(answer).toMatchObject({ status: 400, body: { code: "INVALID_INPUT" } });
      expect(answer.headers.get("content-type")).toContain("application/problem+json");
    }
  });
});

describe("the page behind the mailed link", () => {
  test("creates the account, says what is next, and signs nobody in", async () => {
    const email = "page@example.com";
    const token = await mailedToken(email);
    const [wrongStatus, again] = await sendForm(token, "not the password");
    expect(wrongStatus).toBe(401);
    expect(again).toContain(`name="token" value="${token}"`);
    expect(again).toContain('type="password"');
    const [status, thanks, headers] = await sendForm(token, newcomer.password);
    expect(status).toBe(200);
    expect(thanks).toContain("log in");
    expect(headers.get("cache-control")).toBe("no-store");
    const { rows } = await database.owner.query(
      `select count(s.id)::int as sessions from app_public.user_contacts c
       left join app_private.sessions s using (user_id) where c.email = $1 group by c.user_id`,
      [email],
    );
    expect(rows).toEqual([{ sessions: 0 }]);
    const [used, gone] = await sendForm(token, newcomer.password);
    expect(used).toBe(410);
    expect(gone).not.toContain("<form");
  });
});

describe("logging in", () => {
  test("does not tell a wrong password from an unknown address", async () => {
    const person = await signUp(marketplace, server, "Wrong");
    const [password, address] = [
      await logIn(person.email, "not the password"),
      await logIn("nobody@example.com"),
    ];
    const { requestId: _one, ...told } = password.body;
    const { requestId: _other, ...same } = address.body;
    expect(told).toEqual(same);
    expect(told).toMatchObject({ status: 401, code: "INVALID_CREDENTIALS" });
  });

  test("makes an operator of whom the owner has made one", async () => {
    const person = await signUp(marketplace, server, "Olga");
    await database.owner.query("insert into app_private.operators (user_id) values ($1)", [
      person.userId,
    ]);
    const session = await logIn(person.email);
    const me = await apiClient(server, String(session.body.accessToken)).get("/v1/me");
    expect(me.body).toMatchObject({ id: person.userId, email: person.email, isOperator: true });
  });
});

/** The database tells each server, with and without Redis. */
async function refusedBy(client: Client): Promise<void> {
  await waitUntil("the session has ended there", async () => {
    return (await client.get("/v1/me")).status !== 200;
  });
  expect(await client.get("/v1/me")).toMatchObject({
    status: 401,
    body: { code: "TOKEN_INVALID" },
  });
}

describe("a session", () => {
  test("has one successor, however many tabs ask for it at once, and ends when a copy comes late", async () => {
    const person = await signUp(marketplace, server, "Tabs");
    const session = await logIn(person.email);
    const refresh = (refreshToken: unknown, url = server): Promise<RestResponse> =>
      apiClient(url).post("/v1/auth/refresh", { refreshToken });
    const { refreshToken } = session.body;
    const tabs = Array.from({ length: 20 }, (_, index) => index % marketplace.servers.length);
    const answers = await Promise.all(
      tabs.map((index) => refresh(refreshToken, marketplace.servers[index])),
    );
    expect(answers.map(({ status }) => status)).toEqual(tabs.map(() => 200));
    const successors = new Set(answers.map(({ body }) => body.refreshToken));
    expect(successors.size).toBe(1);
    const [successor] = successors;
    const next = await refresh(successor);
    expect(next.status).toBe(200);
    // Later, the first one is a copy in other hands: whoever has the family loses it.
    await database.owner.query(
      "update app_private.refresh_tokens set used_at = used_at - interval '10 seconds'",
    );
    expect(await refresh(refreshToken)).toMatchObject({
      status: 401,
      body: { code: "REFRESH_TOKEN_INVALID" },
    });
    expect((await refresh(next.body.refreshToken)).status).toBe(401);
    for (const { body } of [session, next]) {
      for (const url of marketplace.servers)
        await refusedBy(apiClient(url, String(body.accessToken)));
    }
  });

  test("ends everywhere when it is signed out", async () => {
    const person = await signUp(marketplace, server, "Leaving");
    const session = await logIn(person.email);
    const token = String(session.body.accessToken);
    expect((await apiClient(server, token).post("/v1/auth/logout")).status).toBe(204);
    for (const url of marketplace.servers) await refusedBy(apiClient(url, token));
    const refreshed = await apiClient(server).post("/v1/auth/refresh", {
      refreshToken: session.body.refreshToken,
    });
    expect(refreshed).toMatchObject({ status: 401, body: { code: "REFRESH_TOKEN_INVALID" } });
  });

  test("is nobody's without a token", async () => {
    expect(await apiClient(server).get("/v1/me")).toMatchObject({
      status: 401,
      body: { code: "UNAUTHENTICATED" },
    });
  });
});
