/**
 * Reads the environment once, checks all of it and hands out one typed `Config`; every fault is
 * reported together with what to do. It is the only reader of `process.env` and opens nothing:
 * connections belong to src/resources, stand-ins for missing services to src/dev.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { OidcProvider } from "./oidcProviders.ts";
import { Refusal, type TrustProxy } from "./parsers.ts";
import {
  type ConfigFault,
  contradictions,
  isReached,
  knownDefaults,
  productionFaults,
  reachesBeyond,
} from "./rules.ts";
import {
  type ClientLogging,
  DEVELOPMENT_FACTOR_KEY,
  DEVELOPMENT_JWT_KEY,
  type Environment,
  type LogLevel,
  SIMULATOR_STRIPE_KEYS,
  type Values,
  type Variable,
  type VariableName,
  variables,
} from "./variables.ts";

export {
  type ClientLogging,
  type ConfigFault,
  DEVELOPMENT_FACTOR_KEY,
  DEVELOPMENT_JWT_KEY,
  type Environment,
  type LogLevel,
  type OidcProvider,
  SIMULATOR_STRIPE_KEYS,
  variables,
};

/** The whole configuration. A URL that is `undefined` is one for which a stand-in is needed. */
export interface Config {
  readonly environment: Environment;
  /**
   * Whether this is no production and nothing configured leads beyond this machine. Only then are
   * secrets good that everybody knows, and pages that ask nobody who they are.
   */
  readonly isLocal: boolean;
  readonly logLevel: LogLevel;
  readonly http: {
    readonly port: number;
    /** The addresses to bind: `HOST=localhost` means both 127.0.0.1 and ::1. */
    readonly hosts: readonly string[];
    /** Origin under which browsers reach this server, without a trailing slash. */
    readonly publicUrl: string;
    readonly trustProxy: TrustProxy;
    readonly corsOrigins: readonly string[];
    /** A folder; undefined where any document is taken. */
    readonly trustedDocuments: string | undefined;
    /** Megabytes of answers for visitors that are kept. */
    readonly publicCacheMb: number;
    /** How much of a client's address the log of requests has. */
    readonly logClients: ClientLogging;
  };
  /** Where mails lead. */
  readonly app: {
    /** Origin of the app, or ours where there is none; without a trailing slash. */
    readonly url: string;
    /** A path with `{token}`. */
    readonly confirmPath: string;
    /** A path with `{token}`. */
    readonly resetPath: string;
    /** A path with `{token}`. */
    readonly emailPath: string;
    readonly exportPath: string;
    /** A path with `{code}`. */
    readonly signInPath: string;
    /** A path with `{id}`. */
    readonly bookingPath: string;
  };
  readonly database: {
    /** Connects as the authenticator role. */
    readonly url: string | undefined;
    /** Connects as a role that may create roles and databases; no server or worker needs it. */
    readonly rootUrl: string | undefined;
    readonly owner: string;
    readonly authenticator: string;
    readonly visitor: string;
    readonly operator: string;
    readonly poolSize: number;
    readonly statementTimeoutMs: number;
  };
  /** Without a URL, limits and revoked sessions are kept in each process. */
  readonly redis: { readonly url: string | undefined };
  readonly tokens: {
    /** Private keys as base64 of PKCS #8; the first one signs, all of them are good. */
    readonly keys: readonly string[];
    readonly accessMinutes: number;
    readonly refreshDays: number;
  };
  /** Keys of 32 bytes in base64; the first one seals, all of them open. */
  readonly factorKeys: readonly string[];
  /** By whom people may sign in beside us. */
  readonly oidcProviders: readonly OidcProvider[];
  readonly stripe: {
    readonly secretKey: string | undefined;
    readonly publishableKey: string | undefined;
    /** Each of them is good; there are several while one is replaced by another. */
    readonly webhookSecrets: readonly string[] | undefined;
    /** `undefined` is Stripe itself; else the simulator. */
    readonly apiUrl: string | undefined;
  };
  readonly mail: {
    readonly smtpUrl: string | undefined;
    readonly from: string;
    /** Absolute path of the folder in which the mail catcher writes. */
    readonly mailboxDir: string;
    /** Whether `smtpUrl` is that of our mail catcher; the environment cannot say so. */
    readonly isStandIn: boolean;
  };
  readonly worker: {
    readonly concurrency: number;
    /** Slots for jobs that ask Stripe, beside the others. */
    readonly stripeConcurrency: number;
    readonly heartbeatSeconds: number;
  };
  /** Absolute path of the folder that belongs to this installation's stand-ins. */
  readonly dataDir: string;
  readonly allowStandIns: boolean;
  readonly seedDemo: boolean;
}

/** A `Config` in which every service has its URL, given by the environment or by a stand-in. */
export interface CompleteConfig extends Config {
  readonly database: Config["database"] & { readonly url: string };
  readonly stripe: Config["stripe"] & {
    readonly secretKey: string;
    readonly publishableKey: string;
    readonly webhookSecrets: readonly string[];
  };
  readonly mail: Config["mail"] & { readonly smtpUrl: string };
}

/** Thrown by `loadConfig`; its message lists every fault and never the value of a secret. */
export class ConfigError extends Error {
  readonly code = "CONFIG_INVALID";
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    const lines = faults.map((fault) => `  ${fault.variable}: ${fault.problem}`);
    const count = faults.length === 1 ? "one fault" : `${faults.length} faults`;
    super(`The configuration has ${count}:\n${lines.join("\n")}\nSee .env.example for each one.`);
    this.name = "ConfigError";
    this.faults = faults;
  }
}

/**
 * The typed configuration. An empty variable counts as unset.
 * @throws {ConfigError} with every fault at once
 */
export function loadConfig(env: Record<string, string | undefined> = process.env): Config {
  const faults: ConfigFault[] = [];
  const environment = environmentOf(env);
  const read = (name: VariableName): unknown => {
    const variable: Variable<unknown> = variables[name];
    const text = env[name]?.trim() ?? "";
    if (text === "") return variable.fallback(environment);
    try {
      return variable.parse(text);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const shown = variable.secret === true ? "" : ` It is "${shorten(text)}".`;
      faults.push({ variable: name, problem: `${error.message}${shown}` });
      return variable.fallback(environment);
    }
  };
  const names = Object.keys(variables) as VariableName[];
  const values = Object.fromEntries(names.map((name) => [name, read(name)])) as Values;
  const given = (name: VariableName): boolean => (env[name]?.trim() ?? "") !== "";
  const beyond = reachesBeyond(values, given);
  faults.push(...contradictions(values, given));
  if (values.NODE_ENV === "production") faults.push(...productionFaults(values, given));
  // One sentence a variable is enough: what could not be read has its fallback here.
  const named = new Set(faults.map(({ variable }) => variable));
  const known = knownDefaults(values, given, beyond);
  faults.push(...known.filter(({ variable }) => !named.has(variable)));
  if (faults.length > 0) throw new ConfigError(faults);
  return assemble(values, beyond === undefined && isReached(values) === undefined);
}

/**
 * Reads `.env` of the working folder into the environment, where there is one; what the
 * environment has already wins. Entry points call it before `loadConfig`.
 */
export function loadEnvFile(path: string = resolve(".env")): void {
  if (existsSync(path)) process.loadEnvFile(path);
}

/** The services that the configuration lacks and a stand-in would have to play. */
export function missingServices(config: Config): ("postgres" | "stripe" | "mail")[] {
  const missing: ("postgres" | "stripe" | "mail")[] = [];
  if (config.database.url === undefined) missing.push("postgres");
  if (config.stripe.secretKey === undefined) missing.push("stripe");
  if (config.mail.smtpUrl === undefined) missing.push("mail");
  return missing;
}

/** Whether every service has its URL, so that `openResources` can be called. */
export function isComplete(config: Config): config is CompleteConfig {
  return missingServices(config).length === 0;
}

/** The configuration as lines for the start-up text, without any secret. */
export function describe(config: Config): string[] {
  const { database, redis, stripe, mail, http } = config;
  return [
    `environment  ${config.environment}`,
    `public URL   ${http.publicUrl} (port ${http.port} on ${http.hosts.join(", ")})`,
    `database     ${redactUrl(database.url)}`,
    `migrations   ${redactUrl(database.rootUrl)}`,
    `Redis        ${redactUrl(redis.url)}`,
    `Stripe       ${stripe.apiUrl === undefined ? "api.stripe.com" : redactUrl(stripe.apiUrl)}`,
    `mail         ${redactUrl(mail.smtpUrl)}, from ${mail.from}`,
    `data folder  ${config.dataDir}`,
  ];
}

const SECRET_PARAMETER = /pass|secret|token|key|credential/i;

/** A URL that may be printed: its password and its secret parameters are replaced by `***`. */
export function redactUrl(url: string | undefined): string {
  if (url === undefined) return "not set";
  try {
    const parsed = new URL(url);
    if (parsed.password !== "") parsed.password = "***";
    for (const name of [...parsed.searchParams.keys()]) {
      if (SECRET_PARAMETER.test(name)) parsed.searchParams.set(name, "***");
    }
    return parsed.href;
  } catch {
    return "set (not shown: it is not a URL)";
  }
}

function environmentOf(env: Record<string, string | undefined>): Environment {
  const text = env.NODE_ENV?.trim();
  return text === "production" || text === "test" ? text : "development";
}

function assemble(values: Values, isLocal: boolean): Config {
  const dataDir = values.DATA_DIR;
  const publicUrl = values.PUBLIC_URL ?? `http://localhost:${values.PORT}`;
  return {
    environment: values.NODE_ENV,
    isLocal,
    logLevel: values.LOG_LEVEL,
    http: {
      port: values.PORT,
      hosts: values.HOST,
      publicUrl,
      trustProxy: values.TRUST_PROXY,
      corsOrigins: values.CORS_ORIGINS,
      trustedDocuments: values.TRUSTED_DOCUMENTS,
      publicCacheMb: values.PUBLIC_CACHE_MB,
      logClients: values.LOG_CLIENTS,
    },
    app: {
      url: values.APP_URL ?? publicUrl,
      confirmPath: values.APP_CONFIRM_PATH,
      resetPath: values.APP_RESET_PATH,
      emailPath: values.APP_EMAIL_PATH,
      exportPath: values.APP_EXPORT_PATH,
      signInPath: values.APP_SIGN_IN_PATH,
      bookingPath: values.APP_BOOKING_PATH,
    },
    database: {
      url: values.DATABASE_URL,
      rootUrl: values.ROOT_DATABASE_URL,
      owner: values.DATABASE_OWNER,
      authenticator: values.DATABASE_AUTHENTICATOR,
      visitor: values.DATABASE_VISITOR,
      operator: values.DATABASE_OPERATOR,
      poolSize: values.DATABASE_POOL_SIZE,
      statementTimeoutMs: values.DATABASE_STATEMENT_TIMEOUT_MS,
    },
    redis: { url: values.REDIS_URL },
    tokens: {
      keys: values.JWT_KEYS,
      accessMinutes: values.ACCESS_TOKEN_MINUTES,
      refreshDays: values.REFRESH_TOKEN_DAYS,
    },
    factorKeys: values.FACTOR_KEYS,
    oidcProviders: values.OIDC_PROVIDERS,
    stripe: {
      secretKey: values.STRIPE_SECRET_KEY,
      publishableKey: values.STRIPE_PUBLISHABLE_KEY,
      webhookSecrets: values.STRIPE_WEBHOOK_SECRET,
      apiUrl: values.STRIPE_API_URL,
    },
    mail: {
      smtpUrl: values.SMTP_URL,
      from: values.MAIL_FROM,
      mailboxDir: values.MAILBOX_DIR ?? resolve(dataDir, "mail"),
      isStandIn: false,
    },
    worker: {
      concurrency: values.WORKER_CONCURRENCY,
      stripeConcurrency: values.WORKER_STRIPE_CONCURRENCY,
      heartbeatSeconds: values.WORKER_HEARTBEAT_SECONDS,
    },
    dataDir,
    allowStandIns: values.NODE_ENV !== "production" || values.ALLOW_STAND_INS,
    // The demo has an operator whose password everybody knows.
    seedDemo: values.SEED_DEMO && isLocal,
  };
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
