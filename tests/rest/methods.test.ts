/**
 * Each address says which methods it takes: another one is answered with 405 and `Allow` (RFC 9110
 * wants it), and HEAD wherever GET is, with the same answer but for the body.
 */

import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { testDatabase } from "../helpers/database.ts";
import { type Marketplace, openMarketplace } from "../helpers/marketplace.ts";

const OPENAPI = new URL("../../openapi/openapi.yaml", import.meta.url);
const documented = Object.keys(parse(readFileSync(OPENAPI, "utf8")).paths);

const UUID = "0198c0de-0000-7000-8000-000000000000";
const SWAGGER = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));

const ADDRESSES = [
  ...documented.map((path) => `/v1${path.replace(/\{\w+\}/, UUID)}`),
  "/",
  "/graphql",
  "/graphiql",
  "/confirm-registration",
  "/bookings/:bookingId",
  "/sign-in",
  "/docs",
  "/docs/errors",
  "/docs/diagrams",
  "/docs/diagrams/booking.svg",
  "/docs/guides",
  "/docs/guides/stay",
  "/docs/assets/setting.js",
  "/docs/assets/swagger-ui.css",
  "/favicon.ico",
  "/openapi.json",
  "/.well-known/jwks.json",
  "/healthz",
  "/readyz",
];
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

const database = testDatabase();
let marketplace: Marketplace;

beforeAll(async () => {
  marketplace = await openMarketplace(database, 1);
});

afterAll(async () => {
  await marketplace?.dispose();
});

const ask = (path: string, method: string): Promise<Response> =>
  fetch(`${marketplace.servers[0]}${path}`, { method, redirect: "manual" });

test("no address of src/http is left out here", () => {
  const folder = new URL("../../src/http/", import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith(".ts"));
  const code = files.map((name) => readFileSync(new URL(name, folder), "utf8"));
  const served = code.join("\n").match(/(?<=\bserve\(app, ")[^"]+/g) ?? [];
  expect(served.length).toBeGreaterThan(5);
  expect(served.filter((path) => !ADDRESSES.includes(path))).toEqual([]);
  // Only serve() knows which methods an address does not take; webhooks are in the document.
  const direct = code.join("\n").match(/(?<![.\w])app\.(get|post|put|patch|delete|all)\(.*/g) ?? [];
  expect(direct).toEqual(['app.post("/v1/webhooks/stripe", raw, (request, response) =>']);
});

test.each(ADDRESSES)("%s takes the methods that it says it takes", async (path) => {
  const refused: string[] = [];
  const allows = new Set<string | null>();
  for (const method of METHODS) {
    const response = await ask(path, method);
    const { status } = response;
    await response.arrayBuffer();
    // Of an id that nobody has, there is nothing to read.
    const isRead = method === "GET" || method === "HEAD";
    if (!(isRead && path.includes(UUID))) expect([method, status]).not.toEqual([method, 404]);
    if (status !== 405) continue;
    refused.push(method);
    allows.add(response.headers.get("allow"));
  }
  const taken = METHODS.filter((method) => !refused.includes(method));
  expect([...allows].map((allow) => allow?.split(/, */).sort())).toEqual([taken.sort()]);
  expect(taken.includes("HEAD")).toBe(taken.includes("GET"));
});

test.each(ADDRESSES)("HEAD of %s is GET without the body", async (path) => {
  const [get, head] = [await ask(path, "GET"), await ask(path, "HEAD")];
  const length = (await get.arrayBuffer()).byteLength;
  expect(head.status).toBe(get.status);
  expect(head.headers.get("content-type")).toBe(get.headers.get("content-type"));
  if (head.headers.has("content-length")) {
    expect(head.headers.get("content-length")).toBe(String(length));
  }
  expect((await head.arrayBuffer()).byteLength).toBe(0);
});

test("of the packages behind the reference, only what the page loads is public", async () => {
  const page = await (await ask("/docs", "GET")).text();
  const loaded: string[] = page.match(/\/docs\/[\w./-]+/g) ?? [];
  expect(loaded.length).toBeGreaterThan(3);
  for (const path of loaded) expect([path, (await ask(path, "GET")).status]).toEqual([path, 200]);
  const inside = readdirSync(SWAGGER).map((name) => `/docs/assets/${name}`);
  expect(inside).toContain("/docs/assets/package.json");
  for (const path of inside.filter((name) => !loaded.some((path) => path === name))) {
    expect([path, (await ask(path, "GET")).status]).toEqual([path, 404]);
  }
});

test.each<string>(["", "?token=", "?tokem=x", "?token[]=x", "?token=a&token=b"])(
  "the page of a mailed link says so when the link is %j and has no token",
  async (query) => {
    const response = await ask(`/confirm-registration${query}`, "GET");
    expect(response.status).toBe(400);
    expect(await response.text()).not.toContain("<form");
  },
);

test("the page of a whole link asks for the password", async () => {
  const response = await ask("/confirm-registration?token=x", "GET");
  expect(response.status).toBe(200);
  expect(await response.text()).toContain("<form");
});
