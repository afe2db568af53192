/**
 * Looks at the database: is it there, recent enough and migrated, has the server the rights that it
 * should and no more, do the read models tell the truth, and does somebody do the work that waits?
 * It reads alone; what is found wrong is for a person to decide about.
 */
import { parseCrontab } from "graphile-worker";
import type { Client } from "pg";
import { type Config, redactUrl } from "../../config/index.ts";
import { crontab } from "../../jobs/index.ts";
import { codeOf } from "../../resources/resourceError.ts";
import { assertVersion } from "../shared/bootstrap.ts";
import { clockOffset, explainOffset } from "../shared/clock.ts";
import { withClient } from "../shared/connect.ts";
import { DatabaseCommandError, errorMessage } from "../shared/errors.ts";
import { committedFiles, compareHistory, ranMigrations } from "../shared/history.ts";
import { explainInvalidIndexes } from "../shared/indexes.ts";
import { databaseTarget, ownerUrl } from "../shared/settings.ts";
import { broken, type Finding, fine, note } from "./finding.ts";

const STATEMENT_MS = 20_000;
/** Beats missed until a worker counts as dead, as in src/resources/heartbeat.ts. */
const MISSED_BEATS = 3;
const MIGRATE = "Run npm run db:migrate.";

/** All that can be said about the database of a configuration that has one. */
export async function checkDatabase(config: Config): Promise<Finding[]> {
  const { url, rootUrl } = config.database;
  if (url === undefined) return [];
  const findings: Finding[] = [];
  try {
    await withClient({ url, variable: "DATABASE_URL" }, async (client) => {
      await assertVersion(client);
      await client.query(`set statement_timeout = ${STATEMENT_MS}`);
      findings.push(await checkReach(client, url), await checkRoles(client, config));
      findings.push(...(await checkDrift(client)), await checkOwed(client));
      findings.push(await checkClock(client, config));
      if (rootUrl === undefined) {
        findings.push(await checkQueue(client, () => countConnections(client)), NOT_LOOKED_AT);
      }
    });
    if (rootUrl !== undefined) findings.push(...(await checkAsOwner(config)));
  } catch (error) {
    findings.push(explain("PostgreSQL", error));
  }
  return findings;
}

const NOT_LOOKED_AT = note(
  "migrations",
  "Migrations and waiting events were not looked at: that needs more rights.",
  "Set ROOT_DATABASE_URL for the doctor.",
);

/** What only the owner may see: which migrations ran, who lives, which events wait. */
async function checkAsOwner(config: Config): Promise<Finding[]> {
  const url = ownerUrl(databaseTarget(config));
  return withClient({ url, variable: "ROOT_DATABASE_URL" }, async (client) => {
    await client.query(`set statement_timeout = ${STATEMENT_MS}`);
    return [
      await checkMigrations(client),
      await checkIndexes(client),
      await checkQueue(client, () => countHeartbeats(client, config)),
      await checkStripeEvents(client),
    ];
  });
}

/** What is not there is not migrated; what was thrown for people is a sentence already. */
function explain(subject: string, error: unknown): Finding {
  if (error instanceof DatabaseCommandError) return broken(subject, error.message);
  const code = codeOf(error) ?? "";
  if (["3F000", "42P01", "42883"].includes(code)) {
    return broken(subject, `The schema is missing or old: ${errorMessage(error)}.`, MIGRATE);
  }
  if (code === "42501") {
    const remedy = `Correct the role in DATABASE_URL. ${MIGRATE}`;
    return broken(subject, `A right is missing: ${errorMessage(error)}.`, remedy);
  }
  if (code === "57014") {
    return note(subject, `This took longer than ${STATEMENT_MS / 1000} s and was given up.`);
  }
  return broken(subject, `${errorMessage(error)}.`);
}

async function checkReach(client: Client, url: string): Promise<Finding> {
  const { rows } = await client.query<{ version: string }>(
    "select current_setting('server_version') as version",
  );
  return fine("PostgreSQL", `${redactUrl(url)} answers: version ${rows[0]?.version ?? "unknown"}.`);
}

interface RoleFacts {
  readonly name: string;
  readonly above: boolean;
  readonly missing: string[];
  readonly closed: string[];
  readonly owns: boolean;
}

/** The server may become visitor and operator, and is neither owner nor above the policies. */
async function checkRoles(client: Client, { database }: Config): Promise<Finding> {
  const { owner, authenticator, visitor, operator } = database;
  const { rows } = await client.query<RoleFacts>(
    `select session_user::text as name, me.rolsuper or me.rolbypassrls as above,
       array(select wanted from unnest($1::text[]) wanted
         where wanted not in (select r.rolname::text from pg_roles r)) as missing,
       array(select r.rolname::text from pg_roles r
         where r.rolname = any ($2::text[]) and not pg_has_role(me.oid, r.oid, 'SET')) as closed,
       exists (select from pg_roles r
         where r.rolname = $3 and pg_has_role(me.oid, r.oid, 'MEMBER')) as owns
     from pg_roles me where me.rolname = session_user`,
    [[owner, authenticator, visitor, operator], [visitor, operator], owner],
  );
  const [facts] = rows;
  const subject = "roles";
  if (facts === undefined) return broken(subject, "The server does not say who we are.");
  const { name, missing, closed } = facts;
  if (facts.above || facts.owns) {
    const remedy = `Sign in as ${authenticator}; "${name}" belongs into ROOT_DATABASE_URL.`;
    return broken(
      subject,
      `"${name}" stands above row-level security, or owns the schema.`,
      remedy,
    );
  }
  if (name !== authenticator) {
    const remedy = "Put that role into DATABASE_URL, or name the other in DATABASE_AUTHENTICATOR.";
    return broken(
      subject,
      `We are "${name}", but the authenticator is "${authenticator}".`,
      remedy,
    );
  }
  if (missing.length > 0)
    return broken(subject, `There is no role ${missing.join(", ")}.`, MIGRATE);
  if (closed.length > 0) {
    return broken(subject, `"${name}" may not become ${closed.join(" or ")}.`, MIGRATE);
  }
  return fine(subject, `${name} may become ${visitor} and ${operator}, and owns nothing.`);
}

interface DriftCheck {
  readonly subject: string;
  readonly call: string;
  readonly remedy: string;
  /** What is said where nothing is off. */
  readonly truth: string;
}

const TRUTH = "It tells the truth.";

const DRIFTS: readonly DriftCheck[] = [
  {
    subject: "calendar",
    call: "app_private.calendar_drift()",
    remedy: "Nights may be sold twice or never. Find the cause first.",
    truth: TRUTH,
  },
  {
    subject: "rates",
    call: "app_private.pricing_drift()",
    remedy: "Stays may be offered at a wrong price. Find the cause first.",
    truth: TRUTH,
  },
  {
    subject: "search",
    call: "app_private.search_drift()",
    remedy: "Searches miss listings. Write it anew: select app_private.rebuild_search();",
    truth: TRUTH,
  },
  {
    subject: "ledger",
    call: "app_private.ledger_drift()",
    remedy: "Do not correct it by hand: find the cause first.",
    truth: "It adds up, booking by booking. What guests are owed is told below.",
  },
];

/**
 * The functions that return rows only when a read model, or the ledger, does not tell the truth.
 */
async function checkDrift(client: Client): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { subject, call, remedy, truth } of DRIFTS) {
    try {
      const { rows } = await client.query<{ count: number }>(
        `select count(*)::integer as count from (select from ${call} limit 1000) drift`,
      );
      const count = rows[0]?.count ?? 0;
      const look = `Look: select * from ${call};`;
      if (count === 0) findings.push(fine(subject, truth));
      else findings.push(broken(subject, `${count} rows are off.`, `${remedy}\n${look}`));
    } catch (error) {
      findings.push(explain(subject, error));
    }
  }
  return findings;
}

interface Owed {
  readonly currency: string;
  readonly amount: string;
  readonly guests: number;
  readonly to_look_at: number;
}

/** What guests are owed: refunds on their way are told, those that do not arrive are faults. */
async function checkOwed(client: Client): Promise<Finding> {
  const subject = "guests";
  try {
    const { rows } = await client.query<Owed>(
      `select o.currency, sum(o.amount)::text as amount, count(*)::integer as guests,
         count(*) filter (where o.needs_attention)::integer as to_look_at
       from app_private.guests_owed() o group by o.currency order by o.currency`,
    );
    if (rows.length === 0) return fine(subject, "No guest is owed money.");
    const sums = rows.map(({ amount, currency }) => `${amount} ${currency}`).join(", ");
    const sentence = `Guests are owed ${sums}, in minor units.`;
    const toLookAt = rows.reduce((sum, row) => sum + row.to_look_at, 0);
    if (toLookAt === 0) return note(subject, `${sentence} The refunds are on their way.`);
    const remedy =
      "Repeat them (retryRefund), or pay otherwise (settleRefund).\n" +
      "Look: select * from app_private.guests_owed() where needs_attention;";
    return broken(subject, `${sentence} ${toLookAt} refunds have failed or take long.`, remedy);
  } catch (error) {
    return explain(subject, error);
  }
}

/** Whether the clock was moved, which is for trying things out and is never done in production. */
async function checkClock(client: Client, config: Config): Promise<Finding> {
  const subject = "clock";
  try {
    const seconds = await clockOffset(client);
    const sentence = explainOffset(seconds);
    if (seconds === 0) return fine(subject, sentence);
    if (config.environment === "production") {
      return broken(subject, sentence, "Run sql/foundation/clock.sql as the owner.");
    }
    return note(subject, sentence, "Set it right: npm run clock -- reset");
  } catch (error) {
    return explain(subject, error);
  }
}

/** How many workers have said lately that they live; only the owner may read that. */
async function countHeartbeats(client: Client, config: Config): Promise<number> {
  const { rows } = await client.query<{ workers: number }>(
    `select count(*)::integer as workers from app_private.worker_heartbeats h
     where h.beat_at > clock_timestamp() - make_interval(secs => $1)`,
    [config.worker.heartbeatSeconds * MISSED_BEATS],
  );
  return rows[0]?.workers ?? 0;
}

/** How many processes that work are connected; all that the authenticator may know. */
async function countConnections(client: Client): Promise<number> {
  const { rows } = await client.query<{ workers: number }>(
    `select count(*)::integer as workers from pg_stat_activity a
     where a.datname = current_database() and a.usename = session_user
       and a.application_name in ('staybase-worker', 'staybase-all')`,
  );
  return rows[0]?.workers ?? 0;
}

interface QueueFacts {
  readonly ready: number;
  readonly late: boolean;
  readonly failed: number;
}

/**
 * Whether a worker lives, and whether jobs wait although they could run. A job that was queued anew
 * while it ran has lost its key to the new one, which does what it leaves undone.
 */
async function checkQueue(client: Client, count: () => Promise<number>): Promise<Finding> {
  try {
    const workers = await count();
    const { rows } = await client.query<QueueFacts>(
      `select count(*) filter (where r.is_ready)::integer as ready,
         coalesce(bool_or(r.is_ready and j.run_at < now() - interval '1 minute'), false) as late,
         count(*) filter (where j.attempts >= j.max_attempts
           and (j.key is not null or j.task_identifier = any ($1)))::integer as failed
       from graphile_worker.jobs j
       cross join lateral (select j.locked_at is null and j.run_at <= now()
         and j.attempts < j.max_attempts as is_ready) r`,
      [parseCrontab(crontab).map(({ task }) => task)],
    );
    return judgeQueue(rows[0] ?? { ready: 0, late: false, failed: 0 }, workers);
  } catch (error) {
    return explain("worker", error);
  }
}

function judgeQueue({ ready, late, failed }: QueueFacts, workers: number): Finding {
  const subject = "worker";
  const start = "Start one: npm run start:worker";
  const jobs = `${ready} ${ready === 1 ? "job waits" : "jobs wait"}`;
  if (workers === 0 && ready > 0) return broken(subject, `${jobs} and no worker runs.`, start);
  if (workers === 0) return note(subject, "No worker runs; nothing waits for one.", start);
  if (late) {
    const remedy = "Look at the worker's log, start more of them, or raise WORKER_CONCURRENCY.";
    return broken(subject, `${jobs}, some for more than a minute.`, remedy);
  }
  if (failed > 0) {
    const remedy =
      "Look: select id, task_identifier, last_error from graphile_worker.jobs " +
      "where attempts >= max_attempts;";
    const which = failed === 1 ? "job has" : "jobs have";
    return note(subject, `A worker runs; ${failed} ${which} failed for good.`, remedy);
  }
  return fine(subject, `A worker runs; ${jobs}.`);
}

/** Events of Stripe that were kept and not acted on yet. */
async function checkStripeEvents(client: Client): Promise<Finding> {
  const subject = "Stripe events";
  try {
    const { rows } = await client.query<{ waiting: number; late: boolean }>(
      `select count(*)::integer as waiting,
         coalesce(min(e.received_at) < now() - interval '10 minutes', false) as late
       from app_private.stripe_events e where e.processed_at is null`,
    );
    const { waiting, late } = rows[0] ?? { waiting: 0, late: false };
    const sentence = `${waiting} ${waiting === 1 ? "waits" : "wait"} to be acted on.`;
    if (!late) return fine(subject, sentence);
    const remedy = "Some have waited for ten minutes: look at the worker's log for why.";
    return broken(subject, sentence, remedy);
  } catch (error) {
    return explain(subject, error);
  }
}

/** Compares what the database has run with the committed files. The folder is for tests. */
export async function checkMigrations(client: Client, migrationsFolder?: string): Promise<Finding> {
  const subject = "migrations";
  try {
    const files = await committedFiles(migrationsFolder);
    const { problems, pending, newer } = compareHistory(files, await ranMigrations(client));
    if (problems.length > 0) return broken(subject, problems.join("\n"));
    if (newer.length > 0) {
      const remedy = "Update this program: the database is ahead of it.";
      return broken(subject, `The database has run ${newer.join(", ")}, not known here.`, remedy);
    }
    if (pending.length > 0) {
      return broken(subject, `Not run yet: ${pending.join(", ")}.`, MIGRATE);
    }
    return fine(subject, `All ${files.length} have run.`);
  } catch (error) {
    return explain(subject, error);
  }
}

/** An index that a broken build has left behind. */
async function checkIndexes(client: Client): Promise<Finding> {
  const subject = "indexes";
  try {
    const invalid = await explainInvalidIndexes(client);
    return invalid === undefined ? fine(subject, "All are valid.") : broken(subject, invalid);
  } catch (error) {
    return explain(subject, error);
  }
}
