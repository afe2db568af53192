/**
 * A comment of SQL that names a function as name() names one that is there: renaming a function
 * does not leave a reader looking for it.
 */
import { expect, test } from "@jest/globals";
import { filesUnder, type SourceFile } from "./repository.ts";

const MADE = /\bfunction\s+app_\w+\.(\w+)/g;
const COMMENT = /\/\*[\s\S]*?\*\/|--[^\n]*/g;
const NAMED = /\b([a-z_]+)\(\)/g;

/** Functions of PostgreSQL itself. */
const BUILT_IN = new Set(["now", "random"]);

function unknownFunctions(files: readonly SourceFile[]): string[] {
  const made = new Set(
    files.flatMap(({ text }) => [...text.matchAll(MADE)].map(([, name]) => name ?? "")),
  );
  return files.flatMap(({ path, text }) => {
    const comments = (text.match(COMMENT) ?? []).join("\n");
    const named = new Set([...comments.matchAll(NAMED)].map(([, name]) => name ?? ""));
    return [...named]
      .filter((name) => !made.has(name) && !BUILT_IN.has(name))
      .map(
        (name) => `${path} speaks of ${name}(), which no file makes: name the one that is meant.`,
      );
  });
}

test("comments of SQL name functions that are there", () => {
  expect(unknownFunctions(filesUnder("sql", ".sql"))).toEqual([]);

  const made = "create or replace function app_hidden.walk() returns void";
  const of = (text: string): string[] =>
    unknownFunctions([{ path: "sql/a.sql", text: `${made}\n${text}` }]);
  expect(of("-- walk() goes, run() does not")).toEqual([expect.stringContaining("run()")]);
  expect(of("/*\n * run() went once.\n */")).toHaveLength(1);
  expect(of("-- walk() goes at random()\nselect run();")).toEqual([]);
});
