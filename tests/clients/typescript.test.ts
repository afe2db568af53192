/** The typed client as its users have it: the example runs, and bad moments are not theirs to see. */
import { execFile } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  createStaybase,
  newKey,
  pages,
  type Session,
  StaybaseError,
  unwrap,
} from "../../clients/typescript/src/index.ts";
import { testDatabase } from "../helpers/database.ts";
import { type Marketplace, openMarketplace } from "../helpers/marketplace.ts";
import { PASSWORD, type Person, signUp } from "../story/people.ts";
import { createQuote, offerListing, stayIn } from "../story/stay.ts";

const database = testDatabase();
let marketplace: Marketplace;
let url: string;
let guest: Person;
let listingId: string;

beforeAll(async () => {
  marketplace = await openMarketplace(database, 1);
  marketplace.startWorker();
  [url = ""] = marketplace.servers;
  const host = await signUp(marketplace, url, "Hana");
  guest = await signUp(marketplace, url, "Gus");
  listingId = await offerListing(host.client);
});

afterAll(async () => {
  await marketplace?.dispose();
});

const EXAMPLE = new URL("../../clients/typescript/examples/stay.ts", import.meta.url).pathname;

test("the example finds, quotes, books and pays", async () => {
  const env = {
    PATH: process.env.PATH,
    STAYBASE_URL: url,
    STAYBASE_EMAIL: guest.email,
    STAYBASE_PASSWORD: PASSWORD,
    STRIPE_URL: marketplace.stripe.url,
  };
  const { stdout } = await promisify(execFile)(process.execPath, [EXAMPLE], { env });
  expect(stdout).toMatch(/found {4}House above the river: \d+ EUR/);
  expect(stdout).toMatch(/booked {3}[\w-]+: pending_payment until/);
  expect(marketplace.stripe.charges().map(({ paid }) => paid)).toEqual([true]);
});

test("the example says what is wrong", async () => {
  const env = { PATH: process.env.PATH, STAYBASE_URL: url, STAYBASE_PASSWORD: "wrong" };
  const run = promisify(execFile)(process.execPath, [EXAMPLE], { env });
  await expect(run).rejects.toMatchObject({ code: 1, stderr: /^[A-Z_]+: .+/ });
});

describe("errors", () => {
  test("have the code, the status and the fields of the server", async () => {
    const { rest } = createStaybase({ url });
    const query = { west: 0, south: 1, east: 2, north: -1 };
    const failed = unwrap(rest.GET("/search", { params: { query } }));
    await expect(failed).rejects.toBeInstanceOf(StaybaseError);
    await expect(failed).rejects.toMatchObject({ status: 400, code: expect.any(String) });
    const path = { listingId: "00000000-0000-4000-8000-000000000404" };
    const missing = unwrap(rest.GET("/listings/{listingId}", { params: { path } }));
    await expect(missing).rejects.toMatchObject({ status: 404, code: "NOT_FOUND" });
  });
});

describe("pages", () => {
  test("are walked to the end", async () => {
    for (const days of [10, 20, 30]) await createQuote(guest.client, listingId, stayIn(days, 2));
    const { rest, signIn } = createStaybase({ url });
    await signIn(guest.email, PASSWORD);
    const ids = new Set<string>();
    const ask = (cursor: string | undefined) =>
      rest.GET("/quotes", { params: { query: { limit: 1, ...(cursor && { cursor }) } } });
    for await (const { id } of pages(ask)) ids.add(id);
    expect(ids.size).toBeGreaterThanOrEqual(3);
  });
});

describe("a session", () => {
  const over = (session: Session): Session => ({
    ...session,
    accessTokenExpiresAt: new Date(0).toISOString(),
  });

  test("is refreshed once for all who wait, and kept", async () => {
    const first = await createStaybase({ url }).signIn(guest.email, PASSWORD);
    const heard: (Session | undefined)[] = [];
    const sent: string[] = [];
    const { rest } = createStaybase({
      url,
      session: over(first),
      onSession: (session) => heard.push(session),
      fetch: (input, init) => {
        sent.push(new URL((input as Request).url).pathname);
        return fetch(input, init);
      },
    });
    const answers = await Promise.all([1, 2, 3, 4].map(() => unwrap(rest.GET("/me"))));
    expect(answers.map(({ id }) => id)).toEqual(Array.from({ length: 4 }, () => guest.userId));
    expect(sent.filter((path) => path === "/v1/auth/refresh")).toHaveLength(1);
    expect(heard).toHaveLength(1);
    expect(heard[0]?.refreshToken).not.toBe(first.refreshToken);
  });

  test("whose token ends before the clock here says so is refreshed, once for all", async () => {
    const first = await createStaybase({ url }).signIn(guest.email, PASSWORD);
    const sent: string[] = [];
    const { rest } = createStaybase({
      url,
      session: { ...first, accessToken: "no.longer.good" },
      fetch: (input, init) => {
        sent.push(new URL((input as Request).url).pathname);
        return fetch(input, init);
      },
    });
    const asked = [1, 2, 3].map((days) =>
      unwrap(
        rest.POST("/quotes", { body: { listingId, ...stayIn(200 + days * 9, 2), guests: 2 } }),
      ),
    );
    expect(new Set((await Promise.all(asked)).map(({ guestId }) => guestId))).toEqual(
      new Set([guest.userId]),
    );
    expect(sent.filter((path) => path === "/v1/auth/refresh")).toHaveLength(1);
    expect(sent.filter((path) => path === "/v1/quotes")).toHaveLength(6);
  });

  /** A fetch that lets refreshes wait until `go` is called, and remembers what was sent. */
  function held(): { fetch: typeof fetch; go(): void; sent: string[]; asked: Promise<void> } {
    const sent: string[] = [];
    const gate = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const slow: typeof fetch = async (input, init) => {
      const { pathname } = new URL((input as Request).url);
      sent.push(pathname);
      if (pathname === "/v1/auth/refresh") {
        asked.resolve();
        await gate.promise;
      }
      return fetch(input, init);
    };
    return { fetch: slow, go: () => gate.resolve(), sent, asked: asked.promise };
  }

  test("that is given up while it is refreshed is given up", async () => {
    const first = await createStaybase({ url }).signIn(guest.email, PASSWORD);
    const heard: (Session | undefined)[] = [];
    const { go, asked, ...slow } = held();
    const { rest, signOut } = createStaybase({
      url,
      session: { ...first, accessToken: "no.longer.good" },
      onSession: (session) => heard.push(session),
      fetch: slow.fetch,
    });
    const me = unwrap(rest.GET("/me"));
    await asked;
    await signOut();
    go();
    await expect(me).rejects.toMatchObject({ status: 401 });
    expect(heard).toEqual([undefined]);
  });

  test("of somebody else who signs in while one is refreshed stands", async () => {
    const first = await createStaybase({ url }).signIn(guest.email, PASSWORD);
    const heard: (Session | undefined)[] = [];
    const { go, asked, ...slow } = held();
    const { rest, signIn } = createStaybase({
      url,
      session: over(first),
      onSession: (session) => heard.push(session),
      fetch: slow.fetch,
    });
    const me = unwrap(rest.GET("/me"));
    await asked;
    const host = await signIn("hana@example.com", PASSWORD);
    go();
    expect((await me).id).toBe(host.userId);
    expect(heard).toEqual([host]);
  });

  test("whose token is over is ended at the server, too", async () => {
    const first = await createStaybase({ url }).signIn(guest.email, PASSWORD);
    const heard: (Session | undefined)[] = [];
    const onSession = (session: Session | undefined) => heard.push(session);
    const { signOut } = createStaybase({ url, session: over(first), onSession });
    await signOut();
    expect(heard).toHaveLength(2);
    const answer = await fetch(`${url}/v1/auth/refresh`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ refreshToken: heard[0]?.refreshToken }),
    });
    expect(answer.status).toBe(401);
  });

  test("is not refreshed for a password that is wrong, and the try counts once", async () => {
    const { go, ...slow } = held();
    go();
    const { rest, signIn } = createStaybase({ url, fetch: slow.fetch });
    await signIn(guest.email, PASSWORD);
    const body = { currentPassword: "not the password", password: "another horse battery" };
    await expect(unwrap(rest.PUT("/me/password", { body }))).rejects.toMatchObject({
      code: "INVALID_CREDENTIALS",
    });
    expect(slow.sent).toEqual(["/v1/auth/login", "/v1/me/password"]);
  });

  /** A fetch like that of a browser, whose page is the server's own. */
  function withCookies(): { fetch: typeof fetch; sent: Request[] } {
    const sent: Request[] = [];
    let cookie = "";
    const browser: typeof fetch = async (input, init) => {
      const request = new Request(input, init);
      sent.push(request);
      if (request.credentials !== "include") return fetch(request);
      request.headers.set("origin", url);
      request.headers.set("cookie", cookie);
      const response = await fetch(request);
      const set = response.headers.get("set-cookie");
      if (set !== null) cookie = set.split(";")[0] ?? "";
      return response;
    };
    return { fetch: browser, sent };
  }

  test("whose refresh token is a cookie goes on without having it", async () => {
    const browser = withCookies();
    const options = { url, refreshIn: "cookie", fetch: browser.fetch } as const;
    const first = await createStaybase(options).signIn(guest.email, PASSWORD);
    expect(first.refreshToken).toBe("");
    const heard: (Session | undefined)[] = [];
    const onSession = (session: Session | undefined) => heard.push(session);
    const { rest, signOut } = createStaybase({ ...options, session: over(first), onSession });
    expect((await unwrap(rest.GET("/me"))).id).toBe(guest.userId);
    await signOut();
    expect(heard).toEqual([expect.objectContaining({ refreshToken: "" }), undefined]);
    const withCookie = browser.sent.filter(({ credentials }) => credentials === "include");
    expect(withCookie.map((request) => new URL(request.url).pathname)).toEqual(
      ["login", "refresh", "logout"].map((path) => `/v1/auth/${path}`),
    );
  });

  test("does not become that of who signs in in another tab", async () => {
    const options = { url, refreshIn: "cookie", fetch: withCookies().fetch } as const;
    const first = await createStaybase(options).signIn(guest.email, PASSWORD);
    await createStaybase(options).signIn("hana@example.com", PASSWORD);
    const { rest } = createStaybase({ ...options, session: over(first) });
    await expect(unwrap(rest.GET("/me"))).rejects.toMatchObject({ status: 401 });
  });

  test("that has ended is forgotten", async () => {
    const { signIn, signOut } = createStaybase({ url });
    const ended = await signIn(guest.email, PASSWORD);
    await signOut();
    const heard: unknown[] = [];
    const onSession = (session: unknown) => heard.push(session);
    const { rest } = createStaybase({ url, session: over(ended), onSession });
    await expect(unwrap(rest.GET("/me"))).rejects.toMatchObject({ status: 401 });
    expect(heard).toEqual([undefined]);
  });
});

describe("a server that fails for a moment", () => {
  let server: Server;
  let answers: (number | "close")[] = [];
  let keys: (string | undefined)[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      keys.push(request.headers["idempotency-key"] as string | undefined);
      const answer = answers.shift() ?? 200;
      if (answer === "close") request.socket.destroy();
      else {
        const wait = { "content-type": "application/json", "retry-after": "0" };
        response.writeHead(answer, wait).end(JSON.stringify({ items: [], nextCursor: null }));
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });

  afterAll(() => void server.close());

  const client = () => {
    const { port } = server.address() as AddressInfo;
    return createStaybase({ url: `http://127.0.0.1:${port}` }).rest;
  };

  test.each<[string, (number | "close")[]]>([
    ["is away", [503, 503]],
    ["closes the connection", ["close", "close", "close"]],
    ["has had enough", [429]],
    ["still runs the first request", [409]],
  ])("is asked again where it %s", async (_what, wrong) => {
    [answers, keys] = [[...wrong], []];
    await unwrap(client().GET("/currencies"));
    expect(keys).toHaveLength(wrong.length + 1);
  });

  test("gets the same key each time, and without a key is asked once", async () => {
    [answers, keys] = [[503, "close"], []];
    const header = { "Idempotency-Key": newKey() };
    const body = { quoteId: "00000000-0000-4000-8000-000000000404" };
    await unwrap(client().POST("/bookings", { params: { header }, body }));
    expect(keys).toEqual(Array.from({ length: 3 }, () => header["Idempotency-Key"]));
    [answers, keys] = [[503], []];
    const order = { listingId, checkIn: "2031-01-01", checkOut: "2031-01-03", guests: 1 };
    const failed = unwrap(client().POST("/quotes", { body: order }));
    await expect(failed).rejects.toMatchObject({ status: 503 });
    expect(keys).toHaveLength(1);
  });

  test("is given up after three repeats", async () => {
    [answers, keys] = [[503, 503, 503, 503], []];
    await expect(unwrap(client().GET("/currencies"))).rejects.toMatchObject({ status: 503 });
    expect(keys).toHaveLength(4);
  });
});
