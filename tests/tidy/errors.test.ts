/**
 * The registry of errors and the SQL that raises them say the same, both ways; and each code has been seen to
 * happen: it stands in a test, outside its comments.
 */
import { expect, test } from "@jest/globals";
import RULES from "../../migrations/constraints.json" with { type: "json" };
import { ERRORS, isErrorCode } from "../../src/errors.ts";
import { filesUnder, type SourceFile } from "./repository.ts";

/** One of our own SQLSTATEs, as a whole word. */
const OWN = /\bSB[A-Z]\d\d\b/g;

/** The codes that SQL raises, and the files that do; what it only catches does not count. */
function raised(files: readonly SourceFile[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { path, text } of files) {
    const code = text.replaceAll(/--[^\n]*|\/\*[\s\S]*?\*\//g, " ");
    for (const [, state] of code.matchAll(/errcode\s*=\s*'([^']*)'/g)) {
      if (state !== undefined) found.set(state, [...(found.get(state) ?? []), path]);
    }
  }
  return found;
}

/** Codes of the registry by their SQLSTATE. */
function registered(): Map<string, string> {
  const found = new Map<string, string>();
  for (const [code, entry] of Object.entries(ERRORS)) {
    if ("sqlstate" in entry) found.set(entry.sqlstate, code);
  }
  return found;
}

function unknownStates(files: readonly SourceFile[], known: ReadonlyMap<string, string>): string[] {
  return [...raised(files)].flatMap(([state, paths]) =>
    known.has(state) ? [] : [`${paths.join(", ")} raises ${state}: add it to src/errors.ts.`],
  );
}

function idleStates(files: readonly SourceFile[], known: ReadonlyMap<string, string>): string[] {
  const states = raised(files);
  return [...known].flatMap(([state, code]) =>
    states.has(state)
      ? []
      : [`src/errors.ts has ${code} as ${state}, which no SQL raises: remove its sqlstate.`],
  );
}

/** Every code, by its SQLSTATE or, where SQL does not raise it, by itself. */
function everyCode(): Map<string, string> {
  return new Map(
    Object.entries(ERRORS).map(([code, entry]) => [
      "sqlstate" in entry ? entry.sqlstate : code,
      code,
    ]),
  );
}

/** Codes that no test names in its code, neither by SQLSTATE nor by name; comments are words. */
function untested(known: ReadonlyMap<string, string>, tests: readonly SourceFile[]): string[] {
  const all = tests
    .map(({ text }) => text.replaceAll(/(?<!\S)\/\*[\s\S]*?\*\/|(?<!:)\/\/[^\n]*/g, " "))
    .join("\n");
  const states = new Set(all.match(OWN) ?? []);
  const words = new Set(all.match(/\b[A-Z][A-Z_]+[A-Z]\b/g) ?? []);
  return [...known].flatMap(([state, code]) =>
    states.has(state) || words.has(code)
      ? []
      : [`${code} (${state}) is in no test: write one under tests/ in which it is raised.`],
  );
}

const sql = (): SourceFile[] => filesUnder("sql", ".sql");

/** Every test but this one, which names codes without raising them. */
const tests = (): SourceFile[] =>
  filesUnder("tests", ".ts").filter(({ path }) => path !== "tests/tidy/errors.test.ts");

test("every SQLSTATE that the SQL raises is in the registry", () => {
  expect(raised(sql()).size).toBeGreaterThan(40);
  expect(unknownStates(sql(), registered())).toEqual([]);

  const text = "raise exception 'No.' using errcode = 'SBX99'; -- errcode = 'SBX98'";
  expect(unknownStates([{ path: "sql/a.sql", text }], registered())).toEqual([
    expect.stringContaining("SBX99"),
  ]);
});

test("every SQLSTATE of the registry is raised by the SQL", () => {
  expect(idleStates(sql(), registered())).toEqual([]);

  const known = new Map([...registered(), ["SBX99", "NEVER_RAISED"]]);
  expect(idleStates(sql(), known)).toEqual([expect.stringContaining("NEVER_RAISED")]);
  // Catching is not raising.
  const text = "exception when sqlstate 'SBX99' then null;";
  expect(idleStates([...sql(), { path: "sql/a.sql", text }], known)).toHaveLength(1);
});

/** Codes that comments on constraints name and the registry lacks. */
const unknownRules = (rules: Readonly<Record<string, { readonly code: string }>>): string[] =>
  Object.entries(rules).flatMap(([constraint, { code }]) =>
    isErrorCode(code) ? [] : [`The comment on ${constraint} names ${code}: see src/errors.ts.`],
  );

test("every code in a comment on a constraint is in the registry", () => {
  expect(Object.keys(RULES).length).toBeGreaterThan(100);
  expect(unknownRules(RULES)).toEqual([]);
  expect(unknownRules({ users_bio_is_bounded: { code: "TOO_MUCH" } })).toHaveLength(1);
});

test("a SQLSTATE belongs to one code, and is SB, a letter and two digits", () => {
  const states = Object.values(ERRORS).flatMap((entry) =>
    "sqlstate" in entry ? [entry.sqlstate] : [],
  );
  expect(new Set(states).size).toBe(states.length);
  expect(states.filter((state) => !/^SB[A-Z]\d\d$/.test(state))).toEqual([]);
});

test("every code happens in a test", () => {
  expect(everyCode().size).toBe(Object.keys(ERRORS).length);
  expect(untested(everyCode(), tests())).toEqual([]);

  const known = new Map([["SBX99", "NEVER_TESTED"]]);
  expect(untested(known, tests())).toEqual([expect.stringContaining("NEVER_TESTED")]);
  for (const text of ['expect(code).toBe("SBX99")', 'code: "NEVER_TESTED"']) {
    expect(untested(known, [{ path: "tests/a.test.ts", text }])).toEqual([]);
  }
  for (const text of ["// SBX99 is hard to meet", "/**\n * NEVER_TESTED\n */", "f(); //SBX99"]) {
    expect(untested(known, [{ path: "tests/a.test.ts", text }])).toHaveLength(1);
  }
});
