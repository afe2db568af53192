/** Plans are kept by a connection, people change: nobody is ever shown rows by a plan made for somebody else. */
import { beforeAll, expect, test } from "@jest/globals";
import type pg from "pg";
import { testDatabase } from "../helpers/database.ts";
import {
  asOwner,
  completeListing,
  NOON,
  paidBooking,
  publishedListing,
  refusal,
  somebody,
  stopClock,
} from "../helpers/factories.ts";

const database = testDatabase();

interface Person {
  readonly role: "visitor" | "operator";
  readonly userId: string;
  /** How many rows of each statement they may see. */
  readonly sees: readonly number[];
}

const people: Person[] = [];
const ids: string[] = [];

/** A draft, its exact address, a booking and the money of it, of one host and one guest. */
const STATEMENTS = [
  "select id from app_public.listings where id = $1",
  "select street from app_public.listing_addresses where listing_id = $1",
  "select id from app_public.bookings where id = $1",
  "select id from app_public.payments where booking_id = $1",
  "select user_id from app_public.user_contacts where user_id = $1",
] as const;

beforeAll(async () => {
  await stopClock(database, NOON);
  const [host, guest, other] = [
    await somebody(database, "Hanna"),
    await somebody(database, "Gero"),
    await somebody(database, "Otto"),
  ];
  const draft = await completeListing(database, host);
  const listing = await publishedListing(database, host);
  const booking = await paidBooking(database, guest, listing);
  ids.push(draft, listing, booking, booking, guest);
  people.push(
    { role: "visitor", userId: host, sees: [1, 1, 1, 0, 0] },
    { role: "visitor", userId: guest, sees: [0, 1, 1, 1, 1] },
    { role: "visitor", userId: other, sees: [0, 0, 0, 0, 0] },
    { role: "visitor", userId: "", sees: [0, 0, 0, 0, 0] },
    { role: "operator", userId: other, sees: [1, 1, 1, 1, 1] },
  );
});

/** What a person sees through the statements that the connection has prepared. */
async function look(client: pg.PoolClient, person: Person): Promise<number[]> {
  await client.query(
    "select set_config('role', $1, true), set_config('staybase.user_id', $2, true)",
    [database.config.database[person.role], person.userId],
  );
  const seen: number[] = [];
  for (const [index, statement] of STATEMENTS.entries()) {
    const name = `prepared ${index}`;
    const { rowCount } = await client.query({ name, text: statement, values: [ids[index]] });
    seen.push(rowCount ?? 0);
  }
  return seen;
}

/** Long enough for plans that no longer look at the values: those come after the fifth time. */
const ROUNDS = 12;

test("each sees their own on one connection, in turns, within and across transactions", async () => {
  const client = await database.pool.connect();
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      await client.query("begin");
      for (const person of people) expect(await look(client, person)).toEqual(person.sees);
      await client.query("commit");
      for (const person of [...people].reverse()) {
        await client.query("begin");
        expect(await look(client, person)).toEqual(person.sees);
        await client.query(round % 2 === 0 ? "commit" : "rollback");
      }
    }
  } finally {
    client.release();
  }
  for (const [index, statement] of STATEMENTS.entries()) {
    expect(await asOwner(database, statement, [ids[index]])).toHaveLength(1);
  }
});

test("also after an error, when role and claims are the connection's own again", async () => {
  const client = await database.pool.connect();
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const person of people) {
        await client.query("begin");
        expect(await look(client, person)).toEqual(person.sees);
        expect(await refusal(client.query("select 1 / 0"))).toBe("22012");
        await client.query("rollback");
        const [statement] = STATEMENTS;
        expect(await refusal(client.query(statement, [ids[0]]))).toBe("42501");
      }
    }
  } finally {
    client.release();
  }
});
