/**
 * Says where the database is and under which role, for everything that changes its schema, and
 * builds graphile-migrate's settings from our configuration (there is no .gmrc: two places would
 * disagree). It opens no connection.
 */
import { fileURLToPath } from "node:url";
import { Logger, type Settings } from "graphile-migrate";
import type { Config } from "../../config/index.ts";
import { DatabaseCommandError } from "./errors.ts";

/** The part of the configuration that migrations need, with both URLs present. */
export interface DatabaseTarget {
  /** Connects as the authenticator. */
  readonly url: string;
  /** Connects as a role that may create roles and databases. */
  readonly rootUrl: string;
  /** Name of the database, out of `url`. */
  readonly name: string;
  readonly owner: string;
  readonly authenticator: string;
  readonly visitor: string;
  readonly operator: string;
}

/** Absolute path of the folder `migrations/`. */
export const MIGRATIONS_FOLDER = fileURLToPath(new URL("../../../migrations", import.meta.url));

/** What `migrations/current/1-current.sql` holds when nothing is pending. */
export const BLANK_MIGRATION =
  "-- Nothing is pending. See ../README.md for how to change the schema.";

/**
 * Which database to work on.
 * @throws {DatabaseCommandError} when a URL is missing or the two do not fit the role names
 */
export function databaseTarget(config: Config): DatabaseTarget {
  const { url, rootUrl, owner, authenticator, visitor, operator } = config.database;
  if (url === undefined || rootUrl === undefined) {
    const missing = url === undefined ? "DATABASE_URL" : "ROOT_DATABASE_URL";
    throw new DatabaseCommandError(
      `${missing} is not set, so the schema cannot be changed. Set both DATABASE_URL and ` +
        "ROOT_DATABASE_URL (see .env.example).",
    );
  }
  assertDecodable("DATABASE_URL", url);
  assertDecodable("ROOT_DATABASE_URL", rootUrl);
  const name = databaseName(url);
  if (name === "" || name === "postgres" || /^template[01]$/.test(name)) {
    throw new DatabaseCommandError(
      `DATABASE_URL names ${name === "" ? "no database" : `the database "${name}"`}. End it ` +
        "with a name of our own, for example /staybase.",
    );
  }
  const user = decodeURIComponent(new URL(url).username);
  if (user !== authenticator) {
    throw new DatabaseCommandError(
      `DATABASE_URL signs in as "${user}", but the authenticator is "${authenticator}". Put that ` +
        "role into DATABASE_URL, or name the other one in DATABASE_AUTHENTICATOR.",
    );
  }
  return { url, rootUrl, name, owner, authenticator, visitor, operator };
}

/** A password with a bare percent sign would fail somewhere deep inside the driver. */
function assertDecodable(variable: string, url: string): void {
  const { username, password, pathname } = new URL(url);
  try {
    for (const part of [username, password, pathname]) decodeURIComponent(part);
  } catch {
    throw new DatabaseCommandError(
      `${variable} has a percent sign that begins no escape: write %25 for a percent sign.`,
    );
  }
}

/** The database that a URL names; empty when it names none. */
export function databaseName(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1));
}

/** The same URL for another database of the same server. */
export function withDatabaseName(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${encodeURIComponent(name)}`;
  return changed.href;
}

/** The host of the server, unless that is this machine: then `undefined`. */
export function distantHost(target: DatabaseTarget): string | undefined {
  const { hostname, searchParams } = new URL(target.rootUrl);
  // The driver prefers this parameter; a path is a socket.
  const host = searchParams.get("host") ?? hostname;
  const isHere = ["localhost", "127.0.0.1", "[::1]", ""].includes(host) || host.startsWith("/");
  return isHere ? undefined : host;
}

/** Connects as root to a database of the server that is not ours, to create or drop ours. */
export function maintenanceUrl(target: DatabaseTarget): string {
  const given = databaseName(target.rootUrl);
  const ours = [target.name, shadowName(target), ""];
  return withDatabaseName(target.rootUrl, ours.includes(given) ? "postgres" : given);
}

/** Connects as root and acts as the owner from the first statement on, so that it owns all. */
export function ownerUrl(target: DatabaseTarget, name: string = target.name): string {
  const url = new URL(withDatabaseName(target.rootUrl, name));
  // Blanks must be %20 here: PostgreSQL's URLs do not know the plus sign of web forms.
  const options = [url.searchParams.get("options"), `-c role=${target.owner}`];
  url.searchParams.delete("options");
  const rest = url.search === "" ? "?" : `${url.search}&`;
  const value = encodeURIComponent(options.filter((option) => option !== null).join(" "));
  url.search = `${rest}options=${value}`;
  return url.href;
}

/** The database in which `db:commit` tries the migrations from nothing. */
export function shadowName(target: DatabaseTarget): string {
  return `${target.name}_shadow`;
}

/** The names that SQL files may use for roles. `:DATABASE_OWNER` is built into the library. */
export function placeholders(target: DatabaseTarget): Record<string, string> {
  return {
    ":DATABASE_AUTHENTICATOR": target.authenticator,
    ":DATABASE_VISITOR": target.visitor,
    ":DATABASE_OPERATOR": target.operator,
  };
}

/** What the settings may be told besides the database. */
export interface SettingsOptions {
  /** Gets each message of graphile-migrate; silent without it. */
  readonly log?: (level: string, message: string) => void;
  /** Another folder than `migrations/`, for tests of the proofs. */
  readonly migrationsFolder?: string;
}

/** graphile-migrate's settings for our database. */
export function migrateSettings(target: DatabaseTarget, options: SettingsOptions = {}): Settings {
  const { log = () => {}, migrationsFolder = MIGRATIONS_FOLDER } = options;
  return {
    connectionString: ownerUrl(target),
    shadowConnectionString: ownerUrl(target, shadowName(target)),
    rootConnectionString: maintenanceUrl(target),
    databaseOwner: target.owner,
    migrationsFolder,
    placeholders: placeholders(target),
    blankMigrationContent: BLANK_MIGRATION,
    afterReset: [{ _: "command", command: workerSchemaCommand(target) }],
    logger: new Logger(() => (level, message) => log(level, message)),
  };
}

/**
 * Installs the job queue in a database that graphile-migrate has just made, as migrations may
 * refer to it. The URL has a password, so it goes through a pipe and not onto the command line.
 */
function workerSchemaCommand(target: DatabaseTarget): string {
  const program = fileURLToPath(new URL("workerSchema.ts", import.meta.url));
  return `printf %s "$GM_DBURL" | "${process.execPath}" "${program}" ${target.authenticator}`;
}
