/**
 * Every variable that the product reads: what it is for, how its text is read, what it is when it
 * is empty, and whether production needs it.
 */
import { resolve } from "node:path";
import { type OidcProvider, oidcProviders } from "./oidcProviders.ts";
import {
  boolean,
  hosts,
  integer,
  list,
  mailFrom,
  oneOf,
  origin,
  pathWith,
  prefixed,
  roleName,
  sealingKeys,
  type TrustProxy,
  trustProxy,
  urlOf,
} from "./parsers.ts";
import { MAKE_SIGNING_KEY, signingKeys } from "./signingKeys.ts";

export type Environment = "development" | "test" | "production";
export type ClientLogging = "network" | "address" | "none";
export type LogLevel = "silent" | "fatal" | "error" | "warn" | "info" | "debug" | "trace";

/** What `JWT_KEYS` is in development and tests, as long as nobody else is concerned. */
export const DEVELOPMENT_JWT_KEY =
  "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgaXaPV9ru7YpQueDVlIyAy08aLOliQS1o5yt+zTK31kOh" +
  "RANCAASSkjn+/duk7CQ5LxWKb4VCiYFO2ba0bns9kykdXfCC1LrYHwFGyra+28OiwuV6NP5DhHAoZI5e4xIpfTL6jtFs";

/** What `FACTOR_KEYS` is then. */
export const DEVELOPMENT_FACTOR_KEY = "U3RheWJhc2UgZGV2ZWxvcG1lbnQgZmFjdG9yIGtleSE=";

/** The Stripe credentials of the simulator. They are refused where others are concerned. */
export const SIMULATOR_STRIPE_KEYS = {
  secretKey: "sk_test_staybase_simulator",
  publishableKey: "pk_test_staybase_simulator",
  webhookSecret: "whsec_staybase_simulator_0000000000000000",
} as const;

export interface Variable<T> {
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
      "http://localhost:PORT, production needs one with https://.",
    parse: origin,
    fallback: () => undefined,
    production: "always",
    example: "https://stay.example.com",
  }),
  APP_URL: define<string | undefined>({
    sentence:
      "The origin of the app for guests and hosts, to which mails link; empty links to pages of " +
      "ours at PUBLIC_URL.",
    parse: origin,
    fallback: () => undefined,
  }),
  APP_CONFIRM_PATH: define<string>({
    sentence: "The path of the app where somebody who registered proves the address.",
    parse: pathWith("token"),
    fallback: () => "/confirm-registration?token={token}",
  }),
  APP_RESET_PATH: define<string>({
    sentence: "The path of the app where somebody who forgot their password chooses a new one.",
    parse: pathWith("token"),
    fallback: () => "/reset-password?token={token}",
  }),
  APP_EMAIL_PATH: define<string>({
    sentence: "The path of the app where somebody proves a new e-mail address.",
    parse: pathWith("token"),
    fallback: () => "/confirm-email?token={token}",
  }),
  APP_EXPORT_PATH: define<string>({
    sentence: "The path of the app where somebody downloads the data that they asked for.",
    parse: pathWith("token"),
    fallback: () => "/export?token={token}",
  }),
  APP_SIGN_IN_PATH: define<string>({
    sentence:
      "The path of the app where somebody who signs in with a provider gets a session for the " +
      "code, or reads the parameter error.",
    parse: pathWith("code"),
    fallback: () => "/sign-in?code={code}",
  }),
  APP_BOOKING_PATH: define<string>({
    sentence: "The path of the app where a guest or a host sees a booking.",
    parse: pathWith("id"),
    fallback: () => "/bookings/{id}",
  }),
  LOG_LEVEL: define<LogLevel>({
    sentence: "The least severe level to log: silent, fatal, error, warn, info, debug or trace.",
    parse: oneOf("silent", "fatal", "error", "warn", "info", "debug", "trace"),
    fallback: () => "info",
  }),
  LOG_CLIENTS: define<ClientLogging>({
    sentence:
      "What the log says of who asks: network (24 bits of an IPv4 address, 48 of IPv6), address " +
      "or none.",
    parse: oneOf("network", "address", "none"),
    fallback: () => "network",
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
      "How many database connections one process may hold; a worker has WORKER_CONCURRENCY + " +
      "WORKER_STRIPE_CONCURRENCY + 4 of its own. All processes must fit the server.",
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
      "Redis, for rate limits, revoked sessions and answers for visitors; empty keeps them in " +
      "each process, which processes then do not share.",
    parse: urlOf("redis:", "rediss:"),
    fallback: () => undefined,
    secret: true,
    production: "unless stand-ins",
    example: "redis://cache.internal:6379/0",
  }),
  JWT_KEYS: define<readonly string[]>({
    sentence:
      "The private keys of the access tokens, on the curve P-256, as PEM or base64 of DER, the " +
      "same in every process: the first signs; a second, after a comma, is still good while one " +
      "is replaced; empty is a known key, refused where anything leads beyond this machine.",
    parse: signingKeys,
    fallback: () => [DEVELOPMENT_JWT_KEY],
    secret: true,
    production: "always",
    example: `the output of: ${MAKE_SIGNING_KEY} (it takes the place of JWT_SECRET)`,
  }),
  FACTOR_KEYS: define<readonly string[]>({
    sentence:
      "Seals the secrets of second factors in the database, 32 bytes in base64, the same in " +
      "every process: the first seals; a second, after a comma, still opens what it sealed. Who " +
      "loses it makes the factors useless. Empty is a known key, refused where the system is " +
      "not local.",
    parse: sealingKeys,
    fallback: () => [DEVELOPMENT_FACTOR_KEY],
    secret: true,
    production: "always",
    example: "the output of: openssl rand -base64 32",
  }),
  ACCESS_TOKEN_MINUTES: define<number>({
    sentence: "How long an access token is valid, in minutes, 15 at most.",
    parse: integer(1, 15),
    fallback: () => 15,
  }),
  REFRESH_TOKEN_DAYS: define<number>({
    sentence: "How long a refresh token is valid, in days.",
    parse: integer(1, 365),
    fallback: () => 30,
  }),
  OIDC_PROVIDERS: define<readonly OidcProvider[]>({
    sentence:
      "The providers of OpenID Connect by which people may sign in, as a JSON list of name, " +
      "title, issuer, clientId and clientSecret; each is told that people come back to " +
      "PUBLIC_URL/v1/auth/oidc/NAME/callback; empty is none.",
    parse: oidcProviders,
    fallback: () => [],
    secret: true,
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
  STRIPE_WEBHOOK_SECRET: define<readonly string[] | undefined>({
    sentence:
      "The signing secret of the webhook endpoint PUBLIC_URL/v1/webhooks/stripe; several, with " +
      "commas between them, while one is replaced by another.",
    parse: (text) => list(text).map(prefixed("whsec_")),
    fallback: () => undefined,
    secret: true,
    production: "unless stand-ins",
    example: "whsec_... from the webhook page of the Stripe dashboard",
  }),
  STAGING: define<boolean>({
    sentence:
      "Whether a production environment is for trying things out: then Stripe's test keys are " +
      "taken there, and its live keys refused.",
    parse: boolean,
    fallback: () => false,
  }),
  STRIPE_API_URL: define<string | undefined>({
    sentence: "Where Stripe is: empty is Stripe itself, else a simulator that runs elsewhere.",
    parse: urlOf("http:", "https:"),
    fallback: () => undefined,
  }),
  SMTP_URL: define<string | undefined>({
    sentence:
      "The mail server; production wants smtps://, or smtp:// with ?requireTLS=true or, where " +
      "the way there is safe, ?ignoreTLS=true; empty catches every mail in MAILBOX_DIR and, " +
      "while nothing leads beyond this machine, shows it at /dev/mail.",
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
  PUBLIC_CACHE_MB: define<number>({
    sentence:
      "How many megabytes of answers for visitors who are not signed in a server keeps; 0 keeps " +
      "none; empty is 32, in tests 0.",
    parse: integer(0, 100_000),
    fallback: (environment) => (environment === "test" ? 0 : 32),
  }),
  TRUSTED_DOCUMENTS: define<string | undefined>({
    sentence:
      "The folder of the only GraphQL documents that the server takes, each named by the SHA-256 " +
      "of its text; empty takes any.",
    parse: (text) => resolve(text),
    fallback: () => undefined,
  }),
  CORS_ORIGINS: define<string[]>({
    sentence:
      "The origins whose pages may call this server, and stay signed in by its cookie where they " +
      "are of the same site, separated by commas; empty is none.",
    parse: (text) => list(text).map(origin),
    fallback: () => [],
  }),
  WORKER_CONCURRENCY: define<number>({
    sentence: "How many jobs one worker runs at a time.",
    parse: integer(1, 100),
    fallback: () => 4,
  }),
  WORKER_STRIPE_CONCURRENCY: define<number>({
    sentence: "How many jobs that ask Stripe a worker runs at once, beside the others.",
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
      "alone, while nothing leads beyond this machine. With DATABASE_URL it is ignored: see npm " +
      "run db:seed.",
    parse: boolean,
    fallback: (environment) => environment === "development",
  }),
};

export type VariableName = keyof typeof variables;
export type Values = { [Name in VariableName]: ReturnType<(typeof variables)[Name]["fallback"]> };
