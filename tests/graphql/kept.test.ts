/** Claims about what is kept between requests: it is bounded by its weight, not by its number. */
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { makeSchema } from "postgraphile";
import { hookArgs } from "postgraphile/grafast";
import { parse } from "postgraphile/graphql";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { LIMITS } from "../../src/graphql/limits/limits.ts";
import { createApi } from "../../src/graphql/preset.ts";
import { quietly } from "../../src/graphql/quietly.ts";
import { keepStatement } from "../../src/graphql/statements.ts";
import { Kept } from "../../src/kept.ts";
import { createLogger } from "../../src/resources/logger.ts";
import { testDatabase } from "../helpers/database.ts";
import { buildMarket } from "../helpers/fixture.ts";
import { seeded } from "../helpers/random.ts";
import { type GraphqlServer, openGraphqlServer } from "./graphqlServer.ts";

const database = testDatabase();
let server: GraphqlServer;

beforeAll(async () => {
  await buildMarket(database);
  server = await openGraphqlServer(database, { poolSize: 1 });
});
afterAll(() => server.dispose());

test("what was used last is kept, as much as fits", () => {
  const random = seeded(1);
  const kept = new Kept<number, number>(1000);
  const sizes = new Map<number, number>();
  // The same by a list, the last one used at its end.
  let order: number[] = [];
  const use = (key: number): void => {
    order = [...order.filter((other) => other !== key), key];
  };
  const total = (): number => order.reduce((sum, key) => sum + (sizes.get(key) ?? 0), 0);
  for (let step = 0; step < 5000; step += 1) {
    const key = random.int(1, 30);
    const size = random.int(0, 400);
    const what = random.pick(["get", "set", "grow"]);
    if (what === "get") {
      expect(kept.get(key)).toBe(order.includes(key) ? key : undefined);
      if (order.includes(key)) use(key);
    } else if (what === "set") {
      kept.set(key, key, size);
      sizes.set(key, size);
      use(key);
    } else if (order.includes(key)) {
      kept.grow(key, size);
      sizes.set(key, (sizes.get(key) ?? 0) + size);
    }
    while (total() > 1000) order = order.slice(1);
    expect(kept.size).toBe(total());
    expect(kept.size).toBeLessThanOrEqual(1000);
  }
});

test("a connection keeps prepared statements of a bounded length together", async () => {
  const client = await server.resources.pool.connect();
  const run = async (index: number, bound: boolean): Promise<unknown> => {
    const text = `select ${index} as value /* ${"x".repeat(5000)} */`;
    const statement = { name: `${bound ? "bounded" : "free"} ${index}`, text };
    if (bound) await keepStatement(client, statement);
    return (await client.query<{ value: number }>(statement)).rows[0]?.value;
  };
  const lengthOf = async (kind: string): Promise<number> => {
    const { rows } = await client.query<{ length: number }>(
      `select coalesce(sum(length(statement)), 0)::integer as length
       from pg_prepared_statements where name like $1`,
      [`${kind} %`],
    );
    return rows[0]?.length ?? 0;
  };
  try {
    for (let index = 0; index < 120; index += 1) {
      expect(await run(index, true)).toBe(index);
      await run(index, false);
    }
    expect(await lengthOf("bounded")).toBeLessThanOrEqual(LIMITS.statementCharacters);
    expect(await lengthOf("bounded")).toBeGreaterThan(LIMITS.statementCharacters / 2);
    expect(await lengthOf("free")).toBeGreaterThan(LIMITS.statementCharacters);
    // What was dropped is prepared again, and what was used last is there.
    for (const index of [0, 119, 60, 1]) expect(await run(index, true)).toBe(index);
  } finally {
    client.release(true);
  }
});

/** Documents with twenty roots each, which is what weighs most. */
const largeDocument = (seed: number): string => {
  const roots = Array.from(
    { length: 20 },
    (_item, index) =>
      `r${index}: listings(first: 1) { nodes { id title host { displayName } photos { url } } }`,
  );
  return `query q${seed} { ${roots.join(" ")} }`;
};

/** The API as a server in production has it, without HTTP. */
const openApi = () =>
  createApi({
    pool: database.pool,
    operator: database.config.database.operator,
    logger: createLogger({ level: "silent" }),
    introspection: false,
    identityOf: () => ({
      role: database.config.database.visitor,
      viewer: undefined,
      network: "192.0.2.1",
    }),
    clientOf: () => "visitor",
    spend: async () => undefined,
    offer: () => undefined,
  });

/** The hooks of Grafserv and Grafast that plugins have put around what they do. */
function middlewareOf({ plugins }: GraphileConfig.ResolvedPreset): string[] {
  return (plugins ?? []).flatMap(({ grafast, grafserv }) =>
    [grafast?.middleware, grafserv?.middleware, grafserv?.hooks].flatMap((hooks) =>
      Object.keys(hooks ?? {}),
    ),
  );
}

test("what every request passes is no middleware, which keeps it in memory", async () => {
  const { resolvedPreset } = await makeSchema({ extends: [openApi().preset] });
  // That one is for the start.
  expect(middlewareOf(resolvedPreset)).toEqual(["setPreset"]);
  const usual = await makeSchema({ extends: [PostGraphileAmberPreset] });
  expect(middlewareOf(usual.resolvedPreset)).toContain("prepareArgs");
});

test("what Grafast aborts at the end of a request, it aborts quietly", async () => {
  const { preset, execute, within } = openApi();
  const { schema, resolvedPreset } = await makeSchema({ extends: [preset] });
  const abort = jest.spyOn(quietly(() => AbortController).prototype, "abort");
  try {
    const requestContext = { expressv4: { req: {}, res: {} } } as object;
    const document = parse("{ currencies { code } }");
    const args = { schema, document, resolvedPreset, requestContext };
    await within(requestContext, async () => execute((await hookArgs(args)) as typeof args));
    expect(abort).toHaveBeenCalledTimes(1);
    expect(abort).toHaveBeenCalledWith();
  } finally {
    abort.mockRestore();
  }
});

test("plans are kept up to a bound of bytes, and one that was dropped is made again", async () => {
  const { preset, execute, within } = openApi();
  const { schema, resolvedPreset } = await makeSchema({ extends: [preset] });
  // Where the machine does much else, a large plan may take too long once.
  const ask = async (source: string, tries = 3): Promise<unknown> => {
    const requestContext = { expressv4: { req: {}, res: {} } } as object;
    const args = { schema, document: parse(source), resolvedPreset, requestContext };
    const result = await within(requestContext, async () =>
      execute((await hookArgs(args)) as typeof args),
    );
    if (!("data" in result) && tries > 1) return ask(source, tries - 1);
    return "data" in result ? result : undefined;
  };
  const sizes: number[] = [];
  for (let seed = 0; seed < 90; seed += 1) {
    expect(await ask(largeDocument(seed))).not.toHaveProperty("errors");
    const own: object = schema.extensions.grafast ?? {};
    const caches = Object.getOwnPropertySymbols(own).map((name) => Reflect.get(own, name));
    const kept = caches.find((cache) => cache instanceof Kept);
    sizes.push(kept?.size ?? 0);
  }
  expect(Math.max(...sizes)).toBeLessThanOrEqual(LIMITS.planBytes);
  // It grew until it was full, and stayed so.
  expect(sizes.at(-1)).toBeGreaterThan(LIMITS.planBytes * 0.9);
  expect(sizes[30]).toBeLessThan(LIMITS.planBytes * 0.7);
  expect(await ask(largeDocument(0))).not.toHaveProperty("errors");
});
