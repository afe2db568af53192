/**
 * Starts servers in processes that outlive a test file (serverHost.ts): each worker of jest has one
 * for every server of a marketplace, so that two servers are two processes.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, rmSync } from "node:fs";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RunningProcess } from "./marketplace.ts";

const HOST = fileURLToPath(new URL("serverHost.ts", import.meta.url));
const START_MS = 60_000;

type Environment = Readonly<Record<string, string>>;

/** Starts a server; `index` says which of the processes it is in, in which environment that runs. */
export async function startHosted(
  env: Environment,
  { folder, index, host }: { folder: string; index: number; host: Environment },
): Promise<RunningProcess> {
  const socket = join(folder, `host-${process.env.JEST_WORKER_ID}-${index}.sock`);
  const life = (await ask(socket)) ?? (await askNew(socket, host));
  const chunks: string[] = [];
  let exitCode: number | null = null;
  let isStopped = false;
  life.order.write(`${JSON.stringify(env)}\n`);
  life.answer.setEncoding("utf8").on("data", (text: string) => chunks.push(text));
  const ended = new Promise<void>((resolve) => {
    life.answer.once("close", () => {
      // One that ends by itself has failed.
      exitCode = isStopped ? 0 : 1;
      resolve();
    });
  });
  const stop = async (): Promise<number | null> => {
    isStopped = true;
    life.order.end();
    await ended;
    return exitCode;
  };
  return {
    stop,
    kill: async () => void (await stop()),
    exitCode: () => exitCode,
    output: () => chunks.join(""),
  };
}

interface Life {
  readonly order: ClientRequest;
  readonly answer: IncomingMessage;
}

/** Begins the life of a server; undefined where no process listens. */
async function ask(socketPath: string): Promise<Life | undefined> {
  const order = request({ socketPath, method: "POST", headers: { connection: "close" } });
  order.flushHeaders();
  try {
    const [answer] = (await once(order, "response")) as [IncomingMessage];
    answer.on("error", () => undefined);
    order.on("error", () => undefined);
    return { order, answer };
  } catch {
    return undefined;
  }
}

async function askNew(socket: string, env: Environment): Promise<Life> {
  // Of one that has ended.
  rmSync(socket, { force: true });
  const log = openSync(`${socket}.log`, "a");
  const child = spawn(process.execPath, [HOST, socket, String(process.pid)], {
    env,
    stdio: ["ignore", log, log],
    detached: true,
  });
  child.unref();
  closeSync(log);
  const deadline = Date.now() + START_MS;
  for (;;) {
    const life = await ask(socket);
    if (life !== undefined) return life;
    if (Date.now() > deadline || child.exitCode !== null) {
      throw new Error(`No process takes servers; see ${socket}.log.`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
