/**
 * SQL is read side by side with its difference, so its lines are as short as those of TypeScript.
 * What was committed in migrations/ stays as it was written and is left out.
 */
import { expect, test } from "@jest/globals";
import { filesUnder, type SourceFile } from "./repository.ts";

const MOST_COLUMNS = 100;

function longLines(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, index) => {
      const columns = [...line].length;
      if (columns <= MOST_COLUMNS) return [];
      return [
        `${path}:${index + 1} has ${columns} columns: break it, to stay within ${MOST_COLUMNS}.`,
      ];
    }),
  );
}

test(`lines of SQL have at most ${MOST_COLUMNS} columns`, () => {
  const files = ["sql", "src", "tests"].flatMap((folder) => filesUnder(folder, ".sql"));
  expect(files.length).toBeGreaterThan(100);
  expect(longLines(files)).toEqual([]);

  const text = `${"ä".repeat(MOST_COLUMNS)}\n${"ä".repeat(MOST_COLUMNS + 1)}\n`;
  expect(longLines([{ path: "sql/a.sql", text }])).toEqual([
    expect.stringContaining("sql/a.sql:2"),
  ]);
});
