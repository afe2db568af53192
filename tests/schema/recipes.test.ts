/** The examples of migrations/README.md are copied by people, so they must work, on rows too. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { migrate } from "../../src/commands/db/migrate.ts";
import { MIGRATIONS_FOLDER } from "../../src/commands/shared/settings.ts";
import { testDatabase } from "../helpers/database.ts";
import { publishedListing, somebody } from "../helpers/factories.ts";
import { COMMITTED_FOLDER, sqlFiles } from "./files.ts";
import { migrationText } from "./migrationFolder.ts";

const database = testDatabase();
let folder: string;

/** The SQL examples under "What must I do to add ...", without includes, which expand sql/. */
async function recipes(): Promise<string[]> {
  const readme = await readFile(join(MIGRATIONS_FOLDER, "README.md"), "utf8");
  const part = /## What must I do to add[\s\S]*?(?=\n## )/.exec(readme)?.[0] ?? "";
  const blocks = [...part.matchAll(/```sql\n([\s\S]*?)```/g)].map(([, sql = ""]) => sql);
  return blocks.map((sql) => sql.replace(/^--!include .*\n/gm, "").trim());
}

/** Runs each as a migration after all that are committed, and returns the names of those. */
async function run(bodies: readonly string[]): Promise<readonly string[]> {
  await rm(join(folder, "committed"), { recursive: true, force: true });
  await cp(COMMITTED_FOLDER, join(folder, "committed"), { recursive: true });
  const committed = await sqlFiles(COMMITTED_FOLDER);
  let previous = /^--! Hash: (\S+)/m.exec(committed.at(-1)?.text ?? "")?.[1] ?? "-";
  for (const [index, body] of bodies.entries()) {
    const name = `${String(committed.length + index + 1).padStart(6, "0")}-recipe.sql`;
    const { hash, text } = migrationText(body, previous);
    await writeFile(join(folder, "committed", name), text);
    previous = hash;
  }
  return (await migrate(database.config, { migrationsFolder: folder })).ran;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "staybase-recipes-"));
  await publishedListing(database, await somebody(database, "Hana"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the examples of migrations/README.md", () => {
  test("work, one after the other", async () => {
    const bodies = await recipes();
    expect(bodies).toHaveLength(6);
    expect(await run(bodies)).toHaveLength(6);
    const { rows } = await database.owner.query(`
      select bool_and(title_key = lower(title)) as filled, bool_and(not pets_allowed) as added,
        (select convalidated from pg_constraint where conname = 'listings_title_is_short') as holds,
        (select indisvalid from pg_index
          where indexrelid = 'app_public.listings_bedrooms_idx'::regclass) as indexed
      from app_public.listings`);
    expect(rows).toEqual([{ filled: true, added: true, holds: true, indexed: true }]);
  });

  test("would be found out when one did not work (control)", async () => {
    const bodies = await recipes();
    const broken = [...bodies, "alter table app_public.listings validate constraint no_such;"];
    await expect(run(broken)).rejects.toMatchObject({ code: "42704" });
  });
});
