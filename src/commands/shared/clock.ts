/**
 * Moves the clock of a database that is not of production: `app_hidden.clock()` is replaced by one
 * that is ahead or behind, so that no code pays for a way to move it. Jobs that wait come due by
 * the new time. The simulator of Stripe is told.
 */
import { parseCrontab } from "graphile-worker";
import type { Client, Pool, PoolClient } from "pg";
import type { Config } from "../../config/index.ts";
import { findStandIns } from "../../dev/standIns.ts";
import { crontab } from "../../jobs/index.ts";
import { messageOf, ResourceError } from "../../resources/resourceError.ts";
import { withClient } from "./connect.ts";
import { DatabaseCommandError } from "./errors.ts";
import { databaseTarget, ownerUrl } from "./settings.ts";

/** Where the clock is to be: so many seconds further, at an instant, or back at the true time. */
export type ClockMove =
  | { readonly forwardSeconds: number }
  | { readonly instant: Date }
  | { readonly reset: true };

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
const MOST_SECONDS = 100 * 366 * 86_400;
const SIMULATOR_MS = 5000;

/**
 * Reads `+25h`, `-2d`, `2027-03-28T00:30Z` or `reset`.
 * @throws {DatabaseCommandError} for anything else
 */
export function readMove(text: string): ClockMove {
  if (text === "reset") return { reset: true };
  const [, sign, digits, unit = ""] = /^([+-])(\d{1,10})([smhd])$/.exec(text) ?? [];
  if (digits !== undefined) {
    return { forwardSeconds: Number(`${sign}${digits}`) * (SECONDS[unit] ?? 1) };
  }
  const isInstant = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)$/.test(text);
  const instant = new Date(isInstant ? text : Number.NaN);
  if (!Number.isNaN(instant.getTime())) return { instant };
  throw new DatabaseCommandError(
    `"${text}" is no time. Write +25h, -30m, +3d, an instant as 2027-03-28T00:30Z, or reset.`,
  );
}

/** Seconds that the clock of a database is ahead of the true time. */
export async function clockOffset(client: Client | Pool | PoolClient): Promise<number> {
  const { rows } = await client.query<{ seconds: number }>(
    `select round(extract(epoch from app_hidden.clock() - now()))::double precision as seconds`,
  );
  return rows[0]?.seconds ?? 0;
}

/**
 * Moves the clock and what depends on it.
 * @returns what the offset is now, and a sentence where the simulator did not follow
 * @throws {DatabaseCommandError} in production, and for a time that is out of range
 */
export async function moveClock(
  config: Config,
  move: ClockMove,
): Promise<{ readonly offsetSeconds: number; readonly warning: string | undefined }> {
  if (config.environment === "production") {
    throw new DatabaseCommandError("The clock of production is not moved: nothing was changed.");
  }
  const url = ownerUrl(databaseTarget(config));
  const offsetSeconds = await withClient({ url, variable: "ROOT_DATABASE_URL" }, (client) =>
    moveInDatabase(client, move),
  );
  return { offsetSeconds, warning: await tellSimulator(config, offsetSeconds) };
}

async function moveInDatabase(client: Client, move: ClockMove): Promise<number> {
  const before = await clockOffset(client);
  const after = offsetAfter(move, before);
  if (Math.abs(after) > MOST_SECONDS) {
    throw new DatabaseCommandError("The clock goes 100 years ahead or back at most.");
  }
  await client.query("begin");
  await replaceClock(client, after === 0 ? "now()" : `now() + interval '${after} seconds'`);
  // Retries wait too. What is due stays due, and what runs is let run.
  await client.query(
    `select graphile_worker.reschedule_jobs(
       array[j.id], run_at => j.run_at - make_interval(secs => $1)
     ) from graphile_worker.jobs j where j.run_at > now() and j.locked_at is null`,
    [after - before],
  );
  if (after > before) await queueCronJobs(client);
  await client.query("commit");
  return after;
}

/** What the crontab would have begun in the time that is passed over: once is enough. */
async function queueCronJobs(client: Client): Promise<void> {
  for (const { task } of parseCrontab(crontab)) {
    await client.query("select graphile_worker.add_job($1::text, job_key => $2::text)", [
      task,
      `clock:${task}`,
    ]);
  }
}

function offsetAfter(move: ClockMove, before: number): number {
  if ("reset" in move) return 0;
  if ("forwardSeconds" in move) return before + move.forwardSeconds;
  return Math.round((move.instant.getTime() - Date.now()) / 1000);
}

/** Puts another expression in the place of the clock; the caller is the owner. */
export async function replaceClock(
  client: Client | Pool | PoolClient,
  expression: string,
): Promise<void> {
  await client.query(
    `create or replace function app_hidden.clock() returns timestamptz
     language sql stable parallel safe return ${expression}`,
  );
}

/** Stripe itself has no clock that we could move, and is not asked. */
async function tellSimulator(config: Config, offsetSeconds: number): Promise<string | undefined> {
  const apiUrl = simulatorUrl(config);
  if (apiUrl === undefined) return undefined;
  const why = await orderClock(apiUrl, offsetSeconds).catch(messageOf);
  return why === undefined ? undefined : `The simulator of Stripe keeps its own time: ${why}`;
}

/** Why the simulator did not follow, if it did not. */
async function orderClock(apiUrl: string, offsetSeconds: number): Promise<string | undefined> {
  const response = await fetch(new URL("/_control", apiUrl), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ clock: { offsetSeconds } }),
    signal: AbortSignal.timeout(SIMULATOR_MS),
  });
  return response.ok ? undefined : `it answers ${response.status}.`;
}

function simulatorUrl(config: Config): string | undefined {
  try {
    return findStandIns(config, { only: ["stripe"] }).stripe.apiUrl;
  } catch (error) {
    // No simulator runs: there is nobody to tell.
    if (error instanceof ResourceError) return undefined;
    throw error;
  }
}

/** What a person is told of an offset. */
export function explainOffset(seconds: number): string {
  if (seconds === 0) return "The clock is true.";
  const span = Math.abs(seconds);
  const [days, rest] = [Math.floor(span / 86_400), span % 86_400];
  const parts = [
    [days, "d"],
    [Math.floor(rest / 3600), "h"],
    [Math.floor((rest % 3600) / 60), "m"],
    [rest % 60, "s"],
  ] as const;
  const words = parts.filter(([count]) => count > 0).map(([count, unit]) => `${count}${unit}`);
  return `The clock is ${words.join(" ")} ${seconds > 0 ? "ahead" : "behind"}.`;
}
