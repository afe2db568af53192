/**
 * Rules without a test: each rule of row-level security is broken, one at a time, and the probes of
 * visibility.ts must notice. A sample here; `npm run test:mutants` tries all and says which survive.
 */
import { beforeAll, expect, test } from "@jest/globals";
import { testDatabase } from "../helpers/database.ts";
import { breakOne, type Mutant, makeMutants } from "./mutants.ts";
import { buildWorld, differences, type World } from "./visibility.ts";

const SAMPLE = process.env.MUTANTS === "all" ? 1 : 7;
/**
 * Three survive since they change nothing: the policies of the ledger ask for my accounts, and who
 * asks sees no others anyway. So of a hundred the probes find this many at the least.
 */
const LEAST_KILLED = 98;

const database = testDatabase();
let world: World;
let mutants: Mutant[];

beforeAll(async () => {
  world = await buildWorld(database);
  mutants = await database.scenario(({ client }) => makeMutants(client, database.config.database));
}, 60_000);

/** What becomes of a mutant; one that PostgreSQL does not take was never alive. */
async function fateOf(statement: string): Promise<"killed" | "survived" | "stillborn"> {
  return database.scenario(async (scenario) => {
    try {
      await scenario.client.query(statement);
    } catch {
      return "stillborn";
    }
    try {
      for await (const _difference of differences(scenario, world)) return "killed";
      return "survived";
    } catch {
      return "killed";
    }
  });
}

test("breaking a rule is noticed", async () => {
  const survivors: string[] = [];
  let tried = 0;
  for (const { name, statement } of mutants.filter((_mutant, index) => index % SAMPLE === 0)) {
    const fate = await fateOf(statement);
    if (fate !== "stillborn") tried += 1;
    if (fate === "survived") survivors.push(name);
  }
  const rate = (100 * (tried - survivors.length)) / tried;
  const verdict = `${tried - survivors.length} of ${tried} mutants killed (${rate.toFixed(1)} %)`;
  process.stderr.write(
    `${[verdict, ...survivors.map((name) => `survived: ${name}`)].join("\n")}\n`,
  );
  expect(mutants.length).toBeGreaterThan(100);
  expect(tried).toBeGreaterThan((0.8 * mutants.length) / SAMPLE);
  expect(rate).toBeGreaterThanOrEqual(LEAST_KILLED);
}, 600_000);

test("every condition is broken, each in its ways", () => {
  expect(breakOne("true")).toEqual(["false"]);
  expect(breakOne("((a = 1) AND (b IS NOT NULL))").sort()).toEqual(
    [
      "(true)",
      "(false)",
      "((true) AND (b IS NOT NULL))",
      "((false) AND (b IS NOT NULL))",
      "((a = 1) AND (true))",
      "((a = 1) AND (false))",
      "((a <> 1) AND (b IS NOT NULL))",
      "((a = 1) OR (b IS NOT NULL))",
      "((a = 1) AND (b IS NULL))",
    ].sort(),
  );
  expect(breakOne("(s <> ALL (ARRAY['a'::t, 'b'::t]))")).toContain("(s <> ALL (ARRAY['b'::t]))");
  expect(breakOne("(d > (f(x) - 7))")).toContain("(d > (f(x) - 8))");
});

test.each([
  ["an address is read for ever", "confirmed_listing_ids(): ", /> .*local_today/, "(true)"],
  [
    "an expired hold shows a listing",
    "booked_listing_ids(): ",
    /confirmed_at IS NOT NULL/,
    "(true)",
  ],
])("it is noticed when %s", async (_what, start, lost, put) => {
  const wanted = mutants.filter(
    ({ name }) => name.startsWith(`app_hidden.${start}`) && !lost.test(name) && name.includes(put),
  );
  expect(wanted.length).toBeGreaterThan(0);
  for (const { statement } of wanted) expect(await fateOf(statement)).toBe("killed");
});

test("the probes are what kills: with nothing broken there is nothing to find", async () => {
  expect(await fateOf("select")).toBe("survived");
});
