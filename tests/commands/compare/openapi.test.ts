/**
 * What the comparison of OpenAPI documents finds, and what it lets pass: kinds of edits anywhere in
 * our own document, and pairs of small schemas, of which a validator says what the difference is.
 */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { compareOpenapi } from "../../../src/commands/schema/compare/openapi.ts";
import type { Use } from "../../../src/commands/schema/compare/schemas.ts";
import { readOpenapi } from "../../../src/http/openapi.ts";
import { cases } from "../../helpers/cases.ts";
import {
  at,
  BREAKING,
  copy,
  type Edit,
  HARMLESS,
  operationsOf,
  type Schema,
  type Site,
  sitesOf,
} from "./edits.ts";

const USES: readonly Use[] = ["sent", "answered"];

let base: unknown;
let sites: readonly Site[];

beforeAll(async () => {
  base = await readOpenapi();
  sites = sitesOf(base);
});

/** The schemas that an edit fits, and of which all that depend on it are these. */
function fitting({ edit }: Edit, isFor: (site: Site) => boolean): Site[] {
  return sites.filter((site) => isFor(site) && edit(copy(at(base, site.path)) as Schema));
}

function edited(edits: readonly { readonly edit: Edit; readonly site: Site }[]): unknown {
  const document = copy(base);
  for (const { edit, site } of edits) edit.edit(at(document, site.path) as Schema);
  return document;
}

test("a document breaks nothing of itself", () => {
  expect(compareOpenapi(base, copy(base))).toEqual([]);
  expect(sites.length).toBeGreaterThan(300);
});

for (const use of USES) {
  test.each(BREAKING[use])(`finds what is ${use} and $name, wherever it is`, (edit) => {
    const fits = fitting(edit, ({ uses }) => uses.has(use));
    expect(fits.length).toBeGreaterThan(0);
    const property = fc.property(fc.constantFrom(...fits), (site) => {
      expect(compareOpenapi(base, edited([{ edit, site }]))).not.toEqual([]);
    });
    fc.assert(property, { numRuns: cases(10, 4) });
  });

  test.each(HARMLESS[use])(`lets pass what is ${use} and $name`, (edit) => {
    const fits = fitting(edit, ({ uses }) => uses.size === 1 && uses.has(use));
    expect(fits.length).toBeGreaterThan(0);
    const property = fc.property(fc.uniqueArray(fc.constantFrom(...fits)), (some) => {
      const document = edited(some.map((site) => ({ edit, site })));
      expect(compareOpenapi(base, document)).toEqual([]);
    });
    fc.assert(property, { numRuns: cases(6, 3) });
  });
}

type Document = Record<string, unknown>;
type Operation = Record<string, unknown> & { responses: Document; parameters: unknown[] };

/** What may happen to an operation as a whole, and the words that say so. */
const OPERATIONS: readonly (readonly [
  name: string,
  path: string,
  method: string,
  edit: (operation: Operation) => void,
  found: string,
])[] = [
  [
    "loses a parameter",
    "/listings",
    "get",
    (it) => it.parameters.shift(),
    "query parameter role is gone",
  ],
  [
    "wants a new parameter",
    "/listings",
    "get",
    (it) => it.parameters.push({ name: "q", in: "query", required: true, schema: {} }),
    "query parameter q is required now",
  ],
  [
    "wants a parameter that could be left out",
    "/listings",
    "get",
    (it) => Object.assign(Object(it.parameters[1]), { required: true }),
    "query parameter hostId is required now",
  ],
  [
    "reads a list in another way",
    "/listings",
    "get",
    (it) => Object.assign(Object(it.parameters[2]), { explode: false }),
    "query parameter include has another explode",
  ],
  [
    "answers another success",
    "/listings",
    "get",
    (it) => Object.assign(it.responses, { 202: { description: "Later." } }),
    "202 is new",
  ],
  ["loses a status", "/listings", "get", (it) => delete it.responses["200"], "200 is gone"],
  [
    "has another id",
    "/listings",
    "get",
    (it) => Object.assign(it, { operationId: "x" }),
    "is called x now, and was listListings",
  ],
  [
    "wants a token",
    "/listings",
    "get",
    (it) => Object.assign(it, { security: undefined }),
    "needs a token now",
  ],
  [
    "takes another token",
    "/me",
    "get",
    (it) => Object.assign(it, { security: [{ other: [] }] }),
    "does not take bearerAuth any more",
  ],
  [
    "loses a header",
    "/listings",
    "get",
    (it) => delete Object(it.responses["200"]).headers.Link,
    "200 header Link is gone",
  ],
  [
    "answers in another type",
    "/listings",
    "get",
    (it) => Object.assign(Object(it.responses["200"]), { content: { "text/csv": {} } }),
    "200 as application/json is gone",
  ],
  ["takes no body", "/listings", "post", (it) => delete it.requestBody, "body is gone"],
  [
    "takes another type",
    "/listings",
    "post",
    (it) => Object.assign(Object(it.requestBody), { content: { "text/csv": {} } }),
    "body as application/json is gone",
  ],
];

describe("an operation that", () => {
  test.each(OPERATIONS)("%s is found", (_name, path, method, edit, found) => {
    const document = copy(base);
    edit(at(document, ["paths", path, method]) as Operation);
    expect(compareOpenapi(base, document)).toEqual([`${method.toUpperCase()} ${path} ${found}`]);
  });

  test("is gone is found, whichever it is", () => {
    const property = fc.property(fc.constantFrom(...operationsOf(base)), (path) => {
      const document = copy(base);
      delete Object(at(document, path.slice(0, -1)))[path.at(-1) ?? ""];
      const name = `${path[2]?.toUpperCase()} ${path[1]}`;
      expect(compareOpenapi(base, document)).toEqual([`${name} is gone`]);
      // The other way round it is new.
      expect(compareOpenapi(document, base)).toEqual([]);
    });
    fc.assert(property, { numRuns: cases(6, 3) });
  });
});

test("a body that could be left out is missed when it is wanted", () => {
  const before = copy(base);
  delete Object(at(before, ["paths", "/listings", "post", "requestBody"])).required;
  expect(compareOpenapi(before, base)).toEqual(["POST /listings body is required now"]);
});

test("a change of what many operations share is told once, by its name", () => {
  const document = copy(base);
  delete Object(at(document, ["components", "schemas", "Booking", "properties"])).checkIn;
  delete Object(at(document, ["components", "schemas", "Problem", "properties"])).title;
  expect(compareOpenapi(base, document).sort()).toEqual([
    "answered Booking.checkIn is gone",
    "answered Problem.title is gone",
  ]);
});

test("another address of the server or another security scheme is found", () => {
  const document = copy(base);
  Object.assign(Object(document), { servers: [{ url: "/v2" }] });
  Object.assign(Object(at(document, ["components", "securitySchemes", "bearerAuth"])), {
    scheme: "x",
  });
  expect(compareOpenapi(base, document)).toEqual([
    "/v1 is gone",
    "bearerAuth is another security scheme",
  ]);
});

/** A document of one operation that is sent or answers one schema. */
function documentOf(use: Use, schema: unknown): unknown {
  const content = { "application/json": { schema } };
  const operation =
    use === "sent"
      ? { requestBody: { content }, responses: {} }
      : { responses: { 200: { content } } };
  return { paths: { "/thing": { post: operation } } };
}

const LEAVES: readonly unknown[] = [
  null,
  true,
  "",
  "a",
  "ab",
  "abc",
  0,
  1,
  1.5,
  2,
  3,
  [],
  ["a"],
  [1, 2],
];
const ABSENT = Symbol();
const VALUES = [ABSENT, ...LEAVES].flatMap((a) =>
  [ABSENT, null, "a", 1].map((b) => ({ ...(a !== ABSENT && { a }), ...(b !== ABSENT && { b }) })),
);

const bound = fc.option(fc.nat({ max: 3 }), { nil: undefined });
const types = fc.uniqueArray(
  fc.constantFrom("string", "integer", "number", "null", "array", "boolean"),
  { minLength: 1, maxLength: 3 },
);
const LEAF = {
  type: fc.option(types, { nil: undefined, freq: 8 }),
  minLength: bound,
  maxLength: bound,
  minimum: bound,
  exclusiveMaximum: bound,
  minItems: bound,
  maxItems: bound,
  pattern: fc.option(fc.constantFrom("^a", "b"), { nil: undefined }),
  items: fc.option(fc.record({ type: types }), { nil: undefined }),
};
const listed = fc.option(
  fc.uniqueArray(fc.constantFrom(...LEAVES.slice(0, 10)), { minLength: 1 }),
  { nil: undefined },
);
/** New words of an answer break nobody, so they are left out of what is answered. */
const leaf = (use: Use): fc.Arbitrary<Described> =>
  use === "sent" ? fc.record({ ...LEAF, enum: listed }) : fc.record(LEAF);
const nullable = (use: Use) =>
  fc.oneof(
    { weight: 4, arbitrary: leaf(use) },
    leaf(use).map((schema) => ({ oneOf: [schema, { type: "null" }] })),
  );
const object = (use: Use) =>
  fc.record({
    type: fc.constant("object"),
    properties: fc.record({ a: nullable(use), b: leaf(use) }, { requiredKeys: [] }),
    required: fc.subarray(["a", "b"]),
    additionalProperties: fc.constant(false),
  });

type Described = Record<string, unknown>;
/** A schema, and one that differs from it in few keywords: others would hardly ever fit. */
const pair = (use: Use) =>
  fc
    .tuple(object(use), object(use), fc.infiniteStream(fc.nat({ max: 3 })))
    .map(
      ([before, other, dice]) =>
        [before, blend(before, other, () => dice.next().value === 0)] as const,
    );

function blend(from: Described, other: Described, takes: () => boolean): Described {
  const names = new Set([...Object.keys(from), ...Object.keys(other)]);
  const entries = [...names].map((name) => {
    const [a, b] = [from[name], other[name]];
    const inner = (value: unknown): value is Described =>
      typeof value === "object" && value !== null && !Array.isArray(value);
    return [name, inner(a) && inner(b) ? blend(a, b, takes) : takes() ? b : a] as const;
  });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

test.each(USES)("when it says nothing, what is %s fits as before", (use) => {
  const ajv = new Ajv2020({ strict: false });
  let passed = 0;
  const property = fc.property(pair(use), ([before, after]) => {
    const given = copy(before);
    if (compareOpenapi(documentOf(use, given), documentOf(use, after)).length > 0) return;
    passed += 1;
    // New members of an answer break nobody.
    const open = use === "answered" ? { ...given, additionalProperties: true } : given;
    const [old, now] = [ajv.compile(open), ajv.compile(after)];
    const [inner, outer] = use === "sent" ? [old, now] : [now, old];
    for (const value of VALUES)
      if (inner(value)) expect([value, outer(value)]).toEqual([value, true]);
  });
  fc.assert(property, { numRuns: cases(800, 400) });
  expect(passed).toBeGreaterThan(50);
});
