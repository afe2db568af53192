/**
 * `npm run db:watch`: migrates, then runs `migrations/current` again each time it or a file under
 * `sql/` is saved, until it is stopped. With `--once` it runs the current migration once.
 */
import { watch } from "graphile-migrate";
import { runCommand } from "../shared/command.ts";
import { errorMessage } from "../shared/errors.ts";
import { databaseTarget, migrateSettings } from "../shared/settings.ts";
import { migrate } from "./migrate.ts";

await runCommand(async (config, { signal }) => {
  await migrate(config);
  const once = process.argv.includes("--once");
  const settings = migrateSettings(databaseTarget(config), {
    log: (_level, message) => console.log(message.replace(/^graphile-migrate: /, "")),
  });
  if (once) {
    // The failure has been shown with the place in the file; only the exit code is left to set.
    await watch(settings, true).catch((error: unknown) => {
      process.exitCode = 1;
      if (!isShown(error)) console.error(errorMessage(error));
    });
    return;
  }
  await watch(settings);
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
});
// graphile-migrate has no way to end its watching but the end of the process.
process.exit();

function isShown(error: unknown): boolean {
  return typeof error === "object" && error !== null && "_gmlogged" in error;
}
