/**
 * `npm run schema:dump`: writes `migrations/schema.sql`, the whole schema as the committed
 * migrations make it from nothing, `migrations/constraints.json`, what a client is told when a
 * constraint refuses, `sql/TRIGGERS.md`, what fires on which table, `sql/BOOKINGS.md`, the life of
 * a booking, and `sql/diagrams`. It uses the shadow database, never the one with the data.
 */
import { runCommand } from "../shared/command.ts";
import { GENERATED, rebuildShadow, writeGenerated } from "../shared/generated.ts";
import { databaseTarget } from "../shared/settings.ts";

await runCommand(async (config) => {
  const target = databaseTarget(config);
  await rebuildShadow(target);
  await writeGenerated(target);
  console.log(`Wrote ${GENERATED.map(({ shownAs }) => shownAs).join(", ")}.`);
});
