/** The bugs of the fault runs can be planted: what they change is there. */
import { expect, test } from "@jest/globals";
import pg from "pg";
import { openTestDatabase } from "../helpers/database.ts";
import { BUGS } from "./bugs.ts";
import { changed } from "./sources.ts";

test.each(Object.entries(BUGS))("%s", async (_, { database: plant, sources = [] }) => {
  for (const edit of sources) expect(changed(edit)).toContain(edit.to);
  if (plant === undefined) return;
  const database = await openTestDatabase();
  const root = new pg.Pool({ connectionString: database.rootUrl, max: 1 });
  try {
    await expect(plant(root)).resolves.toBeUndefined();
  } finally {
    await root.end();
    await database.dispose();
  }
});
