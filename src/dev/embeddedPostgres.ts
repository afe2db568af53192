/**
 * Runs a real PostgreSQL 18 on 127.0.0.1 for those who have configured none: makes the cluster on
 * the first start, survives kill -9 of this process and of itself, and stops with us. Roles,
 * database and schema are made by the migrations; one process at a time per folder is the caller's
 * lock.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Logger } from "../resources/logger.ts";
import { messageOf, ResourceError } from "../resources/resourceError.ts";
import { textIn } from "../values.ts";
import {
  freePort,
  prepareDataFolder,
  readJson,
  rememberedPort,
  rememberPort,
  writeJson,
} from "./dataFolder.ts";
import {
  type Binaries,
  explainSpawnError,
  locateBinaries,
  OUTSIDE_FOLDERS,
  type SystemUser,
} from "./postgresBinaries.ts";
import { choosePlace, isCluster, type Place } from "./postgresPlace.ts";
import { neutraliseStalePid, readPostmaster, send, stopPostmaster } from "./postmaster.ts";
import { isAlive, waitUntil } from "./processes.ts";

export interface EmbeddedPostgresOptions {
  /** The data folder (DATA_DIR); the cluster lies in it, or where a note in it says. */
  readonly dir: string;
  /** For tests: nothing is kept, nothing is synced to disk, and `stop` removes the cluster. */
  readonly ephemeral?: boolean;
  /** The role in `url`. */
  readonly authenticator?: string;
  /** The database in both URLs. */
  readonly database?: string;
  readonly logger?: Logger;
  /** Where the cluster may lie when root's project is closed to other users. */
  readonly outside?: readonly string[];
}

export interface EmbeddedPostgres {
  readonly host: "127.0.0.1";
  readonly port: number;
  /** As the authenticator, in a database that the migrations make. */
  readonly url: string;
  /** As the superuser `postgres`, in the same database. */
  readonly rootUrl: string;
  /** The server process. */
  readonly pid: number;
  /** The cluster's folder. */
  readonly data: string;
  /** Resolves when the server ends, whoever ended it. */
  readonly ended: Promise<void>;
  /** Ends the server within about ten seconds; committed work stays. Safe to call twice. */
  stop(): Promise<void>;
}

const MAJOR = "18";
const START_MS = 60_000;
const STOP_MS = 8000;

/**
 * Starts the cluster of a folder and waits until it takes connections.
 * @throws {ResourceError} with what to do; codes start with `POSTGRES_` or `DATA_DIR_`
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const outside = options.outside ?? OUTSIDE_FOLDERS;
  await prepareDataFolder(options.dir);
  const place = choosePlace(options.dir, outside);
  const binaries = locateBinaries(place.user, outside);
  await stopOrphan(place.data, options.logger);
  if (options.ephemeral === true) rmSync(place.data, { recursive: true, force: true });
  const passwords = passwordsOf(options.dir, place.data);
  removeDrafts(place);
  if (!isCluster(place.data)) await createCluster(binaries, place, passwords.root);
  assertMajor(place.data);
  neutraliseStalePid(place.data);
  const { child, port } = await launch(binaries, place, options);
  rememberPort(options.dir, "postgres", port);
  return handle(child, port, place, passwords, options);
}

interface Passwords {
  readonly root: string;
  readonly authenticator: string;
}

/** The passwords of the cluster; made with it, and readable by the folder's owner alone. */
function passwordsOf(dir: string, data: string): Passwords {
  const path = join(dir, "postgres-passwords.json");
  const known = readJson(path);
  const [root, authenticator] = [textIn(known, "root"), textIn(known, "authenticator")];
  if (root !== undefined && authenticator !== undefined) return { root, authenticator };
  if (isCluster(data)) {
    throw new ResourceError(
      "POSTGRES_PASSWORDS_LOST",
      `${path} is missing, and without it nobody can enter the database in ${data}. Put the file ` +
        `back, or start anew with an empty database: rm -rf ${data}`,
    );
  }
  const password = (): string => randomBytes(24).toString("base64url");
  const made = { root: password(), authenticator: password() };
  writeJson(path, made);
  return made;
}

/** Ends a server of this cluster whose parent was killed before it could do so itself. */
async function stopOrphan(data: string, logger: Logger | undefined): Promise<void> {
  const orphan = readPostmaster(data);
  if (orphan === undefined) return;
  logger?.warn({ pid: orphan.pid }, "ending a database server that outlived an earlier start");
  await stopPostmaster(orphan.pid, STOP_MS);
}

function removeDrafts(place: Place): void {
  for (const name of readdirSync(place.parent).filter((entry) => entry.startsWith("draft-"))) {
    rmSync(join(place.parent, name), { recursive: true, force: true });
  }
}

/**
 * Makes a cluster under another name and renames it when it is whole, so that being killed half-way
 * leaves no half cluster behind.
 */
async function createCluster(binaries: Binaries, place: Place, password: string): Promise<void> {
  // pg_trgm still asks the C library what a letter is, and "C" knows none beyond ASCII.
  for (const ctype of ["C.UTF-8", "en_US.UTF-8", "C"]) {
    const created = await initialise(binaries, place, password, ctype).catch((error: unknown) => {
      if (ctype === "C" || !/invalid locale name/.test(messageOf(error))) throw error;
      return false;
    });
    if (created) return;
  }
}

async function initialise(
  binaries: Binaries,
  place: Place,
  password: string,
  ctype: string,
): Promise<true> {
  const draft = join(place.parent, `draft-${randomBytes(4).toString("hex")}`);
  const passwordFile = `${draft}-password`;
  mkdirSync(draft, { mode: 0o700 });
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (place.user !== undefined) {
    chownSync(draft, place.user.uid, place.user.gid);
    chownSync(passwordFile, place.user.uid, place.user.gid);
  }
  const args = [
    `--pgdata=${draft}`,
    "--username=postgres",
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    // The provider inside PostgreSQL sorts the same on every machine, whatever its C library.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    `--lc-ctype=${ctype}`,
    "--no-instructions",
    // Nothing is in it yet that could be lost; the first checkpoint syncs it.
    "--no-sync",
  ];
  try {
    await run(binaries.initdb, args, place.user);
    rmSync(place.data, { recursive: true, force: true });
    renameSync(draft, place.data);
    return true;
  } finally {
    rmSync(passwordFile, { force: true });
    rmSync(draft, { recursive: true, force: true });
  }
}

function run(program: string, args: string[], user: SystemUser | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...user,
      cwd: "/",
      env: environment(),
      stdio: ["ignore", "ignore", "pipe"],
    });
    let complaint = "";
    child.stderr.on("data", (chunk: Buffer) => {
      complaint = `${complaint}${chunk.toString()}`.slice(-2000);
    });
    child.once("error", (error) => reject(explainSpawnError(error)));
    child.once("close", (code) => {
      const reason = complaint.trim() || `it ended with code ${code}`;
      if (code === 0) resolve();
      else if (code === 127) reject(explainSpawnError(new Error(reason)));
      else reject(new ResourceError("POSTGRES_NOT_CREATED", `No database was made: ${reason}`));
    });
  });
}

/** Nothing of our own environment: PGDATA, PGPORT and the like would change what is started. */
function environment(): Record<string, string> {
  return { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };
}

function assertMajor(data: string): void {
  const major = readFileSync(join(data, "PG_VERSION"), "utf8").trim();
  if (major === MAJOR) return;
  throw new ResourceError(
    "POSTGRES_OTHER_MAJOR",
    `The database in ${data} was made by PostgreSQL ${major}, but this is ${MAJOR}. Move it away ` +
      "for an empty one, or set DATABASE_URL to a server of its version.",
  );
}

/** Starts the server; when somebody takes the port in between, on another one. */
async function launch(
  binaries: Binaries,
  place: Place,
  options: EmbeddedPostgresOptions,
): Promise<{ child: ChildProcess; port: number }> {
  const log = join(options.dir, "postgres.log");
  let wanted = rememberedPort(options.dir, "postgres");
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort(wanted);
    if (isLarge(log)) rmSync(log);
    const before = existsSync(log) ? statSync(log).size : 0;
    const child = spawnServer(binaries, place, port, log, options.ephemeral === true);
    const outcome = await readiness(child, place.data);
    if (outcome === "ready") return { child, port };
    const complaint = lastLines(log, before);
    const repeat = /Address already in use|could not bind|pre-existing shared memory/;
    if (attempt < 5 && repeat.test(complaint)) {
      // Children of a server that was killed need a moment to notice; a port is just chosen anew.
      if (/pre-existing/.test(complaint)) await waitUntil(1000, () => false);
      else wanted = undefined;
      continue;
    }
    throw outcome instanceof Error ? explainSpawnError(outcome) : notStarted(log, complaint);
  }
}

function notStarted(log: string, complaint: string): ResourceError {
  return new ResourceError(
    "POSTGRES_NOT_STARTED",
    `The embedded PostgreSQL did not start. The end of ${log} says:\n${complaint}`,
  );
}

function spawnServer(
  binaries: Binaries,
  place: Place,
  port: number,
  log: string,
  ephemeral: boolean,
): ChildProcess {
  const output = openSync(log, "a", 0o600);
  try {
    const settings = Object.entries(settingsFor(port, ephemeral));
    const args = ["-D", place.data, ...settings.flatMap(([name, value]) => ["-c", name + value])];
    return spawn(binaries.postgres, args, {
      ...place.user,
      cwd: "/",
      env: environment(),
      stdio: ["ignore", output, output],
      // A group of its own: Ctrl-C in a terminal goes to the whole group, and the database must not
      // leave before the requests that still run on it.
      detached: true,
    });
  } finally {
    closeSync(output);
  }
}

function settingsFor(port: number, ephemeral: boolean): Record<string, string> {
  const settings = {
    listen_addresses: "=127.0.0.1",
    port: `=${port}`,
    unix_socket_directories: "=",
    max_connections: "=200",
    shared_buffers: "=256MB",
    max_wal_size: "=2GB",
    wal_compression: "=on",
    random_page_cost: "=1.1",
    // Compiling a plan costs more than our short queries take.
    jit: "=off",
    timezone: "=UTC",
    log_timezone: "=UTC",
    log_min_messages: "=warning",
    // What a client did wrong is told to the client; the log is for the server's own troubles.
    log_min_error_statement: "=fatal",
  };
  if (!ephemeral) return settings;
  const careless = {
    fsync: "=off",
    synchronous_commit: "=off",
    full_page_writes: "=off",
    wal_level: "=minimal",
    max_wal_senders: "=0",
    shared_buffers: "=128MB",
  };
  return { ...settings, ...careless };
}

/** Follows the status line of postmaster.pid, as pg_ctl does. */
async function readiness(child: ChildProcess, data: string): Promise<"ready" | "ended" | Error> {
  let failure: Error | undefined;
  let ended = false;
  child.once("error", (error) => {
    failure = error;
  });
  child.once("exit", () => {
    ended = true;
  });
  const ready = (): boolean => {
    const running = readPostmaster(data);
    return running?.pid === child.pid && running?.status === "ready";
  };
  await waitUntil(START_MS, () => failure !== undefined || ended || ready());
  if (failure !== undefined) return failure;
  if (ended) return "ended";
  if (ready()) return "ready";
  if (child.pid !== undefined) await stopPostmaster(child.pid, 1000);
  return "ended";
}

function handle(
  child: ChildProcess,
  port: number,
  place: Place,
  passwords: Passwords,
  options: EmbeddedPostgresOptions,
): EmbeddedPostgres {
  const pid = child.pid ?? 0;
  const database = options.database ?? "staybase";
  const url = (user: string, password: string): string =>
    `postgres://${user}:${password}@127.0.0.1:${port}/${database}`;
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    if (!isAlive(pid)) resolve();
  });
  // process.exit() somewhere must not leave a server behind; there is no waiting in this handler.
  const lastWord = (): void => send(pid, options.ephemeral === true ? "SIGQUIT" : "SIGINT");
  process.once("exit", lastWord);
  void ended.then(() => process.off("exit", lastWord));
  // The server alone does not keep this process alive.
  child.unref();
  return {
    host: "127.0.0.1",
    port,
    url: url(options.authenticator ?? "staybase_authenticator", passwords.authenticator),
    rootUrl: url("postgres", passwords.root),
    pid,
    data: place.data,
    ended,
    stop: async () => {
      if (options.ephemeral === true) send(pid, "SIGQUIT");
      if (isAlive(pid)) await stopPostmaster(pid, STOP_MS);
      if (options.ephemeral === true) removePlace(place);
    },
  };
}

/** Removes a cluster, and the folder beside the project where it had to lie in one. */
function removePlace(place: Place): void {
  const whole = place.beside ? place.parent : place.data;
  rmSync(whole, { recursive: true, force: true });
}

function isLarge(path: string): boolean {
  return existsSync(path) && statSync(path).size > 5_000_000;
}

function lastLines(path: string, from: number): string {
  const bytes = existsSync(path) ? readFileSync(path).subarray(from) : Buffer.alloc(0);
  return bytes.toString().trimEnd().split("\n").slice(-8).join("\n");
}
