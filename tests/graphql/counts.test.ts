/** Counts: as many as there are up to a bound, and whether that is all; a large table is not read. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import pg from "pg";
import type { Client } from "../helpers/client.ts";
import { testDatabase } from "../helpers/database.ts";
import { somebody } from "../helpers/factories.ts";
import { waitUntil } from "../helpers/marketplace.ts";
import { type GraphqlServer, openGraphqlServer } from "./graphqlServer.ts";

const database = testDatabase();
let server: GraphqlServer;
let host: string;

beforeAll(async () => {
  host = await somebody(database);
  server = await openGraphqlServer(database);
});
afterAll(() => server.dispose());

/** So many published listings more, as rows alone. */
async function publish(rows: number): Promise<void> {
  const client = await database.owner.connect();
  await client.query("begin");
  await client.query("alter table app_public.listings disable trigger user");
  await client.query(
    `insert into app_public.listings (host_id, title, status)
     select $1, 'Place ' || n, 'published' from generate_series(1, $2) n`,
    [host, rows],
  );
  await client.query("alter table app_public.listings enable trigger user");
  await client.query("commit");
  client.release();
}

interface Counted {
  readonly totalCount: number;
  readonly isExact: boolean;
}

async function counted(client: Client, more = ""): Promise<Counted> {
  const { listings } = await client.query<{ listings: Counted }>(
    `{ listings${more} { totalCount isExact } }`,
  );
  return listings;
}

test("a count ends at 1000, and says whether that is all", async () => {
  await publish(999);
  const { stranger } = server;
  expect(await counted(stranger)).toEqual({ totalCount: 999, isExact: true });
  await publish(1);
  expect(await counted(stranger)).toEqual({ totalCount: 1000, isExact: true });
  await publish(1);
  expect(await counted(stranger)).toEqual({ totalCount: 1000, isExact: false });
  // Whatever the page is, and with the filter.
  expect(await counted(stranger, "(first: 2, offset: 3)")).toMatchObject({ isExact: false });
  const nobodys = '(filter: { hostId: { equalTo: "00000000-0000-4000-8000-000000000000" } })';
  expect(await counted(stranger, nobodys)).toEqual({ totalCount: 0, isExact: true });
});

test("what belongs to one row of a list is counted as a whole", async () => {
  const { listings } = await server.stranger.query<{
    listings: { nodes: { host: { listings: Counted } }[] };
  }>("{ listings(first: 1) { nodes { host { listings { totalCount isExact } } } } }");
  expect(listings.nodes[0]?.host.listings).toEqual({ totalCount: 1001, isExact: true });
});

test("a count reads no more of a large table than it counts", async () => {
  await publish(20_000);
  await database.owner.query("analyze app_public.listings");
  const read = async (): Promise<number> => {
    const { rows } = await database.owner.query(
      `select seq_tup_read + coalesce(idx_tup_fetch, 0) as read from pg_stat_user_tables
       where relid = 'app_public.listings'::regclass`,
    );
    return Number(rows[0]?.read);
  };
  /** The server tells a second later, or later still; what it has told by then. */
  const readSince = async (before: number, least: number): Promise<number> => {
    await waitUntil("the server tells of it", async () => (await read()) - before > least);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    return (await read()) - before;
  };
  const before = await read();
  expect(await counted(server.stranger)).toEqual({ totalCount: 1000, isExact: false });
  // With what the counts of the tests before have read, which the server may tell only now.
  expect(await readSince(before, 1000)).toBeLessThan(10_000);
  // What reads all of it is told from that.
  const after = await read();
  const root = new pg.Client({ connectionString: database.rootUrl });
  await root.connect();
  await root.query("select count(*) from app_public.listings");
  await root.end();
  expect(await readSince(after, 20_000)).toBeGreaterThan(20_000);
});
