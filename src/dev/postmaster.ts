/**
 * Reads, judges and ends the server process of one cluster by its `postmaster.pid`. It starts none.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ResourceError } from "../resources/resourceError.ts";
import { commandOf, isAlive, waitUntil } from "./processes.ts";

export interface Postmaster {
  readonly pid: number;
  readonly port: number | undefined;
  /** `ready`, `starting`, `stopping` or `standby`. */
  readonly status: string | undefined;
}

const pidFile = (data: string): string => join(data, "postmaster.pid");

/**
 * The living server of the cluster, or `undefined`. A living process whose number stands in a stale
 * file but that is something else is not taken for it.
 */
export function readPostmaster(data: string): Postmaster | undefined {
  const lines = readLines(data);
  const pid = Math.abs(Number(lines?.[0]));
  if (lines === undefined || !isAlive(pid)) return undefined;
  const command = commandOf(pid);
  if (command === undefined || !command.includes("postgres") || !command.includes(data)) {
    return undefined;
  }
  const port = Number(lines[3]);
  return { pid, port: port > 0 ? port : undefined, status: lines[7]?.trim() };
}

/**
 * Makes a stale `postmaster.pid` harmless. PostgreSQL ignores one whose process is gone, but
 * refuses to start when the number has been given to another process of its user. The file is not
 * removed: its seventh line names the shared memory by which PostgreSQL notices children of a
 * dead server that still write to the data. So the number alone is replaced, by one that no system
 * gives out.
 */
export function neutraliseStalePid(data: string): void {
  const lines = readLines(data);
  if (lines === undefined || readPostmaster(data) !== undefined) return;
  writeFileSync(pidFile(data), ["999999999", ...lines.slice(1)].join("\n"));
}

/**
 * Ends a server: fast (open transactions are rolled back), and after `patienceMs` at once (the next
 * start recovers from the log; nothing committed is lost).
 */
export async function stopPostmaster(pid: number, patienceMs: number): Promise<void> {
  const gone = (): boolean => !isAlive(pid);
  for (const [signal, patience] of [
    ["SIGINT", patienceMs],
    ["SIGQUIT", 5000],
    ["SIGKILL", 2000],
  ] as const) {
    send(pid, signal);
    if (await waitUntil(patience, gone)) return;
  }
  const message = `The database server ${pid} does not end. End it by hand: kill -9 ${pid}`;
  throw new ResourceError("POSTGRES_DOES_NOT_STOP", message);
}

/** Sends a signal to a process that may be gone already. */
export function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself in the meantime.
  }
}

function readLines(data: string): string[] | undefined {
  try {
    return readFileSync(pidFile(data), "utf8").split("\n");
  } catch {
    return undefined;
  }
}
