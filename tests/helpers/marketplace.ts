/**
 * A whole marketplace for a test: several server processes and workers, all real, on the test's own
 * database, with the stand-ins for Stripe and mail in the process of the test, where it can give them orders.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SIMULATOR_STRIPE_KEYS } from "../../src/config/index.ts";
import { freePort } from "../../src/dev/dataFolder.ts";
import { readMailbox, startMailCatcher } from "../../src/dev/mailCatcher.ts";
import { type StripeSimulator, startStripeSimulator } from "../../src/dev/stripe/simulator.ts";
import type { TestDatabase } from "./database.ts";
import { startHosted } from "./hostedServer.ts";
import { keepLog, keepSecret } from "./logs.ts";

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly links: readonly string[];
}

export interface RunningProcess {
  /** Asks it to stop and waits; resolves to its exit code. */
  stop(): Promise<number | null>;
  /** Kills it at once, as the kernel or a power cut would. */
  kill(): Promise<void>;
  /** Null while it runs. */
  exitCode(): number | null;
  /** What it has written so far. */
  output(): string;
}

export interface Marketplace {
  /** Addresses of the servers, without a trailing slash. */
  readonly servers: readonly string[];
  readonly stripe: StripeSimulator;
  startWorker(): RunningProcess;
  mails(): Promise<Mail[]>;
  /** What the servers have written; for looking for errors and secrets. */
  output(): string;
  dispose(): Promise<void>;
}

/** A process of ours compiles for seconds; those of all runs share what it comes to. */
export const COMPILED = { NODE_COMPILE_CACHE: join(tmpdir(), "staybase-compiled") } as const;

/** Starts `serverCount` servers and no worker; `settings` are variables of their environment. */
export async function openMarketplace(
  database: TestDatabase,
  serverCount: number,
  settings: Readonly<Record<string, string>> = {},
): Promise<Marketplace> {
  const dir = await mkdtemp(join(tmpdir(), "staybase-marketplace-"));
  const mail = await startMailCatcher({ dir: join(dir, "mail") });
  const stripe = await startStripeSimulator({
    secretKey: SIMULATOR_STRIPE_KEYS.secretKey,
    publishableKey: SIMULATOR_STRIPE_KEYS.publishableKey,
    webhookSecret: SIMULATOR_STRIPE_KEYS.webhookSecret,
    retry: { firstMs: 20, mostMs: 200 },
  });
  const env = {
    PATH: process.env.PATH ?? "",
    ...COMPILED,
    NODE_ENV: "test",
    LOG_LEVEL: "info",
    DATABASE_URL: database.url,
    JWT_KEYS: TEST_JWT_KEY,
    STRIPE_SECRET_KEY: SIMULATOR_STRIPE_KEYS.secretKey,
    STRIPE_PUBLISHABLE_KEY: SIMULATOR_STRIPE_KEYS.publishableKey,
    STRIPE_WEBHOOK_SECRET: SIMULATOR_STRIPE_KEYS.webhookSecret,
    STRIPE_API_URL: stripe.url,
    SMTP_URL: mail.url,
    MAILBOX_DIR: join(dir, "mail"),
    DATA_DIR: join(dir, "data"),
    WORKER_HEARTBEAT_SECONDS: "1",
    ...settings,
  };
  const processes: RunningProcess[] = [];
  const start = (file: string, more: Record<string, string>): RunningProcess => {
    const started = startProcess(file, { ...env, ...more });
    processes.push(started);
    return started;
  };
  const servers: string[] = [];
  for (let index = 0; index < serverCount; index += 1) {
    servers.push(
      await startServer(async (more) => {
        const started = await startServerProcess({ ...env, ...more }, index);
        processes.push(started);
        return started;
      }),
    );
  }
  const [first] = servers;
  if (first !== undefined) stripe.setWebhookUrl(`${first}/v1/webhooks/stripe`);
  return {
    servers,
    stripe,
    startWorker: () => start("src/worker.ts", {}),
    mails: async () => {
      const found = await readMailbox(join(dir, "mail"));
      for (const { links } of found) links.forEach(keepSecretOf);
      return found.map(({ to, subject, text, links }) => ({
        to: String(to),
        subject,
        text,
        links,
      }));
    },
    output: () => processes.map((item) => item.output()).join("\n"),
    dispose: async () => {
      await Promise.all(processes.map((item) => item.stop()));
      for (const item of processes) keepLog("marketplace", item.output());
      await Promise.all([stripe.close(), mail.close()]);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function keepSecretOf(link: string): void {
  const token = URL.parse(link)?.searchParams.get("token");
  if (token != null) keepSecret(token);
}

/** A key of this run: the one that everybody knows is refused behind a proxy. */
export const TEST_JWT_KEY = generateKeyPairSync("ec", { namedCurve: "P-256" })
  .privateKey.export({ format: "der", type: "pkcs8" })
  .toString("base64");

const MOST_PORTS = 5;

/**
 * What libraries do in production is decided when they are loaded: that has a process of its own.
 * Others are in one that has loaded them before.
 */
async function startServerProcess(
  env: Readonly<Record<string, string>>,
  index: number,
): Promise<RunningProcess> {
  const folder = globalThis.staybaseTestLogs;
  if (folder === undefined || env.NODE_ENV !== "test") return startProcess("src/server.ts", env);
  const host = { PATH: env.PATH ?? "", ...COMPILED, NODE_ENV: "test" };
  return startHosted(env, { folder, index, host });
}

/** Starts a server on a free port; on another one where somebody else was faster to take it. */
async function startServer(
  start: (more: Record<string, string>) => Promise<RunningProcess>,
): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort(undefined);
    const url = `http://127.0.0.1:${port}`;
    const server = await start({ PORT: String(port), HOST: "127.0.0.1" });
    await waitUntil(
      () => `the server answers or ends; it wrote: ${server.output()}`,
      async () => server.exitCode() !== null || (await answers(url)),
    );
    if (server.exitCode() === null) return url;
    const isTaken = server.output().includes(`Port ${port} of 127.0.0.1 is taken`);
    if (!isTaken || attempt === MOST_PORTS) {
      throw new Error(`The server ended with ${server.exitCode()}. It wrote: ${server.output()}`);
    }
  }
}

function startProcess(file: string, env: Record<string, string>): RunningProcess {
  const child: ChildProcess = spawn(process.execPath, [file], { env, stdio: "pipe" });
  const chunks: string[] = [];
  child.stdout?.on("data", (data: Buffer) => chunks.push(data.toString()));
  child.stderr?.on("data", (data: Buffer) => chunks.push(data.toString()));
  const ended = once(child, "exit");
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (!isRunning()) return;
    child.kill(signal);
    await ended;
  };
  return {
    stop: async () => {
      await end("SIGTERM");
      return child.exitCode;
    },
    kill: () => end("SIGKILL"),
    exitCode: () => child.exitCode,
    output: () => chunks.join(""),
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`)).ok;
  } catch {
    return false;
  }
}

/**
 * Waits for a condition, looking often, and says what did not happen when the time is over: long
 * enough for a machine that does much else. A sentence that depends on how it went is a function,
 * which is called only then.
 */
export async function waitUntil(
  what: string | (() => string),
  condition: () => Promise<boolean> | boolean,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) {
      const missed = typeof what === "string" ? what : what();
      throw new Error(`It did not happen in ${timeoutMs} ms: ${missed}.`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
