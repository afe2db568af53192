/**
 * Answers that are kept for visitors, on two servers: they are new as soon as something changes,
 * and nobody gets what is another's.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import pg from "pg";
import { cases } from "../helpers/cases.ts";
import { apiClient } from "../helpers/client.ts";
import { testDatabase } from "../helpers/database.ts";
import {
  asServer,
  asVisitor,
  NOON,
  paidBooking,
  publishedListing,
  stopClock,
} from "../helpers/factories.ts";
import { type Marketplace, openMarketplace, waitUntil } from "../helpers/marketplace.ts";
import { type Person, signUp } from "../story/people.ts";
import { offerListing, stayIn } from "../story/stay.ts";

const PAGE = `query ($id: UUID!, $from: Date!, $to: Date!) {
  listing(id: $id) {
    id title averageRating takenNights(fromDate: $from, toDate: $to)
    host { id displayName staysHosted }
    photos { caption }
    amenities { amenity { code } }
    rates { nightlyAmount datedRates { nodes { nightlyAmount } } }
    reviews(first: 3) { nodes { comment author { id displayName } } }
  }
}`;
const NIGHTS = { from: stayIn(30, 1).checkIn, to: stayIn(60, 1).checkIn };
const SEARCH = "/v1/search?west=-9.3&south=38.6&east=-9&north=38.8";

const database = testDatabase();
let marketplace: Marketplace;
let host: Person;
let guest: Person;
let listingId: string;

beforeAll(async () => {
  marketplace = await openMarketplace(database, 2, { PUBLIC_CACHE_MB: "8" });
  marketplace.startWorker();
  const [server = ""] = marketplace.servers;
  host = await signUp(marketplace, server, "Hana");
  guest = await signUp(marketplace, server, "Gus");
  listingId = await offerListing(host.client);
});

afterAll(async () => marketplace?.dispose(), 30_000);

interface Answer {
  readonly status: number;
  /** Seconds since it was made; undefined where it was made for this request. */
  readonly age: number | undefined;
  readonly headers: Headers;
  readonly text: string;
}

async function ask(url: string, init: RequestInit = {}): Promise<Answer> {
  const { status, headers, ...answer } = await fetch(url, init).then(async (response) => ({
    status: response.status,
    headers: response.headers,
    text: await response.text(),
  }));
  const age = headers.get("age");
  return { status, headers, age: age === null ? undefined : Number(age), ...answer };
}

const post = (server: string, query: string, variables = {}, headers = {}): Promise<Answer> =>
  ask(`${server}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ query, variables }),
  });

const page = (server: string): Promise<Answer> => post(server, PAGE, { id: listingId, ...NIGHTS });
const resource = (server: string, include = ""): Promise<Answer> =>
  ask(`${server}/v1/listings/${listingId}${include}`);

const FACES: Readonly<Record<string, (server: string) => Promise<Answer>>> = {
  "GraphQL's page": page,
  "REST's listing": (server) => resource(server, "?include=host&include=photos&include=rates"),
  "REST's search": (server) => ask(`${server}${SEARCH}`),
  "REST's currencies": (server) => ask(`${server}/v1/currencies`),
};

describe("what a visitor asks", () => {
  test.each(Object.keys(FACES))("%s is answered once, and then from what is kept", async (name) => {
    const face = FACES[name] as (server: string) => Promise<Answer>;
    for (const server of marketplace.servers) {
      await waitUntil("it is kept", async () => (await face(server)).age !== undefined);
      const [first, second] = [await face(server), await face(server)];
      expect([second.status, second.text]).toEqual([200, first.text]);
    }
  });

  test("a condition is met, HEAD answered, and shared caches told what they may do", async () => {
    const [server = ""] = marketplace.servers;
    await waitUntil("it is kept", async () => (await resource(server)).age !== undefined);
    const { headers } = await resource(server);
    expect(headers.get("cache-control")).toBe("public, max-age=0, s-maxage=5");
    expect(headers.get("vary")).toContain("Authorization");
    expect(headers.get("ratelimit")).toBeNull();
    const etag = headers.get("etag") ?? "";
    const url = `${server}/v1/listings/${listingId}`;
    expect(await ask(url, { headers: { "if-none-match": etag } })).toMatchObject({ status: 304 });
    expect(await ask(url, { headers: { "if-none-match": '"x"' } })).toMatchObject({ status: 200 });
    const head = await ask(url, { method: "HEAD" });
    expect([head.status, head.age, head.headers.get("etag"), head.text]).toEqual([
      200,
      expect.any(Number),
      etag,
      "",
    ]);
  });

  test("forty who ask at once are answered by one", async () => {
    const [server = ""] = marketplace.servers;
    // Where the first is answered before the others have come, they find what is kept.
    await waitUntil("the log says that some have waited for the first", async () => {
      const query = `query Forty { listing(id: "${listingId}") { id title r${Date.now()}: title } }`;
      const answers = await Promise.all(Array.from({ length: 40 }, () => post(server, query)));
      expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
      expect(answers.filter(({ age }) => age === undefined)).toHaveLength(1);
      return marketplace.output().includes('"cache":"shared"');
    });
  });

  test.each([
    [
      "a price",
      () => `{ stayPrice(listingId: "${listingId}", checkIn: "${NIGHTS.from}",
      checkOut: "${NIGHTS.to}", guests: 2) { totalAmount } }`,
    ],
    ["who asks", () => "{ me { id } }"],
    ["what is not there", () => '{ listing(id: "00000000-0000-4000-8000-000000000000") { id } }'],
    ["what is refused", () => `{ listing(id: "${listingId}") { id nothing } }`],
    ["what only some may see", () => `{ listing(id: "${listingId}") { id address { street } } }`],
    ["the schema", () => "{ __schema { queryType { name } } }"],
    [
      "a change",
      () => `mutation { archiveListing(input: { listingId: "${listingId}" }) {
      listing { id } } }`,
    ],
  ])("%s is never kept, nor is what comes with it", async (_what, query) => {
    const [server = ""] = marketplace.servers;
    const list = "listings(first: 1) { nodes { title } }";
    const alone = query();
    const behind = alone.replace("{", `{ ${list}`);
    const before = alone.replace(/\}$/, `${list} }`);
    for (const each of [alone, behind, before, alone, behind, before]) {
      const { headers, age } = await post(server, each);
      expect([headers.get("cache-control"), age]).toEqual(["no-store", undefined]);
    }
  });
});

const mutate = (text: string): Promise<unknown> => host.client.query(`mutation { ${text} }`);

async function patch(who: Person, path: string, body: object): Promise<void> {
  expect((await who.client.rest("PATCH", path, body)).status).toBe(200);
}

/** What a host does, in order, and what is in the page then. */
const CHANGES: Readonly<Record<string, readonly [change: () => Promise<unknown>, seen: string]>> = {
  "a title": [
    () => patch(host, `/v1/listings/${listingId}`, { title: "House below the river" }),
    "House below the river",
  ],
  "a price": [
    () =>
      mutate(`setListingRates(input: { listingId: "${listingId}", currency: "EUR",
        nightlyAmount: "11100" }) { clientMutationId }`),
    '"11100"',
  ],
  "the price of a night": [
    () =>
      mutate(`setDatedRate(input: { listingId: "${listingId}", startsOn: "${NIGHTS.from}",
        endsBefore: "${NIGHTS.to}", nightlyAmount: "22200" }) { clientMutationId }`),
    '"22200"',
  ],
  "a photo": [
    () =>
      mutate(`createListingPhoto(input: { listingPhoto: { listingId: "${listingId}",
        url: "https://example.com/new.jpg", caption: "The new one" } }) { clientMutationId }`),
    "The new one",
  ],
  "the amenities": [
    () =>
      mutate(`setListingAmenities(input: { listingId: "${listingId}", amenityCodes: ["pool"] }) {
        clientMutationId }`),
    '"pool"',
  ],
  "nights that are blocked": [
    () =>
      mutate(`blockNights(input: { listingId: "${listingId}", startsOn: "${NIGHTS.from}",
        endsBefore: "${NIGHTS.to}" }) { clientMutationId }`),
    `"takenNights":["${NIGHTS.from}"`,
  ],
  "the host's name": [
    () => patch(host, `/v1/users/${host.userId}`, { displayName: "Hana Two" }),
    "Hana Two",
  ],
};

/** Longer than it takes to be told, and far shorter than an answer lives. */
const SOON_MS = 5000;

const keptEverywhere = (of: (server: string) => Promise<Answer>): Promise<void> =>
  waitUntil("it is kept on both servers", async () => {
    const answers = await Promise.all(marketplace.servers.map(of));
    return answers.every(({ age }) => age !== undefined);
  });

const newEverywhere = (of: (server: string) => Promise<Answer>, seen: string): Promise<void> =>
  waitUntil(
    `${seen} on both servers`,
    async () => {
      const answers = await Promise.all(marketplace.servers.map(of));
      return answers.every(({ text }) => text.includes(seen));
    },
    SOON_MS,
  );

describe("what changes is new on both servers", () => {
  test.each(Object.keys(CHANGES))("%s", async (what) => {
    const [change, seen] = CHANGES[what] ?? [];
    await keptEverywhere(page);
    expect((await page(marketplace.servers[1] ?? "")).text).not.toContain(seen);
    await change?.();
    await newEverywhere(page, seen ?? "");
  });

  test("a new title is in the search within seconds", async () => {
    const search = (server: string): Promise<Answer> => ask(`${server}${SEARCH}&include=listing`);
    await keptEverywhere(search);
    await patch(host, `/v1/listings/${listingId}`, { title: "Found at last" });
    await newEverywhere(search, "Found at last");
  });

  test("what nobody tells of stays as it was: without its trigger, a photo is not new", async () => {
    const table = "alter table app_public.listing_photos";
    await keptEverywhere(page);
    await database.owner.query(`${table} disable trigger _750_tell_change`);
    await database.owner.query(`${table} disable trigger _600_updated`);
    try {
      await database.owner.query(
        "update app_public.listing_photos set caption = 'Untold' where listing_id = $1",
        [listingId],
      );
      await expect(newEverywhere(page, "Untold")).rejects.toThrow("did not happen");
    } finally {
      await database.owner.query(`${table} enable trigger user`);
    }
    // A change that is told brings it along.
    await patch(host, `/v1/listings/${listingId}`, { title: "Told again" });
    await newEverywhere(page, "Untold");
  });

  test("what changes while a server hears nothing is new, too", async () => {
    await keptEverywhere(page);
    const root = new pg.Client({ connectionString: database.rootUrl });
    await root.connect();
    const { rowCount } = await root.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'staybase-changes' and datname = current_database()`,
    );
    await root.end();
    expect(rowCount).toBe(2);
    await patch(host, `/v1/listings/${listingId}`, { title: "Unheard" });
    await newEverywhere(page, "Unheard");
    await keptEverywhere(page);
  });

  test("a pause hides a listing", async () => {
    await keptEverywhere(page);
    await mutate(`pauseListing(input: { listingId: "${listingId}" }) { clientMutationId }`);
    await newEverywhere(page, '"listing":null');
    await mutate(`publishListing(input: { listingId: "${listingId}" }) { clientMutationId }`);
    await newEverywhere(page, "Unheard");
  });

  test("a stay that is over, a review of it, and the name of who wrote it", async () => {
    await stopClock(database, NOON);
    const listing = await publishedListing(database, host.userId);
    const booking = await paidBooking(database, guest.userId, listing);
    const reviewed = (server: string): Promise<Answer> =>
      post(server, PAGE, { id: listing, ...NIGHTS });
    await keptEverywhere(reviewed);
    await stopClock(database, "2031-06-20T12:00:00Z");
    // It passes a booking over that a job has locked at this moment.
    await waitUntil("the stay is completed", async () => {
      const [row] = await asServer(database, "select app_private.complete_stays() as done");
      return row?.done === 1;
    });
    await newEverywhere(reviewed, '"staysHosted":1');
    await keptEverywhere(reviewed);
    const submit = "select app_public.submit_review($1, 5, 'Lovely, said the guest.')";
    await asVisitor(database, guest.userId, submit, [booking]);
    await newEverywhere(reviewed, "Lovely, said the guest.");
    await keptEverywhere(reviewed);
    await patch(guest, `/v1/users/${guest.userId}`, { displayName: "Gus Two" });
    await newEverywhere(reviewed, "Gus Two");
  });
});

test("nobody gets what is another's, in whatever order they ask", async () => {
  const [server = ""] = marketplace.servers;
  const draft = await draftOf(host);
  const people: readonly (Person | undefined)[] = [undefined, host, guest, undefined];
  const questions = [
    `{ listing(id: "${draft}") { id title } }`,
    `{ listing(id: "${listingId}") { id title address { street } missingForPublication } }`,
    "{ me { id displayName } }",
    `{ user(id: "${host.userId}") { id displayName contact { email } } }`,
    `{ listings(first: 50, orderBy: PRIMARY_KEY_DESC) { nodes { id title } } }`,
  ];
  const tell = async (who: number, question: string): Promise<string> => {
    const client = people[who]?.client ?? apiClient(server);
    const { data, errors } = await client.send(question);
    return JSON.stringify([data, errors.map(({ message }) => message)]);
  };
  // What each is told when they ask in words of their own, which nobody asked before.
  const truths = new Map<string, string>();
  for (const who of people.keys()) {
    for (const question of questions) {
      truths.set(`${who} ${question}`, await tell(who, `query By${who} ${question}`));
    }
  }
  expect(new Set([...truths.values()]).size).toBeGreaterThan(questions.length);
  const turn = fc.record({
    who: fc.nat(people.length - 1),
    question: fc.constantFrom(...questions),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(turn, { minLength: 10, maxLength: 40 }), async (turns) => {
      const told = await Promise.all(turns.map(({ who, question }) => tell(who, question)));
      expect(told).toEqual(turns.map(({ who, question }) => truths.get(`${who} ${question}`)));
    }),
    { numRuns: cases(20, 5) },
  );
});

async function draftOf(who: Person): Promise<string> {
  const answer = await who.client.rest("POST", "/v1/listings", { title: "Nobody else's" });
  expect(answer.status).toBe(201);
  return String(answer.body.id);
}
