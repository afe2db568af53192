import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type OpenDatabase, openTestDatabase, testDatabase } from "../helpers/database.ts";
import { type Marketplace, openMarketplace } from "../helpers/marketplace.ts";
import { percentile, prepareRace, type RaceResult, runRace } from "./race.ts";

const CLIENTS = 50;
const ROUNDS = 100;

const database = testDatabase();
let marketplace: Marketplace;
let result: RaceResult;

async function deadlocks(of: { owner: OpenDatabase["owner"] }): Promise<number> {
  const { rows } = await of.owner.query<{ deadlocks: number }>(
    "select deadlocks::int from pg_stat_database where datname = current_database()",
  );
  return rows[0]?.deadlocks ?? -1;
}

describe(`${CLIENTS} guests on two servers who want the same nights, ${ROUNDS} times`, () => {
  beforeAll(async () => {
    marketplace = await openMarketplace(database, 2);
    const race = await prepareRace(database, marketplace.servers, {
      clients: CLIENTS,
      rounds: ROUNDS,
    });
    result = await runRace(race);
    const [p50, p99] = [percentile(result.loserMs, 50), percentile(result.loserMs, 99)];
    process.stderr.write(`losers waited p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms\n`);
  }, 240_000);

  afterAll(async () => {
    await marketplace?.dispose();
  }, 30_000);

  test("one of them wins each time", () => {
    expect(result.winners).toEqual(Array.from({ length: ROUNDS }, () => 1));
  });

  test("the others are told DATES_UNAVAILABLE, and nothing breaks", async () => {
    expect(result.codes).toEqual({ DATES_UNAVAILABLE: (CLIENTS - 1) * ROUNDS });
    expect(result.serverErrors).toBe(0);
    expect(await deadlocks(database)).toBe(0);
  });

  test("the calendar has a claim for each winner and agrees with the guard rows", async () => {
    const { rows } = await database.owner.query<{ claims: number }>(
      "select count(*)::int as claims from app_public.calendar_claims",
    );
    expect(rows[0]?.claims).toBe(ROUNDS);
    const drift = await database.owner.query("select * from app_private.calendar_drift()");
    expect(drift.rows).toEqual([]);
  });
});

describe("the same without the constraint and the guard", () => {
  test("sells nights more than once, so the test above can fail", async () => {
    const broken = await openTestDatabase();
    const unguarded = await openMarketplace(broken, 2);
    try {
      const race = await prepareRace(broken, unguarded.servers, { clients: CLIENTS, rounds: 3 });
      await broken.owner.query(`
        alter table app_public.calendar_claims drop constraint calendar_claims_nights_excl;
        drop trigger _100_guard on app_public.calendar_claims`);
      const { winners } = await runRace(race);
      expect(Math.max(...winners)).toBeGreaterThan(1);
    } finally {
      await unguarded.dispose();
      await broken.dispose();
    }
  }, 120_000);
});
