/** A real redis-server, for what is about sharing through Redis, where the program is installed. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { freePort } from "../../src/dev/dataFolder.ts";
import { waitUntil } from "./marketplace.ts";

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  readonly process: ChildProcess;
  close(): Promise<void>;
}

export const hasRedisServer = spawnSync("redis-server", ["--version"]).status === 0;

/** Starts an empty Redis that keeps nothing on disk, and waits until it takes connections. */
export async function startRedisServer(options: { port?: number } = {}): Promise<RedisServer> {
  const port = options.port ?? (await freePort(undefined));
  const child = spawn(
    "redis-server",
    ["--port", String(port), "--save", "", "--bind", "127.0.0.1", "--appendonly", "no"],
    { stdio: "ignore" },
  );
  const ended = once(child, "exit");
  await waitUntil("Redis takes connections", () => accepts(port));
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    process: child,
    close: async () => {
      // Also one that a test has stopped.
      child.kill("SIGKILL");
      await ended;
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const end = (answer: boolean) => () => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", end(true)).once("error", end(false));
  });
}
