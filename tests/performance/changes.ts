/**
 * How soon a change is seen where answers are kept: a host changes a price, blocks a night and takes
 * a listing out, and two servers show it on the listing's page, in a search, and to who would
 * book. Neither of them made the change.
 */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { Caller } from "./load.ts";
import type { Ask } from "./requests.ts";

/** What shows a change. */
type Shown = "listing page" | "search" | "stay";
const SHOWN: readonly Shown[] = ["listing page", "search", "stay"];

/** Milliseconds that each may take at most. What a stay costs is never kept: it is the control. */
const LATEST_MS: Readonly<Record<Shown, number>> = { "listing page": 200, search: 5000, stay: 200 };

interface Change {
  readonly name: string;
  /** What the host does; the parameters are the listing and the first night of a stay. */
  readonly statement: string;
  /** What of the listing's page and of a stay it changes. */
  readonly page: string;
  readonly stay: string;
}

const NIGHTS = "takenNights(fromDate: $checkIn, toDate: $checkOut)";
const STAY = "listingId: $id, checkIn: $checkIn, checkOut: $checkOut, guests: 1";
const BOOKABLE = `bookability(${STAY}) { code }`;

const CHANGES: readonly Change[] = [
  {
    name: "price",
    statement: `update app_public.listing_rates set nightly_amount = nightly_amount / 100 * 90
      where listing_id = $1 and $2::date is not null`,
    page: "rates { nightlyAmount }",
    stay: `stayPrice(${STAY}) { totalAmount }`,
  },
  {
    name: "blocked night",
    statement: "select app_public.block_nights($1, $2, $2::date + 1)",
    page: NIGHTS,
    stay: BOOKABLE,
  },
  {
    name: "pause",
    statement: "select app_public.pause_listing($1) where $2::date is not null",
    page: "status",
    stay: BOOKABLE,
  },
];

/** Milliseconds from the commit until an answer that shows it has come, of each listing and server. */
interface Delays {
  readonly change: string;
  readonly shown: Shown;
  readonly ms: number[];
}

interface Listing {
  readonly id: string;
  readonly host_id: string;
  readonly longitude: number;
  readonly latitude: number;
  readonly checkIn: string;
  readonly checkOut: string;
}

function askOf(shown: Shown, { page, stay }: Change, listing: Listing): Ask {
  const { id, longitude, latitude, checkIn, checkOut } = listing;
  const edge = 0.01;
  const box = {
    west: longitude - edge,
    south: latitude - edge,
    east: longitude + edge,
    north: latitude + edge,
  };
  const dates = "$checkIn: Date!, $checkOut: Date!";
  const used = page === NIGHTS ? `, ${dates}` : "";
  const query = {
    "listing page": `query ($id: UUID!${used}) { listing(id: $id) { id ${page} } }`,
    search: `query ($west: Float!, $south: Float!, $east: Float!, $north: Float!, ${dates}) {
      searchListings(west: $west, south: $south, east: $east, north: $north, checkIn: $checkIn,
        checkOut: $checkOut, pageSize: 100) { nodes { listingId totalAmount } } }`,
    stay: `query ($id: UUID!, ${dates}) { ${stay} }`,
  }[shown];
  const variables = { id, ...box, checkIn, checkOut };
  return { method: "POST", path: "/graphql", body: JSON.stringify({ query, variables }) };
}

/** Makes each change so many times, one after the other, each time of another listing. */
export async function measureChanges(
  ports: readonly number[],
  rootUrl: string,
  times: number,
): Promise<readonly Delays[]> {
  const client = new pg.Client({ connectionString: rootUrl });
  await client.connect();
  const callers = ports.map((port) => new Caller(port, SHOWN.length));
  const delays: Delays[] = [];
  try {
    const listings = await readListings(client, times * CHANGES.length);
    for (const [index, listing] of listings.entries()) {
      const change = CHANGES[index % CHANGES.length];
      if (change) delays.push(...(await measureOne(client, callers, change, listing)));
    }
  } finally {
    for (const caller of callers) caller.close();
    await client.end();
  }
  return CHANGES.flatMap(({ name }) =>
    SHOWN.map((shown) => ({
      change: name,
      shown,
      ms: delays.flatMap((one) => (one.change === name && one.shown === shown ? one.ms : [])),
    })),
  );
}

/** Listings of one unit whose price is the one that is changed, and a stay of theirs that is free. */
async function readListings(client: pg.Client, times: number): Promise<readonly Listing[]> {
  const { rows } = await client.query<Listing>(
    `select l.id, l.host_id, l.public_longitude as longitude, l.public_latitude as latitude,
      (current_date + 330)::text as "checkIn",
      (current_date + 330 + l.min_nights)::text as "checkOut"
    from app_public.listings l join app_public.listing_rates r on r.listing_id = l.id
    where l.status = 'published' and l.booking_window_days >= 365 and l.unit_count = 1
      and not r.has_dated_rates and r.weekend_nightly_amount is null
      and not exists (
        select from app_public.calendar_claims c where c.listing_id = l.id
          and c.nights && daterange(current_date + 330, current_date + 330 + l.min_nights))
    order by l.id limit $1`,
    [times],
  );
  return rows;
}

async function measureOne(
  client: pg.Client,
  callers: readonly Caller[],
  change: Change,
  listing: Listing,
): Promise<readonly Delays[]> {
  const asks = callers.flatMap((caller) =>
    SHOWN.map((shown) => ({ caller, shown, ask: askOf(shown, change, listing) })),
  );
  const old = await Promise.all(asks.map(({ caller, ask }) => textOf(caller, ask)));
  await client.query("begin");
  await client.query("select set_config('staybase.user_id', $1, true)", [listing.host_id]);
  await client.query(change.statement, [listing.id, listing.checkIn]);
  await client.query("commit");
  const changed = performance.now();
  return Promise.all(
    asks.map(async ({ caller, shown, ask }, index) => {
      while ((await textOf(caller, ask)) === old[index]) {
        if (performance.now() - changed > 20_000) {
          throw new Error(`The ${change.name} of ${listing.id} is not in the ${shown}.`);
        }
        await sleep(5);
      }
      return { change: change.name, shown, ms: [performance.now() - changed] };
    }),
  );
}

/** An answer; that a listing is not there for visitors is one, too. */
async function textOf(caller: Caller, ask: Ask): Promise<string> {
  const { status, text } = await caller.ask(ask);
  const isRefused = text.includes('"errors"') && !text.includes('"LISTING_NOT_FOUND"');
  if (status !== 200 || isRefused) throw new Error(text.slice(0, 300));
  return text;
}

/** The lines of a table. */
export function tableOf(delays: readonly Delays[]): string[] {
  const lines = delays.map(({ change, shown, ms }) => {
    const sorted = ms.toSorted((one, other) => one - other);
    const [middle, most] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted.at(-1)];
    const cells = [sorted.length, middle?.toFixed(1), most?.toFixed(1), LATEST_MS[shown]];
    return `| ${change} | ${shown} | ${cells.join(" | ")} |`;
  });
  const head = "| change | shown in | times | p50 ms | most ms | goal ms |";
  return [head, "| --- | --- | --: | --: | --: | --: |", ...lines];
}

/** What was seen too late, or never looked at. */
export function lateOnes(delays: readonly Delays[]): string[] {
  return delays.flatMap(({ change, shown, ms }) => {
    const most = Math.max(...ms);
    const goal = LATEST_MS[shown];
    return most >= 0 && most < goal
      ? []
      : [`${change} in the ${shown}: ${most.toFixed(0)} of ${goal} ms`];
  });
}
