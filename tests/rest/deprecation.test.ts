/** What is deprecated says so: in the headers of REST, on the page, and with dates that are fair. */
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import express from "express";
import { buildSchema } from "postgraphile/graphql";
import { type Deprecation, readDeprecations } from "../../src/http/deprecation.ts";
import { installDeprecationsPage } from "../../src/http/deprecationsPage.ts";
import { type InstalledGraphql, installGraphql } from "../../src/http/graphql.ts";
import { type Documented, readOperations } from "../../src/http/openapi.ts";
import { installProblems } from "../../src/http/problems.ts";
import { installRest } from "../../src/http/rest.ts";
import { startServer } from "../../src/server.ts";
import { testDatabase } from "../helpers/database.ts";
import { publishedListing, somebody } from "../helpers/factories.ts";
import { openTestResources, type TestResources } from "../helpers/resources.ts";

const database = testDatabase();
const cleanups: (() => Promise<unknown>)[] = [];
let opened: TestResources;
let graphql: InstalledGraphql;

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

beforeAll(async () => {
  const host = await somebody(database);
  for (let count = 0; count < 2; count += 1) await publishedListing(database, host);
  opened = await openTestResources(database, { http: { hosts: ["127.0.0.1"], port: 0 } });
  graphql = await installGraphql(express(), opened.resources);
});

afterAll(async () => {
  await graphql?.release();
  await opened?.dispose();
});

type Edit = (documented: Documented) => Documented["operation"];

/** REST as it would be with other words in the document, and how to ask it. */
async function serve(edit: Edit): Promise<(path: string) => Promise<Response>> {
  const { resources } = opened;
  const app = express();
  const documented = await readOperations();
  const operations = documented.map((each) => ({ ...each, operation: edit(each) }));
  const deprecations = readDeprecations(operations, graphql.schema);
  await installRest(app, resources, graphql, operations, deprecations);
  installDeprecationsPage(app, deprecations.all);
  installProblems(app, resources);
  const server = app.listen(0, "127.0.0.1");
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  return (path) => fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: "close" } });
}

const dates = { since: "2026-11-30", sunset: "2027-05-31" };
const said = ({ headers }: Response): (string | null)[] =>
  ["deprecation", "sunset", "link"].map((name) => headers.get(name));
const SAID = ["@1795996800", "Mon, 31 May 2027 00:00:00 GMT"];

describe("REST says in its headers", () => {
  test("that an operation is deprecated, and of no other", async () => {
    const ask = await serve(({ operationId, operation }) =>
      operationId === "listListings" || operationId === "getQuote"
        ? { ...operation, deprecated: true, "x-deprecation": dates }
        : operation,
    );
    const link = '</docs/deprecations>; rel="deprecation"; type="text/html"';
    expect(said(await ask("/v1/listings?limit=1"))).toEqual([
      ...SAID,
      // Beside that to the next page.
      expect.stringMatching(/^<\/docs\/deprecations>.*, <\/v1\/listings\?.*>; rel="next"$/),
    ]);
    const refused = await ask("/v1/quotes/00000000-0000-4000-8000-000000000000");
    expect(refused.status).toBe(401);
    expect(said(refused)).toEqual([...SAID, link]);
    expect(said(await ask("/v1/currencies"))).toEqual([null, null, null]);

    const page = await (await ask("/docs/deprecations")).text();
    expect(page).toContain("<td><code>GET /v1/listings</code></td><td>2026-11-30</td>");
    expect(page).not.toContain("Nothing is deprecated.");
  });

  test("that a parameter is deprecated, to whoever sends it, and the earliest dates", async () => {
    const early = { since: "2026-01-01", sunset: "2026-12-31", link: "https://example.com/limit" };
    const ask = await serve(({ operationId, operation }) => {
      const parameters = operation.parameters?.map((parameter) => {
        if (parameter.name === "limit") {
          return { ...parameter, deprecated: true, "x-deprecation": early };
        }
        return parameter.name === "cursor"
          ? { ...parameter, deprecated: true, "x-deprecation": dates }
          : parameter;
      });
      return operationId === "listListings" && parameters
        ? { ...operation, parameters }
        : operation;
    });
    expect(said(await ask("/v1/listings"))).toEqual([null, null, null]);
    const first = await ask("/v1/listings?limit=1");
    const { nextCursor } = (await first.json()) as { nextCursor: string };
    const answer = await ask(`/v1/listings?limit=1&cursor=${encodeURIComponent(nextCursor)}`);
    expect(said(answer).slice(0, 2)).toEqual(["@1767225600", "Thu, 31 Dec 2026 00:00:00 GMT"]);
    expect(answer.headers.get("link")).toContain("<https://example.com/limit>; rel=");
    expect(answer.headers.get("link")).toContain("</docs/deprecations>; rel=");
  });
});

test("the page of the server lists what its own documents deprecate, and states the policy", async () => {
  const server = await startServer(opened.resources);
  cleanups.push(() => server.stop());
  const answer = await fetch(`http://127.0.0.1:${server.port}/docs/deprecations`);
  expect(answer.headers.get("content-type")).toContain("text/html");
  const page = await answer.text();
  expect(page).toContain("6 months");
  expect(page).toContain("Nothing is deprecated.");
});

const SCHEMA = buildSchema("type Query { a: Int }");

function operation(more: object, parameter?: object): Documented {
  const parameters = parameter === undefined ? [] : [{ name: "q", in: "query", ...parameter }];
  return { operationId: "x", method: "get", path: "/x", operation: { parameters, ...more } };
}

describe("a deprecation", () => {
  test.each([
    ["without dates", { deprecated: true }],
    ["without a sunset", { deprecated: true, "x-deprecation": { since: dates.since } }],
    ["on no day", { deprecated: true, "x-deprecation": { ...dates, sunset: "2027-06-31" } }],
    ["at a time", { deprecated: true, "x-deprecation": { ...dates, since: "2026-11-30T00:00Z" } }],
    ["too soon", { deprecated: true, "x-deprecation": { ...dates, sunset: "2027-05-29" } }],
    ["with dates alone", { "x-deprecation": dates }],
  ])("%s is refused at the start, for operations and parameters", (_name, marks) => {
    for (const documented of [operation(marks), operation({}, marks)]) {
      expect(() => readDeprecations([documented], SCHEMA)).toThrow("GET /v1/x");
    }
  });

  test("of GraphQL has its dates at the end of its reason", () => {
    const until = "Since 2026-11-30, until 2027-05-31.";
    const schema = (reason: string) => {
      const marked = `@deprecated(reason: "${reason}")`;
      return buildSchema(`type Query { a(old: Int ${marked}, new: Int): Int ${marked} b: E }
        input I { c: Int ${marked} d: Int } enum E { F ${marked} G }`);
    };
    const { all } = readDeprecations([], schema(`Use b. ${until}`));
    expect(all.map(({ what }: Deprecation) => what).sort()).toEqual([
      "E.F",
      "I.c",
      "Query.a",
      "Query.a(old:)",
    ]);
    expect(all[0]).toMatchObject({ ...dates, instead: "Use b." });
    expect(() => readDeprecations([], schema("Use b."))).toThrow("Query.a(old:)");
    expect(() => readDeprecations([], schema(until.replace("05-31", "02-28")))).toThrow("E.F");
  });
});
