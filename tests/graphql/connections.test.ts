/** Claims about how GraphQL's operations share the connections, and about what a client may spend. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Asker, createShare } from "../../src/graphql/connections.ts";
import { LIMITS } from "../../src/graphql/limits/limits.ts";
import { GRAPHQL } from "../helpers/client.ts";
import { testDatabase } from "../helpers/database.ts";
import { buildMarket } from "../helpers/fixture.ts";
import { seeded } from "../helpers/random.ts";
import { codesOf, type GraphqlServer, openGraphqlServer } from "./graphqlServer.ts";

interface Use {
  readonly asker: Asker;
  readonly end: () => void;
  readonly done: Promise<void>;
}

/** A share whose uses end when they are told to. */
function observed(poolSize: number) {
  const share = createShare(poolSize);
  const running: Asker[] = [];
  const begin = (asker: Asker): Use => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = share(asker, async () => {
      running.push(asker);
      await promise;
      running.splice(running.indexOf(asker), 1);
    });
    return { asker, end: resolve, done };
  };
  return { begin, running };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("connections", () => {
  test("that heavy operations do not take are there for short ones, whoever asks", async () => {
    const { begin, running } = observed(10);
    const heavy = ["a", "b", "c", "d", "e", "f"].flatMap((client) =>
      Array.from({ length: 5 }, () => begin({ client, isHeavy: true })),
    );
    await settled();
    expect(running).toHaveLength(4);
    const short = begin({ client: "a", isHeavy: false });
    await settled();
    expect(running).toContain(short.asker);
    for (const use of [short, ...heavy]) use.end();
    await Promise.all([short, ...heavy].map(({ done }) => done));
  });

  test("go to who has the fewest, so that one client cannot keep another waiting", async () => {
    const { begin, running } = observed(10);
    const many = Array.from({ length: 50 }, () => begin({ client: "many", isHeavy: false }));
    const one = begin({ client: "one", isHeavy: false });
    await settled();
    expect(running).not.toContain(one.asker);
    many[0]?.end();
    await many[0]?.done;
    await settled();
    expect(running).toContain(one.asker);
    for (const use of [one, ...many]) use.end();
    await Promise.all([one, ...many].map(({ done }) => done));
  });

  test("are never more than there are, some are kept back, and everybody gets one", async () => {
    const random = seeded(1);
    for (let poolSize = 1; poolSize <= 30; poolSize += 1) {
      const { begin, running } = observed(poolSize);
      const most = Math.max(1, poolSize - Math.ceil(poolSize / 5));
      let uses = Array.from({ length: random.int(1, 60) }, () =>
        begin({ client: random.pick(["a", "b", "c"]), isHeavy: random.pick([true, false]) }),
      );
      const all = uses.map(({ done }) => done);
      while (uses.length > 0) {
        await settled();
        const heavy = running.filter(({ isHeavy }) => isHeavy);
        expect(running.length).toBeGreaterThan(0);
        expect(running.length).toBeLessThanOrEqual(most);
        expect(heavy.length).toBeLessThanOrEqual(Math.max(1, Math.floor(most / 2)));
        // Any that runs ends next, not the first that came.
        const ends = random.pick(running);
        uses.find(({ asker }) => asker === ends)?.end();
        uses = uses.filter(({ asker }) => asker !== ends);
      }
      await Promise.all(all);
      expect(running).toEqual([]);
    }
  });

  test("are refused, not waited for, where too many wait", async () => {
    const { begin } = observed(1);
    const uses = Array.from({ length: LIMITS.waiting + 1 }, () =>
      begin({ client: "a", isHeavy: false }),
    );
    const late = begin({ client: "b", isHeavy: false });
    await expect(late.done).rejects.toMatchObject({ code: "UNAVAILABLE" });
    for (const use of uses) use.end();
    await Promise.all(uses.map(({ done }) => done));
  });
});

describe("a client", () => {
  const database = testDatabase();
  let server: GraphqlServer;
  beforeAll(async () => {
    await buildMarket(database);
    server = await openGraphqlServer(database);
  });
  afterAll(() => server.dispose());

  const ask = async (query: string, ip: string, token?: string, variables = {}) => {
    const response = await fetch(`${server.url}/graphql`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: GRAPHQL,
        "x-forwarded-for": ip,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ query, variables }),
    });
    const { errors = [] } = (await response.json()) as {
      errors?: Parameters<typeof codesOf>[0]["errors"];
    };
    return { status: response.status, codes: codesOf({ errors }) };
  };
  const ANY = "{ currencies { code } }";
  const limiter = () =>
    server.resources.rateLimiter({
      name: "graphql-cost",
      points: LIMITS.costPerTenSeconds,
      seconds: 10,
    });
  const REFUSED = { status: 429, codes: ["RATE_LIMITED"] };
  const SERVED = { status: 200, codes: [] };

  test("is refused when its address has asked for too much, and others are served", async () => {
    expect(await ask(ANY, "192.0.2.1")).toEqual(SERVED);
    const before = await limiter().consume("address 192.0.2.1", 0);
    expect(LIMITS.costPerTenSeconds - before.remaining).toBeGreaterThan(50);
    await limiter().consume("address 192.0.2.1", LIMITS.costPerTenSeconds);
    expect(await ask(ANY, "192.0.2.1")).toEqual(REFUSED);
    expect(await ask(ANY, "::ffff:192.0.2.1")).toEqual(REFUSED);
    expect(await ask(ANY, "192.0.2.2")).toEqual(SERVED);
    // What runs on the machine itself is nobody's address.
    expect(await ask(ANY, "127.0.0.1")).toEqual(SERVED);
  });

  test("who is signed in pays for themselves, from wherever they ask", async () => {
    const { rows } = await database.owner.query<{ id: string }>("select id from app_public.users");
    const [one = "", other = ""] = rows.map(({ id }) => id);
    await limiter().consume(`person ${one}`, LIMITS.costPerTenSeconds);
    expect(await ask(ANY, "192.0.2.3", server.tokenOf(one))).toEqual(REFUSED);
    expect(await ask(ANY, "192.0.2.4", server.tokenOf(one))).toEqual(REFUSED);
    expect(await ask(ANY, "192.0.2.3", server.tokenOf(other))).toEqual(SERVED);
    expect(await ask(ANY, "192.0.2.3")).toEqual(SERVED);
  });

  test("pays for what is refused, and for what has to be planned", async () => {
    const spent = async (query: string): Promise<number> => {
      const before = await limiter().consume("address 192.0.2.9", 0);
      await ask(query, "192.0.2.9");
      return before.remaining - (await limiter().consume("address 192.0.2.9", 0)).remaining;
    };
    expect(await spent("{ listings(first: 101) { nodes { id } } }")).toBe(LIMITS.refusalCost);
    expect(await spent("{ listing { id } }")).toBe(LIMITS.refusalCost);
    const page = "{ listings(first: 7) { nodes { id title } } }";
    const first = await spent(page);
    const again = await spent(page);
    expect(first - again).toBe(4 * LIMITS.planningCost);
    expect(again).toBe(7 + 4);
    const search = (box: string): string => `{ searchListings(${box}) { nodes { cursor } } }`;
    await spent(search("west: 0, south: 50, east: 0.1, north: 50.1"));
    expect(await spent(search("west: 0, south: 50, east: 0.1, north: 50.1"))).toBeLessThan(100);
    await spent(search("west: -180, south: -80, east: 180, north: 80"));
    expect(await spent(search("west: -180, south: -80, east: 180, north: 80"))).toBeGreaterThan(
      LIMITS.boxCost.most,
    );
  });

  test("pays for each plan of a document, and for none twice", async () => {
    const names = ["a", "b", "c"];
    const document = `query (${names.map((name) => `$${name}: Boolean!`).join(", ")}) {
      listings(first: 1) { nodes { ${names
        .map((name) => `${name}: title @include(if: $${name})`)
        .join(" ")} } } }`;
    const spent = async (choice: number): Promise<number> => {
      const variables = Object.fromEntries(
        names.map((name, index) => [name, (choice & (1 << index)) > 0]),
      );
      const before = await limiter().consume("address 192.0.2.10", 0);
      expect(await ask(document, "192.0.2.10", undefined, variables)).toEqual(SERVED);
      return before.remaining - (await limiter().consume("address 192.0.2.10", 0)).remaining;
    };
    for (const pays of [true, false]) {
      for (let choice = 0; choice < 8; choice += 1) {
        const cost = await spent(choice);
        expect([choice, pays, cost > LIMITS.planningCost]).toEqual([choice, pays, pays]);
      }
    }
  });

  test("with a heavy statement that does not end is told so after two seconds", async () => {
    const search =
      "{ searchListings(west: -90, south: 0, east: 90, north: 80) { nodes { cursor } } }";
    expect(await ask(search, "192.0.2.5")).toEqual(SERVED);
    const { rows } = await database.owner.query<{ definition: string }>(
      "select pg_get_functiondef('app_hidden.check_search'::regproc) as definition",
    );
    const [{ definition = "" } = {}] = rows;
    const endless = definition.replace(/^begin$/im, "begin perform pg_sleep(60);");
    expect(endless).not.toBe(definition);
    await database.owner.query(endless);
    const started = performance.now();
    expect(await ask(search, "192.0.2.5")).toMatchObject({ codes: ["TIMEOUT"] });
    expect(performance.now() - started).toBeLessThan(LIMITS.executionMs / 2);
    await database.owner.query(definition);
    expect(await ask(search, "192.0.2.5")).toEqual(SERVED);
  });
});
