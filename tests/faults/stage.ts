/**
 * The product as it runs, to be broken: an own PostgreSQL, the simulator of Stripe, two servers and two workers as
 * child processes, each of which can be killed, paused and started again.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis as RedisClient } from "ioredis";
import pg from "pg";
import { migrate } from "../../src/commands/db/migrate.ts";
import { moveClock } from "../../src/commands/shared/clock.ts";
import { databaseTarget, ownerUrl } from "../../src/commands/shared/settings.ts";
import { type Config, loadConfig, SIMULATOR_STRIPE_KEYS } from "../../src/config/index.ts";
import { freePort } from "../../src/dev/dataFolder.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/dev/embeddedPostgres.ts";
import { startMailCatcher } from "../../src/dev/mailCatcher.ts";
import { type StripeSimulator, startStripeSimulator } from "../../src/dev/stripe/simulator.ts";
import { TEST_JWT_KEY } from "../helpers/marketplace.ts";
import { hasRedisServer, type RedisServer, startRedisServer } from "../helpers/redisServer.ts";
import { changing, type SourceEdit } from "./sources.ts";

/** A process that can be killed, and comes back where it ends by itself. */
export interface Actor {
  readonly name: string;
  readonly url: string | undefined;
  kill(): Promise<void>;
  pause(ms: number): Promise<void>;
  start(): Promise<void>;
}

export interface Redis {
  pause(ms: number): Promise<void>;
  flush(): Promise<void>;
  /** Kills it, and starts another at the same port, which knows nothing. */
  crash(): Promise<void>;
  close(): Promise<void>;
}

export interface Stage {
  readonly config: Config;
  readonly owner: pg.Pool;
  readonly root: pg.Pool;
  readonly stripe: StripeSimulator;
  readonly servers: readonly Actor[];
  readonly workers: readonly Actor[];
  /** Where a redis-server is installed. */
  readonly redis: Redis | undefined;
  /** Kills the server of the database at once, and starts it again after `meanwhile`. */
  crashDatabase(meanwhile: () => Promise<void>): Promise<void>;
  /** Moves the time of the database, and of Stripe with it. */
  forward(seconds: number): Promise<void>;
  dispose(): Promise<void>;
}

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Servers and workers load their sources with `edits`. */
export async function openStage(edits: readonly SourceEdit[] = []): Promise<Stage> {
  const dir = mkdtempSync(join(tmpdir(), "staybase-faults-"));
  let postgres = await startEmbeddedPostgres({ dir: join(dir, "postgres") });
  const mail = await startMailCatcher({ dir: join(dir, "mail") });
  const { secretKey, publishableKey, webhookSecret } = SIMULATOR_STRIPE_KEYS;
  const retry = { firstMs: 50, mostMs: 1000, attempts: 200 };
  const stripe = await startStripeSimulator({ secretKey, publishableKey, webhookSecret, retry });
  const redisServer = hasRedisServer ? await startRedisServer() : undefined;
  const redis = redisServer === undefined ? undefined : redisOf(redisServer);
  const env = environment(dir, postgres, stripe, mail.url, redisServer?.url);
  const config = loadConfig(env);
  await migrate(config);
  const owner = quietPool(ownerUrl(databaseTarget(config)), 4);
  const root = quietPool(postgres.rootUrl, 2);
  const ports = [await freePort(undefined), await freePort(undefined)];
  const servers = ports.map((port, index) =>
    actor(`server ${index}`, "src/server.ts", edits, { ...env, PORT: String(port) }, port),
  );
  const workers = [0, 1].map((index) => actor(`worker ${index}`, "src/worker.ts", edits, env));
  await Promise.all([...servers, ...workers].map((one) => one.start()));
  stripe.setWebhookUrl(`${servers[0]?.url}/v1/webhooks/stripe`);
  return {
    config,
    owner,
    root,
    stripe,
    servers,
    workers,
    redis,
    crashDatabase: async (meanwhile) => {
      process.kill(postgres.pid, "SIGQUIT");
      await postgres.ended;
      await meanwhile();
      postgres = await startEmbeddedPostgres({ dir: join(dir, "postgres") });
    },
    forward: async (forwardSeconds) => {
      const nobody = { ...config, stripe: { ...config.stripe, apiUrl: undefined } };
      const { offsetSeconds } = await moveClock(nobody, { forwardSeconds });
      stripe.control({ clock: { offsetSeconds } });
    },
    dispose: async () => {
      await Promise.all([...servers, ...workers].map((one) => one.kill()));
      await Promise.all([owner.end(), root.end(), stripe.close(), mail.close(), redis?.close()]);
      await postgres.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function environment(
  dir: string,
  postgres: EmbeddedPostgres,
  stripe: StripeSimulator,
  smtpUrl: string,
  redisUrl: string | undefined,
): Record<string, string> {
  return {
    ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
    PATH: process.env.PATH ?? "",
    NODE_ENV: "test",
    LOG_LEVEL: "warn",
    HOST: "127.0.0.1",
    TRUST_PROXY: "1",
    DATABASE_URL: postgres.url,
    ROOT_DATABASE_URL: postgres.rootUrl,
    JWT_KEYS: TEST_JWT_KEY,
    STRIPE_SECRET_KEY: SIMULATOR_STRIPE_KEYS.secretKey,
    STRIPE_PUBLISHABLE_KEY: SIMULATOR_STRIPE_KEYS.publishableKey,
    STRIPE_WEBHOOK_SECRET: SIMULATOR_STRIPE_KEYS.webhookSecret,
    STRIPE_API_URL: stripe.url,
    SMTP_URL: smtpUrl,
    MAILBOX_DIR: join(dir, "mail"),
    DATA_DIR: join(dir, "data"),
    WORKER_HEARTBEAT_SECONDS: "1",
  };
}

/** Its connections die with the database; the next query gets another. */
function quietPool(connectionString: string, max: number): pg.Pool {
  const pool = new pg.Pool({ connectionString, max });
  pool.on("error", () => undefined);
  return pool;
}

function redisOf(first: RedisServer): Redis {
  const { port } = first;
  let server = first;
  return {
    pause: (ms) => pauseProcess(server.process, ms),
    flush: async () => {
      const client = new RedisClient(port);
      await client.flushall().finally(() => client.disconnect());
    },
    crash: async () => {
      await server.close();
      server = await startRedisServer({ port });
    },
    close: () => server.close(),
  };
}

async function pauseProcess(child: ChildProcess | undefined, ms: number): Promise<void> {
  child?.kill("SIGSTOP");
  await sleep(ms);
  child?.kill("SIGCONT");
}

/** After this time a process that ended by itself is started again. */
const RESTART_MS = 300;

function actor(
  name: string,
  file: string,
  edits: readonly SourceEdit[],
  env: Record<string, string>,
  port?: number,
): Actor {
  const { args, env: more } = changing(edits);
  let child: ChildProcess | undefined;
  let isWanted = false;
  const url = port === undefined ? undefined : `http://127.0.0.1:${port}`;
  const isAlive = (): boolean => child?.exitCode === null && child.signalCode === null;
  // As a supervisor does: one that ends by itself, as it may while the database is away, comes back.
  const run = (): void => {
    if (!isWanted || isAlive()) return;
    child = spawn(process.execPath, [...args, file], {
      env: { ...env, ...more },
      stdio: "ignore",
    });
    child.once("exit", () => setTimeout(run, RESTART_MS));
  };
  return {
    name,
    url,
    start: async () => {
      isWanted = true;
      run();
      for (let tries = 0; url !== undefined && tries < 200; tries += 1) {
        if (
          await fetch(`${url}/healthz`).then(
            (answer) => answer.ok,
            () => false,
          )
        )
          return;
        await sleep(50);
      }
    },
    kill: async () => {
      isWanted = false;
      if (child === undefined || !isAlive()) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
    pause: (ms) => pauseProcess(child, ms),
  };
}
