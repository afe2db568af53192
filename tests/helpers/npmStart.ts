/**
 * `npm start` as a newcomer runs it: in a folder of its own, and with no variable but where. It is
 * the whole product as a child process, with its own PostgreSQL and the demo market.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../src/dev/dataFolder.ts";
import { keepLog } from "./logs.ts";
import { COMPILED, waitUntil } from "./marketplace.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

export interface Started {
  readonly url: string;
  output(): string;
  /** Ctrl-C; resolves to the exit code. Safe to call twice. */
  interrupt(): Promise<number | null>;
}

/** Starts in `folder`, where what an earlier start made is found again. */
export async function npmStart(folder: string): Promise<Started> {
  const port = await freePort(undefined);
  // The folder is also the working one, where nobody's .env lies.
  const child = spawn(process.execPath, [MAIN], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      ...COMPILED,
      PORT: String(port),
      DATA_DIR: join(folder, "data"),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data: Buffer) => chunks.push(data.toString()));
  }
  const output = (): string => chunks.join("");
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const url = `http://localhost:${port}`;
  try {
    await waitUntil(
      () => `npm start is ready or ends; it wrote: ${output()}`,
      () => output().includes("Ctrl-C stops it.") || hasEnded(),
      120_000,
    );
    if (!output().includes(`Staybase is ready at ${url}`)) throw new Error(output());
  } catch (error) {
    child.kill("SIGTERM");
    throw error;
  }
  return {
    url,
    output,
    interrupt: async () => {
      if (!hasEnded()) {
        const ended = once(child, "exit");
        child.kill("SIGINT");
        await ended;
        // The rest is for whoever sits at the terminal, and says how to sign in.
        keepLog("start", output().replaceAll(/^[^{].*$/gm, ""));
      }
      return child.exitCode;
    },
  };
}
