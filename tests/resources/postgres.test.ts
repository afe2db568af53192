/**
 * Claims about transactions on a real PostgreSQL: role and claims live as long as the transaction,
 * and nothing of one request is seen by the next on the same connection.
 */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { loadConfig } from "../../src/config/index.ts";
import { toApiError } from "../../src/databaseErrors.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/dev/embeddedPostgres.ts";
import { createLogger } from "../../src/resources/logger.ts";
import {
  assertPostgresVersion,
  createPool,
  retryable,
  withTransaction,
} from "../../src/resources/postgres.ts";
import { codeOf } from "../../src/resources/resourceError.ts";

const logger = createLogger({ level: "silent" });
const folder = mkdtempSync(join(tmpdir(), "staybase-pool-"));
let server: EmbeddedPostgres;
let pool: pg.Pool;

const code = (promise: Promise<unknown>): Promise<string | undefined> =>
  promise.then(() => undefined, codeOf);

function poolTo(url: string, max = 1): pg.Pool {
  const config = loadConfig({ DATABASE_STATEMENT_TIMEOUT_MS: "500" });
  const database = { ...config.database, url };
  return createPool({ database }, logger, { applicationName: "staybase-test", max });
}

beforeAll(async () => {
  chmodSync(folder, 0o755);
  server = await startEmbeddedPostgres({ dir: folder, ephemeral: true, database: "postgres" });
  const root = new pg.Client(server.rootUrl);
  await root.connect();
  const password = new URL(server.url).password;
  await root.query(`create role staybase_authenticator login noinherit password '${password}';
    create role staybase_visitor nologin;
    grant staybase_visitor to staybase_authenticator with inherit false, set true;
    create table public.notes (id int primary key);
    grant all on public.notes to staybase_visitor;`);
  await root.end();
  pool = poolTo(server.url);
});

afterAll(async () => {
  await pool?.end();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const who = `select current_user::text as role,
  nullif(current_setting('staybase.user_id', true), '') as user_id,
  nullif(current_setting('staybase.session_id', true), '') as session_id`;

describe("withTransaction", () => {
  test("sets role and claims for one transaction alone", async () => {
    const claims = { userId: "u1", sessionId: "s1" };
    const options = { role: "staybase_visitor", claims };
    const inside = await withTransaction(pool, options, (client) => client.query(who));
    expect(inside.rows).toEqual([{ role: "staybase_visitor", user_id: "u1", session_id: "s1" }]);
    const after = await pool.query(who);
    const nobody = { role: "staybase_authenticator", user_id: null, session_id: null };
    expect(after.rows).toEqual([nobody]);
    const next = await withTransaction(pool, {}, (client) => client.query(who));
    expect(next.rows).toEqual([nobody]);
  });

  test("takes back everything after an error, also the role", async () => {
    const failing = withTransaction(pool, { role: "staybase_visitor" }, async (client) => {
      await client.query("insert into public.notes values (1)");
      await client.query("select 1 / 0");
    });
    expect(await code(failing)).toBe("22012");
    const rows = await withTransaction(pool, { role: "staybase_visitor" }, (client) =>
      client.query("select * from public.notes"),
    );
    expect(rows.rows).toEqual([]);
    expect((await pool.query(who)).rows[0]).toMatchObject({ role: "staybase_authenticator" });
  });

  test("does not call a lost transaction a success", async () => {
    const swallowing = withTransaction(pool, { role: "staybase_visitor" }, async (client) => {
      await client.query("insert into public.notes values (2)");
      await client.query("select 1 / 0").catch(() => undefined);
    });
    expect(await code(swallowing)).toBe("TRANSACTION_LOST");
  });

  test("opens a new connection after one was ended by the server", async () => {
    const failing = withTransaction(pool, {}, (client) =>
      client.query("select pg_terminate_backend(pg_backend_pid())"),
    );
    expect(await code(failing)).toBe("57P01");
    expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  });

  test("gives up on a slow statement", async () => {
    const slow = withTransaction(pool, {}, (client) => client.query("select pg_sleep(20)"));
    expect(await code(slow)).toBe("57014");
  });
});

describe("a client is told", () => {
  const told = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(() => undefined, toApiError);

  test("TIMEOUT of a statement that takes too long", async () => {
    const slow = await told(pool.query("select pg_sleep(20)"));
    expect(slow).toMatchObject({ code: "TIMEOUT", status: 503 });
  });

  test("CONFLICT of a row that is there already", async () => {
    const twice = withTransaction(pool, { role: "staybase_visitor" }, (client) =>
      client.query("insert into public.notes values (3), (3)"),
    );
    expect(await told(twice)).toMatchObject({ code: "CONFLICT", status: 409 });
  });

  test("UNAVAILABLE while the database is away", async () => {
    const nowhere = poolTo("postgres://a:b@127.0.0.1:1/c");
    const refused = await told(nowhere.query("select 1"));
    expect(refused).toMatchObject({ code: "UNAVAILABLE", status: 503 });
    await nowhere.end();
  });

  test.each<[string, (client: pg.PoolClient) => unknown]>([
    ["the server ends", (client) => client.query("select pg_terminate_backend(pg_backend_pid())")],
    ["breaks", (client) => Reflect.get(client, "connection").stream.destroy()],
  ])("UNAVAILABLE when a connection %s", async (_, end) => {
    const meanwhile = withTransaction(pool, {}, async (client) => {
      await Promise.all([end(client), client.query("select 1")]);
    });
    expect(await told(meanwhile)).toMatchObject({ code: "UNAVAILABLE", status: 503 });
    const afterwards = withTransaction(pool, {}, async (client) => {
      await Promise.resolve(end(client)).catch(() => undefined);
      await client.query("select 1");
    });
    expect(await told(afterwards)).toMatchObject({ code: "UNAVAILABLE", status: 503 });
  });
});

describe("retryable", () => {
  const conflict = (): Error => Object.assign(new Error("conflict"), { code: "40P01" });

  test("repeats a transaction that lost against another, three times at most", async () => {
    let runs = 0;
    const always = retryable(async () => {
      runs += 1;
      throw conflict();
    });
    expect(await code(always)).toBe("40P01");
    expect(runs).toBe(4);
    let left = 2;
    const result = await retryable(async () => {
      left -= 1;
      if (left >= 0) throw conflict();
      return "done";
    });
    expect(result).toBe("done");
  });

  test("repeats nothing else", async () => {
    let runs = 0;
    const once = retryable(async () => {
      runs += 1;
      throw Object.assign(new Error("duplicate"), { code: "23505" });
    });
    expect(await code(once)).toBe("23505");
    expect(runs).toBe(1);
  });
});

describe("assertPostgresVersion", () => {
  test("accepts this server", async () => {
    expect(await code(assertPostgresVersion(pool))).toBeUndefined();
  });

  test.each([
    ["POSTGRES_LOGIN_REFUSED", (url: string) => url.replace(/:[^:@/]+@/, ":hunter2@")],
    ["POSTGRES_DATABASE_MISSING", (url: string) => url.replace(/\/postgres$/, "/nowhere")],
    ["POSTGRES_UNREACHABLE", () => "postgres://a:hunter2@127.0.0.1:1/b"],
  ])("says %s without the password", async (expected, change) => {
    const wrong = poolTo(change(server.url));
    const error = await assertPostgresVersion(wrong).catch((fault: unknown) => fault);
    await wrong.end();
    expect(codeOf(error)).toBe(expected);
    expect(String(error)).not.toContain(new URL(change(server.url)).password);
  });

  test("refuses a server older than 18", async () => {
    const rows = [{ server_version_num: "170004" }];
    const old = { options: {}, query: async () => ({ rows }) } as unknown as pg.Pool;
    expect(await code(assertPostgresVersion(old))).toBe("POSTGRES_TOO_OLD");
  });
});
