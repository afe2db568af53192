/**
 * A session whose refresh token is a cookie: scripts never see it, and no page but ours and those
 * of CORS_ORIGINS has the browser use it.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { apiClient, type RestResponse } from "../helpers/client.ts";
import { testDatabase } from "../helpers/database.ts";
import { type Marketplace, openMarketplace, waitUntil } from "../helpers/marketplace.ts";
import { PASSWORD, type Person, signUp } from "../story/people.ts";

const database = testDatabase();
const APP = "https://app.example.com";
const PUBLIC = "https://localhost:8443";
let marketplace: Marketplace;
let server: string;
let person: Person;
/** As a browser sends it. */
let cookie: string;

beforeAll(async () => {
  marketplace = await openMarketplace(database, 1, { PUBLIC_URL: PUBLIC, CORS_ORIGINS: APP });
  marketplace.startWorker();
  server = marketplace.servers[0] ?? "";
  person = await signUp(marketplace, server, "Cora");
});

afterAll(async () => {
  await marketplace?.dispose();
});

beforeEach(async () => {
  cookie = cookieOf(await signIn());
});

const post = (path: string, body?: object, headers = {}): Promise<RestResponse> =>
  apiClient(server).post(`/v1/auth/${path}`, body, headers);
const signIn = (): Promise<RestResponse> =>
  post("login", { email: person.email, password: PASSWORD, refreshIn: "cookie" });
const refresh = (headers: object, body: object = {}): Promise<RestResponse> =>
  post("refresh", body, { cookie, ...headers });

function cookieOf({ headers }: RestResponse): string {
  return (headers.get("set-cookie") ?? "").split(";")[0] ?? "";
}

const SET =
  /^__Host-staybase-refresh=[\w-]{43}; Path=\/; Max-Age=2592000; Secure; HttpOnly; SameSite=Strict$/;
const REFUSED = { status: 401, body: { code: "REFRESH_TOKEN_INVALID" } };

describe("a session with its refresh token in a cookie", () => {
  test("gives the token to no script, and goes on until it is signed out", async () => {
    const begun = await signIn();
    expect(begun).toMatchObject({ status: 200, body: { refreshToken: "" } });
    expect(begun.headers.get("set-cookie")).toMatch(SET);
    cookie = cookieOf(begun);
    const next = await refresh({ origin: PUBLIC });
    expect(next).toMatchObject({
      status: 200,
      body: { refreshToken: "", userId: person.userId },
    });
    expect(next.headers.get("set-cookie")).toMatch(SET);
    // Another tab at once.
    const tab = await refresh({ origin: PUBLIC });
    expect([tab.status, cookieOf(tab)]).toEqual([200, cookieOf(next)]);
    expect(cookieOf(next)).not.toBe(cookie);
    cookie = cookieOf(next);
    const out = await apiClient(server, String(next.body.accessToken)).post(
      "/v1/auth/logout",
      undefined,
      { cookie },
    );
    expect(out.status).toBe(204);
    expect(out.headers.get("set-cookie")).toMatch(/^__Host-staybase-refresh=; Path=\/; Max-Age=0;/);
    expect(await refresh({ origin: PUBLIC })).toMatchObject(REFUSED);
  });

  test("begins by a mailed link, too", async () => {
    const email = "linked@example.com";
    const password = "correct horse battery";
    const mailed = async (subject: RegExp): Promise<string> => {
      let token = "";
      await waitUntil("the mail", async () => {
        const mails = await marketplace.mails();
        const mail = mails.find(({ to, ...each }) => to.includes(email) && subject.test(each.text));
        token = new URL(mail?.links[0] ?? "x:").searchParams.get("token") ?? "";
        return token !== "";
      });
      return token;
    };
    await post("register", { email, password, displayName: "Lin" });
    const asked = { password, refreshIn: "cookie" };
    const confirmed = await post("confirm", { token: await mailed(/confirm-reg/), ...asked });
    await post("password/forgot", { email });
    const reset = await post("password/reset", { token: await mailed(/reset-pass/), ...asked });
    expect([confirmed.status, reset.status]).toEqual([201, 200]);
    for (const { body, headers } of [confirmed, reset]) {
      expect([body.refreshToken, headers.get("set-cookie")]).toEqual([
        "",
        expect.stringMatching(SET),
      ]);
    }
  });

  test("is not what whoever asks for nothing gets", async () => {
    const { email } = person;
    for (const more of [{}, { refreshIn: "body" }]) {
      const { body, headers } = await post("login", { email, password: PASSWORD, ...more });
      expect([body.refreshToken, headers.get("set-cookie")]).toEqual([
        expect.stringMatching(/^[\w-]{43}$/),
        null,
      ]);
      // Nor does an app that refreshes need a page, or get a cookie, whatever the browser sends.
      const evil = { origin: "https://evil.example" };
      const next = await refresh(evil, { refreshToken: body.refreshToken });
      expect([next.status, next.headers.get("set-cookie")]).toEqual([200, null]);
      expect(next.body.refreshToken).toMatch(/^[\w-]{43}$/);
    }
    expect(await post("login", { email, password: PASSWORD, refreshIn: "url" })).toMatchObject({
      status: 400,
      body: { code: "INVALID_INPUT" },
    });
  });
});

describe("a request with the cookie", () => {
  const here = (scheme: string): string => `${scheme}://${new URL(server).host}`;

  test.each<[string, () => object]>([
    ["another site", () => ({ origin: "https://evil.example" })],
    ["a sandbox", () => ({ origin: "null" })],
    ["a sibling", () => ({ origin: "https://blog.localhost:8443" })],
    ["what begins alike", () => ({ origin: `${APP}.evil.example` })],
    ["another port", () => ({ origin: "https://localhost:9443" })],
    ["the name that was asked, without TLS", () => ({ origin: here("http") })],
    ["two origins", () => ({ origin: `${APP}, https://evil.example` })],
    ["another site that says less", () => ({ "sec-fetch-site": "cross-site" })],
    ["a sibling that says less", () => ({ "sec-fetch-site": "same-site" })],
    [
      "a foreign origin, whatever else it says",
      () => ({ origin: "https://evil.example", "sec-fetch-site": "same-origin" }),
    ],
    ["no page", () => ({})],
  ])("is refused from %s, and the session lives", async (_who, headers) => {
    const refused = await refresh(headers());
    expect(refused).toMatchObject({ status: 403, body: { code: "ORIGIN_NOT_ALLOWED" } });
    expect(refused.headers.get("set-cookie")).toBeNull();
    // The same request from a page of ours is good: it was the origin.
    const next = await refresh({ origin: PUBLIC });
    expect(next.status).toBe(200);
    const { rows } = await database.owner.query(
      "select count(*)::int as tokens from app_private.refresh_tokens where session_id = $1",
      [sessionOf(next)],
    );
    expect(rows).toEqual([{ tokens: 2 }]);
  });

  test.each<[string, () => object]>([
    ["its public address", () => ({ origin: PUBLIC })],
    ["the name that was asked", () => ({ origin: here("https") })],
    ["an app that is listed", () => ({ origin: APP })],
    ["a page of ours behind a proxy that hides it", () => ({ "sec-fetch-site": "same-origin" })],
  ])("is taken from %s", async (_who, headers) => {
    expect((await refresh(headers())).status).toBe(200);
  });

  test("is nobody's where the browser has no cookie", async () => {
    const origin = { origin: PUBLIC };
    expect(await post("refresh", {}, origin)).toMatchObject(REFUSED);
    expect(await post("refresh", {}, { cookie: "a=b", ...origin })).toMatchObject(REFUSED);
    cookie = `${cookie}x`;
    expect(await refresh(origin)).toMatchObject(REFUSED);
  });

  test("signs nobody in elsewhere: the cookie is for a new access token alone", async () => {
    expect(await apiClient(server).get("/v1/me", { cookie, origin: PUBLIC })).toMatchObject({
      status: 401,
      body: { code: "UNAUTHENTICATED" },
    });
  });
});

function sessionOf({ body }: RestResponse): unknown {
  const [, claims = ""] = String(body.accessToken).split(".");
  return JSON.parse(Buffer.from(claims, "base64url").toString()).sid;
}

test("a page may send cookies where its origin is listed, and no other may", async () => {
  const allowed = async (origin: string): Promise<(string | null)[]> => {
    const { headers } = await fetch(`${server}/v1/auth/refresh`, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST" },
    });
    return ["origin", "credentials"].map((each) => headers.get(`access-control-allow-${each}`));
  };
  expect(await allowed(APP)).toEqual([APP, "true"]);
  for (const origin of ["https://evil.example", "null", PUBLIC, "*"]) {
    expect(await allowed(origin)).toEqual([null, null]);
  }
});
