/**
 * `npm run db:reset`: throws the database away with all its rows and builds it again from the
 * committed migrations. It refuses in production, and on a server elsewhere unless told `--erase`.
 */
import pg from "pg";
import type { Config } from "../../config/index.ts";
import { withPreparedServer } from "../shared/bootstrap.ts";
import { runCommand } from "../shared/command.ts";
import { withClient } from "../shared/connect.ts";
import { DatabaseCommandError } from "../shared/errors.ts";
import { databaseTarget, distantHost, maintenanceUrl } from "../shared/settings.ts";
import { type MigrateResult, migrate } from "./migrate.ts";

/**
 * Drops the database and migrates a new one. A server or worker that runs on it must stop first.
 * @throws {DatabaseCommandError} in production, or for a distant server without `erase`
 */
export async function reset(config: Config, erase = false): Promise<MigrateResult> {
  const target = databaseTarget(config);
  if (config.environment === "production") {
    throw new DatabaseCommandError(
      `db:reset would erase the database "${target.name}" of production, so it does nothing here.`,
    );
  }
  const host = distantHost(target);
  if (!erase && host !== undefined) {
    throw new DatabaseCommandError(
      `"${target.name}" is on ${host}, not on this machine. If it may really be erased: ` +
        "npm run db:reset -- --erase.",
    );
  }
  await withPreparedServer(target, () =>
    withClient({ url: maintenanceUrl(target), variable: "ROOT_DATABASE_URL" }, async (client) => {
      await refuseWhileUsed(client, target.name);
      await client.query(
        `drop database if exists ${pg.escapeIdentifier(target.name)} with (force)`,
      );
    }),
  );
  return migrate(config);
}

/** A worker that runs would go on with what it remembers of the old database. */
async function refuseWhileUsed(client: pg.Client, name: string): Promise<void> {
  const { rows } = await client.query<{ application: string }>(
    `select distinct application_name as application from pg_stat_activity
     where datname = $1 and application_name in
       ('staybase-all', 'staybase-server', 'staybase-worker')`,
    [name],
  );
  if (rows.length === 0) return;
  const who = rows.map(({ application }) => application).join(", ");
  throw new DatabaseCommandError(`"${name}" is in use by ${who}. Stop that first.`);
}

if (import.meta.main) {
  void runCommand(async (config) => {
    const { ran } = await reset(config, process.argv.includes("--erase"));
    console.log(
      `The database is empty and has ${ran.length} migrations. Fill it with: npm run db:seed`,
    );
  });
}
