/** Sends requests over connections that stay open, and measures what they cost whom. */
import { readdirSync, readFileSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import type { Ask } from "./requests.ts";

export interface Answer {
  readonly status: number;
  readonly text: string;
}

export class Caller {
  readonly #agent: Agent;
  readonly #port: number;

  constructor(port: number, connections: number) {
    this.#port = port;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  ask({ method, path, body, token }: Ask): Promise<Answer> {
    const headers = {
      ...(body !== undefined && {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
      }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    };
    return new Promise((resolve, reject) => {
      const options = { port: this.#port, host: "127.0.0.1", agent: this.#agent, method, path };
      const sent = httpRequest({ ...options, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
        );
      });
      sent.on("error", reject);
      sent.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

export interface Figures {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** Microseconds of processor time a request, of the server and of PostgreSQL. */
  readonly nodeCpu: number;
  readonly postgresCpu: number;
  /** Megabytes that the server has at the end. */
  readonly rss: number;
}

/**
 * Asks for so many milliseconds with so many clients, each one request after another.
 * @throws at the first answer that is none
 */
export async function measure(
  server: { readonly pid: number; readonly port: number },
  postmaster: number,
  askOf: (index: number) => Ask,
  clients: number,
  milliseconds: number,
): Promise<Figures> {
  const caller = new Caller(server.port, clients);
  const times: number[] = [];
  const [node, postgres] = [cpuOf([server.pid]), cpuOfPostgres(postmaster)];
  const started = performance.now();
  let index = 0;
  const client = async (): Promise<void> => {
    while (performance.now() - started < milliseconds) {
      const ask = askOf(index++);
      const sent = performance.now();
      const { status, text } = await caller.ask(ask);
      times.push(performance.now() - sent);
      if (status !== 200 || text.includes('"errors":[')) {
        throw new Error(`${ask.path} was answered with ${status}: ${text.slice(0, 300)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const seconds = (performance.now() - started) / 1000;
  caller.close();
  const each = (before: number, after: number): number => ((after - before) * 1e6) / times.length;
  times.sort((a, b) => a - b);
  const share = (of: number): number => times[Math.floor((times.length - 1) * of)] ?? 0;
  return {
    perSecond: times.length / seconds,
    p50: share(0.5),
    p95: share(0.95),
    p99: share(0.99),
    nodeCpu: each(node, cpuOf([server.pid])),
    postgresCpu: each(postgres, cpuOfPostgres(postmaster)),
    rss: rssOf(server.pid),
  };
}

/** As Linux counts: a hundred ticks a second. */
const TICKS = 100;

/** Seconds of processor time of processes, as far as they live. */
function cpuOf(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const fields = statOf(pid);
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  }
  return ticks / TICKS;
}

/** Those of its processes that live, and of those that have ended, which it counts itself. */
function cpuOfPostgres(postmaster: number): number {
  const ended = statOf(postmaster).slice(13, 15).map(Number);
  return cpuOf(childrenOf(postmaster)) + ended.reduce((sum, ticks) => sum + ticks, 0) / TICKS;
}

/** The fields of /proc/<pid>/stat after the name; none where there is no such process any more. */
function statOf(pid: number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}

function childrenOf(parent: number): number[] {
  const pids = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids.filter((pid) => Number(statOf(pid)[1]) === parent);
}

export function rssOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}
