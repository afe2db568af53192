/**
 * Says it in one sentence when a database has no schema yet, where PostGraphile would complain of
 * every line of tags.json5. Whether it is the newest schema is not its question.
 */
import type { Pool } from "pg";
import { ResourceError } from "../resources/resourceError.ts";

/** @throws {ResourceError} `SCHEMA_MISSING` with what to do */
export async function assertMigrated(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ found: boolean }>(
    "select to_regclass('app_public.listings') is not null as found",
  );
  if (rows[0]?.found === true) return;
  throw new ResourceError(
    "SCHEMA_MISSING",
    "The database has no schema that GraphQL could show. Run `npm run db:migrate`; while a " +
      "change is not committed yet, set DATABASE_URL to the database that has it.",
  );
}
