/**
 * Requests that no honest client sends, drawn from a seed: broken text, JSON of every shape, paths
 * and headers that are none, and GraphQL operations over the whole schema with nonsense for
 * arguments. It sends them; what an answer may be, the tests say.
 */
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import {
  buildSchema,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
} from "postgraphile/graphql";
import type { Draw } from "../helpers/generate.ts";

export interface HostileRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

const UUID = "0198c0de-0000-7000-8000-000000000000";

/** Text that some layer cannot read, store, compare or convert. */
const TEXTS: readonly string[] = [
  "",
  " ",
  "\0",
  "a\0b",
  "\ud800",
  "\udc00\ud800",
  "\u202e\u200b\r\n",
  "'; select 1; --",
  "%00",
  "../../etc/passwd",
  "x".repeat(3000),
  "é".repeat(300),
  UUID,
  "not-a-uuid",
  "infinity",
  "-infinity",
  "NaN",
  "2031-02-31",
  "0000-00-00",
  "294277-01-01",
  "5874898-01-01",
  "4714-11-24 BC",
  "[2031-01-01,infinity)",
  "9999-12-31T23:59:60Z",
  "25:00",
  "1e400",
  "9223372036854775808",
  "-1",
  "WyJuYXR1cmFsIiwxXQ==",
  "null",
  "[]",
  "{}",
  "USD",
  "evt_1",
  "__proto__",
  "constructor",
];

const NUMBERS: readonly number[] = [
  0,
  -0,
  1,
  -1,
  0.5,
  1e-300,
  1e300,
  2 ** 31,
  -(2 ** 31) - 1,
  2 ** 53,
  2 ** 63,
  1e19,
];

const EVENT_LIKE = ["id", "type", "data", "object", "email", "password", "token", "query"];

/** Any JSON, and in a string what JSON does not have. */
export function anyJson(draw: Draw, depth = 0): unknown {
  const kinds = ["text", "number", "constant", "list", "object"];
  const kind = draw.one(depth > 3 ? kinds.slice(0, 3) : kinds);
  if (kind === "text") return draw.one(TEXTS);
  if (kind === "number") return draw.one(NUMBERS);
  if (kind === "constant") return draw.one([true, false, null]);
  const inner = (): unknown => anyJson(draw, depth + 1);
  const length = draw.integer(0, 3);
  if (kind === "list") return Array.from({ length }, inner);
  const names = [...EVENT_LIKE, ...TEXTS];
  return Object.fromEntries(Array.from({ length }, () => [draw.one(names), inner()]));
}

/** A body: JSON, deep JSON, half of it, or bytes. */
export function anyBody(draw: Draw): Buffer | string {
  const kind = draw.integer(0, 9);
  if (kind === 0) return Buffer.from(Array.from({ length: 40 }, () => draw.integer(0, 255)));
  if (kind === 1) return `{"a":${"[".repeat(20_000)}${"]".repeat(20_000)}}`;
  if (kind === 2) return (JSON.stringify(anyJson(draw)) ?? "").slice(0, draw.integer(0, 10));
  return JSON.stringify(anyJson(draw));
}

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"];
const TYPES = [
  "application/json",
  "APPLICATION/JSON",
  "application/json; charset=utf-7",
  "application/json; charset",
  "application/x-www-form-urlencoded",
  "multipart/form-data",
  "text/plain",
  "a",
  ";",
];

const HEADERS: Readonly<Record<string, readonly string[]>> = {
  "content-type": TYPES,
  authorization: ["", "Bearer", "Bearer x", "Bearer a.b.c", `Basic ${"x".repeat(200)}`],
  accept: ["", "*/*", "application/graphql-response+json", "text/html;q=x", "a/b;;"],
  "content-encoding": ["gzip", "br", "deflate", "zip", "identity"],
  "user-agent": ["", "x".repeat(3000), "\u00ff\u0080"],
  "x-request-id": ["", "x".repeat(500), "'"],
  "if-none-match": ["*", '"', "x"],
  range: ["bytes=9-1", "bytes=x", "a"],
  origin: ["null", "https://elsewhere.example"],
  "stripe-signature": ["", "t=", "t=1,v1=x", "v1="],
};

/** A request to one of `paths` or near it. */
export function anyRequest(draw: Draw, paths: readonly string[]): HostileRequest {
  const segment = encodeURIComponent(draw.one(TEXTS).toWellFormed());
  const path = draw.one(paths).replace(/\{\w+\}/, draw.one([UUID, segment, "%", "%ff", "%00"]));
  const tails = [
    "",
    "",
    "",
    "/",
    "?",
    "?a=b",
    "?a[b]=c",
    "?a=%",
    "/%",
    "//",
    "/..%2f",
    `/${segment}`,
  ];
  const names = Object.keys(HEADERS).filter(() => draw.integer(0, 4) === 0);
  const method = draw.one(METHODS);
  return {
    method,
    path: path + draw.one(tails),
    headers: {
      "content-type": "application/json",
      ...Object.fromEntries(names.map((name) => [name, draw.one(HEADERS[name] ?? [""])])),
    },
    ...(["GET", "HEAD", "TRACE"].includes(method) ? {} : { body: anyBody(draw) }),
  };
}

/** Operations over a schema: any root field, with nonsense of about the right type. */
export function operationsOf(text: string): (draw: Draw) => unknown {
  const schema = buildSchema(text);
  return (draw) => anyOperation(draw, schema);
}

const DOCUMENTS = [
  "",
  "{",
  "\0",
  "subscription{x}",
  "subscription S { __typename }",
  "mutation { x }",
  "fragment F on Query { __typename }",
  "query A { __typename } query B { __typename }",
  "query A { __typename } query A { __typename }",
  "query ($a: Nope) { __typename }",
  "query ($a: Int = 99999999999999) { __typename }",
  "query ($a: Boolean!) { __typename @skip(if: $a) }",
  "{ __typename @defer @stream @oneOf }",
  "{ ... @defer { __typename } }",
  "type Query { a: Int }",
  "{ ...F } fragment F on Query { ...F }",
  "{ a: __typename a: me { id } }",
];

function anyOperation(draw: Draw, schema: GraphQLSchema): unknown {
  if (draw.integer(0, 5) === 0) {
    const parts = { variables: anyJson(draw), operationName: anyJson(draw) };
    return { query: draw.one<unknown>([...DOCUMENTS, anyJson(draw)]), ...parts };
  }
  const [word, type] = draw.one([
    ["query", schema.getQueryType()],
    ["mutation", schema.getMutationType()],
  ] as const);
  const field = draw.one(Object.values(type?.getFields() ?? {}));
  const given = field.args.filter(({ type: of }) => isNonNullType(of) || draw.one([true, false]));
  const declared = given.map(({ name, type: of }) => `$${name}: ${of}`).join(", ");
  const passed = given.map(({ name }) => `${name}: $${name}`).join(", ");
  const selection = isLeafType(getNamedType(field.type)) ? "" : "{ __typename }";
  const variables = given.map(({ name, type: of }) => [name, anyInput(draw, of)]);
  return {
    query: `${word}${declared && `(${declared})`} { ${field.name}${passed && `(${passed})`} ${selection} }`,
    variables: Object.fromEntries(variables),
  };
}

function anyInput(draw: Draw, type: GraphQLInputType): unknown {
  if (isNonNullType(type)) return anyInput(draw, type.ofType) ?? draw.one(TEXTS);
  if (draw.integer(0, 19) === 0) return anyJson(draw);
  if (draw.integer(0, 9) === 0) return null;
  if (isListType(type)) return [anyInput(draw, type.ofType), anyInput(draw, type.ofType)];
  if (isEnumType(type)) return draw.one(type.getValues()).name;
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields());
    const given = fields.filter(({ type: of }) => isNonNullType(of) || draw.integer(0, 2) === 0);
    return Object.fromEntries(given.map(({ name, type: of }) => [name, anyInput(draw, of)]));
  }
  if (type.name === "Boolean") return draw.one([true, false]);
  if (type.name === "Int") return draw.one([0, 1, -1, 2_147_483_647, -2_147_483_648, 100, 3]);
  if (type.name === "Float") return draw.one(NUMBERS);
  if (type.name === "UUID") return draw.one([UUID, UUID, UUID, "x"]);
  if (type.name === "Date") {
    return draw.one(["2031-06-10", "2031-06-14", "infinity", "-infinity", "5874897-12-31", "x"]);
  }
  return draw.one(draw.one([true, false]) ? TEXTS : ["2031-06-10", "2031-06-14", "1", "USD"]);
}

export interface HostileAnswer {
  /** 0 where the server closed the connection before it had read the whole request. */
  readonly status: number;
  readonly text: string;
}

/** Sends it as it is: `fetch` would mend the path and refuse some headers. */
export async function sendHostile(base: string, what: HostileRequest): Promise<HostileAnswer> {
  const { hostname, port } = new URL(base);
  const { method, path, headers, body } = what;
  const options = { hostname, port, method, path, headers, agent: false };
  try {
    const request = httpRequest(options);
    // A server that has answered may close before it has read all, which fails what is still sent.
    request.on("error", () => undefined);
    request.end(body);
    const [response] = await once(request, "response");
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    return { status: response.statusCode, text: Buffer.concat(chunks).toString() };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ECONNRESET" || code === "EPIPE") return { status: 0, text: "" };
    throw error;
  }
}
