/**
 * Runs the committed migrations that a database has not run, each in its transaction, such that
 * the product goes on beside it: a migration waits a short time for its locks, gives up with
 * nothing done, and is tried again. What graphile-migrate does with one migration stays its own.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Settings } from "graphile-migrate";
import { isNoTransactionDefined } from "graphile-migrate/dist/header.js";
import {
  getLastMigration,
  getMigrationsAfter,
  runCommittedMigration,
} from "graphile-migrate/dist/migration.js";
import { clearAllPools, withAdvisoryLock, withClient } from "graphile-migrate/dist/pgReal.js";
import { parseSettings } from "graphile-migrate/dist/settings.js";
import type { ClientBase } from "pg";
import { DatabaseCommandError, errorCode } from "../../shared/errors.ts";
import { explainInvalidIndexes } from "../../shared/indexes.ts";

/** How long a migration waits for a lock, and how often it is tried. */
export interface Patience {
  /** Milliseconds; 0 waits for ever, and everybody who comes later waits behind it. */
  readonly lockTimeoutMs: number;
  /** Milliseconds before each further try; as many tries, and one. */
  readonly pausesMs: readonly number[];
}

export const PATIENCE: Patience = { lockTimeoutMs: 2000, pausesMs: [500, 1000, 2000, 4000] };

/** lock_not_available and deadlock_detected: the same migration may succeed a moment later. */
const LOCK_CODES = ["55P03", "40P01"];

type Migration = Awaited<ReturnType<typeof getMigrationsAfter>>[number];
type Attempt = () => Promise<void>;

/**
 * The names of the files it ran.
 * @throws {DatabaseCommandError} when others hold on to the locks, or an index is left invalid
 */
export async function runCommitted(
  settings: Settings,
  patience: Patience = PATIENCE,
): Promise<string[]> {
  const parsed = await parseSettings(settings);
  const ran: string[] = [];
  try {
    await withClient(parsed.connectionString, parsed, (client, context) =>
      withAdvisoryLock(client, async () => {
        const last = await getLastMigration(client, parsed);
        for (const migration of await getMigrationsAfter(parsed, last)) {
          const attempt: Attempt = () =>
            runCommittedMigration(client, parsed, context, migration, "");
          const isAlone = isNoTransactionDefined(migration.body);
          if (isAlone) await runOutsideTransaction(client, migration, attempt);
          else await runPatiently(client, migration, attempt, patience);
          ran.push(migration.realFilename);
        }
      }),
    );
    return ran;
  } finally {
    clearAllPools();
  }
}

/** A concurrent build waits for every transaction that is older: that may be long, and is right. */
async function runOutsideTransaction(
  client: ClientBase,
  { realFilename }: Migration,
  attempt: Attempt,
): Promise<void> {
  await client.query("set lock_timeout = 0");
  // "if not exists" would take an invalid index of that name for the one it shall make.
  const left = await explainInvalidIndexes(client);
  if (left !== undefined) throw new DatabaseCommandError(`${realFilename} was not run. ${left}`);
  const failure = await attempt().then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  const invalid = await explainInvalidIndexes(client);
  if (invalid !== undefined) {
    const reason = failure?.error instanceof Error ? ` (${failure.error.message})` : "";
    throw new DatabaseCommandError(`${realFilename} was broken off${reason}. ${invalid}`, {
      cause: failure?.error,
    });
  }
  if (failure !== undefined) throw failure.error;
}

async function runPatiently(
  client: ClientBase,
  { realFilename }: Migration,
  attempt: Attempt,
  { lockTimeoutMs, pausesMs }: Patience,
): Promise<void> {
  await client.query("select set_config('lock_timeout', $1, false)", [String(lockTimeoutMs)]);
  const tries = pausesMs.length + 1;
  for (const ms of [...pausesMs, undefined]) {
    try {
      return await attempt();
    } catch (error) {
      if (!LOCK_CODES.includes(errorCode(error) ?? "")) throw error;
      if (ms !== undefined) {
        await pause(ms);
        continue;
      }
      throw new DatabaseCommandError(
        `${realFilename} did not get its locks in ${tries} tries of ${lockTimeoutMs / 1000} s. ` +
          "Nothing of it was done; those before it stand.\n" +
          `${await describeHolders(client)}\nThen run npm run db:migrate again.`,
        { cause: error },
      );
    }
  }
}

/** Who has locked our tables, the oldest transaction first: one of them is in the way. */
async function describeHolders(client: ClientBase): Promise<string> {
  // The owner may not see what others do; who signed in as root may.
  await client.query("set role none");
  const { rows } = await client.query<{ holder: string }>(
    `select pg_catalog.format('  process %s (%s): %s, its transaction is open for %s s, on %s',
       a.pid, coalesce(nullif(a.application_name, ''), a.usename), a.state,
       extract(epoch from pg_catalog.clock_timestamp() - a.xact_start)::integer,
       pg_catalog.string_agg(distinct l.relation::regclass::text, ', ')) as holder
     from pg_catalog.pg_stat_activity a
     join pg_catalog.pg_locks l on l.pid = a.pid and l.granted and l.locktype = 'relation'
     join pg_catalog.pg_class c on c.oid = l.relation and c.relkind in ('r', 'p')
     where a.datname = pg_catalog.current_database() and a.pid <> pg_catalog.pg_backend_pid()
       and c.relnamespace <> 'pg_catalog'::regnamespace
     group by a.pid, a.application_name, a.usename, a.state, a.xact_start
     order by a.xact_start limit 5`,
  );
  if (rows.length === 0) return "Nobody holds a lock on a table just now.";
  const holders = rows.map(({ holder }) => holder).join("\n");
  return (
    `These hold locks:\n${holders}\n` +
    "Wait for them, or end the one in the way: select pg_terminate_backend(<process>)."
  );
}
