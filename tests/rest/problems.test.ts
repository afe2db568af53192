/**
 * Every refusal is the Problem of the OpenAPI document, also those that come before the operation
 * and so before the validator looks at answers.
 */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { ERRORS } from "../../src/errors.ts";
import { testDatabase } from "../helpers/database.ts";
import { type Marketplace, openMarketplace } from "../helpers/marketplace.ts";

const SCHEMA = new URL("../../openapi/schemas/Problem.yaml", import.meta.url);

interface ObjectSchema {
  readonly required: readonly string[];
  readonly properties: Readonly<Record<string, { readonly type?: string }>>;
}

const database = testDatabase();
let marketplace: Marketplace;
let schema: ObjectSchema;

beforeAll(async () => {
  schema = parse(await readFile(SCHEMA, "utf8")) as ObjectSchema;
  marketplace = await openMarketplace(database, 1);
});

afterAll(async () => {
  await marketplace?.dispose();
});

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === "string",
  integer: Number.isInteger,
  array: Array.isArray,
};

/** What is wrong with a problem by the schema of the document, which is flat. */
function faultsOf(problem: Record<string, unknown>): string[] {
  const missing = schema.required.filter((name) => !(name in problem));
  const others = Object.entries(problem).filter(([name, value]) => {
    const property = schema.properties[name];
    if (property === undefined) return true;
    return property.type !== undefined && TYPES[property.type]?.(value) !== true;
  });
  return [...missing, ...others.map(([name]) => name)];
}

const post = (body: string, type = "application/json"): RequestInit => ({
  method: "POST",
  headers: { "content-type": type },
  body,
});

test.each<[string, number, string, string, RequestInit]>([
  ["no such address", 404, "NOT_FOUND", "/v1/nothing", {}],
  ["nothing outside /v1", 404, "NOT_FOUND", "/nothing", {}],
  ["another method", 405, "METHOD_NOT_ALLOWED", "/v1/me", { method: "PUT" }],
  ["no JSON", 400, "INVALID_INPUT", "/v1/auth/login", post("{")],
  ["a missing member", 400, "INVALID_INPUT", "/v1/auth/login", post("{}")],
  ["an unknown parameter", 400, "INVALID_INPUT", "/v1/me?a=b", {}],
  ["no token", 401, "UNAUTHENTICATED", "/v1/me", {}],
  ["too much", 413, "PAYLOAD_TOO_LARGE", "/v1/auth/login", post(`"${"x".repeat(200_000)}"`)],
  ["a form", 415, "UNSUPPORTED_MEDIA_TYPE", "/v1/auth/login", post("a=b", "text/plain")],
  ["no signature", 400, "SIGNATURE_INVALID", "/v1/webhooks/stripe", post("{}")],
])("%s is answered with %i %s, as documented", async (_name, status, code, path, init) => {
  const response = await fetch(`${marketplace.servers[0]}${path}`, init);
  const problem = (await response.json()) as Record<string, unknown>;
  expect(problem).toMatchObject({ status, code });
  expect(response.status).toBe(status);
  expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json/);
  expect(faultsOf(problem)).toEqual([]);
});

test("a wrong method is told which are right", async () => {
  const allowed: [string, string][] = [
    ["/v1/me", "DELETE, GET, HEAD"],
    ["/v1/auth/login", "POST"],
  ];
  for (const [path, allow] of allowed) {
    const response = await fetch(`${marketplace.servers[0]}${path}`, { method: "PUT" });
    expect(response.headers.get("allow")).toBe(allow);
  }
});

test("what does not fit the schema would be found out", () => {
  const good = { type: "/docs/errors#NOT_FOUND", title: "No", status: 404, code: "NOT_FOUND" };
  expect(faultsOf(good)).toEqual([]);
  expect(faultsOf({ ...good, status: "404" })).toEqual(["status"]);
  expect(faultsOf({ ...good, stack: "at" })).toEqual(["stack"]);
  expect(faultsOf({ type: good.type, title: good.title, status: 404 })).toEqual(["code"]);
  expect(Object.keys(ERRORS)).toContain(good.code);
});
