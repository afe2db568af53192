/**
 * Writes one JSON line for each thing that happened, without the secrets and mail addresses that
 * may lie in what is logged. What is worth a line is decided by those who log.
 */
import { type DestinationStream, type Logger as PinoLogger, pino } from "pino";
import type { LogLevel } from "../config/index.ts";

export type Logger = PinoLogger;

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Which process this is, for example `server`. */
  readonly name?: string;
  /** Where the lines go; standard output unless a test looks at them. */
  readonly destination?: DestinationStream;
}

/** Names of properties whose values are never written, at any of the first four levels. */
const SECRET_NAMES = [
  "authorization",
  "Authorization",
  "cookie",
  "Cookie",
  "set-cookie",
  "stripe-signature",
  "x-api-key",
  "password",
  "newPassword",
  "passwordHash",
  "password_hash",
  "token",
  "accessToken",
  "access_token",
  "refreshToken",
  "refresh_token",
  "secret",
  "secretKey",
  "client_secret",
  "clientSecret",
  "webhookSecret",
  "jwt",
  "email",
  "connectionString",
  "smtpUrl",
  "rootUrl",
];

/** The logger of a process. */
export function createLogger(options: LoggerOptions): Logger {
  const settings = {
    level: options.level,
    // The host's name and the process id are known to whatever collects the lines.
    base: options.name === undefined ? null : { name: options.name },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: describeError, error: describeError },
    redact: { paths: SECRET_NAMES.flatMap(pathsOf), censor: "[redacted]" },
  };
  return pino(settings, options.destination ?? standardOutput);
}

/**
 * Standard output, to which lines are written many at a time: one by one they take longer to write
 * than to make. An error is written at once, with all before it, and nothing waits for longer than
 * `LATEST_MS`, or stays behind when the process ends by itself.
 */
const standardOutput = {
  // pino says the level of each line here.
  [Symbol.for("pino.metadata")]: true,
  lastLevel: 0,
  write(line: string): void {
    output ??= openOutput();
    output.write(line);
    // Not flushSync(): it tries for ever where nobody reads any more.
    if (this.lastLevel >= ERROR) output.flush();
  },
};

let output: ReturnType<typeof openOutput> | undefined;

function openOutput() {
  const opened = pino.destination({
    dest: 1,
    sync: true,
    minLength: 8192,
    periodicFlush: LATEST_MS,
  });
  process.once("exit", () => opened.flush());
  return opened;
}

const ERROR = pino.levels.values.error ?? 0;
const LATEST_MS = 200;

function pathsOf(name: string): string[] {
  const key = `["${name}"]`;
  return [key, `*${key}`, `*.*${key}`, `*.*.*${key}`];
}

/**
 * An error as plain data. Of a database error the place is kept and the row is not: `detail` and
 * `where` quote values such as mail addresses.
 */
export function describeError(error: unknown): unknown {
  return describeCause(error, 0);
}

const ERROR_FIELDS = ["code", "severity", "schema", "table", "constraint", "routine", "statusCode"];

function describeCause(error: unknown, depth: number): unknown {
  if (!(error instanceof Error)) return error;
  const fields: Record<string, unknown> = {
    type: error.name,
    message: error.message,
    stack: error.stack,
  };
  for (const name of ERROR_FIELDS) {
    const value: unknown = Reflect.get(error, name);
    if (typeof value === "string" || typeof value === "number") fields[name] = value;
  }
  if (error.cause !== undefined && depth < 3) fields.cause = describeCause(error.cause, depth + 1);
  return fields;
}
