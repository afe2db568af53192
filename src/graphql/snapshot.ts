/**
 * Reads of one request that do not wait for each other show one moment: they are sent together, in
 * a transaction that sees one snapshot, and nothing is waited for in between. So a list and its
 * count agree, and a request of several statements is still one round trip on one connection.
 */
import type { PoolClient, QueryConfig, QueryResult } from "pg";
import { memberOf } from "../values.ts";
import { queryAs, type Settings } from "./scopedQuery.ts";
import { keepStatement } from "./statements.ts";
import type { Timing } from "./timing.ts";

/** A statement, for whom it is, and who is told how long it took. */
export interface Statement {
  readonly settings: Settings;
  readonly config: QueryConfig & { readonly text: string };
  readonly timing: Timing | undefined;
}

/** A statement whose answer is waited for. */
export interface Read {
  readonly statement: Statement;
  readonly resolve: (answer: QueryResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Runs one statement in a transaction of its own. */
export async function answerStatement(
  connection: PoolClient,
  statement: Statement,
): Promise<QueryResult> {
  await keepStatement(connection, statement.config);
  return await send(connection, statement);
}

/**
 * Answers all reads, each with its own answer or error, in one snapshot if none of them fails.
 * @throws what the connection is no longer good after
 */
export async function answerReads(connection: PoolClient, reads: readonly Read[]): Promise<void> {
  for (const { statement } of reads) await keepStatement(connection, statement.config);
  const outcomes = await Promise.allSettled(sendAll(connection, reads));
  const untried: Read[] = [];
  for (const [index, read] of reads.entries()) {
    const outcome = outcomes[index];
    if (outcome?.status === "fulfilled") read.resolve(outcome.value);
    else if (index > 0 && memberOf(outcome?.reason, "code") === NOT_TRIED) untried.push(read);
    else read.reject(outcome?.reason);
  }
  for (const outcome of outcomes) {
    if (outcome.status === "rejected" && !isFromServer(outcome.reason)) throw outcome.reason;
  }
  // The first was tried, whatever became of it, so there are fewer each time.
  if (untried.length > 0) await answerReads(connection, untried);
}

/** `in_failed_sql_transaction`: a statement before it failed. */
const NOT_TRIED = "25P02";

/** Whether an error is the answer of the server, which is then ready for the next statement. */
export const isFromServer = (error: unknown): boolean =>
  error instanceof Error && "severity" in error;

/** Sends all at once; what becomes of the transaction around them comes after the reads. */
function sendAll(connection: PoolClient, reads: readonly Read[]): Promise<QueryResult>[] {
  const statements = reads.map(({ statement }) => statement);
  if (statements.length === 1) return statements.map((one) => send(connection, one));
  const begun = connection.query("begin isolation level repeatable read read only");
  const sent = statements.map((one) => send(connection, one));
  // After an error it is a rollback.
  return [...sent, begun, connection.query("commit")];
}

async function send(
  connection: PoolClient,
  { settings, config, timing }: Statement,
): Promise<QueryResult> {
  const started = performance.now();
  const result = await queryAs(connection, settings, config);
  timing?.asked(performance.now() - started);
  return result;
}

/**
 * Gathers the reads of an asker that come before anything is waited for.
 * @param answer answers all of them, or fails for all
 */
export function gatherReads<Asker extends object>(
  answer: (asker: Asker, reads: readonly Read[]) => Promise<void>,
): (asker: Asker, statement: Statement) => Promise<QueryResult> {
  const gathered = new WeakMap<Asker, Read[]>();
  const handOver = (asker: Asker): void => {
    const reads = gathered.get(asker) ?? [];
    gathered.delete(asker);
    answer(asker, reads).catch((error: unknown) => {
      for (const { reject } of reads) reject(error);
    });
  };
  return (asker, statement) =>
    new Promise((resolve, reject) => {
      const reads = gathered.get(asker) ?? [];
      // It comes after all that goes on without waiting.
      if (reads.length === 0) process.nextTick(handOver, asker);
      reads.push({ statement, resolve, reject });
      gathered.set(asker, reads);
    });
}
