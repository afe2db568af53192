/**
 * The page of truths in sql/README.md: each code of an invariant that somebody cites is a row
 * there, each row names files that hold it and a test that shows what happens without them, and
 * every path on the page leads to a file. Citations are looked for where people explain things: in
 * comments, in names of tests and in documents. A postcode in a text is none.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { ROOT, readText, repositoryPaths, type SourceFile } from "./repository.ts";

const PAGE = "sql/README.md";
/** Cites wrongly on purpose, below. */
const SELF = "tests/tidy/truths.test.ts";

/** Every invariant that the design has; a row that is dropped would be missed. */
const INVARIANTS = ["N1", "N2", "M1", "M2", "M3", "M4", "M5", "M6", "M7", "M8"].concat(
  ["S1", "S2", "W1", "J1"], // security, webhooks, jobs
);

interface Row {
  readonly code: string;
  readonly isBuilt: boolean;
  readonly files: readonly string[];
  readonly control: { readonly path: string; readonly name: string } | undefined;
}

const ROW = /^\| \*\*([A-Z]\d+)\*\* \| [^|]+ \| ([^|]+) \| ?([^|]*)\|$/gm;

function rowsOf(page: string): Row[] {
  return [...page.matchAll(ROW)].map(([, code = "", held = "", shown = ""]) => {
    const [, path, name] = /^`([^`]+)`: "(.+)" $/.exec(shown) ?? [];
    return {
      code,
      isBuilt: !held.startsWith("not built yet: "),
      files: [...held.matchAll(/`([^`]+)`/g)].map(([, file = ""]) => file),
      control: path === undefined || name === undefined ? undefined : { path, name },
    };
  });
}

/** What of a file may cite: the comments, the names of tests, or all of a document. */
function prose({ path, text }: SourceFile): string {
  if (path.endsWith(".md")) return text;
  const comments = path.endsWith(".sql")
    ? /\/\*[\s\S]*?\*\/|--[^\n]*/g
    : /\/\*[\s\S]*?\*\/|\/\/[^\n]*|(?:\b(?:test|describe)|\))\(\s*(["'`]).*?\1/g;
  return (text.match(comments) ?? []).join("\n");
}

/** Not part of a longer word, such as an id or a path of a drawing. */
const CODE = /(?<![\w.#-])[NMSWJ]\d{1,2}(?![\w-])/g;

function citationProblems(files: readonly SourceFile[], rows: readonly Row[]): string[] {
  const built = new Map(rows.map(({ code, isBuilt }) => [code, isBuilt]));
  return files.flatMap((file) =>
    [...new Set(prose(file).match(CODE) ?? [])].flatMap((code) => {
      if (built.get(code) === true) return [];
      const why = built.has(code) ? "says is not built yet" : "does not know";
      return [`${file.path} cites ${code}, which ${PAGE} ${why}: add a row, or take it back.`];
    }),
  );
}

type Read = (path: string) => string | undefined;

/** The file has a test of exactly this name. */
function hasTest(text: string, name: string): boolean {
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`(?:\\btest|\\))\\(\\s*(["'\`])${escaped}\\1,`).test(text);
}

function rowProblems({ code, isBuilt, files, control }: Row, read: Read): string[] {
  if (!isBuilt) return [];
  const problems = files
    .filter((path) => read(path) === undefined)
    .map((path) => `${code} is held by ${path}, which is not there.`);
  if (files.length === 0)
    problems.push(`${code} is held by no file: name one, or say what is to be.`);
  const text = control === undefined ? undefined : read(control.path);
  if (control === undefined || text === undefined || !hasTest(text, control.name)) {
    problems.push(`${code} has no negative control: name a file and a test that it has.`);
  }
  return problems;
}

/** The page as a whole: all invariants, each once, and no path that leads nowhere. */
function pageProblems(page: string, read: Read): string[] {
  const rows = rowsOf(page);
  const codes = rows.map(({ code }) => code);
  const paths = [...page.matchAll(/`((?:sql|src|tests)\/[\w./-]+\.\w+)`/g)].map(([, path]) => path);
  return [
    ...INVARIANTS.filter((code) => !codes.includes(code)).map((code) => `${code} has no row.`),
    ...codes
      .filter((code, index) => codes.indexOf(code) !== index)
      .map((code) => `${code} has two rows.`),
    ...rows.flatMap((row) => rowProblems(row, read)),
    ...[...new Set(paths)]
      .filter((path) => path !== undefined && read(path) === undefined)
      .map((path) => `${PAGE} names ${path}, which is not there.`),
  ];
}

const inRepository: Read = (path) => (existsSync(join(ROOT, path)) ? readText(path) : undefined);

/** Files in which people explain the product, but for the page itself and its test. */
function explainingFiles(): SourceFile[] {
  return repositoryPaths()
    .filter((path) => /^(?:sql|src|tests|docs)\/.*\.(?:sql|ts|md)$|^[^/]+\.md$/.test(path))
    .filter((path) => path !== PAGE && path !== SELF)
    .map((path) => ({ path, text: readText(path) }));
}

const FILES: Readonly<Record<string, string>> = {
  "sql/a.sql": "",
  "tests/a.test.ts":
    'test("goes wrong without it", () => {});\ntest.each([1])("%s too", () => {});',
};
const inExample: Read = (path) => FILES[path];
const HELD = '`sql/a.sql` | `tests/a.test.ts`: "goes wrong without it"';
const example = (code: string, rest = HELD): string => `| **${code}** | It holds. | ${rest} |\n`;
const GOOD = INVARIANTS.map((code) =>
  code === "M5" ? example(code, "not built yet: payouts | ") : example(code),
).join("");

describe("the page of truths", () => {
  test("has every invariant, with files and a negative control that are there", () => {
    expect(pageProblems(readText(PAGE), inRepository)).toEqual([]);
  });

  test("has a row for each code that is cited", () => {
    const files = explainingFiles();
    const rows = rowsOf(readText(PAGE));
    expect(citationProblems(files, rows)).toEqual([]);
    const cited = new Set(files.flatMap((file) => prose(file).match(CODE) ?? []));
    expect(cited.size).toBeGreaterThan(5);
  });

  test.each([
    ["nothing, where all is well", GOOD, undefined],
    ["a lost row", GOOD.replace(example("N1"), ""), "N1 has no row"],
    ["a row that is there twice", GOOD + example("N1"), "N1 has two rows"],
    [
      "a file that is gone",
      GOOD + example("N3", HELD.replace("sql/a", "sql/b")),
      "N3 is held by sql/b",
    ],
    ["no file", GOOD + example("N3", HELD.replace("`sql/a.sql`", "care")), "N3 is held by no file"],
    ["no control", GOOD + example("N3", "`sql/a.sql` | "), "N3 has no negative control"],
    [
      "a part of a test's name",
      GOOD + example("N3", HELD.replace("goes ", "")),
      "N3 has no negative",
    ],
    [
      "a control that is gone",
      GOOD + example("N3", HELD.replace("tests/a", "tests/b")),
      "N3 has no",
    ],
    ["a path elsewhere on it", `${GOOD}See \`sql/c.sql\`.`, "names sql/c.sql"],
  ])("is read right: %s", (_what, page, problem) => {
    const found = pageProblems(page, inExample);
    if (problem === undefined) expect(found).toEqual([]);
    else expect(found).toContainEqual(expect.stringContaining(problem));
  });

  test("may name a test of a table by its title", () => {
    const page = GOOD + example("N3", HELD.replace("goes wrong without it", "%s too"));
    expect(pageProblems(page, inExample)).toEqual([]);
  });

  test.each([
    ["sql/a.sql", "-- an unknown one (N9)\nselect 1;"],
    ["sql/a.sql", "/*\n * M5: what is not built cannot be relied on.\n */"],
    ["src/a.ts", "/** Nothing is lost (M9). */"],
    ["tests/a.test.ts", 'test("would be lost (W2)", () => {});'],
    ["docs/a.md", "It is held by N9."],
  ])("would find out a citation in %s: %s", (path, text) => {
    expect(citationProblems([{ path, text }], rowsOf(GOOD))).toHaveLength(1);
  });

  test.each([
    ["sql/a.sql", "-- the calendar (N1)\nselect 'London N9', 'M9';"],
    ["src/a.ts", 'const path = "M12 3"; // 019ec3f0-M9-x, #M9, AM9, M9px'],
    ["src/a.ts", 'const postcode = "W2";'],
  ])("takes no other text for a citation in %s: %s", (path, text) => {
    expect(citationProblems([{ path, text }], rowsOf(GOOD))).toEqual([]);
  });
});
