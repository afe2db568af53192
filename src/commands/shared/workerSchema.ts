/**
 * Installs the job queue (graphile-worker's own schema) into a database and lets the
 * authenticator run it. As a program it is what graphile-migrate runs in a database that it has
 * just made: `node workerSchema.ts <authenticator>` with the owner's URL on the standard input.
 */
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { Logger, runMigrations } from "graphile-worker";
import pg from "pg";
import { describeFailure } from "./errors.ts";

const ACCESS_FILE = new URL("worker_access.sql", import.meta.url);

/**
 * Brings the schema `graphile_worker` up to date. `ownerUrl` must act as the owner, so that our
 * functions, which run as the owner, may add jobs.
 */
export async function installWorkerSchema(ownerUrl: string, authenticator: string): Promise<void> {
  const pool = new pg.Pool({ connectionString: ownerUrl, max: 2 });
  // graphile-worker insists on both handlers; an error fails the query that follows it anyway.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  try {
    await runMigrations({ pgPool: pool, logger: new Logger(() => () => {}) });
    const access = await readFile(ACCESS_FILE, "utf8");
    await pool.query(access.replaceAll(":DATABASE_AUTHENTICATOR", authenticator));
  } finally {
    await pool.end();
  }
}

if (import.meta.main) {
  text(process.stdin)
    .then((url) => installWorkerSchema(url.trim(), process.argv[2] ?? ""))
    .catch((error: unknown) => {
      console.error(describeFailure(error));
      process.exitCode = 1;
    });
}
