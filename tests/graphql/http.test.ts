/** Claims about GraphQL over HTTP: https://graphql.github.io/graphql-over-http/draft/ */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { auditServer } from "graphql-http";
import { GRAPHQL } from "../helpers/client.ts";
import { testDatabase } from "../helpers/database.ts";
import { type GraphqlServer, openGraphqlServer } from "./graphqlServer.ts";

const database = testDatabase();
let server: GraphqlServer;

beforeAll(async () => {
  server = await openGraphqlServer(database);
});
afterAll(() => server.dispose());

const JSON_TYPE = "application/json";

const BODIES = {
  right: '{"query":"{ __typename }"}',
  refused: '{"query":"{ nothing }"}',
  unreadable: '{"query":"{"}',
  subscription: '{"query":"subscription { x }"}',
  "no query": "{}",
  "no JSON": "{",
  "a query that is no text": '{"query":1}',
  "variables that are no object": '{"query":"{ __typename }","variables":[]}',
};
/** What a client accepts, and what it gets. */
const ACCEPTED: readonly (readonly [accept: string | undefined, type: string])[] = [
  [undefined, JSON_TYPE],
  ["*/*", JSON_TYPE],
  ["application/*", JSON_TYPE],
  ["text/html", JSON_TYPE],
  ["application/;q=,", JSON_TYPE],
  [GRAPHQL, GRAPHQL],
  [`${GRAPHQL}; charset=utf-8, ${JSON_TYPE}`, GRAPHQL],
  [`${GRAPHQL}, ${JSON_TYPE}; q=0.5`, GRAPHQL],
  [JSON_TYPE, JSON_TYPE],
  [`${JSON_TYPE}; charset=utf-8`, JSON_TYPE],
];

/** fetch always says what it accepts, this only what it is told. */
async function send(
  accept: string | undefined,
  body: string,
  more: Readonly<Record<string, string>> = {},
): Promise<IncomingMessage> {
  const accepted = accept === undefined ? {} : { accept };
  const headers = { "content-type": JSON_TYPE, ...accepted, ...more };
  const sent = request(`${server.url}/graphql`, { method: "POST", headers });
  sent.end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  response.resume();
  return response;
}

describe.each(ACCEPTED)("who accepts %s", (accept, type) => {
  test.each(Object.entries(BODIES))(`gets ${type}, for a body that is %s`, async (name, body) => {
    const { headers, statusCode } = await send(accept, body);
    expect(headers["content-type"]?.replace("; ", ";")).toBe(`${type};charset=utf-8`);
    // application/json says 200 for a document that was read, whatever came of it.
    const isRead = ["right", "refused", "unreadable", "subscription"].includes(name);
    const isRight = name === "right" || (type === JSON_TYPE && isRead);
    expect(statusCode).toBe(isRight ? 200 : 400);
  });
});

test("who is not let in gets the same types", async () => {
  for (const [accept, type] of ACCEPTED) {
    const { headers, statusCode } = await send(accept, BODIES.right, { authorization: "Bearer x" });
    expect(statusCode).toBe(401);
    expect(headers["content-type"]?.replace("; ", ";")).toBe(`${type};charset=utf-8`);
  }
});

test("passes every MUST and SHOULD of graphql-http's audits in development", async () => {
  const development = await openGraphqlServer(database, { environment: "development" });
  try {
    const results = await auditServer({ url: `${development.url}/graphql` });
    const levels = ["MUST", "SHOULD"].map((level) => {
      const those = results.filter(({ name }) => name.startsWith(`${level} `));
      return { level, count: those.length, failed: those.filter(({ status }) => status !== "ok") };
    });
    expect(levels.map(({ failed }) => failed.map(({ id, name }) => `${id} ${name}`))).toEqual([
      [],
      [],
    ]);
    for (const { count } of levels) expect(count).toBeGreaterThan(10);
  } finally {
    await development.dispose();
  }
});
