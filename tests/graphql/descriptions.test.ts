/** Claims about the words of the API: everything has some, they are ours, and they fit. */
import { readFile } from "node:fs/promises";
import { beforeAll, expect, test } from "@jest/globals";
import { buildSchema, type GraphQLSchema } from "graphql";
import { readWords } from "../../src/graphql/plugins/descriptions.ts";
import { SCHEMA_TEXT_FILE } from "../../src/graphql/schemaText.ts";
import {
  bareCodes,
  boilerplate,
  namedByColumns,
  nullableElements,
  thingsOf,
  undocumented,
} from "./schemaLints.ts";

let schema: GraphQLSchema;

// That the file is what the database gives, schema.test.ts proves.
beforeAll(async () => {
  schema = buildSchema(await readFile(SCHEMA_TEXT_FILE, "utf8"));
});

/** A lint, and a schema that has its fault at `Query.bad` and nowhere else. */
const LINTS = [
  {
    claim: "everything has a description",
    lint: undocumented,
    bad: '"Roots." type Query { bad: Int }',
  },
  {
    claim: "a description says more than the name",
    lint: undocumented,
    bad: '"Roots." type Query { "Bad." bad: Int }',
  },
  {
    claim: "no description is the library's",
    lint: boilerplate,
    bad: '"Roots." type Query { "Reads a single `User` that is related to this `Review`." bad: Int }',
  },
] as const;

test.each(LINTS)("$claim", ({ lint, bad }) => {
  expect(lint(buildSchema(bad))).toEqual(["Query.bad"]);
  expect(lint(schema)).toEqual([]);
});

test("no field is named after the columns of a key", () => {
  const bad = "type Query { bookingById: Int, standBy: Int, by: Int }";
  expect(namedByColumns(buildSchema(bad))).toEqual(["Query.bookingById"]);
  expect(namedByColumns(schema)).toEqual([]);
});

test("no list holds nulls", () => {
  const bad = "type Query { bad: [Int]!, worse(a: [[Int]!]): [Int!], good: [[Int!]!]! }";
  expect(nullableElements(buildSchema(bad))).toEqual(["Query.bad", "Query.worse(a)"]);
  expect(nullableElements(schema)).toEqual([]);
});

test("codes are enums in capitals", () => {
  const bad = `
    type A { lineCode: String!, kinds: [String!], "What it is: one_thing or other." what: String }
    enum B { lower GOOD_ONE }
    type C { "A sentence." text: String, countryCode: String }`;
  expect(bareCodes(buildSchema(bad))).toEqual(["A.lineCode", "A.kinds", "A.what", "B.lower"]);
  expect(bareCodes(schema)).toEqual([]);
});

test("arguments, input fields and values are looked at too", () => {
  const bad = "type Query { a(b: C): D } input C { e: Int } enum D { F } scalar G";
  expect(undocumented(buildSchema(bad))).toEqual(
    expect.arrayContaining(["Query", "Query.a", "Query.a(b)", "C", "C.e", "D", "D.F", "G"]),
  );
});

test("every word of descriptions.json5 is about something", () => {
  const things = thingsOf(schema);
  const paths = new Set(things.map(({ path }) => path.replace(/\((\w+)\)$/, ".$1")));
  const names = new Set(things.map(({ name }) => name));
  const isKnown = (key: string): boolean => paths.has(key) || names.has(key);
  expect(isKnown("Query.nowhere")).toBe(false);
  expect(Object.keys(readWords()).filter((key) => !isKnown(key))).toEqual([]);
});
