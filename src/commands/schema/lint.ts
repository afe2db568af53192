/**
 * `npm run schema:lint`: builds the schema from the migrations in a throw-away PostgreSQL and runs
 * the splinter rules on it. Our own lints are tests (tests/schema/lints.test.ts).
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, loadConfig } from "../../config/index.ts";
import { startEmbeddedPostgres } from "../../dev/embeddedPostgres.ts";
import { migrate } from "../db/migrate.ts";
import { dblint } from "../shared/dblint.ts";
import { describeFailure } from "../shared/errors.ts";

async function lint(): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "staybase-lint-"));
  try {
    const server = await startEmbeddedPostgres({ dir, ephemeral: true });
    try {
      const { database, ...rest } = loadConfig({ NODE_ENV: "test" });
      const { url, rootUrl } = server;
      const config: Config = { ...rest, database: { ...database, url, rootUrl } };
      await migrate(config);
      const { clean, output } = await dblint(rootUrl);
      if (clean) {
        console.log("The schema lint found nothing.");
        return;
      }
      console.error(output);
      console.error(
        "Correct what is found above, or turn the rule off in postgres-language-server.jsonc, " +
          "with the reason why it does not fit.",
      );
      process.exitCode = 1;
    } finally {
      await server.stop();
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

lint().catch((error: unknown) => {
  console.error(describeFailure(error));
  process.exitCode = 1;
});
