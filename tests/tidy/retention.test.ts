/** The page that says how long data are kept is held to the functions that forget them. */
import { existsSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { filesUnder, readText } from "./repository.ts";

const PAGE = "docs/retention.md";
const JOB = "src/jobs/maintenance.ts";

interface Row {
  readonly what: string;
  readonly time: string;
  readonly files: readonly string[];
}

function rowsOf(text: string): Row[] {
  return text.split("\n").flatMap((line) => {
    const [, what = "", time = "", files = ""] = line.split("|").map((cell) => cell.trim());
    const named = [...files.matchAll(/`(sql\/[^`]+)`/g)].map(([, file = ""]) => file);
    return named.length === 0 ? [] : [{ what, time, files: named }];
  });
}

const intervals = (text: string): string[] =>
  [...text.matchAll(/interval '([^']+)'/g)].map(([, interval = ""]) => interval);

function faults(page: string, read: (file: string) => string, purges: readonly string[]): string[] {
  const rows = rowsOf(page);
  const missing = rows.flatMap(({ what, time, files }) => {
    const gone = files.filter((file) => !existsSync(file));
    if (gone.length > 0) return gone.map((file) => `${what}: ${file} is gone.`);
    const said = files.flatMap((file) => intervals(read(file)));
    return said.includes(time) ? [] : [`${what}: no file says ${time}, but ${said.join(", ")}.`];
  });
  const named = new Set(rows.flatMap(({ files }) => files));
  const unnamed = purges.filter((file) => !named.has(file));
  const uncalled = purges.filter((file) => {
    const name = /(\w+)\.sql$/.exec(file)?.[1] ?? "";
    return !read(JOB).includes(`app_private.${name}(`);
  });
  return [
    ...missing,
    ...unnamed.map((file) => `${file} is not in ${PAGE}: say there what it forgets, and when.`),
    ...uncalled.map((file) => `${file} is called by nobody: add it to ${JOB}.`),
  ];
}

const paths = filesUnder("sql", ".sql")
  .map(({ path }) => path)
  .filter((path) => /\/purge_\w+\.sql$/.test(path));

test("what is kept how long, the page says as the functions do it", () => {
  expect(paths.length).toBeGreaterThan(6);
  expect(faults(readText(PAGE), readText, paths)).toEqual([]);
});

test("a wrong time, a missing row and a function that nobody calls would be found out", () => {
  const page = readText(PAGE);
  expect(faults(page.replace("| 30 days |", "| 31 days |"), readText, paths)).toHaveLength(1);
  const without = page.split("\n").filter((line) => !line.includes("purge_mails"));
  expect(faults(without.join("\n"), readText, paths)).toEqual([
    expect.stringContaining("purge_mails.sql is not in"),
  ]);
  const idle = (file: string) => (file === JOB ? "" : readText(file));
  expect(faults(page, idle, paths)).toHaveLength(paths.length);
});
