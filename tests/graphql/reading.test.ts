/** Claims about who reads what through GraphQL, in how many statements, and in which order. */
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import pg from "pg";
import type { Client, GraphqlAnswer } from "../helpers/client.ts";
import { testDatabase } from "../helpers/database.ts";
import { buildMarket, type Market } from "../helpers/fixture.ts";
import { codesOf, type GraphqlServer, openGraphqlServer } from "./graphqlServer.ts";

const database = testDatabase();
let server: GraphqlServer;
let market: Market;

beforeAll(async () => {
  market = await buildMarket(database);
  server = await openGraphqlServer(database);
});
afterAll(() => server.dispose());

interface Listings {
  readonly listings: { readonly totalCount: number; readonly nodes: { readonly id: string }[] };
}

const LISTINGS = "{ listings { totalCount nodes { id title status } } }";

describe("what is shown", () => {
  test("is published listings to strangers, and to a host their own as well", async () => {
    const { a, b } = market;
    const idsOf = async (client: Client): Promise<string[]> => {
      const { listings } = await client.query<Listings>(LISTINGS);
      expect(listings.totalCount).toBe(listings.nodes.length);
      return listings.nodes.map(({ id }) => id).sort();
    };
    const published = [a.booked, a.held, b.booked, b.held];
    expect(await idsOf(server.stranger)).toEqual(published.toSorted());
    const own = [...published, a.draft, a.paused].toSorted();
    expect(await idsOf(server.signedIn(a.host))).toEqual(own);
    const draft = "query ($id: UUID!) { listing(id: $id) { id } }";
    expect(await server.stranger.query(draft, { id: a.draft })).toEqual({ listing: null });
    expect(await server.signedIn(a.host).query(draft, { id: a.draft })).toEqual({
      listing: { id: a.draft },
    });
    const { rows } = await database.owner.query("select from app_public.listings where id = $1", [
      a.draft,
    ]);
    expect(rows).toHaveLength(1);
  });

  test("is a booking to its guest and its host, and to nobody else", async () => {
    const { rows } = await database.owner.query<{ id: string }>(
      "select id from app_public.bookings where listing_id = $1",
      [market.a.booked],
    );
    const [booking] = rows;
    const read = (client: Client): Promise<unknown> =>
      client.query("query ($id: UUID!) { booking(id: $id) { id } }", { id: booking?.id });
    for (const somebody of [market.a.guest, market.a.host]) {
      expect(await read(server.signedIn(somebody))).toEqual({ booking });
    }
    expect(await read(server.signedIn(market.operator, "operator"))).toEqual({ booking });
    for (const client of [server.stranger, server.signedIn(market.b.guest)]) {
      expect(await read(client)).toEqual({ booking: null });
    }
  });

  test("is one's own contact, and nobody else's", async () => {
    const contact = "query ($id: UUID!) { user(id: $id) { displayName contact { email } } }";
    const id = market.a.guest;
    expect(await server.signedIn(id).query(contact, { id })).toMatchObject({
      user: { contact: { email: expect.stringContaining("@") } },
    });
    expect(await server.signedIn(market.a.host).query(contact, { id })).toMatchObject({
      user: { displayName: "Gero Guest A", contact: null },
    });
  });

  test("sums up one's own bookings and ledger entries, never those of others", async () => {
    const sums = `{
      bookings(filter: { status: { equalTo: COMPLETED } }) {
        groupedAggregates(groupBy: [CURRENCY]) { keys sum { hostAmount } }
      }
      ledgerEntries { groupedAggregates(groupBy: [CURRENCY]) { keys sum { amount } } }
    }`;
    const { rows } = await database.owner.query<{ earned: string; owed: string }>(
      `select
         (select sum(host_amount) from app_public.bookings
          where host_id = $1 and status = 'completed')::text as earned,
         (select sum(e.amount) from app_public.ledger_entries e
            join app_public.ledger_accounts a on a.id = e.account_id where a.user_id = $1
         )::text as owed`,
      [market.a.host],
    );
    expect(await server.signedIn(market.a.host).query(sums)).toEqual({
      bookings: { groupedAggregates: [{ keys: ["EUR"], sum: { hostAmount: rows[0]?.earned } }] },
      ledgerEntries: { groupedAggregates: [{ keys: ["EUR"], sum: { amount: rows[0]?.owed } }] },
    });
    expect(await server.stranger.query(sums)).toEqual({
      bookings: { groupedAggregates: [] },
      ledgerEntries: { groupedAggregates: [] },
    });
  });

  test("is in order: photos by position, bookings newest first", async () => {
    const listing = market.a.booked;
    await database.owner.query(
      `insert into app_public.listing_photos (listing_id, url, position)
       values ($1, 'https://photos.example/2', 2), ($1, 'https://photos.example/1', 1)`,
      [listing],
    );
    const { listing: found } = await server.stranger.query<{
      listing: { photos: { position: number }[] };
    }>("query ($id: UUID!) { listing(id: $id) { photos { position } } }", { id: listing });
    expect(found.photos.map(({ position }) => position)).toEqual([0, 1, 2]);
    const { bookings } = await server
      .signedIn(market.a.host)
      .query<{ bookings: { nodes: { createdAt: string }[] } }>(
        "{ bookings { nodes { createdAt } } }",
      );
    const times = bookings.nodes.map(({ createdAt }) => createdAt);
    expect(times.length).toBeGreaterThan(1);
    expect(times).toEqual(times.toSorted().reverse());
  });
});

/** The texts of the statements that `task` sends, without those of transactions. */
async function statements(task: () => Promise<unknown>): Promise<string[]> {
  const spy = jest.spyOn(pg.Client.prototype, "query");
  try {
    await task();
    return spy.mock.calls
      .map(([query]) => (typeof query === "string" ? query : (query as { text: string }).text))
      .filter((text) => !/^(begin|commit|rollback|set |select set_config)/.test(text));
  } finally {
    spy.mockRestore();
  }
}

test("search reaches all its listings and their photos without a statement for each", async () => {
  const search = `{
    searchListings(west: -10, south: 38, east: -9, north: 39) {
      nodes {
        totalAmount
        listing { id title host { displayName } photos { url } rates { nightlyAmount } }
      }
    }
  }`;
  let found: { listing: { photos: unknown[] } | null }[] = [];
  const sent = await statements(async () => {
    const data = await server.stranger.query<{ searchListings: { nodes: typeof found } }>(search);
    found = data.searchListings.nodes;
  });
  expect(found).toHaveLength(4);
  for (const { listing } of found) expect(listing?.photos.length).toBeGreaterThan(0);
  // The search, the listings with their hosts and rates, the photos.
  expect(sent.length).toBeLessThanOrEqual(5);
});

test("search walks forwards, each listing once, and says when it is done", async () => {
  interface Page {
    readonly nodes: readonly { readonly listingId: string }[];
    readonly edges: readonly { readonly cursor: string; readonly node: unknown }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  }
  const query = `query ($size: Int, $after: String) {
    searchListings(west: -10, south: 38, east: -9, north: 39, pageSize: $size, after: $after) {
      nodes { listingId }
      edges { cursor node { listingId } }
      pageInfo { hasNextPage endCursor }
    }
  }`;
  const walk = async (size: number | undefined): Promise<string[]> => {
    const ids: string[] = [];
    let after: string | null = null;
    for (let page = 0; page < 10; page += 1) {
      const answer: { searchListings: Page } = await server.stranger.query(query, { size, after });
      const { nodes, edges, pageInfo } = answer.searchListings;
      expect(edges.map(({ node }) => node)).toEqual(nodes);
      expect(pageInfo.endCursor).toBe(edges.at(-1)?.cursor ?? null);
      ids.push(...nodes.map(({ listingId }) => listingId));
      if (!pageInfo.hasNextPage) return ids;
      after = pageInfo.endCursor;
    }
    throw new Error("The search does not end.");
  };
  const all = await walk(undefined);
  expect(new Set(all).size).toBe(4);
  for (const size of [1, 2, 3, 4, 5, 100]) expect(await walk(size)).toEqual(all);
});

test("people who share a connection see their own rows alone, also after an error", async () => {
  const shared = await openGraphqlServer(database, { poolSize: 1 });
  const query = `query ($id: UUID!) {
    listings { totalCount }
    bookings { totalCount }
    listing(id: $id) { missingForPublication }
  }`;
  const { a, b, operator } = market;
  const people: readonly (readonly [Client, listings: number, bookings: number])[] = [
    [shared.stranger, 4, 0],
    [shared.signedIn(a.host), 6, 4],
    [shared.signedIn(b.guest), 5, 4],
    [shared.signedIn(operator, "operator"), 8, 8],
    [shared.signedIn(b.host), 6, 4],
  ];
  try {
    // Beyond five executions the database may plan for all; each round ends in an error.
    for (let round = 0; round < 8; round += 1) {
      for (const [client, listings, bookings] of people) {
        const data = await client.query(query, { id: a.draft });
        expect(data).toMatchObject({
          listings: { totalCount: listings },
          bookings: { totalCount: bookings },
        });
      }
      const failed: GraphqlAnswer<unknown> = await shared.stranger.send(
        "mutation ($id: UUID!) { publishListing(input: { listingId: $id }) { listing { id } } }",
        { id: a.draft },
      );
      expect(codesOf(failed)).toEqual(["UNAUTHENTICATED"]);
    }
  } finally {
    await shared.dispose();
  }
});
