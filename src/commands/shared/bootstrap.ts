/**
 * Makes what a server must have before our first migration can run: the four roles, the database
 * and the right to connect to it. Everything here may be repeated; what is there is left alone.
 * What is inside the database is the business of the migrations.
 */
import pg from "pg";
import { withClient } from "./connect.ts";
import { DatabaseCommandError, errorCode, explainConnection } from "./errors.ts";
import { scramVerifier } from "./scram.ts";
import { type DatabaseTarget, maintenanceUrl, withDatabaseName } from "./settings.ts";

const OLDEST_VERSION = 18;
/** "staybase" on a telephone keypad: one migration at a time on a server. */
const LOCK_KEY = "78292273";
const LOCK_TIMEOUT_MS = 60_000;

/** What `prepareServer` had to make, for the person who waits. */
export type Made = string;

/**
 * Prepares the server, then runs `task` while no other process migrates on the same server.
 * @throws {DatabaseCommandError} when the server is too old, unreachable or another one holds on
 */
export async function withPreparedServer<T>(
  target: DatabaseTarget,
  task: (made: Made[]) => Promise<T>,
): Promise<T> {
  const endpoint = { url: maintenanceUrl(target), variable: "ROOT_DATABASE_URL" } as const;
  return withClient(endpoint, async (client) => {
    await assertVersion(client);
    await lock(client);
    const made: Made[] = [];
    try {
      made.push(...(await makeRoles(client, target)));
      made.push(...(await makeDatabase(client, target)));
      await closeLargeObjects(target);
    } catch (error) {
      throw explainConnection(error, endpoint.variable, endpoint.url);
    }
    return task(made);
  });
}

/** @throws {DatabaseCommandError} when the server is older than what our SQL is written for */
export async function assertVersion(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ number: number; text: string }>(
    `select current_setting('server_version_num')::integer as number,
       current_setting('server_version') as text`,
  );
  const version = rows[0];
  if (version === undefined || version.number >= OLDEST_VERSION * 10_000) return;
  throw new DatabaseCommandError(
    `The database server is PostgreSQL ${version.text}, but Staybase needs ${OLDEST_VERSION} or ` +
      "newer. Point DATABASE_URL and ROOT_DATABASE_URL to a newer server.",
  );
}

async function lock(client: pg.ClientBase): Promise<void> {
  try {
    await client.query(`set lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await client.query("select pg_advisory_lock($1)", [LOCK_KEY]);
  } catch (error) {
    if (errorCode(error) !== "55P03") throw error;
    throw new DatabaseCommandError(
      "Another process has been migrating a database of this server for a minute. Wait until it " +
        "is done, or end it, and try again.",
    );
  }
}

interface RoleState {
  readonly names: string[];
  /** Null where one of the two roles is missing. */
  readonly becomes_visitor: boolean | null;
  readonly becomes_operator: boolean | null;
  readonly inherits: boolean | null;
  readonly operator_visits: boolean | null;
  readonly root_becomes_owner: boolean | null;
}

/** Whether `member` may do `what` with `role`; null where one of them does not exist yet. */
const roleState = `
  with wanted as (select $1::text as owner, $2::text as authenticator, $3::text as visitor,
    $4::text as operator)
  select
    array(select r.rolname::text from pg_roles r, wanted w
      where r.rolname in (w.owner, w.authenticator, w.visitor, w.operator)) as names,
    (select pg_has_role(a.oid, v.oid, 'SET') from wanted w
      join pg_roles a on a.rolname = w.authenticator join pg_roles v on v.rolname = w.visitor)
      as becomes_visitor,
    (select pg_has_role(a.oid, o.oid, 'SET') from wanted w
      join pg_roles a on a.rolname = w.authenticator join pg_roles o on o.rolname = w.operator)
      as becomes_operator,
    (select pg_has_role(a.oid, v.oid, 'USAGE') or pg_has_role(a.oid, o.oid, 'USAGE') from wanted w
      join pg_roles a on a.rolname = w.authenticator join pg_roles v on v.rolname = w.visitor
      join pg_roles o on o.rolname = w.operator) as inherits,
    (select pg_has_role(o.oid, v.oid, 'USAGE') from wanted w
      join pg_roles o on o.rolname = w.operator join pg_roles v on v.rolname = w.visitor)
      as operator_visits,
    (select pg_has_role(session_user, o.oid, 'SET') from wanted w
      join pg_roles o on o.rolname = w.owner) as root_becomes_owner`;

async function makeRoles(client: pg.ClientBase, target: DatabaseTarget): Promise<Made[]> {
  const { owner, authenticator, visitor, operator } = target;
  const { rows } = await client.query<RoleState>(roleState, [
    owner,
    authenticator,
    visitor,
    operator,
  ]);
  const state = rows[0];
  const has = (name: string): boolean => state?.names.includes(name) === true;
  const [own, auth, visit, operate] = [owner, authenticator, visitor, operator].map((name) =>
    pg.escapeIdentifier(name),
  );
  const statements: string[] = [];
  if (!has(owner)) statements.push(`create role ${own} nologin`);
  if (!has(visitor)) statements.push(`create role ${visit} nologin`);
  if (!has(operator)) statements.push(`create role ${operate} nologin`);
  if (!has(authenticator)) {
    statements.push(`create role ${auth} login noinherit${passwordClause(target.url)}`);
  }
  if (state?.root_becomes_owner !== true) {
    statements.push(`grant ${own} to current_user with inherit true, set true`);
  }
  const granted = state?.becomes_visitor === true && state.becomes_operator === true;
  if (!granted || state.inherits === true) {
    statements.push(`grant ${visit}, ${operate} to ${auth} with inherit false, set true`);
  }
  if (state?.operator_visits !== true) {
    statements.push(`grant ${visit} to ${operate} with inherit true`);
  }
  if (statements.length === 0) return [];
  await client.query(`begin;\n${statements.join(";\n")};\ncommit;`);
  return [owner, authenticator, visitor, operator]
    .filter((name) => !has(name))
    .map((name) => `role ${name}`);
}

function passwordClause(url: string): string {
  const password = decodeURIComponent(new URL(url).password);
  return password === "" ? "" : ` password ${pg.escapeLiteral(scramVerifier(password))}`;
}

async function makeDatabase(client: pg.ClientBase, target: DatabaseTarget): Promise<Made[]> {
  const { rows } = await client.query<{ encoding: string; connects: boolean; open: boolean }>(
    `select pg_encoding_to_char(d.encoding) as encoding,
       has_database_privilege($2, d.oid, 'CONNECT') as connects,
       exists (select from aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
         where a.grantee = 0) as open
     from pg_database d where d.datname = $1`,
    [target.name, target.authenticator],
  );
  const found = rows[0];
  if (found !== undefined && found.encoding !== "UTF8") {
    throw new DatabaseCommandError(
      `The database "${target.name}" is encoded in ${found.encoding}, but names and places need ` +
        "UTF8. Create it again: create database ... encoding 'UTF8' template template0.",
    );
  }
  const name = pg.escapeIdentifier(target.name);
  if (found === undefined) {
    const owner = pg.escapeIdentifier(target.owner);
    await client.query(`create database ${name} owner ${owner} encoding 'UTF8' template template0`);
  }
  if (found === undefined || !found.connects || found.open) await restrict(client, target);
  return found === undefined ? [`database ${target.name}`] : [];
}

/**
 * Everybody may make large objects, and fill the disk with them: we have none, so nobody may. Only
 * a superuser can take that right away; where ROOT_DATABASE_URL is none, it stays.
 */
async function closeLargeObjects(target: DatabaseTarget): Promise<void> {
  const url = withDatabaseName(target.rootUrl, target.name);
  await withClient({ url, variable: "ROOT_DATABASE_URL" }, async (client) => {
    const { rows } = await client.query<{ statement: string }>(
      `select format('revoke execute on function %s from public', p.oid::regprocedure) as statement
       from pg_proc p join pg_roles me on me.rolname = current_user
       cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
       where p.pronamespace = 'pg_catalog'::regnamespace and p.proname ~ '^lo(_|read$|write$)'
         and me.rolsuper and a.grantee = 0`,
    );
    if (rows.length > 0) await client.query(rows.map(({ statement }) => statement).join(";\n"));
  });
}

/** Lets only the authenticator (and superusers) into a database; copies do not inherit this. */
export async function restrict(client: pg.ClientBase, target: DatabaseTarget): Promise<void> {
  const name = pg.escapeIdentifier(target.name);
  await client.query(`revoke all on database ${name} from public`);
  await client.query(
    `grant connect on database ${name} to ${pg.escapeIdentifier(target.authenticator)}`,
  );
}
