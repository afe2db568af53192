/**
 * The folder of the stand-ins: small JSON files that only its owner may read, a lock that one
 * process holds at a time, and ports that stay the same from start to start. What is in the files
 * is the business of those who write them.
 */

import {
  chownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { chmod, mkdir, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { codeOf, messageOf, ResourceError } from "../resources/resourceError.ts";
import { isRecord, numberIn, textIn } from "../values.ts";
import { isAlive, startOf } from "./processes.ts";

/** Makes the folder where it is missing. Others may pass through, but neither list nor read it. */
export async function prepareDataFolder(dir: string): Promise<void> {
  try {
    const made = await mkdir(dir, { recursive: true });
    if (made !== undefined) await chmod(dir, 0o711);
    if (!(await stat(dir)).isDirectory()) throw new Error("it is not a folder");
  } catch (error) {
    throw new ResourceError(
      "DATA_DIR_UNUSABLE",
      `The data folder ${dir} cannot be used: ${messageOf(error)}. Make it writable, or set ` +
        "DATA_DIR to another folder.",
      { cause: error },
    );
  }
}

/** The parsed content of a JSON file; `undefined` when it is missing or broken. */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (codeOf(error) === "EACCES") {
      throw new ResourceError(
        "DATA_DIR_UNUSABLE",
        `${path} belongs to another user. Start as that user, or set DATA_DIR to a folder of ` +
          "your own.",
        { cause: error },
      );
    }
    return undefined;
  }
}

/** Writes a JSON file whole or not at all, readable by its owner alone. */
export function writeJson(path: string, value: unknown): void {
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  // root in somebody's project must not leave files behind that their owner cannot read.
  const { uid, gid } = statSync(dirname(path));
  if (process.getuid?.() === 0 && uid !== 0) chownSync(draft, uid, gid);
  renameSync(draft, path);
}

/** Who holds the lock of a data folder. */
export interface Holder {
  readonly pid: number;
  readonly since: string;
}

const lockPath = (dir: string): string => join(dir, "lock.json");

/** The living process that holds the folder, if there is one. */
export function holderOf(dir: string): Holder | undefined {
  return livingHolder(readJson(lockPath(dir)));
}

function livingHolder(content: unknown): Holder | undefined {
  const pid = numberIn(content, "pid");
  if (pid === undefined || !isAlive(pid)) return undefined;
  const start = textIn(content, "start");
  // The number was given to another process since: the holder died without a word.
  if (start !== undefined && start !== startOf(pid)) return undefined;
  return { pid, since: textIn(content, "since") ?? "an unknown time" };
}

/**
 * Takes the folder for this process. A lock whose holder died (kill -9, a crash, a reboot) is taken
 * over.
 * @returns the function that gives it back
 * @throws {ResourceError} `DATA_DIR_BUSY` with the holder and what to do
 */
export function lockDataFolder(dir: string, explain: (holder: Holder) => string): () => void {
  const path = lockPath(dir);
  const draft = `${path}.${process.pid}.tmp`;
  const mine = { pid: process.pid, start: startOf(process.pid), since: new Date().toISOString() };
  mkdirSync(dir, { recursive: true });
  writeFileSync(draft, JSON.stringify(mine), { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      try {
        // Unlike a rename, a link fails when the name is taken: one of two rivals wins.
        linkSync(draft, path);
        return () => releaseLock(path, mine.since);
      } catch (error) {
        if (codeOf(error) !== "EEXIST") throw error;
      }
      const content = readJson(path);
      const holder = livingHolder(content);
      if (holder !== undefined) throw new ResourceError("DATA_DIR_BUSY", explain(holder));
      removeStale(path, content);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  throw new ResourceError("DATA_DIR_BUSY", `${path} changes all the time. Try again.`);
}

/** Removes the lock that was judged stale, but not one that a rival took in the meantime. */
function removeStale(path: string, judged: unknown): void {
  const aside = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, aside);
    if (JSON.stringify(readJson(aside)) !== JSON.stringify(judged)) linkSync(aside, path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT" && codeOf(error) !== "EEXIST") throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function releaseLock(path: string, since: string): void {
  const content = readJson(path);
  if (numberIn(content, "pid") !== process.pid || textIn(content, "since") !== since) return;
  rmSync(path, { force: true });
}

/** The ports that the stand-ins of a folder had last, so that they can have them again. */
export function rememberedPort(dir: string, name: string): number | undefined {
  return numberIn(readJson(join(dir, "ports.json")), name);
}

export function rememberPort(dir: string, name: string, port: number): void {
  const path = join(dir, "ports.json");
  const known = readJson(path);
  if (numberIn(known, name) === port) return;
  writeJson(path, { ...(isRecord(known) ? known : {}), [name]: port });
}

/** The wanted port of 127.0.0.1 if it is free, else any free one. */
export async function freePort(wanted: number | undefined): Promise<number> {
  if (wanted !== undefined && wanted > 0) {
    const port = await probe(wanted);
    if (port !== undefined) return port;
  }
  const port = await probe(0);
  if (port === undefined) {
    const message = "No port of 127.0.0.1 is free. Close some programs and try again.";
    throw new ResourceError("PORT_TAKEN", message);
  }
  return port;
}

function probe(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => {
      const address = server.address();
      const bound = typeof address === "object" ? address?.port : undefined;
      server.close(() => resolve(bound));
    });
  });
}
