/** Runs the splinter rules that `npm run schema:lint` runs, and sees them find something. */
import { expect, test } from "@jest/globals";
import { dblint } from "../../src/commands/shared/dblint.ts";
import { openTestDatabase } from "../helpers/database.ts";

test("the splinter rules find nothing in the schema: else see what they print", async () => {
  const database = await openTestDatabase();
  try {
    const { clean, output } = await dblint(database.rootUrl);
    expect(clean ? "" : output).toBe("");
  } finally {
    await database.dispose();
  }
});

test("the splinter rules find a duplicate index", async () => {
  const database = await openTestDatabase();
  try {
    await database.owner.query(
      `create index users_one_idx on app_public.users (created_at);
       create index users_two_idx on app_public.users (created_at)`,
    );
    const { clean, output } = await dblint(database.rootUrl);
    expect(clean).toBe(false);
    expect(output).toContain("duplicateIndex");
  } finally {
    await database.dispose();
  }
});
