/** The manners of the resources: paging, conditions, what is asked for besides, and bad input. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { apiClient, type Client, type RestResponse } from "../helpers/client.ts";
import { testDatabase } from "../helpers/database.ts";
import { asOwner } from "../helpers/factories.ts";
import { type Marketplace, openMarketplace } from "../helpers/marketplace.ts";
import { type Person, signUp } from "../story/people.ts";
import { createBooking, createQuote, offerListing, stayIn } from "../story/stay.ts";
import { filesUnder } from "../tidy/repository.ts";
import { sendHostile } from "./hostile.ts";

const ORIGIN = "https://app.example";

const database = testDatabase();
let marketplace: Marketplace;
let server: string;
let visitor: Client;
let host: Person;
let guest: Person;
let listingId: string;
let otherId: string;

beforeAll(async () => {
  marketplace = await openMarketplace(database, 1, {
    TRUST_PROXY: "1",
    CORS_ORIGINS: ORIGIN,
  });
  marketplace.startWorker();
  [server = ""] = marketplace.servers;
  visitor = apiClient(server);
  host = await signUp(marketplace, server, "Hana");
  guest = await signUp(marketplace, server, "Gus");
  await asOwner(database, "update app_private.quotas set most = 10000");
  listingId = await offerListing(host.client);
  otherId = await offerListing(host.client);
});

afterAll(async () => {
  await marketplace?.dispose();
});

const etag = ({ headers }: RestResponse): string => headers.get("etag") ?? "";
const itemsOf = ({ body }: RestResponse): { id: string }[] => body.items as { id: string }[];

describe("pages", () => {
  test("are walked by nextCursor and by Link, and show each row once", async () => {
    const quotes: string[] = [];
    for (let days = 10; days < 15; days += 1) {
      quotes.unshift((await createQuote(guest.client, listingId, stayIn(days, 2))).id);
    }
    const seen: string[] = [];
    let path: string | undefined = "/v1/quotes?limit=2&include=totalCount";
    while (path !== undefined) {
      const page: RestResponse = await guest.client.get(path);
      expect(page).toMatchObject({ status: 200, body: { totalCount: 5, isExact: true } });
      seen.push(...itemsOf(page).map(({ id }) => id));
      const link = /^<(.+)>; rel="next"$/.exec(page.headers.get("link") ?? "")?.[1];
      expect(link === undefined).toBe(page.body.nextCursor === null);
      if (link !== undefined) expect(new URL(link, server).searchParams.get("limit")).toBe("2");
      path = link;
    }
    expect(seen).toEqual(quotes);
  });

  test.each([
    ["text that is none", "no cursor"],
    ["nonsense in its form", Buffer.from('["natural",1]').toString("base64")],
    ["nothing", ""],
  ])("refuse a cursor of %s", async (_what, cursor) => {
    const path = `/v1/quotes?cursor=${encodeURIComponent(cursor)}`;
    const { status, body } = await guest.client.get(path);
    expect(status).toBe(400);
    expect(["INVALID_CURSOR", "INVALID_INPUT"]).toContain(body.code);
  });

  test("refuse a cursor of another list", async () => {
    const { body } = await host.client.get("/v1/listings?role=host&limit=1");
    const path = `/v1/quotes?cursor=${encodeURIComponent(String(body.nextCursor))}`;
    expect(await guest.client.get(path)).toMatchObject({
      status: 400,
      body: { code: "INVALID_CURSOR" },
    });
  });
});

describe("conditions", () => {
  test("a listing that is known is not sent again, until it changes", async () => {
    const path = `/v1/listings/${listingId}?include=photos`;
    const first = await visitor.get(path);
    expect(first.headers.get("cache-control")).toBe("public, max-age=0, s-maxage=5");
    expect(first.headers.get("vary")).toContain("Authorization");
    const again = await visitor.get(path, { "if-none-match": etag(first) });
    expect([again.status, again.text]).toEqual([304, ""]);
    const photo = { url: "https://example.com/river.jpg" };
    await host.client.post(`/v1/listings/${listingId}/photos`, photo);
    const changed = await visitor.get(path, { "if-none-match": etag(first) });
    expect(changed.status).toBe(200);
    expect(etag(changed)).not.toBe(etag(first));
  });

  test("a change needs the version that was read, where it says so", async () => {
    const path = `/v1/listings/${listingId}`;
    const change = (title: string, condition?: string) =>
      host.client.rest("PATCH", path, { title }, condition ? { "if-match": condition } : {});
    const read = await host.client.get(path);
    const first = await change("First", etag(read));
    expect(first).toMatchObject({ status: 200, body: { title: "First" } });
    expect(await change("Second", etag(read))).toMatchObject({
      status: 412,
      body: { code: "PRECONDITION_FAILED" },
    });
    expect((await host.client.get(path)).body.title).toBe("First");
    // The answer of a change is a version, too; several versions may be named, or any.
    expect((await change("Third", `"x", ${etag(first)}`)).status).toBe(200);
    expect((await change("Fourth", "*")).status).toBe(200);
    expect((await change("Fifth")).status).toBe(200);
  });

  test("a version is the row's, however its id is written", async () => {
    const path = `/v1/listings/${listingId}`;
    const old = etag(await host.client.get(path));
    await host.client.rest("PATCH", path, { title: "Fifth" });
    for (const id of [listingId, listingId.toUpperCase()]) {
      for (const tag of [old, old.replace(listingId, listingId.toUpperCase())]) {
        const change = (condition: string) =>
          host.client.rest(
            "PATCH",
            `/v1/listings/${id}`,
            { title: "No" },
            { "if-match": condition },
          );
        expect([id, tag, (await change(tag)).status]).toEqual([id, tag, 412]);
      }
    }
    const now = etag(await host.client.get(path)).replace(listingId, listingId.toUpperCase());
    const change = { title: "Fifth" };
    const condition = { "if-match": now };
    const upper = `/v1/listings/${listingId.toUpperCase()}`;
    expect((await host.client.rest("PATCH", upper, change, condition)).status).toBe(200);
  });

  test.each<[string, () => Promise<string>]>([
    ["of another listing", async () => etag(await host.client.get(`/v1/listings/${otherId}`))],
    ["of a list", async () => etag(await host.client.get("/v1/listings?role=host"))],
    ["that is weak", async () => `W/${etag(await host.client.get(`/v1/listings/${listingId}`))}`],
    ["that is no version", async () => `"${listingId}/infinity/x"`],
    ["that is no instant", async () => `"${listingId}/',;--/x"`],
    ["that is none", async () => "nonsense"],
  ])("a tag %s changes nothing", async (_what, tag) => {
    const path = `/v1/listings/${listingId}`;
    const before = (await host.client.get(path)).body;
    const condition = { "if-match": await tag() };
    const answer = await host.client.rest("PATCH", path, { title: "Changed" }, condition);
    expect(answer).toMatchObject({ status: 412, body: { code: "PRECONDITION_FAILED" } });
    expect((await host.client.get(path)).body).toEqual(before);
  });

  test("of ten changes at once with one version, one is made", async () => {
    const path = `/v1/users/${host.userId}`;
    const condition = { "if-match": etag(await host.client.get(path)) };
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        host.client.rest("PATCH", path, { bio: `Words ${index}` }, condition),
      ),
    );
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array.from({ length: 9 }, () => 412)]);
  });
});

describe("what is asked for besides", () => {
  test("is there, and nothing else", async () => {
    const path = `/v1/listings/${listingId}`;
    const all = ["host", "photos", "amenities", "rates", "address", "missing"];
    const plain = await host.client.get(path);
    const full = await host.client.get(`${path}?include=${all.join("&include=")}`);
    expect(Object.keys(plain.body).filter((name) => all.includes(name))).toEqual([]);
    expect(full).toMatchObject({
      status: 200,
      body: { host: { id: host.userId }, address: { street: "Rua do Alecrim 12" } },
    });
    expect(itemsOf({ ...full, body: { items: full.body.photos } })).not.toHaveLength(0);
    // What is the host's alone is null for others, and the rest is the same.
    const stranger = await visitor.get(`${path}?include=address`);
    expect(stranger.body).toEqual({ ...plain.body, address: null });
  });

  test("must be known", async () => {
    const { status, body } = await visitor.get(`/v1/listings/${listingId}?include=secrets`);
    expect([status, body.code]).toEqual([400, "INVALID_INPUT"]);
  });
});

describe("who asks", () => {
  test("sees their own bookings, each on their side, and nobody else's", async () => {
    const quote = await createQuote(guest.client, listingId, stayIn(40, 2));
    const { id } = await createBooking(guest.client, quote.id, randomUUID());
    const ids = async ({ client }: { client: Client }, query: string): Promise<string[]> =>
      itemsOf(await client.get(`/v1/bookings?${query}`)).map((each) => each.id);
    expect(await ids(guest, "role=guest")).toEqual([id]);
    expect(await ids(guest, "role=host")).toEqual([]);
    expect(await ids(host, "role=host&status=pending_payment&status=confirmed")).toEqual([id]);
    expect(await ids(host, "status=confirmed")).toEqual([]);
    const later = await createQuote(guest.client, listingId, stayIn(35, 2));
    const other = await createBooking(guest.client, later.id, randomUUID());
    expect(await ids(guest, "sort=newest")).toEqual([other.id, id]);
    expect(await ids(guest, "sort=oldest")).toEqual([id, other.id]);
    expect(await ids(guest, "sort=checkIn")).toEqual([other.id, id]);
    expect(await ids(guest, "sort=-checkIn")).toEqual([id, other.id]);
    const stranger = await signUp(marketplace, server, "Sam");
    expect(await ids(stranger, "")).toEqual([]);
    for (const path of ["", "/events", "/payments", "/alterations"]) {
      const { status, body } = await stranger.client.get(`/v1/bookings/${id}${path}`);
      expect([path, status, body.code]).toEqual([path, 404, "NOT_FOUND"]);
    }
    const { status, body } = await stranger.client.post(
      `/v1/bookings/${id}/cancel`,
      {},
      { "idempotency-key": randomUUID() },
    );
    expect([status, body.code]).toEqual([404, "BOOKING_NOT_FOUND"]);
    expect((await visitor.get("/v1/bookings")).status).toBe(401);
  });

  test("must be somebody, where the question is about oneself", async () => {
    const { status, body } = await visitor.get("/v1/listings?role=host");
    expect([status, body.code]).toEqual([401, "UNAUTHENTICATED"]);
    expect((await host.client.get("/v1/listings?role=host&limit=1")).status).toBe(200);
  });

  test("who has a bad token is no visitor", async () => {
    const { status, body } = await visitor.withToken("a.b.c").get(`/v1/listings/${listingId}`);
    expect([status, body.code]).toEqual([401, "TOKEN_INVALID"]);
  });

  test("changes nothing of others", async () => {
    const calls: [string, string, object?][] = [
      ["PATCH", `/v1/listings/${listingId}`, { title: "Mine" }],
      ["DELETE", `/v1/listings/${listingId}`],
      ["POST", `/v1/listings/${listingId}/pause`],
      ["PUT", `/v1/listings/${listingId}/rates`, { currency: "EUR", nightlyAmount: "100" }],
      ["PATCH", `/v1/users/${host.userId}`, { bio: "Mine" }],
      ["PATCH", `/v1/users/${host.userId}/contact`, { phone: "+351210000000" }],
    ];
    for (const [method, path, body] of calls) {
      const answer = await guest.client.rest(method, path, body);
      const isRefused = [403, 404].includes(answer.status);
      expect([method, path, answer.status, isRefused]).toEqual([method, path, answer.status, true]);
    }
    expect(await visitor.get(`/v1/listings/${listingId}`)).toMatchObject({
      status: 200,
      body: { title: "Fifth", status: "published" },
    });
  });
});

describe("addresses", () => {
  test("a property is a listing", async () => {
    const path = `/${listingId}?include=host`;
    const [listing, property] = await Promise.all(
      ["listings", "properties"].map((name) => visitor.get(`/v1/${name}${path}`)),
    );
    expect(property?.body).toEqual(listing?.body);
    expect((await visitor.get("/v1/properties?limit=1")).status).toBe(200);
    expect((await visitor.get("/v1/propertiesx")).status).toBe(404);
  });

  test("may be written in full, as a proxy is asked", async () => {
    for (const name of ["listings", "properties"]) {
      const path = `${server}/v1/${name}/${listingId}`;
      const { status, text } = await sendHostile(server, { method: "GET", path, headers: {} });
      expect([name, status, text.includes(listingId)]).toEqual([name, 200, true]);
    }
  });

  test("HEAD is GET without a body, and other methods are named", async () => {
    const path = `${server}/v1/listings/${listingId}`;
    const [get, head] = [await fetch(path), await fetch(path, { method: "HEAD" })];
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect(head.headers.get("etag")).toBe(get.headers.get("etag"));
    const put = await host.client.rest("PUT", `/v1/listings/${listingId}`, {});
    expect([put.status, put.headers.get("allow")]).toEqual([405, "DELETE, PATCH, GET, HEAD"]);
  });

  test("what was made says where it is", async () => {
    const made = await host.client.post("/v1/listings", { title: "A draft" });
    expect(made.status).toBe(201);
    const found = await host.client.get(String(made.headers.get("location")));
    expect(found).toMatchObject({ status: 200, body: { id: made.body.id, status: "draft" } });
    const gone = await host.client.delete(`/v1/listings/${String(made.body.id)}`);
    expect([gone.status, gone.text]).toEqual([204, ""]);
  });

  test("what cannot be read by itself says no place", async () => {
    const photo = { url: "https://example.com/door.jpg" };
    const made = await host.client.post(`/v1/listings/${listingId}/photos`, photo);
    expect([made.status, made.headers.get("location")]).toEqual([201, null]);
  });

  test("who asks from elsewhere is told what is left", async () => {
    const elsewhere = { "x-forwarded-for": "203.0.113.7" };
    const answer = await visitor.get(`/v1/listings/${listingId}`, elsewhere);
    expect(answer.headers.get("ratelimit-policy")).toMatch(/^"cost";q=\d+;w=10$/);
    expect(answer.headers.get("ratelimit")).toMatch(/^"cost";r=\d+;t=\d+$/);
  });
});

describe("a page of another origin", () => {
  test("may send what the document takes, and read what it gives", async () => {
    const parameters = filesUnder("openapi/parameters", ".yaml").map(({ text }) => parse(text));
    const taken = parameters.filter((each) => each.in === "header").map(({ name }) => name);
    const given = filesUnder("openapi/headers", ".yaml").map(({ path }) =>
      path.slice(path.lastIndexOf("/") + 1, -".yaml".length).toLowerCase(),
    );
    const asked = await fetch(`${server}/v1/listings/${listingId}`, {
      method: "OPTIONS",
      headers: { origin: ORIGIN, "access-control-request-method": "PATCH" },
    });
    const allowed = asked.headers.get("access-control-allow-headers")?.toLowerCase().split(",");
    for (const name of taken) expect(allowed).toContain(name.toLowerCase());
    expect(taken).toContain("If-Match");
    expect(asked.headers.get("access-control-allow-methods")).toContain("PATCH");
    const answer = await visitor.get(`/v1/listings/${listingId}`, { origin: ORIGIN });
    const shown = answer.headers.get("access-control-expose-headers")?.toLowerCase().split(",");
    const plainly = shown?.map((name) => name.replaceAll("-", ""));
    // A cookie is its browser's: no page may read that header.
    for (const name of given) if (name !== "refreshcookie") expect(plainly).toContain(name);
    expect(answer.headers.get("vary")?.split(/, */).sort()).toEqual(["Authorization", "Origin"]);
  });
});

describe("a key", () => {
  const book = (body: object, key?: string) =>
    guest.client.post("/v1/bookings", body, key === undefined ? {} : { "idempotency-key": key });

  test("makes one booking and one answer of many requests, also of those at once", async () => {
    const { id: quoteId } = await createQuote(guest.client, listingId, stayIn(100, 2));
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 8 }, () => book({ quoteId }, key)));
    const statuses = answers.map(({ status }) => status);
    // Who comes while the first runs is told to come again.
    expect(statuses.filter((status) => ![201, 409].includes(status))).toEqual([]);
    const first = answers.find(({ status }) => status === 201);
    const again = await book({ quoteId }, key);
    expect([again.status, again.text]).toEqual([201, first?.text]);
    expect(again.headers.get("location")).toBe(`/v1/bookings/${String(first?.body.id)}`);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    const made = await asOwner(database, "select from app_public.bookings where quote_id = $1", [
      quoteId,
    ]);
    expect(made).toHaveLength(1);
  });

  test("is needed, is good for one request, and keeps a refusal", async () => {
    const { id: quoteId } = await createQuote(guest.client, listingId, stayIn(110, 2));
    expect((await book({ quoteId })).body.code).toBe("IDEMPOTENCY_KEY_REQUIRED");
    expect((await book({ quoteId }, "short")).body.code).toBe("IDEMPOTENCY_KEY_INVALID");
    const key = randomUUID();
    const refused = await book({ quoteId: randomUUID() }, key);
    expect([refused.status, refused.body.code]).toEqual([404, "QUOTE_NOT_FOUND"]);
    expect((await book({ quoteId }, key)).body.code).toBe("IDEMPOTENCY_KEY_REUSED");
  });
});

describe("bad input", () => {
  const send = async (path: string, init: RequestInit): Promise<[number, unknown, unknown]> => {
    const answer = await fetch(server + path, init);
    const body = (await answer.json()) as { code?: string; fields?: string[] };
    return [answer.status, body.code, body.fields];
  };

  test.each([
    ["a parameter that is not known", "/v1/currencies?colour=red", ["colour"]],
    ["two values for one", "/v1/search?west=1&west=2&south=0&east=3&north=1", ["west"]],
    ["a number that is none", "/v1/search?west=x&south=0&east=3&north=1", ["west"]],
    ["a page of nothing", "/v1/listings?limit=0", ["limit"]],
    ["a page of too much", "/v1/listings?limit=101", ["limit"]],
    ["an id that is none", "/v1/listings/7", ["listingId"]],
    ["a day that is none", `/v1/listings/${randomUUID()}/calendar?from=x&to=y`, ["from"]],
    ["a word that is none", "/v1/search?west=1&south=0&east=3&north=1&types=castle", ["types/0"]],
  ])("%s", async (_what, path, fields) => {
    const [status, code, told] = await send(path, {});
    expect([status, code]).toEqual([400, "INVALID_INPUT"]);
    expect(told).toEqual(fields);
  });

  test("a day that no calendar has", async () => {
    const path = `/v1/listings/${listingId}/calendar?from=2031-02-31&to=2031-03-05`;
    expect(await send(path, {})).toEqual([400, "INVALID_INPUT", ["from"]]);
  });

  test("nights that end before they begin", async () => {
    const path = `/v1/listings/${listingId}/claims?from=2031-03-05&to=2031-03-01`;
    expect(await host.client.get(path)).toMatchObject({
      status: 400,
      body: { code: "INVALID_INPUT", detail: "A range ends before it begins." },
    });
  });

  const json = { "content-type": "application/json" };
  const post = (body: string): RequestInit => ({ method: "POST", headers: json, body });

  test("a key that is given twice, at any depth", async () => {
    const path = "/v1/auth/login";
    const twice = '{"email":"a@example.com","password":"x","email":"b@example.com"}';
    expect(await send(path, post(twice))).toEqual([400, "INVALID_INPUT", ["email"]]);
    const deep = '{"a":[{"b":1},{"b":2,"c":{"d":1,"d":2}}]}';
    expect(await send(path, post(deep))).toEqual([400, "INVALID_INPUT", ["d"]]);
    const [, , fields] = await send(path, post('{"a":[{"b":1},{"b":2}]}'));
    expect(fields).not.toEqual(["b"]);
  });

  test("ten megabytes", async () => {
    const [status, code] = await send("/v1/auth/login", post(`"${"x".repeat(10_000_000)}"`));
    expect([status, code]).toEqual([413, "PAYLOAD_TOO_LARGE"]);
  });

  test("a field that is not known, and one that is of another kind", async () => {
    const draft = (body: object) => host.client.post("/v1/listings", body);
    expect(await draft({ title: "x", colour: "red" })).toMatchObject({
      status: 400,
      body: { fields: ["colour"] },
    });
    expect(await draft({ title: 7 })).toMatchObject({ status: 400, body: { fields: ["title"] } });
    expect(await draft({ title: "x", type: "ENTIRE_HOME" })).toMatchObject({
      status: 400,
      body: { fields: ["type"] },
    });
    expect(await draft({ title: "x", maxGuests: 99 })).toMatchObject({
      status: 400,
      body: { code: "INVALID_INPUT", detail: "A listing takes 1 to 16 guests." },
    });
  });
});
