/**
 * The doctor, in good surroundings and in broken ones: it says what is broken and what to do, and
 * shows no secret in any of it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import express from "express";
import { calculateHash } from "graphile-migrate/dist/hash.js";
import pg from "pg";
import { checkMigrations } from "../../src/commands/doctor/database.ts";
import { type Finding, report } from "../../src/commands/doctor/finding.ts";
import { checkNode } from "../../src/commands/doctor/machine.ts";
import { examine } from "../../src/commands/doctor.ts";
import { withClient } from "../../src/commands/shared/connect.ts";
import { databaseTarget, ownerUrl } from "../../src/commands/shared/settings.ts";
import { loadConfig } from "../../src/config/index.ts";
import { freePort } from "../../src/dev/dataFolder.ts";
import { type MailCatcher, startMailCatcher } from "../../src/dev/mailCatcher.ts";
import { startStandIns } from "../../src/dev/standIns.ts";
import { type StripeSimulator, startStripeSimulator } from "../../src/dev/stripe/simulator.ts";
import { createLogger } from "../../src/resources/logger.ts";
import { testDatabase } from "../helpers/database.ts";
import { buildMarket } from "../helpers/fixture.ts";
import { COMPILED } from "../helpers/marketplace.ts";
import { hasRedisServer, type RedisServer, startRedisServer } from "../helpers/redisServer.ts";

/** Places that take no file, not even of root: one that is there, and two that are not. */
const UNWRITABLE = process.platform === "linux" ? ["/proc/self", "/proc/x", "/proc/x/y"] : [];

const DOCTOR = fileURLToPath(new URL("../../src/commands/doctor.ts", import.meta.url));
const SECRET = "hunter2hunter2";
const KEYS = {
  secretKey: `sk_test_${SECRET}`,
  publishableKey: "pk_test_doctor",
  webhookSecret: `whsec_${SECRET}`,
};

type Env = Record<string, string>;

const database = testDatabase();
const folder = mkdtempSync(join(tmpdir(), "staybase-doctor-"));
let redis: RedisServer | undefined;
let stripe: StripeSimulator;
let mail: MailCatcher;
const cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  redis = hasRedisServer ? await startRedisServer() : undefined;
  stripe = await startStripeSimulator(KEYS);
  mail = await startMailCatcher({ dir: join(folder, "mail") });
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

afterAll(async () => {
  await Promise.all([redis?.close(), stripe.close(), mail.close()]);
  rmSync(folder, { recursive: true, force: true });
});

/** An environment in which nothing is broken. */
async function goodEnv(): Promise<Env> {
  return {
    NODE_ENV: "test",
    PORT: String(await freePort(undefined)),
    HOST: "127.0.0.1",
    DATA_DIR: join(folder, "data"),
    DATABASE_URL: database.url,
    ROOT_DATABASE_URL: database.rootUrl,
    REDIS_URL: redis?.url ?? "",
    STRIPE_SECRET_KEY: KEYS.secretKey,
    STRIPE_PUBLISHABLE_KEY: KEYS.publishableKey,
    STRIPE_WEBHOOK_SECRET: KEYS.webhookSecret,
    STRIPE_API_URL: stripe.url,
    SMTP_URL: mail.url,
  };
}

async function examineWith(changes: Env): Promise<Finding[]> {
  return examine({ ...(await goodEnv()), ...changes });
}

const subjects = (findings: readonly Finding[], state: Finding["state"]): string[] =>
  findings.filter((finding) => finding.state === state).map(({ subject }) => subject);

const brokenIn = (findings: readonly Finding[]): string[] => subjects(findings, "broken");

function told(findings: readonly Finding[], subject: string): string {
  const found = findings.filter((finding) => finding.subject === subject);
  return found.map(({ sentence, remedy }) => `${sentence} ${remedy ?? ""}`).join("\n");
}

/** The same URL with one thing changed. */
function changed(url: string, what: "password" | "port" | "pathname", value: string): string {
  const copy = new URL(url);
  copy[what] = value;
  return copy.href;
}

/** Does to the database what nobody else may. */
async function asRoot(...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: database.rootUrl });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** A server that listens on a port, says one line to whoever comes, and nothing else. */
async function occupy(greeting = ""): Promise<number> {
  const server: Server = createServer((socket) => {
    socket.on("error", () => {});
    socket.write(greeting);
    sockets.add(socket);
  });
  const sockets = new Set<{ destroy(): unknown }>();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

describe("in good surroundings", () => {
  test("nothing is broken, and everything was looked at", async () => {
    const findings = await examine(await goodEnv());
    expect(brokenIn(findings)).toEqual([]);
    const looked = ["Node", "configuration", "data folder", "port", "PostgreSQL", "roles"];
    const services = ["calendar", "search", "ledger", "migrations", "Stripe events", "Redis"];
    expect(subjects(findings, "fine")).toEqual(
      expect.arrayContaining([...looked, ...services, "Stripe", "mail"]),
    );
    expect(subjects(findings, "note")).toEqual(["worker"]);
    expect(report(findings)).toContain("Nothing is broken.");
  });

  test("without ROOT_DATABASE_URL it says what it could not see", async () => {
    const findings = await examineWith({ ROOT_DATABASE_URL: "" });
    expect(brokenIn(findings)).toEqual([]);
    expect(told(findings, "migrations")).toContain("ROOT_DATABASE_URL");
  });

  test("where nothing runs it names npm start and calls nothing broken", async () => {
    const env = { PORT: String(await freePort(undefined)), DATA_DIR: join(folder, "nothing") };
    const findings = await examine(env);
    expect(brokenIn(findings)).toEqual([]);
    expect(told(findings, "services")).toContain("npm start");
    expect(told(findings, "port")).toContain("free");
  });

  test("it finds the stand-ins of a running npm start", async () => {
    const env = await goodEnv();
    for (const name of Object.keys(env)) {
      if (/^(STRIPE|SMTP)_/.test(name)) delete env[name];
    }
    env.DATA_DIR = join(folder, "running");
    const logger = createLogger({ level: "silent" });
    const standIns = await startStandIns(loadConfig(env), logger);
    cleanups.push(() => standIns.close());
    const findings = await examine(env);
    expect(brokenIn(findings)).toEqual([]);
    expect(subjects(findings, "fine")).toEqual(expect.arrayContaining(["Redis", "Stripe", "mail"]));
    expect(told(findings, "port")).toContain(String(process.pid));
  });

  test("it looks at the port of the npm start that runs, whatever PORT says here", async () => {
    const env: Env = { ...(await goodEnv()), DATA_DIR: join(folder, "elsewhere") };
    for (const name of Object.keys(env)) if (/^(STRIPE|DATABASE|ROOT)_/.test(name)) env[name] = "";
    const app = express();
    app.get("/healthz", (_request, response) => void response.json({ status: "ok" }));
    app.get("/readyz", (_request, response) => void response.json({}));
    const server = app.listen(Number(env.PORT), "127.0.0.1");
    await once(server, "listening");
    cleanups.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const logger = createLogger({ level: "silent" });
    const standIns = await startStandIns(loadConfig(env), logger, { only: ["stripe"] });
    cleanups.push(() => standIns.close());
    const findings = await examine({ ...env, PORT: String(await freePort(undefined)) });
    expect(told(findings, "port")).toContain(`answers at http://localhost:${env.PORT}`);
    expect(brokenIn(findings)).toEqual([]);
  });

  test("a Staybase that answers at the port is what should be there", async () => {
    const app = express();
    let ready = 200;
    app.get("/healthz", (_request, response) => void response.json({ status: "ok" }));
    app.get("/readyz", (_request, response) => void response.status(ready).json({}));
    const server = app.listen(0, "127.0.0.1");
    await once(server, "listening");
    cleanups.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const address = server.address();
    const port = typeof address === "object" ? String(address?.port) : "";
    expect(brokenIn(await examineWith({ PORT: port }))).toEqual([]);
    ready = 503;
    expect(brokenIn(await examineWith({ PORT: port }))).toEqual(["port"]);
    // Where nothing is configured, npm start would want that port for itself.
    const bare = { PORT: port, HOST: "127.0.0.1", DATA_DIR: join(folder, "nothing") };
    expect(brokenIn(await examine(bare))).toEqual(["port"]);
  });
});

describe("in broken surroundings", () => {
  test("an old Node is told to come through npm", () => {
    expect(checkNode("24.0.0").state).toBe("fine");
    expect(checkNode("20.20.2").state).toBe("broken");
  });

  test("all faults of the configuration are told", async () => {
    const findings = await examineWith({ PORT: "70000", LOG_LEVEL: "loud", REDIS_URL: SECRET });
    expect(brokenIn(findings).sort()).toEqual(["LOG_LEVEL", "PORT", "REDIS_URL"]);
    expect(report(findings)).not.toContain(SECRET);
  });

  test("a wrong password, host or database is named, and no password is shown", async () => {
    const closed = await freePort(undefined);
    for (const url of [
      changed(database.url, "password", SECRET),
      changed(database.url, "port", String(closed)),
      changed(database.url, "pathname", "/nowhere"),
    ]) {
      const findings = await examineWith({ DATABASE_URL: url, ROOT_DATABASE_URL: "" });
      expect(brokenIn(findings)).toEqual(["PostgreSQL"]);
      expect(told(findings, "PostgreSQL")).toContain("DATABASE_URL");
      expect(report(findings)).not.toContain(SECRET);
    }
    const findings = await examineWith({
      ROOT_DATABASE_URL: changed(database.rootUrl, "password", SECRET),
    });
    expect(told(findings, "PostgreSQL")).toContain("ROOT_DATABASE_URL");
    expect(report(findings)).not.toContain(SECRET);
  });

  test("a superuser in DATABASE_URL is refused: row-level security does not stop him", async () => {
    const findings = await examineWith({ DATABASE_URL: database.rootUrl, ROOT_DATABASE_URL: "" });
    expect(brokenIn(findings)).toEqual(["roles"]);
  });

  test("roles of other names are missed", async () => {
    const findings = await examineWith({ DATABASE_VISITOR: "nobody_of_ours" });
    expect(brokenIn(findings)).toEqual(["roles"]);
    expect(told(findings, "roles")).toContain("nobody_of_ours");
  });

  test("a taken port names the process that holds it", async () => {
    const port = String(await occupy());
    const findings = await examineWith({ PORT: port });
    expect(brokenIn(findings)).toEqual(["port"]);
    expect(told(findings, "port")).toContain(port);
    if (process.platform === "linux") {
      expect(told(findings, "port")).toContain(String(process.pid));
    }
  });

  test.each(UNWRITABLE)("the data folder %s, where nothing can be made, is told", async (dir) => {
    const findings = await examineWith({ DATA_DIR: dir, MAILBOX_DIR: join(folder, "mail") });
    expect(brokenIn(findings)).toEqual(["data folder"]);
  });

  test("a data folder that is a file is told", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    const env = { DATA_DIR: file };
    expect(brokenIn(await examineWith(env))).toEqual(["data folder"]);
  });

  test("services that do not answer are named, without their passwords", async () => {
    const closed = await freePort(undefined);
    const findings = await examineWith({
      REDIS_URL: `redis://:${SECRET}@127.0.0.1:${closed}`,
      STRIPE_API_URL: `http://127.0.0.1:${closed}`,
      SMTP_URL: `smtp://me:${SECRET}@127.0.0.1:${closed}`,
    });
    expect(brokenIn(findings)).toEqual(["Redis", "Stripe", "mail"]);
    expect(report(findings)).not.toContain(SECRET);
  });

  test("a key that Stripe refuses and a mail server that turns us away are told apart", async () => {
    const port = await occupy("554 not today\r\n");
    const findings = await examineWith({
      STRIPE_SECRET_KEY: `sk_test_wrong${SECRET}`,
      SMTP_URL: `smtp://127.0.0.1:${port}`,
    });
    expect(brokenIn(findings)).toEqual(["Stripe", "mail"]);
    expect(told(findings, "Stripe")).toContain("STRIPE_SECRET_KEY");
    expect(report(findings)).not.toContain(SECRET);
  });
});

describe("in the database", () => {
  test("migrations that have not run, ran otherwise, or are newer are told", async () => {
    const migrations = mkdtempSync(join(folder, "migrations-"));
    const file = join(migrations, "committed", "000001.sql");
    mkdirSync(join(migrations, "committed"));
    const endpoint = {
      url: ownerUrl(databaseTarget(database.config)),
      variable: "ROOT_DATABASE_URL",
    } as const;
    const states: string[] = [];
    const look = async (client: pg.Client): Promise<void> => {
      const { state, sentence } = await checkMigrations(client, migrations);
      states.push(`${state} ${/is not what|Not run|not known here|have run/.exec(sentence)?.[0]}`);
    };
    await withClient(endpoint, async (client) => {
      await client.query("begin; delete from graphile_migrate.migrations");
      await look(client);
      const hash = calculateHash("select;", null);
      writeFileSync(file, `--! Previous: -\n--! Hash: ${hash}\n\nselect;\n`);
      await look(client);
      const add = "insert into graphile_migrate.migrations (hash, filename) values ($1, $2)";
      await client.query(add, [hash, "000001.sql"]);
      await look(client);
      await client.query("update graphile_migrate.migrations set hash = 'sha1:bb'");
      await look(client);
      rmSync(file);
      await look(client);
      await client.query("rollback");
    });
    expect(states).toEqual([
      "fine have run",
      "broken Not run",
      "fine have run",
      "broken is not what",
      "broken not known here",
    ]);
  });

  test("an index that a broken build has left behind is broken", async () => {
    await asRoot("create index left_over_idx on app_public.listings (bedrooms)");
    cleanups.push(() => asRoot("drop index app_public.left_over_idx"));
    expect(brokenIn(await examine(await goodEnv()))).toEqual([]);
    await asRoot(
      "update pg_index set indisvalid = false where indexrelid = 'app_public.left_over_idx'::regclass",
    );
    const findings = await examine(await goodEnv());
    expect(brokenIn(findings)).toEqual(["indexes"]);
    expect(told(findings, "indexes")).toContain(
      "drop index concurrently app_public.left_over_idx;",
    );
  });

  test("a worker that lives is seen, and jobs that wait for nobody are broken", async () => {
    const add = "select app_hidden.add_job('mail__send', '{}', null, now() - interval '2 minutes')";
    await asRoot(add);
    cleanups.push(() => asRoot("delete from graphile_worker._private_jobs"));
    expect(brokenIn(await examine(await goodEnv()))).toEqual(["worker"]);
    await asRoot("select app_private.record_heartbeat(array['w'], '1 minute')");
    cleanups.push(() => asRoot("select app_private.end_heartbeats(array['w'])"));
    // It lives, but does not do its work.
    expect(brokenIn(await examine(await goodEnv()))).toEqual(["worker"]);
    await asRoot("delete from graphile_worker._private_jobs");
    expect(brokenIn(await examine(await goodEnv()))).toEqual([]);
    const old = "update app_private.worker_heartbeats set beat_at = now() - interval '1 hour'";
    await asRoot(old);
    expect(subjects(await examine(await goodEnv()), "note")).toEqual(["worker"]);
  });

  test("jobs that have failed for good are told, but not what another job has taken over", async () => {
    const fail = async (task: string, key: string | null): Promise<void> => {
      const named = key === null ? "null" : `'${key}'`;
      await asRoot(
        "delete from graphile_worker._private_jobs",
        `select app_hidden.add_job('${task}', '{}', ${named})`,
        "update graphile_worker._private_jobs set attempts = max_attempts, last_error = 'No.'",
      );
    };
    await asRoot("select app_private.record_heartbeat(array['w'], '1 minute')");
    cleanups.push(() => asRoot("select app_private.end_heartbeats(array['w'])"));
    cleanups.push(() => asRoot("delete from graphile_worker._private_jobs"));
    const heard = async (): Promise<string> => told(await examine(await goodEnv()), "worker");
    await fail("payment__sync", "payment__sync:1");
    expect(await heard()).toContain("1 job has failed for good");
    await fail("event__publish", null);
    expect(await heard()).toContain("1 job has failed for good");
    await fail("payment__sync", null);
    expect(await heard()).not.toContain("failed");
  });

  test("events of Stripe that wait for ten minutes are told", async () => {
    await asRoot(
      `insert into app_private.stripe_events (id, type, payload, received_at)
       values ('evt_doctor', 'ping', '{}', now() - interval '11 minutes')`,
    );
    cleanups.push(() => asRoot("delete from app_private.stripe_events"));
    expect(brokenIn(await examine(await goodEnv()))).toEqual(["Stripe events"]);
    await asRoot("update app_private.stripe_events set received_at = now()");
    expect(brokenIn(await examine(await goodEnv()))).toEqual([]);
  });

  test("a guest who is owed money is told, while the refund is on its way and when it failed", async () => {
    const market = await buildMarket(database);
    await asRoot("delete from graphile_worker._private_jobs");
    const findings = await examine(await goodEnv());
    expect(brokenIn(findings)).toEqual([]);
    expect(told(findings, "guests")).toContain("on their way");
    expect(report(findings)).not.toContain("No guest is owed");
    await asRoot(
      "set session_replication_role = replica",
      `update app_public.refunds r set status = 'failed' from app_public.payments p
       join app_public.bookings b on b.id = p.booking_id
       where p.id = r.payment_id and b.guest_id = '${market.a.guest}'`,
    );
    expect(brokenIn(await examine(await goodEnv()))).toEqual(["guests"]);
  });

  test("a calendar, a search or a ledger that does not tell the truth is told", async () => {
    await asRoot(
      "set session_replication_role = replica",
      "update app_hidden.listing_availability set taken = '{[2001-01-01,2001-01-02)}'",
      "delete from app_hidden.search_cells",
      "update app_public.ledger_entries set amount = amount + 1 where amount > 0",
    );
    expect(brokenIn(await examine(await goodEnv()))).toEqual([
      "calendar",
      "search",
      "ledger",
      "guests",
    ]);
  });
});

describe("npm run doctor", () => {
  async function run(env: Env): Promise<{ code: number | null; output: string }> {
    const child = spawn(process.execPath, [DOCTOR], {
      cwd: folder,
      env: { PATH: process.env.PATH ?? "", ...COMPILED, ...env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [output, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
    return { code: Number(code), output };
  }

  test("ends with 0 when nothing is broken, with 1 when something is, and says which", async () => {
    const env = { PORT: String(await freePort(undefined)), DATA_DIR: join(folder, "nothing") };
    expect(await run(env)).toMatchObject({ code: 0, output: expect.stringContaining("npm start") });
    const bad = { ...env, REDIS_URL: `redis://:${SECRET}@127.0.0.1:1` };
    const { code, output } = await run(bad);
    expect(code).toBe(1);
    expect(output).toMatch(/^BROKEN {2}Redis/m);
    expect(output).not.toContain(SECRET);
  });
});
