/**
 * Gives a test file its own copy of the schema and ways to act in it as each of the roles. It
 * knows nothing of what the tables mean: people, listings and bookings come from the factories.
 */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll } from "@jest/globals";
import pg from "pg";
import { restrict } from "../../src/commands/shared/bootstrap.ts";
import {
  type DatabaseTarget,
  databaseTarget,
  ownerUrl,
  withDatabaseName,
} from "../../src/commands/shared/settings.ts";
import type { Config } from "../../src/config/index.ts";
import { createLogger } from "../../src/resources/logger.ts";
import { type Claims, createPool, withTransaction } from "../../src/resources/postgres.ts";
import { type Cluster, cluster, TEMPLATE_NAME, testConfig } from "./cluster.ts";

/** Who acts in a transaction. `null` is somebody who is not signed in. */
export type Actor =
  | { readonly role: "visitor" | "operator"; readonly userId: string | null }
  | { readonly role: "authenticator" | "owner" };

/** One transaction in which several people may act, rolled back at its end. */
export interface Scenario {
  /** The connection, as the owner unless inside `as`. */
  readonly client: pg.ClientBase;
  /**
   * Acts as somebody. What `fn` did is kept for the rest of the scenario, but when it throws,
   * it alone is undone, so that a refusal can be followed by looking at what is there.
   */
  as<T>(actor: Actor, fn: (client: pg.ClientBase) => Promise<T>): Promise<T>;
  asVisitor<T>(userId: string | null, fn: (client: pg.ClientBase) => Promise<T>): Promise<T>;
  asOperator<T>(userId: string, fn: (client: pg.ClientBase) => Promise<T>): Promise<T>;
  asOwner<T>(fn: (client: pg.ClientBase) => Promise<T>): Promise<T>;
}

/** A database of one test file. Use it inside `beforeAll`, `test` and the like only. */
export interface TestDatabase {
  /** The configuration of a server or worker that works on this database. */
  readonly config: Config & { readonly database: { readonly url: string } };
  readonly name: string;
  /** The authenticator's, as DATABASE_URL has it. */
  readonly url: string;
  /** The superuser's to this database, as ROOT_DATABASE_URL has it. */
  readonly rootUrl: string;
  /** Connections that act as the owner; what they write stays until the file ends. */
  readonly owner: pg.Pool;
  /** Connections of the authenticator, opened as the server opens them. */
  readonly pool: pg.Pool;
  /** Runs `fn` in a transaction as a visitor, rolled back at the end. */
  withVisitor<T>(userId: string | null, fn: (client: pg.PoolClient) => Promise<T>): Promise<T>;
  /** Runs `fn` in a transaction as an operator, rolled back at the end. */
  withOperator<T>(userId: string, fn: (client: pg.PoolClient) => Promise<T>): Promise<T>;
  /** Runs `fn` in a transaction as the server itself, rolled back at the end. */
  withAuthenticator<T>(fn: (client: pg.PoolClient) => Promise<T>): Promise<T>;
  /** Runs `fn` in a transaction as a visitor and commits it. */
  commitAsVisitor<T>(userId: string | null, fn: (client: pg.PoolClient) => Promise<T>): Promise<T>;
  /** Runs `fn` in a transaction as the server itself and commits it. */
  commitAsAuthenticator<T>(fn: (client: pg.PoolClient) => Promise<T>): Promise<T>;
  /** One transaction with several actors: act as the role, assert as the owner. */
  scenario<T>(fn: (scenario: Scenario) => Promise<T>): Promise<T>;
}

/** What may differ from a plain copy of the template. */
export interface TestDatabaseOptions {
  /** An empty database instead of a copy, without any schema. */
  readonly empty?: boolean;
  /** With the demo market in it, which takes ten seconds once a run. */
  readonly demo?: boolean;
  /** Guests hold at most as many stays as in the product; else as many as a test likes. */
  readonly limitsHolds?: boolean;
}

/** Copies the template before the tests of a file and drops the copy after them. */
export function testDatabase(options: TestDatabaseOptions = {}): TestDatabase {
  let opened: OpenDatabase | undefined;
  beforeAll(async () => {
    opened = await openTestDatabase(options);
  });
  afterAll(async () => {
    await opened?.dispose();
  });
  const use = (): OpenDatabase => {
    if (opened === undefined) throw new Error("The test database is there in tests only.");
    return opened;
  };
  // Each property is looked up when it is used, for the copy is made after this function.
  return new Proxy({} as TestDatabase, { get: (_target, key) => Reflect.get(use(), key) });
}

/** A test database that the caller has to dispose of. */
export interface OpenDatabase extends TestDatabase {
  dispose(): Promise<void>;
}

/** The same without hooks, for a test that needs several databases. */
export async function openTestDatabase(options: TestDatabaseOptions = {}): Promise<OpenDatabase> {
  const server = cluster();
  const name = `staybase_test_${randomBytes(6).toString("hex")}`;
  const config = requireUrl(testConfig(server, name));
  const target = databaseTarget(config);
  await onServer(async (client) => {
    if (options.demo === true) await makeDemoTemplate(client, server);
    const template = options.demo === true ? DEMO_TEMPLATE : server.templateName;
    await copyDatabase(client, target, options.empty === true ? "template0" : template);
  });
  const owner = silentPool(ownerUrl(target), 4);
  const root = silentPool(withDatabaseName(target.rootUrl, name), 4);
  if (options.empty !== true && options.limitsHolds !== true) await owner.query(MANY_HOLDS);
  const logger = createLogger({ level: "silent" });
  const pool = createPool(config, logger, { applicationName: "staybase-test" });
  const { visitor, operator } = config.database;
  const rolledBack = <T>(role: string | undefined, claims: Claims, fn: TransactionTask<T>) =>
    rollBack(pool, role, claims, fn);
  return {
    config,
    name,
    url: config.database.url,
    rootUrl: withDatabaseName(target.rootUrl, name),
    owner,
    pool,
    withVisitor: (userId, fn) => rolledBack(visitor, claimsOf(userId), fn),
    withOperator: (userId, fn) => rolledBack(operator, claimsOf(userId), fn),
    withAuthenticator: (fn) => rolledBack(undefined, {}, fn),
    commitAsVisitor: (userId, fn) =>
      withTransaction(pool, { role: visitor, claims: claimsOf(userId) }, fn),
    commitAsAuthenticator: (fn) => withTransaction(pool, {}, fn),
    scenario: (fn) => playScenario(root, config, fn),
    dispose: async () => {
      await Promise.all([owner.end(), root.end(), pool.end()]);
      await onServer((client) => client.query(`drop database if exists ${name} with (force)`));
    },
  };
}

/** Makes the database of a target as a copy of another one. */
async function copyDatabase(
  client: pg.Client,
  target: DatabaseTarget,
  template: string,
): Promise<void> {
  // Twice as fast as through the log, which nobody wants of a server without fsync.
  await client.query(
    `create database ${target.name} owner ${target.owner} template ${template} strategy file_copy`,
  );
  await restrict(client, target);
}

const DEMO_TEMPLATE = `${TEMPLATE_NAME}_demo`;

/** Makes it where no test file of this run has yet; one at a time. */
async function makeDemoTemplate(client: pg.Client, server: Cluster): Promise<void> {
  await client.query("select pg_advisory_lock(hashtext($1))", [DEMO_TEMPLATE]);
  const made = await client.query("select from pg_database where datname = $1", [DEMO_TEMPLATE]);
  if (made.rowCount === 0) {
    const config = testConfig(server, `${DEMO_TEMPLATE}_draft`);
    const target = databaseTarget(config);
    await client.query(`drop database if exists ${target.name}`);
    await copyDatabase(client, target, server.templateName);
    const { seedDemo } = await import("../../src/commands/db/seed.ts");
    await seedDemo(config);
    await client.query(`alter database ${target.name} rename to ${DEMO_TEMPLATE}`);
  }
  await client.query("select pg_advisory_unlock(hashtext($1))", [DEMO_TEMPLATE]);
}

const MANY_HOLDS =
  "update app_private.quotas set most = 1000000 where kind in ('holds', 'hourly_holds')";

type TransactionTask<T> = (client: pg.PoolClient) => Promise<T>;

function requireUrl(config: Config): TestDatabase["config"] {
  const { url } = config.database;
  if (url === undefined) throw new Error("The test configuration has no database.");
  return { ...config, database: { ...config.database, url } };
}

function claimsOf(userId: string | null): Claims {
  return userId === null ? {} : { userId };
}

function silentPool(connectionString: string, max: number): pg.Pool {
  const pool = new pg.Pool({ connectionString, max });
  pool.on("error", () => {});
  return pool;
}

async function onServer<T>(fn: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: cluster().rootUrl });
  await client.connect();
  try {
    return await fn(client);
  } finally {
    await client.end();
  }
}

/** Thrown through `withTransaction` to make it roll back what succeeded. */
class RolledBack<T> extends Error {
  readonly value: T;

  constructor(value: T) {
    super("rolled back");
    this.value = value;
  }
}

async function rollBack<T>(
  pool: pg.Pool,
  role: string | undefined,
  claims: Claims,
  fn: TransactionTask<T>,
): Promise<T> {
  try {
    return await withTransaction(pool, { role, claims }, async (client) => {
      throw new RolledBack(await fn(client));
    });
  } catch (error) {
    if (error instanceof RolledBack) return error.value;
    throw error;
  }
}

async function playScenario<T>(
  root: pg.Pool,
  config: Config,
  fn: (scenario: Scenario) => Promise<T>,
): Promise<T> {
  const client = await root.connect();
  const { owner } = config.database;
  const as: Scenario["as"] = async (actor, act) => {
    await client.query("savepoint actor");
    try {
      await become(client, config, actor);
      const result = await act(client);
      await become(client, config, { role: "owner" });
      await client.query("release savepoint actor");
      return result;
    } catch (error) {
      await client.query("rollback to savepoint actor; release savepoint actor");
      throw error;
    }
  };
  try {
    await client.query("begin");
    await client.query("select set_config('role', $1, true)", [owner]);
    return await fn({
      client,
      as,
      asVisitor: (userId, act) => as({ role: "visitor", userId }, act),
      asOperator: (userId, act) => as({ role: "operator", userId }, act),
      asOwner: (act) => as({ role: "owner" }, act),
    });
  } finally {
    await client.query("rollback");
    client.release();
  }
}

async function become(client: pg.ClientBase, config: Config, actor: Actor): Promise<void> {
  const userId = "userId" in actor ? (actor.userId ?? "") : "";
  await client.query(
    `select set_config('role', $1, true),
       set_config('staybase.user_id', $2, true), set_config('staybase.session_id', '', true)`,
    [config.database[actor.role], userId],
  );
}
