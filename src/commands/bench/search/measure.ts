/**
 * Runs searches for slices of time, in rounds in which every search has its turn, so that whatever
 * else the machine does hits all of them alike. It knows nothing of what is searched.
 */
import pg from "pg";
import type { Search, SearchKey } from "./searches.ts";

/** What a search did with one number of clients, over all rounds. */
export interface Figure {
  readonly clients: number;
  readonly perSecond: number;
  /** Milliseconds from sending a query to having its rows. */
  readonly p50: number;
  readonly p95: number;
  /** Rows of a result, on average. */
  readonly rows: number;
}

export interface MeasureOptions {
  readonly url: string;
  readonly visitor: string;
  readonly userId: string;
  readonly rounds: number;
  /** How long one search runs within one round. */
  readonly sliceMs: number;
  readonly clients: readonly number[];
}

interface Tally {
  readonly latencies: number[];
  elapsedMs: number;
  rows: number;
}

/** The figures of each search, one for each number of clients. */
export async function measure(
  searches: readonly Search[],
  options: MeasureOptions,
): Promise<Map<SearchKey, Figure[]>> {
  const most = Math.max(...options.clients);
  const connections = Array.from(
    { length: most },
    () => new pg.Client({ connectionString: options.url }),
  );
  await Promise.all(connections.map((client) => client.connect()));
  const tallies = new Map<string, Tally>();
  try {
    for (const search of searches) await slice(search, connections, 300, options);
    for (let round = 0; round < options.rounds; round += 1) {
      for (const clients of options.clients) {
        for (const search of searches) {
          const result = await slice(
            search,
            connections.slice(0, clients),
            options.sliceMs,
            options,
          );
          add(tallies, `${search.key} ${clients}`, result);
        }
      }
    }
  } finally {
    await Promise.all(connections.map((client) => client.end()));
  }
  return new Map(
    searches.map(({ key }) => [
      key,
      options.clients.map((clients) => figure(clients, tallies.get(`${key} ${clients}`))),
    ]),
  );
}

/** Each client repeats the search, each time with the next arguments, until the time is over. */
async function slice(
  search: Search,
  clients: readonly pg.Client[],
  sliceMs: number,
  options: MeasureOptions,
): Promise<Tally> {
  const tally: Tally = { latencies: [], elapsedMs: 0, rows: 0 };
  await Promise.all(clients.map((client) => begin(client, options)));
  const started = performance.now();
  const work = async (client: pg.Client, first: number): Promise<void> => {
    for (let run = first; performance.now() - started < sliceMs; run += 1) {
      const values = [...(search.arguments[run % search.arguments.length] ?? [])];
      const sent = performance.now();
      const { rows } = await client.query({ name: search.key, text: search.sql, values });
      tally.latencies.push(performance.now() - sent);
      tally.rows += rows.length;
    }
  };
  await Promise.all(clients.map((client, index) => work(client, index * 71)));
  tally.elapsedMs = performance.now() - started;
  await Promise.all(clients.map((client) => client.query("commit")));
  return tally;
}

/** As src/resources/postgres.ts opens a request's transaction; it is not part of what is timed. */
async function begin(client: pg.Client, options: MeasureOptions): Promise<void> {
  await client.query("begin");
  await client.query(
    `select set_config('role', $1, true), set_config('staybase.user_id', $2, true),
       set_config('staybase.session_id', '', true)`,
    [options.visitor, options.userId],
  );
}

function add(tallies: Map<string, Tally>, key: string, result: Tally): void {
  const tally = tallies.get(key) ?? { latencies: [], elapsedMs: 0, rows: 0 };
  for (const latency of result.latencies) tally.latencies.push(latency);
  tally.elapsedMs += result.elapsedMs;
  tally.rows += result.rows;
  tallies.set(key, tally);
}

function figure(clients: number, tally: Tally | undefined): Figure {
  const sorted = (tally?.latencies ?? []).toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  const { elapsedMs, rows } = tally ?? { elapsedMs: Number.NaN, rows: 0 };
  return {
    clients,
    perSecond: (sorted.length * 1000) / elapsedMs,
    p50: at(0.5),
    p95: at(0.95),
    rows: rows / sorted.length,
  };
}
