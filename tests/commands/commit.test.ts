/** What `npm run db:commit` writes at the top of a migration, and that it survives a round trip. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { changeHeader, withHeader } from "../../src/commands/db/commit/header.ts";
import { commitCurrent } from "../../src/commands/db/commit.ts";
import { uncommitLast } from "../../src/commands/db/uncommit.ts";
import { openTestDatabase } from "../helpers/database.ts";

function included(path: string, text: string): string {
  return `--! Included ${path}\n${text}\n--! EndIncluded ${path}\n`;
}

function changes(header: string): string[] {
  return header.split("\n").filter((line) => line.startsWith("--   "));
}

describe("the header of a migration", () => {
  test("counts the lines against the last inclusion, or says new", () => {
    const committed = [
      included("a/tables/ones.sql", "one\ntwo"),
      included("a/tables/ones.sql", "one\ntwo\nthree") + included("a/policies/ones.sql", "p"),
    ];
    const sources = new Map([
      ["a/tables/ones.sql", "one\nTWO\nthree\nfour\n"],
      ["a/policies/ones.sql", "p\n"],
      ["a/queries/two.sql", "select\n"],
    ]);
    const current = [...sources.keys()].map((path) => `--!include ${path}`).join("\n");
    expect(changes(changeHeader(current, committed, sources))).toEqual([
      "--   +2 -1   a/tables/ones.sql",
      "--   +0 -0   a/policies/ones.sql",
      "--   new     a/queries/two.sql",
    ]);
    expect(changeHeader("select 1;\n", committed, sources)).toBe("");
  });

  test("finds a file that was moved by its name, and no other of that name", () => {
    const committed = [
      included("payments/internal/post.sql", "a\nb") +
        included("payments/tables/posts.sql", "t") +
        included("reviews/internal/rate.sql", "r"),
    ];
    const sources = new Map([
      ["ledger/server/post.sql", "a\nc"],
      ["ledger/policies/posts.sql", "p"],
      ["listings/internal/rate.sql", "r"],
      // It is still there, so it was not moved.
      ["reviews/internal/rate.sql", "r"],
    ]);
    const current = [...sources.keys()].map((path) => `--!include ${path}`).join("\n");
    expect(changes(changeHeader(current, committed, sources))).toEqual([
      "--   +1 -1   ledger/server/post.sql (was payments/internal/post.sql)",
      "--   new     ledger/policies/posts.sql",
      "--   new     listings/internal/rate.sql",
      "--   +0 -0   reviews/internal/rate.sql",
    ]);
  });

  test("takes the place of the one before, below the lines of graphile-migrate", () => {
    const header = changeHeader("--!include a/b/c.sql", [], new Map());
    for (const own of ["", "--! Message: why\n\n", "--! no-transaction\n"]) {
      const once = withHeader(`${own}--!include a/b/c.sql\n`, header);
      expect(once).toBe(`${own}${header}\n--!include a/b/c.sql\n`);
      expect(withHeader(once, header)).toBe(once);
      expect(withHeader(once, "")).toBe(`${own}--!include a/b/c.sql\n`);
    }
  });
});

describe("committing, taking back and committing again", () => {
  let folder: string;

  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(join(folder, path, ".."), { recursive: true });
    await writeFile(join(folder, path), text);
  };
  const committedTexts = async (): Promise<string[]> => {
    const names = (await readdir(join(folder, "committed"))).sort();
    return Promise.all(names.map((name) => readFile(join(folder, "committed", name), "utf8")));
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "staybase-commit-"));
    await mkdir(join(folder, "committed"));
    jest.spyOn(console, "log").mockImplementation(() => {});
  });
  afterAll(async () => {
    jest.restoreAllMocks();
    await rm(folder, { recursive: true, force: true });
  });

  test("gives the same file, with one header", async () => {
    const database = await openTestDatabase({ empty: true });
    const options = { migrationsFolder: folder };
    try {
      const view = "create or replace view public.ones as\nselect 1 as one;\n";
      await write("fixtures/a/tables/ones.sql", view);
      await write("current/1-current.sql", "-- why\n--!include a/tables/ones.sql\n");
      await commitCurrent(database.config, "add ones", options);
      await write("fixtures/a/tables/ones.sql", `${view}comment on view public.ones is 'One.';\n`);
      await write("current/1-current.sql", "-- why not\n--!include a/tables/ones.sql\n");
      await commitCurrent(database.config, "say what the_ones are", options);
      const before = await committedTexts();
      expect(before.map(changes)).toEqual([
        ["--   new     a/tables/ones.sql"],
        ["--   +1 -0   a/tables/ones.sql"],
      ]);

      await uncommitLast(database.config, options);
      expect(await committedTexts()).toEqual(before.slice(0, 1));
      expect(await readFile(join(folder, "current/1-current.sql"), "utf8")).toMatch(
        /^--!include a\/tables\/ones\.sql$/m,
      );
      await commitCurrent(database.config, "say what the_ones are", options);
      expect(await committedTexts()).toEqual(before);
    } finally {
      await database.dispose();
    }
  });

  test("leaves the pending migration as it was when it fails", async () => {
    const database = await openTestDatabase({ empty: true });
    try {
      const text = "--!include a/tables/ones.sql\nselect no_such_column;\n";
      await write("current/1-current.sql", text);
      const refused = commitCurrent(database.config, "x", { migrationsFolder: folder });
      await expect(refused).rejects.toMatchObject({ code: "42703" });
      expect(await readFile(join(folder, "current/1-current.sql"), "utf8")).toBe(text);
    } finally {
      await database.dispose();
    }
  });
});
