/**
 * Starts a stand-in for each service that the configuration lacks and writes down where they
 * listen, so that other processes in the same folder find them. Everything downstream sees
 * addresses alone and cannot tell a stand-in from the real service.
 */
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type Config, missingServices, SIMULATOR_STRIPE_KEYS } from "../config/index.ts";
import { bounded } from "../resources/bounded.ts";
import type { Logger } from "../resources/logger.ts";
import { codeOf, ResourceError } from "../resources/resourceError.ts";
import { isRecord, numberIn, textIn } from "../values.ts";
import {
  explainFileError,
  freePort,
  type Holder,
  holderOf,
  lockDataFolder,
  prepareDataFolder,
  readJson,
  rememberedPort,
  rememberPort,
  writeJson,
} from "./dataFolder.ts";
import { startEmbeddedPostgres } from "./embeddedPostgres.ts";
import { startStripeSimulator } from "./stripe/simulator.ts";

export type Service = "postgres" | "stripe" | "mail";

export interface StandIns {
  /** The configuration with the addresses of the stand-ins; complete unless `only` was given. */
  readonly config: Config;
  /** The services that a stand-in plays, whether we started it or another process did. */
  readonly started: readonly Service[];
  /** Ends what we started, in reverse order, and gives the folder back. Safe to call twice. */
  close(): Promise<void>;
}

export interface StandInOptions {
  /** The services to care for; all unless given. */
  readonly only?: readonly Service[];
}

/** What one running stand-in adds to a configuration, in the form of run.json. */
interface Addresses {
  postgres?: { url: string; rootUrl: string };
  stripe?: { apiUrl: string; secretKey: string; publishableKey: string; webhookSecret: string };
  mail?: { smtpUrl: string; mailboxDir: string };
}

const CLOSE_MS = 20_000;

/**
 * Starts the stand-ins that `config` lacks. Exactly one process at a time can do that in a folder.
 * @throws {ResourceError} `DATA_DIR_BUSY` with the process that runs there and what to do,
 *   `STAND_INS_FORBIDDEN` in production, and what the stand-ins themselves throw
 */
export async function startStandIns(
  config: Config,
  logger: Logger,
  options: StandInOptions = {},
): Promise<StandIns> {
  const needed = neededServices(config, options);
  if (needed.length === 0) return { config, started: [], close: async () => undefined };
  if (!config.allowStandIns) {
    const services = needed.join(", ");
    const message = `There is no address for: ${services}, and ALLOW_STAND_INS is not set.`;
    throw new ResourceError("STAND_INS_FORBIDDEN", message);
  }
  const dir = config.dataDir;
  prepareDataFolder(dir);
  const unlock = lock(config);
  const opened: { service: Service; close: () => Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    removeRunFile(dir);
    for (let item = opened.pop(); item !== undefined; item = opened.pop()) {
      await bounded(CLOSE_MS, `Ending the stand-in for ${item.service}`, item.close()).catch(
        (error: unknown) => logger.warn({ err: error }, "a stand-in did not end cleanly"),
      );
    }
    unlock();
  };
  try {
    const addresses: Addresses = {};
    for (const service of needed) {
      const started = await STARTERS[service](config, logger);
      opened.push({ service, close: started.close });
      Object.assign(addresses, started.addresses);
    }
    writeRunFile(config, addresses);
    return { config: withAddresses(config, addresses), started: needed, close };
  } catch (error) {
    await close();
    throw explainFileError(error, dir);
  }
}

function lock(config: Config): () => void {
  try {
    return lockDataFolder(config.dataDir, (holder) => explainBusy(config, holder));
  } catch (error) {
    throw explainFileError(error, config.dataDir);
  }
}

/**
 * Completes `config` with the stand-ins that another process runs in the same folder.
 * @throws {ResourceError} `STAND_INS_NOT_RUNNING` with what to do
 */
export function findStandIns(config: Config, options: StandInOptions = {}): Config {
  const needed = neededServices(config, options);
  if (needed.length === 0) return config;
  const found = readRunFile(config.dataDir);
  const absent = needed.filter((service) => found?.[service] === undefined);
  if (found !== undefined && absent.length === 0) return withAddresses(config, found);
  const variables = absent.map((service) => VARIABLES[service]).join(", ");
  throw new ResourceError(
    "STAND_INS_NOT_RUNNING",
    `There is no address for: ${absent.join(", ")}, and nothing that plays them runs in ` +
      `${config.dataDir}. Start it with "npm start" in another terminal, or set ${variables}.`,
  );
}

/**
 * For commands that work beside a running server as well as alone: uses the stand-ins that run, or
 * starts its own until `close`.
 */
export async function useStandIns(
  config: Config,
  logger: Logger,
  options: StandInOptions = {},
): Promise<StandIns> {
  const needed = neededServices(config, options);
  const found = readRunFile(config.dataDir);
  if (found !== undefined && needed.every((service) => found[service] !== undefined)) {
    return { config: withAddresses(config, found), started: needed, close: async () => undefined };
  }
  return startStandIns(config, logger, options);
}

const VARIABLES: Record<Service, string> = {
  postgres: "DATABASE_URL and ROOT_DATABASE_URL",
  stripe: "the STRIPE_ variables",
  mail: "SMTP_URL",
};

function neededServices(config: Config, options: StandInOptions): Service[] {
  return missingServices(config).filter((service) => options.only?.includes(service) ?? true);
}

interface Started {
  readonly addresses: Addresses;
  readonly close: () => Promise<void>;
}

const STARTERS: Record<Service, (config: Config, logger: Logger) => Promise<Started>> = {
  postgres: async (config, logger) => {
    const { authenticator } = config.database;
    const server = await startEmbeddedPostgres({ dir: config.dataDir, authenticator, logger });
    let closing = false;
    void server.ended.then(() => {
      if (closing) return;
      logger.error({ log: join(config.dataDir, "postgres.log") }, "the embedded PostgreSQL ended");
    });
    const close = (): Promise<void> => {
      closing = true;
      return server.stop();
    };
    return { addresses: { postgres: { url: server.url, rootUrl: server.rootUrl } }, close };
  },
  stripe: async (config, logger) => {
    const port = await portFor(config, "stripe");
    const keys = stripeKeys(config);
    const simulator = await startStripeSimulator({
      port,
      ...keys,
      webhookUrl: `http://${ownAddress(config)}:${config.http.port}/v1/webhooks/stripe`,
      stateFile: join(config.dataDir, "stripe-simulator.json"),
      logger: {
        info: (message) => logger.debug(message),
        warn: (message) => logger.warn(message),
      },
    });
    const stripe = { ...keys, apiUrl: simulator.url };
    return { addresses: { stripe }, close: () => simulator.close() };
  },
  mail: async (config, logger) => {
    const port = await portFor(config, "mail");
    const { mailboxDir } = config.mail;
    const { startMailCatcher } = await import("./mailCatcher.ts").catch(explainAbsence);
    const catcher = await startMailCatcher({ dir: mailboxDir, port, logger });
    return { addresses: { mail: { smtpUrl: catcher.url, mailboxDir } }, close: catcher.close };
  },
};

/** Production is installed without what only stand-ins need, so it is loaded where it is wanted. */
function explainAbsence(cause: unknown): never {
  if (codeOf(cause) !== "ERR_MODULE_NOT_FOUND") throw cause;
  const message =
    "The mail catcher is not installed here: npm ci --omit=dev leaves it out. Set SMTP_URL.";
  throw new ResourceError("STAND_INS_NOT_INSTALLED", message, { cause });
}

/** The port that the stand-in had last, so that a worker that still runs finds it again. */
async function portFor(config: Config, service: Service): Promise<number> {
  const port = await freePort(rememberedPort(config.dataDir, service));
  rememberPort(config.dataDir, service, port);
  return port;
}

/** Where webhooks reach us from this machine, whatever the public URL is. */
function ownAddress(config: Config): string {
  const host = config.http.hosts[0] ?? "127.0.0.1";
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}

/** Known keys for development; where others may reach us, keys that nobody else knows. */
function stripeKeys(config: Config): {
  secretKey: string;
  publishableKey: string;
  webhookSecret: string;
} {
  if (config.isLocal) return { ...SIMULATOR_STRIPE_KEYS };
  const path = join(config.dataDir, "stripe-keys.json");
  const known = readJson(path);
  const text = (name: string, prefix: string): string =>
    textIn(known, name) ?? `${prefix}${randomBytes(18).toString("hex")}`;
  const keys = {
    secretKey: text("secretKey", "sk_test_"),
    publishableKey: text("publishableKey", "pk_test_"),
    webhookSecret: text("webhookSecret", "whsec_"),
  };
  writeJson(path, keys);
  return keys;
}

function withAddresses(config: Config, found: Addresses): Config {
  const absent = new Set(missingServices(config));
  const { postgres, stripe, mail } = found;
  return {
    ...config,
    ...(absent.has("postgres") && postgres
      ? { database: { ...config.database, ...postgres } }
      : {}),
    ...(absent.has("stripe") && stripe
      ? { stripe: { ...stripe, webhookSecrets: [stripe.webhookSecret] } }
      : {}),
    ...(absent.has("mail") && mail ? { mail: { ...config.mail, ...mail, isStandIn: true } } : {}),
  };
}

const runPath = (dir: string): string => join(dir, "run.json");

function writeRunFile(config: Config, addresses: Addresses): void {
  const since = new Date().toISOString();
  const { publicUrl, port } = config.http;
  writeJson(runPath(config.dataDir), { pid: process.pid, since, publicUrl, port, ...addresses });
}

/** Where the `npm start` that holds the folder serves, whatever PORT says here. */
export function runningAt(dir: string): { port: number; publicUrl: string } | undefined {
  const content = readJson(runPath(dir));
  const [port, publicUrl] = [numberIn(content, "port"), textIn(content, "publicUrl")];
  const lives = holderOf(dir)?.pid === numberIn(content, "pid");
  return lives && port !== undefined && publicUrl !== undefined ? { port, publicUrl } : undefined;
}

function removeRunFile(dir: string): void {
  if (numberIn(readJson(runPath(dir)), "pid") === process.pid)
    rmSync(runPath(dir), { force: true });
}

/** What runs in the folder at this moment; `undefined` when its process is gone. */
function readRunFile(dir: string): Addresses | undefined {
  const content = readJson(runPath(dir));
  const holder = holderOf(dir);
  if (!isRecord(content) || holder === undefined || holder.pid !== content.pid) return undefined;
  const pick = <Name extends string>(
    service: Service,
    ...names: Name[]
  ): Record<Name, string> | undefined => {
    const entries = names.map((name) => [name, textIn(content[service], name)] as const);
    if (entries.some(([, text]) => text === undefined)) return undefined;
    return Object.fromEntries(entries) as Record<Name, string>;
  };
  const found = {
    postgres: pick("postgres", "url", "rootUrl"),
    stripe: pick("stripe", "apiUrl", "secretKey", "publishableKey", "webhookSecret"),
    mail: pick("mail", "smtpUrl", "mailboxDir"),
  };
  const present = Object.entries(found).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present) as Addresses;
}

function explainBusy(config: Config, holder: Holder): string {
  const content = readJson(runPath(config.dataDir));
  const url = numberIn(content, "pid") === holder.pid ? textIn(content, "publicUrl") : undefined;
  const where = url === undefined ? "" : `, at ${url}`;
  return (
    `Staybase runs in this folder already: process ${holder.pid}, since ${holder.since}${where} ` +
    `(data folder ${config.dataDir}).\n` +
    "Use that one, or choose:\n" +
    `  stop it          kill ${holder.pid}\n` +
    `  start a second   DATA_DIR=${config.dataDir}-2 PORT=${config.http.port + 1} npm start`
  );
}
