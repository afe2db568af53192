/** What `npm run db:migrate` and `db:reset` do to a server, and what they say when they cannot. */
import { randomBytes } from "node:crypto";
import { createServer } from "node:net";
import { describe, expect, test } from "@jest/globals";
import { Logger, runOnce } from "graphile-worker";
import pg from "pg";
import { migrate } from "../../src/commands/db/migrate.ts";
import { reset } from "../../src/commands/db/reset.ts";
import { assertVersion } from "../../src/commands/shared/bootstrap.ts";
import { DatabaseCommandError } from "../../src/commands/shared/errors.ts";
import { scramVerifier } from "../../src/commands/shared/scram.ts";
import { databaseTarget, migrateSettings, ownerUrl } from "../../src/commands/shared/settings.ts";
import { type Config, loadConfig } from "../../src/config/index.ts";
import { cluster, testConfig } from "../helpers/cluster.ts";
import { openTestDatabase, testDatabase } from "../helpers/database.ts";

const suffix = randomBytes(4).toString("hex");

async function onServer<T>(fn: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: cluster().rootUrl });
  await client.connect();
  try {
    return await fn(client);
  } finally {
    await client.end();
  }
}

function withDatabase(config: Config, changes: Partial<Config["database"]>): Config {
  return { ...config, database: { ...config.database, ...changes } };
}

function changed(url: string | undefined, change: (url: URL) => void): string {
  const copy = new URL(url ?? "");
  change(copy);
  return copy.href;
}

async function failure(task: Promise<unknown>): Promise<string> {
  const error = await task.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DatabaseCommandError);
  return error instanceof Error ? error.message : "";
}

describe("migrating", () => {
  test("makes roles and database with a root that is no superuser, twice at once", async () => {
    const names = ["owner", "authenticator", "visitor", "operator", "root"] as const;
    const [owner, authenticator, visitor, operator, root] = names.map((n) => `${n}_${suffix}`);
    const name = `staybase_test_bare_${suffix}`;
    const url = changed(cluster().templateUrl, (it) => {
      it.pathname = `/${name}`;
      it.username = authenticator ?? "";
      it.password = encodeURIComponent("it's 100% \\ @/: 'secret'");
    });
    const rootUrl = changed(cluster().rootUrl, (it) => {
      it.username = root ?? "";
      it.password = "root";
    });
    const config = loadConfig({
      NODE_ENV: "test",
      DATABASE_URL: url,
      ROOT_DATABASE_URL: rootUrl,
      DATABASE_OWNER: owner,
      DATABASE_AUTHENTICATOR: authenticator,
      DATABASE_VISITOR: visitor,
      DATABASE_OPERATOR: operator,
    });
    await onServer((client) =>
      client.query(`create role ${root} login createrole createdb password 'root'`),
    );
    try {
      const results = await Promise.all([migrate(config), migrate(config)]);
      const made = results.flatMap((result) => result.made);
      expect(made.sort()).toEqual([
        `database ${name}`,
        ...[authenticator, operator, owner, visitor].map((r) => `role ${r}`),
      ]);
      expect(await migrate(config)).toEqual({ made: [], ran: [] });
      const refused = failure(
        migrate(withDatabase(config, { url: changed(url, (it) => (it.password = "wrong")) })),
      );
      expect(await refused).toMatch(/password of "authenticator_.* in DATABASE_URL is wrong/);
    } finally {
      await onServer(async (client) => {
        await client.query(`drop database if exists ${name} with (force)`);
        for (const role of [authenticator, operator, visitor, owner, root]) {
          await client.query(`drop role if exists ${role}`);
        }
      });
    }
  });

  test("keeps the authenticator's password out of what it sends to the server", () => {
    // The example of RFC 7677, section 3, with the server's 4096 iterations.
    const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
    expect(scramVerifier("pencil", salt)).toBe(
      "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:" +
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
    );
  });

  test("says which URL is wrong and how, and never a password", async () => {
    const config = testConfig(cluster(), `staybase_test_${suffix}`);
    const root = (change: (url: URL) => void): Config =>
      withDatabase(config, { rootUrl: changed(config.database.rootUrl, change) });
    const closed = await closedPort();
    const messages = [
      await failure(migrate(root((url) => (url.password = "hunter2")))),
      await failure(migrate(root((url) => (url.port = String(closed))))),
      await failure(migrate(withDatabase(config, { rootUrl: undefined }))),
      await failure(
        migrate(
          root((url) => {
            url.password = "100%";
          }),
        ),
      ),
      await failure(
        migrate(
          withDatabase(config, { url: changed(config.database.url, (it) => (it.username = "x")) }),
        ),
      ),
      await failure(
        migrate(
          withDatabase(config, { url: changed(config.database.url, (it) => (it.pathname = "/")) }),
        ),
      ),
    ];
    expect(messages).toEqual([
      expect.stringContaining("in ROOT_DATABASE_URL is wrong"),
      expect.stringContaining(`Nothing listens at 127.0.0.1:${closed}`),
      expect.stringContaining("ROOT_DATABASE_URL is not set"),
      expect.stringMatching(/ROOT_DATABASE_URL .*write %25/),
      expect.stringContaining("DATABASE_AUTHENTICATOR"),
      expect.stringContaining("names no database"),
    ]);
    const secrets = [config.database.url, config.database.rootUrl].map(
      (url) => new URL(url ?? "").password,
    );
    for (const secret of [...secrets, "hunter2"]) expect(messages.join()).not.toContain(secret);
  });

  test("refuses a server that is older than PostgreSQL 18", async () => {
    const old = { query: async () => ({ rows: [{ number: 170005, text: "17.5" }] }) };
    const client = old as unknown as pg.ClientBase;
    expect(await failure(assertVersion(client))).toMatch(/PostgreSQL 17\.5.*18 or newer/);
  });

  test("refuses to erase production, and a distant server unless told", async () => {
    const config = testConfig(cluster(), `staybase_test_${suffix}`);
    const production: Config = { ...config, environment: "production" };
    expect(await failure(reset(production))).toMatch(/production/);
    const distant = changed(config.database.rootUrl, (url) => (url.hostname = "db.example"));
    expect(await failure(reset(withDatabase(config, { rootUrl: distant })))).toMatch(/--erase/);
  });

  test("resets no database that a server works on, and does when it has stopped", async () => {
    const database = await openTestDatabase();
    const server = new pg.Client({
      connectionString: database.url,
      application_name: "staybase-server",
    });
    try {
      await server.connect();
      expect(await failure(reset(database.config))).toMatch(/in use by staybase-server/);
      // Refused means untouched: the connection still works.
      expect((await server.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
      await server.end();
      expect((await reset(database.config)).ran.length).toBeGreaterThan(0);
    } finally {
      await database.dispose();
    }
  });

  test("gives graphile-migrate connections that act as the owner", () => {
    const target = databaseTarget(testConfig(cluster(), "staybase_test_x"));
    const settings = migrateSettings(target);
    expect(settings.connectionString).toContain("options=-c%20role%3Dstaybase_owner");
    expect(settings.shadowConnectionString).toContain("/staybase_test_x_shadow?");
    const url = changed(target.rootUrl, (it) => it.searchParams.set("sslmode", "disable"));
    expect(ownerUrl({ ...target, rootUrl: url })).toContain("?sslmode=disable&options=-c%20role");
  });
});

describe("the job queue", () => {
  const database = testDatabase();

  test("can be worked by the authenticator and is closed to clients", async () => {
    await database.owner.query(`select app_hidden.add_job('greet', '{"name": "Ada"}')`);
    const greeted: unknown[] = [];
    const pool = new pg.Pool({ connectionString: database.url, max: 4 });
    pool.on("error", () => {});
    pool.on("connect", (client) => client.on("error", () => {}));
    try {
      await runOnce({
        pgPool: pool,
        logger: new Logger(() => () => {}),
        taskList: { greet: (payload) => void greeted.push(payload) },
      });
    } finally {
      await pool.end();
    }
    expect(greeted).toEqual([{ name: "Ada" }]);
    const left = await database.owner.query("select from graphile_worker.jobs");
    expect(left.rowCount).toBe(0);
    for (const text of [
      "select from graphile_worker.jobs",
      "select graphile_worker.add_job('greet')",
    ]) {
      const refused = database.withVisitor(null, (client) => client.query(text));
      await expect(refused).rejects.toMatchObject({ code: "42501" });
    }
  });
});

/** A port at which nothing listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 1;
}
