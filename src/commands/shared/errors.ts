/**
 * Turns what goes wrong between us and a database server into one sentence that says what to do.
 * It knows errors of the connection and of rights; errors in a migration keep the message that
 * graphile-migrate gives them, and no sentence ever holds a password.
 */
import { ConfigError, redactUrl } from "../../config/index.ts";
import { ResourceError } from "../../resources/resourceError.ts";

/** A fault that a person can put right; its message is a whole sentence and is shown alone. */
export class DatabaseCommandError extends Error {
  override readonly name = "DatabaseCommandError";
}

/** The `code` of a Node or Postgres error, also of the first one in an `AggregateError`. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  if (error instanceof AggregateError) return errorCode(error.errors[0]);
  return undefined;
}

/** The message of anything thrown. */
export function errorMessage(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return errorMessage(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}

/**
 * The sentence for a failed connection, or the error itself when it is about something else.
 * `variable` is the one of which `url` is the value.
 */
export function explainConnection(error: unknown, variable: string, url: string): unknown {
  if (error instanceof DatabaseCommandError) return error;
  const where = redactUrl(url);
  const user = decodeURIComponent(new URL(url).username);
  const code = errorCode(error) ?? "";
  const server = new URL(url).host;
  const sentences: Record<string, string> = {
    ECONNREFUSED: `Nothing listens at ${server}. Start PostgreSQL there, or correct ${variable}.`,
    ENOTFOUND: `The host of ${variable} (${server}) is unknown. Correct its name.`,
    EAI_AGAIN: `The host of ${variable} (${server}) could not be looked up. Check the network.`,
    ETIMEDOUT: `${server} does not answer. Check ${variable} and the firewall in between.`,
    ECONNRESET: `${server} hung up. Check that ${variable} leads to PostgreSQL, and its TLS.`,
    "28P01": `The password of "${user}" in ${variable} is wrong. Correct it.`,
    "28000": `The server does not let "${user}" in: ${errorMessage(error)}. Correct ${variable}.`,
    "3D000": `There is no database at ${where}. Correct ${variable}, or run npm run db:migrate.`,
    "53300": `The server of ${variable} has no connection left. Close some, or raise its limit.`,
    "57P03": `The server of ${variable} is just starting or stopping. Try again in a moment.`,
    "42501":
      `"${user}" in ${variable} lacks a right: ${errorMessage(error)}. Use a superuser there, or ` +
      "a role with CREATEROLE and CREATEDB.",
  };
  const sentence = sentences[code] ?? sentenceFromMessage(errorMessage(error), variable, server);
  return sentence === undefined ? error : new DatabaseCommandError(sentence, { cause: error });
}

/** The driver gives some faults of a connection no code. */
function sentenceFromMessage(message: string, variable: string, server: string) {
  if (/timeout (expired|exceeded)|terminated due to connection timeout/.test(message)) {
    return `${server} does not answer. Check ${variable} and the firewall in between.`;
  }
  if (/client password must be a string|no password/i.test(message)) {
    return `${variable} has no password, but ${server} asks for one. Add it to the URL.`;
  }
  if (/does not support SSL|self.signed|certificate/i.test(message)) {
    return `${variable}: ${message}. Set sslmode in the URL to what the server offers.`;
  }
  if (/Connection terminated unexpectedly|invalid response/.test(message)) {
    return `${server} answers, but not as PostgreSQL does. Correct ${variable}.`;
  }
  return undefined;
}

/** What a command prints for an error: a sentence where we have one, else the whole stack. */
export function describeFailure(error: unknown): string {
  if (isForPeople(error)) return error.message;
  if (!(error instanceof Error)) return String(error);
  return migrationFailure(error) ?? error.stack ?? error.message;
}

function isForPeople(error: unknown): error is Error {
  return (
    error instanceof DatabaseCommandError ||
    error instanceof ResourceError ||
    error instanceof ConfigError
  );
}

/** graphile-migrate points at the line of the SQL that failed, where Postgres named one. */
function migrationFailure(error: Error): string | undefined {
  const severity: unknown = Reflect.get(error, "severity");
  if (severity === undefined) return undefined;
  const pointed: unknown = Reflect.get(error, "_gmMessageOverride");
  const headline = typeof pointed === "string" ? pointed : `${errorCode(error)}: ${error.message}`;
  const rest = ["detail", "hint", "where"].flatMap((name) => {
    const value: unknown = Reflect.get(error, name);
    return typeof value === "string" ? [`${name}: ${value}`] : [];
  });
  return [headline, ...rest].join("\n");
}
