/**
 * Looks at the machine: Node, the data folder, and who has the port. It starts nothing, and the
 * port that it tries it lets go at once.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:http";
import { basename, dirname } from "node:path";
import type { Config } from "../../config/index.ts";
import { type Holder, tryFolder } from "../../dev/dataFolder.ts";
import { commandOf } from "../../dev/processes.ts";
import { runningAt } from "../../dev/standIns.ts";
import { listen } from "../../resources/listen.ts";
import { codeOf, messageOf } from "../../resources/resourceError.ts";
import { broken, type Finding, fine, note } from "./finding.ts";

/** The oldest Node that runs the product as it is written. */
const LEAST_NODE = 24;
const ASK_MS = 3000;

/** Only the version can be wrong: npm scripts run the Node of package.json. */
export function checkNode(version: string = process.versions.node): Finding {
  if (Number(version.split(".")[0]) >= LEAST_NODE) return fine("Node", version);
  return broken(
    "Node",
    `This is Node ${version}, but ${LEAST_NODE} or newer is needed.`,
    "Run things through npm (npm start, npm run ...): it takes the Node that npm ci installed.",
  );
}

/** Whether the folder of the stand-ins can be written, or made. */
export function checkDataFolder({ dataDir }: Config): Finding {
  const subject = "data folder";
  try {
    if (!existsSync(dataDir)) {
      let parent = dirname(dataDir);
      while (!existsSync(parent)) parent = dirname(parent);
      tryFolder(parent);
      return fine(subject, `${dataDir} is not there yet and can be made.`);
    }
    tryFolder(dataDir);
    return fine(subject, `${dataDir} can be written.`);
  } catch (error) {
    return broken(
      subject,
      `${dataDir} cannot be written: ${messageOf(error)}.`,
      "Make it writable, or set DATA_DIR to another folder.",
    );
  }
}

/** Whether the server can have its port, or has it. `holder` is the `npm start` of the folder. */
export async function checkPort(given: Config, holder: Holder | undefined): Promise<Finding> {
  const subject = "port";
  // A start with another PORT than ours is the one to look at.
  const config = { ...given, http: { ...given.http, ...runningAt(given.dataDir) } };
  const { port } = config.http;
  try {
    const listening = await listen(() => createServer(), config.http);
    await listening.close(0);
  } catch (error) {
    if (codeOf(error) === "PORT_TAKEN") return checkTakenPort(config, holder);
    return broken(subject, messageOf(error));
  }
  if (holder === undefined) return fine(subject, `Port ${port} is free.`);
  return note(
    subject,
    `npm start runs (process ${holder.pid}), but nothing listens at port ${port}.`,
    "It may be just starting.",
  );
}

async function checkTakenPort(config: Config, holder: Holder | undefined): Promise<Finding> {
  const subject = "port";
  const { port } = config.http;
  const owner = portOwner(port);
  const who = owner === undefined ? "another process" : `process ${owner.pid} (${owner.name})`;
  const another = `PORT=${port < 65_535 ? port + 1 : 4000} npm start`;
  const readiness = await askStaybase(config);
  if (readiness === undefined) {
    const remedy = `Stop that one, or choose another port, for example: ${another}`;
    return broken(subject, `Port ${port} is taken by ${who}, which is not Staybase.`, remedy);
  }
  const isOther = holder === undefined || (owner !== undefined && owner.pid !== holder.pid);
  if (isOther && config.database.url === undefined) {
    const remedy = `Use that one, stop it, or start a second: ${another}`;
    return broken(
      subject,
      `Port ${port} is taken by the Staybase of another folder: ${who}.`,
      remedy,
    );
  }
  if (!readiness.ready) {
    const remedy = "Look at its log, and at what is broken below.";
    return broken(subject, `Staybase (${who}) answers at port ${port}, but is not ready.`, remedy);
  }
  return fine(subject, `Staybase answers at ${config.http.publicUrl} (${who}).`);
}

/** What /healthz and /readyz say; `undefined` when whoever listens is not Staybase. */
async function askStaybase(config: Config): Promise<{ ready: boolean } | undefined> {
  const [first = "127.0.0.1"] = config.http.hosts;
  const host = first === "0.0.0.0" ? "127.0.0.1" : first === "::" ? "::1" : first;
  const origin = `http://${host.includes(":") ? `[${host}]` : host}:${config.http.port}`;
  const ask = (path: string): Promise<Response> =>
    fetch(`${origin}${path}`, { signal: AbortSignal.timeout(ASK_MS) });
  try {
    const health: unknown = await (await ask("/healthz")).json();
    const isOurs = typeof health === "object" && health !== null && "status" in health;
    if (!isOurs || health.status !== "ok") return undefined;
    return { ready: (await ask("/readyz")).ok };
  } catch {
    return undefined;
  }
}

interface PortOwner {
  readonly pid: number;
  /** The program's name, without its arguments: they may hold secrets. */
  readonly name: string;
}

/** Who listens at a port of this machine; known on Linux alone, and for processes we may see. */
function portOwner(port: number): PortOwner | undefined {
  try {
    const inodes = listeningInodes(port);
    for (const entry of readdirSync("/proc")) {
      if (!/^\d+$/.test(entry) || !holdsSocket(entry, inodes)) continue;
      const pid = Number(entry);
      return { pid, name: basename(commandOf(pid)?.split(" ")[0] ?? "") };
    }
  } catch {
    // Without /proc nobody knows.
  }
  return undefined;
}

/** The sockets that listen at a port, as /proc numbers them. */
function listeningInodes(port: number): Set<string> {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const inodes = new Set<string>();
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    if (!existsSync(table)) continue;
    for (const line of readFileSync(table, "utf8").split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      const [local, state, inode] = [fields[1], fields[3], fields[9]];
      // 0A is LISTEN in the kernel's list of states (include/net/tcp_states.h).
      if (state === "0A" && inode !== undefined && local?.endsWith(`:${hex}`)) inodes.add(inode);
    }
  }
  return inodes;
}

function holdsSocket(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(linkTarget(`/proc/${pid}/fd/${fd}`))?.[1];
      return inode !== undefined && inodes.has(inode);
    });
  } catch {
    return false;
  }
}

function linkTarget(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // It was closed since the folder was read.
    return "";
  }
}
