/**
 * A crowd at two listings, everybody doing something else at once: no deadlock, no error of ours, and in the end
 * nights and money are right. What fifty clients on several servers see is the story of tests/story.
 */
import { beforeAll, expect, test } from "@jest/globals";
import pg from "pg";
import { toApiError } from "../../../src/databaseErrors.ts";
import { testDatabase } from "../../helpers/database.ts";
import {
  asOwner,
  asServer,
  asVisitor,
  begunPayment,
  book,
  follow,
  ownerTransaction,
  publishedListing,
  quoted,
  somebody,
} from "../../helpers/factories.ts";

const database = testDatabase();
let host: string;
const guests: string[] = [];
const listings: string[] = [];

beforeAll(async () => {
  host = await somebody(database, "Hanna");
  for (const name of ["Gero", "Greta", "Gus"]) guests.push(await somebody(database, name));
  for (const units of [1, 2]) {
    listings.push(await publishedListing(database, host, { units, preparationDays: 1 }));
  }
});

/** Numbers that look random and are the same in every run. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

const pick = <T>(from: readonly T[], roll: (sides: number) => number): T => {
  const found = from[roll(from.length)];
  if (found === undefined) throw new Error("There is nothing to pick from.");
  return found;
};

/** A date some days from now; stays of tests lie far enough ahead that no zone matters. */
const day = (offset: number): string =>
  new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);

type Roll = (sides: number) => number;

async function hold(roll: Roll): Promise<{ guest: string; booking: string }> {
  const guest = pick(guests, roll);
  const from = 5 + roll(90);
  const stay = [day(from), day(from + 1 + roll(4))] as const;
  const quote = await quoted(database, guest, pick(listings, roll), stay);
  return { guest, booking: await book(database, guest, quote) };
}

/** Ends the time of all holds of a listing, as waiting for 15 minutes would. */
const lateness = (listing: string) =>
  ownerTransaction(database, async (client) => {
    await client.query(
      `select from app_hidden.listing_availability where listing_id = $1
       order by unit_number for update`,
      [listing],
    );
    await client.query(
      `with late as (
         update app_public.bookings set hold_expires_at = now() - interval '1 second'
         where listing_id = $1 and status = 'pending_payment' returning id
       )
       update app_public.calendar_claims set expires_at = now() - interval '1 second'
       where booking_id in (select id from late) and expires_at is not null`,
      [listing],
    );
  });

const DEEDS: readonly ((roll: Roll) => Promise<unknown>)[] = [
  hold,
  async (roll) => {
    const { guest, booking } = await hold(roll);
    await asVisitor(database, guest, "select app_public.cancel_hold($1)", [booking]);
  },
  async (roll) => {
    const { guest, booking } = await hold(roll);
    const payment = await begunPayment(database, guest, booking);
    if (roll(2) === 0) await follow(database, payment, "processing");
    if (roll(3) === 0) await lateness(pick(listings, roll));
    await Promise.all([
      follow(database, payment, "succeeded"),
      follow(database, payment, pick(["succeeded", "requires_action", "processing"], roll)),
      asServer(database, "select app_private.expire_holds()"),
    ]);
  },
  (roll) => lateness(pick(listings, roll)),
  () => asServer(database, "select app_private.expire_holds()"),
  async (roll) => {
    const from = 5 + roll(90);
    const blocked = await asVisitor(
      database,
      host,
      "select id from app_public.block_nights($1, $2, $3)",
      [pick(listings, roll), day(from), day(from + 1)],
    );
    for (const { id } of blocked) {
      await asVisitor(database, host, "select app_public.unblock_nights($1)", [id]);
    }
  },
  (roll) =>
    asVisitor(database, host, "select app_public.set_listing_rates($1, 'EUR', $2)", [
      pick(listings, roll),
      10_000 + roll(100),
    ]),
  (roll) =>
    asVisitor(
      database,
      host,
      "update app_public.listings set min_nights = 1, check_in_from = '15:00' where id = $1",
      [pick(listings, roll)],
    ),
  (roll) =>
    asVisitor(database, host, "select app_public.set_listing_amenities($1, $2)", [
      pick(listings, roll),
      [pick(["wifi", "pool", "kitchen"], roll)],
    ]),
];

/** Does one thing after the other; returns the codes of what went wrong inside. */
async function live(seed: number, deeds: number): Promise<string[]> {
  const roll = dice(seed);
  const faults: string[] = [];
  for (let number = 0; number < deeds; number += 1) {
    try {
      await pick(DEEDS, roll)(roll);
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      if (toApiError(error).status >= 500) faults.push(`${error.code} ${error.message}`);
    }
  }
  return faults;
}

test("a crowd neither deadlocks nor leaves a night or a cent in doubt", async () => {
  const lives = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => live(seed, 60));
  expect((await Promise.all(lives)).flat()).toEqual([]);

  for (const check of ["calendar_drift", "ledger_drift", "pricing_drift", "search_drift"]) {
    expect(await asServer(database, `select * from app_private.${check}()`)).toEqual([]);
  }
  const charged = await asOwner(
    database,
    `select b.status::text as status, count(*)::integer as bookings
     from app_public.payments p join app_public.bookings b on b.id = p.booking_id
     where p.captured_amount > 0 and b.status <> 'confirmed'
       and not exists (select from app_public.refunds r where r.payment_id = p.id)
     group by b.status`,
  );
  expect(charged).toEqual([]);
  const sold = await asOwner(
    database,
    "select count(*)::integer as sold from app_public.bookings where status = 'confirmed'",
  );
  expect(sold[0]?.sold).toBeGreaterThan(3);
});
