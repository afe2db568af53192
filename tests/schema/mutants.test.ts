/**
 * Rules without a test: each rule of row-level security is broken, one at a time, and each right that
 * visitors do not have is given to them. The probes of visibility.ts, the matrix of privileges.yaml
 * or a lint must notice. A sample here; `npm run test:mutants` tries all and says which survive.
 */
import { readFile } from "node:fs/promises";
import { beforeAll, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { type Scenario, testDatabase } from "../helpers/database.ts";
import { buildMarket, type Market } from "../helpers/fixture.ts";
import { lintNames, readLint, showFiles } from "./lints.ts";
import { breakOne, type Mutant, makeMutants } from "./mutants.ts";
import { type Matrix, observe, privilegeProblems } from "./privileges.ts";
import { buildWorld, differences, type World } from "./visibility.ts";

const SAMPLE = process.env.MUTANTS === "all" ? 1 : 13;
/** Of a hundred mutants the tests find this many at the least. */
const LEAST_KILLED = 98;
/**
 * These change nothing: the policies of the ledger ask for my accounts, and who asks sees no others
 * anyway. They are reported, and not counted.
 */
const HARMLESS = /^app_public\.ledger_\w+ select_own: using .*(?:WHERE|ON) \(+true\)/s;

/** The world of visibility.ts, and beside it the market that privileges.yaml is about. */
const database = testDatabase();
const marketDatabase = testDatabase();
let world: World;
let market: Market;
let matrix: Matrix;
let lints: readonly string[];
let mutants: Mutant[];

beforeAll(async () => {
  world = await buildWorld(database);
  market = await buildMarket(marketDatabase);
  const file = new URL("privileges.yaml", import.meta.url);
  matrix = parse(await readFile(file, "utf8")) as Matrix;
  const { config } = database;
  lints = await Promise.all((await lintNames()).map((name) => readLint(config, name)));
  mutants = await database.scenario(({ client }) => makeMutants(client, config.database));
});

/** Whether somebody notices a change that was made in this transaction. */
type Judge = (scenario: Scenario, mutant: Pick<Mutant, "object">) => Promise<boolean>;

const probes: Judge = async (scenario) => {
  for await (const _difference of differences(scenario, world)) return true;
  return false;
};

const privileges: Judge = async (scenario, { object }) => {
  const found = await observe(scenario, market, [object]);
  const known = (entries: object) =>
    Object.fromEntries(Object.entries(entries).filter(([name]) => name === object));
  const wanted = { relations: known(matrix.relations), functions: known(matrix.functions) };
  return found.problems.length + privilegeProblems(wanted, found.matrix).length > 0;
};

const lint: Judge = async ({ client }) => {
  await showFiles(client);
  for (const text of lints) if ((await client.query(text)).rowCount !== 0) return true;
  return false;
};

type Fate = "killed" | "survived" | "stillborn";

/** What one of them says of a mutant; one that PostgreSQL does not take was never alive. */
function judged(judge: Judge, mutant: Mutant): Promise<Fate> {
  const place = judge === probes ? database : marketDatabase;
  return place.scenario(async (scenario) => {
    try {
      await scenario.client.query(mutant.statement);
    } catch {
      return "stillborn";
    }
    return (await judge(scenario, mutant).catch(() => true)) ? "killed" : "survived";
  });
}

/** Who is quickest to notice comes first. */
const JUDGES = {
  rule: [probes, privileges, lint],
  right: [privileges, lint, probes],
} as const;

async function fateOf(mutant: Mutant): Promise<Fate> {
  for (const judge of JUDGES[mutant.kind]) {
    const fate = await judged(judge, mutant);
    if (fate !== "survived") return fate;
  }
  return "survived";
}

test("breaking a rule, or giving a right away, is noticed", async () => {
  const survivors: string[] = [];
  const harmless: string[] = [];
  let tried = 0;
  for (const mutant of mutants.filter((_mutant, index) => index % SAMPLE === 0)) {
    const fate = await fateOf(mutant);
    if (fate === "survived" && HARMLESS.test(mutant.name)) {
      harmless.push(mutant.name);
      continue;
    }
    if (fate !== "stillborn") tried += 1;
    if (fate === "survived") survivors.push(mutant.name);
  }
  const rate = (100 * (tried - survivors.length)) / tried;
  const verdict = `${tried - survivors.length} of ${tried} mutants killed (${rate.toFixed(1)} %)`;
  const told = (what: string, names: readonly string[]) => names.map((name) => `${what}: ${name}`);
  const lines = [verdict, ...told("survived", survivors), ...told("changes nothing", harmless)];
  process.stderr.write(`${lines.join("\n")}\n`);
  expect(mutants.length).toBeGreaterThan(100);
  expect(tried).toBeGreaterThan((0.8 * mutants.length) / SAMPLE);
  expect(rate).toBeGreaterThanOrEqual(LEAST_KILLED);
}, 900_000);

test("every table and every policy has its mutants", async () => {
  const { rows } = await database.owner.query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c
     where c.relnamespace = any ('{app_public,app_hidden,app_private}'::regnamespace[])
       and c.relkind in ('r', 'p')
     union all
     select format('%s %I: dropped', p.polrelid::regclass, p.polname) from pg_policy p`,
  );
  const made = new Set(mutants.flatMap(({ name, object }) => [name, object]));
  expect(rows.map(({ name }) => name).filter((name) => !made.has(name))).toEqual([]);
});

test("a table that is new has mutants, and is not forgotten by who judges", async () => {
  const found = await database.scenario(async ({ client }) => {
    await client.query(
      `create table app_public.scratch (id int);
       alter table app_public.scratch enable row level security`,
    );
    return makeMutants(client, database.config.database);
  });
  const names = found.filter(({ object }) => object === "app_public.scratch").map((m) => m.name);
  const rights = ["delete", "insert", "select", "truncate", "update"];
  expect(names).toEqual([
    ...rights.map((right) => `app_public.scratch: ${right} for visitors`),
    "app_public.scratch: without row-level security",
  ]);
});

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
  ["what was accepted hides a listing", "booked_listing_ids(): ", /accepted/, "ARRAY"],
])("it is noticed when %s", async (_what, start, lost, put) => {
  const wanted = mutants.filter(
    ({ name }) => name.startsWith(`app_hidden.${start}`) && !lost.test(name) && name.includes(put),
  );
  expect(wanted.length).toBeGreaterThan(0);
  for (const mutant of wanted) expect(await judged(probes, mutant)).toBe("killed");
});

test.each([
  ["probes", probes],
  ["the matrix", privileges],
  ["lints", lint],
])("what kills is %s: with nothing broken there is nothing to find", async (_who, judge) => {
  for (const object of ["app_public.bookings", "app_private.register"]) {
    const unchanged: Mutant = { name: "", object, kind: "rule", statement: "select" };
    expect(await judged(judge, unchanged)).toBe("survived");
  }
});
