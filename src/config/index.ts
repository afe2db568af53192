/**
 * Reads the environment once, checks all of it and hands out one typed `Config`; every fault is
 * reported together with what to do. It is the only reader of `process.env` and opens nothing:
 * connections belong to src/resources, stand-ins for missing services to src/dev.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { Refusal, type TrustProxy } from "./parsers.ts";
import {
  DEVELOPMENT_JWT_SECRET,
  type Environment,
  type LogLevel,
  type Values,
  type Variable,
  type VariableName,
  variables,
} from "./variables.ts";

export { DEVELOPMENT_JWT_SECRET, type Environment, type LogLevel, variables };

/** The whole configuration. A URL that is `undefined` is one for which a stand-in is needed. */
export interface Config {
  readonly environment: Environment;
  readonly logLevel: LogLevel;
  readonly http: {
    readonly port: number;
    /** The addresses to bind: `HOST=localhost` means both 127.0.0.1 and ::1. */
    readonly hosts: readonly string[];
    /** Origin under which browsers reach this server, without a trailing slash. */
    readonly publicUrl: string;
    readonly trustProxy: TrustProxy;
    readonly corsOrigins: readonly string[];
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
    readonly secret: string;
    readonly accessMinutes: number;
    readonly refreshDays: number;
  };
  readonly stripe: {
    readonly secretKey: string | undefined;
    readonly publishableKey: string | undefined;
    readonly webhookSecret: string | undefined;
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
  readonly worker: { readonly concurrency: number; readonly heartbeatSeconds: number };
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
    readonly webhookSecret: string;
  };
  readonly mail: Config["mail"] & { readonly smtpUrl: string };
}

/** One fault of the configuration: which variable, and a sentence that says what to do. */
export interface ConfigFault {
  readonly variable: string;
  readonly problem: string;
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

/** The Stripe credentials of the simulator. Production refuses them with the real Stripe. */
export const SIMULATOR_STRIPE_KEYS = {
  secretKey: "sk_test_staybase_simulator",
  publishableKey: "pk_test_staybase_simulator",
  webhookSecret: "whsec_staybase_simulator_0000000000000000",
} as const;

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
  faults.push(...contradictions(values, given));
  if (values.NODE_ENV === "production") faults.push(...productionFaults(values, given));
  if (faults.length > 0) throw new ConfigError(faults);
  return assemble(values);
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

function contradictions(values: Values, given: (name: VariableName) => boolean): ConfigFault[] {
  const faults: ConfigFault[] = [];
  if (given("ROOT_DATABASE_URL") && !given("DATABASE_URL")) {
    const problem = "is set without DATABASE_URL. Set both, or neither for the embedded one.";
    faults.push({ variable: "ROOT_DATABASE_URL", problem });
  }
  const stripe = ["STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET"] as const;
  const absent = stripe.filter((name) => !given(name));
  const some = absent.length < stripe.length || given("STRIPE_API_URL");
  // Production without stand-ins needs each of them anyway, and says so.
  if (some && (values.NODE_ENV !== "production" || values.ALLOW_STAND_INS)) {
    const problem = "is missing. Set all three Stripe keys, or none of them for the simulator.";
    for (const variable of absent) faults.push({ variable, problem });
  }
  const roles = ["OWNER", "AUTHENTICATOR", "VISITOR", "OPERATOR"] as const;
  const seen = new Set<string>();
  for (const role of roles) {
    const variable = `DATABASE_${role}` as const;
    const name = values[variable];
    const problem = "is the name of another role too. Give each of the four roles its own name.";
    if (seen.has(name)) faults.push({ variable, problem });
    seen.add(name);
  }
  return faults;
}

function productionFaults(values: Values, given: (name: VariableName) => boolean): ConfigFault[] {
  const faults: ConfigFault[] = [];
  const standIns = values.ALLOW_STAND_INS;
  for (const name of Object.keys(variables) as VariableName[]) {
    const { production, example }: Variable<unknown> = variables[name];
    const needed = production === "always" || (production === "unless stand-ins" && !standIns);
    if (!needed || given(name)) continue;
    const hint = example === undefined ? "" : `, for example ${example}`;
    const way = production === "always" ? "" : " ALLOW_STAND_INS=true does without.";
    faults.push({ variable: name, problem: `must be set in production${hint}.${way}` });
  }
  if (given("STRIPE_API_URL") && !standIns) {
    const problem = "must be empty in production: payments belong to Stripe itself.";
    faults.push({ variable: "STRIPE_API_URL", problem });
  }
  const known = new Map<VariableName, string>([
    ["JWT_SECRET", DEVELOPMENT_JWT_SECRET],
    ["STRIPE_SECRET_KEY", SIMULATOR_STRIPE_KEYS.secretKey],
    ["STRIPE_WEBHOOK_SECRET", SIMULATOR_STRIPE_KEYS.webhookSecret],
  ]);
  for (const [variable, secret] of known) {
    const problem = "is the default that everybody knows. Set one of your own.";
    if (given(variable) && values[variable] === secret) faults.push({ variable, problem });
  }
  return faults;
}

function assemble(values: Values): Config {
  const dataDir = values.DATA_DIR;
  return {
    environment: values.NODE_ENV,
    logLevel: values.LOG_LEVEL,
    http: {
      port: values.PORT,
      hosts: values.HOST,
      publicUrl: values.PUBLIC_URL ?? `http://localhost:${values.PORT}`,
      trustProxy: values.TRUST_PROXY,
      corsOrigins: values.CORS_ORIGINS,
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
      secret: values.JWT_SECRET,
      accessMinutes: values.ACCESS_TOKEN_MINUTES,
      refreshDays: values.REFRESH_TOKEN_DAYS,
    },
    stripe: {
      secretKey: values.STRIPE_SECRET_KEY,
      publishableKey: values.STRIPE_PUBLISHABLE_KEY,
      webhookSecret: values.STRIPE_WEBHOOK_SECRET,
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
      heartbeatSeconds: values.WORKER_HEARTBEAT_SECONDS,
    },
    dataDir,
    allowStandIns: values.NODE_ENV !== "production" || values.ALLOW_STAND_INS,
    seedDemo: values.SEED_DEMO,
  };
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
