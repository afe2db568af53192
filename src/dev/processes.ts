/**
 * Says whether a process still lives and whether it is the one that was meant, although numbers of
 * processes are given out again. It ends nobody.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Whether a process of that number lives; a zombie does not. */
export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  return statOf(pid)?.state !== "Z";
}

/**
 * What tells two processes of the same number apart: when it started, and since which boot.
 * `undefined` where the system does not tell.
 */
export function startOf(pid: number): string | undefined {
  const stat = statOf(pid);
  if (stat !== undefined) return `${bootId()}/${stat.start}`;
  return ps(pid, "lstart=");
}

/** The command line of a process, its parts separated by blanks; `undefined` if it is gone. */
export function commandOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return ps(pid, "command=");
  }
}

/** Waits until `condition` holds, asking every 20 ms; false when it did not within `ms`. */
export async function waitUntil(ms: number, condition: () => boolean): Promise<boolean> {
  const deadline = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}

/** Linux alone: the state and the start (clock ticks since boot) out of /proc. */
function statOf(pid: number): { state: string; start: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the name in parentheses and may hold blanks and parentheses itself.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const [state, start] = [fields[0], fields[19]];
    return state === undefined || start === undefined ? undefined : { state, start };
  } catch {
    return undefined;
  }
}

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

function ps(pid: number, column: string): string | undefined {
  if (process.platform === "linux" || process.platform === "win32") return undefined;
  try {
    return execFileSync("ps", ["-o", column, "-p", String(pid)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return undefined;
  }
}
