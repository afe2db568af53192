/** The bugs of the fault runs can be planted: what they change is there. */
import { expect, test } from "@jest/globals";
import pg from "pg";
import { openTestDatabase } from "../helpers/database.ts";
import { BUGS } from "./bugs.ts";

test.each(Object.keys(BUGS))("%s", async (name) => {
  const database = await openTestDatabase();
  const root = new pg.Pool({ connectionString: database.rootUrl, max: 1 });
  try {
    await expect(BUGS[name]?.(root)).resolves.toBeUndefined();
  } finally {
    await root.end();
    await database.dispose();
  }
});
