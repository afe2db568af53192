/**
 * `npm run db:migrate`: brings the database to the schema of this version. It makes the roles and
 * the database where they are missing, updates the job queue and runs the committed migrations.
 * It may be run at any time, by several processes at once; with nothing to do it changes nothing.
 */
import type { Config } from "../../config/index.ts";
import { withPreparedServer } from "../shared/bootstrap.ts";
import { runCommand } from "../shared/command.ts";
import { withClient } from "../shared/connect.ts";
import { DatabaseCommandError } from "../shared/errors.ts";
import type { TextFile } from "../shared/files.ts";
import { committedFiles, compareHistory, ranMigrations } from "../shared/history.ts";
import {
  type DatabaseTarget,
  databaseTarget,
  migrateSettings,
  ownerUrl,
} from "../shared/settings.ts";
import { installWorkerSchema } from "../shared/workerSchema.ts";
import { type Patience, runCommitted } from "./migrate/runCommitted.ts";

/** What a migration did: what it made (`role ...`, `database ...`) and the files it ran. */
export interface MigrateResult {
  readonly made: readonly string[];
  readonly ran: readonly string[];
}

/** For tests: another folder than `migrations/`, and less patience. */
export interface MigrateOptions {
  readonly migrationsFolder?: string;
  readonly patience?: Patience;
}

/**
 * Migrates the database of `config`, which must have both URLs.
 * @throws {DatabaseCommandError} with what to do, when the server cannot be used
 */
export async function migrate(
  config: Config,
  options: MigrateOptions = {},
): Promise<MigrateResult> {
  const target = databaseTarget(config);
  const files = await committedFiles(options.migrationsFolder);
  return withPreparedServer(target, async (made) => {
    await assertUnchanged(target, files);
    await installWorkerSchema(ownerUrl(target), target.authenticator);
    const settings = migrateSettings(target, options);
    const ran = await runCommitted(settings, options.patience).catch(explainMigration);
    await assertAuthenticatorEnters(target.url);
    return { made, ran };
  });
}

/** An edited file would be skipped where it has run, and two databases would differ for good. */
async function assertUnchanged(target: DatabaseTarget, files: readonly TextFile[]): Promise<void> {
  const endpoint = { url: ownerUrl(target), variable: "ROOT_DATABASE_URL" } as const;
  const ran = await withClient(endpoint, ranMigrations);
  const { problems } = compareHistory(files, ran);
  if (problems.length === 0) return;
  throw new DatabaseCommandError(["Nothing was run.", ...problems].join("\n"));
}

/** What graphile-migrate itself refuses is for people; Postgres' errors keep their place. */
function explainMigration(error: unknown): never {
  if (!(error instanceof Error) || error instanceof DatabaseCommandError || "severity" in error) {
    throw error;
  }
  const sentence = `The committed migrations cannot be run: ${error.message}.`;
  throw new DatabaseCommandError(sentence, { cause: error });
}

/** A role that was there before us may have another password than the one we were given. */
async function assertAuthenticatorEnters(url: string): Promise<void> {
  await withClient({ url, variable: "DATABASE_URL" }, async (client) => {
    const { rows } = await client.query<{ superuser: boolean }>(
      "select rolsuper or rolbypassrls as superuser from pg_roles where rolname = session_user",
    );
    if (rows[0]?.superuser !== true) return;
    throw new DatabaseCommandError(
      "DATABASE_URL signs in as a superuser, whom row-level security does not stop. Use a role " +
        "without rights of its own there; ROOT_DATABASE_URL is the place for a superuser.",
    );
  });
}

if (import.meta.main) {
  void runCommand(async (config) => {
    const { made, ran } = await migrate(config);
    for (const thing of made) console.log(`Made ${thing}.`);
    for (const file of ran) console.log(`Ran ${file}.`);
    if (made.length + ran.length === 0) console.log("The database is up to date.");
  });
}
