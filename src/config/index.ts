/**
 * Reads the environment once, checks all of it and hands out one typed `Config`; every fault is
 * reported together with what to do. It is the only reader of `process.env` and opens nothing:
 * connections belong to src/resources, stand-ins for missing services to src/dev.
 */
import { existsSync } from "node:fs";
import { isIP } from "node:net";
import { resolve } from "node:path";

// Grafast reads this one itself while it is loaded, and prints a page of advice where it is unset.
// Its development mode checks every plan again, which belongs into work on plugins: set it there by
// hand.
process.env.GRAPHILE_ENV ??= "production";

export type Environment = "development" | "test" | "production";
export type LogLevel = "silent" | "fatal" | "error" | "warn" | "info" | "debug" | "trace";
/** `false`: trust nobody; a number: that many proxies in front; a list: their addresses. */
export type TrustProxy = false | number | string[];

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

/** What `JWT_SECRET` is in development and tests. Production refuses it. */
export const DEVELOPMENT_JWT_SECRET = "staybase-development-secret-not-for-production";

/** The Stripe credentials of the simulator. Production refuses them with the real Stripe. */
export const SIMULATOR_STRIPE_KEYS = {
  secretKey: "sk_test_staybase_simulator",
  publishableKey: "pk_test_staybase_simulator",
  webhookSecret: "whsec_staybase_simulator_0000000000000000",
} as const;

/** What a parser throws; its message is the fault's sentence and must not hold a secret. */
class Refusal extends Error {}

interface Variable<T> {
  /** One sentence for the person who fills in .env.example. */
  readonly sentence: string;
  readonly parse: (text: string) => T;
  /** Used when the variable is unset or empty. */
  readonly fallback: (environment: Environment) => T;
  /** A secret's value is never shown, not even in a fault. */
  readonly secret?: true;
  /** What production needs: the variable itself, or the variable or ALLOW_STAND_INS. */
  readonly production?: "always" | "unless stand-ins";
  /** Example for the fault's sentence when production lacks it. */
  readonly example?: string;
}

/** Gives a table entry the type of its values. */
function define<T>(variable: Variable<T>): Variable<T> {
  return variable;
}

/** Every variable that the product reads. `.env.example` has the same names and sentences. */
export const variables = {
  NODE_ENV: define<Environment>({
    sentence: "What this process is for: development, test or production.",
    parse: oneOf("development", "test", "production"),
    fallback: () => "development",
  }),
  PORT: define<number>({
    sentence: "The port of the API, the reference pages and the webhooks.",
    parse: integer(1, 65_535),
    fallback: () => 4000,
  }),
  HOST: define<readonly string[]>({
    sentence:
      "The address to listen on: localhost is this machine alone (IPv4 and IPv6), 0.0.0.0 is " +
      "every network; empty is localhost, in production 0.0.0.0.",
    parse: hosts,
    fallback: (environment) => hosts(environment === "production" ? "0.0.0.0" : "localhost"),
  }),
  PUBLIC_URL: define<string | undefined>({
    sentence:
      "The origin under which browsers reach this server, used in links and mails; empty is " +
      "http://localhost:PORT, production needs one.",
    parse: origin,
    fallback: () => undefined,
    production: "always",
    example: "https://stay.example.com",
  }),
  LOG_LEVEL: define<LogLevel>({
    sentence: "The least severe level to log: silent, fatal, error, warn, info, debug or trace.",
    parse: oneOf("silent", "fatal", "error", "warn", "info", "debug", "trace"),
    fallback: () => "info",
  }),
  DATABASE_URL: define<string | undefined>({
    sentence:
      "PostgreSQL 18 or newer, as the authenticator role; empty runs an embedded PostgreSQL in " +
      "DATA_DIR.",
    parse: urlOf("postgres:", "postgresql:"),
    fallback: () => undefined,
    secret: true,
    production: "unless stand-ins",
    example: "postgres://staybase_authenticator:...@db.internal:5432/staybase",
  }),
  ROOT_DATABASE_URL: define<string | undefined>({
    sentence:
      "The same server as a role that may create roles and databases; only migrations, npm run " +
      "doctor, db:seed and bench:search use it.",
    parse: urlOf("postgres:", "postgresql:"),
    fallback: () => undefined,
    secret: true,
  }),
  DATABASE_OWNER: define<string>({
    sentence: "The role that owns the database and its schemas; it never logs in.",
    parse: roleName,
    fallback: () => "staybase_owner",
  }),
  DATABASE_AUTHENTICATOR: define<string>({
    sentence: "The role that the server and the worker log in as; it owns nothing.",
    parse: roleName,
    fallback: () => "staybase_authenticator",
  }),
  DATABASE_VISITOR: define<string>({
    sentence: "The role of everybody, signed in or not; row-level security decides the rest.",
    parse: roleName,
    fallback: () => "staybase_visitor",
  }),
  DATABASE_OPERATOR: define<string>({
    sentence: "The role of the marketplace staff.",
    parse: roleName,
    fallback: () => "staybase_operator",
  }),
  DATABASE_POOL_SIZE: define<number>({
    sentence:
      "How many database connections one process may hold; a worker has WORKER_CONCURRENCY + 3 " +
      "of its own. All processes must fit the server.",
    parse: integer(1, 500),
    fallback: () => 10,
  }),
  DATABASE_STATEMENT_TIMEOUT_MS: define<number>({
    sentence: "After how many milliseconds the database gives up on one statement.",
    parse: integer(100, 600_000),
    fallback: () => 8000,
  }),
  REDIS_URL: define<string | undefined>({
    sentence:
      "Redis, for rate limits and revoked sessions; empty keeps them in each process, which " +
      "processes then do not share.",
    parse: urlOf("redis:", "rediss:"),
    fallback: () => undefined,
    secret: true,
    production: "unless stand-ins",
    example: "redis://cache.internal:6379/0",
  }),
  JWT_SECRET: define<string>({
    sentence:
      "Signs the access tokens: at least 32 characters that nobody can guess, the same in every " +
      "process; empty is a known value that only development may use.",
    parse: jwtSecret,
    fallback: () => DEVELOPMENT_JWT_SECRET,
    secret: true,
    production: "always",
    example: "the output of: openssl rand -base64 48",
  }),
  ACCESS_TOKEN_MINUTES: define<number>({
    sentence: "How long an access token is valid, in minutes.",
    parse: integer(1, 1440),
    fallback: () => 15,
  }),
  REFRESH_TOKEN_DAYS: define<number>({
    sentence: "How long a refresh token is valid, in days.",
    parse: integer(1, 365),
    fallback: () => 30,
  }),
  STRIPE_SECRET_KEY: define<string | undefined>({
    sentence: "The secret API key of Stripe; empty runs a Stripe simulator on this machine.",
    parse: prefixed("sk_", "rk_"),
    fallback: () => undefined,
    secret: true,
    production: "unless stand-ins",
    example: "sk_live_... from https://dashboard.stripe.com/apikeys",
  }),
  STRIPE_PUBLISHABLE_KEY: define<string | undefined>({
    sentence: "The publishable API key of Stripe, which clients are told.",
    parse: prefixed("pk_"),
    fallback: () => undefined,
    production: "unless stand-ins",
    example: "pk_live_... from https://dashboard.stripe.com/apikeys",
  }),
  STRIPE_WEBHOOK_SECRET: define<string | undefined>({
    sentence: "The signing secret of the webhook endpoint PUBLIC_URL/v1/webhooks/stripe.",
    parse: prefixed("whsec_"),
    fallback: () => undefined,
    secret: true,
    production: "unless stand-ins",
    example: "whsec_... from the webhook page of the Stripe dashboard",
  }),
  STRIPE_API_URL: define<string | undefined>({
    sentence: "Where Stripe is: empty is Stripe itself, else a simulator that runs elsewhere.",
    parse: urlOf("http:", "https:"),
    fallback: () => undefined,
  }),
  SMTP_URL: define<string | undefined>({
    sentence:
      "The mail server; empty catches every mail in MAILBOX_DIR and, except in production, shows " +
      "it at /dev/mail.",
    parse: urlOf("smtp:", "smtps:"),
    fallback: () => undefined,
    secret: true,
    production: "unless stand-ins",
    example: "smtps://user:...@smtp.example.com:465",
  }),
  MAIL_FROM: define<string>({
    sentence: "The sender of every mail, as a name and an address; production needs its own.",
    parse: mailFrom,
    fallback: () => "Staybase <no-reply@staybase.example>",
    production: "always",
    example: "Staybase <no-reply@stay.example.com>",
  }),
  MAILBOX_DIR: define<string | undefined>({
    sentence:
      "The folder in which the mail catcher writes and /dev/mail reads; empty is DATA_DIR/mail.",
    parse: (text) => resolve(text),
    fallback: () => undefined,
  }),
  DATA_DIR: define<string>({
    sentence: "The folder of the stand-ins: their data, their passwords and where they listen.",
    parse: (text) => resolve(text),
    fallback: () => resolve(".staybase"),
  }),
  ALLOW_STAND_INS: define<boolean>({
    sentence: "Lets production run on stand-ins for the services that are not configured.",
    parse: boolean,
    fallback: () => false,
  }),
  TRUST_PROXY: define<TrustProxy>({
    sentence:
      "The reverse proxies in front: how many, or their addresses and networks separated by " +
      "commas; empty trusts nobody.",
    parse: trustProxy,
    fallback: () => false,
  }),
  CORS_ORIGINS: define<string[]>({
    sentence: "The origins whose pages may call this server, separated by commas; empty is none.",
    parse: (text) => list(text).map(origin),
    fallback: () => [],
  }),
  WORKER_CONCURRENCY: define<number>({
    sentence: "How many jobs one worker runs at a time.",
    parse: integer(1, 100),
    fallback: () => 4,
  }),
  WORKER_HEARTBEAT_SECONDS: define<number>({
    sentence: "How often a worker says that it is alive; the jobs of a silent one are taken over.",
    parse: integer(1, 60),
    fallback: () => 10,
  }),
  SEED_DEMO: define<boolean>({
    sentence:
      "Whether npm start adds an invented market to the embedded PostgreSQL where " +
      "operator@staybase.example is missing, beside what is there; empty is yes in development " +
      "alone. With DATABASE_URL it is ignored: see npm run db:seed.",
    parse: boolean,
    fallback: (environment) => environment === "development",
  }),
};

type VariableName = keyof typeof variables;
type Values = { [Name in VariableName]: ReturnType<(typeof variables)[Name]["fallback"]> };

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

function oneOf<T extends string>(...choices: T[]): (text: string) => T {
  return (text) => {
    const choice = choices.find((candidate) => candidate === text);
    if (choice === undefined) throw new Refusal(`must be one of ${choices.join(", ")}.`);
    return choice;
  };
}

function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new Refusal(`must be a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

function boolean(text: string): boolean {
  if (["true", "1", "yes"].includes(text.toLowerCase())) return true;
  if (["false", "0", "no"].includes(text.toLowerCase())) return false;
  throw new Refusal("must be true or false.");
}

function list(text: string): string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function hosts(text: string): readonly string[] {
  if (text === "localhost") return ["127.0.0.1", "::1"];
  const name = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;
  if (isIP(text) === 0 && !name.test(text)) {
    throw new Refusal("must be an address of this machine, such as localhost or 0.0.0.0.");
  }
  return [text];
}

function origin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url?.pathname === "/" && url.search === "" && url.hash === "";
  const web = url?.protocol === "http:" || url?.protocol === "https:";
  if (url === undefined || !plain || !web || url.username !== "" || url.password !== "") {
    throw new Refusal("must be an origin such as https://stay.example.com, without a path.");
  }
  return url.origin;
}

function urlOf(...protocols: string[]): (text: string) => string {
  return (text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || !protocols.includes(url.protocol)) {
      const shapes = protocols.map((protocol) => `${protocol}//`).join(" or ");
      throw new Refusal(`must be a URL that starts with ${shapes}.`);
    }
    return text;
  };
}

function prefixed(...prefixes: string[]): (text: string) => string {
  return (text) => {
    if (!prefixes.some((prefix) => text.startsWith(prefix)) || /\s/.test(text)) {
      throw new Refusal(`must start with ${prefixes.join(" or ")} and hold no blanks.`);
    }
    return text;
  };
}

function roleName(text: string): string {
  // The names are put into SQL as plain identifiers by graphile-migrate's placeholders.
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(text)) {
    throw new Refusal("must be a role name of lower-case letters, digits and underscores.");
  }
  return text;
}

function jwtSecret(text: string): string {
  if (text.length < 32) {
    throw new Refusal("must have at least 32 characters; try: openssl rand -base64 48.");
  }
  if (new Set(text).size < 8) {
    throw new Refusal("is too easy to guess; try: openssl rand -base64 48.");
  }
  return text;
}

function mailFrom(text: string): string {
  const address = /^(?:[^<>\r\n]*<([^<>\s@]+@[^<>\s@]+)>|([^<>\s@]+@[^<>\s@]+))$/;
  if (!address.test(text)) {
    throw new Refusal("must be an address such as Staybase <no-reply@example.com>.");
  }
  return text;
}

const NAMED_NETWORKS = ["loopback", "linklocal", "uniquelocal"];

function trustProxy(text: string): TrustProxy {
  if (["false", "none", "0"].includes(text.toLowerCase())) return false;
  if (/^\d+$/.test(text)) return integer(1, 10)(text);
  if (text.toLowerCase() === "true") {
    throw new Refusal(
      "must not be true: anybody could invent an address and escape the rate limits. Say how " +
        "many proxies there are, or list their addresses.",
    );
  }
  const networks = list(text);
  const known = networks.every((network) => NAMED_NETWORKS.includes(network) || isNetwork(network));
  if (!known || networks.length === 0) {
    throw new Refusal("must be a number of proxies, or addresses such as 10.0.0.0/8,192.0.2.7.");
  }
  return networks;
}

function isNetwork(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  if (bits === undefined) return true;
  return /^\d{1,3}$/.test(bits) && Number(bits) > 0 && Number(bits) <= (version === 4 ? 32 : 128);
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
