import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import jwt from "jsonwebtoken";
import { DEVELOPMENT_JWT_SECRET, loadConfig } from "../../src/config.ts";
import { createTokens } from "../../src/resources/tokens.ts";
import { apiClient, type RestResponse } from "../helpers/client.ts";
import { testDatabase } from "../helpers/database.ts";
import { type Marketplace, openMarketplace, waitUntil } from "../helpers/marketplace.ts";
import { signUp } from "../story/people.ts";

const database = testDatabase();
let marketplace: Marketplace;
let server: string;

beforeAll(async () => {
  marketplace = await openMarketplace(database, 2);
  marketplace.startWorker();
  server = marketplace.servers[0] ?? "";
}, 60_000);

afterAll(async () => {
  await marketplace?.dispose();
}, 30_000);

const newcomer = { password: "correct horse battery", displayName: "Nele" };

function register(email: string): Promise<RestResponse> {
  return apiClient(server).post("/v1/auth/register", { ...newcomer, email });
}

function logIn(email: string, password = newcomer.password): Promise<RestResponse> {
  return apiClient(server).post("/v1/auth/login", { email, password });
}

describe("registering", () => {
  test("answers the same for a known and an unknown address, and only the mail tells", async () => {
    const known = await signUp(marketplace, server, "Known");
    const [again, fresh] = [await register(known.email), await register("unknown@example.com")];
    expect({ status: again.status, body: again.body }).toEqual({
      status: fresh.status,
      body: fresh.body,
    });
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
    await register(email);
    let link: string | undefined;
    await waitUntil("the mail", async () => {
      link = (await marketplace.mails()).find((mail) => mail.to.includes(email))?.links[0];
      return link !== undefined;
    });
    const token = new URL(link ?? "").searchParams.get("token");
    const client = apiClient(server);
    expect((await client.post("/v1/auth/confirm", { token })).status).toBe(201);
    expect(await client.post("/v1/auth/confirm", { token })).toMatchObject({
      status: 410,
      body: { code: "REGISTRATION_INVALID" },
    });
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

  test("takes ten tries against one account, then says how long to wait", async () => {
    let last: RestResponse | undefined;
    for (let attempt = 0; attempt < 11; attempt += 1) last = await logIn("target@example.com", "x");
    expect(last).toMatchObject({ status: 429, body: { code: "RATE_LIMITED" } });
    expect(Number(last?.headers.get("retry-after"))).toBeGreaterThan(0);
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

describe("a session", () => {
  test("goes on with the next refresh token, also for a second tab with the same one", async () => {
    const person = await signUp(marketplace, server, "Tabs");
    const session = await logIn(person.email);
    const { refreshToken } = session.body;
    const answers = await Promise.all(
      marketplace.servers.map((url) => apiClient(url).post("/v1/auth/refresh", { refreshToken })),
    );
    expect(answers.map((answer) => answer.status)).toEqual([200, 200]);
    for (const answer of answers) {
      const next = await apiClient(server).post("/v1/auth/refresh", {
        refreshToken: answer.body.refreshToken,
      });
      expect(next.status).toBe(200);
    }
  });

  test("ends everywhere when it is signed out", async () => {
    const person = await signUp(marketplace, server, "Leaving");
    const session = await logIn(person.email);
    const token = String(session.body.accessToken);
    expect((await apiClient(server, token).post("/v1/auth/logout")).status).toBe(204);
    for (const url of marketplace.servers) {
      expect(await apiClient(url, token).get("/v1/me")).toMatchObject({
        status: 401,
        body: { code: "TOKEN_INVALID" },
      });
    }
    const refreshed = await apiClient(server).post("/v1/auth/refresh", {
      refreshToken: session.body.refreshToken,
    });
    expect(refreshed).toMatchObject({ status: 401, body: { code: "REFRESH_TOKEN_INVALID" } });
  });

  test("is nobody's with a token that is missing, garbled, unsigned, another's or too old", async () => {
    const userId = "01a203bb-a1f9-71f9-b50a-b2a18d155a67";
    const claims = { sid: userId, role: "operator" };
    const ours = { issuer: "staybase", audience: "staybase-api", subject: userId };
    const old = createTokens(loadConfig({ NODE_ENV: "test", ACCESS_TOKEN_MINUTES: "1" }));
    const { token } = old.signAccessToken({ userId, sessionId: userId, role: "visitor" });
    const [head = "", body = ""] = token.split(".");
    const wrong: [string, string][] = [
      ["", "UNAUTHENTICATED"],
      ["nonsense", "TOKEN_INVALID"],
      [`${head}.${body}.AAAA`, "TOKEN_INVALID"],
      [jwt.sign(claims, null, { ...ours, algorithm: "none", expiresIn: 60 }), "TOKEN_INVALID"],
      [
        jwt.sign(claims, "another secret of some length", { ...ours, expiresIn: 60 }),
        "TOKEN_INVALID",
      ],
      [
        jwt.sign(claims, DEVELOPMENT_JWT_SECRET, { ...ours, audience: "else", expiresIn: 60 }),
        "TOKEN_INVALID",
      ],
      [jwt.sign(claims, DEVELOPMENT_JWT_SECRET, { ...ours, expiresIn: -5 }), "TOKEN_EXPIRED"],
    ];
    for (const [given, code] of wrong) {
      const client = given === "" ? apiClient(server) : apiClient(server, given);
      expect(await client.get("/v1/me")).toMatchObject({ status: 401, body: { code } });
    }
  });
});
