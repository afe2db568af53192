/**
 * Decides as which user the embedded PostgreSQL runs and where its data lies. PostgreSQL refuses to
 * be root, and another user cannot enter a project under a folder that only root may enter; then
 * the data lies beside the project and a note in the data folder says where.
 */
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { codeOf, ResourceError } from "../resources/resourceError.ts";
import { textIn } from "../values.ts";
import { readJson, writeJson } from "./dataFolder.ts";
import { mayEnter, prepareOutside, type SystemUser } from "./postgresBinaries.ts";
import { readPostmaster, send } from "./postmaster.ts";
import { isAlive } from "./processes.ts";

export interface Place {
  /** The cluster's folder; it may not exist yet. */
  readonly data: string;
  /** A folder in which `user` may make files, on the same file system as `data`. */
  readonly parent: string;
  /** Whether `parent` is a folder beside the project, made for this cluster alone. */
  readonly beside: boolean;
  /** `undefined`: as ourselves. */
  readonly user: SystemUser | undefined;
}

const placeFile = (dir: string): string => join(dir, "postgres-place.json");
const ownerFile = (folder: string): string => join(folder, "belongs-to");

/** Whether a folder holds a whole cluster. */
export function isCluster(data: string): boolean {
  return existsSync(join(data, "PG_VERSION"));
}

/**
 * The place for the cluster of the data folder `dir`, which must exist.
 * @throws {ResourceError} `POSTGRES_NO_USER`, `POSTGRES_OWNED_BY_OTHER` or `POSTGRES_NO_PLACE`
 */
export function choosePlace(dir: string, outside: readonly string[]): Place {
  const own = realpathSync(dir);
  const inside = join(own, "postgres");
  if (process.getuid?.() !== 0) {
    assertOwn(inside);
    return { data: inside, parent: own, beside: false, user: undefined };
  }
  sweep(outside);
  const noted = notedPlace(own);
  if (noted !== undefined) {
    return { data: noted, parent: join(noted, ".."), beside: true, user: userOf(noted) };
  }
  const user = userOf(inside);
  if (mayEnter(own, user)) return { data: inside, parent: own, beside: false, user };
  const parent = makeOutside(own, user, outside);
  const data = join(parent, "postgres");
  // The cluster was made before the project's folder was closed.
  if (isCluster(inside)) move(inside, data, user);
  const why = `${own} may be entered by root alone, and PostgreSQL does not run as root.`;
  writeJson(placeFile(own), { data, why });
  return { data, parent, beside: true, user };
}

/** Where an earlier start put the cluster, if that is still there and still ours. */
function notedPlace(own: string): string | undefined {
  const data = textIn(readJson(placeFile(own)), "data");
  if (data === undefined || !isCluster(data)) return undefined;
  const marker = ownerFile(join(data, ".."));
  const owner = readText(marker);
  if (owner === own) return data;
  // The note was copied with the project: the cluster stays with the original while there is one.
  if (owner === undefined || existsSync(owner)) return undefined;
  writeFileSync(marker, own);
  return data;
}

/** A folder beside the project for the cluster; what an earlier project left there is removed. */
function makeOutside(own: string, user: SystemUser, outside: readonly string[]): string {
  const name = `data-${createHash("sha256").update(own).digest("hex").slice(0, 16)}`;
  for (const folder of outside) {
    if (!prepareOutside(folder) || !mayEnter(folder, user)) continue;
    const parent = join(folder, name);
    // A project that was deleted and made again at the same path has no note of it any more.
    stopLeftover(join(parent, "postgres"));
    rmSync(parent, { recursive: true, force: true });
    mkdirSync(parent);
    chmodSync(parent, 0o711);
    writeFileSync(ownerFile(parent), own, { mode: 0o600 });
    return parent;
  }
  throw new ResourceError(
    "POSTGRES_NO_PLACE",
    `PostgreSQL may not run as root, and no other user can enter ${own}. Set DATA_DIR to a ` +
      `folder that others may enter, or make one of these writable: ${outside.join(", ")}. ` +
      "Or start as an ordinary user.",
  );
}

/**
 * Removes clusters whose project was in a temporary folder and is gone. Others are kept: their
 * project may be on a disk that is not there today.
 */
function sweep(outside: readonly string[]): void {
  const temporary = ["/tmp", "/var/tmp", tmpdir()].map((folder) => `${folder}${sep}`);
  for (const folder of outside.filter((candidate) => existsSync(candidate))) {
    for (const name of readdirSync(folder).filter((entry) => entry.startsWith("data-"))) {
      const owner = readText(ownerFile(join(folder, name)));
      if (owner === undefined || existsSync(owner)) continue;
      if (!temporary.some((prefix) => owner.startsWith(prefix))) continue;
      stopLeftover(join(folder, name, "postgres"));
      rmSync(join(folder, name), { recursive: true, force: true });
    }
  }
}

/** Ends the server of a cluster that is about to be removed: nothing of it is needed any more. */
function stopLeftover(data: string): void {
  const running = readPostmaster(data);
  if (running === undefined) return;
  send(running.pid, "SIGQUIT");
  const pause = new Int32Array(new SharedArrayBuffer(4));
  // It writes to the files until it is gone.
  for (let turn = 0; turn < 250 && isAlive(running.pid); turn += 1) Atomics.wait(pause, 0, 0, 20);
}

/** The user that owns the cluster already, else the system user that is best for it. */
function userOf(data: string): SystemUser {
  if (existsSync(data)) {
    const { uid, gid } = statSync(data);
    if (uid !== 0) return { uid, gid };
  }
  const lines = (readText("/etc/passwd") ?? "").split("\n").map((line) => line.split(":"));
  for (const name of ["postgres", "_postgres", "nobody", "daemon"]) {
    const line = lines.find((fields) => fields[0] === name);
    const [uid, gid] = [Number(line?.[2]), Number(line?.[3])];
    if (uid > 0 && gid > 0) return { uid, gid };
  }
  throw new ResourceError(
    "POSTGRES_NO_USER",
    "PostgreSQL may not run as root, and this system has neither a user postgres nor nobody. " +
      "Start as an ordinary user, or make one: useradd --system postgres",
  );
}

function assertOwn(data: string): void {
  if (!existsSync(data) || process.platform === "win32") return;
  const { uid } = statSync(data);
  if (uid === process.getuid?.()) return;
  throw new ResourceError(
    "POSTGRES_OWNED_BY_OTHER",
    `The database in ${data} was made by another user (number ${uid}), probably by root. ` +
      "Start as that user again, or set DATA_DIR to another folder, or remove this one.",
  );
}

function move(from: string, to: string, user: SystemUser): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (codeOf(error) !== "EXDEV") throw error;
    cpSync(from, to, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
    giveTo(to, user);
    rmSync(from, { recursive: true, force: true });
  }
}

function giveTo(folder: string, user: SystemUser): void {
  chownSync(folder, user.uid, user.gid);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) giveTo(path, user);
    else lchownSync(path, user.uid, user.gid);
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
