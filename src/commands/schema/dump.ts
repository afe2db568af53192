/**
 * `npm run schema:dump`: writes `migrations/schema.sql`, the whole schema as the committed
 * migrations make it from nothing. It uses the shadow database, never the one with the data.
 */
import { runCommand } from "../shared/command.ts";
import { rebuildShadow, writeSchemaFile } from "../shared/schemaFile.ts";
import { databaseTarget } from "../shared/settings.ts";

await runCommand(async (config) => {
  const target = databaseTarget(config);
  await rebuildShadow(target);
  await writeSchemaFile(target);
  console.log("Wrote migrations/schema.sql.");
});
