/**
 * Builds the schema from nothing but the committed migrations, in the shadow database, and keeps
 * the files that are generated from it equal to it. What they say is up to schemaDump.ts,
 * constraints.ts, triggersPage.ts, bookingsPage.ts and diagrams.ts.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { reset } from "graphile-migrate";
import { clearAllPools } from "graphile-migrate/dist/pgReal.js";
import { bookingsPage } from "./bookingsPage.ts";
import { withPreparedServer } from "./bootstrap.ts";
import { withClient } from "./connect.ts";
import { constraintsFile } from "./constraints.ts";
import { DIAGRAMS } from "./diagrams.ts";
import { dumpSchema } from "./schemaDump.ts";
import {
  type DatabaseTarget,
  MIGRATIONS_FOLDER,
  migrateSettings,
  ownerUrl,
  shadowName,
} from "./settings.ts";
import { triggersPage } from "./triggersPage.ts";

/** What is written out of the catalogue: where it stands under `migrations/`, and its text. */
export const GENERATED = [
  { path: "schema.sql", shownAs: "migrations/schema.sql", write: dumpSchema },
  { path: "constraints.json", shownAs: "migrations/constraints.json", write: constraintsFile },
  // fixtures is sql/: a page stands beside what it is about.
  { path: "fixtures/TRIGGERS.md", shownAs: "sql/TRIGGERS.md", write: triggersPage },
  { path: "fixtures/BOOKINGS.md", shownAs: "sql/BOOKINGS.md", write: bookingsPage },
  ...DIAGRAMS.map(({ name, write }) => {
    return { path: `fixtures/diagrams/${name}.svg`, shownAs: `sql/diagrams/${name}.svg`, write };
  }),
] as const;

/** Builds the shadow database again from the committed migrations. */
export async function rebuildShadow(target: DatabaseTarget): Promise<void> {
  await withPreparedServer(target, async () => {
    try {
      await reset(migrateSettings(target), true);
    } finally {
      clearAllPools();
    }
  });
}

/** Writes the generated files out of the shadow database as it is. The folder is for tests. */
export async function writeGenerated(
  target: DatabaseTarget,
  migrationsFolder: string = MIGRATIONS_FOLDER,
): Promise<void> {
  const url = ownerUrl(target, shadowName(target));
  await withClient({ url, variable: "ROOT_DATABASE_URL" }, async (client) => {
    for (const { path, write } of GENERATED) {
      const file = join(migrationsFolder, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, await write(client));
    }
  });
}
