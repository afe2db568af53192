/** The stored documents and the OpenAPI document say the same, and what does not fit is told. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { buildSchema } from "postgraphile/graphql";
import { plainAnswer } from "../../src/graphql/stored/answers.ts";
import { graphqlValue, readStoredOperations } from "../../src/graphql/stored/operations.ts";
import { repeatedKey } from "../../src/http/bodies.ts";
import { variablesOf } from "../../src/http/declared.ts";
import { declaredFaults, generatedFiles } from "../../src/http/declaredFaults.ts";
import type { Documented } from "../../src/http/openapi.ts";

const SCHEMA = buildSchema(`
  scalar UUID scalar Cursor scalar Date
  enum Colour { DARK_RED BLUE }
  type Bound { value: Date inclusive: Boolean! }
  type DateRange { start: Bound end: Bound }
  "A house." type House { id: UUID! "What it looks like." colour: Colour nights: DateRange!
    doors: [Door!]! doorsPage(first: Int, after: Cursor): DoorsConnection! }
  type Door { id: UUID! colour: Colour! }
  type PageInfo { hasNextPage: Boolean! endCursor: Cursor }
  type DoorsConnection { nodes: [Door!]! pageInfo: PageInfo! totalCount: Int! isExact: Boolean! }
  input PaintInput { houseId: UUID! colour: Colour! clientMutationId: String }
  type PaintPayload { house: House }
  type Query { house(id: UUID!): House
    doors(first: Int, after: Cursor, colour: [Colour!]): DoorsConnection }
  type Mutation { paint(input: PaintInput!): PaintPayload }
`);

const DOCUMENTS = {
  "fragments/Door.graphql": "fragment Door on Door { id colour }",
  "getHouse.graphql": `query getHouse($houseId: UUID!, $includeDoors: Boolean! = false) {
    house(id: $houseId) { id colour nights { start { value } end { value } }
      doors @include(if: $includeDoors) { ...Door } } }`,
  "listDoors.graphql": `query listDoors($limit: Int = 20, $cursor: Cursor, $colour: [Colour!]) {
    doors(first: $limit, after: $cursor, colour: $colour) {
      nodes { ...Door } pageInfo { hasNextPage endCursor } totalCount isExact } }`,
  "paint.graphql": `mutation paint($body: PaintInput!) {
    paint(input: $body) { house { doors { ...Door } } } }`,
};

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

async function stored(changes: Readonly<Record<string, string>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "staybase-documents-"));
  folders.push(folder);
  await mkdir(join(folder, "fragments"));
  for (const [file, text] of Object.entries({ ...DOCUMENTS, ...changes })) {
    writeFileSync(join(folder, file), text);
  }
  return readStoredOperations(SCHEMA, folder);
}

const uuid = { type: "string", format: "uuid" };
const path = (name: string) => ({ name, in: "path", required: true, schema: uuid });
const words = { type: "array", items: { type: "string", enum: ["dark_red"] } };

function documented(
  operationId: string,
  method: string,
  parameters: Documented["operation"]["parameters"] = [],
  more: object = {},
): Documented {
  const operation = { "x-graphql": `documents/${operationId}.graphql`, parameters, ...more };
  return { operationId, method, path: `/${operationId}`, operation };
}

const include = {
  name: "include",
  in: "query",
  schema: { type: "array", items: { type: "string", enum: ["doors"] } },
};
const page = [
  { name: "limit", in: "query", schema: { type: "integer", maximum: 100 } },
  { name: "cursor", in: "query", schema: { type: "string", maxLength: 1000 } },
  { name: "colour", in: "query", schema: words },
];
const GOOD = [
  documented("getHouse", "get", [path("houseId"), include]),
  documented("listDoors", "get", page),
  documented("paint", "put", [path("houseId")], { requestBody: { required: true } }),
];

test("documents that fit have no fault", async () => {
  expect(declaredFaults(GOOD, await stored())).toEqual([]);
});

test.each<[string, Documented, RegExp]>([
  ["no such document", documented("getHome", "get"), /There is no openapi\/documents\/getHome/],
  ["a mutation by GET", documented("paint", "get", [path("houseId")]), /mutation is no GET/],
  ["a query by POST", documented("getHouse", "post", [path("houseId")]), /query is no POST/],
  ["a parameter that nobody reads", documented("getHouse", "get", [path("id")]), /no \$id/],
  [
    "a parameter of another type",
    documented("getHouse", "get", [{ ...path("houseId"), schema: { type: "integer" } }]),
    /houseId must be/,
  ],
  [
    "a parameter that may be left out",
    documented("getHouse", "get", [{ ...path("houseId"), required: false }]),
    /houseId is required/,
  ],
  [
    "a word that the enum has not",
    documented("listDoors", "get", [
      ...page.slice(0, 2),
      { name: "colour", in: "query", schema: { ...words, items: { type: "string", enum: ["x"] } } },
    ]),
    /colour must be/,
  ],
  [
    "an include that the document has not",
    documented("getHouse", "get", [
      path("houseId"),
      { ...include, schema: { type: "array", items: { type: "string", enum: ["roof"] } } },
    ]),
    /no \$includeRoof/,
  ],
  [
    "another name for a word that there is not",
    documented("listDoors", "get", [
      ...page.slice(0, 2),
      {
        name: "colour",
        in: "query",
        "x-words": { wine: "dark_green" },
        schema: { type: "array", items: { type: "string", enum: ["wine"] } },
      },
    ]),
    /colour must be/,
  ],
  ["a page without a cursor", documented("listDoors", "get", page.slice(0, 1)), /page has the/],
  ["a body that is not described", documented("paint", "put", [path("houseId")]), /not described/],
  [
    "a body that need not be there",
    documented("paint", "put", [path("houseId")], { requestBody: {} }),
    /body is required/,
  ],
  [
    "a body that is not taken",
    documented("getHouse", "get", [path("houseId"), include], { requestBody: {} }),
    /takes none/,
  ],
  [
    "a key that the mutation has no use for",
    documented(
      "paint",
      "put",
      [path("houseId"), { name: "Idempotency-Key", in: "header", schema: {} }],
      { requestBody: { required: true } },
    ),
    /Idempotency-Key goes with/,
  ],
])("%s is told", async (_what, wrong, words) => {
  const others = GOOD.filter(({ operationId }) => operationId !== wrong.operationId);
  const faults = declaredFaults([...others, wrong], await stored());
  expect(faults.join("\n")).toMatch(words);
});

test("a document that no operation names is told", async () => {
  expect(declaredFaults(GOOD.slice(1), await stored())).toEqual([
    "No operation names documents/getHouse.graphql.",
  ]);
});

test.each([
  ["getHouse.graphql", "query getHouse { home { id } }", /Cannot query field "home"/],
  ["getHouse.graphql", "query other { __typename }", /must be named getHouse/],
  ["getHouse.graphql", "query getHouse { a: __typename b: __typename }", /no __typename/],
  ["fragments/Door.graphql", "fragment Gate on Door { id }", /must be named Door/],
  [
    "getHouse.graphql",
    `query getHouse($houseId: UUID!) { house(id: $houseId) {
      id doorsPage { nodes { id } pageInfo { hasNextPage } } } }`,
    /connection \(DoorsConnection\) within/,
  ],
])("%s that is wrong stops the start", async (file, text, words) => {
  await expect(stored({ [file]: text })).rejects.toThrow(words);
});

test("bodies and answers are described in full", async () => {
  const files = generatedFiles(GOOD, await stored());
  const read = (name: string): unknown => JSON.parse(files.get(name) ?? "null");
  expect(read("paint.json")).toEqual({
    body: {
      type: "object",
      required: ["colour"],
      additionalProperties: false,
      properties: { colour: { type: "string", enum: ["dark_red", "blue"] } },
    },
    answer: {
      type: "object",
      required: ["items"],
      additionalProperties: false,
      properties: { items: { type: "array", items: { $ref: "schemas/Door.json" } } },
    },
  });
  expect(read("getHouse.json")).toMatchObject({
    answer: {
      description: "A house.",
      required: ["id", "colour", "nights"],
      properties: {
        colour: {
          type: ["string", "null"],
          enum: ["dark_red", "blue", null],
          description: "What it looks like.",
        },
        doors: { type: "array" },
      },
    },
  });
  expect([...files.keys()].sort()).toEqual([
    "getHouse.json",
    "listDoors.json",
    "paint.json",
    "schemas/Door.json",
    "schemas/ErrorCode.json",
  ]);
});

test("answers are plain", async () => {
  const { byName } = await stored();
  const answer = (name: string, data: unknown) => {
    const operation = byName.get(name);
    if (operation === undefined) throw new Error(`There is no ${name}.`);
    return plainAnswer(operation.answer, data);
  };
  const nights = { start: { value: "2031-01-01" }, end: null };
  const house = { id: "1", colour: "DARK_RED", nights };
  expect(answer("getHouse", { house })?.body).toEqual({
    id: "1",
    colour: "dark_red",
    nights: { startsOn: "2031-01-01", endsBefore: null },
  });
  const door = { id: "2", colour: "BLUE" };
  expect(answer("getHouse", { house: { ...house, doors: [door] } })?.body).toMatchObject({
    doors: [{ id: "2", colour: "blue" }],
  });
  expect(answer("getHouse", { house: null })).toBeUndefined();
  const pageInfo = { hasNextPage: true, endCursor: "c" };
  expect(
    answer("listDoors", { doors: { nodes: [door], pageInfo, totalCount: 2, isExact: true } }),
  ).toEqual({
    body: { items: [{ id: "2", colour: "blue" }], nextCursor: "c", totalCount: 2, isExact: true },
    nextCursor: "c",
  });
  const last = { hasNextPage: false, endCursor: "c" };
  expect(
    answer("listDoors", { doors: { nodes: [], pageInfo: last, totalCount: 0, isExact: true } }),
  ).toEqual({
    body: { items: [], nextCursor: null, totalCount: 0, isExact: true },
    nextCursor: undefined,
  });
  expect(answer("paint", { paint: { house: { doors: [door] } } })?.body).toEqual({
    items: [{ id: "2", colour: "blue" }],
  });
});

describe("the variables of a request", () => {
  const viewer = { userId: "me", sessionId: "s", role: "visitor" } as const;
  const given = async (
    name: string,
    operation: Documented["operation"],
    request: { params?: object; query?: object; body?: unknown; key?: string },
    who: typeof viewer | null = viewer,
  ) => {
    const document = (await stored(MORE)).byName.get(name);
    if (document === undefined) throw new Error(`There is no ${name}.`);
    return variablesOf(
      { operation, document },
      { query: { ...request.query } },
      {
        params: { ...request.params },
        body: request.body,
        viewer: who ?? undefined,
        header: (header) => (header === "idempotency-key" ? request.key : undefined),
      },
    );
  };
  const MORE = {
    "repaint.graphql": `mutation repaint($houseId: UUID!, $colour: Colour!) {
      paint(input: { houseId: $houseId, colour: $colour }) { house { id colour } } }`,
    "mine.graphql": "query mine($houseId: UUID!) { house(id: $houseId) { id colour } }",
  };

  test("are those of the path, the query and the body, in the words of GraphQL", async () => {
    const paint = GOOD[2]?.operation ?? {};
    const params = { houseId: "h" };
    const body = { colour: "dark_red" };
    expect(await given("paint", paint, { params, body })).toEqual({
      body: { houseId: "h", colour: "DARK_RED" },
    });
    expect(await given("repaint", paint, { params, body })).toEqual({
      houseId: "h",
      colour: "DARK_RED",
    });
    const list = GOOD[1]?.operation ?? {};
    const query = { limit: 5, colour: ["dark_red"], other: "x" };
    expect(await given("listDoors", list, { query })).toEqual({ limit: 5, colour: ["DARK_RED"] });
  });

  test("may have names of their own", async () => {
    const colour = {
      name: "colour",
      in: "query",
      "x-words": { wine: "dark_red" },
      schema: { type: "array", items: { type: "string", enum: ["wine"] } },
    };
    const operation = { parameters: [...page.slice(0, 2), colour] };
    const others = GOOD.filter(({ operationId }) => operationId !== "listDoors");
    const named = documented("listDoors", "get", operation.parameters);
    expect(declaredFaults([...others, named], await stored())).toEqual([]);
    const query = { colour: ["wine"] };
    expect(await given("listDoors", operation, { query })).toEqual({ colour: ["DARK_RED"] });
  });

  test("of a body never take the place of the address", async () => {
    const params = { houseId: "h" };
    const body = { houseId: "other", colour: "blue" };
    for (const name of ["paint", "repaint"]) {
      const values = await given(name, GOOD[2]?.operation ?? {}, { params, body });
      expect(JSON.stringify(values)).not.toContain("other");
    }
  });

  test("know who asks, and refuse where nobody does", async () => {
    const role = { name: "role", in: "query", "x-variables": { owner: { houseId: "viewer" } } };
    const operation = { parameters: [role] };
    const query = { role: "owner" };
    expect(await given("mine", operation, { query })).toEqual({ houseId: "me" });
    expect(await given("mine", operation, { query: { role: "other" } })).toEqual({});
    const nobody = given("mine", operation, { query }, null);
    await expect(nobody).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  });
});

test("words are written as GraphQL has them, at any depth", async () => {
  const type = (await stored()).byName.get("paint")?.variables.get("body")?.type;
  if (type === undefined) throw new Error("There is no body.");
  const value = { houseId: "dark_red", colour: "dark_red" };
  expect(graphqlValue(type, value)).toEqual({ houseId: "dark_red", colour: "DARK_RED" });
  expect(graphqlValue(type, null)).toBeNull();
});

test("a key that an object has twice is found, and no other", () => {
  expect(repeatedKey('{"a":1,"b":{"a":2},"c":[{"a":1},{"a":2}],"d":"a"}')).toBeUndefined();
  expect(repeatedKey('{"a":1,"\\u0061":2}')).toBe("a");
  expect(repeatedKey('[{"a":[]},{"b":{"c":{"x":1,"x":2}}}]')).toBe("x");
  expect(repeatedKey('{"a":{"b":1},"a":2}')).toBe("a");
  expect(repeatedKey('{"__proto__":1,"__proto__":2}')).toBe("__proto__");
  expect(repeatedKey(`{"a":${"[".repeat(20_000)}`)).toBeUndefined();
});
