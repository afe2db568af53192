/**
 * Claims about the embedded PostgreSQL: it starts as root and in closed folders, keeps what was
 * committed over any death, and never runs twice in one folder.
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { loadConfig } from "../../src/config/index.ts";
import { lockDataFolder } from "../../src/dev/dataFolder.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/dev/embeddedPostgres.ts";
import { isAlive, waitUntil } from "../../src/dev/processes.ts";
import { findStandIns, startStandIns } from "../../src/dev/standIns.ts";
import { createLogger } from "../../src/resources/logger.ts";
import { codeOf, ResourceError } from "../../src/resources/resourceError.ts";

const isRoot = process.getuid?.() === 0;
const logger = createLogger({ level: "silent" });
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A folder that everybody may enter, with one inside for what must lie outside the project. */
function folders(): { root: string; dir: string; outside: string[] } {
  const root = mkdtempSync(join(tmpdir(), "staybase-embedded-"));
  chmodSync(root, 0o755);
  cleanups.push(() => rmSync(root, { recursive: true, force: true }));
  return { root, dir: join(root, "project", ".staybase"), outside: [join(root, "outside")] };
}

async function start(
  where: { dir: string; outside: string[] },
  ephemeral = false,
): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ ...where, ephemeral });
  cleanups.push(() => server.stop());
  return server;
}

async function query(server: { rootUrl: string }, sql: string): Promise<unknown[]> {
  const url = new URL(server.rootUrl);
  url.pathname = "/postgres";
  const client = new pg.Client(url.href);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

const code = (promise: Promise<unknown>): Promise<string | undefined> =>
  promise.then(() => undefined, codeOf);

/** Another process that starts something of ours, says `ready` and waits to be killed. */
async function startElsewhere(source: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", source], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH: process.env.PATH, NODE_NO_WARNINGS: "1" },
  });
  cleanups.push(() => child.kill("SIGKILL"));
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  if (await waitUntil(20_000, () => output.includes("ready") || child.exitCode !== null)) {
    if (output.includes("ready")) return child;
  }
  throw new Error(`The other process did not start: ${output}`);
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await waitUntil(5000, () => child.signalCode !== null);
}

function embeddedElsewhere(where: { dir: string; outside: string[] }): string {
  const module = new URL("../../src/dev/embeddedPostgres.ts", import.meta.url).href;
  return `import { startEmbeddedPostgres } from ${JSON.stringify(module)};
    await startEmbeddedPostgres(${JSON.stringify(where)});
    setInterval(() => {}, 1000); console.log('ready');`;
}

const pidIn = (data: string): number =>
  Number(readFileSync(join(data, "postmaster.pid"), "utf8").split("\n")[0]);

describe("the embedded PostgreSQL", () => {
  test("starts from nothing and knows letters beyond ASCII", async () => {
    const server = await start(folders());
    const [row] = await query(
      server,
      `select current_setting('server_version_num')::int >= 180000 as recent,
        current_setting('fsync') as fsync, current_setting('TimeZone') as zone,
        current_setting('listen_addresses') as listens, lower('ÉTÉ') as lower`,
    );
    const letters = { lower: "été" };
    const expected = { recent: true, fsync: "on", zone: "UTC", listens: "127.0.0.1", ...letters };
    expect(row).toEqual(expected);
  });

  test("asks for its password, which only the owner of the folder can read", async () => {
    const where = folders();
    const server = await start(where);
    const wrong = server.rootUrl.replace(/:[^:@/]+@/, ":wrong@");
    expect(await code(query({ rootUrl: wrong }, "select 1"))).toBe("28P01");
    expect(statSync(join(where.dir, "postgres-passwords.json")).mode & 0o777).toBe(0o600);
  });

  test("keeps data and port from start to start", async () => {
    const where = folders();
    const first = await start(where);
    await query(first, "create table kept (id int)");
    await first.stop();
    expect(isAlive(first.pid)).toBe(false);
    const second = await start(where);
    expect(second.port).toBe(first.port);
    expect(await query(second, "select count(*)::int from kept")).toEqual([{ count: 0 }]);
  });

  test("ends a server that outlived kill -9 of its parent and starts anew", async () => {
    const where = folders();
    await kill(await startElsewhere(embeddedElsewhere(where)));
    const orphan = pidIn(join(where.dir, "postgres"));
    expect(isAlive(orphan)).toBe(true);
    const server = await start(where);
    expect(isAlive(orphan)).toBe(false);
    expect(await query(server, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test("keeps what was committed when parent and server die at once", async () => {
    const where = folders();
    const child = await startElsewhere(embeddedElsewhere(where));
    const pid = pidIn(join(where.dir, "postgres"));
    const path = join(where.dir, "postgres-passwords.json");
    const { root } = JSON.parse(readFileSync(path, "utf8")) as { root: string };
    const port = readFileSync(join(where.dir, "postgres", "postmaster.pid"), "utf8").split("\n")[3];
    const rootUrl = `postgres://postgres:${root}@127.0.0.1:${port}/staybase`;
    await query({ rootUrl }, "create table kept as select 7 as id");
    process.kill(pid, "SIGKILL");
    await kill(child);
    const server = await start(where);
    expect(await query(server, "select id from kept")).toEqual([{ id: 7 }]);
  });

  test("is not stopped by a stale pid file whose number another process has now", async () => {
    const where = folders();
    const first = await start(where);
    const file = join(first.data, "postmaster.pid");
    const lines = readFileSync(file, "utf8").split("\n");
    await first.stop();
    // Of the server's own user: PostgreSQL takes a process of another user for a stale one.
    const { uid, gid } = statSync(first.data);
    const user = isRoot ? { uid, gid } : {};
    const bystander = spawn("sleep", ["60"], { ...user, cwd: "/", stdio: "ignore" });
    cleanups.push(() => bystander.kill("SIGKILL"));
    writeFileSync(file, [bystander.pid, ...lines.slice(1)].join("\n"));
    const second = await start(where);
    expect(await query(second, "select 1 as one")).toEqual([{ one: 1 }]);
    expect(bystander.exitCode).toBeNull();
  });

  test("leaves nothing of an ephemeral cluster", async () => {
    const where = folders();
    const server = await start(where, true);
    expect(await query(server, "show fsync")).toEqual([{ fsync: "off" }]);
    await server.stop();
    expect(isAlive(server.pid)).toBe(false);
    expect(existsSync(server.data)).toBe(false);
  });

  test("says so when the passwords of a cluster are lost", async () => {
    const where = folders();
    const server = await start(where);
    await server.stop();
    rmSync(join(where.dir, "postgres-passwords.json"));
    expect(await code(start(where))).toBe("POSTGRES_PASSWORDS_LOST");
  });
});

(isRoot ? describe : describe.skip)("as root in a folder that only root may enter", () => {
  test("puts the data beside the project, finds it again, and ends orphans there", async () => {
    const where = folders();
    const project = join(where.dir, "..");
    mkdirSync(project, { mode: 0o700 });
    const first = await start(where);
    expect(first.data.startsWith(join(where.outside[0] ?? "", "data-"))).toBe(true);
    await query(first, "create table kept (id int)");
    await first.stop();
    await kill(await startElsewhere(embeddedElsewhere(where)));
    const second = await start(where);
    expect(second.data).toBe(first.data);
    expect(await query(second, "select count(*)::int from kept")).toEqual([{ count: 0 }]);
  });

  test("takes the data along when the project is closed later", async () => {
    const where = folders();
    const first = await start(where);
    await query(first, "create table kept (id int)");
    await first.stop();
    chmodSync(join(where.dir, ".."), 0o700);
    const second = await start(where);
    expect(second.data).not.toBe(first.data);
    expect(existsSync(first.data)).toBe(false);
    expect(await query(second, "select count(*)::int from kept")).toEqual([{ count: 0 }]);
  });

  test("starts empty when the project was removed and made again", async () => {
    const where = folders();
    const project = join(where.dir, "..");
    mkdirSync(project, { mode: 0o700 });
    const first = await start(where);
    await query(first, "create table gone (id int)");
    await first.stop();
    rmSync(where.dir, { recursive: true });
    const second = await start(where);
    expect(await query(second, "select to_regclass('gone') as gone")).toEqual([{ gone: null }]);
  });

  test("leaves nothing of an ephemeral cluster there either", async () => {
    const where = folders();
    mkdirSync(join(where.dir, ".."), { mode: 0o700 });
    const server = await start(where, true);
    expect(server.data.startsWith(where.outside[0] ?? "")).toBe(true);
    await server.stop();
    expect(readdirSync(where.outside[0] ?? "")).toEqual([]);
  });

  test("says what to do when there is no place that another user can enter", async () => {
    const where = folders();
    mkdirSync(join(where.dir, ".."), { mode: 0o700 });
    expect(await code(start({ ...where, outside: [] }))).toBe("POSTGRES_NO_PLACE");
  });
});

describe("the stand-ins of a folder", () => {
  function standInsElsewhere(dir: string): string {
    const at = (path: string): string =>
      JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
    return `import { loadConfig } from ${at("config/index.ts")};
      import { createLogger } from ${at("resources/logger.ts")};
      import { startStandIns } from ${at("dev/standIns.ts")};
      const config = loadConfig({ DATA_DIR: ${JSON.stringify(dir)}, PORT: '4999' });
      await startStandIns(config, createLogger({ level: 'silent' }));
      setInterval(() => {}, 1000); console.log('ready');`;
  }

  test("complete the configuration, are found by others, and run once in a folder", async () => {
    const { dir } = folders();
    const config = loadConfig({ DATA_DIR: dir });
    const notRunning = Promise.resolve().then(() => findStandIns(config));
    expect(await code(notRunning)).toBe("STAND_INS_NOT_RUNNING");
    const child = await startElsewhere(standInsElsewhere(dir));
    const found = findStandIns(config);
    expect(found.database.url).toMatch(/^postgres:\/\/staybase_authenticator:/);
    expect(found.stripe.apiUrl).toMatch(/^http:\/\/127\.0\.0\.1:/);
    expect(statSync(join(dir, "run.json")).mode & 0o777).toBe(0o600);

    const second = await startStandIns(config, logger).catch((error: unknown) => error);
    expect(codeOf(second)).toBe("DATA_DIR_BUSY");
    expect(String(second)).toContain(`process ${child.pid}`);
    expect(String(second)).toContain("http://localhost:4999");

    await kill(child);
    expect(await code(Promise.resolve().then(() => findStandIns(config)))).toBe(
      "STAND_INS_NOT_RUNNING",
    );
    const third = await startStandIns(config, logger);
    cleanups.push(() => third.close());
    expect(third.config.database.url).toBe(found.database.url);
    expect(third.config.stripe.apiUrl).toBe(found.stripe.apiUrl);
    await third.close();
    expect(existsSync(join(dir, "run.json"))).toBe(false);
    expect(existsSync(join(dir, "lock.json"))).toBe(false);
  });

  test("are started for those services alone that are not configured", async () => {
    const { dir } = folders();
    const config = loadConfig({ DATA_DIR: dir, SMTP_URL: "smtp://127.0.0.1:25" });
    const standIns = await startStandIns(config, logger, { only: ["stripe", "mail"] });
    cleanups.push(() => standIns.close());
    expect(standIns.started).toEqual(["stripe"]);
    expect(standIns.config.mail.smtpUrl).toBe("smtp://127.0.0.1:25");
    expect(standIns.config.database.url).toBeUndefined();
  });

  const unwritable = process.platform === "linux" ? ["/proc/self", "/proc/x", "/proc/x/y"] : [];
  test.each(unwritable)("say at once that nothing can be made in %s", async (dir) => {
    const config = loadConfig({ NODE_ENV: "test", DATA_DIR: dir });
    await expect(startStandIns(config, logger)).rejects.toMatchObject({
      code: "DATA_DIR_UNUSABLE",
    });
    const mailbox = loadConfig({ NODE_ENV: "test", DATA_DIR: folders().root, MAILBOX_DIR: dir });
    await expect(startStandIns(mailbox, logger, { only: ["mail"] })).rejects.toMatchObject({
      code: "MAILBOX_DIR_UNUSABLE",
    });
  });

  test.each(["run.json", "ports.json", "stripe-simulator.json", "mail/x"])(
    "say in a sentence that %s is in the way",
    async (name) => {
      const { root } = folders();
      // A folder where a file belongs, or a file where a folder does.
      const path = join(root, "data", name);
      mkdirSync(join(root, "data"));
      if (name.endsWith("/x")) writeFileSync(dirname(path), "");
      else mkdirSync(path);
      const config = loadConfig({ NODE_ENV: "test", DATA_DIR: join(root, "data") });
      const failure = await startStandIns(config, logger).then(
        ({ close }) => close().then(() => "started"),
        (error: unknown) => error,
      );
      expect(failure).toBeInstanceOf(ResourceError);
      expect(String(failure)).toContain(join(root, "data"));
    },
  );

  test("take over the lock of a process that died, and of a number given out again", () => {
    const { root } = folders();
    const dir = join(root, "locked");
    const unlock = lockDataFolder(dir, () => "busy");
    expect(() => lockDataFolder(dir, () => "busy")).toThrow("busy");
    unlock();
    for (const stale of [{ pid: 999_999_999 }, { pid: process.pid, start: "another time" }]) {
      writeFileSync(join(dir, "lock.json"), JSON.stringify(stale));
      lockDataFolder(dir, () => "busy")();
      expect(existsSync(join(dir, "lock.json"))).toBe(false);
    }
  });
});
