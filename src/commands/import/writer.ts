/**
 * Talks to the database for an import: checks that it can take one, and writes the listings, a few
 * at a time, each in one statement of its own. What a listing means there is the business of
 * `app_private.import_listing`.
 */
import type { Pool } from "pg";
import { isRetryable, retryable, withTransaction } from "../../resources/postgres.ts";
import { DatabaseCommandError, errorCode, errorMessage } from "../shared/errors.ts";
import type { Currency } from "./currency.ts";
import type { ImportReport } from "./report.ts";

/**
 * Who gave out the ids. Those of listings and hosts are one series for all cities and snapshots, so
 * the same listing is found again whatever its city is called this time, and a host with listings
 * in two cities is one person.
 */
const SOURCE = "inside-airbnb";

/** Listings that are written at the same time, each on its own connection. */
export const LANES = 4;

/** A listing that is ready, or the reason why its row is none. */
export type Prepared =
  | {
      readonly row: number;
      readonly id: string;
      readonly listing: unknown;
      onWritten(answer: Answer): void;
    }
  | { readonly row: number; readonly id: string; readonly fault: string };

/**
 * What `import_listing` answers; `host_kept` is an update that left the listing with its host,
 * `older` is unchanged, for a newer snapshot is known.
 */
export type Answer = "created" | "updated" | "unchanged" | "older" | "host_kept";

/**
 * The currencies that the marketplace trades in.
 * @throws {DatabaseCommandError} when the schema is missing
 */
export async function tradedCurrencies(pool: Pool, visitor: string): Promise<Currency[]> {
  const { rows: found } = await pool.query<{ present: boolean }>(
    "select to_regprocedure('app_private.import_listing(text, jsonb)') is not null as present",
  );
  if (found[0]?.present !== true) {
    throw new DatabaseCommandError(
      "The database does not have the schema of Staybase yet. Run npm run db:migrate, then this " +
        "again.",
    );
  }
  return withTransaction(pool, { role: visitor }, async (client) => {
    const { rows } = await client.query<Currency>(
      `select c.code, c.exponent, c.charge_step as "chargeStep"
       from app_public.currencies c order by c.code`,
    );
    return rows;
  });
}

/** A box around the published listings of a city, or none where it has no such listing. */
export interface Box {
  readonly west: number;
  readonly south: number;
  readonly east: number;
  readonly north: number;
}

/** Where a search finds the published listings of a city, to a hundredth of a degree outwards. */
export async function boxOf(
  pool: Pool,
  visitor: string,
  place: { readonly city: string; readonly countryCode: string },
): Promise<Box | undefined> {
  return withTransaction(pool, { role: visitor }, async (client) => {
    const { rows } = await client.query<Box>(
      `select floor(100 * min(l.public_longitude)) / 100 as west,
         floor(100 * min(l.public_latitude)) / 100 as south,
         ceil(100 * max(l.public_longitude)) / 100 as east,
         ceil(100 * max(l.public_latitude)) / 100 as north
       from app_public.listings l
       where l.city = $1 and l.country_code = $2 and l.status = 'published'
       having count(*) > 0`,
      [place.city, place.countryCode],
    );
    return rows[0];
  });
}

/**
 * Today's date in a time zone by the clock of the database.
 * @throws {DatabaseCommandError} when the database does not know the zone
 */
export async function todayIn(pool: Pool, visitor: string, timeZone: string): Promise<string> {
  return withTransaction(pool, { role: visitor }, async (client) => {
    const { rows: zones } = await client.query<{ known: boolean }>(
      "select app_hidden.is_time_zone($1) as known",
      [timeZone],
    );
    if (zones[0]?.known !== true) {
      throw new DatabaseCommandError(
        `The database does not know the time zone ${timeZone}. Give another with --time-zone.`,
      );
    }
    const { rows } = await client.query<{ today: string }>(
      "select to_char(app_hidden.clock() at time zone $1, 'YYYY-MM-DD') as today",
      [timeZone],
    );
    return rows[0]?.today ?? "";
  });
}

/**
 * Writes what `listings` gives until it ends or `signal` aborts; what is under way then is
 * finished. A row that the database refuses is skipped with its reason.
 * @throws {DatabaseCommandError} when the database itself fails
 */
export async function writeListings(
  pool: Pool,
  listings: AsyncGenerator<Prepared, void, undefined>,
  report: ImportReport,
  { signal, onRow }: { readonly signal: AbortSignal; readonly onRow: () => void },
): Promise<void> {
  let failed = false;
  const lane = async (): Promise<void> => {
    while (!failed && !signal.aborted) {
      const next = await listings.next();
      if (next.done === true || signal.aborted) return;
      await writeOne(pool, next.value, report);
      onRow();
    }
  };
  const guarded = async (): Promise<void> => {
    try {
      await lane();
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  // The others finish what they are at before the first failure is told.
  const results = await Promise.allSettled(Array.from({ length: LANES }, guarded));
  await listings.return();
  const failure = results.find((result) => result.status === "rejected");
  if (failure !== undefined) throw failure.reason;
}

async function writeOne(pool: Pool, prepared: Prepared, report: ImportReport): Promise<void> {
  const { row, id } = prepared;
  if ("fault" in prepared) {
    report.skipListing(row, id, prepared.fault);
    return;
  }
  try {
    const answer = await retryable(() => importListing(pool, prepared.listing));
    const outcome = answer === "older" ? "unchanged" : answer;
    report.outcomes[outcome === "host_kept" ? "updated" : outcome] += 1;
    prepared.onWritten(answer);
    if (answer === "older") {
      report.notice(row, id, { kind: "older", text: "a newer snapshot is known" });
    } else if (answer === "host_kept") {
      report.notice(row, id, { kind: "host", text: "has bookings, so it stays with its host" });
    }
  } catch (error) {
    if (!isOfTheRow(error)) throw explain(error, report.written);
    report.skipListing(row, id, `the database refuses it: ${errorMessage(error)}`);
  }
}

async function importListing(pool: Pool, listing: unknown): Promise<Answer> {
  const { rows } = await pool.query<{ answer: Answer }>(
    "select app_private.import_listing($1, $2::jsonb) as answer",
    [SOURCE, JSON.stringify(listing)],
  );
  const answer = rows[0]?.answer;
  if (answer === undefined) throw new Error("import_listing returned nothing.");
  return answer;
}

/** Values and constraints (22, 23), our own refusals (SB, P0), a time limit, and a busy row. */
function isOfTheRow(error: unknown): boolean {
  const code = errorCode(error) ?? "";
  return /^(22|23|SB|P0)...$/.test(code) || code === "57014" || isRetryable(error);
}

function explain(error: unknown, written: number): Error {
  const code = errorCode(error);
  const what = `${errorMessage(error)}${code === undefined ? "" : ` (${code})`}`;
  return new DatabaseCommandError(
    `The database failed after ${written} listings: ${what}. Each of them is whole; when the ` +
      "database is well, run the same command again, and it goes on from there.",
    { cause: error },
  );
}
