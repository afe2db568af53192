/**
 * How soon a change is seen where answers are kept: a price changes, and two servers show it on the
 * listing's page, in a search and in what a stay costs. Neither of them made the change.
 */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { Caller } from "./load.ts";
import type { Ask } from "./requests.ts";

/** What shows a price. */
export type Shown = "listing page" | "search" | "price of a stay";

/** Milliseconds that each may take at most. What a stay costs is never kept: it is the control. */
export const LATEST_MS: Readonly<Record<Shown, number>> = {
  "listing page": 200,
  search: 5000,
  "price of a stay": 200,
};

/** Milliseconds from the commit until an answer that shows it has come, of each change and server. */
export type Delays = Readonly<Record<Shown, readonly number[]>>;

interface Listing {
  readonly id: string;
  readonly longitude: number;
  readonly latitude: number;
  readonly checkIn: string;
  readonly checkOut: string;
}

const DOCUMENTS: Readonly<Record<Shown, string>> = {
  "listing page": "query ($id: UUID!) { listing(id: $id) { id rates { nightlyAmount } } }",
  search: `query ($west: Float!, $south: Float!, $east: Float!, $north: Float!) {
    searchListings(west: $west, south: $south, east: $east, north: $north, pageSize: 100) {
      nodes { listingId nightlyFloorAmount } } }`,
  "price of a stay": `query ($id: UUID!, $checkIn: Date!, $checkOut: Date!) {
    stayPrice(listingId: $id, checkIn: $checkIn, checkOut: $checkOut, guests: 1) { totalAmount } }`,
};
const SHOWN = Object.keys(DOCUMENTS) as Shown[];

function askOf(shown: Shown, { id, longitude, latitude, checkIn, checkOut }: Listing): Ask {
  const edge = 0.01;
  const box = {
    west: longitude - edge,
    south: latitude - edge,
    east: longitude + edge,
    north: latitude + edge,
  };
  const variables = {
    "listing page": { id },
    search: box,
    "price of a stay": { id, checkIn, checkOut },
  }[shown];
  const body = JSON.stringify({ query: DOCUMENTS[shown], variables });
  return { method: "POST", path: "/graphql", body };
}

/** Changes a price so many times, each time of another listing. */
export async function measureChanges(
  ports: readonly number[],
  rootUrl: string,
  times: number,
): Promise<Delays> {
  const client = new pg.Client({ connectionString: rootUrl });
  await client.connect();
  const callers = ports.map((port) => new Caller(port, SHOWN.length));
  const delays: Record<Shown, number[]> = { "listing page": [], search: [], "price of a stay": [] };
  try {
    // Those whose lowest rate is the one that is changed, and whose nights in a year are free.
    const { rows } = await client.query<Listing>(
      `select l.id, l.public_longitude as longitude, l.public_latitude as latitude,
        (current_date + 330)::text as "checkIn",
        (current_date + 330 + l.min_nights)::text as "checkOut"
      from app_public.listings l join app_public.listing_rates r on r.listing_id = l.id
      where l.status = 'published' and l.booking_window_days >= 365
        and not r.has_dated_rates and r.weekend_nightly_amount is null
      order by l.id limit $1`,
      [times],
    );
    for (const listing of rows) {
      const asks = callers.flatMap((caller) =>
        SHOWN.map((shown) => ({ caller, shown, ask: askOf(shown, listing) })),
      );
      const old = await Promise.all(asks.map(({ caller, ask }) => textOf(caller, ask)));
      await client.query(
        `update app_public.listing_rates set nightly_amount = nightly_amount / 100 * 90
        where listing_id = $1`,
        [listing.id],
      );
      const changed = performance.now();
      await Promise.all(
        asks.map(async ({ caller, shown, ask }, index) => {
          while ((await textOf(caller, ask)) === old[index]) {
            if (performance.now() - changed > 20_000) throw new Error(`${shown} stays as it was.`);
            await sleep(5);
          }
          delays[shown].push(performance.now() - changed);
        }),
      );
    }
  } finally {
    for (const caller of callers) caller.close();
    await client.end();
  }
  return delays;
}

async function textOf(caller: Caller, ask: Ask): Promise<string> {
  const { status, text } = await caller.ask(ask);
  if (status !== 200 || text.includes('"errors"')) throw new Error(text.slice(0, 300));
  return text;
}

/** The lines of a table. */
export function tableOf(delays: Delays): string[] {
  const lines = SHOWN.map((shown) => {
    const sorted = delays[shown].toSorted((one, other) => one - other);
    const [middle, most] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted.at(-1)];
    const cells = [sorted.length, middle?.toFixed(1), most?.toFixed(1), LATEST_MS[shown]];
    return `| ${shown} | ${cells.join(" | ")} |`;
  });
  const head = "| shown in | changes | p50 ms | most ms | goal ms |";
  return [head, "| --- | --: | --: | --: | --: |", ...lines];
}

/** What was seen too late, or never looked at. */
export function lateOnes(delays: Delays): string[] {
  return SHOWN.flatMap((shown) => {
    const most = Math.max(...delays[shown]);
    const goal = LATEST_MS[shown];
    return most >= 0 && most < goal ? [] : [`${shown}: ${most.toFixed(0)} of ${goal} ms`];
  });
}
