/**
 * A statement and who it is for, in one message to the server: role and claims are set before it,
 * in the same implicit transaction, which ends with it. So a request needs one round trip where
 * BEGIN, settings, statement and COMMIT are four, and a connection never keeps a role: whatever
 * happens to the statement, the transaction is over.
 */
import pg, { type PoolClient, type QueryConfig, type QueryResult } from "pg";

/** Settings of the transaction by their names; one without a value is none. */
export type Settings = Readonly<Record<string, string | undefined>>;

/** What every request sets: they go together. The others go one by one. */
const WHO = ["role", "staybase.user_id", "staybase.session_id", "staybase.network"];
const setOne = (name: string, index: number): string =>
  `set_config('${name}', $${index + 1}, true)`;
const SET_WHO = { name: "staybase_who", text: `select ${WHO.map(setOne).join(", ")}` };
const SET_ONE = { name: "staybase_setting", text: "select set_config($1, $2, true)" };

/** What of pg's connection is used, which its types leave out. */
interface Connection {
  bind(how: { statement: string; values: readonly string[] }): void;
  execute(how: { portal: string }): void;
}

/** pg's own query, as far as it is changed; its types leave these methods out. */
interface QueryParts {
  prepare(connection: Connection): void;
  requiresPreparation(): boolean;
  handleRowDescription(message: unknown): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: Connection): void;
}
type Callback = (error: Error | null, result: QueryResult) => void;
const Query = pg.Query as unknown as new (
  config: QueryConfig,
  values: undefined,
  callback: Callback,
) => QueryParts;

class ScopedQuery extends Query {
  readonly #statements: { statement: string; values: readonly string[] }[];
  /** Statements of ours whose answers have not come yet: they come before all others. */
  #waiting: number;

  constructor(settings: Settings, config: QueryConfig, callback: Callback) {
    super(config, undefined, callback);
    this.#statements = [
      { statement: SET_WHO.name, values: WHO.map((name) => settings[name] ?? "") },
    ];
    for (const [name, value] of Object.entries(settings)) {
      if (value === undefined || WHO.includes(name)) continue;
      this.#statements.push({ statement: SET_ONE.name, values: [name, value] });
    }
    this.#waiting = this.#statements.length;
  }

  override requiresPreparation(): boolean {
    return true;
  }

  override prepare(connection: Connection): void {
    for (const statement of this.#statements) {
      connection.bind(statement);
      connection.execute({ portal: "" });
    }
    super.prepare(connection);
  }

  override handleDataRow(message: unknown): void {
    if (this.#waiting === 0) super.handleDataRow(message);
  }

  override handleCommandComplete(message: unknown, connection: Connection): void {
    if (this.#waiting === 0) super.handleCommandComplete(message, connection);
    else this.#waiting -= 1;
  }
}

const prepared = new WeakSet<PoolClient>();

/** Prepares on a connection what sets who asks; once, before its first statement. */
export async function prepareSettings(client: PoolClient): Promise<void> {
  if (prepared.has(client)) return;
  // Compiling costs more than any statement of ours takes.
  await client.query("set jit = off");
  await client.query({ ...SET_WHO, values: WHO.map(() => "none") });
  await client.query({ ...SET_ONE, values: ["staybase.user_id", ""] });
  prepared.add(client);
}

/** Runs one statement as whoever the settings say, in a transaction of its own. */
export function queryAs(
  client: PoolClient,
  settings: Settings,
  config: QueryConfig,
): Promise<QueryResult> {
  return new Promise((resolve, reject) => {
    const query = new ScopedQuery(settings, config, (error, result) => {
      if (error) reject(error);
      else resolve(result);
    });
    client.query(query as unknown as pg.Submittable);
  });
}
