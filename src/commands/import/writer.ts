/**
 * Talks to the database for an import: checks that it can take one, and writes the listings, a few
 * at a time, each in one statement of its own. What a listing means there is the business of
 * `app_private.import_listing`.
 */
import type { Pool } from "pg";
import { isRetryable, retryable, withTransaction } from "../../resources/postgres.ts";
import { DatabaseCommandError, errorCode, errorMessage } from "../database/errors.ts";
import type { ImportReport, Outcome } from "./report.ts";

/** Listings that are written at the same time, each on its own connection. */
export const LANES = 4;

/** A listing that is ready, or the reason why its row is none. */
export type Prepared =
  | { readonly row: number; readonly id: string; readonly listing: unknown; onWritten(): void }
  | { readonly row: number; readonly id: string; readonly fault: string };

/**
 * The decimals of a currency.
 * @throws {DatabaseCommandError} when the schema is missing, or does not trade in it
 */
export async function exponentOf(pool: Pool, visitor: string, currency: string): Promise<number> {
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
    const { rows } = await client.query<{ code: string; exponent: number }>(
      "select c.code, c.exponent from app_public.currencies c order by c.code",
    );
    const exponent = rows.find(({ code }) => code === currency)?.exponent;
    if (exponent !== undefined) return exponent;
    const known = rows.map(({ code }) => code).join(", ");
    throw new DatabaseCommandError(
      `${currency} is not traded here. Give --currency one of ${known}.`,
    );
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
  source: string,
  listings: AsyncGenerator<Prepared, void, undefined>,
  report: ImportReport,
  { signal, onRow }: { readonly signal: AbortSignal; readonly onRow: () => void },
): Promise<void> {
  let failed = false;
  const lane = async (): Promise<void> => {
    while (!failed && !signal.aborted) {
      const next = await listings.next();
      if (next.done === true || signal.aborted) return;
      await writeOne(pool, source, next.value, report);
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

async function writeOne(
  pool: Pool,
  source: string,
  prepared: Prepared,
  report: ImportReport,
): Promise<void> {
  const { row, id } = prepared;
  if ("fault" in prepared) {
    report.skipListing(row, id, prepared.fault);
    return;
  }
  try {
    const outcome = await retryable(() => importListing(pool, source, prepared.listing));
    report.outcomes[outcome] += 1;
    prepared.onWritten();
  } catch (error) {
    if (!isOfTheRow(error)) throw explain(error, report.written);
    report.skipListing(row, id, `the database refuses it: ${errorMessage(error)}`);
  }
}

async function importListing(pool: Pool, source: string, listing: unknown): Promise<Outcome> {
  const { rows } = await pool.query<{ outcome: Outcome }>(
    "select app_private.import_listing($1, $2::jsonb) as outcome",
    [source, JSON.stringify(listing)],
  );
  const outcome = rows[0]?.outcome;
  if (outcome === undefined) throw new Error("import_listing returned nothing.");
  return outcome;
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
