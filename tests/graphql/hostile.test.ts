/**
 * Claims about a stream of documents that are made to cost: each is refused or bounded, and honest
 * requests are served meanwhile. How fast, `npm run bench:hostile` measures.
 */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { hostileDocuments } from "../../src/commands/bench/hostile/documents.ts";
import { testDatabase } from "../helpers/database.ts";
import { buildMarket } from "../helpers/fixture.ts";
import { codesOf, type GraphqlServer, openGraphqlServer } from "./graphqlServer.ts";

const database = testDatabase();
let server: GraphqlServer;

beforeAll(async () => {
  await buildMarket(database);
  server = await openGraphqlServer(database);
});
afterAll(() => server.dispose());

const today = new Date();
const HONEST = `{
  listings { nodes { id title host { displayName } photos { url } } }
  searchListings(west: 0, south: 40, east: 20, north: 60) { nodes { listing { id title } } }
}`;

test("there are forty, and each round has documents of its own", () => {
  const [one, two] = [hostileDocuments(1, today), hostileDocuments(2, today)];
  expect(one).toHaveLength(40);
  const texts = (documents: typeof one): string[] =>
    documents.flatMap(({ isRefused, query, variables }) =>
      isRefused ? [] : [query + JSON.stringify(variables)],
    );
  expect(new Set([...texts(one), ...texts(two)]).size).toBeGreaterThanOrEqual(40);
});

test.each(hostileDocuments(1, today).filter(({ isRefused }) => isRefused))(
  "$what is refused before it costs anything",
  async ({ query, variables }) => {
    const answer = await server.stranger.send(query, { ...variables });
    expect(answer.data).toBeUndefined();
    for (const code of codesOf(answer)) {
      expect(["QUERY_TOO_COMPLEX", "PAGE_TOO_LARGE"]).toContain(code);
    }
  },
);

test.each(
  hostileDocuments(1, today)
    .filter(({ isRefused }) => !isRefused)
    .slice(0, 10),
)("$what is answered where there is little to find", async ({ query, variables }) => {
  expect((await server.stranger.send(query, { ...variables })).errors).toEqual([]);
});

test("all at once keep no honest request from its answer", async () => {
  const hostile = [1, 2, 3].flatMap((seed) =>
    hostileDocuments(seed, today).map(({ query, variables }) =>
      server.stranger.send(query, { ...variables }),
    ),
  );
  const honest = await Promise.all(Array.from({ length: 40 }, () => server.stranger.send(HONEST)));
  for (const answer of honest) expect(answer.errors).toEqual([]);
  for (const answer of await Promise.all(hostile)) {
    for (const code of codesOf(answer)) {
      expect(["QUERY_TOO_COMPLEX", "PAGE_TOO_LARGE", "TIMEOUT", "UNAVAILABLE"]).toContain(code);
    }
  }
});
