/**
 * `npm run schema:dump`: writes `migrations/schema.sql`, the whole schema as the committed
 * migrations make it from nothing, `migrations/constraints.json`, what a client is told when a
 * constraint refuses, and `sql/TRIGGERS.md`, what fires on which table. It uses the
 * shadow database, never the one with the data.
 */
import { runCommand } from "../shared/command.ts";
import { rebuildShadow, writeGenerated } from "../shared/generated.ts";
import { databaseTarget } from "../shared/settings.ts";

await runCommand(async (config) => {
  const target = databaseTarget(config);
  await rebuildShadow(target);
  await writeGenerated(target);
  console.log("Wrote migrations/schema.sql, migrations/constraints.json and sql/TRIGGERS.md.");
});
