import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { cases } from "../helpers/cases.ts";
import { type OpenDatabase, openTestDatabase, testDatabase } from "../helpers/database.ts";
import { type Marketplace, openMarketplace } from "../helpers/marketplace.ts";
import { percentile, prepareRace, type Race, type RaceResult, runRace } from "./race.ts";
import { CREATE_BOOKING } from "./stay.ts";

const CLIENTS = 50;
const ROUNDS = cases(100, 15);

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
  });

  test("one of them wins each time", () => {
    expect(result.winners).toEqual(Array.from({ length: ROUNDS }, () => 1));
  });

  test("the others are told DATES_UNAVAILABLE with 409, and nothing breaks", async () => {
    expect(result.codes).toEqual({ "DATES_UNAVAILABLE 409": (CLIENTS - 1) * ROUNDS });
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

/**
 * The guard as one writes it at first: look whether the nights are free, then insert. It rests
 * between the two, so that a busy machine does not hide the fault.
 */
const NAIVE_GUARD = `
  alter table app_public.calendar_claims drop constraint calendar_claims_nights_excl;
  create or replace function app_hidden.tg_calendar_claims__guard() returns trigger
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  as $$
  begin
    if TG_OP = 'DELETE' then
      return OLD;
    end if;
    if exists (
      select from app_public.calendar_claims c
      where c.listing_id = NEW.listing_id and c.unit_number = NEW.unit_number
        and c.nights && NEW.nights and c.id <> NEW.id
    ) then
      raise exception 'These nights are taken.' using errcode = 'SBC01';
    end if;
    perform pg_sleep(0.02);
    return NEW;
  end
  $$`;

describe("the same with a guard that looks first and inserts then", () => {
  const CONTROL_ROUNDS = 10;
  let broken: OpenDatabase;
  let unguarded: Marketplace;
  let race: Race;

  beforeAll(async () => {
    broken = await openTestDatabase();
    unguarded = await openMarketplace(broken, 2);
    const size = { clients: CLIENTS, rounds: CONTROL_ROUNDS + 1 };
    race = await prepareRace(broken, unguarded.servers, size);
    await broken.owner.query(NAIVE_GUARD);
  });

  afterAll(async () => {
    await unguarded?.dispose();
    await broken?.dispose();
  });

  test("sells nights once to guests who come one after the other", async () => {
    const codes: (string | undefined)[] = [];
    for (const [index, client] of race.clients.slice(0, 5).entries()) {
      const variables = { quoteId: race.quoteIds[0]?.[index], key: `in-turn-${index}` };
      const { errors } = await client.send(CREATE_BOOKING, variables);
      codes.push(errors[0]?.extensions?.code);
    }
    expect(codes).toEqual([undefined, ...Array(4).fill("DATES_UNAVAILABLE")]);
  });

  test("sells them more than once in the race, so the race is one and can be lost", async () => {
    const { winners } = await runRace({ ...race, quoteIds: race.quoteIds.slice(1) });
    process.stderr.write(`winners with the naive guard: ${winners.join(", ")}\n`);
    expect(Math.max(...winners)).toBeGreaterThan(1);
  });
});
